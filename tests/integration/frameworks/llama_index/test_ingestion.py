"""What asks the model beside the answer: extractors, judges, rerankers, retrievers and indices."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

from llama_index.core import DocumentSummaryIndex, KeywordTableIndex, TreeIndex, VectorStoreIndex
from llama_index.core.evaluation import (
    AnswerRelevancyEvaluator,
    ContextRelevancyEvaluator,
    CorrectnessEvaluator,
    FaithfulnessEvaluator,
    GuidelineEvaluator,
    PairwiseComparisonEvaluator,
    RelevancyEvaluator,
)
from llama_index.core.extractors import (
    DocumentContextExtractor,
    KeywordExtractor,
    QuestionsAnsweredExtractor,
    SummaryExtractor,
    TitleExtractor,
)
from llama_index.core.ingestion import IngestionPipeline
from llama_index.core.node_parser import SentenceSplitter
from llama_index.core.postprocessor import LLMRerank, StructuredLLMRerank
from llama_index.core.postprocessor.rankGPT_rerank import RankGPTRerank
from llama_index.core.retrievers import QueryFusionRetriever, VectorIndexAutoRetriever
from llama_index.core.schema import NodeWithScore, QueryBundle, TextNode
from llama_index.core.storage.docstore import SimpleDocumentStore
from llama_index.core.vector_stores import MetadataInfo, VectorStoreInfo

from llama_index_oxen import Oxen
from tests.integration.frameworks.llama_index.scripts import Make, asked, calling, replying, saying
from tests.tables import each_row
from tools.support.llama_index_flows import PASSAGES, QUESTION, WordEmbedding, documents, index

SPLITTER = SentenceSplitter(chunk_size=200, chunk_overlap=0)


# -- ingestion ---------------------------------------------------------------------------------


@each_row("is_async", [False, True])
def test_ingestion_with_extractors_that_ask_the_model(make: Make, is_async: bool) -> None:
    """Each node has what was said of itself, though four are asked about at once."""

    def model(request: Any) -> Any:
        text = str(request.json["messages"])
        animal = next(animal for animal in ("oxen", "mule", "wind") if animal in text)
        return saying(f"About {animal}")(request)

    llm, stage = make(model)
    extractors = [
        TitleExtractor(llm=llm, nodes=1),
        KeywordExtractor(llm=llm, keywords=3),
        QuestionsAnsweredExtractor(llm=llm, questions=1),
        SummaryExtractor(llm=llm, summaries=["self"]),
    ]
    pipeline = IngestionPipeline(transformations=[SPLITTER, *extractors])
    given = documents()
    nodes = asyncio.run(pipeline.arun(documents=given)) if is_async else pipeline.run(documents=given)
    keys = ("document_title", "excerpt_keywords", "questions_this_excerpt_can_answer", "section_summary")
    assert [node.metadata for node in nodes] == [
        dict.fromkeys(keys, f"About {animal}") for animal in ("oxen", "mule", "wind")
    ]
    assert len(stage.requests) == 3 * (2 + 1 + 1 + 1)  # a title for the node, then one for its document


def test_a_passage_is_set_into_its_document(make: Make) -> None:
    """Core sends `max_tokens` and a header of another maker's with each call, and hides an error in a warning."""
    llm, stage = make(saying("It is about the farm."))
    store, given = SimpleDocumentStore(), documents()
    store.add_documents(given)
    extractor = DocumentContextExtractor(docstore=store, llm=llm)
    nodes = IngestionPipeline(transformations=[SPLITTER, extractor]).run(documents=given)
    assert [node.metadata["context"] for node in nodes] == ["It is about the farm."] * 3
    assert {body["max_tokens"] for body in stage.bodies} == {512}


def test_a_pipeline_with_a_model_in_it_has_a_cache_key(make: Make) -> None:
    """The key is a hash of `to_dict()`: equal for equal models, and no secret is in it."""
    llm, stage = make(saying("Oxen at work"))
    pipeline = IngestionPipeline(transformations=[TitleExtractor(llm=llm, nodes=1)])
    for _ in range(2):
        pipeline.run(documents=documents()[:1])
    assert len(stage.requests) == 2, "the second run is answered by the cache"


# -- judges ------------------------------------------------------------------------------------

# the kind, what the model says, the score; the last two and `passing`: https://github.com/run-llama/llama_index/pull/23088
JUDGES: list[tuple[type[Any], str, float]] = [
    (FaithfulnessEvaluator, "YES", 1.0),
    (FaithfulnessEvaluator, "NO", 0.0),
    (RelevancyEvaluator, "YES", 1.0),
    (CorrectnessEvaluator, "4.5\nIt is nearly right.", 4.5),
    (GuidelineEvaluator, json.dumps({"passing": True, "feedback": "Well done."}), 1.0),
    (PairwiseComparisonEvaluator, "The first is better. [[A]]", 1.0),
    (AnswerRelevancyEvaluator, "It fits. [RESULT] 2", 1.0),
    (ContextRelevancyEvaluator, "It helps. [RESULT] 4.0", 1.0),
]


@each_row("kind, said, score", JUDGES)
@each_row("is_async", [False, True])
def test_a_judge(make: Make, kind: type[Any], said: str, score: float, is_async: bool) -> None:
    llm, stage = make(saying(said))
    judge = kind(llm=llm, enforce_consensus=False) if kind is PairwiseComparisonEvaluator else kind(llm=llm)
    of = {"query": QUESTION, "response": "Two oxen.", "contexts": PASSAGES, "reference": "Bill and Ben."}
    if kind is PairwiseComparisonEvaluator:
        of["second_response"] = "A mule."
    result = asyncio.run(judge.aevaluate(**of)) if is_async else judge.evaluate(**of)
    assert result.score == score
    if kind not in (AnswerRelevancyEvaluator, ContextRelevancyEvaluator):
        assert result.passing == (score >= 1)
    judged = PASSAGES[1] if kind is ContextRelevancyEvaluator else "Two oxen."
    assert all(judged in request for request in asked(stage))


# -- rerankers ---------------------------------------------------------------------------------

RELEVANT = {"documents": [{"document_number": 3, "relevance": 9}, {"document_number": 1, "relevance": 4}]}
RERANKERS: list[tuple[Callable[[Oxen], Any], Any, int]] = [
    # what reranks, what the model says, its requests
    (lambda llm: LLMRerank(llm=llm), saying("Doc: 3, Relevance: 9\nDoc: 1, Relevance: 4"), 1),
    (lambda llm: LLMRerank(llm=llm, choice_batch_size=2), saying("Doc: 1, Relevance: 9"), 2),
    (lambda llm: StructuredLLMRerank(llm=llm), calling(("DocumentRelevanceList", RELEVANT)), 1),
    (lambda llm: RankGPTRerank(llm=llm, top_n=2), saying("[3] > [1] > [2]"), 1),
]


@each_row("reranker, said, requests", RERANKERS)
@each_row("is_async", [False, True])
def test_a_reranker(make: Make, reranker: Any, said: Any, requests: int, is_async: bool) -> None:
    """The last shows each passage as a turn of the user's, to which the assistant has said that it is received."""
    llm, stage = make(said)
    reranks = reranker(llm)
    nodes = [NodeWithScore(node=TextNode(text=text), score=1.0) for text in PASSAGES]
    query = QueryBundle(QUESTION)
    made = (
        asyncio.run(reranks.apostprocess_nodes(nodes, query))
        if is_async
        else reranks.postprocess_nodes(nodes, query_bundle=query)
    )
    assert {node.text for node in made} == {PASSAGES[0], PASSAGES[2]}
    assert len(stage.requests) == requests
    assert all(passage in "\n".join(asked(stage)) for passage in PASSAGES)


# -- retrievers and indices --------------------------------------------------------------------


@each_row("is_async", [False, True])
def test_a_retriever_that_makes_more_questions(make: Make, is_async: bool) -> None:
    llm, stage = make(saying("What turns the mill by the wind?\nWhat is the name of the mule?"))
    retriever = QueryFusionRetriever(
        [index().as_retriever(similarity_top_k=1)], llm=llm, num_queries=3, use_async=False
    )
    asks: Any = retriever.aretrieve if is_async else retriever.retrieve
    found = asyncio.run(asks(QUESTION)) if is_async else asks(QUESTION)
    assert {"passage-1", "passage-2"} >= {node.node.node_id for node in found}
    assert len(stage.requests) == 1


INDICES: list[tuple[type[Any], dict[str, Any], dict[str, Any], int]] = [
    # the kind, how it is built, how it is asked, the requests: for each passage, for the choice, for the answer
    (KeywordTableIndex, {}, {}, 3 + 1 + 1),
    (TreeIndex, {"num_children": 2}, {}, 2 + 2 + 1),
    (DocumentSummaryIndex, {"embed_model": WordEmbedding()}, {"retriever_mode": "llm"}, 3 + 1 + 1),
]
FARM = replying(
    ("Query: Who pulls the plough?", "Bill and Ben."),
    ("'KEYWORDS: <keywords>'", "KEYWORDS: plough"),
    ("'ANSWER: <number>'", "ANSWER: 1"),
    ("Document 1:", "Doc: 1, Relevance: 9"),
    ("", "It is about a farm."),
)


@each_row("kind, built, how, requests", INDICES)
def test_an_index_that_asks_the_model(
    make: Make, kind: type[Any], built: dict[str, Any], how: dict[str, Any], requests: int
) -> None:
    llm, stage = make(FARM)
    made = kind.from_documents(documents(), llm=llm, **built)
    assert str(made.as_query_engine(llm=llm, **how).query(QUESTION)) == "Bill and Ben."
    assert PASSAGES[0] in asked(stage)[-1]
    assert len(stage.requests) == requests


@each_row("is_async", [False, True])
def test_a_retriever_that_filters(make: Make, is_async: bool) -> None:
    """The filters are an object in the text; without them the passage about the wind would be found."""
    spec = {"query": "the mill", "filters": [{"key": "pulls", "value": "mule", "operator": "=="}], "top_k": 1}
    llm, stage = make(saying(f"```json\n{json.dumps(spec)}\n```"))
    info = MetadataInfo(name="pulls", type="str", description="which animal, or none")
    kinds = zip(PASSAGES, ("oxen", "mule", "none"), strict=True)
    nodes = [TextNode(text=text, metadata={"pulls": kind}) for text, kind in kinds]
    built = VectorStoreIndex(nodes, embed_model=WordEmbedding())
    retriever = VectorIndexAutoRetriever(built, VectorStoreInfo(content_info="A farm.", metadata_info=[info]), llm=llm)
    question = "What is there but the mill?"
    found = asyncio.run(retriever.aretrieve(question)) if is_async else retriever.retrieve(question)
    assert [node.text for node in found] == [PASSAGES[1]]
    assert "which animal, or none" in asked(stage)[0]
