"""Whoever stops listening lets go; one object serves many loops, threads, forks and lives."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from _oxen_transport.errors import OxenAPIError, OxenError
from _oxen_transport.testing import ANSWER, HANG, Gate, Server, chunks, echo, error_body, event, good, open_stream, sse
from tests.entry_points import EntryPoint, each, entry_points
from tests.integration.faults.secrets_and_resources import watched

pytestmark = pytest.mark.usefixtures("fast_retries")

BEGUN = open_stream(sse(chunks()[:5], done=False), HANG)
STREAMS = entry_points(streams=True)


def begin_and_leave(api: EntryPoint, model: Any) -> None:
    """Take two chunks, then break out of the loop and drop the iterator."""
    if not api.is_async:
        for taken, _ in enumerate(api.chunks(model)):
            if taken == 1:
                break
        return

    async def run() -> None:
        async with contextlib.aclosing(api.achunks(model)) as stream:
            taken = 0
            async for _ in stream:
                taken += 1
                if taken == 2:
                    break

    asyncio.run(run())


@each(*STREAMS)
def test_early_break(api: EntryPoint, server: Server) -> None:
    stage = server.stage(BEGUN, good)
    model = api.make(stage.url)
    watched(lambda: begin_and_leave(api, model))
    assert stage.released(1.5)
    assert api.ask(model).text == ANSWER
    assert len(stage.requests) == 2


@each(*entry_points(is_async=True, streams=True))
def test_early_break_in_a_loop_that_goes_on(api: EntryPoint, server: Server) -> None:
    """No `aclosing`, no end of the loop: dropping the generator is enough, as users write it."""
    stage = server.stage(BEGUN, good)
    model = api.make(stage.url)

    async def run() -> bool:
        async for _ in api.achunks(model):
            break
        gc.collect()
        for _ in range(300):
            await asyncio.sleep(0.005)
            if not stage.busy_connections():
                return True
        return False

    assert watched(lambda: asyncio.run(run())), "the connection is still open, 1.5 s later"


async def cancelled(api: EntryPoint, model: Any) -> float:
    """Cancel a call after 0.3 s. Returns: how long it then took to end."""
    task = asyncio.create_task(api.ask_async(model))
    await asyncio.sleep(0.3)
    start = time.monotonic()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    return time.monotonic() - start


@each(*entry_points(is_async=True))
def test_cancelled_while_waiting_for_the_head(api: EntryPoint, server: Server) -> None:
    stage = server.stage([HANG], good)
    model = api.make(stage.url)
    assert watched(lambda: asyncio.run(cancelled(api, model))) < 0.5
    assert stage.released(1.0)
    assert len(stage.requests) == 1
    assert api.ask(model).text == ANSWER


@each(*entry_points(is_async=True, streams=True))
def test_cancelled_in_the_middle(api: EntryPoint, server: Server) -> None:
    stage = server.stage(BEGUN, good)
    model = api.make(stage.url)
    assert watched(lambda: asyncio.run(cancelled(api, model))) < 0.5
    assert stage.released(1.0)
    assert len(stage.requests) == 1
    assert api.ask(model).text == ANSWER


@each(*entry_points(is_async=True))
def test_one_object_in_three_event_loops(api: EntryPoint, server: Server) -> None:
    stage = server.stage(good)
    model = api.make(stage.url, max_retries=0)
    for _ in range(3):
        assert watched(lambda: api.ask(model)).text == ANSWER
    assert len(stage.requests) == 3
    assert stage.wait(lambda stage: not stage.open_connections()), "a closed loop left its connection open"


@each(*entry_points(is_async=True))
def test_one_object_in_four_loops_at_once(api: EntryPoint, server: Server) -> None:
    stage = server.stage(echo)
    model = api.make(stage.url, max_retries=0)

    async def many(name: int) -> list[str]:
        return [(await api.ask_async(model, f"{name}-{number}")).text for number in range(10)]

    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda name: asyncio.run(many(name)), range(4)))
    assert results == [[f"echo: {name}-{number}" for number in range(10)] for name in range(4)]
    assert len(stage.requests) == 40


@each(*entry_points(is_async=False))
def test_sixteen_threads(api: EntryPoint, server: Server) -> None:
    stage = server.stage(echo)
    model = api.make(stage.url, max_retries=0)
    prompts = [f"prompt {number}" for number in range(64)]
    with ThreadPoolExecutor(16) as pool:
        texts = list(pool.map(lambda prompt: api.ask(model, prompt).text, prompts))
    assert texts == [f"echo: {prompt}" for prompt in prompts]
    assert len(stage.requests) == 64


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@each(*entry_points(is_async=False))
def test_fork_after_first_use(api: EntryPoint, server: Server) -> None:
    stage = server.stage(echo)
    model = api.make(stage.url, max_retries=0)
    api.ask(model, "before")

    def many(name: str) -> list[str]:
        return [api.ask(model, f"{name} {number}").text for number in range(20)]

    read_end, write_end = os.pipe()
    child = os.fork()
    if child == 0:  # pragma: no cover - another process
        try:
            os.write(write_end, json.dumps(many("child")).encode())
        finally:
            os._exit(0)
    texts = many("parent")
    os.close(write_end)
    _, status = os.waitpid(child, 0)
    with os.fdopen(read_end, "rb") as pipe:
        told = json.loads(pipe.read() or b"null")
    assert status == 0
    assert texts == [f"echo: parent {number}" for number in range(20)]
    assert told == [f"echo: child {number}" for number in range(20)]
    assert len(stage.requests) == 41


def test_forty_objects(api: EntryPoint, server: Server) -> None:
    stage = server.stage(echo)

    def lives() -> None:
        for number in range(40):
            assert api.ask(api.make(stage.url), str(number)).text == f"echo: {number}"

    watched(lives, 30)
    gc.collect()
    assert stage.wait(lambda stage: len(stage.open_connections()) <= 2)
    assert len(stage.requests) == 40


@each(*STREAMS)
def test_thirty_failing_streams(api: EntryPoint, server: Server) -> None:
    failing = open_stream(sse(chunks()[:5], done=False), event(error_body()), HANG)
    stage = server.stage(*[failing] * 30, good)
    model = api.make(stage.url)
    for _ in range(30):
        with pytest.raises(OxenAPIError):
            watched(lambda: api.ask(model))
    assert api.ask(model).text == ANSWER
    assert len(stage.requests) == 31
    assert stage.released()


@each(*STREAMS)
def test_responses_that_are_retried_are_closed(api: EntryPoint, server: Server) -> None:
    refused = open_stream(event(error_body()), HANG, status=503)
    stage = server.stage(refused, refused, good)
    answer = watched(lambda: api.ask(api.make(stage.url, max_retries=2)))
    assert answer.text == ANSWER
    assert len(stage.requests) == 3
    assert stage.released()


@each(*STREAMS)
def test_streaming_is_streaming(api: EntryPoint, server: Server) -> None:
    """The first chunk reaches the caller before the server has sent the second."""
    gate = Gate()
    first, *rest = chunks(["first", " second"])[1:]
    stage = server.stage([*open_stream(event(first), gate, sse(rest)), b"0\r\n\r\n"])
    model = api.make(stage.url, timeout=5)
    texts: list[str] = []

    async def arun() -> None:
        async for chunk in api.achunks(model):
            if text := api.text_of(chunk):
                texts.append(text)
                gate.open()  # only now may the server go on

    def run() -> None:
        for chunk in api.chunks(model):
            if text := api.text_of(chunk):
                texts.append(text)
                gate.open()

    watched((lambda: asyncio.run(arun())) if api.is_async else run)
    assert texts == ["first", " second"]


@each(*entry_points(is_async=True))
def test_a_gathered_hundred(api: EntryPoint, server: Server) -> None:
    stage = server.stage(echo)
    model = api.make(stage.url)

    async def run() -> list[str]:
        answers = await asyncio.gather(*(api.ask_async(model, f"p{number}") for number in range(100)))
        return [answer.text for answer in answers]

    assert watched(lambda: asyncio.run(run()), 60) == [f"echo: p{number}" for number in range(100)]
    assert len(stage.requests) == 100


def test_nothing_is_left_running(api: EntryPoint, server: Server) -> None:
    """Neither thread nor task outlives its call, be it answered or refused."""
    stage = server.stage(good, [HANG])
    model = api.make(stage.url, timeout=0.3, max_retries=0)
    api.ask(model)
    before = threading.active_count()

    async def run() -> int:
        for _ in range(2):
            with contextlib.suppress(OxenError):
                await api.ask_async(model)
        await asyncio.sleep(0)
        return len(asyncio.all_tasks())

    if api.is_async:
        assert asyncio.run(run()) == 1, "a task was left"
    else:
        with contextlib.suppress(OxenError):
            api.ask(model)
    assert threading.active_count() <= before


@each(*entry_points(is_async=True))
def test_cancelled_calls_leave_no_socket(api: EntryPoint, server: Server) -> None:
    stage = server.stage([HANG])
    model = api.make(stage.url, max_retries=0)

    async def run() -> None:
        tasks = [asyncio.create_task(api.ask_async(model)) for _ in range(20)]
        await asyncio.sleep(0.3)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    watched(lambda: asyncio.run(run()))
    assert stage.released(1.0)
