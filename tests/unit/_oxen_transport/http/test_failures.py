"""Which exceptions are failures of the network, and what they mean."""

from __future__ import annotations

import ssl

import aiohttp
import httpcore
import httpx

from _oxen_transport.http.failures import network_failure
from tests.tables import each_row


class TransportError(Exception):
    """As a client of another family calls its base class."""


class ConnectError(TransportError):
    pass


def behind(cause: BaseException, error: BaseException) -> BaseException:
    error.__cause__ = cause
    return error


def circular() -> BaseException:
    error = httpx.ReadError("lost")
    error.__cause__, error.__context__ = None, error
    return error


@each_row(
    ("error", "kind"),
    [
        (httpx.ConnectTimeout("t"), "connect_timeout"),
        (httpx.PoolTimeout("t"), "connect_timeout"),
        (httpx.ReadTimeout("t"), "timeout"),
        (httpx.WriteTimeout("t"), "timeout"),
        (TimeoutError(), "timeout"),
        (httpx.ConnectError("refused"), "connect"),
        (httpx.ProxyError("407"), "connect"),
        (httpx.RemoteProtocolError("x"), "lost"),
        (httpcore.ReadError("x"), "lost"),
        (ConnectionResetError(104, "reset"), "lost"),
        (aiohttp.ServerDisconnectedError(), "lost"),
        (aiohttp.InvalidURL("x"), "unsendable"),
        (httpx.UnsupportedProtocol("x"), "unsendable"),
        (httpx.InvalidURL("x"), "unsendable"),
        (ssl.SSLError("handshake"), "tls"),
        (behind(ssl.SSLError("bad certificate"), httpx.ConnectError("x")), "tls"),
        (httpx.ConnectError("certificate verify failed"), "tls"),
        # httpx-aiohttp's name for every lost connection; what stands behind it decides
        (behind(aiohttp.ServerDisconnectedError(), httpx.ConnectTimeout("x")), "lost"),
        (behind(aiohttp.ConnectionTimeoutError(), httpx.TimeoutException("x")), "connect_timeout"),
        (behind(aiohttp.SocketTimeoutError(), httpx.ReadTimeout("x")), "timeout"),
        (ConnectError("refused"), "connect"),
        (TransportError("x"), "lost"),
        (circular(), "lost"),
    ],
    ids=repr,
)
def test_failures_of_the_network(error: BaseException, kind: str) -> None:
    failure = network_failure(error)
    assert failure is not None
    assert failure.kind == kind
    assert failure.text
    assert failure.connected == (kind in ("timeout", "lost"))


@each_row(
    "error",
    [
        TypeError("x"),
        KeyError("x"),
        AssertionError(),
        RuntimeError("closed"),
        behind(TimeoutError(), ValueError("mine")),
    ],
    ids=repr,
)
def test_bugs_are_none(error: BaseException) -> None:
    assert network_failure(error) is None
