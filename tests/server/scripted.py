"""The server: raw asyncio in a thread of its own, HTTP/1.1 by hand, so that it can break every rule.

One server serves many tests at once. Each test has its own `Stage`: a path prefix with a script
and a record of what came. A request that belongs to no stage is a `stray`. Absolute-form targets
(`POST http://host/...`) are answered too, so the same server is an HTTP proxy; CONNECT tunnels.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import socket
import struct
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from tests.server.steps import FIN, RST, Attempt, Gate, Step

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterable


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
    def wants_stream(self) -> bool:
        return self.body[:1] == b"{" and self.json.get("stream") is True


@dataclass(repr=False)
class Stage:
    """One test's place on the server; the last attempt of the script repeats."""

    server: Server
    name: str
    attempts: list[Attempt]
    requests: list[Received] = field(default_factory=list)

    @property
    def url(self) -> str:
        """The base URL to give to a client."""
        return f"{self.server.url}/{self.name}/api/ai"

    @property
    def bodies(self) -> list[Any]:
        return [request.json for request in self.requests]

    @property
    def connections(self) -> list[Connection]:
        return list({request.connection.id: request.connection for request in self.requests}.values())

    def open_connections(self) -> list[Connection]:
        return [connection for connection in self.connections if connection.is_open]

    def busy_connections(self) -> list[Connection]:
        """Connections the client holds although their answer never came to its end."""
        return [connection for connection in self.open_connections() if connection.busy]

    def wait(self, condition: Callable[[Stage], bool], seconds: float = 3.0) -> bool:
        """Wait until the condition holds. Returns whether it did in time."""
        end = time.monotonic() + seconds
        while not condition(self):
            if time.monotonic() > end:
                return False
            time.sleep(0.005)
        return True

    def released(self, seconds: float = 3.0) -> bool:
        """Whether the client lets go, in time, of every connection whose answer did not end."""
        return self.wait(lambda stage: not stage.busy_connections(), seconds)

    def next_attempt(self, request: Received) -> Iterable[Step]:
        self.requests.append(request)
        request.number = len(self.requests)
        attempt = self.attempts[min(request.number, len(self.attempts)) - 1]
        return attempt(request) if callable(attempt) else attempt


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

    # -- what asyncio tells ---------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.is_open = True
        self.server.connections.append(self)
        self._task = asyncio.get_running_loop().create_task(self._talk())

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
        reader, self._tunnel = await asyncio.open_connection(host.strip("[]"), int(port))
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


class Server:
    """`with Server() as server:`; with an SSL context it speaks TLS."""

    def __init__(self, tls: ssl.SSLContext | None = None, host: str = "127.0.0.1") -> None:
        self.ids = itertools.count(1)
        self.connections: list[Connection] = []
        self.strays: list[Received] = []
        self.tunnels: list[Received] = []
        self._stages: dict[str, Stage] = {}
        self._names = itertools.count(1)
        self._tls = tls
        self._host = host
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="scripted-server", daemon=True)

    def __enter__(self) -> Server:
        self._thread.start()
        self._listener = asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result(10)
        self.port: int = self._listener.sockets[0].getsockname()[1]
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    @property
    def root(self) -> str:
        """Scheme, host and port."""
        return f"{'https' if self._tls else 'http'}://{self._host}:{self.port}"

    url = root

    def stage(self, *attempts: Attempt) -> Stage:
        """A place with a script of its own: first attempt, second, ...; the last one repeats."""
        stage = Stage(self, f"stage{next(self._names)}", list(attempts))
        self._stages[stage.name] = stage
        return stage

    def close(self, connection: Connection) -> None:
        """Close a connection that is idle, as servers do after a while; returns when it is closed."""
        self._loop.call_soon_threadsafe(connection.transport.close)
        while connection.is_open:
            time.sleep(0.005)

    def attempt_for(self, request: Received) -> Iterable[Step]:
        stage = self._stages.get(request.path.split("/")[1] if "/" in request.path else "")
        if stage is not None:
            return stage.next_attempt(request)
        self.strays.append(request)
        return [b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n"]

    async def _listen(self) -> asyncio.Server:
        return await self._loop.create_server(
            lambda: Connection(self), self._host, 0, ssl=self._tls, backlog=512, reuse_address=True
        )

    async def _stop(self) -> None:
        self._listener.close()
        for connection in self.connections:
            connection._task.cancel()
            connection.transport.abort()
        await asyncio.sleep(0)
