"""Content-Encoding: pieces of a body as they come off the wire -> the bytes they mean, within a bound."""

from __future__ import annotations

import zlib
from collections.abc import Mapping

from _oxen_transport.errors import OxenResponseError, OxenResponseTooLargeError, OxenTruncatedStreamError
from _oxen_transport.response.completion import details_of

MAX_BODY_BYTES = 32 * 2**20
_STEP = 64 * 1024


class ContentDecoder:
    """Pieces of a body as they come off the wire -> the bytes they mean, within a bound.

    httpx unpacks a compressed answer without a limit, so 256 kB could become gigabytes;
    here it is done in steps that stop at `limit`.
    """

    def __init__(self, headers: Mapping[str, str], limit: int | None = MAX_BODY_BYTES) -> None:
        coding = headers.get("content-encoding", "identity").strip().lower()
        if coding not in ("identity", "", "gzip", "x-gzip", "deflate"):
            raise OxenResponseError(
                f"the answer is packed as {coding[:40]!r}, which was not asked for", details_of(headers)
            )
        self._headers, self._limit, self._size = headers, limit, 0
        self._inflate = zlib.decompressobj(zlib.MAX_WBITS | 32) if coding not in ("identity", "") else None

    def feed(self, piece: bytes) -> bytes:
        """Take a piece, give its meaning. Raises: OxenResponseTooLargeError, OxenResponseError."""
        if self._inflate is None:
            self._grow(len(piece))
            return piece
        out, left = bytearray(), piece
        while not self._inflate.eof:
            try:
                step = self._inflate.decompress(left, _STEP)
            except zlib.error as error:
                raise OxenResponseError(f"the packed answer is damaged ({error})", details_of(self._headers)) from None
            self._grow(len(step))
            out += step
            left = self._inflate.unconsumed_tail
            if not left and len(step) < _STEP:  # nothing in, nothing pending
                break
        return bytes(out)

    def end(self) -> None:
        """Raises: OxenTruncatedStreamError, if the packed body stopped before its end."""
        if self._inflate is not None and not self._inflate.eof:
            raise OxenTruncatedStreamError("the packed answer stopped before its end", details_of(self._headers))

    def _grow(self, size: int) -> None:
        self._size += size
        if self._limit is not None and self._size > self._limit:
            raise OxenResponseTooLargeError(
                f"the answer exceeds the limit of {self._limit} bytes", details_of(self._headers)
            )
