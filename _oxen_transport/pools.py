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
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any, Generic, TypeVar
from urllib.parse import urlsplit

import httpcore
import httpx

from _oxen_transport.asyncio_sockets import AsyncioBackend
from _oxen_transport.connection import SHARD, Connection
from _oxen_transport.settings import OxenSettings
from _oxen_transport.sockets import DeadlineBackend

P = TypeVar("P")
KEEP = 4
"""Idle pools that are kept warm; more are closed as they fall idle."""


class Shards(Generic[P]):
    """Small pools behind one door; the last one that has room is taken, so that few stay warm."""

    def __init__(self, make: Callable[[], P]) -> None:
        self._make, self._lock = make, threading.Lock()
        self._room: list[list[Any]] = []  # [pool, requests in flight], those below SHARD
        self.all: list[P] = []

    def take(self) -> list[Any]:
        """A pool with room, for one request."""
        with self._lock:
            if not self._room:
                self._room.append([self._make(), 0])
                self.all.append(self._room[-1][0])
            shard = self._room[-1]
            shard[1] += 1
            if shard[1] >= SHARD:
                self._room.pop()
            return shard

    def give_back(self, shard: list[Any]) -> P | None:
        """One request less. Returns the pool if it is one idle pool too many, to be closed."""
        with self._lock:
            if shard[1] >= SHARD:
                self._room.append(shard)
            shard[1] -= 1
            if shard[1] or len(self._room) <= KEEP:
                return None
            self._room.remove(shard)
            self.all.remove(shard[0])
            return shard[0]  # type: ignore[no-any-return]


class _Lent:
    """The body of an answer; closing it gives the pool its place back."""

    def __init__(self, stream: Any, done: Callable[[], Any]) -> None:
        self._stream, self._done = stream, done

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._stream)

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self._stream.__aiter__()  # type: ignore[no-any-return]

    def close(self) -> None:
        done, self._done = self._done, lambda: None
        try:
            self._stream.close()
        finally:
            done()

    async def aclose(self) -> None:
        done, self._done = self._done, _nothing
        try:
            await self._stream.aclose()
        finally:
            await done()


async def _nothing() -> None:
    return None


class _SyncPool:
    """Looks like one httpcore pool to httpx's transport."""

    def __init__(self, connection: Connection) -> None:
        options, proxy = connection.pool_options(DeadlineBackend()), connection.proxy_url()
        self._shards: Shards[Any] = Shards(lambda: _pool(httpcore, "", proxy, options))

    def handle_request(self, request: httpcore.Request) -> httpcore.Response:
        shard = self._shards.take()
        try:
            response = shard[0].handle_request(request)
        except BaseException:
            self._give_back(shard)
            raise
        response.stream = _Lent(response.stream, lambda: self._give_back(shard))
        return response  # type: ignore[no-any-return]

    def _give_back(self, shard: list[Any]) -> None:
        surplus = self._shards.give_back(shard)
        if surplus is not None:
            surplus.close()

    def close(self) -> None:
        for pool in list(self._shards.all):
            pool.close()


class _AsyncPool:
    """The same for asyncio."""

    def __init__(self, connection: Connection) -> None:
        options, proxy = connection.pool_options(AsyncioBackend()), connection.proxy_url()
        self._shards: Shards[Any] = Shards(lambda: _pool(httpcore, "Async", proxy, options))

    async def handle_async_request(self, request: httpcore.Request) -> httpcore.Response:
        shard = self._shards.take()
        try:
            response = await shard[0].handle_async_request(request)
        except BaseException:
            await self._give_back(shard)
            raise
        response.stream = _Lent(response.stream, lambda: self._give_back(shard))
        return response  # type: ignore[no-any-return]

    async def _give_back(self, shard: list[Any]) -> None:
        surplus = self._shards.give_back(shard)
        if surplus is not None:
            await surplus.aclose()

    async def aclose(self) -> None:
        for pool in list(self._shards.all):
            await pool.aclose()


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
        self._pool: Any = _SyncPool(connection)


class AsyncTransport(httpx.AsyncHTTPTransport):
    """The same for asyncio."""

    def __init__(self, connection: Connection) -> None:
        self._pool: Any = _AsyncPool(connection)


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
