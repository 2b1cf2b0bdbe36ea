"""Tool names that the wire cannot hold: sent in a form that it can, and given back as they were.

Frameworks name tools freely (`github.search`, `Box[int]`) and look a called tool up by that name;
servers take letters, digits, `_` and `-`
(https://github.com/mistralai/mistral-common/blob/main/src/mistral_common/protocol/instruct/validator.py).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any

from _oxen_transport.errors import OxenConfigError
from _oxen_transport.types import Message

ToolNameMap = Mapping[str, str]
"""Name on the wire -> the tool's own, for those that differ."""
NO_TOOL_NAMES: ToolNameMap = MappingProxyType({})

_NOT_ON_THE_WIRE = re.compile(r"[^A-Za-z0-9_-]")


def wire_name(name: str) -> str:
    """The name as the wire holds it."""
    return _NOT_ON_THE_WIRE.sub("_", name)


def tool_name_map(tools: Iterable[Any]) -> dict[str, str]:
    """Name on the wire -> the tool's own, for those that differ; {} for most conversations.

    Raises:
        OxenConfigError: Two tools would have one name on the wire.
    """
    own: dict[str, str] = {}
    for tool in tools:
        name = _name(tool)
        if name is not None and own.setdefault(wire_name(name), name) != name:
            raise OxenConfigError(f"the tools {own[wire_name(name)]!r} and {name!r} have the same name on the wire")
    return {wired: name for wired, name in own.items() if wired != name}


def on_the_wire(item: Any, own: ToolNameMap) -> Any:
    """A tool, a call or a `tool_choice` with the name the wire knows, as a new object if it has to change."""
    name = _name(item)
    if name is None or own.get(wire_name(name)) != name:
        return item
    return {**item, "function": {**item["function"], "name": wire_name(name)}}


def in_messages(messages: list[Message], own: ToolNameMap) -> list[Message]:
    """A conversation whose calls and results have the names the wire knows."""
    return [_in_message(message, own) for message in messages] if own else messages


def _in_message(message: Message, own: ToolNameMap) -> Message:
    changed: Any = dict(message)
    if changed.get("tool_calls"):
        changed["tool_calls"] = [on_the_wire(call, own) for call in changed["tool_calls"]]
    if changed.get("role") == "tool" and changed.get("name"):
        changed["name"] = wire_name(changed["name"])
    return changed  # type: ignore[no-any-return]


def _name(item: Any) -> str | None:
    function = item.get("function") if isinstance(item, dict) else None
    name = function.get("name") if isinstance(function, dict) else None
    return name if isinstance(name, str) and name else None
