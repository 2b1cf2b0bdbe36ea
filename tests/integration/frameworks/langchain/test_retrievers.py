"""Retrievers that use the model: it asks in other words, cuts out, decides, ranks, or writes the filter."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import pytest
from langchain_classic.chains.query_constructor.schema import AttributeInfo
from langchain_classic.retrievers import ContextualCompressionRetriever, MultiQueryRetriever, SelfQueryRetriever
from langchain_classic.retrievers.document_compressors import LLMChainExtractor, LLMChainFilter, LLMListwiseRerank
from langchain_community.query_constructors.qdrant import QdrantTranslator
from langchain_core.callbacks import CallbackManagerForRetrieverRun
from langchain_core.documents import Document
from langchain_core.embeddings import DeterministicFakeEmbedding
from langchain_core.retrievers import BaseRetriever
from langchain_qdrant import QdrantVectorStore

from _oxen_transport.testing import Attempt, Received, Step
from _oxen_transport.testing.replies import an_object, text
from langchain_oxen import ChatOxen
from tests.integration.frameworks.checked_server import CheckedServer
from tests.integration.frameworks.langchain.models import model_at, run

QUESTION = "Is the plough pulled by oxen?"
PLOUGH = "The plough is pulled by two oxen. Their names are Bill and Ben."
CART = "The cart is pulled by a mule."
MILL = "The mill is turned by the wind."
DOCUMENTS = [Document(passage, metadata={"year": 1800 + 50 * at}) for at, passage in enumerate((PLOUGH, CART, MILL))]


class ByWord(BaseRetriever):
    """Finds the documents that hold a word of the question that has five letters or more."""

    def _get_relevant_documents(self, query: str, *, run_manager: CallbackManagerForRetrieverRun) -> list[Document]:
        words = re.findall(r"\w{5,}", query)
        return [one for one in DOCUMENTS if any(word in one.page_content for word in words)]


def of_the_plough(yes: str, no: str) -> Attempt:
    """What a model says of each document."""

    def answer(request: Received) -> Iterable[Step]:
        return text(yes if PLOUGH in request.messages[-1]["content"] else no)(request)

    return answer


def compressed(compressor: Any) -> BaseRetriever:
    return ContextualCompressionRetriever(base_compressor=compressor, base_retriever=ByWord())


def self_query(model: ChatOxen) -> BaseRetriever:
    """The translator is named because LangChain's search for it imports what langchain-community has removed.

    https://github.com/langchain-ai/langchain-community/pull/404
    """
    embedding = DeterministicFakeEmbedding(size=8)
    store = QdrantVectorStore.from_documents(DOCUMENTS, embedding, location=":memory:", collection_name="farm")
    translator = QdrantTranslator(metadata_key=store.metadata_payload_key)
    year = AttributeInfo(name="year", description="When it was written", type="integer")
    return SelfQueryRetriever.from_llm(
        model, store, "Notes of a farm", [year], structured_query_translator=translator, enable_limit=True
    )


FILTER = {"query": "pulled", "filter": 'and(gt("year", 1800), lt("year", 1900))', "limit": 2}


class Flow(NamedTuple):
    """A retriever, what the model says, what is found, and in how many requests."""

    retriever: Callable[[ChatOxen], BaseRetriever]
    answer: Attempt
    found: list[str]
    requests: int


FLOWS = {
    "other words": Flow(
        lambda model: MultiQueryRetriever.from_llm(ByWord(), model),
        text("What turned the mill?\nWhich animals pulled?\n\nWhat was pulled?"),
        [MILL, PLOUGH, CART],
        1,
    ),
    "extracts": Flow(
        lambda model: compressed(LLMChainExtractor.from_llm(model)),
        of_the_plough("pulled by two oxen", "NO_OUTPUT"),
        ["pulled by two oxen"],
        2,
    ),
    "yes or no": Flow(
        lambda model: compressed(LLMChainFilter.from_llm(model)), of_the_plough("YES", "NO"), [PLOUGH], 2
    ),
    "a ranking": Flow(
        lambda model: compressed(LLMListwiseRerank.from_llm(model, top_n=2)),
        an_object({"ranked_document_ids": [1, 0]}),
        [CART, PLOUGH],
        1,
    ),
    "a filter": Flow(self_query, text(f"```json\n{json.dumps(FILTER)}\n```"), [CART], 1),
}


@pytest.mark.parametrize("awaited", [False, True], ids=["sync", "async"])
@pytest.mark.parametrize("name", FLOWS)
def test_a_retriever(server: CheckedServer, name: str, awaited: bool) -> None:
    flow = FLOWS[name]
    stage = server.stage(flow.answer)
    found = run(flow.retriever(model_at(stage)), QUESTION, awaited=awaited)
    assert [document.page_content for document in found] == flow.found
    assert len(stage.bodies) == flow.requests
    assert all(QUESTION in str(body["messages"]) for body in stage.bodies)
