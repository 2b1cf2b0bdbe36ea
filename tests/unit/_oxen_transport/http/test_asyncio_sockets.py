"""asyncio's sockets as httpcore sees them, over real connections: limits of every kind, and none at all.

What they do for a call is in test_client.py and tests/integration/faults. A limit that is no `Deadline`, or none,
is what httpcore gives them on the way through a SOCKS proxy.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import socket
import struct
import time
from typing import TYPE_CHECKING

import httpcore
import pytest

from _oxen_transport.clients import async_client
from _oxen_transport.http.asyncio_sockets import AsyncioBackend
from _oxen_transport.request.build import build
from _oxen_transport.settings import OxenSettings
from _oxen_transport.testing import HANG, Server, chunks, open_stream, sse
from tests.entry_points import QUESTION

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

RESET = struct.pack("ii", 1, 0)  # on, 0 s: closing sends RST
MUCH = b"ox" * 8_000_000
"""More than the buffers of both ends hold."""


@contextlib.asynccontextmanager
async def connected(talk: Talk) -> AsyncIterator[httpcore.AsyncNetworkStream]:
    """A connection to a server that talks so."""
    listening = await asyncio.start_server(talk, "127.0.0.1", 0)
    host, port = listening.sockets[0].getsockname()
    stream = await AsyncioBackend().connect_tcp(host, port, timeout=5)
    try:
        yield stream
    finally:
        await stream.aclose()
        listening.close()


async def test_a_read_without_a_limit_outlasts_the_limit_of_the_one_before() -> None:
    async def talk(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for word in (b"one", b"two"):
            await asyncio.sleep(0.1)
            writer.write(word)
            await asyncio.sleep(0.3)
        writer.close()

    async with connected(talk) as stream:
        assert await stream.read(10, timeout=0.3) == b"one"  # its timer goes on to run, until after 0.3 s
        assert await stream.read(10) == b"two"
        assert await stream.read(10) == b""


async def test_a_plain_limit_ends_a_read_and_not_the_connection() -> None:
    async def talk(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.4)
        writer.write(b"late, but whole")

    async with connected(talk) as stream:
        start = time.monotonic()
        with pytest.raises(httpcore.ReadTimeout):
            await stream.read(10, timeout=0.1)
        assert 0.09 < time.monotonic() - start < 0.35
        assert await stream.read(4, timeout=2.0) == b"late"
        assert await stream.read(100, timeout=2.0) == b", but whole"


async def test_a_write_without_a_limit_waits_for_a_reader_that_is_slow() -> None:
    got = asyncio.get_running_loop().create_future()

    async def talk(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.3)
        got.set_result(await reader.readexactly(len(MUCH)))

    async with connected(talk) as stream:
        start = time.monotonic()
        await stream.write(MUCH)
        assert time.monotonic() - start > 0.25, "it did not wait"
        assert await asyncio.wait_for(got, 5) == MUCH


@pytest.mark.parametrize("seconds", [0.0, 0.2])
async def test_a_write_with_a_limit_does_not_wait_longer(seconds: float) -> None:
    async def talk(*_: object) -> None:
        await asyncio.sleep(5)

    async with connected(talk) as stream:
        start = time.monotonic()
        with pytest.raises(httpcore.WriteTimeout):
            await stream.write(MUCH, timeout=seconds)
        assert seconds <= time.monotonic() - start < seconds + 1


@pytest.mark.parametrize("who", ["the other side", "we"])
async def test_nothing_is_written_to_a_connection_that_is_over(who: str) -> None:
    async def talk(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if who == "the other side":
            writer.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            writer.transport.abort()

    async with connected(talk) as stream:
        if who == "we":
            await stream.aclose()
        else:
            with pytest.raises(httpcore.ReadError, match="reset"):
                await stream.read(10, timeout=2.0)
        with pytest.raises(httpcore.WriteError):
            await stream.write(b"hello?", timeout=2.0)


async def test_a_connection_tells_its_ends() -> None:
    """By the names of https://www.encode.io/httpcore/network-backends/; tracers ask for the addresses."""
    seen: list[object] = []

    async def talk(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.extend([writer.get_extra_info("peername"), writer.get_extra_info("sockname")])
        writer.write(b"hello")

    async with connected(talk) as stream:
        assert await stream.read(1) == b"h"
        assert [stream.get_extra_info("client_addr"), stream.get_extra_info("server_addr")] == seen
        assert stream.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        assert stream.get_extra_info("ssl_object") is None
        assert stream.get_extra_info("is_readable") is True


def test_what_a_dead_loop_left_open_can_be_closed(server: Server) -> None:
    """A loop that was closed in the middle of a stream, as old code does: whoever has the stream lets go of it."""
    stage = server.stage(open_stream(sse(chunks()[:5], done=False), HANG))
    model = OxenSettings(base_url=stage.url)
    stream = async_client(model).stream(build(model, QUESTION, stream=True))
    loop = asyncio.new_event_loop()
    assert loop.run_until_complete(stream.__anext__()).text
    loop.close()
    asyncio.run(stream.aclose())
    del stream
    gc.collect()
    assert stage.wait(lambda stage: not stage.open_connections())
