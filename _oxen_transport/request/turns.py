"""Turns: messages that `repair` may change, each repaired as far as it can be alone; none is the caller's."""

from __future__ import annotations

import copy
import json
from dataclasses import dataclass, field
from typing import Any, cast

from _oxen_transport.families import Family
from _oxen_transport.request.content import BETWEEN_PARTS, RETURNED_KEYS, Part, fold, text_part
from _oxen_transport.request.rules import Report
from _oxen_transport.tools.arguments import arguments_text, parse_arguments
from _oxen_transport.tools.names import wire_name
from _oxen_transport.types import ROLES, Message, Role, WireToolCall
from _oxen_transport.unicode import valid_tree

Content = str | list[Part]


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
    content_is_null: bool = False
    """Beside calls: whether the content is null, not empty text."""
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


# -- out -----------------------------------------------------------------------------------


def write(turn: Turn, family: Family) -> Message:
    """One turn as a message of the request, its documented keys first."""
    message: dict[str, Any] = {"role": turn.role, "content": turn.content}
    if turn.calls:
        # null as in https://docs.oxen.ai/inference-api/reference/chat_completions, or the caller's own ""
        message["content"] = None if turn.content_is_null and not turn.content else turn.content
        message["tool_calls"] = [_wire_call(call) for call in turn.calls]
    if turn.answers is not None:
        message["tool_call_id"] = turn.answers.id
    if turn.name:
        message["name"] = turn.name
    if turn.prefix and family.prefix_key:
        message[family.prefix_key] = True
    message.update(turn.extra)
    return cast("Message", message)


def _wire_call(call: Call) -> WireToolCall:
    function = {"name": call.name, "arguments": call.arguments}
    return cast("WireToolCall", {"id": call.id, "type": "function", "function": function, **call.extra})


# -- one message -> one turn ---------------------------------------------------------------

_KNOWN = frozenset({"role", "content", "name", "tool_calls", "tool_call_id", "prefix", "function_call"})
REASONING_KEYS = ("reasoning_content", *RETURNED_KEYS)
"""What a model thought before it called tools. Families that do not take it back never see it."""
_REASONING_KEYS = frozenset(REASONING_KEYS)


def without_reasoning(messages: list[Message]) -> list[Message]:
    """A conversation for a family that does not accept thoughts and signatures. They are not part of it: no repair."""
    if all(_REASONING_KEYS.isdisjoint(message) and not _has_signature(message) for message in messages):
        return messages
    plain = [{key: value for key, value in message.items() if key not in REASONING_KEYS} for message in messages]
    for message in plain:
        if message.get("tool_calls"):
            calls: Any = message["tool_calls"]
            message["tool_calls"] = [{k: v for k, v in call.items() if k != "extra_content"} for call in calls]
    return cast("list[Message]", plain)


def _has_signature(message: Message) -> bool:
    calls = message.get("tool_calls")
    return any("extra_content" in call for call in calls) if calls else False


def read(message: Message, at: int, family: Family, report: Report) -> Turn:
    """One message of a request as a turn, repaired as far as it can be alone. Raises: OxenConfigError."""
    raw = cast("dict[str, Any]", message)
    role = _role(raw.get("role"), at, report)
    turn = Turn(at, role, name=raw.get("name") or None, foreign_id=str(raw.get("tool_call_id") or ""))
    if not _KNOWN.issuperset(raw):
        turn.extra = {key: copy.deepcopy(value) for key, value in raw.items() if key not in _KNOWN}
    content = raw.get("content")
    turn.content = content if isinstance(content, str) else _content(content, turn, raw, family, report)
    turn.calls = _calls(raw, turn, family, report)
    if raw.get("prefix"):
        turn.prefix = role == "assistant"
        if not (turn.prefix and family.prefix_key):
            report.note("prefix", at)
    if family.strict_keys and turn.extra:
        report.note("message-keys", at)
        turn.extra = {}
    return turn


def _role(given: Any, at: int, report: Report) -> Role:
    if not isinstance(given, str) or given not in ROLES:
        report.refuse("role", at, f"role {given!r}")
    if given != ROLES[given]:
        report.note("role", at)
    return ROLES[given]


def _content(content: Any, turn: Turn, raw: dict[str, Any], family: Family, report: Report) -> Content:
    if content is None:
        return _missing_content(raw, turn, report)
    if not isinstance(content, list):
        report.refuse("content-parts", turn.at, f"content of type {type(content).__name__}")
    parts = [_part(part, index, turn, family, report) for index, part in enumerate(content)]
    # pieces of one answer belong together as they are; what people and tools hand in are paragraphs
    folded = fold(parts, "" if turn.role == "assistant" else BETWEEN_PARTS)
    if folded != content:  # LangChain adds an `id` of its own to each block
        report.note("content-parts", turn.at)
    return folded


def _missing_content(raw: dict[str, Any], turn: Turn, report: Report) -> str:
    refusal = turn.extra.pop("refusal", None)  # OpenAI's: the model's text, in another place
    if isinstance(refusal, str) and refusal:
        report.note("message-keys", turn.at)
        return refusal
    if not raw.get("tool_calls") and not raw.get("function_call"):
        report.note("content-missing", turn.at)
    else:
        turn.content_is_null = True
    return ""


def _part(part: Any, index: int, turn: Turn, family: Family, report: Report) -> Part:
    """One part with known keys only; the rest of a conversation does not depend on the others."""
    if isinstance(part, str):
        return text_part(part)
    where = f"content part {index} of type {_kind(part)!r}"
    if not isinstance(part, dict):
        report.refuse("content-parts", turn.at, where)
    kind, text = _kind(part), part.get("text", part.get("refusal"))
    if isinstance(text, str) and kind in _TEXT_KINDS:
        return text_part(text)
    if not isinstance(kind, str):
        report.refuse("content-parts", turn.at, where)
    if not _reads(kind, turn.role, family):
        return _left_out(kind, where, turn, family, report)
    if not family.strict_keys:
        return copy.deepcopy(part)
    if kind not in part:
        report.refuse("media", turn.at, where)
    return {"type": kind, kind: copy.deepcopy(part[kind])}


def _kind(part: Any) -> Any:
    return part.get("type", "text" if "text" in part else None) if isinstance(part, dict) else type(part).__name__


def _reads(kind: str, role: Role, family: Family) -> bool:
    if family.media is None:
        return True
    return kind in family.media and (role == "user" or not family.strict_keys)


def _left_out(kind: str, where: str, turn: Turn, family: Family, report: Report) -> Part:
    """What stands for media that a tool or another model made. A person's are missed: an error."""
    if turn.role not in ("assistant", "tool"):
        report.refuse("media", turn.at, f"{where} in a message of role {turn.role!r}")
    report.note("media", turn.at)
    why = "the model reads text only" if family.text_only else "the model does not read it here"
    return text_part(f"[{kind.removesuffix('_url')} left out: {why}]")


_TEXT_KINDS = ("text", "refusal", "input_text", "output_text")  # the last two are OpenAI's newer names


# -- tool calls ----------------------------------------------------------------------------


def _calls(raw: dict[str, Any], turn: Turn, family: Family, report: Report) -> list[Call]:
    given = list(raw.get("tool_calls") or ())
    old = raw.get("function_call")
    if not given and old is None:
        return []
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
    text = _arguments(function.get("arguments"), turn, report)
    if not name:
        report.note("call-name", turn.at)
        turn.content = join(turn.content, f"(A call of a tool without a name: {text})")
        return None
    if name != wire_name(name):
        report.note("function-name", turn.at)
        name = wire_name(name)
    extra = {key: copy.deepcopy(value) for key, value in item.items() if key not in _CALL_KEYS}
    if extra and family.strict_keys:
        report.note("message-keys", turn.at)
        extra = {}
    return Call(str(item.get("id") or ""), name, text, extra)


def _arguments(given: Any, turn: Turn, report: Report) -> str:
    """The JSON text of an object, as the model wrote it where it did."""
    text = arguments_text(given)
    if not _is_object(text):
        text = _as_object(text)
    if text != given:
        report.note("tool-arguments", turn.at)
    return text


def _is_object(text: str) -> bool:
    """Whether a strict parser reads an object; `NaN`, raw control characters and lone surrogates are not JSON."""
    try:
        value = json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        return False
    return isinstance(value, dict) and ("\\u" not in text or valid_tree(value) == value)


def _as_object(text: str) -> str:
    parsed = parse_arguments(text)  # more lenient than servers are: a raw line break in a string is allowed
    return json.dumps(
        {"arguments": text} if parsed is None else valid_tree(parsed), ensure_ascii=False, allow_nan=False
    )


def _refuse_constant(constant: str) -> float:
    raise ValueError(constant)


_CALL_KEYS = ("id", "type", "function")
