"""Pieces of a body -> chunks, and at the end a verdict.

Feed it, then read it: it knows no socket and no clock. A stream is complete if a finish reason
or `[DONE]` came, and at least one choice: some servers leave out the one, some the other, so
neither alone decides (https://github.com/pydantic/pydantic-ai/issues/6610).
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from typing import Any

from pydantic_core import from_json

from _oxen_transport.errors import (
    OxenBrokenStreamError,
    OxenConnectionError,
    OxenError,
    OxenResponseError,
    OxenStreamError,
    OxenTruncatedStreamError,
)
from _oxen_transport.redaction import NOTHING_SECRET, Redactor
from _oxen_transport.response.completion import (
    details_of,
    identity,
    parse_json,
    request_id_of,
    said,
    text_and_reasoning,
    usage_from,
)
from _oxen_transport.response.content_encoding import ContentDecoder
from _oxen_transport.response.error_body import is_error, parse_error
from _oxen_transport.response.sse import Decoder
from _oxen_transport.response.tool_calls import Assembler
from _oxen_transport.tools.names import NO_TOOL_NAMES, ToolNameMap
from _oxen_transport.types import Chunk, Completion, ToolCallDelta

_CHUNK = "chat.completion.chunk"


class StreamReader:
    """One streamed answer: `feed` it pieces until it is `over`, then `end` it.

    Attributes:
        events: How many events came so far; comments do not count.
        finished: Whether the model said why it stopped.
        done: Whether `[DONE]` came.
        over: Whether nothing after this point matters: `[DONE]` came, or a failure.

    `tool_name_map` are those of tools that the wire calls otherwise.
    """

    def __init__(
        self,
        headers: Mapping[str, str],
        redact: Redactor = NOTHING_SECRET,
        tool_name_map: ToolNameMap = NO_TOOL_NAMES,
    ) -> None:
        self.events = 0
        self.finished = False
        self.done = False
        self.over = False
        self._headers, self._redact = headers, redact
        self._body: ContentDecoder | None = None
        self._decoder, self._tools = Decoder(), Assembler(tool_name_map=tool_name_map)
        self._text: list[str] = []
        self._reasoning: list[str] = []
        self._refusal: list[str] = []
        self._logprobs: list[Any] = []
        self._usage: dict[str, Any] = {}
        self._identity: dict[str, Any] = {}
        self._finish_reason: str | None = None
        self._choices_seen = False
        self._failure: OxenError | None = None

    def feed(self, piece: bytes) -> list[Chunk]:
        """Take a piece of any size, give the chunks it completes. A failure waits for `end`."""
        chunks: list[Chunk] = []
        try:
            if self._body is None:
                self._body = ContentDecoder(self._headers, limit=None)
            for kind, data in self._decoder.feed(self._body.feed(piece)):
                self.events += 1
                if data[:1] != b"{" and data.strip() == b"[DONE]":
                    self.done = self.over = True
                    break
                chunk = self._read(kind, data)
                if chunk is not None:
                    chunks.append(chunk)
        except OxenError as failure:
            self.fail(failure)
        return chunks

    def fail(self, failure: OxenError) -> None:
        """Note a failure; `end` will raise it."""
        self._failure, self.over = failure, True

    def lose(self, failure: OxenError) -> None:
        """Note that the connection was lost: after the finish reason that takes nothing away."""
        if self.finished:
            return
        lost = type(failure) is OxenConnectionError
        self.fail(OxenBrokenStreamError(failure.message, failure.details) if lost else failure)

    def end(self) -> Chunk:
        """The verdict: the last chunk, with the whole answer.

        Raises:
            OxenTruncatedStreamError: The stream stopped before its end.
            OxenError: Whatever went wrong on the way. Both carry what arrived in `.partial`.
        """
        last = self._tools.finish()
        whole = self._whole()
        failure, self._failure = self._failure, None
        if failure is None and not (self._choices_seen and (self.done or self.finished)):
            what = (
                "the stream ended before the answer was complete" if self._choices_seen else "the stream held no answer"
            )
            failure = OxenTruncatedStreamError(what, details_of(self._headers))
        if failure is not None:
            raise failure.with_details(partial=whole)
        return Chunk(tool_calls=tuple(last), completion=whole)

    def _read(self, kind: str, data: bytes) -> Chunk | None:
        """One event -> what it adds, if anything."""
        try:
            parsed = from_json(data)
        except ValueError:
            parsed = _leniently(data)
        if type(parsed) is not dict:
            shown = data[:80].decode("utf-8", "replace")
            raise OxenResponseError(
                f"an event of the stream is not a JSON object: {shown!r}", details_of(self._headers)
            )
        unusual = "error" in parsed or "status" in parsed or "choices" not in parsed
        if kind == "error" or ((unusual or parsed.get("object") != _CHUNK) and is_error(parsed)):
            raise OxenStreamError(
                *said(parse_error(parsed, self._redact), details_of(self._headers, data, self._redact))
            )
        if usage := parsed.get("usage"):
            # cumulative, only at the end, or in parts: the last word on each figure counts
            self._usage.update({k: v for k, v in usage.items() if v is not None} if isinstance(usage, dict) else {})
        if not self._identity:
            self._identity = identity(parsed)
            self._tools.completion_id = self._identity["id"] or ""  # what made ids are made from
        choices = parsed.get("choices")
        if type(choices) is list and choices and type(choices[0]) is dict:
            return self._choice(choices[0])
        return None

    def _choice(self, choice: dict[str, Any]) -> Chunk | None:
        self._choices_seen = True
        reason = choice.get("finish_reason")
        if reason and isinstance(reason, str):
            if reason == "error":
                raise OxenStreamError(*said(parse_error(choice, self._redact), details_of(self._headers)))
            self._finish_reason, self.finished = reason, True
        delta = choice.get("delta")
        if type(delta) is not dict:
            delta = choice.get("message")
            if not isinstance(delta, dict):
                return None
        text = delta.get("content")
        reasoning = ""
        if type(text) is not str or "reasoning_content" in delta or "reasoning" in delta:
            text, reasoning = text_and_reasoning(delta)
        chunk = Chunk(text)
        if text:
            self._text.append(text)
        if reasoning:
            self._reasoning.append(reasoning)
            chunk.reasoning = reasoning
        if calls := delta.get("tool_calls"):
            chunk.tool_calls = tuple(self._tools.add(calls))
        self._add_rare(chunk, delta.get("refusal"), choice.get("logprobs"))
        says_something = text or reasoning or chunk.tool_calls or chunk.refusal or chunk.logprobs
        return chunk if says_something else None

    def _add_rare(self, chunk: Chunk, refusal: Any, logprobs: Any) -> None:
        if refusal and isinstance(refusal, str):
            self._refusal.append(refusal)
            chunk.refusal = refusal
        if logprobs and isinstance(logprobs, dict):
            content = logprobs.get("content")
            self._logprobs.extend(content if isinstance(content, list) else ())
            chunk.logprobs = logprobs

    def _whole(self) -> Completion:
        """Everything so far as one completion, with a body in the shape of one not streamed."""
        calls = self._tools.calls()
        text = "".join(self._text)
        message: dict[str, Any] = {"role": "assistant", "content": text}
        if calls:
            message["tool_calls"] = [
                {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
                for call in calls
            ]
        logprobs = {"content": self._logprobs} if self._logprobs else None
        raw = {
            "object": "chat.completion",
            **{key: value for key, value in self._identity.items() if value is not None},
            "choices": [{"index": 0, "message": message, "finish_reason": self._finish_reason, "logprobs": logprobs}],
            "usage": self._usage or None,
        }
        return Completion(
            text=text,
            tool_calls=calls,
            finish_reason=self._finish_reason,
            usage=usage_from(self._usage),
            reasoning="".join(self._reasoning),
            refusal="".join(self._refusal) or None,
            logprobs=logprobs,
            request_id=request_id_of(self._headers),
            raw=raw,
            **self._identity,
        )


def _leniently(data: bytes) -> Any:
    try:
        return parse_json(data)
    except ValueError:
        return None


def chunks_from(completion: Completion) -> Generator[Chunk, None, None]:
    """A whole answer as the chunks a stream would have had.

    Some providers ignore `stream` and answer with one JSON body.
    """
    deltas = tuple(ToolCallDelta(i, call.id, call.name, call.arguments) for i, call in enumerate(completion.tool_calls))
    if completion.text or deltas or completion.reasoning or completion.refusal:
        yield Chunk(completion.text, deltas, completion.reasoning, completion.refusal or "", completion.logprobs)
    yield Chunk(completion=completion)
