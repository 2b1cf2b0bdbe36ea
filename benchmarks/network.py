"""What nobody can go below: the network without a framework."""

from __future__ import annotations

import json
import ssl
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

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
    """httpx as it comes, for sync calls, bytes split by hand."""

    def use(self, case: Case, url: str) -> None:
        import httpx

        limits = httpx.Limits(max_connections=None, max_keepalive_connections=20)
        self._client = self._kept(url, lambda: httpx.Client(limits=limits, trust_env=False, timeout=60))
        self._request = {"url": url + "/chat/completions", "content": _body(case), "headers": HEADERS}

    def send(self) -> Any:
        return from_json(self._client.post(**self._request).content)

    def stream(self) -> Iterator[Any]:
        tail = b""
        with self._client.stream("POST", **self._request) as response:
            for piece in response.iter_raw():
                deltas, tail = _deltas(tail, piece)
                yield from deltas


class Aiohttp(_Network):
    """aiohttp as it comes, for async calls, bytes split by hand."""

    def use(self, case: Case, url: str) -> None:
        self._url = url
        self._request = {"url": url + "/chat/completions", "data": _body(case), "headers": HEADERS}

    def _post(self) -> Any:
        """Called in the loop, to which the session belongs."""
        import aiohttp

        def session() -> Any:
            # with TLS, it trusts what the other subjects trust
            context = ssl.create_default_context() if self._url.startswith("https") else True
            connector = aiohttp.TCPConnector(limit=0, ssl=context)
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
