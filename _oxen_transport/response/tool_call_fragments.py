"""One delta's `tool_calls`, whatever the server wrote there -> clean fragments. Nothing here raises."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

Index = int | str


class Fragment(NamedTuple):
    """One entry: what is missing or junk is None (or ""), and not all four are missing."""

    wire_index: Index | None
    wire_id: str | None
    name: str | None
    text: str


def fragments(raw: Any) -> Iterator[Fragment]:
    """Read a list of entries, or a single one that came bare; an entry that says nothing is left out."""
    for entry in raw if isinstance(raw, (list, tuple)) else [raw]:
        if not isinstance(entry, dict):
            continue
        function = entry.get("function")
        source = function if isinstance(function, dict) else entry  # some leave the inner layer out
        name, text = _label(source.get("name")), _json_text(source.get("arguments"))
        fragment = Fragment(_index(entry.get("index")), _label(entry.get("id")), name, text)
        if any(fragment[1:]):
            yield fragment


def _index(value: Any) -> Index | None:
    """0, "0" and 0.0 are one index; any other text is a key like any other; the rest is none."""
    if isinstance(value, str):
        value = value.strip()
        return int(value) if value.isdecimal() and len(value) < 10 else (value or None)
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _label(value: Any) -> str | None:
    """An id or a name: text that is not blank; a number is taken as its digits."""
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 10**18:
        return str(value)
    return value if isinstance(value, str) and value.strip() else None


def _json_text(value: Any) -> str:
    """Arguments as JSON text (some write them as an object); text stays exactly as the server wrote it."""
    if isinstance(value, str) or value is None:
        return value or ""
    try:
        return json.dumps(value, ensure_ascii=False)
    except (TypeError, ValueError, RecursionError):
        return "?"  # not "", which is a call without arguments and fit to be executed
