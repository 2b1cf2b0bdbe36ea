"""LlamaIndex's machinery, once for all models: what the scripted and the real model are put through."""

from __future__ import annotations

import asyncio
import re
from typing import Any

from llama_index.core import Document, VectorStoreIndex
from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.base.response.schema import AsyncStreamingResponse, StreamingResponse
from llama_index.core.schema import TextNode

PASSAGES = [
    "The plough is pulled by two oxen. Their names are Bill and Ben.",
    "The cart is pulled by a mule. Its name is Molly.",
    "The mill is turned by the wind. It grinds wheat and rye.",
]
QUESTION = "Who pulls the plough?"


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


def answer_of(engine: Any, question: str = QUESTION, *, is_async: bool = False) -> tuple[str, Any]:
    """Query an engine, and read its answer to the end. Returns: the text, the response."""

    async def queried() -> tuple[str, Any]:
        response = await engine.aquery(question)
        if isinstance(response, AsyncStreamingResponse):
            return "".join([piece async for piece in response.async_response_gen()]), response
        return str(response), response

    if is_async:
        return asyncio.run(queried())
    response = engine.query(question)
    return "".join(response.response_gen) if isinstance(response, StreamingResponse) else str(response), response


def talked(engine: Any, way: str, *questions: str) -> str:
    """Say these things to a chat engine by its method of that name. Returns: the last answer, whole."""

    async def each() -> str:
        text = ""
        for question in questions:
            response = await getattr(engine, way)(question)
            text = str(response)
            if way == "astream_chat":
                text = "".join([piece async for piece in response.async_response_gen()])
        return text

    if way.startswith("a"):
        return asyncio.run(each())
    text = ""
    for question in questions:
        response = getattr(engine, way)(question)
        text = "".join(response.response_gen) if way == "stream_chat" else str(response)
    return text


def weather(city: str) -> str:
    """Tell the weather of a city."""
    return f"18 degrees in {city}"
