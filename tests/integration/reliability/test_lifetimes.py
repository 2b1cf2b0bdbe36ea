"""One object, many lives: event loops, threads, forks, processes; with `max_retries=0`, so that nothing is hidden.

`faults/test_connections_are_released.py` has three loops, sixteen threads and one fork; here are the rest.
"""

from __future__ import annotations

import asyncio
import contextlib
import copy
import gc
import itertools
import json
import os
import pickle
import subprocess
import sys
import threading
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from _oxen_transport.testing import ANSWER, HANG, chunks, completion, echo, good, head, open_stream, sse
from _oxen_transport.testing.answers import dumps
from tests.entry_points import EntryPoint, LangChain, LlamaIndex, each, entry_points
from tests.integration.faults.secrets_and_resources import watched

if TYPE_CHECKING:
    from _oxen_transport.testing import Server

ASYNC = entry_points(is_async=True)
ROOT = Path(__file__).parents[3]

FIFTY = """
import asyncio, gc, sys
from tests.entry_points import entry_points
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
    command = [sys.executable, *strict, "-c", FIFTY, str(api), stage.url]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)  # noqa: S603
    said = [line for line in done.stderr.splitlines() if "Error" in line or "Warning" in line]
    ours = [line for line in said if "Deprecat" not in line]
    assert (done.returncode, ours) == (0, []), done.stderr
    assert len(stage.requests) == 50
    assert stage.wait(lambda stage: not stage.open_connections()), "a closed loop left its connection open"


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
    assert stage.wait(lambda stage: not stage.open_connections())


@each(*ASYNC)
def test_a_loop_that_is_closed_without_care(api: EntryPoint, server: Server) -> None:
    """No `shutdown_asyncgens`, as some frameworks do it: the next loop does not trip over the last one's pool."""
    stage = server.stage(echo)
    model = api.make(stage.url, max_retries=0)
    for number in range(5):
        loop = asyncio.new_event_loop()
        assert loop.run_until_complete(api.ask_async(model, f"p{number}")).text == f"echo: p{number}"
        loop.close()
    gc.collect()
    assert len(stage.requests) == 5


@each(*ASYNC)
def test_a_loop_inside_a_loop(api: EntryPoint, server: Server) -> None:
    """A tool that calls `asyncio.run` in a thread while the outer loop streams."""
    stage = server.stage(echo)
    model = api.make(stage.url, max_retries=0)

    async def outer() -> None:
        async def inner(name: str) -> str:
            return str((await api.ask_async(model, name)).text)

        texts = await asyncio.gather(
            inner("outer"), asyncio.to_thread(lambda: asyncio.run(inner("inner"))), inner("outer again")
        )
        assert texts == ["echo: outer", "echo: inner", "echo: outer again"]

    watched(lambda: asyncio.run(outer()))
    assert len(stage.requests) == 3


def test_sync_inside_of_a_running_loop(api: EntryPoint, server: Server) -> None:
    """Blocking, but right."""
    if api.is_async:
        return
    stage = server.stage(echo)
    model = api.make(stage.url, max_retries=0)

    async def outer() -> str:
        return str(api.ask(model, "p").text)

    assert asyncio.run(outer()) == "echo: p"


def test_sync_and_async_at_once(server: Server) -> None:
    stage = server.stage(echo)
    models = {api: api.make(stage.url, max_retries=0) for api in entry_points(LangChain, LlamaIndex)}
    blocking_apis = itertools.cycle([api for api in models if not api.is_async])
    async_apis = itertools.cycle([api for api in models if api.is_async])

    def blocking(number: int) -> None:
        api = next(blocking_apis)
        assert api.ask(models[api], f"s{number}").text == f"echo: s{number}"

    async def many() -> None:
        turns = [next(async_apis) for _ in range(64)]
        answers = await asyncio.gather(*(api.ask_async(models[api], f"a{n}") for n, api in enumerate(turns)))
        assert [answer.text for answer in answers] == [f"echo: a{n}" for n in range(64)]

    thread = threading.Thread(target=lambda: asyncio.run(many()))
    thread.start()
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(blocking, range(64)))
    thread.join()
    assert len(stage.requests) == 128


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@each(*entry_points())
def test_fork_in_the_middle_of_an_answer(api: EntryPoint, server: Server) -> None:
    """A child that inherits a busy connection neither reads from it nor closes it for its parent."""
    slow_stream = [*open_stream(sse(chunks()[:5], done=False), 0.7, sse(chunks()[5:])), b"0\r\n\r\n"]
    body = dumps(completion())
    slow_body = [head(200, content_type="application/json", content_length=len(body)), body[:40], 0.7, body[40:]]
    stage = server.stage(slow_stream if api.streams else slow_body, echo)
    model = api.make(stage.url, max_retries=0)
    texts: list[str] = []

    def child_work() -> bytes:
        return json.dumps([api.ask(model, f"child {n}").text for n in range(5)]).encode()

    parent = threading.Thread(target=lambda: texts.append(api.ask(model).text))
    parent.start()
    assert stage.wait(lambda stage: len(stage.requests) == 1)
    read_end, write_end = os.pipe()
    child = os.fork()
    if child == 0:  # pragma: no cover - another process
        try:
            with contextlib.suppress(BaseException):
                os.write(write_end, child_work())
            gc.collect()
        finally:
            os._exit(0)
    os.close(write_end)
    with os.fdopen(read_end, "rb") as pipe:
        told = json.loads(pipe.read() or b"null")
    os.waitpid(child, 0)
    parent.join(15)
    assert told == [f"echo: child {n}" for n in range(5)]
    assert texts == [ANSWER]


def ask_there(stored: bytes, entry: str, name: str) -> str:
    """In another process: unpickle, ask."""
    api = next(known for known in entry_points() if str(known) == entry)
    return str(api.ask(pickle.loads(stored), name).text)  # noqa: S301 - our own bytes


@pytest.mark.parametrize("method", ["spawn", "fork"])
@each(*entry_points(LangChain, LlamaIndex))
def test_a_pool_of_processes(method: str, api: EntryPoint, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    if method == "spawn" and str(api) not in ("ChatOxen.send", "Oxen.astream"):
        return  # each child imports everything anew: once per class will do
    monkeypatch.setenv("OXEN_API_KEY", "sk-from-the-environment")
    stage = server.stage(echo)
    model = api.make(stage.url, max_retries=0)
    api.ask(model, "before")
    with ProcessPoolExecutor(2, mp_context=get_context(method)) as pool:
        asked = [pool.submit(ask_there, pickle.dumps(model), str(api), f"p{n}") for n in range(8)]
        assert [one.result(60) for one in asked] == [f"echo: p{n}" for n in range(8)]
    assert {r.headers["authorization"] for r in stage.requests[1:]} == {"Bearer sk-from-the-environment"}


@each(*entry_points())
def test_copies_share_and_do_not_disturb(api: EntryPoint, server: Server) -> None:
    stage = server.stage(echo)
    model = api.make(stage.url, max_retries=0)
    others = [model.model_copy(), copy.copy(model), copy.deepcopy(model)]
    for number, one in enumerate([model, *others, model]):
        assert api.ask(one, f"p{number}").text == f"echo: p{number}"
    del others
    gc.collect()
    assert api.ask(model, "again").text == "echo: again"


@each(*entry_points())
def test_a_hundred_threads_each_with_a_life_of_its_own(api: EntryPoint, server: Server) -> None:
    """Threads that start and end leave neither connections nor loops behind."""
    stage = server.stage(echo)
    model = api.make(stage.url, max_retries=0)
    texts: dict[int, str] = {}

    def work(number: int) -> None:
        texts[number] = str(api.ask(model, f"p{number}").text)

    for start in range(0, 100, 20):
        threads = [threading.Thread(target=work, args=(number,)) for number in range(start, start + 20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
    assert texts == {number: f"echo: p{number}" for number in range(100)}
    assert stage.wait(lambda stage: len(stage.open_connections()) <= (0 if api.is_async else 20))


@each(*ASYNC)
def test_a_stream_that_outlives_its_loop(api: EntryPoint, server: Server) -> None:
    """Read in one loop, left there; the next loop is not harmed by it."""
    if not api.streams:
        return
    stage = server.stage(open_stream(sse(chunks()[:5], done=False), HANG), good)
    model: Any = api.make(stage.url, max_retries=0)
    kept: list[Any] = []

    async def begin() -> None:
        kept.append(api.achunks(model))
        await kept[0].__anext__()

    asyncio.run(begin())
    assert stage.wait(lambda stage: not stage.busy_connections(), 1.0)
    kept.clear()
    gc.collect()
    assert api.ask(model).text == ANSWER
