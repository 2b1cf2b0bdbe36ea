"""Sync requests: httpx's own transport with deadlines, a few pools per connection config and process.

Pools stand outside the model objects, so a constructor costs nothing, equal settings share warm connections, and an
object works in any number of threads and forks. Cookies are never kept: one pool may serve many keys.
"""

from __future__ import annotations

import atexit
import os
import threading
import time
from typing import Any, cast

from _oxen_transport.http.config import LIMITS, ConnectionConfig
from _oxen_transport.http.family import httpcore, httpx
from _oxen_transport.http.outgoing import Deadline, Outgoing, client_request, transport_request
from _oxen_transport.settings import OxenSettings

HANDSHAKE_SECONDS = 10.0
"""The longest wait where httpcore gives no timeout: during the handshake with a SOCKS proxy."""


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
    """Opens connections whose reads end when their deadline does: https://www.encode.io/httpcore/network-backends/."""

    def connect_tcp(self, *args: Any, **kwargs: Any) -> httpcore.NetworkStream:
        """Open a connection."""
        return cast(httpcore.NetworkStream, DeadlineStream(super().connect_tcp(*args, **kwargs)))


class DeadlineStream:
    """A connection whose reads end when their deadline does. Everything else is httpcore's.

    Its `write` is the connection's own: a crash reporter would show the key among the local variables of our frames.
    `last_read` is on the monotonic clock.
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
