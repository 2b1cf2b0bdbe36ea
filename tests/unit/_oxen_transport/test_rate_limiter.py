"""The shared rate limiter: close to what the server allows, and no 429 that a user would see."""

from __future__ import annotations

import asyncio
import copy
import heapq
import itertools
import pickle
import random
from collections.abc import Coroutine, Mapping
from types import SimpleNamespace
from typing import Any, NamedTuple

import pytest

from _oxen_transport import rate_limiter
from _oxen_transport.rate_limiter import RateLimiter, Reservation, _seconds
from _oxen_transport.retry import CEILING
from tests.tables import each_row


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


class Outcome(NamedTuple):
    """What a simulated server saw, from the moment on when the rate had settled."""

    per_second: float
    """Accepted requests per second."""
    requeued_often: int
    """How many calls were refused ten times."""


def simulate(
    limit: float,
    *,
    burst: float,
    pause: float | None,
    workers: int = 50,
    overload: float = 0.0,
    headers: Mapping[str, str] | None = None,
    settled: float = 30.0,
) -> Outcome:
    """Workers that call without rest, through one rate limiter, at a server with a token bucket: no real clock.

    Args:
        limit: Requests per second that the server accepts.
        burst: Seconds' worth of requests that it accepts at once.
        pause: The `Retry-After` of its 429s, in seconds.
        workers: How many call at the same time; a request takes 20 to 80 ms.
        overload: The part of the requests that is refused whatever the rate.
        headers: Further headers of each response.
        settled: Seconds that do not count; the simulation ends five minutes later.
    """
    clock, dice, order = Clock(), random.Random(7), itertools.count()  # noqa: S311 - a simulation
    limiter = RateLimiter(clock=clock)
    bucket, filled, accepted_after, often = limit * burst, 0.0, 0, 0
    events: list[Any] = [(dice.random() / 100, next(order), "reserve", 1, None) for _ in range(workers)]
    heapq.heapify(events)

    def later(seconds: float, what: str, tries: int, extra: Any = None) -> None:
        heapq.heappush(events, (clock.now + seconds, next(order), what, tries, extra))

    while events[0][0] < settled + 300:
        clock.now, _, what, tries, extra = heapq.heappop(events)
        if what == "reserve":
            reservation = limiter.reserve(extra)
            wait = reservation.wait
            later(wait or dice.uniform(0.01, 0.04), "reserve" if wait else "arrive", tries, reservation)
        elif what == "arrive":
            bucket, filled = min(limit * burst, bucket + (clock.now - filled) * limit), clock.now
            accepted = bucket >= 1 and dice.random() >= overload
            bucket -= accepted
            later(dice.uniform(0.01, 0.04), "respond", tries, accepted)
        else:
            wait = {} if extra or pause is None else {"retry-after": str(pause)}
            limiter.on_response(200 if extra else 429, {**(headers or {}), **wait})
            accepted_after += extra and clock.now > settled
            often += tries == 10
            later(0, "reserve", 1 if extra else tries + 1)
    return Outcome(accepted_after / 300, often)


@each_row(
    ("limit", "burst", "pause"),
    [*itertools.product((2, 20), (1, 5), (None, 0.3, 2)), (100, 1, None), (100, 5, 0.3), (100, 1, 2)],
)
def test_85_percent_of_an_unknown_steady_limit_are_used(limit: float, burst: float, pause: float | None) -> None:
    outcome = simulate(limit, burst=burst, pause=pause)
    assert outcome.per_second >= 0.85 * limit
    assert outcome.requeued_often <= 1


@each_row(
    ("limit", "least", "more"),
    [
        # each 429 costs ten seconds
        *((limit, 0.85 * limit, {"pause": 10, "workers": 20, "settled": 180}) for limit in (2, 20)),
        # a limit among random 429s
        (20, 0.85 * 20, {"pause": 0.3, "overload": 0.02}),
        # five percent of random 429s are no standstill: each is a pause for all, so 20 (or 60) a second are the most
        *((1000, 2, {"pause": None, "overload": 0.05, "settled": 600, "workers": workers}) for workers in (20, 100)),
        *((1000, 8, {"pause": 0.3, "overload": 0.05, "settled": 600, "workers": workers}) for workers in (20, 100)),
        # a limit in the headers is used up
        (20, 0.99 * 20, {"pause": 1, "headers": {"x-ratelimit-limit-requests": "1200"}}),
    ],
)
def test_a_limit_is_used_in_hard_cases(limit: float, least: float, more: dict[str, Any]) -> None:
    outcome = simulate(limit, **{"burst": 1, **more})
    assert outcome.per_second >= least
    assert outcome.requeued_often == 0 or limit < 1000


def test_without_a_limiter_the_same_callers_are_refused_again_and_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(RateLimiter, "reserve", lambda *_, **__: Reservation(0, 0.0, 0.0))
    assert simulate(2, burst=1, pause=1, settled=0.0, workers=20).requeued_often > 20


def test_tokens_per_minute_are_kept() -> None:
    clock = Clock()
    limiter = RateLimiter(requests_per_minute=6_000_000, tokens_per_minute=6_000, clock=clock)
    used = 0
    while clock.now < 600:
        reservation = limiter.reserve(tokens=50)
        clock.now += reservation.wait
        if limiter.reserve(reservation, tokens=50).wait == 0:
            limiter.record_usage(50, 100)  # an answer takes twice what was expected
            used += 100
    assert 0.95 < used / (6_000 * 10) < 1.1


def test_a_pause_is_for_every_caller_and_starts_a_new_generation() -> None:
    clock = Clock()
    limiter = RateLimiter(requests_per_minute=60, clock=clock)
    first, second, third = (limiter.reserve() for _ in range(3))
    assert [first.wait, second.wait, third.wait] == [0, 1, 2]
    limiter.on_response(429, {"retry-after": "30"})
    clock.now = 2.0
    assert limiter.reserve(third).wait == pytest.approx(28)
    assert limiter.reserve(second).wait == pytest.approx(29)
    assert limiter.would_wait()
    clock.now = 5.0
    limiter.on_response(429, {"retry-after": "10"})  # a shorter pause does not end a longer one
    assert limiter.reserve().wait == pytest.approx(27)


def test_tokens_of_a_request_that_never_started_are_given_back() -> None:
    clock = Clock()
    limiter = RateLimiter(requests_per_minute=6_000_000, tokens_per_minute=6_000, clock=clock)

    def waits(*reservations: Reservation | None) -> list[float]:
        waiting[:] = [limiter.reserve(old, tokens=1_000) for old in reservations]
        return [pytest.approx(reservation.wait, abs=0.1) for reservation in waiting]

    waiting: list[Reservation] = []
    assert waits(None, None, None) == [0, 10, 20]
    first, second, third = waiting
    limiter.release(third)
    limiter.release(first)  # has started
    assert waits(None) == [20]
    limiter.on_response(429, {"retry-after": "30"})
    assert waits(*waiting, second) == [30, 40], "nobody's tokens are booked twice"
    limiter.release(second)  # of before the pause
    assert waits(None) == [50]


async def _cancelled(waiting: Coroutine[Any, Any, None]) -> None:
    task = asyncio.ensure_future(waiting)
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task])


def test_a_cancelled_wait_gives_its_tokens_back() -> None:
    limiter = RateLimiter(requests_per_minute=6_000_000, tokens_per_minute=6_000, clock=Clock())
    limiter.reserve(tokens=2_000)
    asyncio.run(_cancelled(limiter.wait_async(tokens=1_000)))
    assert limiter.reserve(tokens=1_000).wait == pytest.approx(20, abs=0.1)


def test_nothing_remaining_is_a_pause_until_the_reset() -> None:
    limiter = RateLimiter(clock=Clock())
    limiter.on_response(200, {"x-ratelimit-remaining-tokens": "0", "x-ratelimit-reset-tokens": "30s"})
    assert limiter.reserve().wait == pytest.approx(30)
    limiter.on_response(200, {"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "24h0m0s"})
    assert limiter.reserve().wait == pytest.approx(CEILING), "then the server is asked again"
    limiter = RateLimiter(clock=Clock())
    limiter.on_response(200, {"x-ratelimit-limit-tokens": "600", "x-ratelimit-remaining-tokens": "5"})
    assert limiter.reserve(tokens=100).wait == 0
    assert limiter.reserve(tokens=100).wait == pytest.approx(10, abs=0.2)


@each_row(
    ("text", "seconds"),
    [
        *(("6m0s", 360), ("20ms", 0.02), ("1.5", 1.5), ("1h2m", 3720), ("soon", None), ("", None)),
        *(("1790000030", 30), ("1790000030500", 30.5), ("1789999999", 0)),  # since 1970
    ],
)
def test_reset_times(text: str, seconds: float | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rate_limiter, "time", SimpleNamespace(time=lambda: 1_790_000_000.0))
    assert _seconds(text) == seconds


def test_copies_share_the_limiter_and_pickles_keep_its_settings() -> None:
    limiter = RateLimiter(600, 1000)
    assert copy.deepcopy(limiter) is limiter
    again = pickle.loads(pickle.dumps(limiter))  # noqa: S301 - our own bytes
    assert (again.requests_per_minute, again.tokens_per_minute) == (600, 1000)


def test_wait_and_wait_async_return_when_a_request_may_start() -> None:
    from_now = RateLimiter(requests_per_minute=6_000)
    from_now.wait()
    asyncio.run(from_now.wait_async())
    from_now.wait(tokens=10)
    assert from_now.would_wait()


def test_other_errors_and_unlimited_tokens_change_nothing() -> None:
    clock = Clock()
    limiter = RateLimiter(clock=clock)
    limiter.on_response(503, {})
    limiter.record_usage(100, 500)
    assert not limiter.would_wait()
    rate = limiter._rate
    clock.now = 5.0
    limiter.reserve()  # nobody waits for the limiter, so a higher rate would prove nothing
    assert limiter._rate == rate
