"""The three objects of one token, with their fields filled in directly.

pydantic's constructors are most of what a token costs, and check values that are right by
construction. Before the first use both ways are compared, field by field: where a release of
llama-index-core or of pydantic makes them differ, the constructors make the snapshots, as they do
for every snapshot that holds more than text.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llama_index.core.base.llms.types import ChatMessage, ChatResponse, MessageRole, TextBlock

_set = object.__setattr__  # pydantic's own would check and note each assignment
_SAMPLE = ("a few words", " words")


class ChunkFactory:
    """Makes the snapshots of an answer that is only text so far.

    Args:
        construct: Makes the same by constructors, from the whole text and what is new in it.
    """

    def __init__(self, construct: Callable[[str, str], ChatResponse]) -> None:
        self._construct = construct
        self._trusted: bool | None = None  # not known before the first use, so that an import stays cheap

    def make(self, text: str, delta: str) -> ChatResponse:
        """The snapshot with this text."""
        if self._trusted:
            return self._filled(text, delta)
        if self._trusted is None:
            self._trusted = _same(self._filled(*_SAMPLE), self._construct(*_SAMPLE))
        return self._construct(text, delta)

    def _filled(self, text: str, delta: str) -> ChatResponse:
        """The same as the constructors make."""
        block = _fill(TextBlock, {"block_type": "text", "text": text}, {"text"})
        message = _fill(
            ChatMessage,
            {"role": MessageRole.ASSISTANT, "additional_kwargs": {}, "blocks": [block]},
            {"role", "blocks", "additional_kwargs"},
        )
        fields = {"message": message, "raw": None, "delta": delta, "logprobs": None, "additional_kwargs": {}}
        response: ChatResponse = _fill(ChatResponse, fields, {"message", "delta", "logprobs", "additional_kwargs"})
        return response


def _fill(kind: Any, fields: dict[str, Any], noted: set[str]) -> Any:
    """An object with every slot that a pydantic object has."""
    made = object.__new__(kind)
    _set(made, "__dict__", fields)
    _set(made, "__pydantic_fields_set__", noted)
    _set(made, "__pydantic_extra__", None)
    _set(made, "__pydantic_private__", None)
    return made


def _same(filled: ChatResponse, constructed: ChatResponse) -> bool:
    """Whether two snapshots agree in every slot, in the order of their fields, and in all they hold."""
    one, other = filled.message, constructed.message
    pairs: list[tuple[Any, Any]] = [(filled, constructed), (one, other), *zip(one.blocks, other.blocks, strict=False)]
    return filled == constructed and all(
        type(one) is type(other)
        and one.__dict__ == other.__dict__
        and list(one.__dict__) == list(other.__dict__)
        and one.__pydantic_fields_set__ == other.__pydantic_fields_set__
        and one.__pydantic_extra__ == other.__pydantic_extra__
        and one.__pydantic_private__ == other.__pydantic_private__
        for one, other in pairs
    )
