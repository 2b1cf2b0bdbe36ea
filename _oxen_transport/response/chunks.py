"""One event of a stream -> the chunk it adds; and everything so far as one completion.

What comes after the finish reason cannot make the answer fail: it is whole.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic_core import from_json

from _oxen_transport.errors import OxenError, OxenResponseError, OxenStreamError
from _oxen_transport.redaction import Redactor
from _oxen_transport.response.completion import (
    CHUNK,
    KEPT,
    by_index,
    choices_in,
    identity,
    kept,
    parse_choice_error,
    parse_event,
    read_choice,
    usage_from,
    usage_in,
)
from _oxen_transport.response.errors import (
    ErrorPayload,
    details_of,
    error_in_answer,
    is_error,
    parse_error,
    request_id_of,
)
from _oxen_transport.response.tool_call_fragments import Index
from _oxen_transport.response.tool_calls import Assembler
from _oxen_transport.tools.names import ToolNameMap
from _oxen_transport.types import Chunk, Completion, ToolCall, ToolCallDelta
from _oxen_transport.unicode import SurrogateJoiner

_OBJECT = "chat.completion.chunk"
_OBJECTS = ("chat.completion", "text_completion")
_PINGS = ("ping", "heartbeat", "keepalive", "keep-alive")
_NOTHING = (b"", b"null", b"{}", b"[]", b'""', *(ping.encode() for ping in _PINGS))


class ChunkReader:
    """Feed it events, read chunks.

    Attributes:
        events: How many events came so far, without keep-alives.
        begun: Whether the choice of index 0 came, the only one that was asked for.
        finished: Whether a finish reason came.
        has_content: Whether anything of the answer itself came.
        strange: The error for an event that no server should send; it counts if the answer is never finished.
    """

    def __init__(self, headers: Mapping[str, str], redact: Redactor, tool_name_map: ToolNameMap) -> None:
        self.events = 0
        self.begun = self.finished = False
        self.strange: OxenError | None = None
        self._headers, self._redact = headers, redact
        self._sum, self._names = Collected(), tool_name_map
        self._tools: Assembler | None = None  # most answers call none
        self._text, self._reasoning, self._refusal = SurrogateJoiner(), SurrogateJoiner(), SurrogateJoiner()
        self._others: list[tuple[Index, dict[str, Any]]] = []  # kept as long as that one has not come

    @property
    def has_content(self) -> bool:
        return self._sum.has_content

    def read(self, kind: str, data: bytes) -> Chunk | None:
        """Take an event. Returns: what it adds, if anything. Raises: OxenError, for one that ends the answer."""
        try:
            parsed = from_json(data)
        except ValueError:
            parsed = parse_event(data)
        if kind != "message" or type(parsed) is not dict or not parsed:
            if kind.lower() in _PINGS or data.strip().lower() in _NOTHING:
                return None
            if kind == "error" or type(parsed) is not dict:
                self._read_other(kind, data)
                return None
        choices = parsed.get("choices")
        if not choices and str(parsed.get("type")).lower() in _PINGS:
            return None
        self.events += 1
        unusual = not choices or "error" in parsed or "status" in parsed or parsed.get("object") != _OBJECT
        if unusual and is_error(parsed):
            self._refuse(parse_error(parsed, self._redact), data)
            return None
        choice = self._main_choice(choices, parsed) if choices else None
        self._add_facts(parsed, choice)
        if choice is not None:
            return self._read_choice(choice, parsed)
        known = "choices" in parsed or "usage" in parsed or str(parsed.get("object")).startswith(_OBJECTS)
        if not known:
            self._note_strange(data)
        return None

    def rest(self) -> Iterator[Chunk]:
        """The stream has ended: the chunks that are still due. Raises: OxenError, as `read` does."""
        others, self._others = self._others, []
        if others and not self.begun:  # a server that counts from 1
            lowest, _ = min(others, key=by_index)
            chosen = (choice for index, choice in others if index == lowest)
            yield from filter(None, (self._read_choice(choice, {}) for choice in chosen))
        rest = Chunk(self._text.end(), (), self._reasoning.end(), self._refusal.end())
        if rest.text or rest.reasoning or rest.refusal:
            self._sum.add(rest)
            yield rest

    def close(self, model: str | None) -> tuple[tuple[ToolCallDelta, ...], Completion]:
        """The pieces of calls that were held back, and the whole answer; `model` if it names none."""
        if self._tools is None:
            return (), self._sum.completion((), self._headers, model)
        self._tools.completion_id = self._sum.id  # made ids depend on it
        pieces = tuple(self._tools.finish())
        return pieces, self._sum.completion(self._tools.calls(), self._headers, model)

    def _read_other(self, kind: str, data: bytes) -> None:
        """An event that is an error, or not a JSON object: a damaged object may have held a part of the answer."""
        self.events += 1
        if kind == "error":
            self._refuse(parse_error(data, self._redact), data)
            return
        self._note_strange(data)
        if data.lstrip()[:1] == b"{" and not self.finished and self.strange is not None:
            raise self.strange

    def _main_choice(self, choices: Any, parsed: dict[str, Any]) -> dict[str, Any] | None:
        if type(choices) is list and len(choices) == 1 and type(choices[0]) is dict and choices[0].get("index", 0) == 0:
            self.begun = True
            return choices[0]
        for index, choice in choices_in(parsed):
            if index == 0:
                self.begun = True
                return choice
            if not self.begun:
                self._others.append((index, choice))
        return None

    def _add_facts(self, parsed: dict[str, Any], choice: dict[str, Any] | None) -> None:
        """Add what a chunk says about the answer as a whole."""
        usage = None
        if "usage" in parsed or "x_groq" in parsed or (choice is not None and "usage" in choice):
            usage = usage_in(parsed, choice)
        if usage:
            self._sum.add_usage(usage)
        if usage or not self._sum.is_named:
            self._sum.add_identity(parsed)
        if not KEPT.isdisjoint(parsed):
            self._sum.add_extras(kept(parsed))

    def _read_choice(self, choice: dict[str, Any], parsed: dict[str, Any]) -> Chunk | None:
        read = read_choice(choice, CHUNK)
        if read.error is not None:
            self._refuse(parse_choice_error(read, parsed, self._redact))
            return None
        if read.finish_reason:
            self._sum.finish_reason, self.finished = read.finish_reason, True
        if read.extras:
            self._sum.add_extras(read.extras)
        text = self._text.feed(read.text) if read.text else ""
        chunk = Chunk(text)
        if read.tool_calls:
            if self._tools is None:
                self._tools = Assembler(tool_name_map=self._names)
            self._tools.completion_id = self._sum.id  # made ids depend on it
            chunk.tool_calls = tuple(self._tools.add(read.tool_calls))
            self._sum.has_content = True
        if read.reasoning:
            chunk.reasoning = self._reasoning.feed(read.reasoning)
        if read.refusal:
            chunk.refusal = self._refusal.feed(read.refusal)
        if read.logprobs:
            chunk.logprobs = read.logprobs
        if not (text or chunk.reasoning or chunk.tool_calls or chunk.refusal or chunk.logprobs):
            return None
        self._sum.add(chunk)
        return chunk

    def _refuse(self, payload: ErrorPayload, data: bytes = b"") -> None:
        """Raise the server's error, unless the answer is finished already."""
        if not self.finished:
            raise error_in_answer(payload, details_of(self._headers, data, self._redact), OxenStreamError)

    def _note_strange(self, data: bytes) -> None:
        shown = self._redact(data.decode("utf-8", "replace"))[:80]
        what = f"an event of the stream is not a chunk of an answer: {shown!r}"
        self.strange = self.strange or OxenResponseError(what, details_of(self._headers))


# -- everything so far ---------------------------------------------------------------------

_IDENTITY = ("id", "model", "created", "system_fingerprint", "service_tier")


class Collected:
    """Add what comes, read the completion so far; `is_named`: the answer's id and its model are known."""

    def __init__(self) -> None:
        self.finish_reason: str | None = None
        self.has_content = self.is_named = False
        self._texts: list[str] = []
        self._reasoning: list[str] = []
        self._refusal: list[str] = []
        self._logprobs: list[Any] = []
        self._usage: dict[str, Any] = {}
        self._identity: dict[str, Any] = {}
        self._extras: dict[str, Any] = {}

    @property
    def id(self) -> str:
        """The answer's id, "" while it is unknown."""
        return self._identity.get("id") or ""

    def add(self, chunk: Chunk) -> None:
        """Add what a chunk holds, but for its calls."""
        self.has_content = True
        if chunk.text:
            self._texts.append(chunk.text)
        if chunk.reasoning:
            self._reasoning.append(chunk.reasoning)
        if chunk.refusal:
            self._refusal.append(chunk.refusal)
        if chunk.logprobs:
            content = chunk.logprobs.get("content")
            self._logprobs.extend(content if isinstance(content, list) else ())

    def add_usage(self, usage: dict[str, Any]) -> None:
        """Add usage that is cumulative, only at the end, or in parts: the last value of each count holds."""
        self._usage.update({name: value for name, value in usage.items() if value is not None})

    def add_identity(self, parsed: dict[str, Any]) -> None:
        """Keep the first value of each field: Azure's first chunk has blank ones."""
        for name, value in identity(parsed).items():
            if value is not None:
                self._identity.setdefault(name, value)
        self.is_named = "id" in self._identity and "model" in self._identity

    def add_extras(self, extras: dict[str, Any]) -> None:
        """Join lists, whose items some servers repeat in each chunk; of all else the last value holds."""
        for name, value in extras.items():
            known = self._extras.get(name)
            if not isinstance(value, list) or not isinstance(known, list | None):
                self._extras[name] = value
            elif name == "reasoning_details":
                self._extras[name] = known or []
                self._extras[name].extend(value)
            elif value != known:
                self._extras[name] = [*(known or []), *(item for item in value if item not in (known or []))]

    def completion(self, calls: tuple[ToolCall, ...], headers: Mapping[str, str], model: str | None) -> Completion:
        """Everything so far, with a `raw` in the shape of a body that was not streamed."""
        text, reasoning, refusal = ("".join(parts) for parts in (self._texts, self._reasoning, self._refusal))
        message: dict[str, Any] = {"role": "assistant", "content": text}
        if calls:
            message["tool_calls"] = [_as_written(call) for call in calls]
        logprobs = {"content": self._logprobs} if self._logprobs else None
        choice = {"index": 0, "message": message, "finish_reason": self.finish_reason, "logprobs": logprobs}
        pieces = self._extras.get("reasoning_details")
        details = {"reasoning_details": _joined_details(pieces)} if isinstance(pieces, list) else {}
        known: dict[str, Any] = {name: self._identity.get(name) for name in _IDENTITY}
        named = {name: value for name, value in known.items() if value is not None}
        return Completion(
            text=text,
            tool_calls=calls,
            finish_reason=self.finish_reason,
            usage=usage_from(self._usage),
            reasoning=reasoning,
            refusal=refusal or None,
            logprobs=logprobs,
            request_id=request_id_of(headers),
            extras={**self._extras, **details},
            raw={"object": "chat.completion", **named, "choices": [choice], "usage": self._usage or None},
            **{**known, "model": known["model"] or model},
        )


def _as_written(call: ToolCall) -> dict[str, Any]:
    extra = {"extra_content": call.extra_content} if call.extra_content else {}
    return {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}, **extra}


_GROWING = ("text", "summary", "data")


def _joined_details(pieces: list[Any]) -> list[Any]:
    """Pieces of one item have its type and index: https://openrouter.ai/docs/use-cases/reasoning-tokens."""
    joined: list[Any] = []
    for piece in pieces:
        last = joined[-1] if joined else None
        if isinstance(last, dict) and isinstance(piece, dict) and _continues(last, piece):
            for name, value in piece.items():
                if name in _GROWING and isinstance(value, str) and isinstance(last.setdefault(name, []), list):
                    last[name].append(value)
                elif value is not None:
                    last[name] = value
        elif isinstance(piece, dict):
            growing = {name: [piece[name]] for name in _GROWING if isinstance(piece.get(name), str)}
            known = {name: value for name, value in piece.items() if name not in _GROWING or value is not None}
            joined.append({**known, **growing})
        else:
            joined.append(piece)
    return [_with_texts(item) for item in joined]


def _with_texts(item: Any) -> Any:
    if not isinstance(item, dict):
        return item
    texts = {name: "".join(item[name]) for name in _GROWING if _is_texts(item.get(name))}
    return {**item, **texts}


def _is_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(text, str) for text in value)


def _continues(last: dict[str, Any], piece: dict[str, Any]) -> bool:
    if any(last.get(name) != piece.get(name) for name in ("type", "index")):
        return False
    return last.get("id") is None or piece.get("id") in (None, last["id"])
