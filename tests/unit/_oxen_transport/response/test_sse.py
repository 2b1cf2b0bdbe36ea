"""The event decoder, against https://html.spec.whatwg.org/multipage/server-sent-events.html.

The vectors follow the rules that web-platform-tests check in `eventsource/format-*`, and the examples
in the standard's own text.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest

from _oxen_transport.errors import OxenResponseTooLargeError
from _oxen_transport.response import sse
from _oxen_transport.response.sse import MAX_EVENT_BYTES, Decoder
from tests.tables import each_row
from tools.fuzz import oracle
from tools.fuzz.sse import BATCH, decode_all, differences

if TYPE_CHECKING:
    from collections.abc import Iterator

BOM = b"\xef\xbb\xbf"


def plain(*data: str) -> list[tuple[str, str]]:
    return [("message", text) for text in data]


VECTORS: dict[str, tuple[bytes, list[tuple[str, str]]]] = {
    # the standard's own examples
    "standard: stock ticker": (b"data: YHOO\ndata: +2\ndata: 10\n\n", plain("YHOO\n+2\n10")),
    "standard: four blocks": (
        b": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\n\n",
        plain("first event", "second event", " third event"),
    ),
    "standard: the last block is cut off": (b"data\n\ndata\ndata\n\ndata:", plain("", "\n")),
    "standard: one space makes no difference": (b"data:test\n\ndata: test\n\n", plain("test", "test")),
    "standard: named events": (
        b"event: add\ndata: 73857293\n\nevent: remove\ndata: 2153\n\n",
        [("add", "73857293"), ("remove", "2153")],
    ),
    # format-bom, format-bom-2, format-utf-8
    "a byte order mark": (BOM + b"data: 1\n\ndata: 2\n\n", plain("1", "2")),
    "a second byte order mark is part of the field name": (BOM * 2 + b"data: 1\n\ndata: 2\n\n", plain("2")),
    "a byte order mark later is part of the field name": (b"data: 1\n\n" + BOM + b"data: 2\n\n", plain("1")),
    "a byte order mark in the data stays": (b"data: " + BOM + b"x\n\n", plain("\ufeffx")),
    "half a byte order mark is none": (b"\xef\xbbdata: 1\n\ndata: 2\n\n", plain("2")),
    "a byte order mark alone": (BOM, []),
    "half a byte order mark alone": (BOM[:2], []),
    "a byte order mark before the line end": (BOM + b"\n\ndata: 1\n\n", plain("1")),
    "text in many scripts": ("data: ok…é🐂オクセン\n\n".encode(), plain("ok…é🐂オクセン")),
    "bytes that are no UTF-8": (b"data: a\xff\xfeb\xe2\x80\n\n", plain("a��b�")),
    "a broken sequence before a line end": (b"data: \xf0\x9f\r\ndata: \xc3\r\rdata: 1\n\n", plain("�\n�", "1")),
    "bytes that are no UTF-8 in the type": (b"event: a\xff\ndata: 1\n\n", [("a�", "1")]),
    # format-newlines
    "LF": (b"data: 1\n\ndata: 2\n\n", plain("1", "2")),
    "CRLF": (b"data: 1\r\n\r\ndata: 2\r\n\r\n", plain("1", "2")),
    "CR": (b"data: 1\r\rdata: 2\r\r", plain("1", "2")),
    "all line ends in one event": (b"data:1\r\ndata:2\rdata:3\ndata:4\r\n\n", plain("1\n2\n3\n4")),
    "all line ends as the blank line": (
        b"data: 1\n\r\ndata: 2\r\n\rdata: 3\r\n\ndata: 4\r\r\ndata: 5\n\rdata: 6\r\n\r\n",
        plain("1", "2", "3", "4", "5", "6"),
    ),
    "a CR ends the line without what may follow": (b"data: 1\r\n\r", plain("1")),
    "LF CR is two line ends": (b"data: 1\n\rdata: 2\n\r", plain("1", "2")),
    "CR LF is one": (b"data: 1\r\ndata: 2\n\n", plain("1\n2")),
    "CR CR LF is two": (b"data: 1\r\r\ndata: 2\r\r\n", plain("1", "2")),
    "CR CR LF LF is three": (b"data: 1\r\r\n\ndata: 2\r\r", plain("1", "2")),
    "blank lines everywhere": (b"\n\n\r\n\r\r\ndata: 1\n\n\n\n\n\ndata: 2\n\n\n", plain("1", "2")),
    "an odd number of blank lines": (b"\ndata: 1\n\n\ndata: 2\n\n", plain("1", "2")),
    "what Unicode calls a line end is text": (
        "data: a\u2028b\u2029c\u0085d\x0be\x0cf\x1cg\x1dh\x1ei\n\n".encode(),
        plain("a\u2028b\u2029c\u0085d\x0be\x0cf\x1cg\x1dh\x1ei"),
    ),
    # format-leading-space, format-field-parsing, format-field-unknown, format-null-character
    "only one space is dropped": (b"data:  1\n\ndata:   2\n\n", plain(" 1", "  2")),
    "a tab is no space": (b"data:\t1\n\n", plain("\t1")),
    "spaces at the end stay": (b"data: 1  \n\n", plain("1  ")),
    "a space alone": (b"data: \n\ndata:  \n\n", plain("", " ")),
    "colons in the value": (b"data:: 1:2\n\n", plain(": 1:2")),
    "strange fields": (
        b"data:\0\ndata: 2\rData:1\ndata\0:2\ndata:1\r\0data:4\nda-ta:3\rdata_5\ndata:3\rdata :6\n data:7\ndata:4\n\n",
        plain("\0\n2\n1\n3\n4"),
    ),
    "unknown fields": (b"data:test\n data\ndata\nfoobar:xxx\njustsometext\n:thisisacomment\n\n", plain("test\n")),
    # format-field-data, format-data-before-final-empty-line
    "empty data": (b"data:\n\ndata\n\ndata\ndata\n\n", plain("", "", "\n")),
    "no blank line at the end": (b"data: 1\n\ndata: 2\n", plain("1")),
    "no line end at the end": (b"data: 1\n\ndata: 2", plain("1")),
    "nothing at all": (b"", []),
    # format-field-event, format-field-event-empty
    "the type counts for one event": (b"event: x\ndata: 1\n\ndata: 2\n\n", [("x", "1"), ("message", "2")]),
    "the type may come last, and the last one counts": (b"event: x\ndata: 1\nevent: y\n\n", [("y", "1")]),
    "an empty type": (b"event: \ndata: 1\n\nevent: x\nevent\ndata: 2\n\n", plain("1", "2")),
    "a type that is spaces": (b"event:  x \ndata: 1\n\n", [(" x ", "1")]),
    "a type without data is forgotten": (b"event: x\n\ndata: 1\n\n", plain("1")),
    "a type that begins with data": (b"event: data: 1\ndata: 2\n\n", [("data: 1", "2")]),
    # format-comments, format-field-id, format-field-retry
    "comments": (b":\n: ping\n:data: 0\n:\0\ndata: 1\n:" + b"x" * 99 + b"\ndata: 2\n:\n\n: end\n\n", plain("1\n2")),
    "id and retry": (b"id: 7\nretry: 1000\n\nid: a\0b\ndata: 1\nretry: x\n\nid: 8\n\n", plain("1")),
    "an event between two data lines": (b"data: 1\nevent: x\ndata: 2\n\n", [("x", "1\n2")]),
    "JSON over several lines": (b'data: {"a":\ndata:  [1,\ndata: 2]}\n\n', plain('{"a":\n [1,\n2]}')),
}


def bytewise(stream: bytes) -> list[bytes]:
    return [stream[i : i + 1] for i in range(len(stream))]


def cuts(stream: bytes) -> Iterator[list[bytes]]:
    """The stream in one piece, byte by byte, in two pieces at every border, and with nothing in between."""
    yield [stream]
    yield bytewise(stream)
    yield [part for byte in bytewise(stream) for part in (byte, b"")]
    for border in range(len(stream) + 1):
        yield [stream[:border], stream[border:]]
        yield [stream[:border], b"", *bytewise(stream[border : border + 3]), stream[border + 3 :]]


@each_row(("stream", "expected"), VECTORS.values(), ids=VECTORS)
def test_vector_at_every_border(stream: bytes, expected: list[tuple[str, str]]) -> None:
    for pieces in cuts(stream):
        assert decode_all(pieces) == expected, pieces


def test_oracle_agrees() -> None:
    """The fuzz below is worth what its oracle is worth."""
    for name, (stream, expected) in VECTORS.items():
        assert oracle.events(stream) == expected, name


def test_fuzz_against_the_standard() -> None:
    """40,000 random streams, cut at random. FUZZ_SEED gives other ones; a find prints how to repeat it."""
    seed = int(os.environ.get("FUZZ_SEED", "1"))
    for batch in range(40_000 // BATCH):
        found = differences(seed, batch)
        assert not found, f"python -m tools.fuzz.sse --n {BATCH} --seed {seed} --batch {batch}: {found[0]}"


def test_events_come_with_the_piece_that_completes_them() -> None:
    """A caller must not wait for the next piece to see an event whose blank line is there."""
    decoder = Decoder()
    assert decoder.feed(b"event: x\ndata: \xff\n") == []
    assert decoder.feed(b"\ndata: 2\r\n\r") == [("x", b"\xff"), ("message", b"2")]
    assert decoder.feed(b"\n") == []
    assert decoder.feed(b"data: 3\r") == []
    assert decoder.feed(b"\r") == [("message", b"3")]


def test_a_plain_event_is_not_read_line_by_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """Thousands of them come in one piece: they have a way of their own."""
    monkeypatch.setattr(sse, "_event", None)
    assert Decoder().feed(b"data: 1\r\n\r\ndata: 2\n\n") == [("message", b"1"), ("message", b"2")]


# -- size: one event may have `max_event_bytes`; any number of events may follow each other ------


def is_read(pieces: list[bytes], bound: int) -> bool:
    decoder = Decoder(bound)
    try:
        for piece in pieces:
            decoder.feed(piece)
    except OxenResponseTooLargeError:
        return False
    return True


@each_row(
    ("event", "size"),
    [
        (b"data: 12\n\n", 8),
        (b"data: 12\r\n\r\n", 8),
        (b"data: 1\r\ndata: 2\r\r", 15),
        (b": comment\ndata: 1\n\n", 17),
        (b"event: long enough\n\n", 18),
    ],
)
def test_the_bound_is_exact_wherever_the_stream_is_cut(event: bytes, size: int) -> None:
    for before in (b"", b"data: 1\n\n", b"data: 1\r\r", BOM + b"data: 1\n\n"):
        for pieces in cuts(before + event):
            for bound, fits in ((size, True), (size - 1, False)):
                assert is_read(pieces, bound) is fits, (pieces, bound)


@each_row(
    ("pieces", "bound", "events"),
    [
        # events before it are handed out
        ([b"data: 1\n\ndata: 1234567890", b"1234"], 20, [[b"1"], []]),
        ([b"data: 1\n\ndata: 1234567890", b"1234", b"5"], 20, None),
        # what has begun counts, also when it came together with whole events
        ([b"data: 1\n\ndata: 12345"], 10, None),
        ([b"data: 1\n\ndata: 123\n\ndata: 1234"], 10, [[b"1", b"123"]]),
        ([b"data: 1\n\ndata: 1234\n"], 10, [[b"1"]]),
        ([b"data: 1\n\n\ndata: 1234\n"], 10, None),  # the blank line in front belongs to it
        ([b"data: 1\n\n" * 50] * 2, 16, [[b"1"] * 50] * 2),  # many small events are not a large one
        ([b"data: " + bytes(MAX_EVENT_BYTES - 6)], 16 * 2**20, [[]]),
        ([b"data: " + bytes(MAX_EVENT_BYTES - 6), b"x"], MAX_EVENT_BYTES, None),
    ],
)
def test_what_counts_against_the_bound(pieces: list[bytes], bound: int, events: list[list[bytes]] | None) -> None:
    decoder = Decoder(bound)
    if events is None:
        with pytest.raises(OxenResponseTooLargeError, match=f"than {bound} bytes; reading stopped there") as caught:
            [decoder.feed(piece) for piece in pieces]
        assert not caught.value.is_retryable
    else:
        assert [[data for _, data in decoder.feed(piece)] for piece in pieces] == events


class CountingTail(bytearray):
    """A bytearray that counts the bytes which its operations read or copy."""

    work = 0

    def __iadd__(self, piece: bytes) -> CountingTail:  # type: ignore[override,misc]
        self.work += len(piece)
        return super().__iadd__(piece)  # type: ignore[return-value]

    def __bytes__(self) -> bytes:
        self.work += len(self)
        return bytes(memoryview(self))


def _counted(name: str) -> Any:
    def method(self: CountingTail, *args: Any) -> Any:
        self.work += len(self)
        return getattr(bytearray, name)(self, *args)

    return method


_FREE = (*vars(CountingTail), *dir(object), "__len__", "endswith", "__buffer__", "__release_buffer__")
for _name in dir(bytearray):  # whatever else reads the whole of it
    if callable(getattr(bytearray, _name)) and _name not in _FREE:
        setattr(CountingTail, _name, _counted(_name))


@each_row("line", [b"data: " + b"x" * 99, b"data: x\n" * 12, b": ping\r\ndata: x\r\n" * 12])
@each_row(("copies", "size"), [(1_000, 1), (50_000, 65_536), (50_000, 1_000)])
def test_the_work_is_linear(line: bytes, copies: int, size: int) -> None:
    """No byte is looked at more often because the event is longer: measured by counting, not by the clock."""
    stream, decoder = line * copies + b"\n\n", Decoder()
    tail = decoder._tail = CountingTail()
    events = [event for at in range(0, len(stream), size) for event in decoder.feed(stream[at : at + size])]
    assert len(events) == 1
    assert decoder._tail is tail, "or nothing was counted"
    assert len(stream) - 2 * size <= tail.work < 3.1 * len(stream)


def test_the_count_would_notice() -> None:
    tail = CountingTail()
    for _ in range(100):
        tail += b"x" * 10
        assert b"\n\n" not in tail
    assert tail.work > 40_000
