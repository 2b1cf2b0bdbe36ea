"""Names of tools that a request cannot hold: sent in a form that it can, and given back as they were.

Servers accept 1 to 64 letters, digits, `_` and `-` (https://platform.openai.com/docs/api-reference/chat/create);
frameworks name tools freely (`github.search`, `Box[int]`), and look a called tool up by that name.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any

from _oxen_transport.errors import OxenConfigError
from _oxen_transport.types import Message

ToolNameMap = Mapping[str, str]  # name in the request -> the tool's own, for those that differ
NO_TOOL_NAMES: ToolNameMap = MappingProxyType({})

LONGEST = 64
_VALID = re.compile(rf"[A-Za-z0-9_-]{{1,{LONGEST}}}")
_INVALID_CHARACTER = re.compile(r"[^A-Za-z0-9_-]")
_HASH = 8


def wire_name(name: str) -> str:
    """The name as a request holds it, the same in every process: ASCII punctuation becomes `_`.

    One that is too long, or has other letters, also gets a hash of the whole name: its like would look the same.
    """
    if _VALID.fullmatch(name):
        return name
    if name.isascii() and 0 < len(name) <= LONGEST:
        return _INVALID_CHARACTER.sub("_", name)
    return _hashed(name)


def tool_name_map(tools: Iterable[Any]) -> dict[str, str]:
    """Name in the request -> the tool's own, where they differ. Raises: OxenConfigError, for two tools of one name."""
    names = [name for tool in tools if (name := name_of(tool)) is not None]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise OxenConfigError(f"two tools have the same name {twice!r}; the tools are {names}")
    alike = Counter(wire_name(name) for name in names)  # independent of the order of the tools
    invalid = [name for name in names if not _VALID.fullmatch(name)]
    return {wire_name(name) if alike[wire_name(name)] == 1 else _hashed(name): name for name in invalid}


def on_the_wire(item: Any, changed: ToolNameMap) -> Any:
    """A tool, a call or a `tool_choice` with the name of the request, as a new object if it has to change."""
    return _renamed(item, _by_own_name(changed))


def in_messages(messages: list[Message], changed: ToolNameMap) -> list[Message]:
    """A conversation whose calls and results have the names of the request."""
    wired = _by_own_name(changed)
    return [_in_message(message, wired) for message in messages] if wired else messages


def name_of(item: Any) -> str | None:
    """The function's name in a tool, a call or a `tool_choice` in OpenAI's form; None if there is none."""
    function = item.get("function") if isinstance(item, dict) else None
    name = function.get("name") if isinstance(function, dict) else None
    return name if isinstance(name, str) and name else None


def _by_own_name(changed: ToolNameMap) -> dict[str, str]:
    return {own: wired for wired, own in changed.items()}


def _in_message(message: Message, wired: Mapping[str, str]) -> Message:
    changed: Any = dict(message)
    if changed.get("tool_calls"):
        changed["tool_calls"] = [_renamed(call, wired) for call in changed["tool_calls"]]
    if changed.get("role") == "tool" and changed.get("name") in wired:
        changed["name"] = wired[changed["name"]]
    return changed  # type: ignore[no-any-return]


def _renamed(item: Any, wired: Mapping[str, str]) -> Any:
    name = name_of(item)
    if name is None or name not in wired:
        return item
    return {**item, "function": {**item["function"], "name": wired[name]}}


def _hashed(name: str) -> str:
    digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:_HASH]
    readable = _INVALID_CHARACTER.sub("_", name)[: LONGEST - _HASH - 1].strip("_")
    return f"{readable or 'tool'}_{digest}"
