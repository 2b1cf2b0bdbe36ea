"""The embedding model, as LangChain wants it."""

from __future__ import annotations

from langchain_core.embeddings import Embeddings

from examples.support.embeddings import embed, embed_all


class LocalEmbeddings(Embeddings):
    """Universal Sentence Encoder on this machine."""

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        return embed_all(texts)

    def embed_query(self, text: str) -> list[float]:
        return embed(text)
