"""Chunks of an answer -> LangChain's, each with what is new and nothing else; the last with usage and metadata, once.

The objects of one token have their fields filled in directly: see `_oxen_transport/fast_pydantic.py`. The
constructors make every chunk that is not of the usual kinds.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, Self, cast

from langchain_core.messages import AIMessage, AIMessageChunk, ToolCallChunk
from langchain_core.outputs import ChatGenerationChunk
from langchain_core.utils.json import parse_partial_json
from pydantic import ConfigDict, model_validator

from _oxen_transport.fast_pydantic import fill, same
from _oxen_transport.tools.arguments import parse_arguments
from _oxen_transport.types import Chunk, Completion, ToolCallDelta
from langchain_oxen.content_blocks import whole_blocks
from langchain_oxen.messages import (
    PROVIDER,
    beside_text,
    extras,
    logprobs,
    response_metadata,
    tool_calls,
    usage_metadata,
)


class _Whole(AIMessage):
    """What core makes of a chunk in the end, a plain `AIMessage`: `message_chunk_to_message` calls its first parent."""

    model_config = ConfigDict(defer_build=True)  # never made itself

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        return AIMessage(*args, **kwargs) if cls is _Whole else super().__new__(cls)


class OxenMessageChunk(_Whole, AIMessageChunk):
    """A chunk whose tool calls, once it is whole, hold only arguments that arrived whole.

    Core closes the brackets of arguments that were cut off (`parse_partial_json`): a preview while the stream runs, a
    trap at its end. Added up, the whole message is a plain `AIMessageChunk`, which checkpoints can hold.
    """

    model_config = ConfigDict(defer_build=True)  # made with the first chunk, not with the import

    type: Literal["AIMessageChunk"] = "AIMessageChunk"

    @classmethod
    def lc_id(cls) -> list[str]:
        """Serialize as the `AIMessageChunk` it is."""
        return AIMessageChunk.lc_id()

    @model_validator(mode="after")
    def init_tool_calls(self) -> Self:
        """Read the calls from their pieces: leniently on the way, strictly at the end."""
        AIMessageChunk.init_tool_calls(self)  # type: ignore[operator]
        if self.chunk_position == "last":
            if self.tool_call_chunks:
                pieces = ((piece["id"], piece["name"], piece["args"] or "") for piece in self.tool_call_chunks)
                self.tool_calls, self.invalid_tool_calls = tool_calls(pieces)
                self.tool_call_chunks = [_kept_invalid(piece) for piece in self.tool_call_chunks]
            if isinstance(self.content, list):  # output_version="v1": the content holds the same calls
                self.content = str(self.text)
                self.content = cast("list[Any]", whole_blocks(self))
        return self

    def __add__(self, other: Any) -> Any:
        """Add what comes next. With the last chunk the sum is a plain `AIMessageChunk`."""
        total = super().__add__(other)
        if isinstance(total, OxenMessageChunk) and total.chunk_position == "last":
            return fill(AIMessageChunk, total.__dict__, total.__pydantic_fields_set__, total.__pydantic_extra__)
        return total


def _kept_invalid(piece: ToolCallChunk) -> ToolCallChunk:
    """A whole call as a piece; if it must not run, its text is closed so that core refuses it, too.

    Core reads a message's calls anew, and leniently, when it is loaded from a checkpoint or a dump.
    """
    text = piece["args"] or ""
    if piece["name"] and parse_arguments(text) is not None:
        return piece
    closed = (text + closer for closer in ("", "]", "}", '"]', '"}'))
    return {**piece, "args": next((text for text in closed if not _core_reads(text)), text)}


def _core_reads(text: str) -> bool:
    try:
        return isinstance(parse_partial_json(text) if text else {}, dict)
    except ValueError:
        return False


def from_chunk(chunk: Chunk) -> list[ChatGenerationChunk]:
    """One chunk as LangChain's: one, or two where the last one also adds something."""
    made = []
    if chunk.text or chunk.tool_calls or chunk.reasoning or chunk.refusal or chunk.logprobs:
        made.append(_CHUNKS.make(chunk))
    if chunk.completion is not None:
        made.append(_last(chunk.completion))
    return made


def _constructed(chunk: Chunk) -> ChatGenerationChunk:
    """What a chunk adds."""
    return ChatGenerationChunk(
        message=OxenMessageChunk(
            content=chunk.text,
            tool_call_chunks=[
                ToolCallChunk(
                    type="tool_call_chunk", index=delta.index, id=delta.id, name=delta.name, args=delta.arguments
                )
                for delta in chunk.tool_calls
            ],
            additional_kwargs=beside_text(chunk.reasoning, chunk.refusal),
            response_metadata={"model_provider": PROVIDER},
        ),
        generation_info=logprobs(chunk.logprobs),
    )


def _last(whole: Completion) -> ChatGenerationChunk:
    """What is known only at the end."""
    return ChatGenerationChunk(
        message=AIMessageChunk(  # plain: if nothing came before, it is the whole message
            content="",
            additional_kwargs=extras(whole),
            usage_metadata=usage_metadata(whole.usage),
            response_metadata=response_metadata(whole, streamed=True),
            chunk_position="last",
        )
    )


# -- the objects of one token -------------------------------------------------------------

_JSON_SPACE = " \t\n\r"
_SAMPLES = (Chunk("a word"), Chunk("", (ToolCallDelta(0, "AbC123xyZ", "look_up", ' 1, "b'),)))


class ChunkFactory:
    """Makes the chunks of text, and those of one piece of one call; `construct` makes the same by constructors."""

    def __init__(self, kind: type[AIMessageChunk], construct: Callable[[Chunk], ChatGenerationChunk]) -> None:
        self._kind, self._construct = kind, construct
        self._trusted: bool | None = None  # not known before the first use, to keep the import cheap

    def make(self, chunk: Chunk) -> ChatGenerationChunk:
        """The chunk in LangChain's type."""
        made = self._filled(chunk) if self._trusted else None
        if made is not None:
            return made
        if self._trusted is None:
            self._trusted = all(_same(self._filled(sample), self._construct(sample)) for sample in _SAMPLES)
        return self._construct(chunk)

    def _filled(self, chunk: Chunk) -> ChatGenerationChunk | None:
        """The same as the constructors make; None for a chunk that is not of the usual kinds."""
        if chunk.reasoning or chunk.refusal or chunk.logprobs:
            return None
        pieces, invalid, noted = [], [], {"content", "tool_call_chunks", "additional_kwargs", "response_metadata"}
        if chunk.tool_calls:
            text = chunk.tool_calls[0].arguments.lstrip(_JSON_SPACE)
            if len(chunk.tool_calls) > 1 or not text or text[0] == "{":
                return None  # core parses each piece; only one that begins an object is more than invalid
            (call,) = chunk.tool_calls
            same = {"name": call.name, "args": call.arguments, "id": call.id}
            pieces.append({**same, "index": call.index, "type": "tool_call_chunk"})
            invalid.append({**same, "error": None, "type": "invalid_tool_call"})
            noted |= {"tool_calls", "invalid_tool_calls"}
        fields = {
            "content": chunk.text,
            "additional_kwargs": {},
            "response_metadata": {"model_provider": PROVIDER},
            "type": "AIMessageChunk",
            "name": None,
            "id": None,
            "tool_calls": [],
            "invalid_tool_calls": invalid,
            "usage_metadata": None,
            "tool_call_chunks": pieces,
            "chunk_position": None,
        }
        return _generation(chunk.text, fill(self._kind, fields, noted, {}))


def _generation(text: str, message: AIMessageChunk) -> ChatGenerationChunk:
    fields = {"text": text, "generation_info": {}, "type": "ChatGenerationChunk", "message": message}
    return fill(ChatGenerationChunk, fields, {"message", "generation_info", "text"})


def _same(filled: Any, constructed: Any) -> bool:
    """Whether two chunks, and their messages, agree in every slot."""
    return same(((filled, constructed), (filled.message, constructed.message)))


_CHUNKS = ChunkFactory(OxenMessageChunk, _constructed)
