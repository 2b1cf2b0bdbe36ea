"""httpcore's own sockets, with each read bounded by a deadline (https://www.encode.io/httpcore/network-backends/)."""

from __future__ import annotations

from typing import Any

from _oxen_transport.deadline import Deadline
from _oxen_transport.http.family import httpcore

HANDSHAKE_SECONDS = 10.0
"""The longest wait where httpcore gives no timeout: during the handshake with a SOCKS proxy."""


class DeadlineBackend(httpcore.SyncBackend):
    """Opens connections whose reads end when their deadline does."""

    def connect_tcp(self, *args: Any, **kwargs: Any) -> httpcore.NetworkStream:
        """Open a connection."""
        return DeadlineStream(super().connect_tcp(*args, **kwargs))


class DeadlineStream(httpcore.NetworkStream):
    """A connection whose reads end when their deadline does.

    Attributes:
        answered: Whether anything was read since the last write. A response without that is left
            over from the one before: it answers no request.
    """

    answered = False

    def __init__(self, stream: httpcore.NetworkStream) -> None:
        self._stream = stream

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Read what is there, waiting until the deadline at most."""
        left = timeout.left() if isinstance(timeout, Deadline) else timeout
        if left is not None and left <= 0:
            raise httpcore.ReadTimeout("the deadline has passed")
        self.answered = True
        return self._stream.read(max_bytes, HANDSHAKE_SECONDS if left is None else left)

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Write all of it."""
        self.answered = False
        self._stream.write(buffer, timeout or HANDSHAKE_SECONDS)

    def close(self) -> None:
        """Close the connection."""
        self._stream.close()

    def start_tls(self, *args: Any, **kwargs: Any) -> httpcore.NetworkStream:
        """Encrypt the connection."""
        return DeadlineStream(self._stream.start_tls(*args, **kwargs))

    def get_extra_info(self, info: str) -> Any:
        """What httpcore asks about the connection."""
        return self._stream.get_extra_info(info)
