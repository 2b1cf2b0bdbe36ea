"""Compressed bodies: the bytes decide, not the header, and a bound holds."""

from __future__ import annotations

import gzip
import zlib
from typing import Any

import pytest

from _oxen_transport import errors
from _oxen_transport.response.body import MAX_BODY_BYTES, ContentDecoder
from tests.tables import each_row

TEXT = b"The ox pulls the plough. " * 10_000


def unpacked(data: bytes, coding: str | None, size: int = 1000, limit: int | None = MAX_BODY_BYTES) -> bytes:
    body = ContentDecoder({} if coding is None else {"content-encoding": coding}, limit)
    out = b"".join(body.feed(data[at : at + size]) for at in range(0, len(data), size))
    return out + body.end()


def raw_deflate(text: bytes) -> bytes:
    packing = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packing.compress(text) + packing.flush()


NOT_CODINGS = ("utf-8", "UTF-8", "none", "aws-chunked", "application/json", "identity, utf-8")


@each_row("size", [1, 2, 7, 1000, 10**6])
@each_row(
    ("coding", "pack"),
    [
        *((coding, bytes) for coding in (None, "", "identity", *NOT_CODINGS)),
        *((coding, gzip.compress) for coding in ("gzip", "x-gzip", " GZip ", "")),
        *(("deflate", pack) for pack in (zlib.compress, raw_deflate)),
        ("gzip", lambda text: gzip.compress(text) + b"junk" + gzip.compress(text)),
        ("gzip", lambda text: gzip.compress(text[:99]) + gzip.compress(b"") + gzip.compress(text[99:])),
    ],
)
def test_unpacking_in_pieces(coding: str | None, pack: Any, size: int) -> None:
    text = TEXT if size > 100 else TEXT[:5000]
    assert unpacked(pack(text), coding, size) == text


def test_a_bomb() -> None:
    with pytest.raises(errors.OxenResponseTooLargeError, match="1000000"):
        unpacked(gzip.compress(b"x" * 1_000_001), "gzip", 10**6, limit=1_000_000)
    with pytest.raises(errors.OxenResponseTooLargeError, match="1000000"):
        unpacked(gzip.compress(b"x" * 10_000) * 101, "gzip", 10**6, limit=1_000_000)
    assert len(unpacked(gzip.compress(b"x" * 1_000_000), "gzip", 10**6, limit=1_000_000)) == 1_000_000
    with pytest.raises(errors.OxenResponseTooLargeError):
        unpacked(b"x" * 11, "identity", 4, limit=10)
    assert len(unpacked(gzip.compress(b"x" * 5_000_000), "gzip", 10**6)) == 5_000_000, "however large the ratio"


@each_row(
    ("data", "coding", "kind", "message"),
    [
        (b"\x1f\x8b\x08\x00not gzip at all" * 4, "gzip", errors.OxenResponseError, "invalid compressed data"),
        (gzip.compress(TEXT)[:20] + b"\xff" * 50, "gzip", errors.OxenResponseError, "invalid compressed data"),
        *(
            (gzip.compress(TEXT)[:cut], "gzip", errors.OxenTruncatedStreamError, "empty|stopped")
            for cut in (0, 5, 50, 200)
        ),
        (gzip.compress(b"{}") + gzip.compress(b"{}")[:9], "gzip", errors.OxenTruncatedStreamError, "stopped"),
        *(
            (b"\x8b\x00\x80" * 9, coding, errors.OxenResponseError, "unsupported Content-E")
            for coding in ("br", "zstd")
        ),
        (gzip.compress(b"{}"), "gzip, br", errors.OxenResponseError, "unsupported Content-Encoding"),
        (gzip.compress(b"{}"), "gzip, gzip", errors.OxenResponseError, "unsupported Content-Encoding"),
    ],
)
def test_what_cannot_be_unpacked(data: bytes, coding: str, kind: type[Exception], message: str) -> None:
    with pytest.raises(kind, match=message):
        unpacked(data, coding)


@each_row("coding", ["gzip", "deflate", "br", "zstd"])
@each_row("text", [b'{"a": 1}', b'\xef\xbb\xbf{"a": 1}', b"data: {}\n\n", b": hi\n\n", b" \n[1]"])
def test_a_coding_that_was_undone_on_the_way(coding: str, text: bytes) -> None:
    assert unpacked(text, coding, 3) == text


def test_deflate_that_is_damaged_from_the_start_is_left_to_the_reader_of_the_body() -> None:
    assert unpacked(b"\xff" * 20, "deflate") == b"\xff" * 20
