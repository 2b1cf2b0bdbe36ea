"""HTTP/2 against a server that speaks it: `http2=True`, the extra `http2`."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from _oxen_transport import async_client_for
from _oxen_transport.errors import OxenConnectionError
from _oxen_transport.request.build import build
from _oxen_transport.settings import OxenSettings
from tests.entry_points import QUESTION, EntryPoint, Transport, each, entry_points

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.certificates import Certificates
    from tests.http2_server import Http2Server

pytest.importorskip("h2", reason="the extra `http2` is not installed")
STREAMS = entry_points(Transport, streams=True)


@pytest.fixture
def server(certificates: Certificates) -> Iterator[Http2Server]:
    from tests.http2_server import Http2Server

    with Http2Server(certificates.speaks_http2) as running:
        yield running


@pytest.fixture
def options(certificates: Certificates) -> dict[str, Any]:
    return {"http2": True, "ca_bundle": str(certificates.authority), "timeout": 30, "max_retries": 0}


@each(*entry_points())
def test_every_entry_point(api: EntryPoint, server: Http2Server, options: dict[str, Any]) -> None:
    model = api.make(server.url, **options)
    assert api.ask(model, "one").text == "echo: one"
    assert api.ask(model, "two").text == "echo: two"
    # an async caller has an event loop of its own for each call, and so a connection
    assert server.connections == (2 if api.is_async else 1)
    assert [body["messages"][-1]["content"] for body in server.requests] == ["one", "two"]


def test_many_streams_share_a_connection(server: Http2Server, options: dict[str, Any]) -> None:
    settings = OxenSettings(base_url=server.url, api_key="sk-test-0123456789", **options)

    async def one(number: int) -> str:
        request = build(settings, [{"role": "user", "content": str(number)}], stream=True)
        return "".join([chunk.text async for chunk in async_client_for(settings).stream(request)])

    server.answers_at = 40  # whoever takes turns waits for ever

    async def crowd() -> list[str]:
        return await asyncio.gather(*(one(number) for number in range(40)))

    assert asyncio.run(crowd()) == [f"echo: {number}" for number in range(40)]
    assert server.connections == 1


@each(*STREAMS)
def test_a_stream_that_is_reset_ends_in_an_error_with_its_part(
    api: EntryPoint, server: Http2Server, options: dict[str, Any]
) -> None:
    model = api.make(server.url, model="resets", **options)
    with pytest.raises(OxenConnectionError) as caught:
        api.ask(model, QUESTION)
    assert caught.value.partial_text
    assert "echo: What does the ox do?".startswith(caught.value.partial_text)
    assert len(server.requests) == 1


@each(*entry_points(Transport))
def test_a_server_that_goes_away_is_asked_over_a_new_connection(
    api: EntryPoint, server: Http2Server, options: dict[str, Any]
) -> None:
    assert api.ask(api.make(server.url, model="goes-away", **options), "one").text == "echo: one"
    assert api.ask(api.make(server.url, **options), "two").text == "echo: two"
    assert server.connections == 2


def test_closing_one_stream_leaves_the_others_alone(server: Http2Server, options: dict[str, Any]) -> None:
    settings = OxenSettings(base_url=server.url, api_key="sk-test-0123456789", **options)
    request = build(settings, [{"role": "user", "content": "hello"}], stream=True)

    async def scene() -> str:
        first, second = (async_client_for(settings).stream(request) for _ in range(2))
        await first.__anext__()
        text = (await second.__anext__()).text
        await first.aclose()
        return text + "".join([chunk.text async for chunk in second])

    assert asyncio.run(scene()) == "echo: hello"
    assert server.connections == 1
