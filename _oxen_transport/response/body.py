"""The bytes of a response's body: unpacked, within a bound, and the format they are in.

The bytes decide, not the headers: proxies unpack a body and leave `Content-Encoding`; `Content-Type` is often wrong.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from enum import Enum
from typing import Any

from _oxen_transport.errors import OxenResponseError, OxenResponseTooLargeError, OxenTruncatedStreamError
from _oxen_transport.response.errors import details_of

MAX_BODY_BYTES = 32 * 2**20
_STEP = 64 * 1024
_TELLING = 6
"""Bytes needed to tell a compressed body from text."""
_GZIP = b"\x1f\x8b"
_ZLIB = tuple(bytes((0x78, level)) for level in (0x01, 0x5E, 0x9C, 0xDA))
_SUPPORTED = ("gzip", "x-gzip", "deflate")
_UNSUPPORTED = ("br", "zstd", "compress", "x-compress", "dcb", "dcz")
"""Codings of https://www.iana.org/assignments/http-parameters that are not asked for, and not read."""


class ContentDecoder:
    """Feed it the pieces of a body, get the decoded bytes, at most `limit` (None: no limit).

    httpx decompresses without a limit, so that 256 kB could become gigabytes; here it is done in steps.
    """

    def __init__(self, headers: Mapping[str, str], limit: int | None = MAX_BODY_BYTES) -> None:
        named = [name.strip().lower() for name in headers.get("content-encoding", "").split(",")]
        self._codings = [name for name in named if name not in ("", "identity")]
        self._headers, self._limit, self._size = headers, limit, 0
        self._start: bytes | None = b""  # the first bytes, until they decide
        self._inflate: Any = None
        self._after = b""  # the first bytes behind the end of the compressed data

    def feed(self, piece: bytes) -> bytes:
        """Take a piece, return what it means. Raises: OxenResponseTooLargeError, OxenResponseError."""
        if self._start is not None:
            piece = self._start + piece
            if len(piece) < (_TELLING if self._codings else len(_GZIP)):
                self._start = piece
                return b""
            self._start = None
            self._inflate = self._inflater(piece)
        if self._inflate is None:
            self._grow(len(piece))
            return piece
        return self._inflated(piece)

    def end(self) -> bytes:
        """The body has ended: return what was held back. Raises: OxenTruncatedStreamError, if it stopped too early."""
        start, self._start = self._start, None
        if start == b"" and any(name in _SUPPORTED for name in self._codings):
            raise OxenTruncatedStreamError("the compressed body is empty", details_of(self._headers))
        if start:
            self._inflate = self._inflater(start)
            start = start if self._inflate is None else self._inflated(start)
        if self._inflate is not None and not self._inflate.eof:
            raise OxenTruncatedStreamError("the compressed body stopped before its end", details_of(self._headers))
        return start or b""

    def _inflater(self, start: bytes) -> Any:
        """What decompresses a body with these first bytes; None if it is not compressed."""
        known = [name for name in self._codings if name in _SUPPORTED or name in _UNSUPPORTED]
        if not _is_text(start) and (len(known) > 1 or (known[:1] and known[0] in _UNSUPPORTED)):
            what = f"unsupported Content-Encoding: {', '.join(known)[:40]!r}"
            raise OxenResponseError(what, details_of(self._headers))
        if start[:2] == _GZIP or start[:2] in _ZLIB:
            return zlib.decompressobj(zlib.MAX_WBITS | 32)
        if known == ["deflate"] and _is_raw_deflate(start):
            return zlib.decompressobj(-zlib.MAX_WBITS)
        return None

    def _inflated(self, piece: bytes) -> bytes:
        out, left = bytearray(), piece
        while not self._inflate.eof or (left := self._next_member(left)):
            try:
                step = self._inflate.decompress(left, _STEP)
            except zlib.error as error:
                what = f"invalid compressed data in the response body ({error})"
                raise OxenResponseError(what, details_of(self._headers)) from None
            self._grow(len(step))
            out += step
            left = self._inflate.unused_data or self._inflate.unconsumed_tail
            if not left and len(step) < _STEP:  # nothing in, nothing pending
                break
        return bytes(out)

    def _next_member(self, left: bytes) -> bytes:
        """What follows the end, if it is gzip once more (RFC 1952, section 2.2); anything else is ignored: b""."""
        left = self._after + left
        self._after = left[: len(_GZIP)]
        if self._after != _GZIP:
            return b""
        self._after, self._inflate = b"", zlib.decompressobj(zlib.MAX_WBITS | 32)
        return left

    def _grow(self, size: int) -> None:
        self._size += size
        if self._limit is not None and self._size > self._limit:
            what = f"the response body exceeds the limit of {self._limit} bytes"
            raise OxenResponseTooLargeError(what, details_of(self._headers))


def _is_text(start: bytes) -> bool:
    """Whether a body begins as JSON, events and pages do."""
    text = start.removeprefix(b"\xef\xbb\xbf").lstrip()
    return text.startswith((b"{", b"[", b"<", b":", b"data", b"event", b"id:", b"retry")) or not text


def _is_raw_deflate(start: bytes) -> bool:
    """Whether a body is deflate without the zlib header, as old servers send it."""
    if _is_text(start):
        return False
    try:
        zlib.decompressobj(-zlib.MAX_WBITS).decompress(start, 1)
    except zlib.error:
        return False
    return True


_BOM = b"\xef\xbb\xbf"
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")
_SPACE = b" \t\r\n"


class BodyFormat(Enum):
    """Anything that is not JSON or markup is read as events."""

    EVENTS = "text/event-stream"
    JSON = "application/json"
    MARKUP = "text/html"


class Sniffer:
    """Feed it the first pieces of a body until `format` is known: None as long as only white space came."""

    def __init__(self) -> None:
        self.format: BodyFormat | None = None
        self._start = b""

    def feed(self, piece: bytes) -> bytes:
        """Take a piece. Returns: the bytes to read; b"" while they say nothing yet."""
        self._start += piece
        if _BOM.startswith(self._start) or len(self._start) < 2:
            return b""
        first = self._start.removeprefix(_BOM).lstrip(_SPACE)[:1]
        if not first:
            return b""
        if self._start[:2] in _UTF_16:
            first = b"{"
        self.format = {b"{": BodyFormat.JSON, b"[": BodyFormat.JSON, b"<": BodyFormat.MARKUP}.get(
            first, BodyFormat.EVENTS
        )
        start, self._start = self._start, b""
        return start


def format_of(body: bytes) -> BodyFormat:
    """The format of a whole body."""
    sniffer = Sniffer()
    sniffer.feed(body[:4096])
    return sniffer.format or BodyFormat.EVENTS
