"""The body of an answer: its pieces, and afterwards the connection back to its pool, or closed.

A streamed body is read straight off the socket, past httpcore and h11 (see `framing.py`). At its
end h11 is shown the last chunk, so that it knows the answer is over and the connection is free.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

import httpcore

from _oxen_transport.http.framing import LAST_CHUNK, Chunked, body_length, is_chunked
from _oxen_transport.http.sockets import Deadline

_AT_ONCE = 16 * 1024
_AT_FIRST = 2 * 1024  # all events of a piece are read before the first is handed out: the first word shall not wait
_CUT = "the other side closed the connection before the body was complete"


class _Body:
    """What both colours know about a body."""

    def __init__(
        self, request: httpcore.Request, response: httpcore.Response, connection: Any, give_back: Callable[[Any], Any]
    ) -> None:
        self._stream: Any = response.stream
        self._connection, self._give_back = connection, give_back
        self._complete = self._closed = False
        self._timeout: Deadline = request.extensions["timeout"]["read"]
        self._timeout.head_only = False  # what h11 reads now is body
        self._socket: Any = None
        if is_chunked(response.extensions["http_version"], response.status, response.headers):
            self._socket = response.extensions["network_stream"]
        else:
            self._timeout.most = body_length(response.headers)

    def _unframed(self, chunked: Chunked, data: bytes) -> bytes:
        if not data:
            raise httpcore.RemoteProtocolError(_CUT)
        return chunked.feed(data)


class SyncBody(_Body):
    """Iterate it, close it. Not read to its end, closing it closes the connection."""

    def __iter__(self) -> Iterator[bytes]:
        if self._socket is not None:
            chunked, size = Chunked(), _AT_FIRST
            while not chunked.ended:
                content = self._unframed(chunked, self._socket.read(size, self._timeout))
                if content:
                    yield content
                    size = _AT_ONCE
            if chunked.surplus:
                return
            self._socket.put_back(LAST_CHUNK)
        yield from self._stream
        self._complete = True

    def close(self) -> None:
        """Give the connection back."""
        if self._closed:
            return
        self._closed = True
        if self._complete:
            self._stream.close()
        else:
            self._connection.close()
        self._give_back(self._connection)


class AsyncBody(_Body):
    """The same for asyncio."""

    _give_back: Callable[[Any], Awaitable[None]]

    async def __aiter__(self) -> AsyncIterator[bytes]:
        if self._socket is not None:
            chunked, size = Chunked(), _AT_FIRST
            while not chunked.ended:
                content = self._unframed(chunked, await self._socket.read(size, self._timeout))
                if content:
                    yield content
                    size = _AT_ONCE
            if chunked.surplus:
                return
            self._socket.put_back(LAST_CHUNK)
        async for piece in self._stream:
            yield piece
        self._complete = True

    async def aclose(self) -> None:
        """Give the connection back. Closing it never waits, so that a cancelled task can still do it."""
        if self._closed:
            return
        self._closed = True
        try:
            await (self._stream if self._complete else self._connection).aclose()
        finally:  # cancelled in between, the connection is not idle: who gets it back closes it
            await self._give_back(self._connection)
