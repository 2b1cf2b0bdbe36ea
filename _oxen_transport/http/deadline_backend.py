"""httpcore's own sockets, with each read bounded by a deadline (https://www.encode.io/httpcore/network-backends/)."""

from __future__ import annotations

import time
from typing import Any, cast

from _oxen_transport.deadline import Deadline
from _oxen_transport.http.family import httpcore

HANDSHAKE_SECONDS = 10.0
"""The longest wait where httpcore gives no timeout: during the handshake with a SOCKS proxy."""


class DeadlineBackend(httpcore.SyncBackend):
    """Opens connections whose reads end when their deadline does."""

    def connect_tcp(self, *args: Any, **kwargs: Any) -> httpcore.NetworkStream:
        """Open a connection."""
        return cast(httpcore.NetworkStream, DeadlineStream(super().connect_tcp(*args, **kwargs)))


class DeadlineStream:
    """A connection whose reads end when their deadline does. Everything else is httpcore's.

    Its `write` is that of the connection: what is written holds the key, and a crash reporter shows
    the local variables of our frames.

    Attributes:
        last_read: When it was read last, on the monotonic clock.
    """

    last_read = 0.0

    def __init__(self, stream: httpcore.NetworkStream) -> None:
        self._stream = stream
        self.write, self.close, self.get_extra_info = stream.write, stream.close, stream.get_extra_info

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Read what is there, waiting until the deadline at most."""
        left = timeout.left() if isinstance(timeout, Deadline) else timeout
        if left is not None and left <= 0:
            raise httpcore.ReadTimeout("the deadline has passed")
        data = self._stream.read(max_bytes, HANDSHAKE_SECONDS if left is None else left)
        self.last_read = time.monotonic()
        return data

    def start_tls(self, *args: Any, **kwargs: Any) -> httpcore.NetworkStream:
        """Encrypt the connection."""
        return cast(httpcore.NetworkStream, DeadlineStream(self._stream.start_tls(*args, **kwargs)))
