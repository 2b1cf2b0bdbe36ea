"""LangChain's messages -> the wire's, and the wire's answer -> LangChain's.

All content forms are understood: text, LangChain's blocks (v0 and v1), OpenAI's and Anthropic's
parts. What cannot be sent is named in an error, never dropped; only what is no part of the
conversation (thinking, caching hints) stays behind. Nothing a caller passed in is changed.
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
    Media,
    Part,
    each_message,
    fold,
    media_part,
    old_calls,
    text_part,
    wire_call,
)
from _oxen_transport.tools.arguments import arguments_text, parse_arguments
from _oxen_transport.types import Completion, Message, Role, WireToolCall
from langchain_oxen.usage import response_metadata, usage_metadata

_ROLES: dict[str, Role] = {
    "system": "system",
    "developer": "system",  # OpenAI's newer word; Oxen knows four roles
    "user": "user",
    "human": "user",
    "assistant": "assistant",
    "ai": "assistant",
    "tool": "tool",
    "function": "tool",
}
_NOT_SAID = frozenset(
    {"thinking", "redacted_thinking", "reasoning", "reasoning_content", "tool_call_chunk", "cachePoint"}
)
"""Blocks that are no part of what is said: a model's thoughts are never sent back."""


def to_wire(messages: Sequence[BaseMessage]) -> list[Message]:
    """A conversation as the request holds it. Raises: OxenConfigError, for what cannot be sent."""
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
        additional_kwargs=beside_text(completion.reasoning, completion.refusal),
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
    said = {"reasoning_content": reasoning, "refusal": refusal}
    return {name: text for name, text in said.items() if text}


# -- one message ---------------------------------------------------------------------------


def _message(message: BaseMessage) -> list[Message]:
    if isinstance(message, AIMessage):
        return [_assistant(message)]
    if isinstance(message, ToolMessage):
        return [{"role": "tool", "content": _content(message.content), "tool_call_id": message.tool_call_id}]
    if isinstance(message, FunctionMessage):
        return [{"role": "tool", "content": _content(message.content), "name": message.name}]
    if isinstance(message, HumanMessage | SystemMessage | ChatMessage):
        return _said(message)
    raise OxenConfigError(f"a {type(message).__name__} cannot be sent to a model")


def _said(message: HumanMessage | SystemMessage | ChatMessage) -> list[Message]:
    """A message of text and media; Anthropic's tool results in it become messages of their own."""
    word = message.role if isinstance(message, ChatMessage) else message.type
    role = _ROLES.get(word)
    if role is None:
        raise OxenConfigError(f"Oxen knows no role {word[:80]!r}; the roles are system, user, assistant and tool")
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


def _assistant(message: AIMessage) -> Message:
    wired: Message = {"role": "assistant", "content": _content(message.content, between="")}
    calls = _calls(message)
    if calls:
        wired["tool_calls"] = calls
    if message.name:
        wired["name"] = message.name
    return wired


def _calls(message: AIMessage) -> list[WireToolCall]:
    """The calls of an answer, each once, from wherever they are kept."""
    calls = [wire_call(call["id"], call["name"], call["args"]) for call in message.tool_calls]
    calls += [wire_call(bad["id"], bad["name"] or "", bad["args"] or "") for bad in message.invalid_tool_calls]
    known = {call["id"] for call in calls}
    for block in _blocks(message.content):
        if isinstance(block, dict) and block.get("type") in _CALLS and block.get("id") not in known:
            arguments = block.get("input") if "input" in block else block.get("args")
            calls.append(wire_call(block.get("id"), str(block.get("name") or ""), arguments))
    if not calls:  # written by an older LangChain, or by hand
        for raw in old_calls(message.additional_kwargs):
            function = raw.get("function") or {}
            calls.append(wire_call(raw.get("id"), str(function.get("name") or ""), function.get("arguments")))
    return calls


_CALLS = frozenset({"tool_use", "tool_call", "invalid_tool_call"})


# -- one content ---------------------------------------------------------------------------


def _content(content: Any, between: str | None = None) -> str | list[Part]:
    parts = [part for block in _blocks(content) if (part := _part(block)) is not None]
    return fold(parts) if between is None else fold(parts, between)


def _blocks(content: Any) -> list[Any]:
    return [content] if isinstance(content, str | dict) else list(content)


def _part(block: Any) -> Part | None:
    """One block as one part; None for a block that is no part of what is said."""
    if isinstance(block, str):
        return text_part(block)
    kind = block.get("type") or next(iter(block), "")
    if kind in _NOT_SAID or kind in _CALLS:
        return None
    if kind == "non_standard" and isinstance(block.get("value"), dict):
        return _part(block["value"])
    for name in ("text", "refusal"):  # "text-plain" keeps its text there, too
        if isinstance(block.get(name), str):
            return text_part(block[name])
    build = _MEDIA.get(str(kind))
    if build is None:
        raise OxenConfigError(f"a content block of type {str(kind)[:80]!r} cannot be sent to Oxen")
    return build(block)


def _standard(block: dict[str, Any]) -> Part:
    """LangChain's own blocks (v0: `source_type`, v1) and Anthropic's (`source`)."""
    given = block.get("source")
    source = given if isinstance(given, dict) else block
    kind: Media = "file" if block["type"] == "document" else block["type"]
    if source.get("source_type") == "text" or source.get("type") == "text":
        return text_part(str(source.get("data") or source.get("url") or ""))
    nested = block.get(kind)
    if isinstance(nested, dict):  # OpenAI's file
        return media_part(kind, url=nested.get("file_url") or nested.get("file_data"), filename=nested.get("filename"))
    extras = {**(block.get("extras") or {}), **(block.get("metadata") or {}), **block}
    names = {"filename": extras.get("filename") or extras.get("name") or extras.get("title")} if kind == "file" else {}
    return media_part(
        kind,
        url=source.get("url"),
        data=source.get("base64") or source.get("data"),
        mime=source.get("mime_type") or source.get("media_type"),
        **names,
    )


def _by_url(block: dict[str, Any]) -> Part:
    """`image_url` and its kin: already the wire's own, as a dict or as a bare URL."""
    given = block.get(block["type"])
    given = {"url": given} if isinstance(given, str) else dict(given or {})
    kind: Any = block["type"].removesuffix("_url")
    return media_part(kind, url=given.get("url"), detail=given.get("detail") or block.get("detail"))


def _input_audio(block: dict[str, Any]) -> Part:
    """OpenAI's sound; Oxen calls it `audio_url`."""
    given = block.get("input_audio") or {}
    return media_part("audio", data=given.get("data"), mime=f"audio/{given.get('format') or 'wav'}")


_MEDIA: dict[str, Callable[[dict[str, Any]], Part]] = {
    **dict.fromkeys(("image", "audio", "video", "file", "document"), _standard),
    **dict.fromkeys(("image_url", "audio_url", "video_url"), _by_url),
    "input_audio": _input_audio,
    "json": lambda block: text_part(arguments_text(block.get("json"))),  # Bedrock's tool results
}
