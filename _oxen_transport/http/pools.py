"""Connections, outside the model objects: one pool per (connection settings, process, event loop).

So that a constructor costs nothing, instances with equal settings share warm connections, an
object works in any number of event loops, threads and forks, and can be pickled and copied.
Cookies are never kept and the key travels with each request, so a pool may serve many keys.
"""

from __future__ import annotations

import asyncio
import atexit
import os
import threading
from collections.abc import AsyncIterator
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

import httpcore
import httpx

from _oxen_transport.http.asyncio_sockets import AsyncioBackend
from _oxen_transport.http.bodies import AsyncBody, SyncBody
from _oxen_transport.http.config import Connection
from _oxen_transport.http.sockets import DeadlineBackend
from _oxen_transport.settings import OxenSettings

KEEP = 100
"""Idle connections that are kept warm; more are closed as they fall idle."""


class _Pool:
    """Connections that one request at a time uses; the last used first, so that few stay warm.

    Not httpcore's own pool, which looks at every connection it has for each request: with a
    thousand of them it spends its time looking. It only makes the connections, direct or through
    a proxy.
    """

    def __init__(self, maker: Any) -> None:
        self._maker, self._lock = maker, threading.Lock()
        self._idle: list[Any] = []
        self._open: set[Any] = set()

    def _take(self, origin: httpcore.Origin) -> tuple[Any, list[Any]]:
        """A connection for one request, and those that were found to be closed by the other side."""
        dead: list[Any] = []
        with self._lock:
            while self._idle:
                connection = self._idle.pop()
                if not connection.has_expired():
                    return connection, dead
                dead.append(connection)
                self._open.discard(connection)
            connection = self._maker.create_connection(origin)
            self._open.add(connection)
            return connection, dead

    def _sort_back(self, connection: Any) -> list[Any]:
        """Keep a connection if it can be used again. Returns: what has to be closed."""
        with self._lock:
            if not connection.is_idle() or connection.is_closed() or connection not in self._open:
                self._open.discard(connection)
                return [connection]
            self._idle.append(connection)
            oldest = self._idle[0]
            if oldest is connection or (len(self._idle) <= KEEP and not oldest.has_expired()):
                return []
            self._idle.pop(0)
            self._open.discard(oldest)
            return [oldest]

    def _take_all(self) -> list[Any]:
        with self._lock:
            connections, self._open, self._idle = list(self._open), set(), []
            return connections


class _SyncPool(_Pool):
    """Looks like one httpcore pool to httpx's transport."""

    def handle_request(self, request: httpcore.Request) -> httpcore.Response:
        connection, dead = self._take(request.url.origin)
        for other in dead:
            other.close()
        try:
            response = connection.handle_request(request)
        except BaseException:
            connection.close()
            self._sort_back(connection)
            raise
        response.stream = SyncBody(request, response, connection, self._give_back)
        return response  # type: ignore[no-any-return]

    def _give_back(self, connection: Any) -> None:
        for other in self._sort_back(connection):
            other.close()

    def close(self) -> None:
        for connection in self._take_all():
            connection.close()


class _AsyncPool(_Pool):
    """The same for asyncio."""

    async def handle_async_request(self, request: httpcore.Request) -> httpcore.Response:
        connection, dead = self._take(request.url.origin)
        for other in dead:
            await other.aclose()
        try:
            response = await connection.handle_async_request(request)
        except BaseException:
            await connection.aclose()
            self._sort_back(connection)
            raise
        response.stream = AsyncBody(request, response, connection, self._give_back)
        return response  # type: ignore[no-any-return]

    async def _give_back(self, connection: Any) -> None:
        for other in self._sort_back(connection):
            await other.aclose()

    async def aclose(self) -> None:
        for connection in self._take_all():
            await connection.aclose()


def _pool(module: Any, colour: str, proxy: str | None, options: dict[str, Any]) -> Any:
    if proxy is None:
        return getattr(module, f"{colour}ConnectionPool")(**options)
    if proxy.startswith("socks5"):
        return getattr(module, f"{colour}SOCKSProxy")(proxy_url=proxy, **options)
    parts = urlsplit(proxy)
    bare = f"{parts.scheme}://{parts.hostname}" + (f":{parts.port}" if parts.port else "")
    auth = (parts.username, parts.password or "") if parts.username else None
    return getattr(module, f"{colour}HTTPProxy")(proxy_url=bare, proxy_auth=auth, **options)


class SyncTransport(httpx.HTTPTransport):
    """httpx's own transport over our pools, so that recorders and tracers of httpx see it."""

    def __init__(self, connection: Connection) -> None:
        made = _pool(httpcore, "", connection.proxy_url(), connection.pool_options(DeadlineBackend()))
        # many HTTP/2 requests share a connection: that is what httpcore's own pool is for
        self._pool: Any = made if connection.http2 else _SyncPool(made)


class AsyncTransport(httpx.AsyncHTTPTransport):
    """The same for asyncio."""

    def __init__(self, connection: Connection) -> None:
        made = _pool(httpcore, "Async", connection.proxy_url(), connection.pool_options(AsyncioBackend()))
        self._pool: Any = made if connection.http2 else _AsyncPool(made)


def outgoing(
    method: str, url: str, headers: dict[str, str], content: bytes, extensions: dict[str, Any]
) -> httpx.Request:
    """A request as httpx's transports take it. The URL is parsed once, not once per call."""
    address = _url(url)
    raw = [(name.encode("ascii"), value.encode("ascii")) for name, value in headers.items()]
    raw.insert(0, (b"Host", address.netloc))
    if content:
        raw.append((b"Content-Length", b"%d" % len(content)))
    return httpx.Request(method, address, headers=raw, stream=httpx.ByteStream(content), extensions=extensions)


@lru_cache(maxsize=64)
def _url(text: str) -> httpx.URL:
    return httpx.URL(text)


# -- the registry ----------------------------------------------------------------------------

_lock = threading.Lock()
_sync: dict[tuple[int, Connection], SyncTransport] = {}
_async: dict[tuple[int, int, Connection], tuple[asyncio.AbstractEventLoop, AsyncTransport, Any]] = {}


def sync_transport(settings: OxenSettings) -> SyncTransport:
    """The pool for these settings in this process: a fork never touches its parent's sockets."""
    key = (os.getpid(), Connection.of(settings))
    found = _sync.get(key)
    if found is None:
        with _lock:
            found = _sync.setdefault(key, SyncTransport(key[1]))
    return found


async def async_transport(settings: OxenSettings) -> AsyncTransport:
    """The pool for these settings in the running event loop."""
    loop = asyncio.get_running_loop()
    key = (os.getpid(), id(loop), Connection.of(settings))
    found = _async.get(key)
    if found is not None and found[0] is loop:
        return found[1]
    transport = AsyncTransport(key[2])
    guard = _close_with_loop(transport, key)
    await guard.__anext__()
    with _lock:
        for stale in [k for k, (other, _, _) in _async.items() if other.is_closed()]:
            del _async[stale]
        _async[key] = (loop, transport, guard)
    return transport


async def _close_with_loop(transport: AsyncTransport, key: tuple[int, int, Connection]) -> AsyncIterator[None]:
    """Wait for the end of the event loop.

    Asynchronous generators are closed before their loop is (`loop.shutdown_asyncgens`): the one
    moment at which a pool can still close its connections in good order.
    """
    try:
        yield
    finally:
        _async.pop(key, None)
        await transport.aclose()


def close_sync(settings: OxenSettings) -> None:
    """Close the connections these settings share. The next call opens new ones."""
    found = _sync.pop((os.getpid(), Connection.of(settings)), None)
    if found is not None:
        found.close()


async def close_async(settings: OxenSettings) -> None:
    """The same, in the running event loop."""
    key = (os.getpid(), id(asyncio.get_running_loop()), Connection.of(settings))
    found = _async.pop(key, None)
    if found is not None:
        await found[2].aclose()


@atexit.register
def _close_all() -> None:
    for (pid, _), transport in list(_sync.items()):
        if pid == os.getpid():
            transport.close()
