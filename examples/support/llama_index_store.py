"""The documents, as LlamaIndex's users hold them: a `VectorStoreIndex` over a `QdrantVectorStore`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from llama_index.core import VectorStoreIndex
from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.postprocessor import SimilarityPostprocessor
from llama_index.core.postprocessor.types import BaseNodePostprocessor
from llama_index.core.schema import NodeWithScore, TextNode
from llama_index.vector_stores.qdrant import QdrantVectorStore

from examples.support.embeddings import embed
from examples.support.knowledge import CLOSE, collection, connect, synchronise

if TYPE_CHECKING:
    from pathlib import Path

    from qdrant_client import QdrantClient

    from examples.support.corpus import Passage

FRAMEWORK = "llama_index"


class Numbered(BaseNodePostprocessor):
    """[1], [2], ... before each passage, so that the model can cite it; the passage itself is kept in the metadata."""

    def _postprocess_nodes(self, nodes: list[NodeWithScore], query_bundle: object = None) -> list[NodeWithScore]:
        for number, hit in enumerate(nodes, 1):
            hit.node.metadata["text"] = hit.text
            hit.node.excluded_llm_metadata_keys = [*hit.node.excluded_llm_metadata_keys, "text"]
            hit.node.set_content(f"[{number}] {' '.join(hit.text.split())}")
        return nodes


CLOSE_ENOUGH = SimilarityPostprocessor(similarity_cutoff=CLOSE)
# the four passages nearest to a question; fewer, or none, if they are about something else
NEAR = {"similarity_top_k": 4, "node_postprocessors": [CLOSE_ENOUGH, Numbered()]}


class LocalEmbedding(BaseEmbedding):
    """Universal Sentence Encoder on this machine."""

    model_name: str = "universal-sentence-encoder-multilingual"

    def _get_text_embeddings(self, texts: list[str]) -> list[list[float]]:
        return embed(texts)

    def _get_text_embedding(self, text: str) -> list[float]:
        return embed([text])[0]

    def _get_query_embedding(self, query: str) -> list[float]:
        return embed([query])[0]

    async def _aget_query_embedding(self, query: str) -> list[float]:
        return embed([query])[0]


def index(client: QdrantClient, folder: Path) -> VectorStoreIndex:
    """The documents of a folder; what is new or changed is embedded now."""
    vectors = QdrantVectorStore(collection(client, FRAMEWORK, folder), client=client)
    held = VectorStoreIndex.from_vector_store(vectors, LocalEmbedding(embed_batch_size=32))

    def add(passages: list[Passage]) -> None:
        held.insert_nodes([_node(passage) for passage in passages])

    synchronise(client, vectors.collection_name, folder, add)
    return held


def _node(passage: Passage) -> TextNode:
    hidden = ["source"]  # for the reader: neither embedded nor shown to the model
    return TextNode(
        id_=passage.id,
        text=passage.text,
        metadata={"source": passage.source},
        excluded_embed_metadata_keys=hidden,
        excluded_llm_metadata_keys=hidden,
    )


def open_index(url: str | None, folder: Path) -> VectorStoreIndex:
    """The same, from the server at `url`, or from this machine's disk."""
    return index(connect(url, FRAMEWORK), folder)
