"""Engines that the model writes queries and graphs for: SQL on SQLite, property graphs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from llama_index.core import PropertyGraphIndex, SQLDatabase
from llama_index.core.indices.property_graph import (
    DynamicLLMPathExtractor,
    SchemaLLMPathExtractor,
    SimpleLLMPathExtractor,
)
from llama_index.core.query_engine import NLSQLTableQueryEngine
from llama_index.core.schema import TextNode
from sqlalchemy import create_engine, text
from sqlalchemy.pool import StaticPool

from tests.integration.frameworks.llama_index.scripts import Make, asked, replying, saying
from tests.tables import each_row
from tools.support.llama_index_flows import PASSAGES, WordEmbedding, answer_of

WAYS = [(is_async, streaming) for is_async in (False, True) for streaming in (False, True)]


# -- SQL ---------------------------------------------------------------------------------------


@pytest.fixture
def farm() -> Iterator[SQLDatabase]:
    """Three animals in memory; async queries come from another thread."""
    engine = create_engine("sqlite://", poolclass=StaticPool, connect_args={"check_same_thread": False})
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE animal (name TEXT, kind TEXT)"))
        connection.execute(text("INSERT INTO animal VALUES ('Bill', 'ox'), ('Ben', 'ox'), ('Molly', 'mule')"))
    yield SQLDatabase(engine)
    engine.dispose()


@each_row("is_async, streaming", WAYS)
def test_a_question_to_a_database(make: Make, farm: SQLDatabase, is_async: bool, streaming: bool) -> None:
    """Fences and what the model says behind its query are left out."""
    query = "SELECT name FROM animal WHERE kind = 'ox' ORDER BY name"
    written = f"SQLQuery: ```sql\n{query};\n```\nSQLResult: made up"
    llm, stage = make(saying(written), saying("They are Ben and Bill."))
    engine = NLSQLTableQueryEngine(farm, llm=llm, embed_model=WordEmbedding(), streaming=streaming)
    said, response = answer_of(engine, "What are the oxen called?", is_async=is_async)
    assert said == "They are Ben and Bill."
    assert response.metadata["result"] == [("Ben",), ("Bill",)]
    assert "name (TEXT), kind (TEXT)" in asked(stage)[0]
    assert "[('Ben',), ('Bill',)]" in asked(stage)[1]


@each_row("is_async", [False, True])
def test_a_query_that_fails_is_shown_to_the_model(make: Make, farm: SQLDatabase, is_async: bool) -> None:
    llm, stage = make(saying("SELECT colour FROM animal"), saying("I cannot tell."))
    engine = NLSQLTableQueryEngine(farm, llm=llm, embed_model=WordEmbedding())
    assert answer_of(engine, "What colours are they?", is_async=is_async)[0] == "I cannot tell."
    assert "Statement 'SELECT colour FROM animal' is invalid SQL" in asked(stage)[1]


# -- graphs ------------------------------------------------------------------------------------


def typed(kind: str, name: str) -> dict[str, str]:
    return {"type": kind, "name": name}


SCHEMA = {
    "triplets": [
        {"subject": typed("PERSON", "Bill"), "relation": {"type": "WORKED_ON"}, "object": typed("PRODUCT", "plough")},
        {"subject": typed("NO_SUCH", "Bill"), "relation": {"type": "HAS"}, "object": typed("PRODUCT", "cart")},
    ]
}
TREE = [{"head": "Ox", "head_type": "ANIMAL", "relation": "PULLS", "tail": "plough", "tail_type": "TOOL"}]
EXTRACTORS: list[tuple[type[Any], Any, Any, tuple[str, str, str]]] = [
    # the kind, what the model says of the oxen, what of the others, what comes of it
    (SimpleLLMPathExtractor, "(Ox, pulls, plough)\nNothing else, (but, this)", "None.", ("Ox", "Pulls", "Plough")),
    (SchemaLLMPathExtractor, ("KGSchema", SCHEMA), ("KGSchema", {"triplets": []}), ("Bill", "WORKED_ON", "plough")),
    (DynamicLLMPathExtractor, json.dumps(TREE), "[]", ("Ox", "PULLS", "plough")),
]


@each_row("kind, said, of_others, triplet", EXTRACTORS)
def test_a_graph_of_passages_and_a_question_to_it(
    make: Make, kind: type[Any], said: Any, of_others: Any, triplet: tuple[str, str, str]
) -> None:
    """Each passage is asked about, some at once; then the model makes keywords, by which the graph is entered."""
    keywords = ("KEYWORDS: ", f"beast^{triplet[0]}")
    llm, stage = make(replying(keywords, ("Query: Who", "Bill and Ben."), ("two oxen", said), ("", of_others)))
    extractor = kind(llm=llm, raise_on_error=True)
    nodes = [TextNode(text=passage) for passage in PASSAGES]
    index = PropertyGraphIndex(nodes, llm=llm, kg_extractors=[extractor], embed_model=WordEmbedding())
    stored: Any = index.property_graph_store
    assert [(first.id, relation.label, last.id) for first, relation, last in stored.graph.get_triplets()] == [triplet]
    assert len(stage.requests) == 3
    for is_async, streaming in WAYS:
        engine = index.as_query_engine(llm=llm, include_text=True, streaming=streaming)
        assert answer_of(engine, is_async=is_async)[0] == "Bill and Ben."
        assert " -> ".join(triplet) in asked(stage)[-1]
        assert PASSAGES[0] in asked(stage)[-1]
    assert len(stage.requests) == 3 + 4 * 2
