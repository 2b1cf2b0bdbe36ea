"""What is sent, until when its answer is waited for, and its form as httpx's transports and clients take it."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from functools import lru_cache
from typing import Any, NamedTuple

from _oxen_transport.http.family import httpx


class Deadline(float):
    """A timeout in seconds that also knows when it `ends`, on the monotonic clock.

    A plain timeout is per read: a server that sends one byte a second holds a client for ever. To an HTTP library a
    deadline is a plain float; our own connections ask `left()`.
    """

    ends: float
    _total_end: float | None

    def __new__(cls, seconds: float, total_end: float | None = None) -> Deadline:
        deadline = super().__new__(cls, seconds)
        deadline._total_end = total_end
        deadline.arm(seconds)
        return deadline

    def arm(self, seconds: float) -> None:
        """Start again: it ends after `seconds` from now, or with the whole call, whichever comes first."""
        ends = time.monotonic() + seconds
        self.ends = ends if self._total_end is None else min(ends, self._total_end)

    def left(self) -> float:
        """Seconds until the end; negative when it has passed."""
        return self.ends - time.monotonic()

    @property
    def total_passed(self) -> bool:
        """Whether the time for the whole call has passed, not only that of the current wait."""
        return self._total_end is not None and time.monotonic() >= self._total_end


class Outgoing(NamedTuple):
    """What a request is made of; its headers, which hold the key in clear, are made where they are used."""

    method: str
    url: str
    headers: Callable[[], dict[str, str]]
    content: bytes
    connect_seconds: float
    """The longest wait for a connection."""
    deadline: Deadline

    def timeouts(self) -> dict[str, float | None]:
        """In the form of httpx's `timeout` extension."""
        left = max(self.deadline.left(), 0.001)
        connect = Deadline(min(left, self.connect_seconds))
        return {"connect": connect, "read": self.deadline, "write": Deadline(left), "pool": connect}


class Body(httpx.ByteStream):
    """The body of a request, which knows whether it is being sent: not before there is a connection."""

    is_sent = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """What an async transport sends. A generator, as aiohttp asks for the iterator before it connects."""
        self.is_sent = True
        async for piece in super().__aiter__():
            yield piece


def transport_request(outgoing: Outgoing, *, bounds_reads: bool = True) -> httpx.Request:
    """A request as httpx's transports take it; `bounds_reads`: the transport, not its caller, ends a long read."""
    timeouts = outgoing.timeouts()
    if not bounds_reads:
        timeouts["read"] = None
    url = _url(outgoing.url)
    headers = [(b"Host", url.netloc)]
    headers += [(name.encode("ascii"), value.encode("ascii")) for name, value in outgoing.headers().items()]
    if outgoing.content:
        headers.append((b"Content-Length", b"%d" % len(outgoing.content)))
    return httpx.Request(
        outgoing.method,
        url,
        headers=headers,
        stream=Body(outgoing.content),
        extensions={"timeout": timeouts},
    )


def client_request(client: Any, outgoing: Outgoing) -> Any:
    """A request of the client's own family (httpx, httpx2, or compatible)."""
    return client.build_request(
        outgoing.method,
        outgoing.url,
        headers=outgoing.headers(),
        content=outgoing.content,
        extensions={"timeout": outgoing.timeouts()},
    )


@lru_cache(maxsize=64)
def _url(text: str) -> httpx.URL:
    return httpx.URL(text)
