"""Sockets that keep a deadline: httpcore's network backend, with the wall clock built in.

A read timeout alone is per read: a server that sends one byte each second holds a client for
ever. httpcore hands the timeout it is given through to the socket; here it may be a `Deadline`,
which every read consults.
"""

from __future__ import annotations

import time
from typing import Any

import httpcore

from _oxen_transport.http.framing import Head, HeadWithBody


class Deadline(float):
    """A read timeout in seconds that also knows the moment it ends.

    To a foreign client it is a plain float; our sockets ask `left()`.

    Attributes:
        ends: The moment, on the monotonic clock.
        head_only: Whether a read shall stop where the head of an answer does.
        most: How many bytes may still be read; None: any number. What comes after the body stays
            on the socket, where it betrays itself: it must not become the next call's answer.
    """

    ends: float
    head_only = False
    most: int | None = None
    _total_end: float | None

    def __new__(cls, seconds: float, total_end: float | None = None) -> Deadline:
        deadline = super().__new__(cls, seconds)
        deadline._total_end = total_end
        deadline.arm(seconds)
        return deadline

    def arm(self, seconds: float) -> None:
        """Start anew: from now on, `seconds` of silence are the end; the total stays."""
        ends = time.monotonic() + seconds
        self.ends = ends if self._total_end is None else min(ends, self._total_end)

    def left(self) -> float:
        """Seconds until the end, negative when it has passed."""
        return self.ends - time.monotonic()

    def allowed(self, max_bytes: int) -> int:
        """How many of so many bytes may be read."""
        return max_bytes if self.most is None else min(max_bytes, self.most)

    def took(self, count: int) -> None:
        """So many bytes were read."""
        if self.most is not None:
            self.most -= count

    @property
    def total_passed(self) -> bool:
        """Whether the whole call, not only this silence, is over."""
        return self._total_end is not None and time.monotonic() >= self._total_end


HANDSHAKE_SECONDS = 10.0
"""What a wait may take for which httpcore names no end: those of the words with a SOCKS proxy."""


def seconds_left(timeout: float | None) -> float:
    """What is left of a timeout, plain or with a deadline."""
    if timeout is None:
        return HANDSHAKE_SECONDS
    return timeout.left() if isinstance(timeout, Deadline) else timeout


class DeadlineBackend(httpcore.SyncBackend):
    """httpcore's own sockets, with deadlines."""

    def connect_tcp(self, *args: Any, **kwargs: Any) -> httpcore.NetworkStream:
        """Open a connection."""
        return DeadlineStream(super().connect_tcp(*args, **kwargs))


class DeadlineStream(httpcore.NetworkStream):
    """A connection whose reads end when their deadline does."""

    def __init__(self, stream: httpcore.NetworkStream) -> None:
        self._stream = stream
        self._head, self._held = Head(), b""
        self._outgoing = HeadWithBody()
        self.close = stream.close  # type: ignore[method-assign]

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Read what is there, waiting until the deadline."""
        if isinstance(timeout, Deadline):
            max_bytes = timeout.allowed(max_bytes)
        if self._held:
            data, self._held = self._held[:max_bytes], self._held[max_bytes:]
        else:
            left = seconds_left(timeout)
            if left <= 0:
                raise httpcore.ReadTimeout("the deadline has passed")
            data = self._stream.read(max_bytes, left)
        if isinstance(timeout, Deadline):
            if timeout.head_only:
                length = self._head.length_in(data)
                data, self._held = data[:length], data[length:] + self._held
            timeout.took(len(data))
        return data

    def put_back(self, data: bytes) -> None:
        """Have this read next."""
        self._held = data + self._held

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Write all of it, a request's head together with its body."""
        # without a name: a head holds the key, and a crash reporter shows this frame's names while it waits
        self._stream.write(self._outgoing.joined(buffer), timeout or HANDSHAKE_SECONDS)

    def start_tls(self, *args: Any, **kwargs: Any) -> httpcore.NetworkStream:
        """Turn the connection into an encrypted one."""
        return DeadlineStream(self._stream.start_tls(*args, **kwargs))

    def get_extra_info(self, info: str) -> Any:
        """What httpcore asks about; `is_readable` means data or the end has come."""
        return (info == "is_readable" and bool(self._held)) or self._stream.get_extra_info(info)
