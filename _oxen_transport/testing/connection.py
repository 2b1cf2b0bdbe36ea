"""One accepted connection: HTTP/1.1 by hand over asyncio, so that it can break every rule."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import struct
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit

from _oxen_transport.testing.steps import FIN, RST, Gate, Step

if TYPE_CHECKING:
    from collections.abc import Iterable

    from _oxen_transport.testing.server import Server


@dataclass(repr=False)
class Received:
    """One request as it came. `at` is monotonic seconds; header names are lower case.

    It holds the key, which tests look for in tracebacks: so it does not show what it holds.
    """

    method: str
    target: str
    headers: dict[str, str]
    body: bytes
    raw: bytes
    at: float
    connection: Connection
    number: int = 0

    @property
    def path(self) -> str:
        return urlsplit(self.target).path

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def messages(self) -> list[dict[str, Any]]:
        """The messages of a chat completion that was asked for."""
        return list(self.json.get("messages") or [])

    @property
    def wants_stream(self) -> bool:
        return self.body[:1] == b"{" and self.json.get("stream") is True


class Connection(asyncio.Protocol):
    """One accepted socket: reads requests, plays the script, knows when the client has gone."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.id = next(server.ids)
        self.is_open = False
        self.busy = False
        self.transport: asyncio.Transport
        self._buffer = bytearray()
        self._news = asyncio.Event()
        self._gone = asyncio.Event()
        self._writable = asyncio.Event()
        self._writable.set()
        self._tunnel: asyncio.StreamWriter | None = None

    # -- asyncio's callbacks ---------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self.is_open = True
        self.server.connections.append(self)
        self.task = asyncio.get_running_loop().create_task(self._talk())

    def data_received(self, data: bytes) -> None:
        if self._tunnel is not None:
            self._tunnel.write(data)
            return
        self._buffer += data
        self._news.set()

    def eof_received(self) -> None:
        self.connection_lost(None)

    def connection_lost(self, exc: Exception | None) -> None:
        self.is_open = False
        self._gone.set()
        self._news.set()
        self._writable.set()

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    # -- the conversation -----------------------------------------------------------------

    async def _talk(self) -> None:
        while (request := await self._read_request()) is not None:
            if request.method == "CONNECT":
                await self._open_tunnel(request)
                return
            self.busy = True
            await self._play(self.server.attempt_for(request))
            self.busy = False

    async def _play(self, steps: Iterable[Step]) -> None:
        for step in steps:
            if self._gone.is_set():
                return
            if isinstance(step, bytes):
                self.transport.write(step)
                await self._writable.wait()
            elif isinstance(step, (int, float)):
                await self._pause(step)
            elif isinstance(step, Gate):
                step.reached.set()
                while not step.opened.is_set() and not self._gone.is_set():
                    await self._pause(0.005)
            else:
                await self._end(step)

    async def _end(self, step: Step) -> None:
        if step is FIN:
            self.transport.close()
        elif step is RST:
            await self._pause(0.05)  # lets the client read what was sent before
            linger = struct.pack("ii", 1, 0)  # on, 0 s: close() sends RST
            self.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            self.transport.abort()
        await self._gone.wait()

    async def _pause(self, seconds: float) -> None:
        """Sleep, unless the client goes away first."""
        if seconds == 0:
            await asyncio.sleep(0)
            return
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self._gone.wait(), seconds)

    # -- reading --------------------------------------------------------------------------

    async def _read_request(self) -> Received | None:
        raw_head = await self._until(b"\r\n\r\n")
        if raw_head is None:
            return None
        first, *lines = raw_head.decode("latin-1").rstrip("\r\n").split("\r\n")
        method, target, _ = first.split(" ", 2)
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        at = time.monotonic()
        raw_body = body = b""
        if headers.get("transfer-encoding") == "chunked":
            raw_body = await self._until(b"0\r\n\r\n") or b""
            body = _dechunked(raw_body)
        elif length := int(headers.get("content-length", "0")):
            raw_body = body = await self._exactly(length)
        return Received(method, target, headers, body, raw_head + raw_body, at, self)

    async def _until(self, mark: bytes) -> bytes | None:
        while (at := self._buffer.find(mark)) < 0:
            if self._gone.is_set():
                return None
            await self._more()
        return self._take(at + len(mark))

    async def _exactly(self, length: int) -> bytes:
        while len(self._buffer) < length and not self._gone.is_set():
            await self._more()
        return self._take(length)

    async def _more(self) -> None:
        self._news.clear()
        await self._news.wait()

    def _take(self, length: int) -> bytes:
        piece = bytes(self._buffer[:length])
        del self._buffer[:length]
        return piece

    async def _open_tunnel(self, request: Received) -> None:
        self.server.tunnels.append(request)
        host, _, port = request.target.rpartition(":")
        host = "127.0.0.1" if host.endswith(".test") else host.strip("[]")  # no name server knows those
        reader, self._tunnel = await asyncio.open_connection(host, int(port))
        self.transport.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        while data := await reader.read(65536):
            self.transport.write(data)
        self.transport.close()


def _dechunked(raw: bytes) -> bytes:
    body = b""
    while raw:
        size, _, raw = raw.partition(b"\r\n")
        length = int(size, 16)
        body, raw = body + raw[:length], raw[length + 2 :]
    return body
