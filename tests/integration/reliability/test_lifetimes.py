"""One object, many lives: event loops, threads, forks, processes; with `max_retries=0`, so that nothing is hidden."""

from __future__ import annotations

import asyncio
import contextlib
import copy
import gc
import json
import os
import pickle
import signal
import threading
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from typing import Any

import pytest

from _oxen_transport.http import async_requests, sync_requests
from _oxen_transport.request import tokenizer
from _oxen_transport.request.tokens import count_text
from _oxen_transport.testing import (
    ANSWER,
    HANG,
    Gate,
    Server,
    Stage,
    chunks,
    completion,
    echo,
    good,
    head,
    open_stream,
    sse,
)
from _oxen_transport.testing.answers import dumps
from tests.entry_points import EntryPoint, LangChain, LlamaIndex, Transport, each, entry_points
from tests.integration.faults.secrets_and_resources import watched
from tests.processes import python

ASYNC = entry_points(is_async=True)


def all_closed(stage: Stage) -> bool:
    return stage.wait(lambda stage: not stage.open_connections(), 10)


def echoes(name: str, count: int) -> list[str]:
    """The answers to as many prompts of this name."""
    return [f"echo: {name} {number}" for number in range(count)]


# -- event loops -----------------------------------------------------------------------------

FIFTY = """
import asyncio, gc, sys
from tools.support.entry_points import entry_points
entry = next(entry for entry in entry_points() if str(entry) == sys.argv[1])
model = entry.make(sys.argv[2], max_retries=0)
for number in range(50):
    assert asyncio.run(entry.ask_async(model, f"p{number}")).text == f"echo: p{number}"
gc.collect()
"""


@each(*entry_points(LangChain, LlamaIndex, is_async=True))
def test_fifty_loops_one_after_the_other(api: EntryPoint, server: Server) -> None:
    """In a process of its own, where every warning (ResourceWarning, never awaited, closed loop) is an error."""
    stage = server.stage(echo)
    strict = ["-X", "dev", "-W", "error::ResourceWarning", "-W", "error::RuntimeWarning"]
    done = python(*strict, "-c", FIFTY, str(api), stage.url)
    lines = [line for line in done.stderr.splitlines() if "Error" in line or "Warning" in line]
    assert (done.returncode, [line for line in lines if "Deprecat" not in line]) == (0, []), done.stderr
    assert len(stage.requests) == 50
    assert all_closed(stage), "a closed loop left its connection open"


@pytest.mark.usefixtures("patient_with_bodies")
@each(*ASYNC)
def test_loops_that_alternate(api: EntryPoint, server: Server) -> None:
    stage = server.stage(echo)
    model = api.make(stage.url, max_retries=0)
    loops = [asyncio.new_event_loop() for _ in range(3)]
    try:
        for number in range(12):
            answer = loops[number % 3].run_until_complete(api.ask_async(model, f"p{number}"))
            assert answer.text == f"echo: p{number}"
        assert len(stage.connections) <= 3, "each loop keeps its warm connection"
    finally:
        for loop in loops:
            loop.run_until_complete(loop.shutdown_asyncgens())
            loop.close()
    assert all_closed(stage)


@each(*ASYNC)
def test_loops_closed_without_care(api: EntryPoint, server: Server) -> None:
    """No `shutdown_asyncgens`, as some frameworks do it: the next loop does not trip over the last one's pool."""
    stage = server.stage(echo)
    model = api.make(stage.url, max_retries=0)
    for number in range(5):
        loop = asyncio.new_event_loop()
        assert loop.run_until_complete(api.ask_async(model, f"p{number}")).text == f"echo: p{number}"
        loop.close()
    gc.collect()
    assert len(stage.requests) == 5
    assert len([pool for pool in async_requests._pools.values() if pool.loop.is_closed()]) <= 1, "the next call sweeps"


@each(*ASYNC)
def test_a_loop_inside_a_loop_and_a_hundred_calls_at_once(api: EntryPoint, server: Server) -> None:
    """A tool that calls `asyncio.run` in a thread while the outer loop has calls under way."""
    stage = server.stage(echo)
    model = api.make(stage.url, max_retries=0)

    async def ask(name: str) -> str:
        return str((await api.ask_async(model, name)).text)

    async def outer() -> list[str]:
        inner = asyncio.to_thread(lambda: asyncio.run(ask("inner")))
        return list(await asyncio.gather(inner, *(ask(f"p {number}") for number in range(100))))

    assert watched(lambda: asyncio.run(outer())) == ["echo: inner", *echoes("p", 100)]
    assert len(stage.requests) == 101


@each(*entry_points(is_async=False))
def test_sync_inside_of_a_running_loop(api: EntryPoint, server: Server) -> None:
    """Blocking, but right."""
    model = api.make(server.stage(echo).url, max_retries=0)

    async def outer() -> str:
        return str(api.ask(model, "p").text)

    assert asyncio.run(outer()) == "echo: p"


@each(*entry_points(is_async=True, streams=True))
def test_a_stream_that_outlives_its_loop(api: EntryPoint, server: Server) -> None:
    """Read in one loop, left there; the next loop is not harmed by it."""
    stage = server.stage(open_stream(sse(chunks()[:5], done=False), HANG), good)
    model = api.make(stage.url, max_retries=0)
    kept: list[Any] = []

    async def begin() -> None:
        kept.append(api.achunks(model))
        await anext(kept[0])

    asyncio.run(begin())
    assert stage.released(10)
    kept.clear()
    gc.collect()
    assert api.ask(model).text == ANSWER


# -- connections -----------------------------------------------------------------------------


@pytest.mark.usefixtures("patient_with_bodies")
@each(*entry_points())
def test_calls_one_after_the_other_share_a_warm_connection(api: EntryPoint, server: Server) -> None:
    """Another object with the same settings too, in one event loop."""
    stage = server.stage(good)
    api.ask_each(*(api.make(stage.url), api.make(stage.url)) * 3)
    assert len(stage.requests) == 6
    assert len(stage.connections) == 1


def test_the_end_of_the_process_closes_what_is_open(server: Server) -> None:
    api, stage = Transport(is_async=False, streams=False), server.stage(good)
    model = api.make(stage.url)
    api.ask(model)
    assert len(stage.open_connections()) == 1
    sync_requests._close_all()
    assert all_closed(stage)
    assert api.ask(model).text == ANSWER


def test_forty_objects_and_copies_leave_few_connections(api: EntryPoint, server: Server) -> None:
    stage = server.stage(echo)
    model: Any = None
    for number in range(40):
        ways = [copy.copy, copy.deepcopy, lambda one: one.model_copy()]
        model = ways[number % 4 - 1](model) if number % 4 else api.make(stage.url, max_retries=0)
        assert api.ask(model, str(number)).text == f"echo: {number}"
    gc.collect()
    assert stage.wait(lambda stage: len(stage.open_connections()) <= 2, 10)
    assert len(stage.requests) == 40


# -- threads ---------------------------------------------------------------------------------


@each(*entry_points())
def test_a_hundred_threads_each_with_a_life_of_its_own(api: EntryPoint, server: Server) -> None:
    """Threads that start and end, twenty at a time, leave neither connections nor loops behind."""
    stage = server.stage(echo)
    model = api.make(stage.url, max_retries=0)
    for _ in range(5):
        with ThreadPoolExecutor(20) as pool:
            answers = list(pool.map(lambda number: api.ask(model, f"p {number}").text, range(20)))
        assert answers == echoes("p", 20)
    assert len(stage.requests) == 100
    assert stage.wait(lambda stage: len(stage.open_connections()) <= (0 if api.is_async else 20), 10)


def test_sync_and_async_at_once(server: Server) -> None:
    stage = server.stage(echo)
    models = {api: api.make(stage.url, max_retries=0) for api in entry_points(LangChain, LlamaIndex)}
    blocking, awaited = ([api for api in models if api.is_async is wanted] * 32 for wanted in (False, True))

    async def many() -> list[str]:
        asked = (api.ask_async(models[api], f"async {n}") for n, api in enumerate(awaited[:64]))
        return [answer.text for answer in await asyncio.gather(*asked)]

    with ThreadPoolExecutor(9) as pool:
        under_way = pool.submit(lambda: asyncio.run(many()))
        texts = list(pool.map(lambda n: blocking[n].ask(models[blocking[n]], f"sync {n}").text, range(64)))
        assert texts == echoes("sync", 64)
        assert under_way.result(60) == echoes("async", 64)
    assert len(stage.requests) == 128


# -- processes -------------------------------------------------------------------------------


def in_a_fork(work: Callable[[], Any], meanwhile: Callable[[], Any] = lambda: None) -> Any:
    """What this work gives in a forked child, as JSON; None if it fails there. `meanwhile`: what the parent does."""
    read_end, write_end = os.pipe()
    child = os.fork()
    if child == 0:  # pragma: no cover - another process
        try:
            with contextlib.suppress(BaseException):
                os.write(write_end, json.dumps(work()).encode())
            gc.collect()
        finally:
            os._exit(0)
    meanwhile()
    os.close(write_end)
    with os.fdopen(read_end, "rb") as pipe:
        result = json.loads(pipe.read() or b"null")
    os.waitpid(child, 0)
    return result


@pytest.fixture
def one_pool(monkeypatch: pytest.MonkeyPatch) -> None:
    """Threads share their connections, so that a child's thread would find its parent's."""
    monkeypatch.setattr(sync_requests, "POOLS", 1)


forks = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")


@forks
@pytest.mark.usefixtures("one_pool")
@each(*entry_points())
def test_fork_in_the_middle_of_an_answer(api: EntryPoint, server: Server) -> None:
    """A child that inherits a busy connection, and an idle one, neither reads from them nor closes them."""
    gate, body = Gate(), dumps(completion())
    slow_stream = [*open_stream(sse(chunks()[:5], done=False), gate, sse(chunks()[5:])), b"0\r\n\r\n"]
    slow_body = [head(200, content_type="application/json", content_length=len(body)), body[:40], gate, body[40:]]
    stage = server.stage(echo, slow_stream if api.streams else slow_body, echo)
    model = api.make(stage.url, max_retries=0)
    api.ask(model, "before")
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(api.ask, model)
        assert gate.reached.wait(10)
        assert in_a_fork(lambda: [api.ask(model, f"child {n}").text for n in range(5)]) == echoes("child", 5)
        gate.open()
        assert asked.result(15).text == ANSWER
    assert api.ask(model, "after").text == "echo: after"
    assert len(stage.requests) == 8


@forks
@pytest.mark.usefixtures("one_pool")
@each(*entry_points(is_async=False))
def test_parent_and_child_at_once_after_a_fork(api: EntryPoint, server: Server) -> None:
    stage = server.stage(echo)
    model = api.make(stage.url, max_retries=0)
    api.ask(model, "before")

    def many(name: str) -> list[str]:
        return [api.ask(model, f"{name} {number}").text for number in range(20)]

    texts: list[str] = []
    assert in_a_fork(lambda: many("child"), lambda: texts.extend(many("parent"))) == echoes("child", 20)
    assert texts == echoes("parent", 20)
    assert len(stage.requests) == 41


@forks
def test_a_fork_while_the_tokenizer_is_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokenizer, "_loaded", [])
    lock = tokenizer._locks.setdefault(os.getpid(), threading.Lock())

    def count() -> int:
        signal.alarm(60)
        return count_text("ox", "open-mixtral-8x22b").tokens

    with lock:  # as a thread that is loading it, which the child does not have
        assert in_a_fork(count)


def ask_there(api: EntryPoint, stored: bytes, name: str) -> str:
    """In another process: unpickle, ask."""
    return str(api.ask(pickle.loads(stored), name).text)  # noqa: S301 - our own bytes


@pytest.mark.parametrize("method", ["spawn", "fork"])
@each(LangChain(is_async=False, streams=False), LlamaIndex(is_async=True, streams=True))
def test_a_pool_of_processes(method: str, api: EntryPoint, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """No secret enters a pickle: each process has its own key."""
    monkeypatch.setenv("OXEN_API_KEY", "sk-from-the-environment")
    stage = server.stage(echo)
    model = api.make(stage.url, max_retries=0)
    api.ask(model, "before")
    with ProcessPoolExecutor(2, mp_context=get_context(method)) as pool:
        asked = [pool.submit(ask_there, api, pickle.dumps(model), f"p {n}") for n in range(8)]
        assert [one.result(120) for one in asked] == echoes("p", 8)
    assert {r.headers["authorization"] for r in stage.requests[1:]} == {"Bearer sk-from-the-environment"}
