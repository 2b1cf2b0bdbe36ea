"""The shared rate limiter: close to what the server allows, and no 429 that a user would see."""

from __future__ import annotations

import asyncio
import copy
import heapq
import pickle
import random
import threading
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from typing import Any, NamedTuple

import pytest

from _oxen_transport.errors import OxenRateLimitError, OxenTimeoutError
from _oxen_transport.rate_limiter import RateLimiter, Reservation, _seconds
from _oxen_transport.testing import Received, Server, good, reply, whole
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
    clock, dice, order = Clock(), random.Random(7), count()  # noqa: S311 - a simulation
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


@each_row("limit", [2, 20, 100])
@each_row("burst", [1, 5])
@each_row("pause", [None, 0.3, 2])
def test_85_percent_of_an_unknown_steady_limit_are_used(limit: float, burst: float, pause: float | None) -> None:
    outcome = simulate(limit, burst=burst, pause=pause)
    assert outcome.per_second >= 0.85 * limit
    assert outcome.requeued_often <= 1


@each_row("limit", [2, 20])
def test_85_percent_are_used_where_each_429_costs_ten_seconds(limit: float) -> None:
    assert simulate(limit, burst=1, pause=10, workers=20, settled=180).per_second >= 0.85 * limit


@each_row(("pause", "least"), [(None, 2), (0.3, 8)])
@each_row("workers", [20, 100])
def test_five_percent_of_random_429s_are_no_standstill(pause: float | None, least: float, workers: int) -> None:
    """Each of them is a pause for all, so that 20 (or 60) requests per second are the most there can be."""
    outcome = simulate(1000, burst=1, pause=pause, workers=workers, overload=0.05, settled=600)
    assert outcome.per_second >= least
    assert outcome.requeued_often == 0


def test_a_limit_is_kept_among_random_429s() -> None:
    assert simulate(20, burst=1, pause=0.3, overload=0.02).per_second >= 0.85 * 20


def test_a_limit_in_the_headers_is_used_up() -> None:
    outcome = simulate(20, burst=1, pause=1, headers={"x-ratelimit-limit-requests": "1200"})
    assert outcome.per_second >= 0.99 * 20
    assert outcome.requeued_often == 0


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


def test_nothing_remaining_is_a_pause_until_the_reset() -> None:
    clock = Clock()
    limiter = RateLimiter(clock=clock)
    limiter.on_response(200, {"x-ratelimit-remaining-tokens": "0", "x-ratelimit-reset-tokens": "1m30s"})
    assert limiter.reserve().wait == pytest.approx(90)
    limiter = RateLimiter(clock=clock)
    limiter.on_response(200, {"x-ratelimit-limit-tokens": "600", "x-ratelimit-remaining-tokens": "5"})
    assert limiter.reserve(tokens=100).wait == 0
    assert limiter.reserve(tokens=100).wait == pytest.approx(10, abs=0.2)


@each_row(
    ("text", "seconds"), [("6m0s", 360), ("20ms", 0.02), ("1.5", 1.5), ("1h2m", 3720), ("soon", None), ("", None)]
)
def test_reset_times(text: str, seconds: float | None) -> None:
    assert _seconds(text) == seconds


def test_copies_share_the_limiter_and_pickles_keep_its_settings() -> None:
    from langchain_oxen import OxenRateLimiter

    limiter = OxenRateLimiter(600, 1000)
    assert copy.deepcopy(limiter) is limiter
    again = pickle.loads(pickle.dumps(limiter))  # noqa: S301 - our own bytes
    assert (again.requests_per_minute, again.tokens_per_minute) == (600, 1000)


def test_a_shorter_pause_does_not_end_a_longer_one() -> None:
    clock = Clock()
    limiter = RateLimiter(requests_per_minute=60, clock=clock)
    limiter.on_response(429, {"retry-after": "30"})
    clock.now = 5.0
    limiter.on_response(429, {"retry-after": "10"})
    assert limiter.reserve().wait == 25


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


class Bucket:
    """A server that allows so many requests per second, strictly."""

    def __init__(self, limit: float) -> None:
        self.limit, self.tokens, self.filled = limit, limit, time.monotonic()
        self.lock, self.served, self.refused = threading.Lock(), 0, 0

    def __call__(self, request: Received) -> Any:
        with self.lock:
            now = time.monotonic()
            self.tokens = min(self.limit, self.tokens + (now - self.filled) * self.limit)
            self.filled = now
            if self.tokens < 1:
                self.refused += 1
                return [whole({"error": {"message": "Rate limit exceeded"}}, 429, retry_after=1)]
            self.tokens -= 1
            self.served += 1
        return good(request)


def test_two_packages_share_one_limiter_at_a_real_server_without_a_429(server: Server) -> None:
    from llama_index.core.llms import ChatMessage

    import langchain_oxen
    import llama_index_oxen

    class Both(langchain_oxen.OxenRateLimiter, llama_index_oxen.OxenRateLimiter):  # type: ignore[misc]
        def acquire(self, *args: Any, **kwargs: Any) -> bool:
            return langchain_oxen.OxenRateLimiter.acquire(self)

    bucket, limiter = Bucket(100), Both()
    url = server.stage(bucket).url
    chat = langchain_oxen.ChatOxen(base_url=url, api_key="sk-1234567", rate_limiter=limiter, max_retries=0)
    llm = llama_index_oxen.Oxen(base_url=url, api_key="sk-1234567", rate_limiter=limiter, max_retries=0)
    with ThreadPoolExecutor(30) as crowd:
        jobs = [crowd.submit(chat.invoke, "hi") for _ in range(150)]
        jobs += [crowd.submit(llm.chat, [ChatMessage(content="hi")]) for _ in range(150)]
        for job in jobs:
            job.result()
    assert bucket.served == 300
    assert bucket.refused < 100


def test_a_wait_that_would_exceed_total_timeout_is_a_timeout(server: Server) -> None:
    from langchain_oxen import ChatOxen, OxenRateLimiter

    stage = server.stage(good)
    slow = OxenRateLimiter(requests_per_minute=600)
    chat = ChatOxen(base_url=stage.url, api_key="sk-1234567", rate_limiter=slow, total_timeout=5)

    async def three() -> float:
        started = time.monotonic()
        await asyncio.gather(*(chat.ainvoke("hi") for _ in range(3)))
        return time.monotonic() - started

    assert asyncio.run(three()) >= 0.2
    slow.on_response(429, {"retry-after": "50"})
    with pytest.raises(OxenTimeoutError, match="waiting for the rate limiter would exceed total_timeout=5 s"):
        chat._generate(_question())
    assert not slow.acquire(blocking=False)
    assert not asyncio.run(slow.aacquire(blocking=False))


def _question() -> list[Any]:
    from langchain_core.messages import HumanMessage

    return [HumanMessage("hi")]


def test_a_server_that_only_refuses_is_an_error_in_the_end(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    from _oxen_transport import call, rate_limiter
    from langchain_oxen import ChatOxen, OxenRateLimiter

    monkeypatch.setattr(rate_limiter, "DEFAULT_PAUSE", 0.01)
    monkeypatch.setattr(call, "MAX_REQUEUES", 3)
    stage = server.stage(reply({"error": "busy"}, 429))
    with pytest.raises(OxenRateLimitError):
        ChatOxen(
            base_url=stage.url, api_key="sk-1234567", rate_limiter=OxenRateLimiter(6_000_000), max_retries=0
        ).invoke("hi")
    assert len(stage.requests) == 1 + 3


def test_a_retry_after_of_an_hour_is_an_error_at_once(server: Server) -> None:
    from langchain_oxen import ChatOxen, OxenRateLimiter

    stage = server.stage(reply({"error": "busy"}, 429, retry_after=3600))
    with pytest.raises(OxenRateLimitError) as caught:
        ChatOxen(base_url=stage.url, api_key="sk-1234567", rate_limiter=OxenRateLimiter()).invoke("hi")
    assert caught.value.retry_after == 3600
    assert len(stage.requests) == 1
