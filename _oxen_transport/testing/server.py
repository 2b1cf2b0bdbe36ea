"""The server: raw asyncio in a thread of its own, HTTP/1.1 by hand, so that it can break every rule.

Each test has its own `Stage`: a path prefix with a script and a record of what came; a request of none is a `stray`.
It is an HTTP proxy as well: absolute-form targets (`POST http://host/...`) are answered; CONNECT tunnels.
"""

from __future__ import annotations

import asyncio
import itertools
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from _oxen_transport.testing.connection import Connection, Received
from _oxen_transport.testing.steps import Attempt, Step

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterable


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
        listening = self._loop.create_server(
            lambda: Connection(self), self._host, 0, ssl=self._tls, backlog=512, reuse_address=True
        )
        self._listener = asyncio.run_coroutine_threadsafe(listening, self._loop).result(10)
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

    async def _stop(self) -> None:
        self._listener.close()
        for connection in self.connections:
            connection.task.cancel()
            connection.transport.abort()
        await asyncio.sleep(0)
