"""The three objects of one token, with their fields filled in directly.

Why, and when not: `_oxen_transport/fast_pydantic.py`. The constructors make every snapshot that holds
more than text.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llama_index.core.base.llms.types import ChatMessage, ChatResponse, MessageRole, TextBlock

from _oxen_transport.fast_pydantic import fill, same

_SAMPLE = ("a few words", " words")


class ChunkFactory:
    """Makes the snapshots of an answer that is only text so far.

    Args:
        construct: Makes the same by constructors, from the whole text and what is new in it.
    """

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
