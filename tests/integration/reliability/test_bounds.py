"""A hostile server can fill neither memory nor time: every part of an answer has a bound."""

from __future__ import annotations

import itertools
import zlib
from collections.abc import Iterable
from typing import Any

import pytest

from _oxen_transport.errors import OxenConnectionError, OxenError, OxenResponseError, OxenResponseTooLargeError
from _oxen_transport.response.body import MAX_BODY_BYTES
from _oxen_transport.response.sse import MAX_EVENT_BYTES
from _oxen_transport.testing import Received, Server, Step, head, open_stream, reply
from tests.entry_points import EntryPoint, each, entry_points
from tests.integration.faults.secrets_and_resources import watched
from tests.tables import each_row

MIB = b"x" * 2**20
pytestmark = pytest.mark.usefixtures("fast_retries")


# the 0 lets the server notice that the client has gone


def endless_body(_: Received) -> Iterable[Step]:
    return itertools.chain([head(200, content_type="application/json")], itertools.cycle([MIB, 0]))


def endless_event(_: Received) -> Iterable[Step]:
    piece = open_stream(MIB)[1]
    return itertools.chain(open_stream(b"data: "), itertools.cycle([piece, 0]))


def packed_stream(request: Received) -> Iterable[Step]:
    squeeze = zlib.compressobj(9, zlib.DEFLATED, 31)
    data = squeeze.compress(b"data: ") + b"".join(squeeze.compress(MIB) for _ in range(64)) + squeeze.flush()
    kind = "text/event-stream" if request.wants_stream else "application/json"
    return [head(200, content_type=kind, content_encoding="gzip", content_length=len(data)), data]


def endless_head(_: Received) -> Iterable[Step]:
    return itertools.chain([b"HTTP/1.1 200 OK\r\n"], itertools.cycle([b"x-pad: " + b"y" * 8000 + b"\r\n", 0]))


def failure(api: EntryPoint, url: str) -> OxenError:
    with pytest.raises(OxenError) as caught:
        watched(lambda: api.ask(api.make(url, timeout=60, max_retries=0)))
    return caught.value


TOO_LARGE = (OxenResponseTooLargeError,)
ENDLESS: list[Any] = [
    # what the server sends, what comes of it, the bound that the error names, whether as a stream
    (endless_body, TOO_LARGE, MAX_BODY_BYTES, False),
    (endless_event, TOO_LARGE, MAX_EVENT_BYTES, True),
    (packed_stream, TOO_LARGE, "", False),
    (packed_stream, TOO_LARGE, "", True),
    (endless_head, (OxenConnectionError, OxenResponseError), "", False),
]


@each_row("sends, kinds, bound, streams", ENDLESS)
def test_what_has_no_end_is_not_read_to_its_end(
    sends: Any, kinds: Any, bound: int, streams: bool, *, api: EntryPoint, server: Server
) -> None:
    stage = server.stage(sends)
    error = failure(type(api)(is_async=api.is_async, streams=streams), stage.url)
    assert isinstance(error, kinds)
    assert str(bound) in str(error)
    assert stage.released(10)


@each(*entry_points())
def test_an_error_of_any_length_is_short(api: EntryPoint, server: Server) -> None:
    error = failure(api, server.stage(reply({"error": {"message": "y" * 10**6}}, 400)).url)
    assert len(str(error)) < 4_000
    assert len(repr(error.details)) < 40_000
