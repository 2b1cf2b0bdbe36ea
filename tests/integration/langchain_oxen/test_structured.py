"""What is LangChain's own in answers that fit a schema: the forms of a schema, `include_raw`, bound tools."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import pickle
import warnings
from functools import partial
from typing import Annotated, Any, NotRequired, TypedDict

import pytest
from langchain_core import exceptions
from langchain_core.tracers.context import collect_runs
from pydantic import TypeAdapter
from pydantic.v1 import BaseModel as BaseModelV1

from _oxen_transport.testing import Server, Stage, completion, reply
from langchain_oxen import ChatOxen, OxenConfigError, OxenStructuredOutputError
from langchain_oxen.errors import OxenRefusalError
from tests.integration.both_packages.packages import BELLA, QUESTION, STREAMS, WAYS, Ox, answers, langchain, says
from tests.tables import each_row
from tools.support.ideal_model import ideal


class OxV1(BaseModelV1):
    """An ox."""

    name: str
    age: int


class OxDict(TypedDict):
    """An ox."""

    name: Annotated[str, ..., "its name"]
    age: Annotated[int, ..., "in years"]


@dataclasses.dataclass
class OxData:
    """An ox."""

    name: str
    age: int


class Litter(TypedDict):
    """A TypedDict that holds a pydantic model, and a field that may be missing."""

    mother: Ox
    father: NotRequired[Ox]


@dataclasses.dataclass
class Tagged:
    """A dataclass with a default factory."""

    name: str
    tags: list[str] = dataclasses.field(default_factory=list)


AS_DICT = {"name": "Bella", "age": 7}
RIGHT = json.dumps(AS_DICT)
FORMS: list[Any] = [
    (Ox, BELLA),
    (OxV1, OxV1(name="Bella", age=7)),
    (OxDict, AS_DICT),
    (OxData, OxData("Bella", 7)),
    (Ox.model_json_schema(), AS_DICT),
    ({"name": "ox", "description": "An ox.", "parameters": Ox.model_json_schema()}, AS_DICT),
]


def model_at(stage: Stage, **options: Any) -> ChatOxen:
    return ChatOxen(base_url=stage.url, max_retries=0, **options)


@each_row("method", ["function_calling", "json_schema", "auto"])
@each_row("schema, bella", FORMS)
def test_every_form_by_every_method(server: Server, schema: Any, bella: Any, method: str) -> None:
    url = server.stage(ideal).url
    assert [langchain(url, schema, way, method)[-1] for way in WAYS] == [bella] * 4


@each_row("method", ["json_schema", "function_calling"])
@each_row(
    "schema, answer, in_request",
    [
        ({"name": "ox", "strict": True, "schema": Ox.model_json_schema()}, {"name": "B"}, '"strict":true'),
        (Litter, {"mother": {"name": "B", "age": 1}}, '"required":["mother"]'),
        (Tagged, {"name": "B"}, '"required":["name"]'),
    ],
)
def test_schemas_of_every_kind_reach_the_request(
    server: Server, schema: Any, answer: dict[str, Any], in_request: str, method: str
) -> None:
    stage = server.stage(says(json.dumps(answer)))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        (read,) = langchain(stage.url, schema, "sync", method)
    assert read == (answer if isinstance(read, dict) else TypeAdapter(schema).validate_python(answer))
    assert in_request in stage.requests[0].body.decode()


def test_json_mode(server: Server) -> None:
    stage = server.stage(ideal)
    asked = model_at(stage).with_structured_output(None, method="json_mode")
    assert asked.invoke("Give 'name' and 'age'.") == {"name": "a name", "age": "a age"}
    assert stage.bodies[0]["response_format"] == {"type": "json_object"}


@each_row("method", ["function_calling", "json_schema", "auto"])
def test_include_raw(server: Server, method: str) -> None:
    url = server.stage(ideal).url
    for way in WAYS:
        total: Any = None
        for piece in langchain(url, Ox, way, method, include_raw=True):
            total = piece if total is None else total + piece
        assert total["parsed"] == BELLA
        assert total["raw"].response_metadata["finish_reason"]
        if way not in STREAMS:
            assert total["parsing_error"] is None
            assert total["raw"].usage_metadata["total_tokens"] > 0
        wrong = langchain(server.stage(says("Seven.")).url, Ox, way, "json_schema", include_raw=True)[-1]
        assert isinstance(wrong["parsing_error"], OxenStructuredOutputError)
        assert wrong["parsed"] is None


@each_row("strict", [None, True, False])
def test_strict_reaches_the_wire(server: Server, strict: Any) -> None:
    stage = server.stage(ideal)
    langchain(stage.url, Ox, "sync", "function_calling", strict=strict)
    langchain(stage.url, Ox, "sync", "json_schema", strict=strict)
    by_tool, by_schema = stage.bodies
    assert by_tool["tools"][0]["function"].get("strict") == strict
    assert by_schema["response_format"]["json_schema"].get("strict") == strict


def test_a_refusal_is_langchains_own(server: Server) -> None:
    stage = server.stage(answers({"refusal": "I do not count oxen."}))
    with pytest.raises(OxenRefusalError) as caught:
        langchain(stage.url, Ox, "sync")
    assert isinstance(caught.value, getattr(exceptions, "ModelRefusalError", exceptions.ModelError))
    assert caught.value.raw_message.content_blocks


def test_bound_tools_are_kept_or_the_error_says_that_they_cannot_be(server: Server) -> None:
    def search(query: str) -> str:
        """Search."""
        return query

    stage = server.stage(says(RIGHT))
    bound = model_at(stage).bind_tools([search]).bind(temperature=0.3)
    beside = partial(model_at(stage).with_structured_output, Ox, tools=[search], temperature=0.3)
    for method in ("function_calling", "auto"):
        for asked in (partial(bound.with_structured_output, Ox), beside):
            with pytest.raises(OxenConfigError, match="would replace the tools"):
                asked(method=method)
    assert asyncio.run(bound.with_structured_output(Ox, method="json_schema").ainvoke(QUESTION)) == BELLA
    assert beside(method="json_schema").invoke(QUESTION) == BELLA
    for body in stage.bodies:
        assert body["tools"][0]["function"]["name"] == "search"
        assert body["response_format"]["type"] == "json_schema"
        assert body["temperature"] == 0.3
    called = server.stage(reply(completion(None, tool_calls=[("AbC123xyZ", "search", {"name": "x", "age": 1})])))
    asked = model_at(called).bind_tools([search]).with_structured_output(Ox, method="json_schema")
    with pytest.raises(OxenStructuredOutputError, match="called search in place of answering"):
        asked.invoke(QUESTION)


@each_row("way", WAYS)
def test_rounds_are_one_run_with_the_object_as_its_output(server: Server, way: str) -> None:
    """With `repair` there are two answers; a tracer sees one chain, and both of them in it."""
    stage = server.stage(answers({"content": '{"name": "Bella"}'}), answers({"content": RIGHT}))
    with collect_runs() as seen:
        assert langchain(stage.url, Ox, way, "json_mode", repair=True)[-1] == BELLA
    (run,) = seen.traced_runs
    assert (run.run_type, len(run.child_runs), run.outputs["output"]) == ("chain", 2, BELLA)


@each_row("schema", [Ox, OxDict, Ox.model_json_schema(), None])
@each_row("repair", [True, False])
def test_what_asks_for_an_object_can_be_pickled(
    server: Server, schema: Any, repair: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OXEN_API_KEY", "sk-from-the-environment")
    asked = model_at(server.stage(says(RIGHT))).with_structured_output(schema, method="json_mode", repair=repair)
    answer = pickle.loads(pickle.dumps(asked)).invoke(QUESTION)  # noqa: S301 - our own bytes
    assert answer == (BELLA if schema is Ox else BELLA.model_dump())
