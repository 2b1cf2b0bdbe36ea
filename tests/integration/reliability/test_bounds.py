"""A hostile server can fill neither memory nor time: every part of an answer has a bound."""

from __future__ import annotations

import itertools
import zlib
from collections.abc import Iterable

import pytest

from _oxen_transport.errors import OxenConnectionError, OxenError, OxenResponseError, OxenResponseTooLargeError
from _oxen_transport.response.body import MAX_BODY_BYTES
from _oxen_transport.response.sse import MAX_EVENT_BYTES
from _oxen_transport.testing import Received, Server, Step, head, open_stream, reply
from tests.entry_points import EntryPoint, each, entry_points
from tests.integration.faults.secrets_and_resources import watched

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


@each(*entry_points(streams=False))
def test_a_body_without_end(api: EntryPoint, server: Server) -> None:
    stage = server.stage(endless_body)
    error = failure(api, stage.url)
    assert isinstance(error, OxenResponseTooLargeError)
    assert str(MAX_BODY_BYTES) in str(error)
    assert stage.released(10)


@each(*entry_points(streams=True))
def test_an_event_without_end(api: EntryPoint, server: Server) -> None:
    stage = server.stage(endless_event)
    error = failure(api, stage.url)
    assert isinstance(error, OxenResponseTooLargeError)
    assert str(MAX_EVENT_BYTES) in str(error)
    assert stage.released(10)


@each(*entry_points())
def test_what_unpacks_to_more(api: EntryPoint, server: Server) -> None:
    assert isinstance(failure(api, server.stage(packed_stream).url), OxenResponseTooLargeError)


@each(*entry_points())
def test_a_head_without_end(api: EntryPoint, server: Server) -> None:
    stage = server.stage(endless_head)
    assert isinstance(failure(api, stage.url), (OxenConnectionError, OxenResponseError))
    assert stage.released(10)


@each(*entry_points())
def test_an_error_of_any_length_is_short(api: EntryPoint, server: Server) -> None:
    error = failure(api, server.stage(reply({"error": {"message": "y" * 10**6}}, 400)).url)
    assert len(str(error)) < 4_000
    assert len(repr(error.details)) < 40_000


@each(*entry_points(is_async=False, streams=False))
def test_the_bounds_are_the_documented_ones(api: EntryPoint) -> None:
    assert (MAX_BODY_BYTES, MAX_EVENT_BYTES) == (32 * 2**20, 16 * 2**20)
