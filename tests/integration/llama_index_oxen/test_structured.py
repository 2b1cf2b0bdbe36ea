"""Structured prediction: sync, async and streams give one verdict."""

from __future__ import annotations

import asyncio
import json
from typing import Generic, TypeVar

import pytest
from llama_index.core.base.llms.types import ChatMessage
from llama_index.core.prompts import PromptTemplate
from llama_index.core.types import PydanticProgramMode
from pydantic import BaseModel

from _oxen_transport import capabilities
from _oxen_transport.testing import chunk, chunks, completion, error_body, reply, sse, streamed, whole
from llama_index_oxen import (
    Oxen,
    OxenPaymentRequiredError,
    OxenRefusalError,
    OxenStructuredOutputError,
    OxenTruncatedStreamError,
)
from tests.tables import each_row

T = TypeVar("T")
WAYS = ("sync", "async", "stream", "astream")


class Person(BaseModel):
    """A person."""

    name: str
    age: int
    hobbies: list[str] = []


class Box(BaseModel, Generic[T]):
    """A box."""

    content: T


def predict(llm, way, output_cls=Person, **kwargs):
    """All that one way shows; the last is the answer."""
    prompt = PromptTemplate("Who is {name}?")  # core's text program writes on the prompt it is given
    if way == "sync":
        return [llm.structured_predict(output_cls, prompt, name="Bob", **kwargs)]
    if way == "stream":
        return list(llm.stream_structured_predict(output_cls, prompt, name="Bob", **kwargs))

    async def run():
        if way == "async":
            return [await llm.astructured_predict(output_cls, prompt, name="Bob", **kwargs)]
        stream = await llm.astream_structured_predict(output_cls, prompt, name="Bob", **kwargs)
        return [shown async for shown in stream]

    return asyncio.run(run())


def answering(arguments, name="Person", **more):
    """An attempt that calls the tool, streamed or not, as the request asks."""
    calls = [("AbC123xyZ", name, arguments)]

    def attempt(request):
        if request.wants_stream:
            return streamed(sse(chunks(tool_calls=calls, **more)))
        return [whole(completion(tool_calls=calls, **more))]

    return attempt


def saying(text, finish_reason="stop"):
    def attempt(request):
        if request.wants_stream:
            return streamed(sse(chunks(text, finish_reason=finish_reason)))
        return [whole(completion(text, finish_reason=finish_reason))]

    return attempt


@pytest.fixture
def make(server):
    def made(*attempts, **options):
        stage = server.stage(*attempts)
        return Oxen(base_url=stage.url, api_key="sk-1", max_retries=0, **options), stage

    return made


BOB = {"name": "Bob", "age": 42, "hobbies": ["rowing", "chess"]}


@pytest.mark.parametrize("way", WAYS)
def test_every_way_forces_the_tool_and_ends_in_the_object(make, way):
    llm, stage = make(answering(BOB), system_prompt="Be exact.")
    shown = predict(llm, way)
    assert shown[-1] == Person(**BOB)
    assert type(shown[-1]) is Person
    [body] = stage.bodies
    assert body["tool_choice"] == "required"
    assert [tool["function"]["name"] for tool in body["tools"]] == ["Person"]
    assert body["messages"] == [
        {"role": "system", "content": "Be exact."},
        {"role": "user", "content": "Who is Bob?"},
    ]


@pytest.mark.parametrize("way", ["stream", "astream"])
def test_partial_objects_grow_and_never_show_half_a_number(make, way):
    llm, _ = make(answering(BOB, piece=1))
    shown = predict(llm, way)
    assert len(shown) > 4
    assert [getattr(one, "age", None) for one in shown if getattr(one, "age", None) not in (None, 42)] == []
    names = [one.name for one in shown if one.name]
    assert all("Bob".startswith(name) for name in names)


@pytest.mark.parametrize("way", ["stream", "astream"])
def test_the_last_object_is_whole_though_previews_lag(make, way):
    """A long text is read anew only now and then (`PartialObject`); the end must not lack what came since."""
    text = json.dumps({"name": "Bob " * 200 + "the last", "age": 42})
    pieces = [text[at : at + 3] for at in range(0, len(text), 3)]
    llm, _ = make(streamed(sse(chunks(pieces))), structured_method="json_schema")
    last = predict(llm, way)[-1]
    assert type(last) is Person
    assert last == Person(name="Bob " * 200 + "the last", age=42)


@pytest.mark.parametrize("way", WAYS)
def test_a_generic_class(make, way):
    llm, stage = make(answering({"content": 7}, name="Box_int_"))
    assert predict(llm, way, Box[int])[-1] == Box[int](content=7)
    assert stage.bodies[0]["tools"][0]["function"]["name"] == "Box_int_"


@pytest.mark.parametrize("way", WAYS)
def test_an_answer_that_does_not_fit_is_an_error_with_the_answer(make, way):
    llm, _ = make(answering({"name": "Bob", "age": "old"}))
    with pytest.raises(OxenStructuredOutputError, match="age") as caught:
        predict(llm, way)
    assert '"old"' in caught.value.partial.tool_calls[0].arguments


@pytest.mark.parametrize("way", WAYS)
def test_an_answer_in_words_is_an_error_that_shows_them(make, way):
    llm, _ = make(saying("I am not sure."))
    with pytest.raises(OxenStructuredOutputError, match="I am not sure") as caught:
        predict(llm, way)
    assert caught.value.partial_text == "I am not sure."


@pytest.mark.parametrize("way", WAYS)
@each_row("text", ['{"name": "Bob", "age": 42}', '```json\n{"name": "Bob", "age": 42}\n```'])
def test_json_where_a_call_was_asked_for_is_read(make, way, text):
    llm, _ = make(saying(text))
    assert predict(llm, way)[-1] == Person(name="Bob", age=42)


ELSEWHERE = {
    "reasoning": '<think>{"name": "Rob"}?</think>{"name": "Bob", "age": 42}',
    "a second fence": '```json\n{"name": "Bob", "age": 42}\n```\n```python\nprint(person)\n```',
    "sentences": 'Sure: {"name": "Bob", "age": 42}. I hope that helps.',
    "a first try": '{"name": "Rob"}. No: {"name": "Bob", "age": 42}',
}


@pytest.mark.parametrize("way", WAYS)
@each_row("text", ELSEWHERE.values())
@each_row("method", ["json_schema", "function_calling"])
def test_the_object_is_found_beside_other_text(make, way, text, method):
    llm, _ = make(saying(text), structured_method=method)
    assert predict(llm, way)[-1] == Person(name="Bob", age=42)


class Tree(BaseModel):
    """A class that refers to itself."""

    children: list[Tree] = []


@pytest.mark.parametrize("method", ["json_schema", "function_calling"])
def test_a_class_that_refers_to_itself(make, method):
    llm, stage = make(saying('{"children": [{"children": []}]}'), structured_method=method)
    assert predict(llm, "sync", Tree)[-1] == Tree(children=[Tree()])
    [body] = stage.bodies
    schema = (
        body["tools"][0]["function"]["parameters"]
        if method == "function_calling"
        else body["response_format"]["json_schema"]["schema"]
    )
    assert schema["type"] == "object"
    assert schema["properties"]["children"]["items"] == {"$ref": "#/$defs/Tree"}
    assert "Tree" in schema["$defs"]


def test_a_refusal_is_an_error_of_its_own(make):
    body = completion("")
    body["choices"][0]["message"]["refusal"] = "I do not know people."
    llm, stage = make(reply(body), structured_method="auto")
    with pytest.raises(OxenRefusalError, match="I do not know people"):
        predict(llm, "sync")
    assert len(stage.requests) == 1


@pytest.mark.parametrize("way", ["stream", "astream"])
def test_an_answer_cut_at_max_tokens_says_so(make, way):
    piece = {"index": 0, "id": "AbC123xyZ", "function": {"name": "Person", "arguments": '{"name": "Bob", "age": 42'}}
    llm, _ = make(streamed(sse([chunk({"tool_calls": [piece]}), chunk(None, "length")])))
    with pytest.raises(OxenStructuredOutputError, match="max_tokens") as caught:
        predict(llm, way)
    assert caught.value.partial.tool_calls[0].arguments == '{"name": "Bob", "age": 42'


@pytest.mark.parametrize("way", ["stream", "astream"])
def test_an_empty_stream_is_a_clear_error(make, way):
    llm, _ = make(streamed(sse([])))
    with pytest.raises(OxenTruncatedStreamError, match="no answer"):
        predict(llm, way)


def test_llm_kwargs_reach_the_request(make):
    llm, stage = make(answering(BOB))
    predict(llm, "sync", llm_kwargs={"temperature": 0.1, "tool_choice": "auto"})
    assert stage.bodies[0]["temperature"] == 0.1
    assert stage.bodies[0]["tool_choice"] == "required"


def test_as_structured_llm(make):
    llm, _ = make(answering(BOB))
    structured = llm.as_structured_llm(Person)
    assert structured.chat([ChatMessage(content="Who is Bob?")]).raw == Person(**BOB)
    assert list(structured.stream_chat([ChatMessage(content="Who is Bob?")]))[-1].raw == Person(**BOB)


@pytest.mark.parametrize("way", ["sync", "async"])
def test_other_program_modes_are_cores_own(make, way):
    llm, stage = make(saying('{"name": "Bob", "age": 42}'), pydantic_program_mode=PydanticProgramMode.LLM)
    assert predict(llm, way)[-1] == Person(name="Bob", age=42)
    assert "tools" not in stage.bodies[0]


# -- other ways of asking, and a second round ----------------------------------------------------


@pytest.fixture
def _nothing_learnt():
    capabilities.reset()
    yield
    capabilities.reset()


@pytest.mark.usefixtures("_nothing_learnt")
@pytest.mark.parametrize("way", WAYS)
def test_auto_climbs_down_and_remembers(make, way):
    def picky(request):
        if "response_format" in request.json:
            return reply(error_body("response_format: extra inputs are not permitted"), 422)
        return answering(BOB)(request)

    llm, stage = make(picky, structured_method="auto")
    assert predict(llm, way)[-1] == Person(**BOB)
    assert predict(llm, way)[-1] == Person(**BOB)
    asked = [body.get("response_format", {}).get("type") or body.get("tool_choice") for body in stage.bodies]
    assert asked == ["json_schema", "required", "required"]


@pytest.mark.usefixtures("_nothing_learnt")
@pytest.mark.parametrize("way", WAYS)
def test_auto_ends_with_the_prompt_alone(make, way):
    def deaf(request):
        if "response_format" in request.json or "tools" in request.json:
            return reply(error_body("unknown field"), 400)
        return saying('Here it is: ```json\n{"name": "Bob", "age": 42}\n```')(request)

    llm, stage = make(deaf, structured_method="auto")
    assert predict(llm, way)[-1] == Person(name="Bob", age=42)
    assert len(stage.requests) == 4
    assert "JSON schema" in stage.bodies[-1]["messages"][0]["content"]


@pytest.mark.usefixtures("_nothing_learnt")
def test_auto_does_not_ask_again_after_another_kind_of_failure(make):
    llm, stage = make(reply(error_body("no credits"), 402), structured_method="auto")
    with pytest.raises(OxenPaymentRequiredError):
        predict(llm, "sync")
    assert len(stage.requests) == 1


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(("method", "kind"), [("json_schema", "json_schema"), ("json_mode", "json_object")])
def test_the_other_methods(make, way, method, kind):
    llm, stage = make(saying('{"name": "Bob", "age": 42}'), structured_method=method)
    assert predict(llm, way)[-1] == Person(name="Bob", age=42)
    assert stage.bodies[0]["response_format"]["type"] == kind
    said = str(stage.bodies[0]["messages"])
    assert ("JSON schema" in said) == (method == "json_mode")


@pytest.mark.parametrize("way", WAYS)
def test_one_bounded_round_of_repair(make, way):
    llm, stage = make(answering({"name": "Bob"}), answering(BOB), structured_repair=True)
    assert predict(llm, way)[-1] == Person(**BOB)
    *_, said, mend = stage.bodies[1]["messages"]
    assert (said["role"], mend["role"]) == ("assistant", "user")
    assert "age" in mend["content"]
    assert len(stage.requests) == 2


@pytest.mark.parametrize("way", WAYS)
def test_a_second_failure_is_final(make, way):
    llm, stage = make(answering({"name": "Bob"}), structured_repair=True)
    with pytest.raises(OxenStructuredOutputError, match="age"):
        predict(llm, way)
    assert len(stage.requests) == 2


def test_without_leave_nothing_is_asked_twice(make):
    llm, stage = make(answering({"name": "Bob"}))
    with pytest.raises(OxenStructuredOutputError):
        predict(llm, "sync")
    assert len(stage.requests) == 1
