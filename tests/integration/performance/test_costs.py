"""What our own layer may spend, counted without a clock: a slow machine gives the same figures as a fast one."""

from __future__ import annotations

import asyncio
import cProfile
import gc
import json
import subprocess
import sys
import tracemalloc
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from _oxen_transport.http import async_requests, sync_requests
from _oxen_transport.testing import ANSWER, DONE, USAGE, chunk, event, good, open_stream
from benchmarks.processes import server as benchmark_server
from tests.entry_points import EntryPoint, LangChain, LlamaIndex, each, entry_points

if TYPE_CHECKING:
    from collections.abc import Callable

    from _oxen_transport.testing import Server

FLOORS = {
    "langchain_oxen": "from langchain_core.language_models import BaseChatModel",
    "llama_index_oxen": "from llama_index.core.llms.function_calling import FunctionCallingLLM",
}

MODULES = {"langchain_oxen": 45, "llama_index_oxen": 45}
"""How many an import may add: ours, and what they import."""


def counted(work: Callable[[], Any]) -> int:
    """Function calls that some work takes, built-in ones included."""
    profile = cProfile.Profile()
    profile.enable()
    work()
    profile.disable()
    return sum(entry.callcount for entry in profile.getstats())


def long_stream(count: int) -> list[Any]:
    """An answer in so many events, all in one piece."""
    events = [chunk({"content": " ox"}) for _ in range(count)]
    parts = [event(part) for part in (*events, chunk({}, "stop", usage=USAGE))]
    framed = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (*parts, DONE))
    return [*open_stream(), framed + b"0\r\n\r\n"]


def drained(api: EntryPoint, model: Any) -> int:
    """Take a stream to its end, and nothing more. Returns how many chunks there were."""

    async def drain() -> int:
        return len([None async for _ in api.achunks(model)])

    if api.is_async:
        return asyncio.run(drain())
    return sum(1 for _ in api.chunks(model))


def per_chunk(api: EntryPoint, server: Server, few: int, many: int) -> float:
    """Function calls per chunk: what the longer stream takes more, so that the fixed part drops out."""
    spent = []
    for count in (few, few, many):
        model = api.make(server.stage(long_stream(count)).url)
        assert drained(api, model) >= count  # the first time warms up what is made once
        spent.append(counted(lambda model=model: drained(api, model)))  # type: ignore[misc]
    return (spent[2] - spent[1]) / (many - few)


@each(*entry_points(streams=True))
def test_a_long_stream_costs_as_much_per_chunk_as_a_short_one(api: EntryPoint, server: Server) -> None:
    """From 1,000 to 5,000 chunks. LlamaIndex's snapshots hold the whole text, but are not made by calls."""
    short, long = per_chunk(api, server, 250, 1_000), per_chunk(api, server, 1_000, 5_000)
    assert long <= short * 1.02


def ours(work: Callable[[], Any]) -> Counter[str]:
    """Calls of our own functions by file: what libraries do inside is not ours to limit."""
    profile = cProfile.Profile()
    profile.enable()
    work()
    profile.disable()
    calls: Counter[str] = Counter()
    for entry in profile.getstats():
        file = getattr(entry.code, "co_filename", "")
        if any(f"/{name}/" in file for name in ("_oxen_transport", "langchain_oxen", "llama_index_oxen")):
            calls[file] += entry.callcount
    return calls


def asked(api: EntryPoint, model: Any) -> None:
    if api.is_async:
        asyncio.run(api.ask_async(model))
    else:
        api.ask(model)


@each(*entry_points(streams=True))
def test_our_own_layer_is_thin_per_chunk(api: EntryPoint, server: Server) -> None:
    spent = []
    for count in (100, 100, 600):
        model = api.make(server.stage(long_stream(count)).url)
        spent.append(ours(lambda model=model: drained(api, model)).total())  # type: ignore[misc]
    assert (spent[2] - spent[1]) / 500 <= 38


@each(*entry_points(streams=False))
def test_our_own_layer_is_thin_per_call(api: EntryPoint, server: Server) -> None:
    model = api.make(server.stage(good).url)
    asked(api, model)  # warms up what is made once
    assert ours(lambda: asked(api, model)).total() <= 260


@each(*entry_points())
def test_a_call_passes_few_files(api: EntryPoint, server: Server) -> None:
    model = api.make(server.stage(good).url)
    asked(api, model)  # as above
    files = ours(lambda: asked(api, model))
    assert len(files) < 25, sorted(files)


@each(*entry_points())
def test_one_request_and_one_connection(api: EntryPoint, server: Server) -> None:
    """Many objects with equal settings, one call each: as many requests, and one connection for all."""
    stage = server.stage(good)
    models = [api.make(stage.url) for _ in range(5)]

    async def ask_all() -> list[str]:
        return [(await api.ask_async(model)).text for model in models]

    texts = asyncio.run(ask_all()) if api.is_async else [api.ask(model).text for model in models]
    assert texts == [ANSWER] * 5
    assert len(stage.requests) == 5
    assert len(stage.connections) == 1


@pytest.mark.parametrize("package", FLOORS)
def test_an_import_is_small(package: str) -> None:
    """Modules over the framework's own, and none that speaks HTTP: that one waits for the first call."""
    code = f"""
import sys, json
for name in ("rich", "click", "pygments", "httpx_aiohttp"):
    sys.modules[name] = None
{FLOORS[package]}
before = set(sys.modules)
import {package}
print(json.dumps(sorted(set(sys.modules) - before)))
"""
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)  # noqa: S603
    added = json.loads(out.stdout)
    assert len(added) <= MODULES[package], added
    heavy = {"httpx", "httpcore", "h11", "h2", "anyio", "ssl", "asyncio", "mistral_common", "sentencepiece"}
    assert not heavy & set(added)


@each(*entry_points(LangChain, LlamaIndex, is_async=False, streams=False))
def test_an_instance_is_small_and_opens_nothing(api: EntryPoint, server: Server) -> None:
    url = server.stage(good).url
    api.make(url)
    pools_before = len(sync_requests._pools), len(async_requests._pools)
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        kept = [api.make(url) for _ in range(50)]
        grown = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert grown / len(kept) <= 6 * 1024
    assert (len(sync_requests._pools), len(async_requests._pools)) == pools_before


@each(*entry_points(streams=True))
def test_an_open_stream_is_small(api: EntryPoint) -> None:
    """What Python holds for each stream that waits for its next chunk, connection and framework included."""
    count = 20
    with benchmark_server() as address:  # in a process of its own, so that its memory is not counted
        model = api.make(f"{address.plain}/text-2000-50")

        async def opened_async() -> list[Any]:
            streams = [api.achunks(model) for _ in range(count)]
            await asyncio.gather(*(anext(stream) for stream in streams))
            return streams

        def opened() -> list[Any]:
            streams = [api.chunks(model) for _ in range(count)]
            for stream in streams:
                next(stream)
            return streams

        async def grown() -> int:
            async def closed(streams: list[Any]) -> None:
                for stream in streams:
                    await stream.aclose() if api.is_async else stream.close()

            await closed(await opened_async() if api.is_async else opened())  # makes what is made once
            gc.collect()
            tracemalloc.start()
            try:
                streams = await opened_async() if api.is_async else opened()
                gc.collect()
                held = tracemalloc.get_traced_memory()[0]
            finally:
                tracemalloc.stop()
            await closed(streams)
            return held

        assert asyncio.run(grown()) / count <= 32 * 1024


def test_a_tool_is_described_once() -> None:
    """LlamaIndex's core asks pydantic for a tool's schema at each call, a fifth of a millisecond for each tool."""
    from llama_index.core.tools import FunctionTool

    from llama_index_oxen.tools import tools_to_wire

    def look_up(path: str, depth: int = 1) -> str:
        """Looks."""
        return path * depth

    look_up.__annotations__ = {"path": str, "depth": int, "return": str}  # classes, as in a file without the future
    tools = [FunctionTool.from_defaults(look_up, name=f"look_up_{number}") for number in range(20)]
    first, again = tools_to_wire(tools), tools_to_wire(tools)
    assert first == again
    assert first[0] is not again[0]
    assert counted(lambda: tools_to_wire(tools)) <= 20 * 10
    changed = FunctionTool.from_defaults(look_up, name="look_up_1", description="Otherwise.")
    assert tools_to_wire([changed])[0]["function"]["description"] == "Otherwise."
