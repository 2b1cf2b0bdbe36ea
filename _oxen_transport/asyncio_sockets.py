"""Sockets that keep a deadline, on asyncio's own transports.

Not httpcore's backend for asyncio: that one opens a cancel scope and passes the event loop twice
for each read, which is most of what a streamed token costs.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Iterable
from typing import Any, TypeVar, cast

import httpcore

from _oxen_transport.sockets import seconds_left

T = TypeVar("T")
_HIGH_WATER = 256 * 1024


class AsyncioBackend(httpcore.AsyncNetworkBackend):
    """Connections on asyncio's own transports."""

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Open a connection."""
        loop = asyncio.get_running_loop()
        local = None if local_address is None else (local_address, 0)
        connecting = loop.create_connection(
            lambda: _Protocol(loop), host, port, local_addr=local, happy_eyeballs_delay=0.25
        )
        try:
            _, protocol = await _within(connecting, timeout)
        except (OSError, asyncio.TimeoutError) as error:
            failure = _connect_error(error)
        else:
            for option in socket_options or ():
                protocol.socket.setsockopt(*option)
            return AsyncioStream(protocol)
        raise failure

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await asyncio.sleep(seconds)


class AsyncioStream(httpcore.AsyncNetworkStream):
    """A connection on an asyncio transport: reads come out of the protocol's buffer."""

    def __init__(self, protocol: _Protocol) -> None:
        self._protocol = protocol

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Read what is there, waiting until the deadline."""
        return await self._protocol.read(max_bytes, timeout)

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Write all of it."""
        await self._protocol.write(buffer, timeout)

    async def aclose(self) -> None:
        """Close at once; nothing here waits, so that a cancelled task can still do it."""
        self._protocol.close()

    async def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.AsyncNetworkStream:
        """Turn the connection into an encrypted one."""
        protocol = self._protocol
        upgraded = _Protocol(protocol.loop)
        handshake = protocol.loop.start_tls(protocol.transport, upgraded, ssl_context, server_hostname=server_hostname)
        try:
            transport = await _within(handshake, timeout)
        except (OSError, asyncio.TimeoutError) as error:
            protocol.close()
            failure = _connect_error(error)
        except BaseException:  # a cancelled task leaves no socket behind
            protocol.close()
            raise
        else:
            upgraded.connection_made(cast(asyncio.BaseTransport, transport))  # start_tls does not call it
            return AsyncioStream(upgraded)
        raise failure

    def get_extra_info(self, info: str) -> Any:
        """What httpcore asks about: `is_readable` means data or the end has come."""
        if info == "is_readable":
            return self._protocol.is_readable
        if info == "ssl_object":
            return self._protocol.transport.get_extra_info("ssl_object")
        return self._protocol.transport.get_extra_info(
            {"client_addr": "sockname", "server_addr": "peername"}.get(info, info)
        )


class _Protocol(asyncio.Protocol):
    """Collects what comes in; at most one reader and one writer wait."""

    transport: asyncio.Transport

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self._buffer = bytearray()
        self._ended = False
        self._lost: Exception | None = None
        self._reader: asyncio.Future[None] | None = None
        self._writer: asyncio.Future[None] | None = None
        self._paused = self._full = False

    @property
    def is_readable(self) -> bool:
        return bool(self._buffer) or self._ended

    @property
    def socket(self) -> Any:
        return self.transport.get_extra_info("socket")

    # -- called by asyncio --------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if len(self._buffer) > _HIGH_WATER and not self._paused:
            self._paused = True
            self.transport.pause_reading()
        _wake(self._reader)

    def eof_received(self) -> bool:
        self._ended = True
        _wake(self._reader)
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        self._ended, self._lost = True, exc
        _wake(self._reader)
        _wake(self._writer)

    def pause_writing(self) -> None:
        self._full = True

    def resume_writing(self) -> None:
        self._full = False
        _wake(self._writer)

    # -- called by the stream -----------------------------------------------------------------

    async def read(self, max_bytes: int, timeout: float | None) -> bytes:
        if not self._buffer and not self._ended:
            self._reader = self.loop.create_future()
            try:
                if not await _wait(self.loop, self._reader, seconds_left(timeout)):
                    raise httpcore.ReadTimeout("the deadline has passed")
            finally:
                self._reader = None
        if not self._buffer and self._lost is not None:
            raise httpcore.ReadError(str(self._lost) or type(self._lost).__name__)
        if len(self._buffer) <= max_bytes:
            data, self._buffer = self._buffer, bytearray()
        else:
            data = self._buffer[:max_bytes]
            del self._buffer[:max_bytes]
        if self._paused and len(self._buffer) < _HIGH_WATER // 2:
            self._paused = False
            self.transport.resume_reading()
        return bytes(data)

    async def write(self, buffer: bytes, timeout: float | None) -> None:
        if self._lost is not None or self.transport.is_closing():
            raise httpcore.WriteError(str(self._lost or "the connection is closed"))
        self.transport.write(buffer)
        if self._full:
            self._writer = self.loop.create_future()
            try:
                if not await _wait(self.loop, self._writer, seconds_left(timeout)):
                    raise httpcore.WriteTimeout("the other side does not read")
            finally:
                self._writer = None
            if self._lost is not None:
                raise httpcore.WriteError(str(self._lost))

    def close(self) -> None:
        if not self.loop.is_closed():
            self.transport.abort()  # no unsent byte matters any more; a clean TLS goodbye could hang


def _wake(waiter: asyncio.Future[None] | None) -> None:
    if waiter is not None and not waiter.done():
        waiter.set_result(None)


async def _wait(loop: asyncio.AbstractEventLoop, waiter: asyncio.Future[None], seconds: float | None) -> bool:
    """Wait for a future; False if the time ran out first."""
    if seconds is None:
        await waiter
        return True
    if seconds <= 0:
        return False
    in_time = [True]

    def late() -> None:
        in_time[0] = False
        _wake(waiter)

    timer = loop.call_later(seconds, late)
    try:
        await waiter
    finally:
        timer.cancel()
    return in_time[0]


async def _within(work: Awaitable[T], timeout: float | None) -> T:
    return await asyncio.wait_for(work, seconds_left(timeout))


def _connect_error(error: BaseException) -> Exception:
    """Httpcore's words for a connection that did not come about; certificates keep their text."""
    if isinstance(error, asyncio.TimeoutError):
        return httpcore.ConnectTimeout("no connection in time")
    failure = httpcore.ConnectError(str(error) or type(error).__name__)
    failure.__cause__ = error
    return failure
