"""The way to the server, hop by hop (proxy, name, connection, TLS, HTTP, clock), over the doctor's own connections."""

from __future__ import annotations

import http.client
import socket
import ssl
import time
from base64 import b64encode
from collections.abc import Generator, Iterator
from contextlib import ExitStack
from email.utils import parsedate_to_datetime
from typing import Any, cast
from urllib.parse import SplitResult, unquote, urlsplit

from _oxen_transport.cli.finding import Finding
from _oxen_transport.errors import OxenConfigError
from _oxen_transport.http.config import ConnectionConfig
from _oxen_transport.request.build import USER_AGENT

Step = Generator[Finding, None, socket.socket | None]
"""Findings, and the connection to go on with; None: this hop failed."""

SKEW_SECONDS = 300  # a clock that is wrong by more may fail certificates
_PORTS = {"http": 80, "https": 443, "socks5": 1080, "socks5h": 1080}


def findings(config: ConnectionConfig, timeout: float) -> Iterator[Finding]:
    """Each hop, until one fails; each may take `timeout` seconds."""
    target = urlsplit(config.origin)
    try:
        proxy = config.proxy_url()
    except OxenConfigError as error:
        yield Finding("proxy", "failure", str(error), "correct the variable or the setting that is named")
        return
    first = urlsplit(proxy) if proxy else target
    if proxy:
        yield Finding("proxy", "ok", f"{first.scheme}://{first.hostname}:{_port(first)}")
    else:
        yield Finding("proxy", "ok", "none")
    with ExitStack() as stack:
        sock = yield from _connected(first, timeout, stack)
        if sock is None or (proxy and first.scheme != "http"):
            return  # other proxies are spoken to by the HTTP library alone
        if proxy and target.scheme == "https":
            sock = yield from _tunnelled(sock, target, first)
        if sock is not None and target.scheme == "https":
            sock = yield from _encrypted(sock, target, config)
            if sock is not None:
                stack.enter_context(sock)
        if sock is not None and (target.scheme == "https" or not proxy):
            yield from _greeted(sock, target)


def _connected(where: SplitResult, timeout: float, stack: ExitStack) -> Step:
    host, port = where.hostname or "", _port(where)
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError as error:
        yield Finding("DNS", "failure", f"{host}: {error.strerror or error}", "check the name, the network and the VPN")
        return None
    addresses = sorted({str(row[4][0]) for row in found})
    yield Finding("DNS", "ok", f"{host} is {', '.join(addresses[:4])}")
    started = time.perf_counter()
    try:
        sock = stack.enter_context(socket.create_connection((host, port), timeout))
    except TimeoutError:
        cure = "a firewall drops the packets: allow the port, or set HTTPS_PROXY if this network has a proxy"
        yield Finding("TCP", "failure", f"{host}:{port} did not answer in {timeout:g} s", cure)
    except OSError as error:
        cure = "nothing listens there: check host and port of the base URL or the proxy, and whether the server runs"
        yield Finding("TCP", "failure", f"{host}:{port}: {error.strerror or error}", cure)
    else:
        yield Finding("TCP", "ok", f"{host}:{port} in {(time.perf_counter() - started) * 1000:.0f} ms")
        return sock
    return None


def _tunnelled(sock: socket.socket, target: SplitResult, proxy: SplitResult) -> Step:
    """Ask an HTTP proxy for a way to the server: https://www.rfc-editor.org/rfc/rfc9110#CONNECT."""
    place = f"{target.hostname}:{_port(target)}"
    headers = [f"CONNECT {place} HTTP/1.1", f"Host: {place}"]
    if proxy.username:
        pair = f"{unquote(proxy.username)}:{unquote(proxy.password or '')}"
        headers.append("Proxy-Authorization: Basic " + b64encode(pair.encode()).decode())
    try:
        sock.sendall("\r\n".join([*headers, "", ""]).encode())
        reply = b""
        while not reply.endswith(b"\r\n\r\n") and len(reply) < 65_536:
            piece = sock.recv(1)  # no more than the head: what follows is TLS
            if not piece:
                break
            reply += piece
    except OSError as error:
        yield Finding("tunnel", "failure", f"the proxy gave no answer: {error}", "check the proxy's address")
        return None
    first = reply.split(b"\r\n")[0].decode("latin-1")
    if " 200" not in first:
        text = f"the proxy refuses {place}: {first[:100] or 'connection closed'}"
        yield Finding("tunnel", "failure", text, "check the proxy's user and password, and whether it allows this host")
        return None
    yield Finding("tunnel", "ok", f"the proxy connects to {place}")
    return sock


def _encrypted(sock: socket.socket, target: SplitResult, config: ConnectionConfig) -> Step:
    try:
        context = config.ssl_context()
        secure = context.wrap_socket(sock, server_hostname=target.hostname)
    except OxenConfigError as error:
        yield Finding("TLS", "failure", str(error), "correct the file that is named")
    except ssl.SSLCertVerificationError as error:
        cure = (
            "if this network inspects TLS, save its certificate authority and name the file: ca_bundle=... or "
            "SSL_CERT_FILE; else the server's certificate is wrong"
        )
        yield Finding("TLS", "failure", error.verify_message or str(error), cure)
    except OSError as error:
        yield Finding(
            "TLS", "failure", str(error) or type(error).__name__, "the port does not speak TLS; check the URL"
        )
    else:
        made = cast("dict[str, Any]", secure.getpeercert() or {})
        signer = {name: value for row in made.get("issuer", ()) for name, value in row}
        by = signer.get("organizationName") or signer.get("commonName") or "an unnamed authority"
        yield Finding("TLS", "ok", f"{secure.version()}, signed by {by}, until {made.get('notAfter')}")
        return secure
    return None


def _greeted(sock: socket.socket, target: SplitResult) -> Iterator[Finding]:
    """One request without a key: does HTTP answer, and what time does it think it is?"""
    connection = http.client.HTTPConnection(target.hostname or "", _port(target))
    connection.sock = sock
    started = time.perf_counter()
    try:
        connection.request("HEAD", "/", headers={"User-Agent": USER_AGENT, "Connection": "close"})
        response = connection.getresponse()
    except TimeoutError:
        cure = "the port is open, but the server or a firewall is silent: try again, ask who runs it"
        yield Finding("HTTP", "failure", "no answer to a request", cure)
        return
    except (OSError, http.client.HTTPException) as error:
        yield Finding(
            "HTTP", "failure", f"no HTTP: {error or type(error).__name__}", "check the base URL's scheme and port"
        )
        return
    through = response.getheader("Via")
    more = f", through {through}" if through else ""
    yield Finding("HTTP", "ok", f"answers in {(time.perf_counter() - started) * 1000:.0f} ms{more}")
    yield from _clock(response.getheader("Date"))


def _clock(date: str | None) -> Iterator[Finding]:
    try:
        there = parsedate_to_datetime(date or "").timestamp()
    except (TypeError, ValueError):
        return
    skew = time.time() - there
    if abs(skew) > SKEW_SECONDS:
        text = f"this machine's clock is {abs(skew):.0f} s {'ahead of' if skew > 0 else 'behind'} the server's"
        yield Finding("clock", "warning", text, "set the clock: certificates are checked against it")
    else:
        yield Finding("clock", "ok", f"{abs(skew):.0f} s from the server's")


def _port(place: SplitResult) -> int:
    return place.port or _PORTS.get(place.scheme, 443)
