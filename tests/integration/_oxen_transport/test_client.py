"""The clients alone, over real sockets: odd framing, a client of the user's own, much to send and to read."""

from __future__ import annotations

import json
import re
import socket
import threading
from typing import Any

import httpx
import pytest

from _oxen_transport.errors import (
    OxenBadRequestError,
    OxenConfigError,
    OxenConnectionError,
    OxenError,
    OxenTimeoutError,
    OxenTruncatedStreamError,
)
from _oxen_transport.response.stream import StreamReader
from _oxen_transport.testing import (
    ANSWER,
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
    error_body,
    event,
    good,
    head,
    open_stream,
    reply,
    sse,
    streamed,
    whole,
)
from tests.entry_points import QUESTION, EntryPoint, Transport, each, entry_points, own_client
from tests.integration.conftest import Clock
from tests.integration.faults.secrets_and_resources import watched
from tests.tables import each_row
from tools.support.recorded import recorded

ALL = entry_points(Transport)
STREAMS = entry_points(Transport, streams=True)
pytestmark = pytest.mark.usefixtures("fast_retries")
BUSY = reply(error_body("busy"), 503)


def failure(api: EntryPoint, model: Any, kind: type[OxenError] = OxenError, messages: Any = QUESTION) -> OxenError:
    with pytest.raises(kind) as caught:
        watched(lambda: api.ask(model, messages))
    return caught.value


# -- what the log says ---------------------------------------------------------------------------


@each(*ALL)
def test_each_attempt_is_one_line_of_the_log(api: EntryPoint, server: Server, caplog: pytest.LogCaptureFixture) -> None:
    model = api.make(server.stage(BUSY, good).url)
    with caplog.at_level("INFO", logger="oxen_integrations"):
        api.ask(model)
    host = f"127.0.0.1:{server.port}"
    assert [re.sub(r"\b\d\.\d\d s", "N s", record.message) for record in caplog.records] == [
        f"POST {host}: 503, attempt 1, N s",
        f"trying {host} again in N s: OxenServerError",
        f"POST {host}: 200, attempt 2, N s",
    ]


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
    for options, requests in (({"stream_options": None}, 1), ({}, 2)):
        stage = server.stage(recorded("mistral_error_422_detail.http"))
        failure(api, api.make(stage.url, **options), OxenBadRequestError)
        assert len(stage.requests) == requests, "once without, and no more"
        failure(api, api.make(stage.url, **options), OxenBadRequestError)
        assert len(stage.requests) == 2 * requests, "not remembered: without it, it was refused as well"


@each(*STREAMS)
def test_a_refusal_that_echoes_the_request_says_nothing_about_stream_options(api: EntryPoint, server: Server) -> None:
    echo = {"temperature": 9, "stream_options": {"include_usage": True}}
    detail = [{"type": "value_error", "loc": ["body"], "msg": "temperature is out of range", "input": echo}]
    stage = server.stage([whole({"detail": detail}, 422)])
    failure(api, api.make(stage.url), OxenBadRequestError)
    assert len(stage.requests) == 1


@each(*STREAMS)
def test_stream_options_may_be_refused_by_the_parameter_alone(api: EntryPoint, server: Server) -> None:
    error = {"message": "Unknown parameter", "param": "stream_options"}
    stage = server.stage([whole({"error": error}, 400)], good)
    assert api.ask(api.make(stage.url)).text == ANSWER


# -- odd framing --------------------------------------------------------------------------------

BODY = sse(chunks())


def chunked(*parts: bytes) -> bytes:
    return head(200, content_type="text/event-stream", transfer_encoding="chunked") + b"".join(parts)


@each_row(
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
)
@each(*STREAMS)
def test_good_framing_of_many_kinds(script: list[Any], api: EntryPoint, server: Server) -> None:
    model = api.make(server.stage(script, good).url)
    assert api.ask(model).text == ANSWER
    assert api.ask(model).text == ANSWER, "the connection is in order afterwards"


@each_row(
    "rest", [b"xyz\r\n" + BODY, b"-5\r\n" + BODY, b"5\r\nhello world\r\n0\r\n\r\n", b"1" * 20_000, b"\r\n\r\n\r\n"]
)
@each(*STREAMS)
def test_bad_framing_is_an_error(rest: bytes, api: EntryPoint, server: Server) -> None:
    hello = event(chunk("Hello"))
    stage = server.stage([chunked(b"%x\r\n" % len(hello), hello, b"\r\n", rest), FIN])
    error = failure(api, api.make(stage.url, max_retries=0))
    assert isinstance(error, (OxenConnectionError, OxenTruncatedStreamError)), repr(error)
    assert error.partial_text in ("Hello", "")
    assert stage.released(10)


@each(*ALL)
def test_two_answers_to_one_request_are_never_mixed_up(api: EntryPoint, server: Server) -> None:
    """A second answer that nobody asked for must not become the next call's."""
    stray = streamed(sse(chunks("stray")))

    def twice(request: Received) -> list[Step]:
        return [b"".join(step for step in (*good(request), *stray) if isinstance(step, bytes))]

    model = api.make(server.stage(twice, twice, twice, good).url)
    assert [answer.text for answer in api.ask_each(*[model] * 4)] == [ANSWER] * 4


@each(*entry_points())
def test_a_server_that_closes_after_each_answer_without_saying_so(api: EntryPoint, server: Server) -> None:
    """llama.cpp does: `Keep-Alive: timeout=5`, then it closes; a pooled client must not trip."""
    model = api.make(server.stage(lambda request: [*good(request), FIN]).url)
    assert [api.ask(model).text for _ in range(10)] == [ANSWER] * 10


# -- a client of the user's own -----------------------------------------------------------------


@each(*ALL)
def test_a_client_of_ones_own(api: EntryPoint, server: Server) -> None:
    """Its headers are sent, and it is the user's to close."""
    stage = server.stage(BUSY, good)
    own = own_client(api, headers={"x-mine": "1"})
    assert api.ask(api.make(stage.url, **own)).text == ANSWER
    assert [request.headers["x-mine"] for request in stage.requests] == ["1", "1"]
    assert not next(iter(own.values())).is_closed


@each(*ALL)
def test_a_client_of_ones_own_follows_no_redirect(api: EntryPoint, server: Server, other_server: Server) -> None:
    before = len(other_server.strays)
    stage = server.stage([head(307, location=f"{other_server.root}/x", content_length=0)])
    assert failure(api, api.make(stage.url, **own_client(api, follow_redirects=True))).status_code == 307
    assert len(other_server.strays) == before


@each_row("script", [[HANG], [RST], [FIN], BUSY, reply(b"<html>", 200, "text/html"), reply(b"{", 400)])
@each(*ALL)
def test_faults_through_a_client_of_ones_own(script: Any, api: EntryPoint, server: Server) -> None:
    stage = server.stage(script)
    failure(api, api.make(stage.url, timeout=0.4 if HANG in script else 20, **own_client(api)))
    assert stage.released(10)


@each(*STREAMS)
def test_streams_through_a_client_of_ones_own(api: EntryPoint, server: Server) -> None:
    """One is cut; the other goes on holding the connection after its end."""
    cut = server.stage(open_stream(sse(chunks()[:5], done=False), 0.05, FIN))
    error = failure(api, api.make(cut.url, **own_client(api)))
    assert error.partial_text
    assert ANSWER.startswith(error.partial_text)
    held = server.stage(open_stream(sse(chunks(usage=USAGE)), HANG))
    assert watched(lambda: api.ask(api.make(held.url, timeout=600, **own_client(api)))).text == ANSWER


@each(*ALL)
def test_the_limits_hold_through_a_client_of_ones_own(api: EntryPoint, server: Server) -> None:
    """Its own read timeout is per read, and no read is late here: the answer just never ends."""
    body = json.dumps(completion()).encode()
    whole = [head(200, content_type="application/json", content_length=len(body)), *drip(body, 0.05)]
    stage = server.stage(open_stream(*[b": ping\n\n", 0.05] * 1_000) if api.streams else whole)
    model = api.make(stage.url, timeout=0.4, **own_client(api, timeout=600))
    assert "0.4 s" in str(failure(api, model, OxenTimeoutError))
    assert stage.released(10)


@each(*ALL)
def test_a_body_that_trickles_behind_an_error_through_a_client_of_ones_own(api: EntryPoint, server: Server) -> None:
    body = b'{"error": {"message": "boom"}}'
    trickle = [b"1\r\nx\r\n", 0.1] * 1_000
    stage = server.stage([head(400, transfer_encoding="chunked"), *[b"1\r\n%c\r\n" % byte for byte in body], *trickle])
    error = failure(api, api.make(stage.url, timeout=600, **own_client(api, timeout=600)), OxenBadRequestError)
    assert "boom" in str(error), "what had come in time"
    assert stage.released(10)


def in_circles() -> Exception:
    """Looking for a failed handshake behind an exception comes to an end."""
    error = httpx.ReadError("lost")
    error.__cause__ = OSError("beneath")
    error.__cause__.__cause__ = error
    return error


@each_row(
    "error, kind",
    [(in_circles(), OxenConnectionError), (httpx.UnsupportedProtocol("no such protocol"), OxenConfigError)],
)
@each(*ALL)
def test_what_a_client_of_ones_own_raises(error: Exception, kind: type[OxenError], api: EntryPoint) -> None:
    def handle(_: httpx.Request) -> httpx.Response:
        raise error

    own = own_client(api, transport=httpx.MockTransport(handle))
    failure(api, api.make("https://h.test/api/ai", max_retries=0, **own), kind)


@each_row("bug", [TypeError, KeyError, AssertionError, RuntimeError])
@each(*entry_points())
def test_a_bug_of_a_client_of_ones_own_is_not_a_failure_of_the_network(bug: type[Exception], api: EntryPoint) -> None:
    calls = []

    def fail(request: Any) -> Any:
        calls.append(request)
        raise bug("my bug")

    with pytest.raises(bug, match="my bug"):
        api.ask(api.make("https://h.test/api/ai", **own_client(api, transport=httpx.MockTransport(fail))))
    assert len(calls) == 1


@each(*entry_points(streams=True))
def test_a_bug_of_ours_is_raised_as_it_is(api: EntryPoint, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> Any:
        raise TypeError("our bug")

    monkeypatch.setattr(StreamReader, "feed", fail)
    stage = server.stage(good)
    with pytest.raises(TypeError, match="our bug"):
        api.ask(api.make(stage.url))
    assert len(stage.requests) == 1
    assert stage.released(10)


# -- much to send, much to read -----------------------------------------------------------------

LONG = [{"role": "user", "content": "ox " * 4_000_000}]


@each(*ALL)
def test_a_prompt_of_many_megabytes(api: EntryPoint, server: Server) -> None:
    stage = server.stage(good)
    assert api.ask(api.make(stage.url, history="off"), LONG).text == ANSWER
    assert stage.bodies[0]["messages"] == LONG


@each(*ALL)
def test_nobody_reads_the_prompt(api: EntryPoint, silent_port: int) -> None:
    """The socket's buffers fill up, and writing never ends: the limit still holds."""
    model = api.make(f"http://127.0.0.1:{silent_port}/api", timeout=0.5, max_retries=0, history="off")
    failure(api, model, OxenTimeoutError, LONG)


@each(*ALL)
def test_the_server_hangs_up_while_the_prompt_is_sent(api: EntryPoint) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def hang_up() -> None:
            accepted, _ = listener.accept()
            accepted.recv(1000)
            accepted.close()  # with bytes unread: a reset

        threading.Thread(target=hang_up, daemon=True).start()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/api"
        failure(api, api.make(url, max_retries=0, history="off"), OxenConnectionError, LONG)


@each(*STREAMS)
def test_a_caller_that_reads_slowly(api: EntryPoint, server: Server, clock: Clock) -> None:
    """The server is ahead by megabytes; nothing is lost, and the time that the caller takes is nobody's silence."""
    pieces, texts = ["x" * 100_000] * 40, []
    model = api.make(server.stage(streamed(sse(chunks(pieces)))).url, timeout=10)

    def take(piece: Any) -> None:
        texts.append(api.text_of(piece))
        clock.now += 60

    watched(lambda: api.read(model, take))
    assert [text for text in texts if text] == pieces
