"""Exceptions of the HTTP libraries -> what kind of network failure they mean.

Anything else than their families, `OSError` and `TimeoutError` is a bug, ours or of a user's client.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from typing import Literal, NamedTuple

Kind = Literal["connect_timeout", "timeout", "tls", "unsendable", "connect", "lost"]
_LIBRARIES = ("aiohttp", "builtins", "httpcore", "httpcore2", "httpx", "httpx2", "ssl")
_KINDS: tuple[tuple[frozenset[str], Kind], ...] = (
    (frozenset({"ConnectTimeout", "ConnectionTimeoutError", "PoolTimeout"}), "connect_timeout"),
    (frozenset({"ServerTimeoutError", "TimeoutError", "TimeoutException"}), "timeout"),
    (frozenset({"ClientSSLError", "SSLError"}), "tls"),
    (frozenset({"InvalidURL", "LocalProtocolError", "UnsupportedProtocol"}), "unsendable"),
    (frozenset({"ClientConnectorError", "ClientHttpProxyError", "ConnectError", "ProxyError"}), "connect"),
    (frozenset({"ClientError", "NetworkError", "OSError", "ProtocolError", "TransportError"}), "lost"),
)
"""Classes of these libraries and what they mean; the first that fits."""


class NetworkFailure(NamedTuple):
    """Plain data: an exception of an HTTP library holds the request, and with it the key."""

    kind: Kind
    text: str

    @property
    def connected(self) -> bool:
        """Whether the request may have reached the server."""
        return self.kind in ("timeout", "lost")


def network_failure(error: BaseException) -> NetworkFailure | None:
    """What failed on the network; None if the exception means something else and must propagate."""
    kind = _kind(error)
    if kind is None:
        return None
    cause = error.__cause__
    # httpx-aiohttp names every lost connection `ConnectTimeout`; aiohttp's own exception behind it knows
    behind = cause if cause is not None and type(cause).__module__.startswith("aiohttp") else error
    kind = _kind(behind) or kind
    text = str(error) or str(behind) or type(behind).__name__
    refused = next((link for link in _chain(error) if isinstance(link, ssl.SSLError)), None)
    if kind not in ("timeout", "connect_timeout") and (refused is not None or "certificate" in text.lower()):
        return NetworkFailure("tls", str(refused or text))
    return NetworkFailure(kind, text)


def _kind(error: BaseException) -> Kind | None:
    bases = type(error).__mro__
    names = {base.__name__ for base in bases if base.__module__.partition(".")[0] in _LIBRARIES}
    if any(base.__name__ == "TransportError" for base in bases):  # a client of another family, compatible with httpx
        names = {base.__name__ for base in bases}
    return next((kind for known, kind in _KINDS if not names.isdisjoint(known)), None)


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """An exception and what stands behind it; bounded, as a chain can go round in circles."""
    for _ in range(6):
        if error is None:
            return
        yield error
        error = error.__cause__ or error.__context__
