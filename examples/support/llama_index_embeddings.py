"""The embedding model, as LlamaIndex wants it."""

from __future__ import annotations

from llama_index.core.base.embeddings.base import BaseEmbedding
from pydantic import Field

from examples.support.embeddings import embed, embed_all


class LocalEmbedding(BaseEmbedding):
    """Universal Sentence Encoder on this machine."""

    model_name: str = "universal-sentence-encoder-multilingual"
    embed_batch_size: int = Field(default=2048, gt=0, le=2048)  # the corpus in one go: embed_all sorts and caches it

    def _get_text_embeddings(self, texts: list[str]) -> list[list[float]]:
        return embed_all(texts)

    def _get_text_embedding(self, text: str) -> list[float]:
        return embed(text)

    def _get_query_embedding(self, query: str) -> list[float]:
        return embed(query)

    async def _aget_query_embedding(self, query: str) -> list[float]:
        return embed(query)
