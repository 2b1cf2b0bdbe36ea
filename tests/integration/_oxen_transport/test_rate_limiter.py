"""One rate limiter for both packages, at a real server: no 429 that a user would see."""

from __future__ import annotations

import asyncio
import itertools
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from langchain_core.exceptions import ModelRateLimitError
from langchain_core.messages import HumanMessage
from llama_index.core.llms import ChatMessage

import langchain_oxen
import llama_index_oxen
from _oxen_transport import call, rate_limiter
from _oxen_transport.errors import OxenConnectionError, OxenError, OxenRateLimitError, OxenServerError, OxenTimeoutError
from _oxen_transport.request.build import build
from _oxen_transport.testing import Received, Server, closed_port, good, reply, whole
from langchain_oxen import ChatOxen, OxenRateLimiter
from tests.entry_points import KEY, EntryPoint, LangChain, LlamaIndex, each, entry_points
from tests.tables import each_row


class Both(langchain_oxen.OxenRateLimiter, llama_index_oxen.OxenRateLimiter):  # type: ignore[misc]
    def acquire(self, *args: Any, **kwargs: Any) -> bool:
        return langchain_oxen.OxenRateLimiter.acquire(self)


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


def test_two_packages_share_one_limiter(server: Server) -> None:
    bucket = Bucket(100)
    options: dict[str, Any] = {"base_url": server.stage(bucket).url, "api_key": KEY, "rate_limiter": Both()}
    chat, llm = ChatOxen(**options, max_retries=0), llama_index_oxen.Oxen(**options, max_retries=0)
    with ThreadPoolExecutor(30) as crowd:
        jobs = [crowd.submit(chat.invoke, "hi") for _ in range(150)]
        jobs += [crowd.submit(llm.chat, [ChatMessage(content="hi")]) for _ in range(150)]
        for job in jobs:
            job.result()
    assert bucket.served == 300
    assert bucket.refused < 100


@each(*entry_points(LangChain, LlamaIndex))
def test_a_call_waits_for_its_turn(api: EntryPoint, server: Server) -> None:
    began, limiter = time.monotonic(), Both(requests_per_minute=600)
    limiter.reserve()
    limiter.reserve()  # the next may start 0.2 s after the first
    assert api.ask(api.make(server.stage(good).url, rate_limiter=limiter)).text
    assert time.monotonic() - began >= 0.2


def test_a_wait_that_would_exceed_total_timeout_is_a_timeout(server: Server) -> None:
    slow = OxenRateLimiter(requests_per_minute=600)
    chat = ChatOxen(base_url=server.stage(good).url, api_key=KEY, rate_limiter=slow, total_timeout=5)
    slow.on_response(429, {"retry-after": "50"})
    with pytest.raises(OxenTimeoutError, match="waiting for the rate limiter would exceed total_timeout=5 s"):
        chat._generate([HumanMessage("hi")])
    assert not slow.acquire(blocking=False)
    assert not asyncio.run(slow.aacquire(blocking=False))


@each_row(
    ("booked", "answer", "error"),
    [(3_000, good, OxenTimeoutError), (0, reply({"error": "x"}, 500), OxenServerError), (0, None, OxenConnectionError)],
)
@each(*entry_points(LangChain, LlamaIndex))
def test_a_call_that_is_not_answered_leaves_no_tokens_booked(
    api: EntryPoint, server: Server, booked: int, answer: Any, error: type[OxenError]
) -> None:
    """Its wait is refused, the server refuses it, or it does not arrive."""
    limiter = Both(6_000_000, 6_000, clock=itertools.count(0, 0.001).__next__)
    limiter.reserve(tokens=booked)
    options: dict[str, Any] = {"rate_limiter": limiter, "total_timeout": 5, "max_tokens": 1_000, "max_retries": 0}
    with closed_port() as port, pytest.raises(error):
        api.ask(api.make(server.stage(answer).url if answer else f"http://127.0.0.1:{port}", **options))
    assert limiter.reserve(tokens=1_000).wait == pytest.approx(booked / 100, abs=1)


@each(*entry_points(LangChain, LlamaIndex))
def test_a_pause_of_an_hour_is_an_error_for_every_caller(api: EntryPoint, server: Server) -> None:
    stage = server.stage(reply({"error": "busy"}, 429, retry_after=3600))
    model = api.make(stage.url, rate_limiter=Both())
    queued = call.Call(build(model, [{"role": "user", "content": "hi"}]))
    queued.wait_for_start()
    for _ in range(2):
        with pytest.raises(ModelRateLimitError if isinstance(api, LangChain) else OxenRateLimitError) as caught:
            api.ask(model)
        assert caught.value.retry_after == pytest.approx(3600, abs=60)
    assert len(stage.requests) == 1
    with pytest.raises(OxenRateLimitError, match="asked every caller of this rate limiter to wait") as refused:
        queued.wait_for_start()
    assert refused.value.host in stage.url


@pytest.mark.parametrize(("wait", "requests"), [({}, 1 + 3), ({"retry_after": 3600}, 1)], ids=["no wait", "an hour"])
def test_a_server_that_only_refuses_is_an_error_in_the_end(
    server: Server, monkeypatch: pytest.MonkeyPatch, wait: dict[str, int], requests: int
) -> None:
    """At once, if it asks for an hour."""
    monkeypatch.setattr(rate_limiter, "DEFAULT_PAUSE", 0.01)
    monkeypatch.setattr(call, "MAX_REQUEUES", 3)
    stage = server.stage(reply({"error": "busy"}, 429, **wait))
    limiter = OxenRateLimiter(6_000_000)
    with pytest.raises(OxenRateLimitError) as caught:
        ChatOxen(base_url=stage.url, api_key=KEY, rate_limiter=limiter, max_retries=0).invoke("hi")
    assert caught.value.retry_after == wait.get("retry_after")
    assert len(stage.requests) == requests


@each(*entry_points(LangChain, LlamaIndex))
def test_a_refused_call_gives_back_no_more_than_it_booked(api: EntryPoint, server: Server) -> None:
    """The limit became known, and another call booked its tokens, while this one was in flight."""
    limiter = Both(6_000_000, clock=itertools.count(0, 0.001).__next__)

    def refuse(request: Received) -> Any:
        limiter.on_response(200, {"x-ratelimit-limit-tokens": "6000"})
        limiter.reserve(tokens=3_000)
        return reply({"error": "x"}, 500)

    with pytest.raises(OxenServerError):
        api.ask(api.make(server.stage(refuse).url, rate_limiter=limiter, max_tokens=1_000, max_retries=0))
    assert limiter.reserve(tokens=1_000).wait == pytest.approx(30, abs=1)
