"""LangChain's messages -> a request's, and an answer -> LangChain's message.

All content forms are understood: text, LangChain's blocks (v0 and v1), OpenAI's and Anthropic's
parts. What cannot be sent is named in an error, never dropped; only what is not part of the
conversation stays behind: caching hints, and in an assistant's message the items of other makers.
Nothing a caller passed in is changed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
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

from _oxen_transport.errors import OxenConfigError
from _oxen_transport.request.content import (
    TOOL_CALL_EXTRAS,
    Media,
    Part,
    each_message,
    fold,
    media_part,
    old_calls,
    text_part,
    to_be_returned,
    wire_call,
    with_extras,
    with_refusal,
)
from _oxen_transport.tools.arguments import arguments_text, parse_arguments
from _oxen_transport.types import ROLES, Completion, Message, Role, WireToolCall
from langchain_oxen.usage import response_metadata, usage_metadata

_NOT_SAID = frozenset(
    {"thinking", "redacted_thinking", "reasoning", "reasoning_content", "tool_call_chunk", "cachePoint"}
)
"""Blocks that are not part of the text: thoughts go back beside it, to models that take them."""


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

    `reasoning_details` belong to the message; a signature belongs to one call, and stands under the
    call's id, because LangChain's tool calls have no room for it.
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
    wired: Message = {"role": "tool", "content": _content(message.content)}
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
    for block in _blocks(message.content):
        if isinstance(block, dict) and block.get("type") == "tool_result":
            content = _content(block.get("content") or "")
            results.append({"role": "tool", "content": content, "tool_call_id": str(block.get("tool_use_id") or "")})
        else:
            rest.append(block)
    if results and not rest:
        return results
    wired: Message = {"role": role, "content": _content(rest)}
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
    content = with_refusal(_content(message.content, between="", lenient=True), beside.get("refusal"))
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
    blocks = [block for block in _blocks(content) if isinstance(block, dict) and block.get("type") == "reasoning"]
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
    blocks = [block for block in _blocks(content) if isinstance(block, dict) and block.get("type") in _CALLS]
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


_CALLS = frozenset({"tool_use", "tool_call", "invalid_tool_call", "function_call", "custom_tool_call"})


# -- one content ---------------------------------------------------------------------------


def _content(content: Any, *, between: str | None = None, lenient: bool = False) -> str | list[Part]:
    parts = [part for block in _blocks(content) if (part := _part(block, lenient)) is not None]
    return fold(parts) if between is None else fold(parts, between)


def _blocks(content: Any) -> list[Any]:
    return [content] if isinstance(content, str | dict) else list(content)


def _part(block: Any, lenient: bool) -> Part | None:
    """One block as one part; None for a block that is not part of the text.

    Args:
        block: A block in any format.
        lenient: Whether what cannot be sent is left out: items that other makers' models add to their
            answers (`web_search_call`, `server_tool_use`, ...) must not end a conversation.
    """
    if isinstance(block, str):
        return text_part(block)
    kind = str(block.get("type") or next(iter(block), ""))
    if kind in _NOT_SAID or kind in _CALLS:
        return None
    if kind == "non_standard" and isinstance(block.get("value"), dict):
        return _part(block["value"], lenient)
    for name in ("text", "refusal"):  # "text-plain" keeps its text there, too
        if isinstance(block.get(name), str):
            return text_part(block[name])
    build = _BUILDERS.get(kind)
    try:
        if build is None:
            raise OxenConfigError(f"a content block of type {kind[:80]!r} cannot be sent to Oxen")
        return build(block)
    except (OxenConfigError, TypeError, ValueError, KeyError, AttributeError):
        if lenient:
            return None
        raise


def _standard(block: dict[str, Any]) -> Part:
    """LangChain's own blocks (v0: `source_type`, v1), Anthropic's (`source`) and MCP's (`mimeType`)."""
    given = block.get("source")
    source = given if isinstance(given, dict) else block
    kind: Media = "file" if block["type"] == "document" else block["type"]
    if "text" in (source.get("source_type"), source.get("type")):
        return text_part(str(source.get("data") or source.get("url") or ""))
    nested = block.get(kind)
    if isinstance(nested, dict):  # OpenAI's file
        return media_part(kind, url=nested.get("file_url") or nested.get("file_data"), filename=nested.get("filename"))
    return media_part(
        kind,
        url=source.get("url"),
        data=source.get("base64") or source.get("data"),
        mime=source.get("mime_type") or source.get("media_type") or source.get("mimeType"),
        **({"filename": _filename(block)} if kind == "file" else {}),
    )


def _filename(block: dict[str, Any]) -> Any:
    extras = {**(block.get("extras") or {}), **(block.get("metadata") or {}), **block}
    return extras.get("filename") or extras.get("name") or extras.get("title")


def _by_url(block: dict[str, Any]) -> Part:
    """`image_url` and its like: already the request's own form, as a dict or as a bare URL."""
    given = block.get(block["type"])
    given = {"url": given} if isinstance(given, str) else dict(given or {})
    kind: Any = block["type"].removesuffix("_url")
    return media_part(kind, url=given.get("url"), detail=given.get("detail") or block.get("detail"))


def _input_audio(block: dict[str, Any]) -> Part:
    """OpenAI's audio; Oxen calls it `audio_url`."""
    given = block.get("input_audio") or {}
    return media_part("audio", data=given.get("data"), mime=f"audio/{given.get('format') or 'wav'}")


def _search_result(block: dict[str, Any]) -> Part:
    """Anthropic's search result: its text, with its title and source."""
    content = block.get("content") or ()
    texts = [each["text"] for each in content if isinstance(each, dict) and isinstance(each.get("text"), str)]
    return _lines(block.get("title"), block.get("source"), *texts)


def _resource(block: dict[str, Any]) -> Part:
    """MCP's resource, or a link to one (https://modelcontextprotocol.io/specification/2025-06-18/server/tools)."""
    nested = block.get("resource")
    given = nested if isinstance(nested, dict) else block
    return _lines(*(given.get(key) for key in ("title", "name", "uri", "description", "text")))


def _lines(*texts: Any) -> Part:
    lines = [text for text in dict.fromkeys(texts) if isinstance(text, str) and text]
    if not lines:
        raise OxenConfigError("a content block without any text cannot be sent to Oxen")
    return text_part("\n".join(lines))


_BUILDERS: dict[str, Callable[[dict[str, Any]], Part]] = {
    **dict.fromkeys(("image", "audio", "video", "file", "document"), _standard),
    **dict.fromkeys(("image_url", "audio_url", "video_url"), _by_url),
    **dict.fromkeys(("resource", "resource_link"), _resource),
    "input_audio": _input_audio,
    "search_result": _search_result,
    "json": lambda block: text_part(arguments_text(block.get("json"))),  # Bedrock's tool results
}
