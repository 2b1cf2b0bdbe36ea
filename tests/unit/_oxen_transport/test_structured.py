"""The ladder of ways to ask for an object: what is tried, what is remembered, what a failure means."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from _oxen_transport import structured
from _oxen_transport.errors import (
    Details,
    OxenAuthenticationError,
    OxenBadRequestError,
    OxenContextOverflowError,
    OxenError,
    OxenRateLimitError,
    OxenServerError,
    OxenTimeoutError,
)
from _oxen_transport.settings import OxenSettings
from _oxen_transport.structured import RUNGS, MethodFallback, correction, in_words
from tests.tables import each_row

HERE = OxenSettings(base_url="http://127.0.0.1:1")
THERE = OxenSettings(base_url="http://127.0.0.1:2")


@pytest.fixture(autouse=True)
def _fresh() -> Iterator[None]:
    structured.forget()
    yield
    structured.forget()


def test_from_the_strictest_down() -> None:
    assert list(MethodFallback(HERE)) == ["json_schema", "function_calling", "json_mode", "prompt"]


@each_row("rung", RUNGS)
def test_what_worked_comes_first_and_the_rest_after_it(rung: structured.StructuredMethod) -> None:
    MethodFallback(HERE).succeeded(rung)
    assert list(MethodFallback(HERE)) == [rung, *(other for other in RUNGS if other != rung)]


def test_it_is_remembered_per_server_and_model() -> None:
    MethodFallback(HERE).succeeded("json_mode")
    for other in (
        MethodFallback(THERE),
        MethodFallback(HERE, "mistral-nemo"),
        MethodFallback(HERE.model_copy(update={"model": "x"})),
    ):
        assert next(iter(other)) == "json_schema"
    assert next(iter(MethodFallback(OxenSettings(base_url="http://127.0.0.1:1", temperature=0)))) == "json_mode"


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


@each_row(("error", "is_one"), FAILURES, ids=lambda value: getattr(value, "message", str(value)))
def test_which_failures_may_be_about_the_way_of_asking(error: OxenError, is_one: bool) -> None:
    ladder = MethodFallback(HERE)
    next(iter(ladder))
    assert ladder.may_go_on(error) is is_one


def test_a_servers_bad_moment_teaches_nothing() -> None:
    ladder = MethodFallback(HERE)
    rungs = iter(ladder)
    next(rungs)
    assert ladder.may_go_on(OxenServerError("oops", Details(status_code=500)))
    ladder.succeeded(next(rungs))
    assert next(iter(MethodFallback(HERE))) == "json_schema"


def test_the_last_rung_is_the_last() -> None:
    ladder = MethodFallback(HERE)
    left = [(ladder.ignored(), ladder.may_go_on(FAILURES[0][0])) for _ in ladder]
    assert left == [(True, True)] * 3 + [(False, False)]


def test_many_threads_may_learn_at_once() -> None:
    threads = [threading.Thread(target=MethodFallback(HERE).succeeded, args=("json_mode",)) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert next(iter(MethodFallback(HERE))) == "json_mode"


def test_the_prompts_hold_what_they_are_about() -> None:
    assert in_words('{"type": "object"}').endswith('{"type": "object"}')
    assert "age: must be positive" in correction("age: must be positive")
    assert len(correction("x" * 9_000)) < 2_000
