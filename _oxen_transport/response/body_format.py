"""What a response body is, by its first bytes: the content type is only a hint, and often wrong."""

from __future__ import annotations

from enum import Enum

_BOM = b"\xef\xbb\xbf"
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")
_SPACE = b" \t\r\n"


class BodyFormat(Enum):
    """Anything that is not JSON or markup is read as events."""

    EVENTS = "text/event-stream"
    JSON = "application/json"
    MARKUP = "text/html"


class Sniffer:
    """Feed it the first pieces of a body until `format` is known.

    Attributes:
        format: What the body is; None as long as only white space came.
    """

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
