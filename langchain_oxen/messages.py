"""LangChain's messages -> a request's, and an answer -> LangChain's message.

What cannot be sent is named in an error, never dropped; only what is not part of the conversation stays behind:
caching hints, and in an assistant's message the items of other makers. Nothing a caller passed in is changed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from langchain_core.messages import (
    AIMessage,
    BaseMessage,
    ChatMessage,
    FunctionMessage,
    HumanMessage,
    InvalidToolCall,
    SystemMessage,
    ToolCall,
    ToolMessage,
)
from langchain_core.messages.ai import InputTokenDetails, OutputTokenDetails, UsageMetadata

from _oxen_transport.errors import OxenConfigError
from _oxen_transport.request.content import (
    TOOL_CALL_EXTRAS,
    each_message,
    old_calls,
    to_be_returned,
    wire_call,
    with_extras,
    with_refusal,
)
from _oxen_transport.tools.arguments import parse_arguments
from _oxen_transport.types import ROLES, Completion, Message, Role, Usage, WireToolCall
from langchain_oxen.content_parts import CALL_KINDS, blocks_of, content_to_wire


def to_wire(messages: Sequence[BaseMessage]) -> list[Message]:
    """A conversation in the request's format. Raises: OxenConfigError, for what cannot be sent."""
    return each_message(messages, _message)


def from_wire(completion: Completion) -> AIMessage:
    """A whole answer as LangChain's message. Arguments that are no JSON object become invalid calls."""
    calls, invalid = tool_calls((call.id, call.name, call.arguments) for call in completion.tool_calls)
    return AIMessage(
        content=completion.text,
        tool_calls=calls,
        invalid_tool_calls=invalid,
        usage_metadata=usage_metadata(completion.usage),
        response_metadata=response_metadata(completion),
        additional_kwargs={**beside_text(completion.reasoning, completion.refusal), **extras(completion)},
    )


def tool_calls(calls: Iterable[tuple[str | None, str | None, str]]) -> tuple[list[ToolCall], list[InvalidToolCall]]:
    """(id, name, arguments' text) -> calls that may run, and calls that must not, with the raw text."""
    good: list[ToolCall] = []
    bad: list[InvalidToolCall] = []
    for call_id, name, text in calls:
        arguments = parse_arguments(text) if name else None
        if arguments is None:
            why = "the arguments are not a whole JSON object" if name else "the call has no name"
            bad.append(InvalidToolCall(type="invalid_tool_call", id=call_id, name=name, args=text, error=why))
        else:
            good.append(ToolCall(type="tool_call", id=call_id, name=name or "", args=arguments))
    return good, bad


def beside_text(reasoning: str, refusal: str | None) -> dict[str, Any]:
    """What an answer holds beside its text, where LangChain's own translators look for it."""
    beside = {"reasoning_content": reasoning, "refusal": refusal}
    return {name: text for name, text in beside.items() if text}


def extras(completion: Completion) -> dict[str, Any]:
    """Further fields of an answer: `annotations`, `citations`, ..., and what must be sent back with it.

    A signature belongs to one call, and stands under the call's id: LangChain's tool calls have no room for it.
    """
    signed = {call.id: {"extra_content": call.extra_content} for call in completion.tool_calls if call.extra_content}
    return {**completion.extras, **({TOOL_CALL_EXTRAS: signed} if signed else {})}


# -- one message ---------------------------------------------------------------------------


def _message(message: BaseMessage) -> list[Message]:
    if isinstance(message, AIMessage):
        return [_assistant(message)]
    if isinstance(message, ToolMessage | FunctionMessage):
        return [_result(message)]
    if isinstance(message, HumanMessage | SystemMessage | ChatMessage):
        return _text_and_results(message)
    raise OxenConfigError(f"a {type(message).__name__} cannot be sent to a model")


def _result(message: ToolMessage | FunctionMessage) -> Message:
    wired: Message = {"role": "tool", "content": content_to_wire(message.content)}
    if isinstance(message, ToolMessage):
        wired["tool_call_id"] = message.tool_call_id
    if message.name:
        wired["name"] = message.name
    return wired


def _text_and_results(message: HumanMessage | SystemMessage | ChatMessage) -> list[Message]:
    """A message of text and media; Anthropic's tool results in it become messages of their own."""
    role = _role(message)
    results: list[Message] = []
    rest: list[Any] = []
    for block in [] if isinstance(message.content, str) else blocks_of(message.content):
        if isinstance(block, dict) and block.get("type") == "tool_result":
            content = content_to_wire(block.get("content") or "")
            results.append({"role": "tool", "content": content, "tool_call_id": str(block.get("tool_use_id") or "")})
        else:
            rest.append(block)
    if results and not rest:
        return results
    content = message.content if isinstance(message.content, str) else content_to_wire(rest)
    wired: Message = {"role": role, "content": content}
    if message.name:
        wired["name"] = message.name
    return [*results, wired]


def _role(message: HumanMessage | SystemMessage | ChatMessage) -> Role:
    if isinstance(message, HumanMessage):
        return "user"
    if isinstance(message, SystemMessage):
        return "system"
    if message.role in ROLES:
        return ROLES[message.role]
    raise OxenConfigError(f"unknown role {message.role[:80]!r}; the roles are system, user, assistant and tool")


def _assistant(message: AIMessage) -> Message:
    beside = message.additional_kwargs
    content = with_refusal(content_to_wire(message.content, between="", lenient=True), beside.get("refusal"))
    wired: Message = {"role": "assistant", "content": content}
    if calls := _calls(message):
        wired["content"] = content or None
        wired["tool_calls"] = calls
        thoughts = beside.get("reasoning_content") or _thoughts(message.content)
        if isinstance(thoughts, str) and thoughts:
            wired["reasoning_content"] = thoughts
    wired.update(to_be_returned(beside))
    if message.name:
        wired["name"] = message.name
    return wired


def _thoughts(content: Any) -> str:
    """The thoughts in LangChain's standard blocks (`output_version="v1"`)."""
    blocks = [block for block in blocks_of(content) if isinstance(block, dict) and block.get("type") == "reasoning"]
    return "".join(block["reasoning"] for block in blocks if isinstance(block.get("reasoning"), str))


# -- its calls -----------------------------------------------------------------------------


def _calls(message: AIMessage) -> list[WireToolCall]:
    """The calls of an answer, each once, from wherever they are kept."""
    calls = [wire_call(call["id"], call["name"], call["args"]) for call in message.tool_calls]
    calls += [wire_call(bad["id"], bad["name"] or "", bad["args"] or "") for bad in message.invalid_tool_calls]
    unmatched = list(calls)
    for call in _calls_in_blocks(message.content):
        if call["id"] and any(call["id"] == other["id"] for other in calls):
            continue
        same = next((other for other in unmatched if _is_same(other, call)), None)
        if same is None:
            calls.append(call)
        else:
            unmatched.remove(same)
    raw = old_calls(message.additional_kwargs)
    if not calls:  # written by an older LangChain, or by hand
        return [wire_call(call.get("id"), *_name_and_arguments(call), extra=call) for call in raw]
    return with_extras(calls, raw, message.additional_kwargs.get(TOOL_CALL_EXTRAS))


def _calls_in_blocks(content: Any) -> list[WireToolCall]:
    """Calls in the content: LangChain's, Anthropic's, and those of OpenAI's Responses API."""
    if isinstance(content, str):
        return []
    blocks = [block for block in blocks_of(content) if isinstance(block, dict) and block.get("type") in CALL_KINDS]
    return [
        wire_call(
            block.get("call_id") or block.get("id"),
            str(block.get("name") or ""),
            next((block[key] for key in ("input", "args", "arguments") if key in block), None),
        )
        for block in blocks
    ]


def _is_same(one: WireToolCall, other: WireToolCall) -> bool:
    """Whether two forms of a call, of which one has no id, are the same call."""
    if one["id"] and other["id"]:
        return False
    one_function, other_function = one["function"], other["function"]
    return one_function["name"] == other_function["name"] and parse_arguments(
        one_function["arguments"]
    ) == parse_arguments(other_function["arguments"])


def _name_and_arguments(call: dict[str, Any]) -> tuple[str, Any]:
    function = call.get("function") or {}
    return str(function.get("name") or ""), function.get("arguments")


# -- token counts and metadata -------------------------------------------------------------

PROVIDER = "oxen"
"""One name everywhere: middleware trusts token counts only where `model_provider` equals `ls_provider`."""


def usage_metadata(usage: Usage | None) -> UsageMetadata | None:
    """Token counts. Integers only: core cannot add anything else (`langchain_core/utils/usage.py`)."""
    if usage is None:
        return None
    counted = UsageMetadata(
        input_tokens=usage.prompt_tokens, output_tokens=usage.completion_tokens, total_tokens=usage.total_tokens
    )
    if usage.cached_tokens is not None:
        counted["input_token_details"] = InputTokenDetails(cache_read=usage.cached_tokens)
    if usage.reasoning_tokens is not None:
        counted["output_token_details"] = OutputTokenDetails(reasoning=usage.reasoning_tokens)
    return counted


def response_metadata(completion: Completion, *, streamed: bool = False) -> dict[str, Any]:
    """Everything known about an answer beside its message; `streamed`: the `logprobs` came before, in pieces.

    Core joins the metadata of chunks by concatenation, so exactly one chunk of a stream carries this.
    """
    known = {
        "model_name": completion.model,
        "finish_reason": completion.finish_reason,
        "id": completion.id,
        "created": completion.created,
        "system_fingerprint": completion.system_fingerprint,
        "service_tier": completion.service_tier,
        "request_id": completion.request_id,
        "cost": completion.usage.cost if completion.usage else None,
        "token_usage": token_usage(completion.usage) or None,
    }
    if not streamed:
        known.update(logprobs(completion.logprobs))
    return {"model_provider": PROVIDER, **{name: value for name, value in known.items() if value is not None}}


def logprobs(given: dict[str, Any] | None) -> dict[str, Any]:
    """The log probabilities, {} for none: only the tokens', not what else the server writes there."""
    tokens = (given or {}).get("content")
    return {"logprobs": {"content": tokens}} if tokens else {}


def token_usage(usage: Usage | None) -> dict[str, int]:
    """The three counts under OpenAI's names, for LangChain's counters; {} if the server gave none."""
    if usage is None:
        return {}
    return {
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "total_tokens": usage.total_tokens,
    }


def add_token_usage(outputs: list[dict[str, Any] | None]) -> dict[str, Any]:
    """The `llm_output` of several answers as one: counts are summed, models named."""
    if len(outputs) == 1:
        return {"token_usage": {}, **(outputs[0] or {})}
    total: dict[str, int] = {}
    models: list[str] = []
    for output in outputs:
        for name, count in ((output or {}).get("token_usage") or {}).items():
            if isinstance(count, int):
                total[name] = total.get(name, 0) + count
        model = (output or {}).get("model_name")
        if model and model not in models:
            models.append(model)
    return {"token_usage": total, **({"model_name": ", ".join(models)} if models else {})}
