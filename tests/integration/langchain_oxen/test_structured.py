"""Answers that fit a schema: every way to ask, every form of schema, and every way it goes wrong."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import pickle
import warnings
from collections.abc import Callable, Iterable, Iterator
from typing import Annotated, Any, NotRequired, TypedDict

import pytest
from langchain_core import exceptions
from pydantic import BaseModel, Field, TypeAdapter
from pydantic.v1 import BaseModel as BaseModelV1

from _oxen_transport import capabilities
from _oxen_transport.testing import Server, Stage, chunk, chunks, completion, error_body, reply, sse, streamed, whole
from langchain_oxen import (
    ChatOxen,
    OxenAuthenticationError,
    OxenConfigError,
    OxenStructuredOutputError,
)
from langchain_oxen.errors import OxenRefusalError
from tests.tables import each_row
from tools.support.ideal_model import ideal

QUESTION = "The ox 'Bella' is 7 years old."


class Ox(BaseModel):
    """An ox."""

    name: str = Field(description="its name")
    age: int = Field(gt=0)


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


FORMS: list[Any] = [
    pytest.param(Ox, Ox(name="Bella", age=7), id="pydantic"),
    pytest.param(OxV1, OxV1(name="Bella", age=7), id="pydantic-v1"),
    pytest.param(OxDict, {"name": "Bella", "age": 7}, id="TypedDict"),
    pytest.param(OxData, OxData("Bella", 7), id="dataclass"),
    pytest.param(Ox.model_json_schema(), {"name": "Bella", "age": 7}, id="JSON schema"),
    pytest.param(
        {"name": "ox", "description": "An ox.", "parameters": Ox.model_json_schema()},
        {"name": "Bella", "age": 7},
        id="OpenAI function",
    ),
]
METHODS = ["function_calling", "json_schema", "auto"]


@pytest.fixture(autouse=True)
def _fresh_memory() -> Iterator[None]:
    capabilities.reset()
    yield
    capabilities.reset()


def model_at(stage: Stage, **options: Any) -> ChatOxen:
    return ChatOxen(base_url=stage.url, max_retries=0, **options)


def ways(runnable: Any, question: str = QUESTION) -> dict[str, Callable[[], list[Any]]]:
    """All four calls; streams give all they show."""

    async def astream() -> list[Any]:
        return [piece async for piece in runnable.astream(question)]

    return {
        "invoke": lambda: [runnable.invoke(question)],
        "ainvoke": lambda: [asyncio.run(runnable.ainvoke(question))],
        "stream": lambda: list(runnable.stream(question)),
        "astream": lambda: asyncio.run(astream()),
    }


# -- what comes out --------------------------------------------------------------------------


@each_row("method", METHODS)
@each_row(("schema", "bella"), FORMS)
def test_every_form_by_every_method(server: Server, schema: Any, bella: Any, method: Any) -> None:
    asked = model_at(server.stage(ideal)).with_structured_output(schema, method=method)
    for name, way in ways(asked).items():
        assert way()[-1] == bella, name


def test_json_mode(server: Server) -> None:
    stage = server.stage(ideal)
    asked = model_at(stage).with_structured_output(None, method="json_mode")
    assert asked.invoke("Give 'name' and 'age'.") == {"name": "a name", "age": "a age"}
    assert stage.bodies[0]["response_format"] == {"type": "json_object"}


@each_row("method", METHODS)
def test_include_raw(server: Server, method: Any) -> None:
    asked = model_at(server.stage(ideal)).with_structured_output(Ox, method=method, include_raw=True)
    for way in (ways(asked)["invoke"], ways(asked)["ainvoke"]):
        result = way()[0]
        assert result["parsed"] == Ox(name="Bella", age=7)
        assert result["parsing_error"] is None
        assert result["raw"].usage_metadata["total_tokens"] > 0
    for way in (ways(asked)["stream"], ways(asked)["astream"]):
        total: Any = None
        for piece in way():
            total = piece if total is None else total + piece
        assert total["parsed"] == Ox(name="Bella", age=7)
        assert total["raw"].response_metadata["finish_reason"]


@each_row("strict", [None, True, False])
def test_strict_reaches_the_wire(server: Server, strict: Any) -> None:
    stage = server.stage(ideal)
    model_at(stage).with_structured_output(Ox, method="function_calling", strict=strict).invoke(QUESTION)
    model_at(stage).with_structured_output(Ox, method="json_schema", strict=strict).invoke(QUESTION)
    by_tool, by_schema = stage.bodies
    assert by_tool["tools"][0]["function"].get("strict") == strict
    assert by_schema["response_format"]["json_schema"].get("strict") == strict


FENCED = [
    '```json\n{"name": "Bella", "age": 7}\n```',
    '```\n{"name": "Bella", "age": 7}```',
    'Here it is:\n```json\n{"name": "Bella", "age": 7}\n```\nI hope that helps.',
    '\n {"name": "Bella", "age": 7}\n',
]


@each_row("text", FENCED)
@each_row("method", ["json_schema", "function_calling", "json_mode"])
def test_json_in_a_fence_is_read(server: Server, text: str, method: Any) -> None:
    sent = model_at(server.stage(reply(completion(text)))).with_structured_output(Ox, method=method)
    flowing = model_at(server.stage(streamed(sse(chunks(list(text)))))).with_structured_output(Ox, method=method)
    assert sent.invoke(QUESTION) == Ox(name="Bella", age=7)
    assert list(flowing.stream(QUESTION))[-1] == Ox(name="Bella", age=7)


ELSEWHERE = {
    "reasoning": '<think>{"name": "Bello"}?</think>{"name": "Bella", "age": 7}',
    "a second fence": '```json\n{"name": "Bella", "age": 7}\n```\n```python\nprint(ox)\n```',
    "sentences": 'Sure: {"name": "Bella", "age": 7}. I hope that helps.',
    "a first try": '{"name": "Bello"}. No: {"name": "Bella", "age": 7}',
}


@each_row("text", ELSEWHERE.values(), ids=ELSEWHERE)
@each_row("method", ["json_schema", "function_calling"])
def test_the_object_is_found_beside_other_text(server: Server, text: str, method: Any) -> None:
    asked = model_at(server.stage(said(text))).with_structured_output(Ox, method=method)
    for name, way in ways(asked).items():
        assert way()[-1] == Ox(name="Bella", age=7), name


def test_backticks_in_a_string_are_no_fence(server: Server) -> None:
    asked = model_at(server.stage(said('{"name": "```", "age": 7}'))).with_structured_output(Ox, method="json_schema")
    assert [way()[-1].name for way in ways(asked).values()] == ["```"] * 4


class Litter(TypedDict):
    """A TypedDict that holds a pydantic model, and a field that may be missing."""

    mother: Ox
    father: NotRequired[Ox]


class Tree(BaseModel):
    """A class that refers to itself."""

    children: list[Tree] = []


@dataclasses.dataclass
class Tagged:
    """A dataclass with a default factory."""

    name: str
    tags: list[str] = dataclasses.field(default_factory=list)


@each_row("method", ["json_schema", "function_calling"])
@each_row(
    ("schema", "answer", "in_request"),
    [
        ({"name": "ox", "strict": True, "schema": Ox.model_json_schema()}, {"name": "B"}, '"strict":true'),
        (Litter, {"mother": {"name": "B", "age": 1}}, '"required":["mother"]'),
        (Tree, {"children": [{"children": []}]}, '"$ref":"#/$defs/Tree"'),
        (Tagged, {"name": "B"}, '"required":["name"]'),
    ],
    ids=["name, strict, schema", "TypedDict", "recursive", "dataclass"],
)
def test_schemas_of_every_kind_reach_the_request(
    server: Server, schema: Any, answer: dict[str, Any], in_request: str, method: Any
) -> None:
    stage = server.stage(said(json.dumps(answer)))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        read = model_at(stage).with_structured_output(schema, method=method).invoke(QUESTION)
    assert read == (answer if isinstance(read, dict) else TypeAdapter(schema).validate_python(answer))
    assert in_request in stage.requests[0].body.decode()


def test_bound_tools_are_kept_or_the_error_says_that_they_cannot_be(server: Server) -> None:
    def search(query: str) -> str:
        """Search."""
        return query

    stage = server.stage(said(RIGHT))
    bound = model_at(stage).bind_tools([search]).bind(temperature=0.3)
    for method in ("function_calling", "auto"):
        with pytest.raises(OxenConfigError, match="would replace the tools"):
            bound.with_structured_output(Ox, method=method)
    assert bound.with_structured_output(Ox, method="json_schema").invoke(QUESTION) == Ox(name="Bella", age=7)
    (body,) = stage.bodies
    assert body["tools"][0]["function"]["name"] == "search"
    assert body["response_format"]["type"] == "json_schema"
    assert body["temperature"] == 0.3
    called = server.stage(reply(completion(None, tool_calls=[("AbC123xyZ", "search", {"name": "x", "age": 1})])))
    asked = model_at(called).bind_tools([search]).with_structured_output(Ox, method="json_schema")
    with pytest.raises(OxenStructuredOutputError, match="called search in place of answering"):
        asked.invoke(QUESTION)


def test_what_is_refused_before_it_is_sent(server: Server) -> None:
    model = model_at(server.stage(ideal))
    with pytest.raises(OxenConfigError, match="method"):
        model.with_structured_output(Ox, method="magic")  # type: ignore[arg-type]
    with pytest.raises(OxenConfigError, match="schema"):
        model.with_structured_output(None)
    with pytest.raises(OxenConfigError, match="schema"):
        model.with_structured_output(7)


# -- "auto" ----------------------------------------------------------------------------------


def way_of(body: dict[str, Any]) -> str:
    """Which way of asking a request is."""
    if "response_format" in body:
        return {"json_schema": "json_schema", "json_object": "json_mode"}[body["response_format"]["type"]]
    return "function_calling" if "tools" in body else "prompt"


def picky(*refused: str, ignored: Iterable[str] = (), status: int = 400) -> Any:
    """A server that knows only some of the ways: it refuses others, or answers as if they were not there."""

    def attempt(request: Any) -> Any:
        way = way_of(request.json)
        if way in refused:
            return [whole(error_body(f"{way} is not supported by this provider"), status)]
        if way in ignored:
            plain = completion("I like oxen.")
            return streamed(sse(chunks(["I like ", "oxen."]))) if request.wants_stream else [whole(plain)]
        return ideal(request)

    return attempt


LADDERS: list[Any] = [
    ([], [], ["json_schema"]),
    (["json_schema"], [], ["json_schema", "function_calling"]),
    (["json_schema", "function_calling"], [], ["json_schema", "function_calling", "json_mode"]),
    (
        ["json_schema", "function_calling", "json_mode"],
        [],
        ["json_schema", "function_calling", "json_mode", "prompt"],
    ),
    ([], ["json_schema"], ["json_schema", "function_calling"]),
    (["function_calling"], ["json_schema"], ["json_schema", "function_calling", "json_mode"]),
]


@each_row("way", ["invoke", "ainvoke", "stream", "astream"])
@each_row("status", [400, 422])
@each_row("ladder", LADDERS)
def test_auto_finds_the_way_and_remembers_it(server: Server, ladder: Any, status: int, way: str) -> None:
    refused, ignored, tried = ladder
    stage = server.stage(picky(*refused, ignored=ignored, status=status))
    asked = model_at(stage).with_structured_output(Ox, method="auto")
    assert ways(asked)[way]()[-1] == Ox(name="Bella", age=7)
    assert [way_of(body) for body in stage.bodies] == tried

    another = model_at(stage).with_structured_output(OxDict, method="auto")  # another object, another schema
    assert another.invoke(QUESTION) == {"name": "Bella", "age": 7}
    assert [way_of(body) for body in stage.bodies] == [*tried, tried[-1]]


def test_auto_learns_per_server_and_model(server: Server) -> None:
    poor, rich = server.stage(picky("json_schema")), server.stage(ideal)
    for stage in (poor, rich):
        model_at(stage).with_structured_output(Ox, method="auto").invoke(QUESTION)
    model_at(poor, model="mistral-nemo").with_structured_output(Ox, method="auto").invoke(QUESTION)
    assert [way_of(body) for body in rich.bodies] == ["json_schema"]
    assert [way_of(body) for body in poor.bodies] == ["json_schema", "function_calling"] * 2


def test_auto_forgets_what_no_longer_works(server: Server) -> None:
    stage = server.stage(ideal, picky("json_schema"))
    asked = model_at(stage).with_structured_output(Ox, method="auto")
    assert asked.invoke(QUESTION) == asked.invoke(QUESTION) == Ox(name="Bella", age=7)
    assert [way_of(body) for body in stage.bodies] == ["json_schema", "json_schema", "function_calling"]


def test_auto_does_not_hide_other_failures(server: Server) -> None:
    stage = server.stage(reply(error_body("no such key"), 401))
    with pytest.raises(OxenAuthenticationError):
        model_at(stage).with_structured_output(Ox, method="auto").invoke(QUESTION)
    assert len(stage.requests) == 1


def test_auto_gives_up_with_the_last_refusal(server: Server) -> None:
    stage = server.stage(picky("json_schema", "function_calling", "json_mode", "prompt"))
    with pytest.raises(Exception, match="prompt is not supported"):
        model_at(stage).with_structured_output(Ox, method="auto").invoke(QUESTION)
    assert len(stage.requests) == 4


# -- answers that do not fit -----------------------------------------------------------------

WRONG = '{"name": "Bella", "age": -7}'
RIGHT = '{"name": "Bella", "age": 7}'


def said(*texts: str, reason: str = "stop") -> Any:
    """Answers one after the other, as text, sent or streamed."""

    def attempt(request: Any) -> Any:
        text = texts[min(request.number, len(texts)) - 1]
        if request.wants_stream:
            return streamed(sse(chunks([text[:9], text[9:]], finish_reason=reason)))
        return [whole(completion(text, finish_reason=reason))]

    return attempt


@each_row("method", ["json_schema", "function_calling"])
@each_row("way", ["invoke", "ainvoke", "stream", "astream"])
def test_the_model_may_mend_its_answer_once(server: Server, way: str, method: Any) -> None:
    stage = server.stage(said(WRONG, RIGHT))
    asked = model_at(stage).with_structured_output(Ox, method=method, repair=True)
    assert ways(asked)[way]()[-1] == Ox(name="Bella", age=7)
    first, second = stage.bodies
    assert [message["role"] for message in second["messages"]] == ["user", "assistant", "user"]
    assert second["messages"][1]["content"] == WRONG
    assert "greater than 0" in second["messages"][2]["content"]
    assert {**first, "messages": 0} == {**second, "messages": 0}


def test_mending_is_bounded_and_opt_in(server: Server) -> None:
    stubborn = server.stage(said(WRONG))
    with pytest.raises(OxenStructuredOutputError):
        model_at(stubborn).with_structured_output(Ox, method="json_schema", repair=True).invoke(QUESTION)
    assert len(stubborn.requests) == 2
    plain = server.stage(said(WRONG, RIGHT))
    with pytest.raises(OxenStructuredOutputError):
        model_at(plain).with_structured_output(Ox, method="json_schema").invoke(QUESTION)
    assert len(plain.requests) == 1


def test_mending_a_call(server: Server) -> None:
    """The arguments go back as text: a call without its result is refused by servers."""
    wrong, right = (completion(None, tool_calls=[("AbC123xyZ", "Ox", {"name": "Bella", "age": age})]) for age in (0, 7))
    stage = server.stage(reply(wrong), reply(right))
    assert model_at(stage).with_structured_output(Ox, repair=True).invoke(QUESTION) == Ox(name="Bella", age=7)
    assert json.loads(stage.bodies[1]["messages"][1]["content"]) == {"name": "Bella", "age": 0}


UNFIT: list[Any] = [
    pytest.param('{"name": "Bel', "length", "cut off at max_tokens", id="cut"),
    pytest.param("Bella is seven.", "stop", "no JSON object", id="prose"),
    pytest.param("[1, 2]", "stop", "no JSON object", id="a list"),
    pytest.param('{"name": "Bella"}', "stop", "age", id="incomplete"),
    pytest.param("", "stop", "no JSON object", id="empty"),
]


@each_row("way", ["invoke", "ainvoke", "stream", "astream"])
@each_row(("text", "reason", "why"), UNFIT)
def test_an_answer_that_does_not_fit_raises_with_what_came(
    server: Server, text: str, reason: str, why: str, way: str
) -> None:
    asked = model_at(server.stage(said(text, reason=reason))).with_structured_output(Ox, method="json_schema")
    with pytest.raises(OxenStructuredOutputError, match=why) as caught:
        ways(asked)[way]()
    assert caught.value.partial_text == text
    raw = model_at(server.stage(said(text, reason=reason))).with_structured_output(
        Ox, method="json_schema", include_raw=True
    )
    shown = ways(raw)[way]()
    assert isinstance(shown[-1]["parsing_error"], OxenStructuredOutputError)
    assert shown[-1]["parsed"] is None


@each_row("way", ["invoke", "ainvoke", "stream", "astream"])
@each_row("method", METHODS)
def test_a_refusal_is_langchains_own(server: Server, method: Any, way: str) -> None:
    body = completion("")
    body["choices"][0]["message"]["refusal"] = "I do not count oxen."
    flow = [chunk({"refusal": "I do not "}), chunk({"refusal": "count oxen."}), chunk(None, "stop")]
    stage = server.stage(lambda request: streamed(sse(flow)) if request.wants_stream else [whole(body)])
    with pytest.raises(OxenRefusalError, match="I do not count oxen") as caught:
        ways(model_at(stage).with_structured_output(Ox, method=method))[way]()
    assert isinstance(caught.value, getattr(exceptions, "ModelRefusalError", exceptions.ModelError))
    assert caught.value.raw_message.content_blocks
    assert len(stage.requests) == 1, "no other way of asking changes its mind"
    assert type(pickle.loads(pickle.dumps(caught.value))) is OxenRefusalError  # noqa: S301 - our own


@each_row("way", ["invoke", "stream"])
def test_arguments_that_are_cut_never_become_an_object(server: Server, way: str) -> None:
    """Core closes the brackets of cut JSON; an order for 1000 oxen must not become one for 1."""
    call = {"index": 0, "id": "AbC123xyZ", "function": {"name": "Ox", "arguments": '{"name": "Bella", "age": 1'}}
    body = completion(None, finish_reason="length")
    body["choices"][0]["message"]["tool_calls"] = [call]
    flow = [chunk({"tool_calls": [call]}), chunk(None, "length")]
    stage = server.stage(lambda request: streamed(sse(flow)) if request.wants_stream else [whole(body)])
    with pytest.raises(OxenStructuredOutputError, match="cut off") as caught:
        ways(model_at(stage).with_structured_output(Ox))[way]()
    assert caught.value.partial.tool_calls[0].arguments == '{"name": "Bella", "age": 1'


def test_streams_show_the_object_as_it_grows(server: Server) -> None:
    stage = server.stage(streamed(sse(chunks(list('{"name": "Bella", "age": 7}')))))
    shown = list(model_at(stage).with_structured_output(OxDict, method="json_schema").stream(QUESTION))
    assert len(shown) > 3
    assert {"name": "Bell"} in shown
    assert shown[-1] == {"name": "Bella", "age": 7}
