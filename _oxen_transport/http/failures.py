"""Exceptions of the HTTP libraries -> what kind of network failure they mean.

Only the families of the HTTP libraries, `OSError` (`ssl.SSLError` among them) and `TimeoutError`
are failures of the network. Everything else is a bug, ours or of a user's client, and is none.
"""

from __future__ import annotations

import ssl
import sys
from collections.abc import Iterator
from typing import Literal, NamedTuple

Kind = Literal["connect_timeout", "timeout", "tls", "unsendable", "connect", "lost"]


class NetworkFailure(NamedTuple):
    """Plain data: an exception of an HTTP library holds the request, and with it the key."""

    kind: Kind
    text: str

    @property
    def connected(self) -> bool:
        """Whether the request may have reached the server."""
        return self.kind not in ("connect_timeout", "connect", "tls", "unsendable")


_HTTPX, _HTTPCORE = ("httpx", "httpx2"), ("httpcore", "httpcore2")
_TABLE: tuple[tuple[tuple[str, ...], tuple[str, ...], Kind], ...] = (
    # aiohttp first: httpx-aiohttp names each of its lost connections `ConnectTimeout`, the cause knows better
    (("aiohttp",), ("ConnectionTimeoutError",), "connect_timeout"),
    (("aiohttp",), ("ServerTimeoutError",), "timeout"),
    (("aiohttp",), ("ClientSSLError",), "tls"),
    (("aiohttp",), ("ClientConnectorError", "ClientHttpProxyError"), "connect"),
    (("aiohttp",), ("InvalidURL",), "unsendable"),
    (("aiohttp",), ("ClientError",), "lost"),
    ((*_HTTPX, *_HTTPCORE), ("ConnectTimeout", "PoolTimeout"), "connect_timeout"),
    ((*_HTTPX, *_HTTPCORE), ("TimeoutException",), "timeout"),
    ((*_HTTPX, *_HTTPCORE), ("UnsupportedProtocol", "LocalProtocolError", "InvalidURL"), "unsendable"),
    ((*_HTTPX, *_HTTPCORE), ("ConnectError", "ProxyError"), "connect"),
    ((*_HTTPX, *_HTTPCORE), ("TransportError", "NetworkError", "ProtocolError"), "lost"),
    (("builtins",), ("TimeoutError",), "timeout"),
    (("builtins",), ("OSError",), "lost"),
)
"""Libraries, their classes, what these mean; the first that fits. A library that was not imported raised nothing."""
_FAMILY_NAMES = ("TransportError", "InvalidURL")
"""What the base classes of a client that is compatible with httpx are called."""


def network_failure(error: BaseException) -> NetworkFailure | None:
    """What failed on the network; None if the exception means something else and must propagate."""
    cause = error.__cause__
    known = cause if isinstance(cause, _classes(("aiohttp", "builtins"), ("ClientError", "TimeoutError"))) else error
    kind = _kind_by_type(known) or _kind_by_name(error)
    if kind is None:
        return None
    text = str(error) or str(known) or type(known).__name__
    refused = next((link for link in _chain(error) if isinstance(link, ssl.SSLError)), None)
    if kind not in ("timeout", "connect_timeout") and (refused is not None or "certificate" in text.lower()):
        return NetworkFailure("tls", str(refused or text))
    return NetworkFailure(kind, text)


def _kind_by_type(error: BaseException) -> Kind | None:
    return next((kind for libraries, names, kind in _TABLE if isinstance(error, _classes(libraries, names))), None)


def _classes(libraries: tuple[str, ...], names: tuple[str, ...]) -> tuple[type[BaseException], ...]:
    modules = [module for library in libraries if (module := sys.modules.get(library)) is not None]
    return tuple(getattr(module, name) for module in modules for name in names if hasattr(module, name))


def _kind_by_name(error: BaseException) -> Kind | None:
    """For a client of another family: its exceptions share httpx's names, not its classes."""
    bases = {base.__name__ for base in type(error).__mro__}
    if bases.isdisjoint(_FAMILY_NAMES):
        return None
    return next((kind for libraries, names, kind in _TABLE if libraries != ("aiohttp",) and bases & {*names}), None)


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """An exception and what stands behind it; bounded, as a chain can go round in circles."""
    for _ in range(6):
        if error is None:
            return
        yield error
        error = error.__cause__ or error.__context__
