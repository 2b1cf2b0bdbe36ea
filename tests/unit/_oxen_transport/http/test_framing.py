"""Our reading of chunked framing against h11's: the same bytes out, an error wherever h11 has one."""

from __future__ import annotations

import random

import h11
import httpcore
import pytest

from _oxen_transport.http.framing import LAST_CHUNK, Chunked, Head, HeadWithBody, is_chunked

HEAD = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"


def by_h11(body: bytes) -> tuple[bytes, bool] | None:
    """Content and whether the body ended; None for an error."""
    connection = h11.Connection(h11.CLIENT)
    connection.send(h11.Request(method="GET", target="/", headers=[("host", "x")]))
    connection.send(h11.EndOfMessage())
    connection.receive_data(HEAD + body)
    content = b""
    try:
        while True:
            event = connection.next_event()
            if isinstance(event, h11.Data):
                content += event.data
            elif isinstance(event, h11.EndOfMessage):
                return content, True
            elif event is h11.NEED_DATA:
                return content, False
    except h11.RemoteProtocolError:
        return None


def by_us(pieces: list[bytes]) -> tuple[bytes, bool] | None:
    reader, content = Chunked(), b""
    try:
        for piece in pieces:
            content += reader.feed(piece)
            if reader.ended:
                break
    except httpcore.RemoteProtocolError:
        return None
    return content, reader.ended


def made(chance: random.Random, *, with_trailers: bool = True) -> bytes:
    """A body in chunked framing, with everything the standard allows."""
    body = b""
    for _ in range(chance.randrange(6)):
        content = chance.randbytes(chance.choice((1, 2, 3, 15, 16, 255, 300)))
        size = b"%x" % len(content)
        size = chance.choice((size, size.upper(), b"000" + size))
        body += size + chance.choice((b"", b";name=value", b"; a", b" ", b';x="1"  ')) + b"\r\n" + content + b"\r\n"
    trailers = chance.choice((b"", b"x-checksum: 1\r\n", b"a: 1\r\nb: 2\r\n")) if with_trailers else b""
    return body + chance.choice((b"0", b"000", b"0;last")) + b"\r\n" + trailers + b"\r\n"


def damaged(chance: random.Random, body: bytes) -> bytes:
    at, new = chance.randrange(len(body)), bytes([chance.choice(b"\r\n0afG;x-+_")])
    return body[:at] + chance.choice((b"", new, new + body[at : at + 1])) + body[at + 1 : chance.choice((None, at))]


def cut(chance: random.Random, data: bytes) -> list[bytes]:
    places = sorted(chance.randrange(len(data) + 1) for _ in range(chance.choice((0, 1, 3, 10, len(data)))))
    return [data[a:b] for a, b in zip([0, *places], [*places, len(data)], strict=True)]


@pytest.mark.parametrize("seed", range(20))
def test_good_bodies_mean_what_h11_says_they_mean(seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 - no secret
    for _ in range(100):
        body = made(chance)
        expected = by_h11(body)
        assert expected is not None
        assert expected[1]
        assert by_us([body]) == expected
        assert by_us(cut(chance, body)) == expected


@pytest.mark.parametrize("seed", range(20))
def test_damaged_bodies_are_never_taken_for_whole_ones(seed: int) -> None:
    """One byte more, less or other: where h11 sees an error or no end, so do we.

    Without trailers: h11 checks their names and values, which nobody reads here. No space is put
    in, as one before an extension is allowed by the standard, but not by h11.
    """
    chance = random.Random(seed)  # noqa: S311 - no secret
    for _ in range(150):
        body = damaged(chance, made(chance, with_trailers=False))
        got = by_us(cut(chance, body))
        if got is not None and got[1]:
            assert got == by_h11(body)


@pytest.mark.parametrize(
    "body",
    [
        b"5\r\nabcdefg\r\n", b"-1\r\na\r\n", b"+1\r\na\r\n", b"0x1\r\na\r\n", b"1_0\r\n", b" 1\r\na\r\n", b"\r\n",
        b"g\r\n", b"1\r\na\n1\r\nb\r\n", b"1" * 17 + b"\r\n", b"1;" + b"x" * 10_000, b"0\r\n" + b"a: b\r\n" * 20_000,
    ],
)  # fmt: skip
def test_what_is_not_to_the_letter_ends_the_answer(body: bytes) -> None:
    with pytest.raises(httpcore.RemoteProtocolError):
        Chunked().feed(body)
    assert by_us([bytes([value]) for value in body]) is None


def test_more_than_the_body_is_surplus() -> None:
    reader = Chunked()
    assert reader.feed(b"1\r\na\r\n" + LAST_CHUNK + b"HTTP/1.1 200 OK") == b"a"
    assert reader.ended
    assert reader.surplus
    exact = Chunked()
    exact.feed(LAST_CHUNK)
    assert exact.ended
    assert not exact.surplus


def test_a_large_chunk_is_not_collected() -> None:
    """Its parts are given out as they come: nothing but line ends and size lines is ever kept."""
    reader = Chunked()
    assert reader.feed(b"100000\r\n") == b""
    for _ in range(256):
        assert len(reader.feed(b"x" * 4096)) == 4096
        assert not reader._rest


@pytest.mark.parametrize("blank", [b"\r\n\r\n", b"\n\n", b"\n\r\n"])
def test_a_head_ends_at_its_blank_line_wherever_it_is_cut(blank: bytes) -> None:
    head, body = b"HTTP/1.1 200 OK\r\na: b" + blank, b"body\r\n\r\nmore"
    for place in range(1, len(head) + 3):
        finder, taken = Head(), b""
        for piece in ((head + body)[:place], (head + body)[place:]):
            length = finder.length_in(piece)
            taken += piece[:length]
            if length < len(piece) or taken.endswith(blank):
                break
        assert taken == head


@pytest.mark.parametrize(
    ("version", "status", "headers", "expected"),
    [
        (b"HTTP/1.1", 200, [(b"Transfer-Encoding", b"Chunked")], True),
        (b"HTTP/1.0", 200, [(b"transfer-encoding", b"chunked")], False),
        (b"HTTP/2", 200, [(b"transfer-encoding", b"chunked")], False),
        (b"HTTP/1.1", 204, [(b"transfer-encoding", b"chunked")], False),
        (b"HTTP/1.1", 200, [(b"transfer-encoding", b"gzip, chunked")], False),
        (b"HTTP/1.1", 200, [(b"transfer-encoding", b"chunked"), (b"transfer-encoding", b"chunked")], False),
        (b"HTTP/1.1", 200, [(b"content-length", b"3")], False),
    ],
)
def test_which_bodies_are_read_here(
    version: bytes, status: int, headers: list[tuple[bytes, bytes]], expected: bool
) -> None:
    assert is_chunked(version, status, headers) is expected


REQUEST = b"POST /chat HTTP/1.1\r\nhost: x\r\n\r\n"


def written(*pieces: bytes) -> list[bytes]:
    outgoing = HeadWithBody()
    return [data for piece in pieces if (data := outgoing.joined(piece))]


def test_a_head_goes_out_with_its_body() -> None:
    assert written(REQUEST, b"{}", b"", REQUEST, b"[]", b"") == [REQUEST + b"{}", REQUEST + b"[]"]


def test_a_head_without_a_body_goes_out_at_the_end_of_the_request() -> None:
    assert written(REQUEST, b"") == [REQUEST]


def test_only_a_head_is_held_back() -> None:
    preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
    assert written(preface) == [preface]
    assert written(b"a text\r\n\r\n") == [b"a text\r\n\r\n"]
    assert written(REQUEST, b"one\r\n\r\n", b"two") == [REQUEST + b"one\r\n\r\n", b"two"]
