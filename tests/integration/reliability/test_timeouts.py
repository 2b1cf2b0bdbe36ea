"""Both limits, by the wall clock, sync and async: `timeout` is silence, `total_timeout` is everything."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import pytest

from _oxen_transport.errors import OxenConfigError, OxenError, OxenTimeoutError
from _oxen_transport.testing import (
    ANSWER,
    HANG,
    PIECES,
    chunk,
    completion,
    drip,
    error_body,
    event,
    good,
    head,
    open_stream,
    reply,
)
from _oxen_transport.testing.answers import dumps
from tests.entry_points import EntryPoint, each, each_scenario, entry_points
from tests.integration.faults.secrets_and_resources import assert_keeps_secrets, watched

if TYPE_CHECKING:
    from _oxen_transport.testing import Attempt, Received, Server, Step

LATE = 1.0
"""What a busy machine may add to a limit, in seconds."""
BODY = dumps(completion())
HEAD = head(200, content_type="application/json", content_length=len(BODY))


def slow_head(_: Received) -> Iterable[Step]:
    return drip(b"HTTP/1.1 200 OK\r\nx-pad: " + b"a" * 400, 0.1)


def slow_body(_: Received) -> Iterable[Step]:
    return [HEAD, *drip(BODY, 0.1)]


def slow_event(_: Received) -> Iterable[Step]:
    """One event, a byte at a time: bytes are not news, events are."""
    return itertools.chain(open_stream(), *(open_stream(bytes([b]), 0.1)[1:] for b in event(chunk("x" * 300))))


def pings(_: Received) -> Iterable[Step]:
    return itertools.chain(open_stream(event(chunk("a"))), itertools.cycle(open_stream(b": ping\n\n", 0.1)[1:]))


def trickle(_: Received) -> Iterable[Step]:
    """Never silent for long, never done."""
    return itertools.chain(open_stream(), itertools.cycle(open_stream(event(chunk("a")), 0.1)[1:]))


def failure(api: EntryPoint, url: str, **options: Any) -> tuple[OxenError, float]:
    model = api.make(url, **{"max_retries": 2, **options})
    began = time.monotonic()
    with pytest.raises(OxenError) as caught:
        watched(lambda: api.ask(model))
    return caught.value, time.monotonic() - began


@each_scenario("script", [[HANG], slow_head], ids=["silence", "slow head"])
def test_timeout_before_the_answer(script: Attempt, api: EntryPoint, server: Server) -> None:
    stage = server.stage(script)
    error, seconds = failure(api, stage.url, timeout=0.5)
    assert isinstance(error, OxenTimeoutError)
    assert 0.45 <= seconds < 0.5 + LATE
    assert len(stage.requests) == 1, "a question that may be under work was sent again"
    assert "0.5 s" in str(error)
    assert stage.released()
    assert_keeps_secrets(error)


@each(*entry_points(streams=False))
def test_timeout_in_a_body(api: EntryPoint, server: Server) -> None:
    stage = server.stage(slow_body)
    error, seconds = failure(api, stage.url, timeout=0.5)
    assert isinstance(error, OxenTimeoutError)
    assert seconds < 0.5 + LATE
    assert len(stage.requests) == 1


@each_scenario("script", [slow_event, pings], streams=True, ids=["one slow event", "comments"])
def test_timeout_between_events(script: Attempt, api: EntryPoint, server: Server) -> None:
    stage = server.stage(script)
    error, seconds = failure(api, stage.url, timeout=0.5)
    assert isinstance(error, OxenTimeoutError)
    assert 0.45 <= seconds < 0.5 + LATE
    assert len(stage.requests) == 1
    assert stage.released()


@each(*entry_points(streams=True))
def test_each_event_starts_the_silence_anew(api: EntryPoint, server: Server) -> None:
    def slowly(_: Received) -> Iterable[Step]:
        steps = [step for piece in PIECES for step in (event(chunk(piece)), 0.2)]
        return [*open_stream(*steps, event(chunk(None, "stop"))), b"0\r\n\r\n"]

    stage = server.stage(slowly)
    began = time.monotonic()
    assert watched(lambda: api.ask(api.make(stage.url, timeout=0.8))).text == ANSWER
    assert time.monotonic() - began > 1.5, "longer in all than the timeout"


@each(*entry_points(streams=True))
def test_a_slow_reader_is_no_silent_server(api: EntryPoint, server: Server) -> None:
    """What the consumer does between two chunks does not count."""
    stage = server.stage(good)
    model = api.make(stage.url, timeout=0.3)

    async def arun() -> list[str]:
        texts = []
        async for piece in api.achunks(model):
            texts.append(api.text_of(piece))
            time.sleep(0.1)  # noqa: ASYNC251 - the loop itself is slow
        return texts

    def run() -> list[str]:
        texts = []
        for piece in api.chunks(model):
            texts.append(api.text_of(piece))
            time.sleep(0.1)
        return texts

    import asyncio

    assert "".join(watched(lambda: asyncio.run(arun()) if api.is_async else run())) == ANSWER


@each(*entry_points())
def test_total_timeout_bounds_the_retries(api: EntryPoint, server: Server) -> None:
    stage = server.stage(reply(error_body(), 503, retry_after="0.3"))
    error, seconds = failure(api, stage.url, total_timeout=1.0, max_retries=50)
    assert seconds < 1.0 + LATE
    assert 2 <= len(stage.requests) <= 5
    # the end may come while the last attempt is on its way: the server never sees that one
    assert error.attempts - len(stage.requests) in (0, 1)


@each(*entry_points())
def test_total_timeout_bounds_a_silent_attempt(api: EntryPoint, server: Server) -> None:
    stage = server.stage([HANG])
    error, seconds = failure(api, stage.url, timeout=30, total_timeout=0.6)
    assert isinstance(error, OxenTimeoutError)
    assert "total_timeout" in str(error)
    assert 0.55 <= seconds < 0.6 + LATE


@each(*entry_points(streams=True))
def test_total_timeout_bounds_a_stream(api: EntryPoint, server: Server) -> None:
    stage = server.stage(trickle)
    error, seconds = failure(api, stage.url, timeout=5, total_timeout=0.8)
    assert isinstance(error, OxenTimeoutError)
    assert "total_timeout=0.8 s" in str(error)
    assert seconds < 0.8 + LATE
    assert set(error.partial_text) == {"a"}
    assert len(error.partial_text) >= 3
    assert stage.released()


@each(*entry_points(streams=False))
def test_total_timeout_bounds_a_body(api: EntryPoint, server: Server) -> None:
    stage = server.stage(slow_body)
    error, seconds = failure(api, stage.url, timeout=30, total_timeout=0.6)
    assert isinstance(error, OxenTimeoutError)
    assert seconds < 0.6 + LATE


@each(*entry_points())
def test_limits_can_be_said_per_call(api: EntryPoint, server: Server) -> None:
    stage = server.stage([HANG])
    model = api.make(stage.url, timeout=30)
    for option in ("timeout", "total_timeout"):
        began = time.monotonic()
        with pytest.raises(OxenTimeoutError):
            watched(lambda option=option: api.ask(model, **{option: 0.4}))  # type: ignore[misc]
        assert time.monotonic() - began < 0.4 + LATE


@each(*entry_points())
def test_the_body_of_an_error_is_not_waited_for(api: EntryPoint, server: Server) -> None:
    """The head has said no; a body that does not come changes nothing."""
    stage = server.stage([head(401, content_type="application/json", content_length=1000), b'{"error"', HANG])
    error, seconds = failure(api, stage.url, timeout=30)
    assert error.status_code == 401
    assert seconds < 1.0 + LATE
    assert stage.released()


@pytest.mark.parametrize("name", ["timeout", "total_timeout"])
@each(*entry_points(is_async=False, streams=False))
def test_invalid_limits(name: str, api: EntryPoint, server: Server) -> None:
    for value in (0, -1, float("nan"), "soon"):
        with pytest.raises(OxenConfigError, match=name):
            api.make(server.stage(good).url, **{name: value})
