"""One connection's bytes, in and out, with a deadline for each wait: the floor of the asyncio side."""

from __future__ import annotations

import asyncio

import httpcore

from _oxen_transport.http.framing import Head, HeadWithBody
from _oxen_transport.http.sockets import Deadline, seconds_left

_HIGH_WATER = 256 * 1024


class Protocol(asyncio.Protocol):
    """Collects what comes in; at most one reader and one writer wait.

    One timer serves all reads: it is moved on when it fires too early, not made anew for each.
    """

    transport: asyncio.Transport

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self._pieces: list[bytes] = []
        self._size = 0
        self._head, self._outgoing = Head(), HeadWithBody()
        self._ended = False
        self._lost: Exception | None = None
        self._reader: asyncio.Future[None] | None = None
        self._writer: asyncio.Future[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._due = 0.0  # when the read that waits is to end, by the loop's clock
        self._paused = self._full = False

    @property
    def is_readable(self) -> bool:
        return bool(self._pieces) or self._ended

    # -- called by asyncio --------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
        self._pieces.append(data)
        self._size += len(data)
        if self._size > _HIGH_WATER and not self._paused:
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
        if self._timer is not None:
            self._timer.cancel()

    def pause_writing(self) -> None:
        self._full = True

    def resume_writing(self) -> None:
        self._full = False
        _wake(self._writer)

    # -- called by the stream -----------------------------------------------------------------

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Read what is there, waiting until the deadline."""
        if not self._pieces and not self._ended:
            self._reader = self.loop.create_future()
            try:
                self._arm(seconds_left(timeout))
                await self._reader
            finally:
                self._reader = None
            if not self._pieces and not self._ended:
                raise httpcore.ReadTimeout("the deadline has passed")
        if not self._pieces:
            if self._lost is not None:
                raise httpcore.ReadError(str(self._lost) or type(self._lost).__name__)
            return b""
        data = self._pieces[0] if len(self._pieces) == 1 else b"".join(self._pieces)
        self._pieces.clear()
        self._size = 0
        if isinstance(timeout, Deadline):
            max_bytes = timeout.allowed(max_bytes)
            if timeout.head_only:
                max_bytes = self._head.length_in(data[:max_bytes])
            timeout.took(min(len(data), max_bytes))
        if len(data) > max_bytes:
            data, rest = data[:max_bytes], data[max_bytes:]
            self.put_back(rest)
        if self._paused and self._size < _HIGH_WATER // 2:
            self._paused = False
            self.transport.resume_reading()
        return data

    def put_back(self, data: bytes) -> None:
        """Have this read next."""
        self._pieces.insert(0, data)
        self._size += len(data)

    def _arm(self, seconds: float) -> None:
        self._due = self.loop.time() + seconds
        if seconds <= 0:
            _wake(self._reader)
        elif self._timer is None or self._timer.cancelled() or self._timer.when() > self._due:
            if self._timer is not None:
                self._timer.cancel()
            self._timer = self.loop.call_at(self._due, self._tick)

    def _tick(self) -> None:
        """The timer fired: the read that waits is too late, or the timer too early."""
        self._timer = None
        if self._reader is None:
            return
        if self.loop.time() >= self._due:
            _wake(self._reader)
        else:
            self._timer = self.loop.call_at(self._due, self._tick)

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Write all of it, a request's head together with its body."""
        if self._lost is not None or self.transport.is_closing():
            raise httpcore.WriteError(str(self._lost or "the connection is closed"))
        # without a name: a head holds the key, and a crash reporter shows this frame's names while it waits
        self.transport.write(self._outgoing.joined(buffer))
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


async def _wait(loop: asyncio.AbstractEventLoop, waiter: asyncio.Future[None], seconds: float) -> bool:
    """Wait for a future; False if the time ran out first."""
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
