"""A body's end: the connection goes back to its pool once, whoever closes it, and only if it can be used again.

How bodies are read is in test_client.py and test_framing.py.
"""

from __future__ import annotations

import asyncio
from typing import Any

import anyio
import httpx
import pytest

from _oxen_transport.call import Call
from _oxen_transport.clients import async_client
from _oxen_transport.http.pools import async_transport, close_sync, outgoing, sync_transport
from _oxen_transport.request.build import build
from _oxen_transport.settings import OxenSettings
from _oxen_transport.testing import ANSWER, Server, chunks, good, sse, streamed
from tests.entry_points import QUESTION


def request_for(model: OxenSettings) -> httpx.Request:
    call = Call(build(model, QUESTION))
    deadline = call.attempt()
    deadline.head_only = True
    return outgoing(**call.arguments(deadline))


def test_closed_twice_it_goes_back_once(server: Server) -> None:
    """Whoever wraps a stream, such as a recorder, may close it once more; two calls must not share a connection."""
    stage = server.stage(good)
    model = OxenSettings(base_url=stage.url)
    close_sync(model)
    transport = sync_transport(model)
    first: Any = transport.handle_request(request_for(model)).stream
    assert ANSWER.encode() in b"".join(first)
    first.close()
    first.close()
    at_once: list[Any] = [transport.handle_request(request_for(model)).stream for _ in range(2)]
    assert [ANSWER.encode() in b"".join(body) for body in at_once] == [True, True]
    one, *two = [request.connection.id for request in stage.requests]
    assert len(set(two)) == 2
    assert one in two, "it did go back"
    for body in at_once:
        body.close()


async def test_closed_twice_it_goes_back_once_in_asyncio(server: Server) -> None:
    stage = server.stage(good)
    model = OxenSettings(base_url=stage.url)
    transport = await async_transport(model)
    first: Any = (await transport.handle_async_request(request_for(model))).stream
    assert ANSWER.encode() in b"".join([piece async for piece in first])
    await first.aclose()
    await first.aclose()
    at_once: list[Any] = [(await transport.handle_async_request(request_for(model))).stream for _ in range(2)]
    for body in at_once:
        assert ANSWER.encode() in b"".join([piece async for piece in body])
    one, *two = [request.connection.id for request in stage.requests]
    assert len(set(two)) == 2
    assert one in two, "it did go back"
    for body in at_once:
        await body.aclose()


@pytest.mark.parametrize("where", ["first", "last"])
async def test_cancelled_while_it_goes_back(where: str, server: Server) -> None:
    """A cancelled scope of anyio, as web frameworks use it, ends each `await`; at the end of a body, too."""
    stage = server.stage(streamed(sse(chunks())), good)
    model = OxenSettings(base_url=stage.url)
    client, texts = async_client(model), []
    with anyio.CancelScope() as scope:
        async for chunk in client.stream(build(model, QUESTION, stream=True)):
            texts.append(chunk.text)
            if where == "first" or "".join(texts) == ANSWER:
                scope.cancel()  # all has come already: only giving the connection back has to wait
    assert scope.cancelled_caught
    assert "".join(texts) == ANSWER
    for _ in range(200):
        if not stage.open_connections():
            break
        await asyncio.sleep(0.005)
    assert not stage.open_connections(), "neither closed nor given back"
    assert (await client.send(build(model, QUESTION))).text == ANSWER
