"""Async requests: aiohttp behind httpx's transport interface, one pool per connection config, process and event loop.

Pools stand outside the model objects, as on the sync side; one is closed together with its loop.
"""

from __future__ import annotations

import asyncio
import atexit
import math
import os
import ssl
import threading
from collections.abc import AsyncGenerator
from contextlib import suppress
from typing import Any, NamedTuple, cast

import aiohttp
from httpx_aiohttp import AiohttpTransport

from _oxen_transport.http.config import LIMITS, ConnectionConfig
from _oxen_transport.http.family import httpx
from _oxen_transport.http.outgoing import Body, Deadline, Outgoing, client_request, transport_request
from _oxen_transport.settings import OxenSettings

HEADER_BYTES = 65_536
"""The longest header line that is read, as in h11 (aiohttp's default of 8,190 is too little for some gateways)."""


class AsyncResponse:
    """Async version of `Response`. One timer bounds all reads: one for each would be a tenth of a token's cost."""

    def __init__(self, raw: Any, deadline: Deadline) -> None:
        self.status: int = raw.status_code
        self.headers = {name.lower(): value for name, value in raw.headers.items()}
        self._pieces, self._close, self._deadline = aiter(raw.stream), raw.aclose, deadline
        self._reader: asyncio.Task[Any] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._timer_ends = math.inf
        self._late = False

    async def read(self) -> bytes | None:
        """The next piece of the body; None at its end. Raises: TimeoutError, at the deadline."""
        if self._deadline.ends < self._timer_ends:
            self._set_timer()
        task = self._reader = asyncio.current_task()
        cancelled = task.cancelling() if task else 0
        try:
            return await anext(self._pieces, None)
        except asyncio.CancelledError:
            if not self._late or (task and task.uncancel() > cancelled):
                raise  # somebody else cancelled the task
        finally:
            self._reader = None
        raise TimeoutError

    async def aclose(self) -> None:
        """Close the response: its connection is kept if the body was read to its end."""
        if self._timer is not None:
            self._timer.cancel()
        await self._close()

    def _set_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer_ends = self._deadline.ends
        self._timer = asyncio.get_running_loop().call_later(self._deadline.left(), self._on_timer)

    def _on_timer(self) -> None:
        self._timer, self._timer_ends = None, math.inf  # the next read sets it again
        if self._reader is None:
            return
        if self._deadline.left() > 0:
            self._set_timer()
        else:
            self._late = True
            self._reader.cancel()


async def open_async(settings: OxenSettings, outgoing: Outgoing) -> AsyncResponse:
    """Async version of `open_sync`."""
    client, deadline = settings.http_async_client, outgoing.deadline
    if client is not None:
        async with asyncio.timeout(deadline.left()):
            raw = await client.send(client_request(client, outgoing), stream=True, follow_redirects=False)
            return AsyncResponse(raw, deadline)
    request = transport_request(outgoing, bounds_reads=False)  # `AsyncResponse` does: one timer for each wait
    try:
        async with asyncio.timeout(deadline.left()):
            transport = await _transport(settings)
            return AsyncResponse(await transport.handle_async_request(request), deadline)
    except TimeoutError:
        if cast(Body, request.stream).is_sent:
            raise
    raise httpx.ConnectTimeout("no connection")  # the library's own limit may be the same second, and come too late


def _aiohttp_session(context: ssl.SSLContext) -> aiohttp.ClientSession:
    connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=LIMITS.keepalive_expiry, ssl=context)
    return aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),  # else a cookie that one key was given travels with another
        trust_env=False,  # the proxy was settled in `config`
        max_line_size=HEADER_BYTES,
        max_field_size=HEADER_BYTES,
    )


class AsyncPool(NamedTuple):
    """A transport that belongs to one event loop."""

    loop: asyncio.AbstractEventLoop
    transport: httpx.AsyncBaseTransport
    session: aiohttp.ClientSession | None
    guard: AsyncGenerator[None, None]

    def abandon(self) -> None:
        """Its loop was closed without `shutdown_asyncgens`: nothing can be awaited any more."""
        if self.session is not None and self.session.connector is not None:
            steps = self.session.connector.close().__await__()
            next(steps, None)  # on a closed loop there is nothing to wait for
            self.session.detach()

    def close_at_exit(self) -> None:
        """At the end of the process: its loop may be closed, run in another thread, or stand still."""
        with suppress(Exception):
            if self.loop.is_closed():
                self.abandon()
            elif self.loop.is_running():
                asyncio.run_coroutine_threadsafe(self.guard.aclose(), self.loop).result(timeout=1)
            else:
                self.loop.run_until_complete(self.guard.aclose())


def _open_pool(loop: asyncio.AbstractEventLoop, key: tuple[int, int, ConnectionConfig]) -> AsyncPool:
    config, session = key[2], None
    options = config.httpx_options()  # first: it may raise, and a session would stay open
    transport: httpx.AsyncBaseTransport
    # aiohttp speaks neither HTTP/2 nor SOCKS, and on uvloop no TLS within TLS
    if config.http2 or (config.proxy_url() or "").startswith(("socks5", "https")):
        transport = httpx.AsyncHTTPTransport(**options)
    else:
        session = _aiohttp_session(config.context())
        transport = AiohttpTransport(**options, client=session)
    return AsyncPool(loop, transport, session, _close_with_loop(transport, key))


_locks: dict[int, threading.Lock] = {}  # by process: one that is held while a process forks stays held in its child
_pools: dict[tuple[int, int, ConnectionConfig], AsyncPool] = {}


async def _transport(settings: OxenSettings) -> httpx.AsyncBaseTransport:
    """The transport for these settings in the running event loop."""
    loop = asyncio.get_running_loop()
    key = (os.getpid(), id(loop), ConnectionConfig.of(settings))
    found = _pools.get(key)
    if found is not None and found.loop is loop:
        return found.transport
    if key[2].needs_tls:
        await asyncio.to_thread(key[2].ssl_context)  # reads files; what it made is kept
    with _locks.setdefault(key[0], threading.Lock()):
        _forget_closed_loops()
        found = _pools.get(key)  # another task may have been quicker
        if found is not None:
            return found.transport
        pool = _pools[key] = _open_pool(loop, key)
    await anext(pool.guard)
    return pool.transport


async def _close_with_loop(
    transport: httpx.AsyncBaseTransport, key: tuple[int, int, ConnectionConfig]
) -> AsyncGenerator[None, None]:
    """Wait for the end of the event loop, which closes asynchronous generators before itself."""
    try:
        yield
    finally:
        _pools.pop(key, None)
        await transport.aclose()


def _forget_closed_loops() -> None:
    for key in [key for key, pool in _pools.items() if pool.loop.is_closed()]:
        _pools.pop(key).abandon()


async def close_async(settings: OxenSettings) -> None:
    """Async version of `close_sync`, for the running event loop."""
    key = (os.getpid(), id(asyncio.get_running_loop()), ConnectionConfig.of(settings))
    found = _pools.pop(key, None)
    if found is not None:
        await found.guard.aclose()


@atexit.register
def _close_all() -> None:
    for (pid, _, _), pool in list(_pools.items()):
        if pid == os.getpid():
            pool.close_at_exit()
