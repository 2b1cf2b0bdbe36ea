"""Faults inside of an answer: cut or hostile bodies, cut streams, errors in streams, odd formats."""

from __future__ import annotations

import functools
import itertools
import json
import zlib
from collections.abc import Iterable
from typing import Any

from _oxen_transport.errors import (
    OxenConnectionError,
    OxenResponseError,
    OxenResponseTooLargeError,
    OxenStreamError,
    OxenTimeoutError,
    OxenTruncatedStreamError,
)
from _oxen_transport.testing import (
    DONE,
    FIN,
    HANG,
    PIECES,
    RST,
    TOOL_CALL,
    USAGE,
    Received,
    Step,
    chunk,
    chunks,
    completion,
    error_body,
    event,
    good,
    head,
    open_stream,
    sse,
    streamed,
    whole,
)
from _oxen_transport.testing.answers import dumps
from tests.integration.faults.fault import BOOM, UP_TO, Fault
from tests.integration.faults.faults_in_answers import OXEN_ENVELOPE

WHOLE = chunks(usage=USAGE)
HALF = sse(WHOLE[:5], done=False)
"""The role and four pieces of text."""
REST = WHOLE[5:]
BODY = dumps(completion())
LOST = (OxenConnectionError,)
CUT = (OxenTruncatedStreamError,)


def packed(request: Received, data: bytes) -> Iterable[Step]:
    kind = "text/event-stream" if request.wants_stream else "application/json"
    return [whole(data, 200, kind, content_encoding="gzip")]


def corrupt_gzip(request: Received) -> Iterable[Step]:
    return packed(request, b"\x1f\x8b\x08\x00not gzip at all" * 4)


@functools.cache
def _bomb() -> bytes:
    """Made of one block, over and over: packing all of it would take longer than the client waits."""
    squeeze = zlib.compressobj(9, zlib.DEFLATED, 31)
    start = squeeze.compress(b"{") + squeeze.flush(zlib.Z_FULL_FLUSH)
    return start + (squeeze.compress(b" " * 2**20) + squeeze.flush(zlib.Z_FULL_FLUSH)) * 256


def bomb(request: Received) -> Iterable[Step]:
    return packed(request, _bomb())


def nested(request: Received) -> Iterable[Step]:
    deep = b'{"id":"x","choices":' + b"[" * 100_000 + b"]" * 100_000 + b"}"
    return streamed(event(deep), DONE) if request.wants_stream else [whole(deep)]


def promised(body: bytes, *rest: Step) -> list[Step]:
    """Half a body under a head that promises the whole."""
    return [head(200, content_type="application/json", content_length=len(body)), body[: len(body) // 2], *rest]


def broken_body(what: str, *script: Any) -> Fault:
    return Fault(what, script, LOST, ways="send")


BODIES = [
    broken_body("closes in the middle of the body", promised(BODY, FIN)),
    broken_body("resets in the middle of the body", promised(BODY, RST)),
    broken_body(
        "closes a chunked body before its last chunk", open_stream(BODY[:50], FIN, content_type="application/json")
    ),
    broken_body("closes in the middle of the body once, then answers", promised(BODY, FIN), good),
    Fault("says gzip and sends something else", (corrupt_gzip,), (OxenResponseError,)),
    Fault("256 kB that unpack to 256 MiB", (bomb,), (OxenResponseTooLargeError,), ways="send", most_mib=128),
    Fault("100,000 nested lists", (nested,), (OxenResponseError,)),
]


def plain_stream(*steps: Step) -> list[Step]:
    return [head(200, content_type="text/event-stream"), *steps]


def half_a_call() -> bytes:
    made = chunks(tool_calls=[TOOL_CALL], finish_reason=None)
    return sse(made[: 2 + (len(made) - 2) * 6 // 10], done=False)


def cut(what: str, script: Iterable[Step], **more: Any) -> Fault:
    return Fault(what, (script,), **{"ends_in": CUT, "ways": "stream", **more})


CUTS = [
    cut("ends the stream in order, unfinished", streamed(HALF)),
    cut("closes an unframed stream in the middle", plain_stream(HALF, 0.05, FIN)),
    cut("closes a chunked stream before its last chunk", open_stream(HALF, 0.05, FIN), ends_in=CUT + LOST),
    cut("resets in the middle of the stream", open_stream(HALF, RST), ends_in=CUT + LOST),
    cut("ends inside of an event", streamed(HALF, b'data: {"id":"x","choices":[{"index":0,"delta":{"con')),
    cut("ends inside of a tool call's arguments", streamed(half_a_call()), answer=""),
    cut("finish reason, but no [DONE]", streamed(sse(WHOLE, done=False)), ends_in=()),
    cut("[DONE], but no finish reason", streamed(sse(chunks(finish_reason=None))), ends_in=CUT, or_right=True),
    cut("a stream without an event", streamed(), requests=UP_TO, answer=""),
    cut("nothing but [DONE]", streamed(DONE), requests=UP_TO, answer=""),
]


def inside(what: str, *steps: Step, **more: Any) -> Fault:
    return Fault(what, (streamed(HALF, *steps),), **{"ways": "stream", "ends_in": (OxenStreamError,), **more})


FAILED_CHOICE = {"choices": [{"index": 0, "delta": {}, "finish_reason": "error"}], **error_body()}
NAMED_EVENT = b"event: error\n" + event({"message": BOOM, "code": 503})

STREAM_ERRORS = [
    inside("an error object in the stream", event(error_body()), DONE, says=BOOM),
    inside("an event of type error", NAMED_EVENT, says=BOOM),
    inside("an error beside the choices", event(FAILED_CHOICE), DONE, says=BOOM),
    inside("half a JSON text as an event", event(b'{"id": "x", "choi'), DONE, ends_in=(OxenResponseError,)),
    inside("falls silent in the middle", HANG, ends_in=(OxenTimeoutError,), options={"timeout": 0.5}),
    Fault("keeps the connection open after [DONE]", (open_stream(sse(WHOLE), HANG),), ways="stream"),
    Fault("goes on after [DONE]", (streamed(sse(WHOLE), event(chunk(" late"))),), ways="stream"),
    inside("Oxen's error in the stream", event(OXEN_ENVELOPE), DONE, says=BOOM),
]


def odd(what: str, *steps: Step, **more: Any) -> Fault:
    return Fault(what, (streamed(*steps),), **{"ways": "stream", **more})


def ends(mark: str) -> bytes:
    return b"".join(event(piece, mark) for piece in WHOLE) + b"data: [DONE]" + mark.encode() * 2


def over_lines(piece: dict[str, Any]) -> bytes:
    return b"".join(b"data: " + line.encode() + b"\n" for line in json.dumps(piece, indent=1).split("\n")) + b"\n"


def between(*steps: bytes) -> bytes:
    """Something among the pieces of a good answer."""
    return HALF + b"".join(steps) + sse(REST)


def bytewise(_: Received) -> Iterable[Step]:
    marks = itertools.cycle(["\n", "\r\n", "\r"])
    stream = b"".join(event(piece, next(marks)) for piece in WHOLE) + DONE
    return streamed(*(stream[at : at + 1] for at in range(len(stream))))


NOISE = b": ping\n\nid: 1\n\nretry: 10\n\nfoo: bar\n\n\n\n"
SEPARATORS = "a\u2028b\u2029c\x85d\x0be\x0cf"
NO_DELTA = {"choices": [{"index": 0, "delta": None, "finish_reason": None}]}
BARE_CHOICE = {"choices": [{"index": 0, "finish_reason": None}]}
WITH_REPLACEMENTS = "".join((*PIECES[:4], "\ufffd\ufffd", *PIECES[4:]))
BROKEN_UTF8 = dumps(chunk("??")).replace(b"??", b"\xff\xfe")

FORMATS = [
    odd("a byte-order mark first", b"\xef\xbb\xbf", sse(chunks(PIECES)[1:])),
    odd("CRLF line ends", ends("\r\n")),
    odd("CR line ends", ends("\r")),
    Fault("one byte per chunk, mixed line ends", (bytewise,), ways="stream"),
    odd("an event over many data lines", b"".join(map(over_lines, WHOLE)), DONE),
    odd("comments, id, retry, unknown fields", between(NOISE)),
    odd("no space after the colon", sse(WHOLE).replace(b"data: ", b"data:")),
    odd("an event of 5 MB", sse(chunks("y" * 5_000_000)), answer="y" * 5_000_000),
    odd("U+2028, U+2029, U+0085 raw inside of strings",
        sse([chunk({"role": "assistant"}), event(dumps(chunk(SEPARATORS))), *chunks("")[1:]]),
        answer=SEPARATORS,
    ),
    odd("bytes that are no UTF-8", between(event(BROKEN_UTF8)), answer=WITH_REPLACEMENTS),
    odd("a chunk without choices in the middle", between(event({**chunk(), "choices": [], "usage": USAGE}))),
    odd("a delta that is null, and one that is missing", between(event(NO_DELTA), event(BARE_CHOICE))),
    odd("20,000 tiny events", sse(chunks(["x"] * 20_000)), answer="x" * 20_000),
]  # fmt: skip

ALL = [*BODIES, *CUTS, *STREAM_ERRORS, *FORMATS]
