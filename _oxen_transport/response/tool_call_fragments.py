"""The `tool_calls` of one delta, whatever the server wrote there -> clean fragments. Nothing here raises."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

from _oxen_transport.unicode import valid_text, valid_tree

if TYPE_CHECKING:
    from collections.abc import Iterator

Index = int | str


class Fragment(NamedTuple):
    """One entry. A missing or invalid field is None (or ""); at least one field beside the index is present.

    `extra_content`: a signature that a server wants back, such as Gemini's `{"google": {"thought_signature": ...}}`.
    """

    server_index: Index | None
    server_id: str | None
    name: str | None
    text: str
    extra_content: dict[str, Any] | None = None


def fragments(raw: Any) -> Iterator[Fragment]:
    """Read a list of entries, or a single one that came bare; an empty entry is left out."""
    for entry in raw if isinstance(raw, (list, tuple)) else [raw]:
        if not isinstance(entry, dict):
            continue
        function = entry.get("function")
        source = function if isinstance(function, dict) else entry  # some leave the inner layer out
        name, text, call_id = _label(source.get("name")), _json_text(source.get("arguments")), _label(entry.get("id"))
        extra = entry.get("extra_content")
        extra = valid_tree(extra) if extra and isinstance(extra, dict) else None
        if text or name or call_id or extra:
            yield Fragment(read_index(entry.get("index")), call_id, name, text, extra)


def read_index(value: Any) -> Index | None:
    """0, "0" and 0.0 are one index; any other text is a key like any other; None for the rest."""
    if type(value) is int:  # nearly all of them
        return value
    if isinstance(value, str):
        value = value.strip()
        return int(value) if value.isdecimal() and len(value) < 10 else (value or None)
    return int(value) if isinstance(value, float) and value.is_integer() else None


def _label(value: Any) -> str | None:
    """An id or a name: text that is not blank; a number is taken as its digits."""
    if value is None:
        return None
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 10**18:
        return str(value)
    return valid_text(value) if isinstance(value, str) and value.strip() else None


def _json_text(value: Any) -> str:
    """Arguments as JSON text (some write them as an object); text stays exactly as the server wrote it."""
    if isinstance(value, str) or value is None:
        return value or ""
    try:
        return json.dumps(value, ensure_ascii=False)
    except (TypeError, ValueError, RecursionError):
        return "?"  # not "", which is a call without arguments and fit to be executed
