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

from _oxen_transport.http.asyncio_protocol import Protocol
from _oxen_transport.http.sockets import seconds_left

T = TypeVar("T")


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
        """Open a connection. Our pools ask for no socket options, and asyncio sets TCP_NODELAY itself."""
        loop = asyncio.get_running_loop()
        local = None if local_address is None else (local_address, 0)
        connecting = loop.create_connection(
            lambda: Protocol(loop), host, port, local_addr=local, happy_eyeballs_delay=0.25
        )
        try:
            _, protocol = await _within(connecting, timeout)
        except (OSError, asyncio.TimeoutError) as error:
            failure = _connect_error(error)
        else:
            return AsyncioStream(protocol)
        raise failure


class AsyncioStream(httpcore.AsyncNetworkStream):
    """A connection on an asyncio transport: reads come out of the protocol's buffer."""

    def __init__(self, protocol: Protocol) -> None:
        self._protocol = protocol
        self.read, self.write = protocol.read, protocol.write  # type: ignore[method-assign]
        self.put_back = protocol.put_back

    async def aclose(self) -> None:
        """Close at once; nothing here waits, so that a cancelled task can still do it."""
        self._protocol.close()

    async def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.AsyncNetworkStream:
        """Turn the connection into an encrypted one."""
        protocol = self._protocol
        upgraded = Protocol(protocol.loop)
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


async def _within(work: Awaitable[T], timeout: float | None) -> T:
    return await asyncio.wait_for(work, seconds_left(timeout))


def _connect_error(error: BaseException) -> Exception:
    """Httpcore's words for a connection that did not come about; certificates keep their text."""
    if isinstance(error, asyncio.TimeoutError):
        return httpcore.ConnectTimeout("no connection in time")
    failure = httpcore.ConnectError(str(error) or type(error).__name__)
    failure.__cause__ = error
    return failure
