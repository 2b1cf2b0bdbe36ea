"""Pieces of a response -> chunks, and at the end the whole answer or the error. It knows no socket and no clock.

A stream is complete if a finish reason came, or `[DONE]` after some content: some servers leave out the one, some the
other, so neither alone decides (https://github.com/pydantic/pydantic-ai/issues/6610).
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from typing import cast

from _oxen_transport.errors import (
    OxenBrokenStreamError,
    OxenConnectionError,
    OxenError,
    OxenResponseError,
    OxenResponseTooLargeError,
    OxenTruncatedStreamError,
)
from _oxen_transport.redaction import NOTHING_SECRET, Redactor
from _oxen_transport.response.body import MAX_BODY_BYTES, BodyFormat, ContentDecoder, Sniffer, format_of
from _oxen_transport.response.chunks import ChunkReader
from _oxen_transport.response.completion import completion_from_body, parse_event
from _oxen_transport.response.errors import details_of
from _oxen_transport.response.sse import Decoder, Event
from _oxen_transport.tools.names import NO_TOOL_NAMES, ToolNameMap
from _oxen_transport.types import Chunk, Completion, ToolCallDelta


class StreamReader:
    """One answer as it arrives: `feed` it pieces until it is `over`, then iterate over `end`.

    The bytes decide whether these are events or one JSON body, as from servers that ignore `stream`. `done`: `[DONE]`
    came. `over`: nothing after this point matters. `model` is the id that was asked, for an answer that names none.
    """

    def __init__(
        self,
        headers: Mapping[str, str],
        redact: Redactor = NOTHING_SECRET,
        tool_name_map: ToolNameMap = NO_TOOL_NAMES,
        model: str | None = None,
    ) -> None:
        self.done = self.over = False
        self._headers, self._redact, self._names, self._model = headers, redact, tool_name_map, model
        self._body, self._sniffer, self._decoder = ContentDecoder(headers, limit=None), Sniffer(), Decoder()
        self._chunks = ChunkReader(headers, redact, tool_name_map)
        self._json = bytearray()
        self._failure: OxenError | None = None
        self._lost = False

    @property
    def events(self) -> int:
        """How many events came so far, without comments and keep-alives."""
        return self._chunks.events

    @property
    def finished(self) -> bool:
        """Whether a finish reason came."""
        return self._chunks.finished

    def feed(self, piece: bytes) -> list[Chunk]:
        """Take a piece of any size, return the chunks it completes. A failure waits for `end`."""
        return self._read(self._body.feed, piece)

    def fail(self, failure: OxenError) -> None:
        """Note a failure, which `end` will raise; after the finish reason it only ends the reading."""
        if not self.finished:
            self._failure = failure
        self.over = True

    def lose(self, failure: OxenError) -> None:
        """Note that the connection was lost or the time is up; after the finish reason that takes nothing away."""
        self._lost = True
        if self.finished:
            return
        lost = type(failure) is OxenConnectionError
        self.fail(OxenBrokenStreamError(failure.message, failure.details) if lost else failure)

    def end(self) -> Iterator[Chunk]:
        """The body has ended: the chunks that are still due, the last one with the whole answer.

        Raises: OxenTruncatedStreamError, where it stopped too early, or another OxenError; `.partial` has what arrived.
        """
        if not self._lost and not self.over:
            yield from self._read(self._body.end)
        if not self._lost and not self.over:
            whole = self._whole_body() if self._json else None
            if whole is not None:
                yield from chunks_from(whole)
                return
            lines = [("message", line) for line in bytes(self._json).splitlines()]
            yield from self._reading(self._late(lines or self._decoder.end()))
        yield from self._reading(self._chunks.rest())
        pieces, whole = self._chunks.close(self._model)
        failure = self._verdict()
        if failure is not None:
            raise failure.with_details(partial=whole)
        yield Chunk(tool_calls=pieces, completion=whole)

    def _verdict(self) -> OxenError | None:
        """Why the answer is not complete; None if it is."""
        failure, self._failure = self._failure, None
        if failure is not None or self.finished:
            return failure
        if self._chunks.strange is not None or (self.done and self._chunks.has_content):
            return self._chunks.strange
        begun = self._chunks.begun or self._chunks.has_content
        what = "the stream ended before the answer was complete" if begun else "the stream held no answer"
        return OxenTruncatedStreamError(what, details_of(self._headers))

    def _read(self, decode: Callable[..., bytes], *piece: bytes) -> list[Chunk]:
        chunks: list[Chunk] = []
        try:
            for kind, data in self._events(decode(*piece)):
                if data[:1] != b"{" and data.strip() == b"[DONE]":
                    self.done = self.over = True
                    break
                chunk = self._chunks.read(kind, data)
                if chunk is not None:
                    chunks.append(chunk)
        except OxenError as failure:
            self.fail(failure)
        return chunks

    def _events(self, data: bytes) -> list[Event]:
        if self._sniffer.format is None:
            data = self._sniffer.feed(data)
        if self._sniffer.format is BodyFormat.EVENTS:
            return self._decoder.feed(data)
        if self._sniffer.format is BodyFormat.MARKUP:
            kind = self._redact(self._headers.get("content-type", "no content type"))[:60]
            raise OxenResponseError(f"the answer is a page, not a stream ({kind})", details_of(self._headers))
        self._json += data
        if len(self._json) > MAX_BODY_BYTES:
            what = f"the answer exceeds the limit of {MAX_BODY_BYTES} bytes"
            raise OxenResponseTooLargeError(what, details_of(self._headers))
        return []

    def _whole_body(self) -> Completion | None:
        """The answer in a JSON body; None if the body is lines of JSON, one chunk each, or cannot be read."""
        body = bytes(self._json)
        try:
            return completion_from_body(body, self._headers, self._redact, self._names, self._model)
        except OxenError as failure:
            if not is_lines_of_json(body):
                self._json.clear()
                self.fail(failure)
        return None

    def _late(self, events: Iterable[Event]) -> Iterator[Chunk]:
        """Events that the end of the body completes, not a blank line: one that is cut off does not count."""
        for kind, data in events:
            if data.strip() == b"[DONE]":
                self.done = True
            elif type(parse_event(data)) is dict and (chunk := self._chunks.read(kind, data)) is not None:
                yield chunk

    def _reading(self, chunks: Iterator[Chunk]) -> Iterator[Chunk]:
        """The same chunks, up to a failure, which `_verdict` knows then."""
        try:
            yield from chunks
        except OxenError as failure:
            self.fail(failure)


def answer_from_body(
    body: bytes,
    headers: Mapping[str, str],
    redact: Redactor = NOTHING_SECRET,
    tool_name_map: ToolNameMap = NO_TOOL_NAMES,
    model: str | None = None,
) -> Completion:
    """Read a whole 200 response, decoded: one JSON body, or a stream where none was asked for. Raises: OxenError."""
    streamed = b"data:" in body if format_of(body) is BodyFormat.EVENTS else is_lines_of_json(body)
    if not streamed:
        return completion_from_body(body, headers, redact, tool_name_map, model)
    reader = StreamReader(headers, redact, tool_name_map, model)
    reader.feed(body)
    *_, last = reader.end()
    return cast(Completion, last.completion)


def is_lines_of_json(body: bytes) -> bool:
    """Whether a body is a stream in lines, one JSON object each, as some servers send in place of events."""
    first, *rest = body.strip().split(b"\n", 1)
    return bool(rest) and type(parse_event(first)) is dict


def chunks_from(completion: Completion) -> Generator[Chunk, None, None]:
    """A whole answer as the chunks a stream would have had."""
    deltas = tuple(ToolCallDelta(i, call.id, call.name, call.arguments) for i, call in enumerate(completion.tool_calls))
    if completion.text or deltas or completion.reasoning or completion.refusal:
        yield Chunk(completion.text, deltas, completion.reasoning, completion.refusal or "", completion.logprobs)
    yield Chunk(completion=completion)
