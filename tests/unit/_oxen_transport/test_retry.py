"""Whether to try again, and when: decided, never slept."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from email.utils import formatdate
from typing import Any

import pytest

from _oxen_transport import errors, retry
from _oxen_transport.errors import OxenError
from _oxen_transport.retry import CEILING, AttemptState, RetryBudget, RetryPolicy, is_retryable, retry_after_seconds
from tests.tables import each_row

NOW = 1_800_000_000.0


@pytest.fixture
def highest(monkeypatch: pytest.MonkeyPatch) -> None:
    """The longest wait each time: full jitter has no other fixed point."""
    monkeypatch.setattr(retry.random, "uniform", lambda least, most: most)


@pytest.mark.usefixtures("highest")
@each_row(
    ("retries", "waits"),
    [
        (8, {(attempt, None): min(8.0, 0.5 * 2 ** (attempt - 1)) for attempt in range(1, 9)} | {(9, None): None}),
        (0, {(1, None): None, (1, 0.5): None}),
        # the server's word is the least
        (2, {(1, 3.0): 3.25, (1, 0.0): 0.25, (1, CEILING): CEILING + 0.25, (1, CEILING + 1): None}),
    ],
)
def test_waits(retries: int, waits: dict[tuple[int, float | None], float | None]) -> None:
    policy = RetryPolicy(max_retries=retries)
    assert {asked: policy.wait(*asked) for asked in waits} == waits


def test_jitter_is_full() -> None:
    waits = [RetryPolicy().wait(2, None) or 0 for _ in range(400)]
    assert 0 <= min(waits) < 0.2
    assert 0.8 < max(waits) <= 1.0


CONNECTED, ANSWERED = AttemptState(connected=True), AttemptState(connected=True, answered=True)


@each_row(
    ("kind", "retried", "not_retried"),
    [
        (errors.OxenConnectionError, (AttemptState(), CONNECTED), (ANSWERED,)),
        (errors.OxenTimeoutError, (AttemptState(),), (CONNECTED,)),
        *((kind, (ANSWERED,), ()) for kind in (errors.OxenRateLimitError, errors.OxenServerError)),
        *((kind, (), (AttemptState(),)) for kind in (errors.OxenTLSError, errors.OxenConfigError)),
        *((kind, (), (ANSWERED,)) for kind in (errors.OxenBadRequestError, errors.OxenAuthenticationError)),
        *((kind, (), (ANSWERED,)) for kind in (errors.OxenRedirectError, errors.OxenTruncatedStreamError)),
        *((kind, (), (ANSWERED,)) for kind in (errors.OxenAPIError, errors.OxenResponseError)),
    ],
)
def test_what_is_tried_again(kind: type[OxenError], retried: tuple[Any, ...], not_retried: tuple[Any, ...]) -> None:
    assert all(is_retryable(kind("x"), progress) for progress in retried)
    assert not any(is_retryable(kind("x"), progress) for progress in not_retried)


@pytest.fixture
def zoned(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """Set this machine's time zone."""

    def set_zone(name: str) -> None:
        monkeypatch.setenv("TZ", name)
        time.tzset()

    yield set_zone
    monkeypatch.undo()
    time.tzset()


def date(seconds: float) -> str:
    return formatdate(NOW + seconds, usegmt=True)


@each_row(
    ("headers", "expected"),
    [
        *(({}, None), ({"retry-after": "0"}, 0.0), ({"retry-after": " 17 "}, 17.0), ({"retry-after": "1.5"}, 1.5)),
        *(
            ({"retry-after-ms": ms, "retry-after": "17"}, found)
            for ms, found in (("900", 0.9), ("x", 17.0), ("-1", 17.0))
        ),
        ({"retry-after-ms": "900"}, 0.9),
        *(
            ({"retry-after": str((NOW + seconds) * unit)}, max(0, seconds))
            for seconds, unit in ((20, 1), (20, 1000), (-3, 1))
        ),
        *(({"retry-after": date(seconds)}, max(0.0, seconds)) for seconds in (3, -3, 86_400)),
        ({"retry-after": date(3).removesuffix(" GMT")}, 3.0),  # without a zone: GMT, as all HTTP dates are
        ({"retry-after": "Fri, 31 Dec 9999723959:59 50200"}, None),
        *[({"retry-after": junk}, None) for junk in ("", "soon", "-5", "nan", "inf", "-5, nan, soon", "1e999", "0x10")],
        *[
            ({"retry-after": "5, 5"}, 5.0),
            ({"retry-after": f"{date(3)}, {date(3)}"}, 3.0),
            ({"retry-after": "1_0"}, None),
        ],
        ({"retry-after": "Wed, 99 Foo 2015"}, None),
        ({"retry-after": "Fri, 31 Dec 9999 23:59:59 -2359"}, 251_602_387_139.0),
    ],
)
def test_retry_after(headers: dict[str, str], expected: float | None, zoned: Callable[[str], None]) -> None:
    for zone in ("UTC", "America/New_York", "Asia/Tokyo"):
        zoned(zone)
        found = retry_after_seconds(headers, NOW)
        assert found == (expected if expected is None else pytest.approx(expected)), zone


def test_the_budget_runs_out_and_fills_again() -> None:
    budget = RetryBudget(capacity=2, refill=0.5)
    assert [budget.take() for _ in range(3)] == [True, True, False]
    budget.give_back()
    assert not budget.take(), "half a token is none"
    budget.give_back()
    assert [budget.take() for _ in range(2)] == [True, False]
    for _ in range(100):
        budget.give_back()
    assert [budget.take() for _ in range(3)] == [True, True, False], "never more than its capacity"


def test_the_budget_under_threads() -> None:
    budget = RetryBudget(capacity=100)
    with ThreadPoolExecutor(16) as pool:
        taken = list(pool.map(lambda _: budget.take(), range(1000)))
    assert sum(taken) == 100


def test_an_outage_is_not_made_worse() -> None:
    """1,000 calls against a dead host: at most 1.2 requests a call, and 50."""
    budget, policy, requests = RetryBudget(), RetryPolicy(), 0
    for _ in range(1000):
        for attempt in range(1, 10):
            requests += 1
            if policy.wait(attempt, None) is None or not budget.take():
                break
    assert requests <= 1.2 * 1000 + 50
    assert retry.budget_of("a.test") is retry.budget_of("a.test") is not retry.budget_of("b.test")
