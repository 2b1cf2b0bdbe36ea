"""LlamaIndex's machinery, once for all models: what the scripted and the real model are put through."""

from __future__ import annotations

import re
from typing import Any

from llama_index.core import Document, VectorStoreIndex
from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.schema import TextNode

PASSAGES = [
    "The plough is pulled by two oxen. Their names are Bill and Ben.",
    "The cart is pulled by a mule. Its name is Molly.",
    "The mill is turned by the wind. It grinds wheat and rye.",
]


class WordEmbedding(BaseEmbedding):
    """Words in 64 places: enough to find a passage, and nothing to load."""

    def _embed(self, text: str) -> list[float]:
        places = [0.01] * 64
        for word in re.findall(r"\w+", text.lower()):
            places[sum(map(ord, word)) % 64] += 1.0
        return places

    def _get_text_embedding(self, text: str) -> list[float]:
        return self._embed(text)

    def _get_query_embedding(self, query: str) -> list[float]:
        return self._embed(query)

    async def _aget_query_embedding(self, query: str) -> list[float]:
        return self._embed(query)


def index() -> VectorStoreIndex:
    """An index of the three passages, each a node."""
    nodes = [TextNode(text=text, id_=f"passage-{number}") for number, text in enumerate(PASSAGES)]
    return VectorStoreIndex(nodes, embed_model=WordEmbedding())


def documents() -> list[Document]:
    return [Document(text=text) for text in PASSAGES]


def sources(response: Any) -> list[str]:
    """The ids of the passages that an answer rests on."""
    return [node.node.node_id for node in response.source_nodes]
