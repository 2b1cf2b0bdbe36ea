"""The two objects of one token, with their fields filled in directly.

Why, and when not: `_oxen_transport/fast_pydantic.py`. The constructors make every chunk that is not of
the two usual kinds.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from langchain_core.messages import AIMessageChunk
from langchain_core.outputs import ChatGenerationChunk

from _oxen_transport.fast_pydantic import fill, same
from _oxen_transport.types import Chunk, ToolCallDelta
from langchain_oxen.usage import PROVIDER

_JSON_SPACE = " \t\n\r"
_SAMPLES = (Chunk("a word"), Chunk("", (ToolCallDelta(0, "AbC123xyZ", "look_up", ' 1, "b'),)))


class ChunkFactory:
    """Makes the chunks of text, and those of one piece of one call.

    Args:
        kind: The message's class.
        construct: Makes the same by constructors.
    """

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
