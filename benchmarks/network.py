"""What nobody can go below: the network without a framework."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import ssl
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

from pydantic_core import from_json

from benchmarks.cases import Case, messages, tools
from benchmarks.subject import KEY, Subject

HEADERS = {"authorization": f"Bearer {KEY}", "content-type": "application/json"}


def _body(case: Case) -> bytes:
    body: dict[str, Any] = {"model": "open-mixtral-8x22b", "messages": messages(case)}
    if case.tools:
        body["tools"] = tools(case)
    if case.call not in ("send", "asend", "batch"):
        body["stream"] = True
    return json.dumps(body).encode()


def _deltas(tail: bytes, piece: bytes) -> tuple[list[Any], bytes]:
    """The least that a client must do: split, parse, pick."""
    *events, tail = (tail + piece).split(b"\n\n")
    return [from_json(event[6:])["choices"][0]["delta"] for event in events if event != b"data: [DONE]"], tail


def _context(url: str) -> ssl.SSLContext | None:
    """Trusts what the other subjects trust."""
    return ssl.create_default_context(cafile=os.environ["SSL_CERT_FILE"]) if url.startswith("https") else None


class _Network(Subject):
    """What the floors here share: clients that live as long as the process, and chunks that are deltas."""

    def __init__(self) -> None:
        self._clients: dict[str, Any] = {}

    def _kept(self, url: str, make: Callable[[], Any]) -> Any:
        if url not in self._clients:
            self._clients[url] = make()
        return self._clients[url]

    def text(self, chunk: Any) -> str:
        return str(chunk.get("content", ""))


class Httpx(_Network):
    """httpx as it comes, bytes split by hand."""

    def use(self, case: Case, url: str) -> None:
        import httpx

        limits = httpx.Limits(max_connections=None, max_keepalive_connections=20)
        options: Any = {"limits": limits, "trust_env": False, "timeout": 60, "verify": _context(url) or False}
        self._sync, self._async = self._kept(url, lambda: (httpx.Client(**options), httpx.AsyncClient(**options)))
        self._request = {"url": url + "/chat/completions", "content": _body(case), "headers": HEADERS}

    def send(self) -> Any:
        return from_json(self._sync.post(**self._request).content)

    async def asend(self) -> Any:
        return from_json((await self._async.post(**self._request)).content)

    def stream(self) -> Iterator[Any]:
        tail = b""
        with self._sync.stream("POST", **self._request) as response:
            for piece in response.iter_raw():
                deltas, tail = _deltas(tail, piece)
                yield from deltas

    async def astream(self) -> AsyncIterator[Any]:
        tail = b""
        async with self._async.stream("POST", **self._request) as response:
            async for piece in response.aiter_raw():
                deltas, tail = _deltas(tail, piece)
                for delta in deltas:
                    yield delta


class Aiohttp(_Network):
    """aiohttp as it comes, bytes split by hand."""

    def use(self, case: Case, url: str) -> None:
        self._url = url
        self._request = {"url": url + "/chat/completions", "data": _body(case), "headers": HEADERS}

    def _post(self) -> Any:
        """Called in the loop, to which the session belongs."""
        import aiohttp

        def session() -> Any:
            connector = aiohttp.TCPConnector(limit=0, ssl=_context(self._url) or True)
            return aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(60))

        return self._kept(self._url, session).post(**self._request)

    async def asend(self) -> Any:
        async with self._post() as response:
            return from_json(await response.read())

    async def astream(self) -> AsyncIterator[Any]:
        tail = b""
        async with self._post() as response:
            async for piece in response.content.iter_any():
                deltas, tail = _deltas(tail, piece)
                for delta in deltas:
                    yield delta


class Socket(_Network):
    """Sockets by hand, blind to every fault: no client can be cheaper in this language."""

    def use(self, case: Case, url: str) -> None:
        parts, body = urlsplit(url), _body(case)
        self._address = (str(parts.hostname), int(parts.port or 80))
        head = f"POST {parts.path}/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: {len(body)}\r\n\r\n"
        self._request = head.encode() + body
        self._tls = _context(url)
        self._idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = self._kept(url, list)

    def send(self) -> Any:
        sock = self._connected()
        sock.sendall(self._request)
        data = sock.recv(65536)
        return from_json(data.split(b"\r\n\r\n", 1)[1])

    def stream(self) -> Iterator[Any]:
        sock = self._connected()
        sock.sendall(self._request)
        tail, ended = b"", False
        while not ended:
            piece = sock.recv(65536)
            ended = piece.endswith(b"0\r\n\r\n")
            deltas, tail = _bare(tail, piece)
            yield from deltas

    def _connected(self) -> socket.socket:
        return self._kept(f"{self._address} {threading.get_ident()}", lambda: socket.create_connection(self._address))  # type: ignore[no-any-return]

    async def asend(self) -> Any:
        reader, writer = await self._taken()
        writer.write(self._request)
        data = await reader.read(65536)
        self._idle.append((reader, writer))
        return from_json(data.split(b"\r\n\r\n", 1)[1])

    async def astream(self) -> AsyncIterator[Any]:
        reader, writer = await self._taken()
        writer.write(self._request)
        tail, ended = b"", False
        while not ended:
            piece = await reader.read(65536)
            ended = piece.endswith(b"0\r\n\r\n")
            deltas, tail = _bare(tail, piece)
            for delta in deltas:
                yield delta
        self._idle.append((reader, writer))

    async def _taken(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return self._idle.pop() if self._idle else await asyncio.open_connection(*self._address, ssl=self._tls)


def _bare(tail: bytes, piece: bytes) -> tuple[list[Any], bytes]:
    """Events out of the raw bytes: a line that begins with `data: {` is one, the rest is not looked at."""
    *lines, tail = (tail + piece).split(b"\n")
    return [from_json(line[6:])["choices"][0]["delta"] for line in lines if line.startswith(b"data: {")], tail
