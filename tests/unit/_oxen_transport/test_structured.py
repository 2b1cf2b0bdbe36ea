"""Structured output in rounds: which method is tried, what is remembered, what a failure means, when it is over."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import BaseModel, Field, create_model, model_validator

from _oxen_transport import capabilities, errors
from _oxen_transport.errors import Details, OxenBadRequestError, OxenError, OxenServerError, OxenStructuredOutputError
from _oxen_transport.settings import OxenSettings
from _oxen_transport.structured import METHODS, StructuredRounds
from _oxen_transport.structured_object import StructuredObject
from _oxen_transport.types import Completion, ToolCall
from tests.tables import each_row

HERE = OxenSettings(base_url="http://127.0.0.1:1")
THERE = OxenSettings(base_url="http://127.0.0.1:2")
PROSE = Completion(text="I like oxen.")
REJECTED = OxenBadRequestError("no such field", Details(status_code=400))


class Ox(BaseModel):
    """An ox."""

    name: str
    age: int = Field(gt=0)


BELLA = Completion(text='{"name": "Bella", "age": 7}')
WRONG = Completion(text='{"name": "Bella", "age": -7}')


@pytest.fixture(autouse=True)
def _fresh() -> Iterator[None]:
    capabilities.reset()
    yield
    capabilities.reset()


def run(rounds: StructuredRounds, *outcomes: Completion | OxenError) -> list[str]:
    """One round per outcome. Returns: the method of each."""
    methods = []
    for outcome in outcomes:
        methods.append(rounds.method)
        with rounds:
            if isinstance(outcome, OxenError):
                raise outcome
            rounds.take(outcome)
    return methods


def auto(settings: OxenSettings = HERE, **how: Any) -> StructuredRounds:
    return StructuredRounds(StructuredObject(Ox), settings, "auto", **how)


def test_auto_tries_the_strictest_method_first_and_the_prompt_last() -> None:
    rounds = auto()
    assert run(rounds, REJECTED, PROSE, REJECTED, BELLA) == list(METHODS)
    assert (rounds.over, rounds.result) == (True, Ox(name="Bella", age=7))


def test_what_worked_is_remembered_per_server_and_model() -> None:
    run(auto(), REJECTED, REJECTED, BELLA)
    assert auto().method == "json_mode"
    assert auto(OxenSettings(base_url="http://127.0.0.1:1", temperature=0)).method == "json_mode"
    others = (auto(THERE), auto(model="mistral-nemo"), auto(HERE.model_copy(update={"model": "x"})))
    assert {rounds.method for rounds in others} == {"json_schema"}
    assert run(auto(), REJECTED, REJECTED, BELLA) == ["json_mode", "json_schema", "function_calling"]


def test_an_accidental_failure_of_the_server_teaches_nothing() -> None:
    run(auto(), OxenServerError("oops", Details(status_code=500)), BELLA)
    assert auto().method == "json_schema"


@each_row(
    ("kind", "status", "falls_back"),
    [
        *((OxenBadRequestError, 400, True), (OxenBadRequestError, 422, True), (OxenServerError, 500, True)),
        *((errors.OxenNotFoundError, 404, True), (OxenServerError, 503, False)),
        *((errors.OxenContextOverflowError, 400, False), (errors.OxenAuthenticationError, 401, False)),
        *((errors.OxenRateLimitError, 429, False), (errors.OxenTimeoutError, None, False)),
    ],
)
def test_another_method_is_tried_only_after_a_rejection(
    kind: type[OxenError], status: int | None, falls_back: bool
) -> None:
    rounds, error = auto(), kind("x", Details(status_code=status))
    if falls_back:
        run(rounds, error)
        assert rounds.method == "function_calling"
        return
    with pytest.raises(kind):
        run(rounds, error)


def test_the_last_methods_failure_is_raised() -> None:
    with pytest.raises(OxenBadRequestError):
        run(auto(), REJECTED, REJECTED, REJECTED, REJECTED)
    with pytest.raises(OxenStructuredOutputError, match="I like oxen"):
        run(auto(), PROSE, PROSE, PROSE, PROSE)


def test_a_repair_shows_the_model_its_answer_and_the_error_once() -> None:
    rounds = StructuredRounds(StructuredObject(Ox), HERE, "json_schema", repair=True)
    run(rounds, WRONG)
    *_, answer, correction = rounds.messages(["hi"], lambda role, text: f"{role}: {text}")
    assert answer == f"assistant: {WRONG.text}"
    assert "greater than 0" in correction
    with pytest.raises(OxenStructuredOutputError):
        run(rounds, WRONG)
    rounds = StructuredRounds(StructuredObject(Ox), HERE, "json_schema", repair=True, raises=False)
    run(rounds, WRONG, WRONG)
    assert (rounds.over, rounds.result) == (True, None)
    assert isinstance(rounds.error, OxenStructuredOutputError)


def test_the_schemas_name_is_one_that_servers_take() -> None:
    made = StructuredObject(create_model("Straße", age=(int, ...))).parameters("json_schema")
    assert re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", made["response_format"]["json_schema"]["name"])


@each_row(
    ("method", "instruct", "expected"),
    [
        *(("json_mode", True, True), ("json_mode", False, False), ("prompt", True, True)),
        *(("json_schema", True, False), ("function_calling", True, False)),
    ],
)
def test_the_schema_is_in_the_prompt_where_the_request_does_not_hold_it(
    method: str, instruct: bool, expected: bool
) -> None:
    rounds = StructuredRounds(StructuredObject(Ox), HERE, method, instruct=instruct)
    messages = rounds.messages(["hi"], lambda role, text: f"{role}: {text}")
    assert (len(messages) == 2) is expected
    assert ("'age'" in str(rounds.parameters)) is (method in ("json_schema", "function_calling"))
    if expected:
        assert messages[0].startswith("system: Answer with one JSON object")
        assert '"age"' in messages[0]


def call(name: str, arguments: str) -> ToolCall:
    return ToolCall("AbC123xyZ", name, arguments)


RIGHT = '{"name": "Bella", "age": 7}'


CUT = (call("Ox", '{"name": "Bel'),)


@each_row(
    ("answer", "why"),
    [
        *((answer, "") for answer in (
            Completion(tool_calls=(call("Ox", RIGHT),)),
            Completion(text="Here it is.", tool_calls=(call("other", '{"x": 1}'), call("Ox", RIGHT))),
            Completion(text=RIGHT, tool_calls=CUT),
            Completion(text=RIGHT, finish_reason="length"),
            Completion(text=json.dumps({"name": "Ox", "arguments": json.loads(RIGHT)})),  # a call as text
            Completion(text=json.dumps({"name": "Ox", "parameters": RIGHT})),
        )),
        (Completion(text='{"name": "Bel', finish_reason="length"), "cut off at max_tokens"),
        (Completion(text="no"), "no JSON object but 'no'"),
        (Completion(tool_calls=CUT), "arguments are not a JSON object"),
        (Completion(tool_calls=(call("search", RIGHT),)), "called search in place of answering"),
        (WRONG, "greater than 0"),
    ],
)  # fmt: skip
def test_the_object_is_read_wherever_it_is_or_the_error_names_why_there_is_none(answer: Completion, why: str) -> None:
    wanted = StructuredObject(Ox, other_tools=frozenset({"search"}))
    if not why:
        assert wanted.read(answer) == Ox(name="Bella", age=7)
        return
    with pytest.raises(OxenStructuredOutputError, match=why) as caught:
        wanted.read(answer)
    assert caught.value.partial_text == answer.text


def test_a_refusal_is_an_error_of_its_own() -> None:
    with pytest.raises(errors.OxenRefusalError, match="not today") as caught:
        StructuredObject(Ox).read(Completion(refusal="not today"))
    assert caught.value.partial.refusal == "not today"


def test_an_object_that_looks_like_a_call_is_itself() -> None:
    value = {"name": "Ox", "size": 7}
    assert StructuredObject({"title": "Ox", "type": "object"}).read(Completion(text=json.dumps(value))) == value


class Doubled(BaseModel):
    age: int

    @model_validator(mode="before")
    @classmethod
    def _twice(cls, data: dict[str, int]) -> dict[str, int]:
        return {"age": data["age"] * 2}


def test_a_validator_may_miss_what_has_not_come_yet() -> None:
    previews = [StructuredObject(Doubled).preview(value) for value in ({"name": "B"}, {"name": "B", "age": 7})]
    assert previews == [None, Doubled(age=7)]
