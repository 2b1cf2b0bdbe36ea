"""Wire messages -> turns that `history` may change -> wire messages. Nothing of the caller's is kept.

What concerns one message alone happens here: its role, its content, its keys, its calls' text.
What concerns the order of messages is in `history`.
"""

from __future__ import annotations

import copy
import json
import re
from dataclasses import dataclass, field
from typing import Any, cast

from _oxen_transport.families import Family
from _oxen_transport.request.content import BETWEEN_PARTS, Part, fold, text_part
from _oxen_transport.request.rules import Report
from _oxen_transport.tools.arguments import arguments_text, parse_arguments
from _oxen_transport.tools.names import wire_name
from _oxen_transport.types import Message, Role, WireToolCall

Content = str | list[Part]

ROLES: dict[str, Role] = {
    "system": "system",
    "user": "user",
    "assistant": "assistant",
    "tool": "tool",
    # words of OpenAI, LangChain and LlamaIndex that the API's four roles cover
    "developer": "system",
    "function": "tool",
    "human": "user",
    "ai": "assistant",
    "chatbot": "assistant",
    "model": "assistant",
}
_KNOWN = ("role", "content", "name", "tool_calls", "tool_call_id", "prefix", "function_call")


@dataclass(eq=False)
class Call:
    """One tool call. `id` is the one that will be sent; `foreign_id` the one it came with."""

    foreign_id: str
    name: str
    arguments: str
    extra: dict[str, Any] = field(default_factory=dict)
    id: str = ""


@dataclass(eq=False)
class Turn:
    """One message. `at` is the index of the message it came from, for errors."""

    at: int
    role: Role
    content: Content = ""
    calls: list[Call] = field(default_factory=list)
    foreign_id: str = ""
    """The call this result says it answers."""
    answers: Call | None = None
    """The call this result was found to answer."""
    name: str | None = None
    prefix: bool = False
    extra: dict[str, Any] = field(default_factory=dict)

    @property
    def is_empty(self) -> bool:
        """Whether it says nothing: spaces alone say nothing."""
        return not self.calls and (not self.content.strip() if isinstance(self.content, str) else not self.content)


def join(first: Content, second: Content, between: str = BETWEEN_PARTS) -> Content:
    """Two contents as one. Texts are joined as Mistral's own normalizer joins messages."""
    if isinstance(first, str) and isinstance(second, str):
        return between.join(text for text in (first, second) if text)
    parts = [*_as_parts(first), *_as_parts(second)]
    return fold(parts, between)


def _as_parts(content: Content) -> list[Part]:
    return [text_part(content)] if isinstance(content, str) else content


# -- in ------------------------------------------------------------------------------------


def read(message: Message, at: int, family: Family, report: Report) -> Turn:
    """One wire message as a turn, mended as far as it can be alone. Raises: OxenConfigError."""
    raw = cast("dict[str, Any]", message)
    said = raw.get("role")
    if not isinstance(said, str) or said not in ROLES:
        report.refuse("role", at, f"role {said!r}")
    role = ROLES[said]
    if said != role:
        report.note("role", at)
    turn = Turn(at, role, name=raw.get("name") or None, foreign_id=str(raw.get("tool_call_id") or ""))
    turn.extra = {key: copy.deepcopy(value) for key, value in raw.items() if key not in _KNOWN}
    turn.content = _content(raw, turn, family, report)
    turn.calls = _calls(raw, turn, family, report)
    turn.prefix = bool(raw.get("prefix")) and role == "assistant"
    if raw.get("prefix") and not (turn.prefix and family.prefix_key):
        report.note("prefix", at)
    if family.strict_keys:
        _known_keys_only(turn, family, report)
    return turn


def _content(raw: dict[str, Any], turn: Turn, family: Family, report: Report) -> Content:
    content = raw.get("content")
    if content is None:
        refusal = turn.extra.pop("refusal", None)  # OpenAI's: what the model said, in another place
        if isinstance(refusal, str) and refusal:
            report.note("message-keys", turn.at)
            return refusal
        if not raw.get("tool_calls") and not raw.get("function_call"):
            report.note("content-missing", turn.at)
        return ""
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        report.refuse("content-parts", turn.at, f"content of type {type(content).__name__}")
    parts = [_part(part, index, turn, family, report) for index, part in enumerate(content)]
    # pieces of one answer belong together as they are; what people and tools hand in are paragraphs
    return fold(parts, "" if turn.role == "assistant" else BETWEEN_PARTS)


def _part(part: Any, index: int, turn: Turn, family: Family, report: Report) -> Part:
    """One part with known keys only; the rest of a conversation does not depend on the others."""
    if isinstance(part, str):
        return text_part(part)
    kind = part.get("type", "text" if "text" in part else None) if isinstance(part, dict) else type(part).__name__
    text = part.get("text", part.get("refusal")) if isinstance(part, dict) else None
    if isinstance(text, str) and kind in _TEXT_KINDS:
        if set(part) - {"type", "text"}:  # LangChain adds an `id` of its own to each block
            report.note("content-parts", turn.at)
        return text_part(text)
    where = f"content part {index} of type {kind!r}"
    if family.text_only:
        report.refuse("media", turn.at, where)
    if not isinstance(part, dict) or not isinstance(kind, str):
        report.refuse("content-parts", turn.at, where)
    if not family.strict_keys:
        return copy.deepcopy(part)
    if turn.role != "user" or kind not in part:
        report.refuse("media", turn.at, f"{where} in a message of role {turn.role!r}")
    if set(part) - {"type", kind}:
        report.note("content-parts", turn.at)
    return {"type": kind, kind: copy.deepcopy(part[kind])}


_TEXT_KINDS = ("text", "refusal", "input_text", "output_text")  # the last two are OpenAI's newer words


def _calls(raw: dict[str, Any], turn: Turn, family: Family, report: Report) -> list[Call]:
    given = list(raw.get("tool_calls") or ())
    old = raw.get("function_call")
    if old is not None:
        report.note("function-call", turn.at)
        if not given and isinstance(old, dict):
            given = [{"function": old}]
    calls = [call for item in given if (call := _call(item, turn, family, report)) is not None]
    if calls and turn.role != "assistant":
        report.refuse("role", turn.at, f"tool calls in a message of role {turn.role!r}")
    return calls


def _call(item: Any, turn: Turn, family: Family, report: Report) -> Call | None:
    """One call; None if it has no name: then its text goes into the message's own."""
    item = item if isinstance(item, dict) else {}
    function = item.get("function") or {}
    name = str(function.get("name") or "")
    arguments = function.get("arguments")
    text = arguments_text(arguments)
    if not name:
        report.note("call-name", turn.at)
        turn.content = join(turn.content, f"(A call of a tool without a name: {text})")
        return None
    if family.function_name and not re.fullmatch(family.function_name, name):
        if not re.fullmatch(family.function_name, wire_name(name)):
            report.refuse("function-name", turn.at, f"the function name {name!r}")
        report.note("function-name", turn.at)
        name = wire_name(name)
    if not _is_object(text):
        report.note("tool-arguments", turn.at)
        text = _as_object(text)
    extra = {} if family.strict_keys else {k: copy.deepcopy(v) for k, v in item.items() if k not in _CALL_KEYS}
    return Call(str(item.get("id") or ""), name, text, extra)


def _is_object(text: str) -> bool:
    """Whether a strict parser reads an object; `NaN` and raw control characters are no JSON."""
    try:
        return isinstance(json.loads(text, parse_constant=_no_number), dict)
    except (ValueError, RecursionError):
        return False


def _as_object(text: str) -> str:
    parsed = parse_arguments(text)  # kinder than servers are: a raw line break in a string is forgiven
    if parsed is not None:
        try:
            return json.dumps(parsed, ensure_ascii=False, allow_nan=False)
        except ValueError:
            pass
    return json.dumps({"arguments": text}, ensure_ascii=False)


def _no_number(word: str) -> float:
    raise ValueError(word)


_CALL_KEYS = ("id", "type", "function")


def _known_keys_only(turn: Turn, family: Family, report: Report) -> None:
    if turn.extra:  # such as `reasoning_content`: thoughts are no part of what was said
        report.note("message-keys", turn.at)
        turn.extra = {}


# -- out -----------------------------------------------------------------------------------


def write(turn: Turn, family: Family) -> Message:
    """One turn as a wire message, its documented keys first."""
    message: dict[str, Any] = {"role": turn.role, "content": turn.content}
    if turn.calls:
        # the docs' own example has null beside calls; Mistral's schema has text, which may be ""
        message["content"] = turn.content or ("" if family.strict_keys else None)
        message["tool_calls"] = [_wire_call(call) for call in turn.calls]
    if turn.answers is not None:
        message["tool_call_id"] = turn.answers.id
    if turn.name:
        message["name"] = turn.name
    if turn.prefix and family.prefix_key:
        message[family.prefix_key] = True
    return cast("Message", {**message, **turn.extra})


def _wire_call(call: Call) -> WireToolCall:
    function = {"name": call.name, "arguments": call.arguments}
    return cast("WireToolCall", {"id": call.id, "type": "function", "function": function, **call.extra})
