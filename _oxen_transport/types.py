"""Requests (strict) and responses (lenient: every field is optional) as plain values."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, Protocol, TypedDict

Role = Literal["system", "user", "assistant", "tool"]
Style = Literal["requests", "openai", "langchain", "llama_index"]  # the library that a request is shown with, as Python
StructuredOutputMethod = Literal["function_calling", "json_schema", "json_mode", "auto"]  # how an object is asked for
Show = Literal["sent", "minimal", "basic", "all"]
"""How much of a request is shown: exactly what is sent, or one of the three of a model's page."""

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
"""Every name of a role -> the role that the API knows."""


class FunctionCall(TypedDict):
    """`arguments` is JSON text, not an object."""

    name: str
    arguments: str


class WireToolCall(TypedDict):
    """One call inside an assistant message."""

    id: str
    type: Literal["function"]
    function: FunctionCall


class Message(TypedDict, total=False):
    """One message of the request. Only the keys that are set are sent."""

    role: Role
    content: str | list[dict[str, Any]] | None
    name: str
    tool_calls: list[WireToolCall]
    tool_call_id: str
    prefix: bool
    reasoning_content: str
    reasoning_details: list[Any]
    thinking_blocks: list[Any]
    extra_content: dict[str, Any]


class ToolCall(NamedTuple):
    """A whole tool call; its arguments are raw JSON text. `extra_content`: the server's signature, to be sent back."""

    id: str
    name: str
    arguments: str
    extra_content: dict[str, Any] | None = None


@dataclass
class ToolCallDelta:
    """A piece of a tool call; `index` is the call's place in the answer, `arguments` the text that this piece adds.

    `id` comes once, on the first piece that knows it. So does `name`, unless the server writes it in pieces.
    """

    index: int
    id: str | None
    name: str | None
    arguments: str


@dataclass(frozen=True)
class Usage:
    """Token counts of one answer, as the server gave them. `cost` is in US dollars."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    cached_tokens: int | None = None
    reasoning_tokens: int | None = None
    cost: float | None = None
    raw: dict[str, Any] = field(default_factory=dict, compare=False)


@dataclass(frozen=True)
class Completion:
    """A whole answer, or (inside an error) the part of one that had arrived.

    `extras` are further fields of the message, such as `reasoning_details` and `citations` (all: `KEPT` in
    `response/completion.py`). `raw` is the server's JSON body; for a stream one made of the chunks, in that shape.
    """

    text: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    finish_reason: str | None = None
    usage: Usage | None = None
    reasoning: str = ""
    refusal: str | None = None
    id: str | None = None
    model: str | None = None
    created: int | None = None
    system_fingerprint: str | None = None
    service_tier: str | None = None
    logprobs: dict[str, Any] | None = None
    request_id: str | None = None
    extras: dict[str, Any] = field(default_factory=dict)
    raw: dict[str, Any] = field(default_factory=dict, repr=False)


@dataclass
class Chunk:
    """What a piece of a stream adds. The last one alone carries `completion`: the whole answer with its usage."""

    text: str = ""
    tool_calls: tuple[ToolCallDelta, ...] = ()
    reasoning: str = ""
    refusal: str = ""
    logprobs: dict[str, Any] | None = None
    completion: Completion | None = None


class Snippets(Protocol):
    """A request that can be shown as text that runs, without secrets; `request/snippets.py` has it."""

    def to_curl(self) -> str:
        """As cURL."""

    def to_python(self, style: Style = "requests") -> str:
        """As Python code."""
