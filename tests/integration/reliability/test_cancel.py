"""Whoever stops listening lets go: the server sees the connection close, and the object still works."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import threading
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from _oxen_transport.errors import OxenAPIError, OxenError
from _oxen_transport.testing import (
    ANSWER,
    HANG,
    Attempt,
    Gate,
    Server,
    Stage,
    chunks,
    completion,
    error_body,
    event,
    good,
    head,
    open_stream,
    sse,
)
from _oxen_transport.testing.answers import dumps
from tests.entry_points import EntryPoint, LangChain, LlamaIndex, each, each_scenario, entry_points
from tests.integration.faults.secrets_and_resources import watched

SECONDS = 30.0
"""Less than any limit of the calls here: a connection that is let go by then was let go on purpose."""
BEGUN = open_stream(sse(chunks()[:5], done=False), HANG)
BODY = dumps(completion())
WAITING: dict[str, tuple[Attempt, Attempt]] = {
    # where the call is when it ends: what the server does, whole and streamed
    "head": ([HANG], [HANG]),
    "body": ([head(200, content_type="application/json", content_length=len(BODY)), BODY[:40], HANG], BEGUN),
}
ASYNC_STREAMS = entry_points(is_async=True, streams=True)


def let_go(stage: Stage) -> bool:
    return stage.released(SECONDS)


async def reached(stage: Stage, requests: int = 1) -> None:
    assert await asyncio.to_thread(stage.wait, lambda stage: len(stage.requests) >= requests, SECONDS)


def still_works(api: EntryPoint, model: Any, stage: Stage) -> None:
    before = len(stage.requests)
    assert watched(lambda: api.ask(model)).text == ANSWER
    assert len(stage.requests) == before + 1


# -- tasks -----------------------------------------------------------------------------------


async def cancelled(ask: Callable[[], Awaitable[Any]], stage: Stage) -> None:
    task = asyncio.ensure_future(ask())
    await reached(stage)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def timed_out(ask: Callable[[], Awaitable[Any]], stage: Stage) -> None:
    """Under a deadline of the caller's own, which ends while the server is at work."""

    async def bounded() -> None:
        async with asyncio.timeout(None) as deadline:
            task = asyncio.ensure_future(ask())
            await reached(stage)
            deadline.reschedule(0)
            await task

    with pytest.raises(TimeoutError):
        await bounded()


async def abandoned_by_gather(ask: Callable[[], Awaitable[Any]], stage: Stage) -> None:
    """What `gather` leaves behind when a sibling fails, and the end of the loop cancels."""

    async def failing() -> None:
        await reached(stage)
        raise LookupError

    with pytest.raises(LookupError):
        await asyncio.gather(ask(), failing())


ENDS = [(where, ends) for where in WAITING for ends in (cancelled, timed_out, abandoned_by_gather)]


@each_scenario("where, ends", ENDS, is_async=True, ids=lambda part: getattr(part, "__name__", part))
def test_a_task_that_ends(where: str, ends: Any, api: EntryPoint, server: Server) -> None:
    stage = server.stage(WAITING[where][api.streams], good)
    model = api.make(stage.url)

    async def run() -> None:
        await ends(lambda: api.ask_async(model), stage)
        if ends is not abandoned_by_gather:
            assert await asyncio.to_thread(let_go, stage)
            assert (await api.ask_async(model)).text == ANSWER  # in the same loop, over the same pool

    watched(lambda: asyncio.run(run()))
    assert let_go(stage)
    still_works(api, model, stage)


@each(*entry_points(is_async=True))
def test_twenty_cancelled_calls_leave_no_socket(api: EntryPoint, server: Server) -> None:
    stage = server.stage([HANG])
    model = api.make(stage.url, max_retries=0)

    async def run() -> None:
        tasks = [asyncio.create_task(api.ask_async(model)) for _ in range(20)]
        await reached(stage, 20)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    watched(lambda: asyncio.run(run()))
    assert let_go(stage)


@each(*entry_points(is_async=True))
def test_cancelled_in_the_middle_of_a_handshake(api: EntryPoint, silent_port: int) -> None:
    model = api.make(f"https://127.0.0.1:{silent_port}/api", max_retries=0)

    async def run() -> None:
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(api.ask_async(model), 0.3)

    watched(lambda: asyncio.run(run()))


# -- streams ---------------------------------------------------------------------------------


async def left(api: EntryPoint, model: Any) -> None:
    """No `aclosing`: dropping the generator is enough, as users write it."""
    async for _ in api.achunks(model):
        break


async def failed(api: EntryPoint, model: Any) -> None:
    with contextlib.suppress(LookupError):
        async for _ in api.achunks(model):
            raise LookupError


async def closed(api: EntryPoint, model: Any) -> None:
    stream = api.achunks(model)
    await anext(stream)
    await stream.aclose()
    with pytest.raises(StopAsyncIteration):
        await anext(stream)


@each_scenario("ends", [left, failed, closed], is_async=True, streams=True, ids=lambda end: end.__name__)
def test_an_async_reader_that_ends(ends: Any, api: EntryPoint, server: Server) -> None:
    """The loop goes on, and sees the connection close."""
    stage = server.stage(BEGUN, good)
    model = api.make(stage.url)

    async def run() -> None:
        await ends(api, model)
        gc.collect()
        async with asyncio.timeout(SECONDS):
            while stage.busy_connections():  # noqa: ASYNC110 - the server is a thread, not a task
                await asyncio.sleep(0.005)
        assert (await api.ask_async(model)).text == ANSWER

    watched(lambda: asyncio.run(run()))


def leaves(stream: Iterator[Any]) -> None:
    for number, _ in enumerate(stream):
        if number == 1:
            break


def fails(stream: Iterator[Any]) -> None:
    with contextlib.suppress(LookupError):
        for _ in stream:
            raise LookupError


def closes(stream: Any) -> None:
    next(stream)
    stream.close()
    assert list(stream) == []


def dies_with_its_thread(stream: Iterator[Any]) -> None:
    with ThreadPoolExecutor(1) as thread:
        thread.submit(leaves, stream)


def closes_from_another_thread(stream: Any) -> None:
    """A web server's worker that hands the generator over to whoever cleans up."""
    next(stream)
    with ThreadPoolExecutor(1) as thread:
        thread.submit(stream.close)


READERS = [leaves, fails, closes, dies_with_its_thread, closes_from_another_thread]


@each_scenario("ends", READERS, is_async=False, streams=True, ids=lambda end: end.__name__)
def test_a_reader_that_ends(ends: Any, api: EntryPoint, server: Server) -> None:
    stage = server.stage(BEGUN, good)
    model = api.make(stage.url)
    ends(api.chunks(model))
    gc.collect()
    assert let_go(stage)
    still_works(api, model, stage)


def test_stream_complete_lets_go_too(server: Server) -> None:
    """LlamaIndex's other stream: a generator of its own."""
    stage = server.stage(BEGUN)
    closes(LlamaIndex(is_async=False, streams=True).make(stage.url).stream_complete("q"))
    assert let_go(stage)


@each(*entry_points(streams=True))
def test_a_stream_that_is_never_read_sends_nothing(api: EntryPoint, server: Server) -> None:
    stage = server.stage(good)
    model = api.make(stage.url)

    async def run() -> None:
        api.achunks(model)
        gc.collect()

    if api.is_async:
        watched(lambda: asyncio.run(run()))
    else:
        api.chunks(model).close()  # type: ignore[attr-defined]
    still_works(api, model, stage)
    assert len(stage.requests) == 1


@each(*entry_points(streams=True))
def test_streaming_is_streaming(api: EntryPoint, server: Server) -> None:
    """The first chunk reaches the caller before the server has sent the second."""
    gate = Gate()
    first, *rest = chunks(["first", " second"])[1:]
    stage = server.stage([*open_stream(event(first), gate, sse(rest)), b"0\r\n\r\n"])
    texts: list[str] = []

    def take(piece: Any) -> None:
        if text := api.text_of(piece):
            texts.append(text)
            gate.open()  # only now may the server go on

    watched(lambda: api.read(api.make(stage.url), take))
    assert texts == ["first", " second"]


@each(*entry_points(streams=True))
def test_streams_that_fail_and_responses_that_are_retried_are_closed(api: EntryPoint, server: Server) -> None:
    refused = open_stream(event(error_body()), HANG, status=503, retry_after=0)
    failing = open_stream(sse(chunks()[:5], done=False), event(error_body()), HANG)
    stage = server.stage(refused, refused, *[failing] * 10, good)
    model = api.make(stage.url, max_retries=2)
    for _ in range(10):
        with pytest.raises(OxenAPIError):
            watched(lambda: api.ask(model))
    assert api.ask(model).text == ANSWER
    assert len(stage.requests) == 13
    assert let_go(stage)


# -- an end for those who want one -------------------------------------------------------------


@each(*entry_points(LangChain, LlamaIndex))
def test_close_and_with(api: EntryPoint, server: Server) -> None:
    """A closed object opens again when it is used; to close it twice is no error."""
    stage = server.stage(good)

    def all_closed() -> bool:
        return stage.wait(lambda stage: not stage.open_connections(), SECONDS)

    async def run() -> None:
        async with api.make(stage.url) as model:
            await api.ask_async(model)
            assert len(stage.open_connections()) == 1
        assert await asyncio.to_thread(all_closed)
        await api.ask_async(model)
        for _ in range(2):
            await model.aclose()
        assert await asyncio.to_thread(all_closed)

    if api.is_async:
        watched(lambda: asyncio.run(run()))
        return
    with api.make(stage.url) as model:
        api.ask(model)
        assert len(stage.open_connections()) == 1
    assert all_closed()
    api.ask(model)
    for _ in range(2):
        model.close()
    assert all_closed()


@each(*entry_points(LangChain, LlamaIndex, is_async=False))
def test_closing_the_object_ends_what_is_under_way(api: EntryPoint, server: Server) -> None:
    """Another thread closes it: the call ends with a typed error, never in a hang."""
    stage = server.stage(BEGUN if api.streams else [HANG])
    model = api.make(stage.url, timeout=2, max_retries=0)

    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(lambda: watched(lambda: api.ask(model)))
        assert stage.wait(lambda stage: bool(stage.requests), SECONDS)
        model.close()
        with pytest.raises(OxenError):
            asked.result()
    assert let_go(stage)


def test_nothing_is_left_running(api: EntryPoint, server: Server) -> None:
    """Neither thread nor task outlives its call, be it answered or refused."""
    stage = server.stage(good, [HANG])
    model = api.make(stage.url, max_retries=0)

    async def run() -> int:
        await api.ask_async(model)
        with contextlib.suppress(OxenError):
            await api.ask_async(model, timeout=0.3)
        await asyncio.sleep(0)
        return len(asyncio.all_tasks())

    if api.is_async:
        assert asyncio.run(run()) == 1, "a task was left"
    else:
        api.ask(model)
        before = set(threading.enumerate())
        with contextlib.suppress(OxenError):
            api.ask(model, timeout=0.3)
        assert set(threading.enumerate()) <= before, "a thread was left"
