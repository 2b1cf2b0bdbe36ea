"""Chunks of an answer -> LlamaIndex's responses, each a snapshot of everything so far, which never changes afterwards.

The objects of one token have their fields filled in directly: see `_oxen_transport/fast_pydantic.py`. The
constructors make every chunk that is not of the usual kinds.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llama_index.core.base.llms.types import ChatMessage, ChatResponse, MessageRole, TextBlock, ToolCallBlock

from _oxen_transport.fast_pydantic import fill, same
from _oxen_transport.request.content import wire_call
from _oxen_transport.tools.partial_json import PartialObject
from _oxen_transport.types import Chunk, ToolCallDelta
from llama_index_oxen.messages import beside_text, chat_message, from_wire, logprobs


class Snapshots:
    """Feed it the chunks of one stream, get a response for each."""

    def __init__(self) -> None:
        self._text = self._reasoning = self._refusal = ""
        self._calls: dict[int, _GrowingCall] = {}

    def feed(self, chunk: Chunk) -> ChatResponse:
        """Take the next chunk, return everything so far; for the last chunk, the whole answer."""
        if chunk.completion is not None:
            whole = from_wire(chunk.completion)
            whole.delta = ""
            return whole
        self._text += chunk.text
        self._reasoning += chunk.reasoning
        self._refusal += chunk.refusal
        for delta in chunk.tool_calls:
            self._calls.setdefault(delta.index, _GrowingCall()).add(delta)
        if not (self._calls or self._reasoning or self._refusal or chunk.logprobs):
            return _CHUNKS.make(self._text, chunk.text)
        calls = self._calls.values()
        return ChatResponse(
            message=chat_message(
                self._text,
                [call.block for call in calls],
                [call.wired for call in calls],
                beside_text(self._refusal),
                self._reasoning,
            ),
            delta=chunk.text,
            logprobs=logprobs(chunk.logprobs),
            additional_kwargs={"thinking_delta": chunk.reasoning} if chunk.reasoning else {},
        )


def _constructed(text: str, delta: str) -> ChatResponse:
    """The snapshot of an answer that is only text so far."""
    return ChatResponse(message=chat_message(text, [], [], {}, ""), delta=delta, logprobs=None, additional_kwargs={})


class _GrowingCall:
    """One call that is still being written. Its block and its dict are made anew with each piece."""

    def __init__(self) -> None:
        self._id: str | None = None
        self._name = ""
        self._arguments = PartialObject()
        self.block = ToolCallBlock(tool_name="")
        self.wired = wire_call(None, "", "")

    def add(self, delta: ToolCallDelta) -> None:
        """Take the next piece of the call."""
        self._id = self._id or delta.id
        self._name += delta.name or ""
        kwargs = self._arguments.add(delta.arguments)
        self.block = ToolCallBlock(tool_call_id=self._id, tool_name=self._name, tool_kwargs=kwargs)
        self.wired = wire_call(self._id, self._name, self._arguments.text or "")


# -- the objects of one token -------------------------------------------------------------

_SAMPLE = ("a few words", " words")


class ChunkFactory:
    """Makes the snapshots of an answer that is only text so far; `construct` makes the same by constructors."""

    def __init__(self, construct: Callable[[str, str], ChatResponse]) -> None:
        self._construct = construct
        self._trusted: bool | None = None  # not known before the first use, to keep the import cheap

    def make(self, text: str, delta: str) -> ChatResponse:
        """The snapshot with this text."""
        if self._trusted:
            return self._filled(text, delta)
        if self._trusted is None:
            self._trusted = _same(self._filled(*_SAMPLE), self._construct(*_SAMPLE))
        return self._construct(text, delta)

    def _filled(self, text: str, delta: str) -> ChatResponse:
        """The same as the constructors make."""
        block = fill(TextBlock, {"block_type": "text", "text": text}, {"text"})
        message = fill(
            ChatMessage,
            {"role": MessageRole.ASSISTANT, "additional_kwargs": {}, "blocks": [block]},
            {"role", "blocks", "additional_kwargs"},
        )
        fields: dict[str, Any] = {
            "message": message,
            "raw": None,
            "delta": delta,
            "logprobs": None,
            "additional_kwargs": {},
        }
        return fill(ChatResponse, fields, {"message", "delta", "logprobs", "additional_kwargs"})


def _same(filled: ChatResponse, constructed: ChatResponse) -> bool:
    """Whether two snapshots, and all they hold, agree in every slot."""
    one, other = filled.message, constructed.message
    pairs: list[tuple[Any, Any]] = [(filled, constructed), (one, other), *zip(one.blocks, other.blocks, strict=False)]
    return filled == constructed and same(pairs)


_CHUNKS = ChunkFactory(_constructed)
