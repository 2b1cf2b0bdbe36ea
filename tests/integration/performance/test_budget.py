"""What may be spent, counted without a clock: a slow machine gives the same figures as a fast one.

The limits have a little room above what is needed today. Whoever needs more says why in the commit
that raises them.
"""

from __future__ import annotations

import asyncio
import cProfile
import json
import subprocess
import sys
import tracemalloc
from typing import TYPE_CHECKING, Any

import pytest

from _oxen_transport.http import async_requests, sync_requests
from tests.callers import Caller, LangChain, LlamaIndex, Transport, callers, each
from tests.server import ANSWER, DONE, USAGE, chunk, event, good, open_stream

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.server import Server

# function calls per text chunk of a long stream: the framework's own share is in it
PER_CHUNK = {"client": 32, "ChatOxen": 75, "Oxen": 92}
PER_FRAGMENT = {"client": 82, "ChatOxen": 150, "Oxen": 160}
# function calls per answer on a warm connection; sync and async
PER_CALL = {"client": (1200, 1500), "ChatOxen": (1600, 2200), "Oxen": (1480, 1800)}

FLOORS = {
    "langchain_oxen": "from langchain_core.language_models import BaseChatModel",
    "llama_index_oxen": "from llama_index.core.llms.function_calling import FunctionCallingLLM",
}


def counted(work: Callable[[], Any]) -> int:
    """Function calls that some work takes, built-in ones included."""
    profile = cProfile.Profile()
    profile.enable()
    work()
    profile.disable()
    return sum(entry.callcount for entry in profile.getstats())


def long_stream(count: int, *, tool: bool = False) -> list[Any]:
    """An answer in so many events, all in one piece."""
    if tool:
        first = {"index": 0, "id": "AbC123xyZ", "type": "function", "function": {"name": "f", "arguments": '{"a": "'}}
        calls = [first, *({"index": 0, "function": {"arguments": "ox "}} for _ in range(count - 2))]
        calls.append({"index": 0, "function": {"arguments": '"}'}})
        events = [chunk({"tool_calls": [call]}) for call in calls]
    else:
        events = [chunk({"content": " ox"}) for _ in range(count)]
    parts = [event(part) for part in (*events, chunk({}, "tool_calls" if tool else "stop", usage=USAGE))]
    framed = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (*parts, DONE))
    return [*open_stream(), framed + b"0\r\n\r\n"]


def drained(caller: Caller, model: Any) -> int:
    """Take a stream to its end, and nothing more. Returns how many chunks there were."""

    async def drain() -> int:
        return len([None async for _ in caller.achunks(model)])

    if caller.is_async:
        return asyncio.run(drain())
    return sum(1 for _ in caller.chunks(model))


def per_chunk(caller: Caller, server: Server, few: int, many: int, *, tool: bool = False) -> float:
    """Function calls per chunk: what the longer stream takes more, so that the fixed part drops out."""
    spent = []
    for count in (few, few, many):
        model = caller.make(server.stage(long_stream(count, tool=tool)).url)
        assert drained(caller, model) >= count  # the first time warms up what is made once
        spent.append(counted(lambda model=model: drained(caller, model)))  # type: ignore[misc]
    return (spent[2] - spent[1]) / (many - few)


@each(*callers(streams=True))
def test_calls_per_text_chunk(caller: Caller, server: Server) -> None:
    assert per_chunk(caller, server, 100, 600) <= PER_CHUNK[caller.kind]


@each(*callers(streams=True))
def test_calls_per_fragment_of_a_tool_call(caller: Caller, server: Server) -> None:
    assert per_chunk(caller, server, 100, 600, tool=True) <= PER_FRAGMENT[caller.kind]


@each(*callers(Transport, LangChain, LlamaIndex, streams=True, is_async=False))
def test_a_long_stream_costs_as_much_per_chunk_as_a_short_one(caller: Caller, server: Server) -> None:
    """From 2,000 to 20,000 chunks. LlamaIndex's snapshots hold the whole text, but are not made by calls."""
    short, long = per_chunk(caller, server, 500, 2_000), per_chunk(caller, server, 2_000, 20_000)
    assert long <= short * 1.02


@each(*callers(streams=False))
def test_calls_per_answer(caller: Caller, server: Server) -> None:
    stage = server.stage(good)
    model = caller.make(stage.url)

    async def asked(times: int) -> None:
        for _ in range(times):
            await caller.ask_async(model)

    def ask(times: int) -> None:
        if caller.is_async:
            asyncio.run(asked(times))
        else:
            for _ in range(times):
                caller.ask(model)

    ask(2)
    fixed, more = counted(lambda: ask(1)), counted(lambda: ask(11))
    assert (more - fixed) / 10 <= PER_CALL[caller.kind][caller.is_async]
    assert len(stage.requests) == 14, "one request per call"


@each(*callers())
def test_one_request_and_one_connection(caller: Caller, server: Server) -> None:
    """Many objects with equal settings, one call each: as many requests, and one connection for all."""
    stage = server.stage(good)
    models = [caller.make(stage.url) for _ in range(5)]

    async def ask_all() -> list[str]:
        return [(await caller.ask_async(model)).text for model in models]

    texts = asyncio.run(ask_all()) if caller.is_async else [caller.ask(model).text for model in models]
    assert texts == [ANSWER] * 5
    assert len(stage.requests) == 5
    assert len(stage.connections) == 1


def test_many_connections_do_not_make_a_request_dearer(server: Server) -> None:
    """httpcore's own pool looks at each idle connection for every request."""
    (caller,) = callers(Transport, is_async=True, streams=False)
    model = caller.make(server.stage(good).url)

    async def spent() -> tuple[int, int]:
        profile = cProfile.Profile()

        async def one_more() -> int:
            profile.clear()
            profile.enable()
            await caller.ask_async(model)
            profile.disable()
            return sum(entry.callcount for entry in profile.getstats())

        async def least() -> int:
            return min([await one_more() for _ in range(5)])  # the loop's own turns differ from call to call

        await caller.ask_async(model)
        few = await least()
        await asyncio.gather(*(caller.ask_async(model) for _ in range(60)))
        return few, await least()

    few, many = asyncio.run(spent())
    assert many <= few * 1.1


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
    heavy = {"httpx", "httpcore", "h11", "h2", "anyio", "ssl", "asyncio", "mistral_common", "sentencepiece"}
    assert not heavy & set(added)
    assert len(added) <= 45, added


@each(*callers(LangChain, LlamaIndex, is_async=False, streams=False))
def test_an_instance_is_small_and_opens_nothing(caller: Caller, server: Server) -> None:
    url = server.stage(good).url
    caller.make(url)
    pools_before = len(sync_requests._pools), len(async_requests._pools)
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        kept = [caller.make(url) for _ in range(50)]
        grown = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert grown / len(kept) <= 6 * 1024
    assert (len(sync_requests._pools), len(async_requests._pools)) == pools_before


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
