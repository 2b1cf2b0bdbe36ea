"""What sees and answers a call: the table in docs/testing.md, each cell a test.

Sync calls go through httpx (and httpcore), async ones through aiohttp; a client handed in goes its own way.
"""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import aiohttp
import httpx
import pytest
from opentelemetry.instrumentation.aiohttp_client import AioHttpClientInstrumentor
from opentelemetry.instrumentation.httpx import HTTPXClientInstrumentor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from _oxen_transport.testing import ANSWER, RST, Server, chunks, completion, good, sse
from tests.entry_points import EntryPoint, LangChain, LlamaIndex, each, entry_points, own_client

SYNC, ASYNC = entry_points(LangChain, LlamaIndex, is_async=False), entry_points(LangChain, LlamaIndex, is_async=True)
URL = "https://api.example.test/api/ai"
ENDPOINT = f"{URL}/chat/completions"
JSON = completion()
EVENTS = sse(chunks())


def body(api: EntryPoint) -> dict[str, Any]:
    """The answer as httpx's mocks take it."""
    if api.streams:
        return {"content": EVENTS, "headers": {"content-type": "text/event-stream"}}
    return {"json": JSON}


@each(*SYNC, *ASYNC)
def test_mock_transport_in_a_client_handed_in(api: EntryPoint) -> None:
    own = own_client(api, transport=httpx.MockTransport(lambda _: httpx.Response(200, **body(api))))
    assert api.ask(api.make(URL, **own)).text == ANSWER


@each(*SYNC, *ASYNC)
def test_respx_answers_sync_calls_and_async_ones_of_a_client_handed_in(api: EntryPoint) -> None:
    respx = pytest.importorskip("respx")
    with respx.mock:
        route = respx.post(ENDPOINT).mock(httpx.Response(200, **body(api)))
        assert api.ask(api.make(URL, **(own_client(api) if api.is_async else {}))).text == ANSWER
        assert json.loads(route.calls[0].request.content)["messages"]


@each(*SYNC, *ASYNC)
def test_pytest_httpx_answers_sync_calls_and_async_ones_of_a_client_handed_in(api: EntryPoint, httpx_mock: Any) -> None:
    httpx_mock.add_response(url=ENDPOINT, **body(api))
    assert api.ask(api.make(URL, **(own_client(api) if api.is_async else {}))).text == ANSWER


async def aioresponses_knows_this_aiohttp(aioresponses: Any) -> bool:
    """Version 0.7.9 fails with aiohttp 3.14, whatever the program: `missing argument: 'stream_writer'`."""
    with aioresponses.aioresponses() as mocked:
        mocked.get(URL, payload={})
        async with aiohttp.ClientSession() as session:
            try:
                await session.get(URL)
            except TypeError:
                return False
    return True


@each(*ASYNC)
def test_aioresponses_answers_async_calls(api: EntryPoint) -> None:
    aioresponses = pytest.importorskip("aioresponses")
    if not asyncio.run(aioresponses_knows_this_aiohttp(aioresponses)):
        pytest.skip("this version of aioresponses cannot make responses of the installed aiohttp, for no program")
    with aioresponses.aioresponses() as mocked:
        if api.streams:
            mocked.post(ENDPOINT, body=EVENTS, content_type="text/event-stream")
        else:
            mocked.post(ENDPOINT, payload=JSON)
        assert api.ask(api.make(URL)).text == ANSWER


@each(*SYNC, *ASYNC)
def test_vcrpy_records_and_plays_back(api: EntryPoint, server: Server, tmp_path: Path) -> None:
    vcr = pytest.importorskip("vcr")
    stage = server.stage(good)
    recorder = vcr.VCR(
        cassette_library_dir=str(tmp_path), filter_headers=["authorization"], match_on=["method", "body"]
    )
    for _ in range(2):
        with recorder.use_cassette("call.yaml"):
            assert api.ask(api.make(stage.url)).text == ANSWER
    assert len(stage.requests) == 1, "the second answer comes from the cassette"


@each(*SYNC, *ASYNC)
def test_opentelemetry_sees_sync_calls_by_httpx_and_async_ones_by_aiohttp(api: EntryPoint, server: Server) -> None:
    kind = AioHttpClientInstrumentor if api.is_async else HTTPXClientInstrumentor
    provider, exporter = TracerProvider(), InMemorySpanExporter()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    kind().instrument(tracer_provider=provider)
    try:
        assert api.ask(api.make(server.stage(good).url)).text == ANSWER
    finally:
        kind().uninstrument()
    assert [span.name for span in exporter.get_finished_spans()] == ["POST"]


@pytest.mark.parametrize("library", ["httpx", "httpx2"])
@each(*SYNC, *ASYNC)
def test_clients_of_either_httpx_family_are_accepted(api: EntryPoint, library: str, server: Server) -> None:
    family = pytest.importorskip(library)
    stage = server.stage([RST], good)
    own = {"http_async_client": family.AsyncClient()} if api.is_async else {"http_client": family.Client()}
    assert api.ask(api.make(stage.url, **own)).text == ANSWER
    assert len(stage.requests) == 2, "what a client of this family raises is known as a lost connection, and retried"
