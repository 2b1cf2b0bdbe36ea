"""LlamaIndex's messages -> the wire's, and the wire's answer -> LlamaIndex's.

All content blocks are understood. What cannot be sent is named in an error, never dropped; only
what is no part of the conversation (thinking, caching hints) stays behind. Nothing a caller
passed in is changed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from llama_index.core.base.llms.types import (
    AudioBlock,
    CachePoint,
    ChatMessage,
    ChatResponse,
    CitableBlock,
    CitationBlock,
    ContentBlock,
    DocumentBlock,
    ImageBlock,
    MessageRole,
    TextBlock,
    ThinkingBlock,
    ToolCallBlock,
    VideoBlock,
)

from _oxen_transport.errors import OxenConfigError
from _oxen_transport.request.content import Media, Part, each_message, fold, media_part, old_calls, text_part, wire_call
from _oxen_transport.tools.arguments import parse_arguments
from _oxen_transport.types import Completion, Message, Role, ToolCall, WireToolCall
from llama_index_oxen.usage import log_probs, response_metadata

_ROLES: dict[str, Role] = {
    "system": "system",
    "developer": "system",  # OpenAI's newer word; Oxen knows four roles
    "user": "user",
    "assistant": "assistant",
    "chatbot": "assistant",
    "model": "assistant",
    "tool": "tool",
    "function": "tool",
}
_NOT_SAID = (ThinkingBlock, CachePoint)
"""Blocks that are no part of what is said: a model's thoughts are never sent back."""


def to_wire(messages: Sequence[ChatMessage]) -> list[Message]:
    """A conversation as the request holds it. Raises: OxenConfigError, for what cannot be sent."""
    return each_message(messages, lambda message: [_message(message)])


def from_wire(completion: Completion) -> ChatResponse:
    """A whole answer as LlamaIndex's response. Arguments that are no JSON object stay text."""
    calls = completion.tool_calls
    message = chat_message(
        completion.text,
        tool_calls(calls),
        [wire_call(call.id, call.name, call.arguments) for call in calls],
        beside_text(completion.refusal),
        completion.reasoning,
    )
    return ChatResponse(
        message=message,
        raw=completion.raw,
        logprobs=log_probs(completion.logprobs),
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
    role = _ROLES[message.role.value]
    if role == "assistant":
        return _assistant(message)
    wired: Message = {"role": role, "content": _content(message.blocks)}
    call_id, name = (message.additional_kwargs.get(key) for key in ("tool_call_id", "name"))
    if role == "tool" and call_id:
        wired["tool_call_id"] = str(call_id)
    elif name:  # a speaker's, or the tool's: a result without an id goes by it
        wired["name"] = str(name)
    return wired


def _assistant(message: ChatMessage) -> Message:
    wired: Message = {"role": "assistant", "content": _content(message.blocks, between="")}
    calls = _calls(message)
    if calls:
        wired["tool_calls"] = calls
    if name := message.additional_kwargs.get("name"):
        wired["name"] = str(name)
    return wired


def _calls(message: ChatMessage) -> list[WireToolCall]:
    """The calls of an answer, each once: from its blocks, or from where older versions kept them."""
    blocks = [block for block in message.blocks if isinstance(block, ToolCallBlock)]
    calls = [wire_call(block.tool_call_id, block.tool_name, block.tool_kwargs) for block in blocks]
    if not calls:
        for raw in old_calls(message.additional_kwargs):
            function = raw.get("function") or {}
            name = str(function.get("name") or "")
            calls.append(wire_call(raw.get("id"), name, function.get("arguments")))
    return calls


# -- one content ---------------------------------------------------------------------------


def _content(blocks: Sequence[ContentBlock], between: str | None = None) -> str | list[Part]:
    parts = [part for block in blocks for part in _parts(block)]
    return fold(parts) if between is None else fold(parts, between)


def _parts(block: Any) -> list[Part]:
    """One block as parts; none for a block that is no part of what is said."""
    if isinstance(block, TextBlock):
        return [text_part(block.text)]
    if isinstance(block, (*_NOT_SAID, ToolCallBlock)):
        return []
    if isinstance(block, CitableBlock):
        return [part for nested in block.content for part in _parts(nested)]
    if isinstance(block, CitationBlock):
        return _parts(block.cited_content)
    build = _MEDIA.get(type(block))
    if build is None:
        raise OxenConfigError(f"a content block of type {type(block).__name__} cannot be sent to Oxen")
    return [build(block)]


def _image(block: ImageBlock) -> Part:
    return _media("image", block, block.image, block.image_mimetype, detail=block.detail)


def _audio(block: AudioBlock) -> Part:
    return _media("audio", block, block.audio, f"audio/{block.format}" if block.format else None)


def _video(block: VideoBlock) -> Part:
    return _media("video", block, block.video, block.video_mimetype)


def _document(block: DocumentBlock) -> Part:
    return _media("file", block, block.data, block.document_mimetype, filename=block.title)


_MEDIA: dict[type, Callable[[Any], Part]] = {
    ImageBlock: _image,
    AudioBlock: _audio,
    VideoBlock: _video,
    DocumentBlock: _document,
}


def _media(kind: Media, block: Any, data: Any, mime: str | None, **extra: Any) -> Part:
    """Media from a URL (passed on, never fetched), from a file on this machine, or from bytes."""
    if data is None and block.url:
        return media_part(kind, url=str(block.url), **extra)
    if data is None and block.path:
        data = Path(block.path).read_bytes()
    elif hasattr(data, "read"):
        data.seek(0)
        data = data.read()
    elif isinstance(data, bytes):
        data = data.decode("ascii")  # the blocks keep their bytes as base64
    return media_part(kind, data=data, mime=mime, **extra)
