"""Cancel means cancel: the server sees the connection close within one second, and the object still works.

`faults/test_connections_are_released.py` has the plain cases; here are the ways in which consumers really end.
"""

from __future__ import annotations

import asyncio
import gc
import threading
import time
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any

import pytest

from _oxen_transport.errors import OxenError
from _oxen_transport.testing import (
    ANSWER,
    HANG,
    Gate,
    chunks,
    completion,
    error_body,
    good,
    head,
    open_stream,
    reply,
    sse,
)
from _oxen_transport.testing.answers import dumps
from tests.entry_points import EntryPoint, each, entry_points
from tests.integration.faults.secrets_and_resources import watched

if TYPE_CHECKING:
    from _oxen_transport.testing import Attempt, Server, Stage

SECOND = 1.0
BEGUN = open_stream(sse(chunks()[:5], done=False), HANG)
BODY = dumps(completion())
HALF_A_BODY = [head(200, content_type="application/json", content_length=len(BODY)), BODY[:40], HANG]
ASYNC = entry_points(is_async=True)
ASYNC_STREAMS = entry_points(is_async=True, streams=True)
STREAMS = entry_points(is_async=False, streams=True)


def let_go(stage: Stage) -> bool:
    """Whether the server saw the end within a second, from now."""
    return stage.wait(lambda stage: not stage.busy_connections(), SECOND)


def still_works(api: EntryPoint, model: Any, stage: Stage) -> None:
    answered = len(stage.requests)
    assert watched(lambda: api.ask(model)).text == ANSWER
    assert len(stage.requests) == answered + 1


async def reached(stage: Stage, requests: int = 1) -> None:
    while len(stage.requests) < requests:  # noqa: ASYNC110 - the server is a thread, not a task
        await asyncio.sleep(0.005)
    await asyncio.sleep(0.1)


def in_loop(work: Callable[[], Coroutine[Any, Any, None]]) -> None:
    watched(lambda: asyncio.run(work()))


# -- async ---------------------------------------------------------------------------------


@pytest.mark.parametrize("where", ["head", "body", "stream"])
@each(*ASYNC)
def test_a_task_is_cancelled(where: str, api: EntryPoint, server: Server) -> None:
    script: dict[str, Attempt] = {"head": [HANG], "body": HALF_A_BODY, "stream": BEGUN}
    if where == ("body" if api.streams else "stream"):
        script[where] = [HANG]
    stage = server.stage(script[where], good)
    model = api.make(stage.url)

    async def work() -> None:
        task = asyncio.create_task(api.ask_async(model))
        await reached(stage)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await asyncio.to_thread(lambda: None)
        assert await asyncio.to_thread(let_go, stage)
        assert (await api.ask_async(model)).text == ANSWER  # in the same loop, over the same pool

    in_loop(work)
    assert len(stage.requests) == 2


@each(*ASYNC)
def test_a_task_is_cancelled_while_it_waits_to_try_again(api: EntryPoint, server: Server) -> None:
    stage = server.stage(reply(error_body(), 429, retry_after=30), good)
    model = api.make(stage.url)

    async def work() -> None:
        task = asyncio.create_task(api.ask_async(model))
        await reached(stage)
        began = time.monotonic()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert time.monotonic() - began < 0.5
        await asyncio.sleep(0.2)
        assert len(stage.requests) == 1, "it was sent again after the cancellation"

    in_loop(work)
    still_works(api, model, stage)


@each(*ASYNC)
def test_a_deadline_around_the_call(api: EntryPoint, server: Server) -> None:
    stage = server.stage(BEGUN if api.streams else [HANG], good)
    model = api.make(stage.url)

    async def work() -> None:
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(api.ask_async(model), 0.3)

    in_loop(work)
    assert let_go(stage)
    still_works(api, model, stage)


@each(*ASYNC)
def test_a_sibling_fails(api: EntryPoint, server: Server) -> None:
    """What `gather` leaves behind when its caller gives up, cancelled by the end of the loop."""
    stage = server.stage(BEGUN if api.streams else [HANG])
    model = api.make(stage.url)

    async def failing() -> None:
        await reached(stage, 3)
        raise LookupError

    async def work() -> None:
        await asyncio.gather(*(api.ask_async(model) for _ in range(3)), failing())

    with pytest.raises(LookupError):
        in_loop(work)
    assert let_go(stage)
    assert len(stage.requests) == 3


@each(*ASYNC_STREAMS)
def test_the_consumer_fails(api: EntryPoint, server: Server) -> None:
    """An exception in the body of `async for`, without any `aclosing`, in a loop that goes on."""
    stage = server.stage(BEGUN, good)
    model = api.make(stage.url)

    async def consume() -> None:
        async for _ in api.achunks(model):
            raise LookupError

    async def work() -> None:
        with pytest.raises(LookupError):
            await consume()
        gc.collect()
        for _ in range(200):
            if not stage.busy_connections():
                break
            await asyncio.sleep(0.005)
        assert not stage.busy_connections(), "still open, a second later"
        assert (await api.ask_async(model)).text == ANSWER

    in_loop(work)


@each(*ASYNC_STREAMS)
def test_aclose(api: EntryPoint, server: Server) -> None:
    stage = server.stage(BEGUN, good)
    model = api.make(stage.url)

    async def work() -> None:
        stream = api.achunks(model)
        await stream.__anext__()
        await stream.aclose()
        assert await asyncio.to_thread(let_go, stage)
        with pytest.raises(StopAsyncIteration):
            await stream.__anext__()

    in_loop(work)
    still_works(api, model, stage)


@each(*ASYNC_STREAMS)
def test_a_stream_that_is_never_read(api: EntryPoint, server: Server) -> None:
    stage = server.stage(good)
    model = api.make(stage.url)

    async def work() -> None:
        stream = api.achunks(model)
        del stream
        gc.collect()

    in_loop(work)
    assert not stage.busy_connections()
    watched(lambda: api.ask(model))


# -- sync ----------------------------------------------------------------------------------


@each(*STREAMS)
def test_close(api: EntryPoint, server: Server) -> None:
    stage = server.stage(BEGUN, good)
    model = api.make(stage.url)
    stream: Any = api.chunks(model)
    next(stream)
    stream.close()
    assert let_go(stage)
    assert list(stream) == []
    still_works(api, model, stage)


@each(*STREAMS)
def test_the_loop_fails(api: EntryPoint, server: Server) -> None:
    stage = server.stage(BEGUN, good)
    model = api.make(stage.url)

    def consume() -> None:
        for _ in api.chunks(model):
            raise LookupError

    with pytest.raises(LookupError):
        consume()
    gc.collect()
    assert let_go(stage)
    still_works(api, model, stage)


@each(*STREAMS)
def test_the_consumers_thread_dies(api: EntryPoint, server: Server) -> None:
    stage = server.stage(BEGUN, good)
    model = api.make(stage.url)

    def consume() -> None:
        for _ in api.chunks(model):
            return

    thread = threading.Thread(target=consume)
    thread.start()
    thread.join(10)
    assert not thread.is_alive()
    assert let_go(stage)
    still_works(api, model, stage)


@each(*STREAMS)
def test_closed_from_another_thread(api: EntryPoint, server: Server) -> None:
    """A web server's worker that hands the generator over to whoever cleans up."""
    gate = Gate()
    stage = server.stage(open_stream(sse(chunks()[:5], done=False), gate), good)
    model = api.make(stage.url)
    stream: Any = api.chunks(model)
    next(stream)
    thread = threading.Thread(target=stream.close)
    thread.start()
    thread.join(5)
    assert let_go(stage)
    still_works(api, model, stage)


@each(*entry_points())
def test_a_closed_object_opens_anew(api: EntryPoint, server: Server) -> None:
    stage = server.stage(good)
    model = api.make(stage.url)
    assert api.ask(model).text == ANSWER
    if hasattr(model, "close"):
        model.close()
        asyncio.run(model.aclose())
        assert stage.wait(lambda stage: not stage.open_connections(), SECOND)
        model.close()  # twice is no error
    assert api.ask(model).text == ANSWER


@each(*entry_points(is_async=False))
def test_closing_the_object_ends_what_is_under_way(api: EntryPoint, server: Server) -> None:
    """Another thread closes it: the call ends with a typed error, or as if nothing had been; never a hang."""
    stage = server.stage(BEGUN if api.streams else [HANG])
    model = api.make(stage.url, timeout=2, max_retries=0)
    if not hasattr(model, "close"):
        return
    threading.Timer(0.3, model.close).start()
    with pytest.raises(OxenError):
        watched(lambda: api.ask(model), 5)
    assert let_go(stage)
