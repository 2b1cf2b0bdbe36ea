"""The documents, as LangChain's users hold them: a `QdrantVectorStore`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from langchain_core.documents import Document
from langchain_core.embeddings import Embeddings
from langchain_qdrant import QdrantVectorStore

from examples.support.embeddings import embed
from examples.support.knowledge import CLOSE, collection, connect, synchronise

if TYPE_CHECKING:
    from pathlib import Path

    from langchain_core.vectorstores import VectorStoreRetriever
    from qdrant_client import QdrantClient

    from examples.support.corpus import Passage

FRAMEWORK = "langchain"


class LocalEmbeddings(Embeddings):
    """Universal Sentence Encoder on this machine."""

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        return embed(texts)

    def embed_query(self, text: str) -> list[float]:
        return embed([text])[0]


def store(client: QdrantClient, folder: Path) -> QdrantVectorStore:
    """The documents of a folder; what is new or changed is embedded now."""
    held = QdrantVectorStore(client, collection(client, FRAMEWORK, folder), LocalEmbeddings())

    def add(passages: list[Passage]) -> None:
        documents = [Document(passage.text, metadata={"source": passage.source}) for passage in passages]
        held.add_documents(documents, ids=[passage.id for passage in passages])

    synchronise(client, held.collection_name, folder, add)
    return held


def retriever(url: str | None, folder: Path) -> VectorStoreRetriever:
    """The four passages nearest to a question; fewer, or none, if they are about something else."""
    documents = store(connect(url, FRAMEWORK), folder)
    return documents.as_retriever(search_kwargs={"k": 4, "score_threshold": CLOSE})
