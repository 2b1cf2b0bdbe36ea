"""Sync requests: httpx's own transport with deadlines, a few pools per connection config and process.

Pools stand outside the model objects, so a constructor costs nothing, equal settings share warm connections, and an
object works in any number of threads and forks. Cookies are never kept: one pool may serve many keys.
"""

from __future__ import annotations

import atexit
import os
import socket
import threading
import time
from typing import Any, cast

from _oxen_transport.http.config import LIMITS, ConnectionConfig
from _oxen_transport.http.family import httpcore, httpx
from _oxen_transport.http.outgoing import Deadline, Outgoing, client_request, transport_request
from _oxen_transport.settings import OxenSettings

HANDSHAKE_SECONDS = 10.0
"""The longest wait where httpcore gives no timeout: during the handshake with a SOCKS proxy."""

PIECE_BYTES = 65_536
"""How much is sent at once: after each piece the deadline is looked at."""


class Response:
    """The status and headers of a response, and its body piece by piece."""

    def __init__(self, raw: Any) -> None:
        self.status: int = raw.status_code
        self.headers = {name.lower(): value for name, value in raw.headers.items()}
        self._pieces, self.close = iter(raw.stream), raw.close

    def read(self) -> bytes | None:
        """The next piece of the body; None at its end."""
        return next(self._pieces, None)


def open_sync(settings: OxenSettings, outgoing: Outgoing) -> Response:
    """Send a request and wait for the head of its response."""
    client = settings.http_client
    if client is None:
        return Response(_transport(settings).handle_request(transport_request(outgoing)))
    return Response(client.send(client_request(client, outgoing), stream=True, follow_redirects=False))


class DeadlineBackend(httpcore.SyncBackend):
    """Opens connections that keep to their deadlines: https://www.encode.io/httpcore/network-backends/."""

    def connect_tcp(
        self, host: str, port: int, timeout: float | None = None, *args: Any, **kwargs: Any
    ) -> httpcore.NetworkStream:
        """Connect to the first address of `host` that answers. What is left of the time is shared by those to come."""
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except OSError as error:
            raise httpcore.ConnectError(error) from error
        addresses = [str(place[0]) for *_, place in found]
        while True:
            left = _left(timeout, httpcore.ConnectTimeout) / len(addresses)
            try:
                opened = super().connect_tcp(addresses.pop(0), port, left, *args, **kwargs)
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                if not addresses:
                    raise
            else:
                return cast(httpcore.NetworkStream, DeadlineStream(opened))


def _left(timeout: float | None, late: type[Exception]) -> float:
    """Seconds that are left. Raises: `late`, at the end."""
    left = timeout.left() if isinstance(timeout, Deadline) else timeout
    if left is not None and left <= 0:
        raise late("the deadline has passed")
    return HANDSHAKE_SECONDS if left is None else left


class DeadlineStream:
    """A connection that keeps to its deadlines. Everything else is httpcore's.

    `last_read` is on the monotonic clock.
    """

    last_read = 0.0

    def __init__(self, stream: httpcore.NetworkStream) -> None:
        self._stream = stream
        self.close, self.get_extra_info = stream.close, stream.get_extra_info

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Read what is there, waiting until the deadline at most."""
        data = self._stream.read(max_bytes, _left(timeout, httpcore.ReadTimeout))
        self.last_read = time.monotonic()
        return data

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Send it piece by piece: httpcore waits the whole time again whenever the server has read some."""
        pieces = [buffer[at : at + PIECE_BYTES] for at in range(0, len(buffer), PIECE_BYTES)][::-1]
        del buffer  # headers hold the key, and a crash reporter shows the local variables of our frames
        while pieces:
            self._stream.write(pieces.pop(), _left(timeout, httpcore.WriteTimeout))

    def start_tls(
        self, ssl_context: Any, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        """Encrypt the connection."""
        encrypted = self._stream.start_tls(ssl_context, server_hostname, _left(timeout, httpcore.ConnectTimeout))
        return cast(httpcore.NetworkStream, DeadlineStream(encrypted))


class SyncTransport(httpx.HTTPTransport):
    """httpx's own transport, with deadlines. A subclass, so that recorders and tracers of httpx see it."""

    def __init__(self, config: ConnectionConfig) -> None:
        super().__init__(**config.httpx_options())
        self._http2 = config.http2
        pool = _sync_pool(config)
        # httpx has no public parameter for a network backend; where its pool is another one, it stays
        # as it is, and a read timeout then counts from the last byte
        if type(getattr(self, "_pool", None)) is type(pool):
            self._pool = pool

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request and wait for the head of its response."""
        begun = time.monotonic()
        response = super().handle_request(request)
        stream = response.extensions.get("network_stream")
        if isinstance(stream, DeadlineStream) and stream.last_read < begun and not self._http2:
            response.close()  # what nobody asked for must not become this call's answer
            raise httpx.RemoteProtocolError("the server sent a second response to the request before")
        return response


def _sync_pool(config: ConnectionConfig) -> httpcore.ConnectionPool:
    options: dict[str, Any] = {
        "ssl_context": config.context(),
        "max_connections": LIMITS.max_connections,
        "max_keepalive_connections": LIMITS.max_keepalive_connections,
        "keepalive_expiry": LIMITS.keepalive_expiry,
        "http2": config.http2,
        "network_backend": DeadlineBackend(),
    }
    url = config.proxy_url()
    if url is None:
        return httpcore.ConnectionPool(**options)
    proxy = httpx.Proxy(url)
    options |= {"proxy_url": str(proxy.url), "proxy_auth": proxy.raw_auth}
    if proxy.url.scheme.startswith("socks5"):
        return httpcore.SOCKSProxy(**options)
    return httpcore.HTTPProxy(**options, proxy_ssl_context=config.context() if proxy.url.scheme == "https" else None)


POOLS = 8
"""Pools for one connection config, each for some of the threads: for each request httpcore looks at every
connection of its pool, and for each idle one at all of them again."""
_pools: dict[tuple[int, ConnectionConfig, int], SyncTransport] = {}


def _transport(settings: OxenSettings) -> httpx.BaseTransport:
    """The transport for these settings in this process: a fork never touches its parent's sockets."""
    key = (os.getpid(), ConnectionConfig.of(settings), threading.get_native_id() % POOLS)
    found = _pools.get(key)
    if found is None:
        found = _pools.setdefault(key, SyncTransport(key[1]))  # another thread may have been quicker
    return found


def close_sync(settings: OxenSettings) -> None:
    """Close the connections these settings share. The next call opens new ones."""
    process, config = os.getpid(), ConnectionConfig.of(settings)
    for at in range(POOLS):
        found = _pools.pop((process, config, at), None)
        if found is not None:
            found.close()


@atexit.register
def _close_all() -> None:
    for (process, _, _), transport in list(_pools.items()):
        if process == os.getpid():
            transport.close()
