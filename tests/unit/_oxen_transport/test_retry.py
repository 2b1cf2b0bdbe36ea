"""Whether to try again, and when: decided, never slept."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from email.utils import formatdate

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
def test_back_off_doubles_up_to_a_cap() -> None:
    policy = RetryPolicy(max_retries=8)
    waits = [policy.wait(attempt, None) for attempt in range(1, 10)]
    assert waits == [0.5, 1.0, 2.0, 4.0, 8.0, 8.0, 8.0, 8.0, None]


def test_jitter_is_full() -> None:
    waits = [RetryPolicy().wait(2, None) for _ in range(400)]
    assert all(wait is not None and 0 <= wait <= 1.0 for wait in waits)
    assert min(w for w in waits if w is not None) < 0.2
    assert max(w for w in waits if w is not None) > 0.8


def test_no_retries_means_none() -> None:
    assert RetryPolicy(max_retries=0).wait(1, None) is None
    assert RetryPolicy(max_retries=0).wait(1, 0.5) is None


@pytest.mark.usefixtures("highest")
def test_the_servers_word_is_the_least() -> None:
    policy = RetryPolicy()
    assert policy.wait(1, 3.0) == 3.25
    assert policy.wait(1, 0.0) == 0.25
    assert policy.wait(1, CEILING) == CEILING + 0.25
    assert policy.wait(1, CEILING + 1) is None


CONNECTED, ANSWERED = AttemptState(connected=True), AttemptState(connected=True, answered=True)


@each_row(
    ("kind", "progress", "expected"),
    [
        (errors.OxenConnectionError, AttemptState(), True),
        (errors.OxenConnectionError, CONNECTED, True),
        (errors.OxenConnectionError, ANSWERED, False),
        (errors.OxenTLSError, AttemptState(), False),
        (errors.OxenTimeoutError, AttemptState(), True),
        (errors.OxenTimeoutError, CONNECTED, False),
        (errors.OxenRateLimitError, ANSWERED, True),
        (errors.OxenServerError, ANSWERED, True),
        (errors.OxenBadRequestError, ANSWERED, False),
        (errors.OxenAuthenticationError, ANSWERED, False),
        (errors.OxenRedirectError, ANSWERED, False),
        (errors.OxenConfigError, AttemptState(), False),
        (errors.OxenTruncatedStreamError, ANSWERED, False),
        (errors.OxenAPIError, ANSWERED, False),
        (errors.OxenResponseError, ANSWERED, False),
    ],
)
def test_what_is_tried_again(kind: type[OxenError], progress: AttemptState, expected: bool) -> None:
    assert is_retryable(kind("x"), progress) is expected


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
        ({}, None),
        ({"retry-after": "0"}, 0.0),
        ({"retry-after": "17"}, 17.0),
        ({"retry-after": " 17 "}, 17.0),
        ({"retry-after": "1.5"}, 1.5),
        ({"retry-after-ms": "900"}, 0.9),
        ({"retry-after-ms": "900", "retry-after": "17"}, 0.9),
        ({"retry-after-ms": "soon", "retry-after": "17"}, 17.0),
        ({"retry-after-ms": "-1", "retry-after": "17"}, 17.0),
        ({"retry-after": date(3)}, 3.0),
        ({"retry-after": date(-3)}, 0.0),
        ({"retry-after": date(86_400)}, 86_400.0),
        ({"retry-after": date(3).removesuffix(" GMT")}, 3.0),  # without a zone: GMT, as all HTTP dates are
        ({"retry-after": "Fri, 31 Dec 9999723959:59 50200"}, None),
        *[({"retry-after": junk}, None) for junk in ("", "soon", "-5", "nan", "inf", "-5, nan, soon", "1e999", "0x10")],
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


def test_one_budget_per_host() -> None:
    assert retry.budget_of("a.test") is retry.budget_of("a.test")
    assert retry.budget_of("a.test") is not retry.budget_of("b.test")


def test_an_outage_is_not_made_worse() -> None:
    """1,000 calls against a dead host: at most 1.2 requests a call, and 50."""
    budget, policy, requests = RetryBudget(), RetryPolicy(), 0
    give_up: Callable[[int], bool] = lambda attempt: policy.wait(attempt, None) is None or not budget.take()  # noqa: E731
    for _ in range(1000):
        for attempt in range(1, 10):
            requests += 1
            if give_up(attempt):
                break
    assert requests <= 1.2 * 1000 + 50
