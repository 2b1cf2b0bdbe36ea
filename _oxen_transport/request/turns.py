"""Turns: messages that `repair` may change. Nothing of the caller's is kept in them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, cast

from _oxen_transport.families import Family
from _oxen_transport.request.content import BETWEEN_PARTS, Part, fold, text_part
from _oxen_transport.types import Message, Role, WireToolCall

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
    return cast("Message", {**message, **turn.extra})


def _wire_call(call: Call) -> WireToolCall:
    function = {"name": call.name, "arguments": call.arguments}
    return cast("WireToolCall", {"id": call.id, "type": "function", "function": function, **call.extra})
