"""Bytes of a `text/event-stream` -> events. Feed it pieces of any size, get whole events back.

The rules are https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream:
lines end with CR, LF or CRLF (and with nothing else: U+2028 is text), one leading byte order mark is
dropped, `data` lines are joined by LF, an event ends with a blank line, and one that the end of the
input cuts off is not an event. `id` and `retry` serve reconnecting, which a POST must not do.
"""

from __future__ import annotations

from _oxen_transport.errors import OxenResponseTooLargeError

Event = tuple[str, bytes]
"""Type ("message" unless the server named one) and data, not yet decoded."""

MAX_EVENT_BYTES = 16 * 2**20
_BOM = b"\xef\xbb\xbf"


class Decoder:
    r"""An incremental decoder. Where the pieces were cut makes no difference to the events.

    All work is done on bytes. CR, LF, ":" and " " are never part of a longer UTF-8 sequence, not even
    of a broken one, so decoding each data afterwards (`"replace"`) has the same result as decoding the
    stream first.

    Every byte is looked at a fixed number of times: a piece that ends no event is only appended to
    the tail, and the tail is read once, when its event ends.

    Args:
        max_event_bytes: The most bytes one event may have, its field names and comments included;
            16 MiB by default. Line ends count one each, the blank line at the end does not count.
    """

    def __init__(self, max_event_bytes: int = MAX_EVENT_BYTES) -> None:
        self._max_event_bytes = max_event_bytes
        self._start: bytes | None = b""  # the first bytes, while they may still become a BOM
        self._after_cr = False
        self._tail = bytearray()  # the event that has begun; never holds a blank line that ends it

    def feed(self, piece: bytes) -> list[Event]:
        """Take the next bytes of the stream and return the events that they complete.

        Raises:
            OxenResponseTooLargeError: An event, complete or not, is larger than `max_event_bytes`.
        """
        text = piece if self._start is None else self._without_bom(self._start + piece)
        if self._after_cr or b"\r" in text:
            text = self._with_lf(text)
        tail = self._tail
        if b"\n\n" not in text and not (text.startswith(b"\n") and tail.endswith(b"\n")):
            tail += text
            self._check_size(len(tail) - tail.endswith(b"\n"))
            return []
        if tail:
            tail += text
            text = bytes(tail)
        blocks = text.split(b"\n\n")
        tail[:] = blocks.pop()
        if len(text) > self._max_event_bytes:
            self._check_size(max(map(len, blocks)))
            self._check_size(len(tail) - tail.endswith(b"\n"))
        return _events(blocks)

    def end(self) -> list[Event]:
        """The input has ended in good order: return the event whose blank line is missing, if there is one.

        The standard drops it; servers that end their last event with the body do not mean that
        (https://github.com/openai/openai-node/issues/2725).
        """
        blocks, self._tail = [bytes(self._tail)], bytearray()
        return _events(blocks)

    def _without_bom(self, piece: bytes) -> bytes:
        if len(piece) < len(_BOM) and _BOM.startswith(piece):
            self._start = piece
            return b""
        self._start = None
        return piece.removeprefix(_BOM)

    def _with_lf(self, piece: bytes) -> bytes:
        """Turn every line end into LF. A CR ends its line at once; the LF of a CRLF may come later."""
        if not piece:
            return piece
        if self._after_cr and piece.startswith(b"\n"):
            piece = piece[1:]
        self._after_cr = piece.endswith(b"\r")
        if b"\r" in piece:
            piece = piece.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        return piece

    def _check_size(self, size: int) -> None:
        if size > self._max_event_bytes:
            raise OxenResponseTooLargeError(
                f"one event of the stream is larger than {self._max_event_bytes} bytes; reading stopped there"
            )


def _events(blocks: list[bytes]) -> list[Event]:
    events: list[Event] = []
    for block in blocks:
        if block.startswith(b"data: ") and b"\n" not in block:  # nearly all of them
            events.append(("message", block[6:]))
        elif event := _event(block):
            events.append(event)
    return events


def _event(block: bytes) -> Event | None:
    """Read the lines between two blank lines; None without a `data` line. The last `event` line counts."""
    kind, data = b"", []
    for line in block.split(b"\n"):
        name, _, value = line.partition(b":")  # a comment is a line whose name is empty
        if name == b"data":
            data.append(value.removeprefix(b" "))
        elif name == b"event":
            kind = value.removeprefix(b" ")
    if not data:
        return None
    return kind.decode("utf-8", "replace") or "message", b"\n".join(data)
