"""The shared pace: close to what the server allows, and no 429 that a user would see."""

from __future__ import annotations

import asyncio
import copy
import heapq
import pickle
import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from typing import Any

import pytest

from _oxen_transport.errors import OxenRateLimitError, OxenTimeoutError
from _oxen_transport.rate_limiter import Limiter, _seconds
from _oxen_transport.testing import Received, Server, good, reply, whole

MINUTES = 5


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def simulate(
    limit: float,
    burst: float,
    workers: int,
    *,
    pause: float | None,
    tells: bool = False,
    minutes: float = MINUTES,
    overload: float = 0,
) -> tuple[float, int]:
    """Workers that call without rest, through one limiter, at a server with a token bucket.

    `overload`: the part of the calls that is refused at any pace.

    Returns: the part of the server's limit that was used, once it was settled, and how often one
    call was refused more than ten times.
    """
    clock, dice, order = Clock(), random.Random(7), count()  # noqa: S311 - a simulation
    limiter = Limiter(clock=clock)
    bucket, filled, served, stuck = burst, 0.0, 0, 0
    queue: list[Any] = [(dice.random() / 100, next(order), "turn", 1, None) for _ in range(workers)]
    heapq.heapify(queue)

    def later(seconds: float, what: str, tries: int, extra: Any = None) -> None:
        heapq.heappush(queue, (clock.now + seconds, next(order), what, tries, extra))

    while queue[0][0] < minutes * 60:
        clock.now, _, what, tries, extra = heapq.heappop(queue)
        if what == "turn":
            place = limiter.turn(extra)
            later(place.wait or dice.uniform(0.01, 0.04), "turn" if place.wait else "arrive", tries, place)
        elif what == "arrive":
            bucket, filled = min(burst, bucket + (clock.now - filled) * limit), clock.now
            accepted = bucket >= 1 and dice.random() >= overload
            bucket -= accepted
            later(dice.uniform(0.01, 0.04), "answer", tries, accepted)
        else:
            headers = {} if pause is None else {"retry-after": str(pause)}
            if tells:
                headers |= {"x-ratelimit-limit-requests": f"{limit * 60:.0f}"}
            limiter.told(200 if extra else 429, headers)
            served += extra and clock.now > 30
            stuck += tries == 10
            later(0, "turn", 1 if extra else tries + 1)
    return served / (limit * (minutes * 60 - 30)), stuck


@pytest.mark.parametrize("limit", [2, 20, 200])
@pytest.mark.parametrize("seconds_of_burst", [1, 5])
@pytest.mark.parametrize("pause", [None, 1.0])
@pytest.mark.parametrize("workers", [20, 100])
def test_within_ten_percent_of_a_limit_nobody_told(
    limit: float, seconds_of_burst: int, pause: float | None, workers: int
) -> None:
    used, stuck = simulate(limit, limit * seconds_of_burst, workers, pause=pause)
    assert used > 0.9
    assert stuck == 0


@pytest.mark.parametrize("workers", [20, 100])
@pytest.mark.parametrize("overload", [0.02, 0.05, 0.1])
def test_refusals_that_follow_no_pace_do_not_end_at_a_standstill(overload: float, workers: int) -> None:
    # all wait 0.3 s after each, so about one call in (0.3 * overload) seconds is what can be had
    used, stuck = simulate(1000, 1000, workers, pause=0.3, overload=overload, minutes=10)
    assert used * 1000 > 0.7 / (0.3 * overload + 0.05 / workers)
    assert stuck == 0


@pytest.mark.parametrize("workers", [20, 100])
def test_a_limit_is_kept_among_refusals_that_follow_no_pace(workers: int) -> None:
    used, stuck = simulate(20, 20, workers, pause=0.3, overload=0.02, minutes=10)
    assert used > 0.9
    assert stuck == 0


@pytest.mark.parametrize("workers", [20, 100])
def test_a_slow_server_with_long_waits_is_learnt_in_minutes(workers: int) -> None:
    assert simulate(2, 2, workers, pause=10.0)[0] > 0.75  # each attempt to learn costs ten seconds


def test_a_limit_that_is_told_is_used_up() -> None:
    used, stuck = simulate(20, 20, 100, pause=1.0, tells=True)
    assert used > 0.99
    assert stuck == 0


def test_without_a_limiter_the_same_crowd_is_stuck() -> None:
    class Free(Limiter):
        def turn(self, *args: Any, **kwargs: Any) -> Any:
            place = super().turn(*args, **kwargs)
            return type(place)(place.line, place.start, 0.0)

    original, globals()["Limiter"] = Limiter, Free
    try:
        assert simulate(2, 2, 100, pause=1.0, minutes=0.6)[1] > 100
    finally:
        globals()["Limiter"] = original


def test_tokens_per_minute_is_kept() -> None:
    clock = Clock()
    limiter = Limiter(requests_per_minute=6_000_000, tokens_per_minute=6_000, clock=clock)
    spent = 0
    while clock.now < 600:
        place = limiter.turn(tokens=50)
        clock.now += place.wait
        if limiter.turn(place, tokens=50).wait == 0:
            spent += 50
            limiter.spent(50, 100)  # an answer costs twice what was expected
            spent += 50
    assert 0.95 < spent / (6_000 * 10) < 1.1


def test_a_pause_is_for_everybody_and_makes_a_new_line() -> None:
    clock = Clock()
    limiter = Limiter(requests_per_minute=60, clock=clock)
    first, second, third = (limiter.turn() for _ in range(3))
    assert [first.wait, second.wait, third.wait] == [0, 1, 2]
    limiter.told(429, {"retry-after": "30"})
    clock.now = 2.0
    assert limiter.turn(third).wait == pytest.approx(28)
    assert limiter.turn(second).wait == pytest.approx(29)
    assert not limiter.free()


def test_nothing_left_is_a_pause_until_the_reset() -> None:
    clock = Clock()
    limiter = Limiter(clock=clock)
    limiter.told(200, {"x-ratelimit-remaining-tokens": "0", "x-ratelimit-reset-tokens": "1m30s"})
    assert limiter.turn().wait == pytest.approx(90)
    limiter = Limiter(clock=clock)
    limiter.told(200, {"x-ratelimit-limit-tokens": "600", "x-ratelimit-remaining-tokens": "5"})
    assert limiter.turn(tokens=100).wait == 0
    assert limiter.turn(tokens=100).wait == pytest.approx(10, abs=0.2)


@pytest.mark.parametrize(
    ("text", "seconds"), [("6m0s", 360), ("20ms", 0.02), ("1.5", 1.5), ("1h2m", 3720), ("soon", None), ("", None)]
)
def test_reset_times(text: str, seconds: float | None) -> None:
    assert _seconds(text) == seconds


def test_copies_share_the_pace_and_pickles_keep_its_settings() -> None:
    from langchain_oxen import OxenRateLimiter

    limiter = OxenRateLimiter(600, 1000)
    assert copy.deepcopy(limiter) is limiter
    again = pickle.loads(pickle.dumps(limiter))  # noqa: S301 - our own bytes
    assert (again.requests_per_minute, again.tokens_per_minute) == (600, 1000)


def test_a_shorter_pause_does_not_end_a_longer_one() -> None:
    clock = Clock()
    limiter = Limiter(requests_per_minute=60, clock=clock)
    limiter.told(429, {"retry-after": "30"})
    clock.now = 5.0
    limiter.told(429, {"retry-after": "10"})
    assert limiter.turn().wait == 25


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


def test_for_real_two_packages_one_pace_no_429_for_the_user(server: Server) -> None:
    from llama_index.core.llms import ChatMessage

    import langchain_oxen
    import llama_index_oxen

    class Both(langchain_oxen.OxenRateLimiter, llama_index_oxen.OxenRateLimiter):  # type: ignore[misc]
        def acquire(self, *args: Any, **kwargs: Any) -> bool:
            return langchain_oxen.OxenRateLimiter.acquire(self)

    bucket, pace = Bucket(40), Both()
    url = server.stage(bucket).url
    chat = langchain_oxen.ChatOxen(base_url=url, api_key="sk-1234567", rate_limiter=pace, max_retries=0)
    llm = llama_index_oxen.Oxen(base_url=url, api_key="sk-1234567", rate_limiter=pace, max_retries=0)
    started = time.monotonic()
    with ThreadPoolExecutor(30) as crowd:
        jobs = [crowd.submit(chat.invoke, "hi") for _ in range(150)]
        jobs += [crowd.submit(llm.chat, [ChatMessage(content="hi")]) for _ in range(150)]
        for job in jobs:
            job.result()
    assert bucket.served == 300
    assert bucket.refused < 100
    assert time.monotonic() - started < 60  # 7.5 s at the limit; the bound is for a loaded machine


def test_async_turn_and_a_line_longer_than_the_call_may_take(server: Server) -> None:
    from langchain_oxen import ChatOxen, OxenRateLimiter

    stage = server.stage(good)
    slow = OxenRateLimiter(requests_per_minute=600)
    chat = ChatOxen(base_url=stage.url, api_key="sk-1234567", rate_limiter=slow, total_timeout=5)

    async def three() -> float:
        started = time.monotonic()
        await asyncio.gather(*(chat.ainvoke("hi") for _ in range(3)))
        return time.monotonic() - started

    assert asyncio.run(three()) >= 0.2
    slow.told(429, {"retry-after": "50"})
    with pytest.raises(OxenTimeoutError, match="line is longer than total_timeout=5 s"):
        chat._generate(_question())
    assert not slow.acquire(blocking=False)
    assert not asyncio.run(slow.aacquire(blocking=False))


def _question() -> list[Any]:
    from langchain_core.messages import HumanMessage

    return [HumanMessage("hi")]


def test_a_server_that_only_refuses_is_an_error_in_the_end(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    from _oxen_transport import call
    from _oxen_transport import rate_limiter as limiter
    from langchain_oxen import ChatOxen, OxenRateLimiter

    monkeypatch.setattr(limiter, "PAUSE", 0.01)
    monkeypatch.setattr(call, "MOST_HELD_BACK", 3)
    stage = server.stage(reply({"error": "busy"}, 429))
    with pytest.raises(OxenRateLimitError):
        ChatOxen(
            base_url=stage.url, api_key="sk-1234567", rate_limiter=OxenRateLimiter(6_000_000), max_retries=0
        ).invoke("hi")
    assert len(stage.requests) == 1 + 3


def test_an_hour_is_not_waited_for(server: Server) -> None:
    from langchain_oxen import ChatOxen, OxenRateLimiter

    stage = server.stage(reply({"error": "busy"}, 429, retry_after=3600))
    with pytest.raises(OxenRateLimitError) as caught:
        ChatOxen(base_url=stage.url, api_key="sk-1234567", rate_limiter=OxenRateLimiter()).invoke("hi")
    assert caught.value.retry_after == 3600
    assert len(stage.requests) == 1


def test_what_is_no_limit_teaches_nothing() -> None:
    clock = Clock()
    limiter = Limiter(clock=clock)
    limiter.told(503, {})
    limiter.spent(100, 500)  # nobody limits tokens
    assert limiter.free()
    pace = limiter._rate
    clock.now = 5.0
    limiter.turn()  # nobody waited: the pace holds nothing back, and does not rise
    assert limiter._rate == pace
