"""LlamaIndex's messages -> a request's, and an answer -> LlamaIndex's message.

What cannot be sent is named in an error, never dropped; only what is not part of the conversation stays behind:
caching hints, and in an assistant's message the items of other makers. Nothing a caller passed in is changed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Any

from llama_index.core.base.llms.types import (
    ChatMessage,
    ChatResponse,
    CitableBlock,
    ContentBlock,
    LogProb,
    MessageRole,
    TextBlock,
    ThinkingBlock,
    ToolCallBlock,
)
from pydantic import ValidationError

from _oxen_transport.request.content import (
    each_message,
    old_calls,
    to_be_returned,
    wire_call,
    with_extras,
    with_refusal,
)
from _oxen_transport.tools.arguments import parse_arguments
from _oxen_transport.types import ROLES, Completion, Message, ToolCall, WireToolCall
from llama_index_oxen.content_parts import content_to_wire


def to_wire(messages: Sequence[ChatMessage]) -> list[Message]:
    """A conversation in the request's format. Raises: OxenConfigError, for what cannot be sent."""
    return each_message(messages, lambda message: [_message(message)])


def reads_files(messages: Sequence[ChatMessage]) -> bool:
    """Whether `to_wire` would read a file, such as an image on this machine."""
    return any(_reads_file(block) for message in messages for block in message.blocks)


def _reads_file(block: Any) -> bool:
    if isinstance(block, CitableBlock):
        return any(map(_reads_file, block.content))
    return bool(getattr(block, "path", None))


def from_wire(completion: Completion) -> ChatResponse:
    """A whole answer as LlamaIndex's response. Arguments that are no JSON object stay text."""
    calls = completion.tool_calls
    message = chat_message(
        completion.text,
        tool_calls(calls),
        [wire_call(call.id, call.name, call.arguments, {"extra_content": call.extra_content}) for call in calls],
        {**beside_text(completion.refusal), **completion.extras},
        completion.reasoning,
    )
    return ChatResponse(
        message=message,
        raw=completion.raw,
        logprobs=logprobs(completion.logprobs),
        additional_kwargs=response_metadata(completion),
    )


def tool_calls(calls: Iterable[ToolCall]) -> list[ToolCallBlock]:
    """Calls that may run have a dict of arguments; those that must not, the raw text."""
    blocks = []
    for call in calls:
        arguments = parse_arguments(call.arguments) if call.name else None
        kwargs = call.arguments if arguments is None else arguments
        blocks.append(ToolCallBlock(tool_call_id=call.id, tool_name=call.name, tool_kwargs=kwargs))
    return blocks


def beside_text(refusal: str | None) -> dict[str, Any]:
    """What an answer holds beside its text."""
    return {"refusal": refusal} if refusal else {}


def chat_message(
    text: str, calls: Sequence[ToolCallBlock], wired: list[WireToolCall], beside: dict[str, Any], reasoning: str
) -> ChatMessage:
    """One assistant message: thoughts, one block of text, calls (as blocks and as plain dicts)."""
    blocks: list[ContentBlock] = [ThinkingBlock(content=reasoning)] if reasoning else []
    if text or not calls:
        blocks.append(TextBlock(text=text))
    if wired:  # chat engines take the mere key for a function call
        beside = {**beside, "tool_calls": wired}
    return ChatMessage(role=MessageRole.ASSISTANT, blocks=[*blocks, *calls], additional_kwargs=beside)


# -- one message ---------------------------------------------------------------------------


def _message(message: ChatMessage) -> Message:
    role = ROLES[message.role.value]
    if role == "assistant":
        return _assistant(message)
    wired: Message = {"role": role, "content": _text_alone(message.blocks) or content_to_wire(message.blocks)}
    call_id, name = (message.additional_kwargs.get(key) for key in ("tool_call_id", "name"))
    if role == "tool" and call_id:
        wired["tool_call_id"] = str(call_id)
    if name:  # a speaker's, or the tool's: a result without an id goes by it
        wired["name"] = str(name)
    return wired


def _text_alone(blocks: Sequence[Any]) -> str | None:
    """The text of a message that holds nothing else, as most do."""
    return blocks[0].text if len(blocks) == 1 and type(blocks[0]) is TextBlock else None


def _assistant(message: ChatMessage) -> Message:
    beside = message.additional_kwargs
    # as core's own `ChatMessage.content` joins them
    content = with_refusal(content_to_wire(message.blocks, between="\n", lenient=True), beside.get("refusal"))
    wired: Message = {"role": "assistant", "content": content}
    if calls := wire_calls(message):
        wired["content"] = content or None
        wired["tool_calls"] = calls
        if thoughts := "".join(block.content or "" for block in message.blocks if isinstance(block, ThinkingBlock)):
            wired["reasoning_content"] = thoughts
    wired.update(to_be_returned(beside))
    if name := beside.get("name"):
        wired["name"] = str(name)
    return wired


# -- its calls -----------------------------------------------------------------------------


def wire_calls(message: ChatMessage) -> list[WireToolCall]:
    """The calls of an answer, each once: from its blocks, or from where older versions kept them."""
    blocks = [block for block in message.blocks if isinstance(block, ToolCallBlock)]
    calls = [wire_call(block.tool_call_id, block.tool_name, block.tool_kwargs) for block in blocks]
    raw = old_calls(message.additional_kwargs)
    if not calls:
        return [wire_call(call.get("id"), *_name_and_arguments(call), extra=call) for call in raw]
    return with_extras(calls, raw)


def _name_and_arguments(call: dict[str, Any]) -> tuple[str, Any]:
    function = call.get("function") or {}
    return str(function.get("name") or ""), function.get("arguments")


def call_blocks(message: ChatMessage) -> list[ToolCallBlock]:
    """The calls of an answer as blocks, also if they stand in `additional_kwargs` alone."""
    blocks = [block for block in message.blocks if isinstance(block, ToolCallBlock)]
    calls = [] if blocks else wire_calls(message)
    return blocks or tool_calls(ToolCall(call["id"], **call["function"]) for call in calls)


# -- token counts and metadata -------------------------------------------------------------


def response_metadata(completion: Completion) -> dict[str, Any]:
    """Everything known about an answer beside its message; unknown fields are left out."""
    usage = completion.usage
    known = {
        "prompt_tokens": usage.prompt_tokens if usage else None,
        "completion_tokens": usage.completion_tokens if usage else None,
        "total_tokens": usage.total_tokens if usage else None,
        "cached_tokens": usage.cached_tokens if usage else None,
        "reasoning_tokens": usage.reasoning_tokens if usage else None,
        "cost": usage.cost if usage else None,
        "model_name": completion.model,
        "finish_reason": completion.finish_reason,
        "id": completion.id,
        "created": completion.created,
        "system_fingerprint": completion.system_fingerprint,
        "service_tier": completion.service_tier,
        "request_id": completion.request_id,
    }
    return {name: value for name, value in known.items() if value is not None}


def logprobs(given: dict[str, Any] | None) -> list[list[LogProb]] | None:
    """The log probabilities, one list per token: its alternatives, or itself if there are none; no invalid ones."""
    tokens = (given or {}).get("content")
    if not isinstance(tokens, list):
        return None
    return [_alternatives(token) for token in tokens if isinstance(token, dict)]


def _alternatives(token: dict[str, Any]) -> list[LogProb]:
    given = token.get("top_logprobs")
    made = []
    for known in given if isinstance(given, list) and given else [token]:
        with suppress(ValidationError, AttributeError):
            value = known.get("logprob") or 0.0
            made.append(LogProb(token=known.get("token") or "", logprob=value, bytes=known.get("bytes") or []))
    return made
