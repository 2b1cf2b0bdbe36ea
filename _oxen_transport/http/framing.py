"""HTTP/1.1's framing of a streamed body, for many small pieces.

h11 makes an event of each HTTP chunk and steps three state machines for it, which is more than
half of what a streamed token costs. So it reads the head, and this file the chunks, to the letter
of https://www.rfc-editor.org/rfc/rfc9112#section-7.1; whatever is not to the letter ends the answer.
"""

from __future__ import annotations

import re

import httpcore

_BLANK_LINE = re.compile(rb"\n\r?\n")
_SIZE = re.compile(rb"([0-9A-Fa-f]{1,16})[ \t]*(?:;[^\r\n]*)?")
_TRAILER = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+:[^\x00\r\n]*")
_MAX_LINE = 8 * 1024
_MAX_TRAILERS = 64 * 1024

LAST_CHUNK = b"0\r\n\r\n"


class Head:
    """Finds where a head ends, so that what comes after it can be held back from h11."""

    def __init__(self) -> None:
        self._last = b""  # the end of the piece before: a blank line may lie across the border

    def length_in(self, piece: bytes) -> int:
        """How many bytes of this piece belong to the head; all of them, if it does not end here."""
        found = _BLANK_LINE.search(self._last + piece)
        if found is None:
            self._last = (self._last + piece)[-2:]
            return len(piece)
        length, self._last = found.end() - len(self._last), b""
        return length


class HeadWithBody:
    """Holds a request's head back until its body comes, so that both go out at once.

    httpcore writes them one after the other: a system call and a packet each, and a server wakes twice.
    """

    def __init__(self) -> None:
        self._held = b""

    def joined(self, data: bytes) -> bytes:
        """What is to be written now; nothing, if it is a head. httpcore always writes once more, if only b""."""
        if not self._held and data.endswith(b"\r\n\r\n") and b" HTTP/1.1\r\n" in data:
            self._held = data
            return b""
        data, self._held = self._held + data, b""
        return data


def is_chunked(http_version: bytes, status: int, headers: list[tuple[bytes, bytes]]) -> bool:
    """Whether a body of this head has chunked framing, and no other."""
    codings = [value.strip().lower() for name, value in headers if name.lower() == b"transfer-encoding"]
    return http_version == b"HTTP/1.1" and codings == [b"chunked"] and status >= 200 and status not in (204, 304)


def body_length(headers: list[tuple[bytes, bytes]]) -> int | None:
    """How many bytes of body follow a head that is not chunked; None: it does not say."""
    named = {name.lower(): value.strip() for name, value in headers}
    length = named.get(b"content-length", b"")
    return int(length) if length.isdigit() and b"transfer-encoding" not in named else None


class Chunked:
    """Takes the framing off. Feed it what came, get what it means.

    Attributes:
        ended: Whether the last chunk and the trailers have come.
        surplus: Whether more than the body has come: such a connection cannot be used again.
    """

    def __init__(self) -> None:
        self.ended = self.surplus = False
        self._rest = b""  # a size line, a line end or trailers that are not complete
        self._missing = 0  # bytes of the chunk that has begun, the line end behind it included
        self._trailers: int | None = None  # their length so far, once the last chunk has come

    def feed(self, piece: bytes) -> bytes:
        """Take a piece, give the content in it. Raises: httpcore.RemoteProtocolError."""
        data, at = self._rest + piece if self._rest else piece, 0
        content: list[bytes] = []
        while self._trailers is None:
            if self._missing:
                part = data[at : at + self._missing - 2]
                content.append(part)
                at, self._missing = at + len(part), self._missing - len(part)
                if self._missing > 2 or len(data) < at + 2:
                    break
                if data[at : at + 2] != b"\r\n":
                    raise httpcore.RemoteProtocolError("a chunk of the body is longer than its size says")
                at, self._missing = at + 2, 0
            end = data.find(b"\r\n", at)
            if end < 0:
                break
            self._begin(data[at:end])
            at = end + 2
        self._keep(data[at:])
        return content[0] if len(content) == 1 else b"".join(content)

    def _begin(self, line: bytes) -> None:
        """Begin a chunk; one of no size is the last."""
        found = _SIZE.fullmatch(line)
        if found is None:
            raise httpcore.RemoteProtocolError(f"the size of a chunk is none: {line[:40]!r}")
        size = int(found[1], 16)
        if size:
            self._missing = size + 2
        else:
            self._trailers = 0

    def _keep(self, rest: bytes) -> None:
        """Keep what is not complete, within bounds."""
        self._rest = rest
        if self._trailers is not None:
            self._skip_trailers()
        elif len(rest) > _MAX_LINE:
            raise httpcore.RemoteProtocolError("the size line of a chunk is too long")

    def _skip_trailers(self) -> None:
        """Trailers say nothing about the answer; an empty line ends them. Content is not taken for one."""
        while not self.ended:
            line, line_end, rest = self._rest.partition(b"\r\n")
            self._trailers = (self._trailers or 0) + (len(line) if line_end else 0)
            if self._trailers + len(line) > _MAX_TRAILERS:
                raise httpcore.RemoteProtocolError("the trailers of the body are too long")
            if not line_end:
                return
            if line and not _TRAILER.fullmatch(line):
                raise httpcore.RemoteProtocolError(f"no trailer: {line[:40]!r}")
            self._rest, self.ended = rest, not line
        self.surplus = bool(self._rest)
