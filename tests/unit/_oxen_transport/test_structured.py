"""Structured output in rounds: which method is tried, what is remembered, what a failure means, when it is over."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import BaseModel, Field

from _oxen_transport import capabilities
from _oxen_transport.errors import (
    Details,
    OxenAuthenticationError,
    OxenBadRequestError,
    OxenContextOverflowError,
    OxenError,
    OxenRateLimitError,
    OxenRefusalError,
    OxenServerError,
    OxenStructuredOutputError,
    OxenTimeoutError,
)
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


FAILURES: list[tuple[OxenError, bool]] = [
    (OxenBadRequestError("no such field", Details(status_code=400)), True),
    (OxenBadRequestError("no such field", Details(status_code=422)), True),
    (OxenServerError("cannot parse the model's call", Details(status_code=500)), True),
    (OxenServerError("busy", Details(status_code=503)), False),
    (OxenContextOverflowError("too long", Details(status_code=400)), False),
    (OxenAuthenticationError("who?", Details(status_code=401)), False),
    (OxenRateLimitError("slow", Details(status_code=429)), False),
    (OxenTimeoutError("late"), False),
]


@each_row(("error", "falls_back"), FAILURES, ids=lambda value: getattr(value, "message", str(value)))
def test_another_method_is_tried_only_after_a_rejection(error: OxenError, falls_back: bool) -> None:
    rounds = auto()
    if falls_back:
        run(rounds, error)
        assert rounds.method == "function_calling"
        return
    with pytest.raises(type(error)):
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


@each_row(
    ("method", "instruct", "expected"),
    [
        ("json_mode", True, True),
        ("json_mode", False, False),
        ("prompt", True, True),
        ("json_schema", True, False),
        ("function_calling", True, False),
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


@each_row(
    "answer",
    [
        Completion(tool_calls=(call("Ox", RIGHT),)),
        Completion(text="Here it is.", tool_calls=(call("other", '{"x": 1}'), call("Ox", RIGHT))),
        Completion(text=RIGHT, tool_calls=(call("Ox", '{"name": "Bel'),)),
        Completion(text=RIGHT, finish_reason="length"),
        Completion(text=json.dumps({"name": "Ox", "arguments": json.loads(RIGHT)})),
        Completion(text=json.dumps({"name": "Ox", "parameters": RIGHT})),
    ],
    ids=["call", "after another call", "beside a cut call", "before the cut", "call as text", "call with text in text"],
)
def test_the_object_is_read_wherever_it_is(answer: Completion) -> None:
    assert StructuredObject(Ox).read(answer) == Ox(name="Bella", age=7)


@each_row(
    ("answer", "why"),
    [
        (Completion(text='{"name": "Bel', finish_reason="length"), "cut off at max_tokens"),
        (Completion(text="no"), "no JSON object but 'no'"),
        (Completion(tool_calls=(call("Ox", '{"name": "Bel'),)), "arguments are not a JSON object"),
        (Completion(tool_calls=(call("search", RIGHT),)), "called search in place of answering"),
        (WRONG, "greater than 0"),
    ],
    ids=["cut", "prose", "cut call", "another tool", "invalid"],
)
def test_an_answer_without_the_object_says_why(answer: Completion, why: str) -> None:
    with pytest.raises(OxenStructuredOutputError, match=why) as caught:
        StructuredObject(Ox, other_tools=frozenset({"search"})).read(answer)
    assert caught.value.partial_text == answer.text


def test_a_refusal_is_an_error_of_its_own() -> None:
    with pytest.raises(OxenRefusalError, match="not today") as caught:
        StructuredObject(Ox).read(Completion(refusal="not today"))
    assert caught.value.partial.refusal == "not today"


def test_an_object_that_looks_like_a_call_is_itself() -> None:
    value = {"name": "Ox", "size": 7}
    assert StructuredObject({"title": "Ox", "type": "object"}).read(Completion(text=json.dumps(value))) == value
