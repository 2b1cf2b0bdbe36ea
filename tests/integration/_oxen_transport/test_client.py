"""The clients over real sockets: retries, deadlines, a client of the user's own, connections reused and closed.

Faults of the wire are in tests/integration/faults; here is what belongs to the client alone.
"""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import time
from typing import Any

import httpx
import pytest

from _oxen_transport import async_client_for, client_for
from _oxen_transport.errors import (
    OxenBadRequestError,
    OxenConfigError,
    OxenConnectionError,
    OxenError,
    OxenRateLimitError,
    OxenTimeoutError,
    OxenTruncatedStreamError,
)
from _oxen_transport.http import async_requests, sync_requests
from _oxen_transport.rate_limiter import RateLimiter
from _oxen_transport.request.build import build
from _oxen_transport.settings import OxenSettings
from _oxen_transport.testing import (
    ANSWER,
    DONE,
    FIN,
    HANG,
    RST,
    USAGE,
    Received,
    Server,
    Step,
    chunk,
    chunks,
    completion,
    drip,
    echo,
    error_body,
    event,
    good,
    head,
    open_stream,
    reply,
    sse,
    streamed,
)
from tests.entry_points import QUESTION, EntryPoint, Transport, each, entry_points
from tools.support.recorded import recorded

ALL = entry_points(Transport)
STREAMS = entry_points(Transport, streams=True)
pytestmark = pytest.mark.usefixtures("fast_retries")
BUSY = reply(error_body("busy"), 503)


def failure(
    api: EntryPoint, model: Any, kind: type[OxenError] = OxenError, *, messages: Any = QUESTION, **call: Any
) -> OxenError:
    with pytest.raises(kind) as caught:
        api.ask(model, messages, **call)
    return caught.value


# -- retries ------------------------------------------------------------------------------------


@each(*ALL)
def test_a_wait_beyond_the_total_deadline_is_not_begun(api: EntryPoint, server: Server) -> None:
    stage = server.stage(reply(error_body(), 429, retry_after=30))
    start = time.monotonic()
    error = failure(api, api.make(stage.url, total_timeout=5), OxenRateLimitError)
    assert time.monotonic() - start < 3
    assert error.retry_after == 30
    assert len(stage.requests) == 1


class Paced(OxenSettings):
    """A model's settings with a pace; both frameworks' models have the field of their own accord."""

    rate_limiter: Any = None


@each(*ALL)
def test_a_429_sends_a_call_back_into_the_line(api: EntryPoint, server: Server) -> None:
    """With a shared pace it is no failure: the call waits for its turn, as long as the server said."""
    stage = server.stage(reply(error_body("slowly"), 429, retry_after=1), good)
    model = Paced(base_url=stage.url, rate_limiter=RateLimiter(requests_per_minute=6_000), max_retries=0)
    assert api.ask(model).text == ANSWER
    first, second = stage.requests
    assert second.at - first.at > 0.9


# -- stream_options -----------------------------------------------------------------------------


@each(*STREAMS)
def test_a_server_that_refuses_stream_options_is_asked_once_without(api: EntryPoint, server: Server) -> None:
    stage = server.stage(recorded("mistral_error_422_detail.http"), good)
    model = api.make(stage.url, max_retries=0)
    assert api.ask(model).text == ANSWER
    assert ["stream_options" in body for body in stage.bodies] == [True, False]
    assert api.ask(model).text == ANSWER
    assert "stream_options" not in stage.bodies[2], "remembered"
    api.ask(model, model="gpt-4o")
    assert "stream_options" in stage.bodies[3], "for this model only"


@each(*STREAMS)
def test_other_refusals_are_not_asked_again(api: EntryPoint, server: Server) -> None:
    stage = server.stage(recorded("mistral_error_422_detail.http"))
    failure(api, api.make(stage.url, stream_options=None), OxenBadRequestError)
    assert len(stage.requests) == 1
    stage = server.stage(recorded("mistral_error_422_detail.http"))
    failure(api, api.make(stage.url), OxenBadRequestError)
    assert len(stage.requests) == 2, "once without, and no more"


# -- deadlines ----------------------------------------------------------------------------------


@each(*STREAMS)
def test_after_the_finish_reason_the_wait_is_short(
    api: EntryPoint, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    from _oxen_transport import call

    monkeypatch.setattr(call, "TAIL_SECONDS", 0.2)
    stage = server.stage(open_stream(sse(chunks(), done=False), HANG))
    start = time.monotonic()
    assert api.ask(api.make(stage.url, timeout=60)).text == ANSWER
    assert time.monotonic() - start < 5


TRICKLE = [b"1\r\nx\r\n", 0.1] * 100


@each(*ALL)
def test_a_body_that_trickles_behind_an_error(api: EntryPoint, server: Server) -> None:
    stage = server.stage([head(400, transfer_encoding="chunked"), *TRICKLE])
    start = time.monotonic()
    failure(api, api.make(stage.url, timeout=60), OxenBadRequestError)
    assert time.monotonic() - start < 5


# -- connections --------------------------------------------------------------------------------


@each(*entry_points(Transport, is_async=False))
def test_calls_share_one_warm_connection(api: EntryPoint, server: Server) -> None:
    stage = server.stage(good)
    model = api.make(stage.url)
    for _ in range(5):
        assert api.ask(model).text == ANSWER
    assert len(stage.connections) == 1
    assert api.ask(api.make(stage.url)).text == ANSWER
    assert len(stage.connections) == 1, "another object with the same settings shares it"


@each(*entry_points(Transport, is_async=True))
def test_calls_of_one_loop_share_one_warm_connection(api: EntryPoint, server: Server) -> None:
    stage = server.stage(good)
    model = api.make(stage.url)

    async def run() -> None:
        for _ in range(5):
            assert (await api.ask_async(model)).text == ANSWER

    asyncio.run(run())
    assert len(stage.connections) == 1


def test_close(server: Server) -> None:
    stage = server.stage(good)
    model = OxenSettings(base_url=stage.url)
    client = client_for(model)
    client.send(build(model, QUESTION))
    assert len(stage.open_connections()) == 1
    client.close()
    assert stage.wait(lambda stage: not stage.open_connections())
    client.close()  # closing twice is no error
    assert client.send(build(model, QUESTION)).text == ANSWER, "the next call opens anew"


async def test_aclose(server: Server) -> None:
    stage = server.stage(good)
    model = OxenSettings(base_url=stage.url)
    client = async_client_for(model)
    await client.send(build(model, QUESTION))
    assert len(stage.open_connections()) == 1
    await client.aclose()
    await asyncio.sleep(0.2)
    assert not stage.open_connections()
    await client.aclose()
    assert (await client.send(build(model, QUESTION))).text == ANSWER


def test_a_loop_that_ends_closes_its_connections(server: Server) -> None:
    stage = server.stage(good)
    model = OxenSettings(base_url=stage.url)
    before = len(async_requests._pools)

    async def run() -> None:
        await async_client_for(model).send(build(model, QUESTION))
        assert len(async_requests._pools) >= 1

    for _ in range(5):
        asyncio.run(run())
    assert stage.wait(lambda stage: not stage.open_connections())
    assert len(async_requests._pools) <= before


def test_a_loop_that_ends_badly_is_forgotten(server: Server) -> None:
    """Closed without `shutdown_asyncgens`, as old code does: the next call sweeps up."""
    stage = server.stage(good)
    model = OxenSettings(base_url=stage.url)
    for _ in range(3):
        loop = asyncio.new_event_loop()
        answer = loop.run_until_complete(async_client_for(model).send(build(model, QUESTION)))
        assert answer.text == ANSWER
        loop.close()
        gc.collect()
    assert len([key for key, pool in async_requests._pools.items() if pool.loop.is_closed()]) <= 1


@each(*STREAMS)
def test_a_finished_stream_gives_its_connection_back(api: EntryPoint, server: Server) -> None:
    stage = server.stage(good)
    model = api.make(stage.url)

    async def arun() -> None:
        for _ in range(4):
            await api.ask_async(model)

    if api.is_async:
        asyncio.run(arun())
    else:
        for _ in range(4):
            api.ask(model)
    assert len(stage.connections) == 1


@each(*ALL)
def test_a_hundred_at_once(api: EntryPoint, server: Server) -> None:
    from concurrent.futures import ThreadPoolExecutor

    stage = server.stage(echo)
    model = api.make(stage.url)
    with ThreadPoolExecutor(25) as pool:
        texts = list(pool.map(lambda number: api.ask(model, f"p{number}").text, range(100)))
    assert texts == [f"echo: p{number}" for number in range(100)]


# -- odd framing --------------------------------------------------------------------------------

BODY = sse(chunks())


def chunked(*parts: bytes) -> bytes:
    return head(200, content_type="text/event-stream", transfer_encoding="chunked") + b"".join(parts)


@each(*STREAMS)
@pytest.mark.parametrize(
    "script",
    [
        [chunked(b"%X\r\n" % len(BODY), BODY, b"\r\n0\r\n\r\n")],
        [chunked(b"000%x\r\n" % len(BODY), BODY, b"\r\n000\r\n\r\n")],
        [chunked(b'%x;name="value"\r\n' % len(BODY), BODY, b"\r\n0;x=y\r\n\r\n")],
        [chunked(b"%x\r\n" % len(BODY), BODY, b"\r\n0\r\nX-Trailer: 1\r\nX-More: 2\r\n\r\n")],
        [chunked(b"%x\r\n" % len(BODY), BODY[:99]), 0.05, BODY[99:] + b"\r", 0.05, b"\n0", 0.05, b"\r\n\r\n"],
        [chunked(), 0.05, b"%x" % len(BODY), 0.05, b"\r\n", 0.05, BODY, b"\r\n0\r\n\r\n"],
        [chunked()[:20], 0.05, chunked()[20:-2], 0.05, b"\r\n" + b"%x\r\n" % len(BODY), BODY, b"\r\n0\r\n\r\n"],
        [head(200, content_type="text/event-stream", content_length=len(BODY)) + BODY],
        [head(200, content_type="text/event-stream") + BODY, FIN],
        [b"HTTP/1.0 200 OK\r\ncontent-type: text/event-stream\r\n\r\n" + BODY, FIN],
        [b"HTTP/1.1 100 Continue\r\n\r\n", 0.05, *streamed(BODY)],
        [b"HTTP/1.1 200\r\ncontent-type: text/event-stream\r\ntransfer-encoding: Chunked\r\n\r\n", *streamed(BODY)[1:]],
    ],
    ids=range(12),
)
def test_good_framing_of_many_kinds(script: list[Any], api: EntryPoint, server: Server) -> None:
    stage = server.stage(script, good)
    model = api.make(stage.url)
    assert api.ask(model).text == ANSWER
    assert api.ask(model).text == ANSWER, "the connection is in order afterwards"


@each(*STREAMS)
@pytest.mark.parametrize(
    "parts",
    [
        (b"xyz\r\n", BODY),
        (b"-5\r\n", BODY),
        (b"5\r\nhello world\r\n0\r\n\r\n",),
        (b"1" * 20_000,),
        (b"\r\n\r\n\r\n",),
    ],
)
def test_bad_framing_is_an_error(parts: tuple[bytes, ...], api: EntryPoint, server: Server) -> None:
    stage = server.stage(
        [chunked(event(chunk("Hello")).join([b"%x\r\n" % len(event(chunk("Hello"))), b"\r\n"]), *parts), FIN]
    )
    error = failure(api, api.make(stage.url, timeout=2), OxenError)
    assert isinstance(error, (OxenConnectionError, OxenTruncatedStreamError)), repr(error)
    assert error.partial_text in ("Hello", "")
    assert stage.released()


@each(*ALL)
def test_two_answers_to_one_request_are_never_mixed_up(api: EntryPoint, server: Server) -> None:
    """A second answer that nobody asked for must not become the next call's."""
    stray = streamed(sse(chunks("stray")))

    def twice(request: Received) -> list[Step]:
        return [b"".join(step for step in (*good(request), *stray) if isinstance(step, bytes))]

    stage = server.stage(twice, twice, twice, good)
    model = api.make(stage.url)

    async def arun() -> list[str]:
        return [(await api.ask_async(model)).text for _ in range(4)]

    texts = asyncio.run(arun()) if api.is_async else [api.ask(model).text for _ in range(4)]
    assert texts == [ANSWER] * 4


@each(*ALL)
@pytest.mark.parametrize("size", [70_000, 200_000])
def test_a_head_without_an_end(size: int, api: EntryPoint, server: Server) -> None:
    stage = server.stage([b"HTTP/1.1 200 OK\r\nx: " + b"a" * size, HANG])
    failure(api, api.make(stage.url, timeout=1, max_retries=0), OxenError)
    assert stage.released()


# -- a client of the user's own -----------------------------------------------------------------


def own_client(api: EntryPoint, **options: Any) -> dict[str, Any]:
    if api.is_async:
        return {"http_async_client": httpx.AsyncClient(**options)}
    return {"http_client": httpx.Client(**options)}


@each(*ALL)
def test_a_client_of_ones_own(api: EntryPoint, server: Server) -> None:
    stage = server.stage(BUSY, good)
    options = own_client(api, headers={"x-mine": "1"}, cookies={"a": "b"})
    model = api.make(stage.url, **options)
    assert api.ask(model).text == ANSWER
    assert [request.headers["x-mine"] for request in stage.requests] == ["1", "1"]
    assert not next(iter(options.values())).is_closed, "it is the user's to close"


@each(*ALL)
def test_a_client_of_ones_own_follows_no_redirect(api: EntryPoint, server: Server, other_server: Server) -> None:
    before = len(other_server.strays)
    stage = server.stage([head(307, location=f"{other_server.root}/x", content_length=0)])
    error = failure(api, api.make(stage.url, **own_client(api, follow_redirects=True)))
    assert error.status_code == 307
    assert len(other_server.strays) == before


@each(*ALL)
@pytest.mark.parametrize("script", [[HANG], [RST], [FIN], BUSY, reply(b"<html>", 200, "text/html"), reply(b"{", 400)])
def test_faults_through_a_client_of_ones_own(script: Any, api: EntryPoint, server: Server) -> None:
    stage = server.stage(script)
    failure(api, api.make(stage.url, timeout=0.4, **own_client(api)), OxenError)
    assert stage.released()


@each(*STREAMS)
def test_a_cut_stream_through_a_client_of_ones_own(api: EntryPoint, server: Server) -> None:
    stage = server.stage(open_stream(sse(chunks()[:5], done=False), 0.05, FIN))
    error = failure(api, api.make(stage.url, **own_client(api)))
    assert error.partial_text == "".join(piece for piece in ANSWER[: len(error.partial_text)])
    assert error.partial_text


@each(*STREAMS)
def test_done_and_an_open_connection_through_a_client_of_ones_own(api: EntryPoint, server: Server) -> None:
    stage = server.stage(open_stream(sse(chunks(usage=USAGE)), HANG))
    start = time.monotonic()
    assert api.ask(api.make(stage.url, timeout=20, **own_client(api))).text == ANSWER
    assert time.monotonic() - start < 5


@each(*ALL)
def test_the_clock_runs_through_a_client_of_ones_own(api: EntryPoint, server: Server) -> None:
    """Its own read timeout is per read, and no read is late here: the answer just never ends."""
    body = json.dumps(completion()).encode()
    whole = [head(200, content_type="application/json", content_length=len(body)), *drip(body, 0.05)]
    stage = server.stage(open_stream(*[b": ping\n\n", 0.05] * 100) if api.streams else whole)
    start = time.monotonic()
    model = api.make(stage.url, timeout=0.4, max_retries=0, **own_client(api, timeout=30))
    assert "0.4 s" in str(failure(api, model, OxenTimeoutError))
    assert 0.35 < time.monotonic() - start < 2
    assert stage.released()


@each(*ALL)
def test_a_body_that_trickles_behind_an_error_through_a_client_of_ones_own(api: EntryPoint, server: Server) -> None:
    body = b'{"error": {"message": "boom"}}'
    stage = server.stage([head(400, transfer_encoding="chunked"), *[b"1\r\n%c\r\n" % byte for byte in body], *TRICKLE])
    start = time.monotonic()
    error = failure(api, api.make(stage.url, timeout=60, **own_client(api, timeout=30)), OxenBadRequestError)
    assert "boom" in str(error), "what had come in time"
    assert time.monotonic() - start < 3
    assert stage.released()


@each(*ALL)
def test_a_cause_that_goes_round_in_circles(api: EntryPoint) -> None:
    """Looking for a failed handshake behind an exception comes to an end."""

    def handle(request: httpx.Request) -> httpx.Response:
        error = httpx.ReadError("lost")
        error.__cause__ = OSError("beneath")
        error.__cause__.__cause__ = error
        raise error

    options = own_client(api, transport=httpx.MockTransport(handle))
    failure(api, api.make("https://h.test/api/ai", max_retries=0, **options), OxenConnectionError)


@each(*ALL)
def test_a_transport_of_ones_own(api: EntryPoint) -> None:
    """httpx's way to fake a server: no socket at all."""
    seen: list[httpx.Request] = []

    def handle(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        if b'"stream":true' in request.content:
            return httpx.Response(200, headers={"content-type": "text/event-stream"}, content=BODY)
        return httpx.Response(200, json=completion())

    model = api.make("https://h.test/api/ai", **own_client(api, transport=httpx.MockTransport(handle)))
    assert api.ask(model).text == ANSWER
    assert str(seen[0].url) == "https://h.test/api/ai/chat/completions"


@each(*ALL)
def test_a_client_that_cannot_send_it(api: EntryPoint) -> None:
    def handle(request: httpx.Request) -> httpx.Response:
        raise httpx.UnsupportedProtocol("no such protocol")

    model = api.make("https://h.test/api/ai", **own_client(api, transport=httpx.MockTransport(handle)))
    failure(api, model, OxenConfigError)


# -- the rest -----------------------------------------------------------------------------------


@each(*ALL)
def test_logs_say_what_happened_and_no_more(api: EntryPoint, server: Server, caplog: pytest.LogCaptureFixture) -> None:
    stage = server.stage(BUSY, good)
    with caplog.at_level(logging.INFO, "oxen_integrations"):
        api.ask(api.make(stage.url))
    said = [record.getMessage() for record in caplog.records if record.name == "oxen_integrations"]
    assert len(said) == 3
    assert "503" in said[0]
    assert "trying 127.0.0.1:" in said[1]
    assert "200" in said[2]


@each(*STREAMS)
def test_chunks_come_one_by_one(api: EntryPoint, server: Server) -> None:
    stage = server.stage(streamed(*(part for made in chunks() for part in (event(made), 0.01)), DONE))
    answer = api.ask(api.make(stage.url))
    assert [piece for piece in answer.pieces if piece] == [made for made in answer.pieces if made]
    assert len([piece for piece in answer.pieces if piece]) == 8


@each(*STREAMS)
def test_a_stream_that_is_not_begun_sends_nothing(api: EntryPoint, server: Server) -> None:
    stage = server.stage(good)
    model = api.make(stage.url)
    if api.is_async:
        stream = async_client_for(model).stream(build(model, QUESTION, stream=True))
        asyncio.run(stream.aclose())  # type: ignore[attr-defined]
    else:
        client_for(model).stream(build(model, QUESTION, stream=True)).close()
    time.sleep(0.05)
    assert stage.requests == []


def test_http2_needs_its_extra_or_works(tls_server: Server, certificates: Any) -> None:
    """The scripted server speaks HTTP/1.1 only: asking for HTTP/2 must fall back to it."""
    stage = tls_server.stage(good)
    model = OxenSettings(base_url=stage.url, http2=True, ca_bundle=str(certificates.authority))
    assert client_for(model).send(build(model, QUESTION)).text == ANSWER


# -- much to send, much to read -----------------------------------------------------------------

LONG = [{"role": "user", "content": "ox " * 4_000_000}]


@each(*ALL)
def test_a_prompt_of_many_megabytes(api: EntryPoint, server: Server) -> None:
    stage = server.stage(good)
    assert api.ask(api.make(stage.url, history="off"), LONG).text == ANSWER
    assert stage.bodies[0]["messages"] == LONG


@each(*ALL)
def test_nobody_reads_the_prompt(api: EntryPoint, silent_port: int) -> None:
    """The socket's buffers fill up, and writing never ends: the clock still runs."""
    start = time.monotonic()
    model = api.make(f"http://127.0.0.1:{silent_port}/api", timeout=0.5, max_retries=0, history="off")
    failure(api, model, OxenTimeoutError, messages=LONG)
    assert time.monotonic() - start < 10


@each(*ALL)
def test_the_server_hangs_up_while_it_is_being_told(api: EntryPoint) -> None:
    import socket
    import threading

    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()

        def hang_up() -> None:
            accepted, _ = listener.accept()
            accepted.recv(1000)
            accepted.close()  # with bytes unread: a reset

        thread = threading.Thread(target=hang_up)
        thread.start()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/api"
        failure(api, api.make(url, max_retries=0, history="off"), OxenConnectionError, messages=LONG)
        thread.join(5)


@each(*entry_points(Transport, streams=True))
def test_a_caller_that_reads_slowly(api: EntryPoint, server: Server) -> None:
    """The server is ahead by megabytes; nothing is lost, and the wait of the caller is nobody's silence."""
    pieces = ["x" * 100_000] * 40
    stage = server.stage(streamed(sse(chunks(pieces))))
    model = api.make(stage.url, timeout=0.4)
    texts: list[str] = []

    async def arun() -> None:
        async for part in api.achunks(model):
            texts.append(api.text_of(part))
            await asyncio.sleep(0.6 if len(texts) == 1 else 0)

    if api.is_async:
        asyncio.run(arun())
    else:
        for part in api.chunks(model):
            texts.append(api.text_of(part))
            time.sleep(0.6 if len(texts) == 1 else 0)
    assert [text for text in texts if text] == pieces


@each(*entry_points(Transport, is_async=True))
def test_cancelled_in_the_middle_of_a_handshake(api: EntryPoint, silent_port: int) -> None:
    model = api.make(f"https://127.0.0.1:{silent_port}/api", max_retries=0)

    async def run() -> None:
        task = asyncio.create_task(api.ask_async(model))
        await asyncio.sleep(0.2)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(run())


def test_the_end_of_the_process_closes_what_is_open(server: Server) -> None:
    stage = server.stage(good)
    model = OxenSettings(base_url=stage.url)
    client_for(model).send(build(model, QUESTION))
    assert len(stage.open_connections()) == 1
    sync_requests._close_all()
    assert stage.wait(lambda stage: not stage.open_connections())
    assert client_for(model).send(build(model, QUESTION)).text == ANSWER
