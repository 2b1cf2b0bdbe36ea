"""`timeout` is silence, `total_timeout` is everything: sync and async, of the object and of the call.

What takes much longer than its limit runs into `watched`. Nothing else is measured: a busy machine is late.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from types import SimpleNamespace
from typing import Any

import pytest

from _oxen_transport import call as call_module
from _oxen_transport import continuation
from _oxen_transport.errors import OxenError, OxenServerError, OxenTimeoutError, OxenTruncatedStreamError
from _oxen_transport.testing import (
    ANSWER,
    HANG,
    PIECES,
    Gate,
    Received,
    Server,
    Step,
    chunk,
    chunks,
    completion,
    drip,
    error_body,
    event,
    head,
    open_stream,
    reply,
    sse,
    streamed,
    whole,
)
from _oxen_transport.testing.answers import dumps
from tests.entry_points import EntryPoint, each, each_scenario, entry_points
from tests.integration.conftest import Clock
from tests.integration.faults.secrets_and_resources import assert_keeps_secrets, watched

BODY = dumps(completion())
TRICKLE = [b"1\r\nx\r\n", 0.1] * 1_000


def slow_head(_: Received) -> Iterable[Step]:
    return drip(b"HTTP/1.1 200 OK\r\nx-pad: " + b"a" * 1_000, 0.1)


def slow_body(_: Received) -> Iterable[Step]:
    return [head(200, content_type="application/json", content_length=len(BODY)), *drip(BODY, 0.1)]


def slow_event(_: Received) -> Iterable[Step]:
    """One event, a byte at a time: bytes are not news, events are."""
    return itertools.chain(open_stream(), *(open_stream(bytes([b]), 0.1)[1:] for b in event(chunk("x" * 900))))


def comments(_: Received) -> Iterable[Step]:
    return itertools.chain(open_stream(event(chunk("a"))), itertools.cycle(open_stream(b": ping\n\n", 0.1)[1:]))


def content_for_ever(_: Received) -> Iterable[Step]:
    """Never silent for long, never done."""
    return itertools.chain(open_stream(), itertools.cycle(open_stream(event(chunk("a")), 0.05)[1:]))


SILENCE = {"timeout": 0.4}
IN_ALL = {"timeout": 600, "total_timeout": 0.8}
LATE: dict[str, tuple[Any, dict[str, float], tuple[bool, ...]]] = {
    # name: (what the server does, the limits, for answers that are streamed or not)
    "silence": ([HANG], SILENCE, (False, True)),
    "a slow head": (slow_head, SILENCE, (False, True)),
    "a slow body": (slow_body, SILENCE, (False,)),
    "one slow event": (slow_event, SILENCE, (True,)),
    "comments": (comments, SILENCE, (True,)),
    "silence, in all": ([HANG], IN_ALL, (False, True)),
    "a slow body, in all": (slow_body, IN_ALL, (False,)),
    "content for ever, in all": (content_for_ever, IN_ALL, (True,)),
}


@each_scenario("name", LATE)
def test_a_late_answer_is_an_error(name: str, api: EntryPoint, server: Server) -> None:
    script, limits, ways = LATE[name]
    api = api if api.streams in ways else type(api)(is_async=api.is_async, streams=not api.streams)
    for options, call in ((limits, {}), ({}, limits)):
        stage = server.stage(script)
        with pytest.raises(OxenTimeoutError) as caught:
            watched(lambda stage=stage: api.ask(api.make(stage.url, **options), **call))  # type: ignore[misc] # noqa: B023
        assert ("total_timeout=0.8 s" if limits is IN_ALL else "no answer for 0.4 s") in str(caught.value)
        assert len(stage.requests) <= 1, "a question that may be under work was sent again"
        assert set(caught.value.partial_text) <= {"a"}
        assert stage.released(10)
        assert_keeps_secrets(caught.value)


@each(*entry_points(streams=True))
def test_each_event_starts_the_silence_anew(api: EntryPoint, server: Server, clock: Clock) -> None:
    """And the time between two events that the reader takes for itself is nobody's silence."""
    gates = [Gate() for _ in PIECES]

    def slowly(_: Received) -> Iterable[Step]:
        yield from open_stream()
        for piece, gate in zip(PIECES, gates, strict=True):
            yield from open_stream(event(chunk(piece)))[1:]
            yield gate
            clock.now += 6
        yield from [*open_stream(event(chunk(None, "stop")))[1:], b"0\r\n\r\n"]

    stage, texts, next_gate = server.stage(slowly), [], iter(gates)
    model = api.make(stage.url, timeout=10)

    def take(piece: Any) -> None:
        if text := api.text_of(piece):
            texts.append(text)
            clock.now += 6
            next(next_gate).open()

    watched(lambda: api.read(model, take))
    assert texts == list(PIECES)


@each(*entry_points())
def test_total_timeout_bounds_the_retries(api: EntryPoint, server: Server, waits: list[float]) -> None:
    stage = server.stage(reply(error_body(), 503, retry_after=1))
    with pytest.raises(OxenServerError) as caught:
        watched(lambda: api.ask(api.make(stage.url, total_timeout=5, max_retries=50)))
    assert sum(waits) < 5
    assert 4 <= len(stage.requests) == caught.value.attempts == len(waits) + 1 <= 5


GOES_ON: dict[str, tuple[tuple[bool, ...], type[OxenError], int, list[float]]] = {
    # name: (for answers that are streamed or not, the error, requests, waits between them)
    "auto_continue": ((False, True), OxenTimeoutError, 3, []),
    "resume": ((True,), OxenTruncatedStreamError, 2, [1.0]),
}


@each_scenario("name", GOES_ON)
def test_total_timeout_bounds_all_requests_of_an_answer(
    name: str, api: EntryPoint, server: Server, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    ways, error, requests, waits = GOES_ON[name]
    api = api if api.streams in ways else type(api)(is_async=api.is_async, streams=True)
    monkeypatch.setattr(continuation, "RetryPolicy", lambda _: SimpleNamespace(wait=lambda *_: 1.0))

    def slowly(request: Received) -> Iterable[Step]:
        clock.now += 4
        part = f"part {request.number} "
        if name == "resume":
            return streamed(sse([chunk(part)], done=False))
        if request.wants_stream:
            return streamed(sse(chunks([part], finish_reason="length")))
        return [whole(completion(part, finish_reason="length"))]

    stage = server.stage(slowly)
    with pytest.raises(error) as caught:
        watched(lambda: api.ask(api.make(stage.url, total_timeout=10, **{name: True})))
    assert caught.value.partial_text == "part 1 part 2 "
    assert (len(stage.requests), clock.waits) == (requests, waits)


@each(*entry_points(streams=True))
def test_a_further_request_begins_only_within_the_time(api: EntryPoint, server: Server, clock: Clock) -> None:
    stage = server.stage(streamed(sse(chunks(["Once"], finish_reason="length"))))
    model = api.make(stage.url, auto_continue=True, total_timeout=10)

    def take(piece: Any) -> None:
        clock.now += 11

    with pytest.raises(OxenTimeoutError, match="within total_timeout=10 s") as caught:
        watched(lambda: api.read(model, take))
    assert (caught.value.partial_text, len(stage.requests)) == ("Once", 1)


@each(*entry_points())
def test_the_body_of_an_error_is_not_waited_for(api: EntryPoint, server: Server) -> None:
    """The head has said no; a body that does not come, or trickles, changes nothing."""
    silent = [head(401, content_type="application/json", content_length=1000), b'{"error"', HANG]
    for script in (silent, [head(401, transfer_encoding="chunked"), *TRICKLE]):
        stage = server.stage(script)
        with pytest.raises(OxenError) as caught:
            watched(lambda stage=stage: api.ask(api.make(stage.url, timeout=600)))  # type: ignore[misc]
        assert caught.value.status_code == 401
        assert stage.released(10)


@each(*entry_points(streams=True))
def test_after_the_finish_reason_the_wait_is_short(
    api: EntryPoint, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert call_module.TAIL_SECONDS <= 5
    monkeypatch.setattr(call_module, "TAIL_SECONDS", 0.2)
    stage = server.stage(open_stream(sse(chunks(), done=False), HANG))
    assert watched(lambda: api.ask(api.make(stage.url, timeout=600))).text == ANSWER
