"""What a query engine or chat engine of LlamaIndex's answers, as text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from llama_index.core.base.response.schema import StreamingResponse
from llama_index.core.chat_engine.types import StreamingAgentChatResponse

from examples.support.citations import UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Iterator

    from llama_index.core.base.response.schema import RESPONSE_TYPE


def streamed(answer: RESPONSE_TYPE | StreamingAgentChatResponse) -> Iterator[str]:
    """The text, piece by piece as it comes; if no passage was found, that the documents do not say."""
    if not answer.source_nodes:
        yield UNKNOWN
    elif isinstance(answer, StreamingResponse | StreamingAgentChatResponse):
        yield from answer.response_gen
    else:
        yield str(answer)
