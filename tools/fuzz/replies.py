"""Damaged answers of every shape: nothing but typed errors may come out, and nothing inconsistent.

    python -m tools.fuzz.replies --n 2000000 [--seed 1]

An input is a good answer (the scripted ones and the recorded ones), damaged as a tree and then
perhaps as bytes, under odd headers. It goes through what a body goes through: `completion_from_body`
or `StreamReader`, `error_from_reply`, the catalogue, and on to both frameworks' messages.
"""

from __future__ import annotations

import gzip
import json
import pickle
import random
import sys
from collections.abc import Iterator
from functools import cache, partial
from typing import Any

from langchain_core.messages.ai import add_ai_message_chunks
from pydantic import SecretStr

import langchain_oxen.messages as langchain_messages
import llama_index_oxen.messages as llama_messages
from _oxen_transport.catalogue import models_from
from _oxen_transport.errors import OxenError
from _oxen_transport.redaction import Redactor
from _oxen_transport.response.completion import completion_from_body, document_from_body
from _oxen_transport.response.errors import error_from_reply, parse_error
from _oxen_transport.response.stream import StreamReader, chunks_from
from _oxen_transport.testing.answers import TOOL_CALL, USAGE, chunks, completion, error_body
from _oxen_transport.types import Chunk, Completion, Usage
from langchain_oxen.stream import from_chunk
from llama_index_oxen.stream import Snapshots
from tools.fuzz import junk
from tools.fuzz.running import Trial, main
from tools.support.recorded import REPLIES

KEY = "sk-fuzz-0123456789"
REDACT = Redactor((SecretStr(KEY),))
_LOGPROBS = {"content": [{"token": "a", "logprob": -0.1, "bytes": [97], "top_logprobs": []}]}
_SAID = {"role": "assistant", "content": "b", "reasoning_content": "hm", "refusal": "no"}
_PARTS = [{"type": "text", "text": "a"}, {"type": "thinking", "thinking": [{"type": "text", "text": "t"}]}]
_BODIES: list[dict[str, Any]] = [
    completion(),
    completion(tool_calls=[TOOL_CALL, TOOL_CALL]),
    {**completion(), "choices": [{"index": 0, "message": _SAID, "logprobs": _LOGPROBS, "finish_reason": "length"}]},
    {**completion(), "choices": [{"message": {"content": _PARTS}}]},
    error_body("boom", type="invalid_request_error", code=3051, param="messages"),
    {"detail": [{"loc": ["body", "messages", 0], "msg": "field required", "type": "missing"}]},
    {"status": "error", "status_message": "bad", "status_description": "very", "error": {"type": "x", "title": "t"}},
    {"object": "error", "message": "This model's maximum context length is 32768 tokens", "code": 400},
    {
        "error": {
            "message": "request (9 tokens) exceeds the available context size (8)",
            "n_prompt_tokens": 9,
            "n_ctx": 8,
        }
    },
]
_STREAMS: list[list[Any]] = [
    chunks(usage=USAGE),
    chunks(tool_calls=[TOOL_CALL, ("", "f", {}), TOOL_CALL]),
    [*chunks()[:4], error_body()],
    [{"choices": [{"delta": _SAID, "logprobs": _LOGPROBS}]}, *chunks()[-1:]],
    [
        {
            "choices": [
                {"message": {"content": _PARTS, "tool_calls": [{"function": {"name": "f", "arguments": {"a": 1}}}]}}
            ]
        }
    ],
]
_HEADERS: list[dict[str, str]] = [
    {"content-type": "application/json"},
    {"content-type": "application/json", "x-request-id": "\x00é" * 9, "retry-after": "Thu, 99 Foo 9999 99:99:99 GMT"},
    {"retry-after": "Mon, 01 Jan 0001 00:00:00 -2359", "location": "http://x/\r\ny" * 99},
    {"retry-after-ms": "1e999", "retry-after": "9" * 400},
    {"retry-after": "Fri, 31 Dec 9999 23:59:59 -0000", "content-encoding": "br"},
    {"retry-after": "nan", "content-type": "text/html; charset=\xff"},
    {},
]


@cache
def recorded() -> list[bytes]:
    """The bodies of the recorded answers, chunked framing and all."""
    return [path.read_bytes().split(b"\r\n\r\n", 1)[-1] for path in sorted(REPLIES.glob("*.http"))]


def trials(seed: int, batch: int, count: int) -> Iterator[Trial]:
    """The inputs of one batch, each with its trial."""
    rnd = random.Random(f"replies {seed} {batch}")  # noqa: S311 - repeatable is what it must be
    for _ in range(count):
        headers, way = rnd.choice(_HEADERS), rnd.random()
        if way < 0.45:
            yield _trial(_whole, headers, [_body(rnd)])
        elif way < 0.9:
            yield _trial(_streamed, headers, junk.pieces(rnd, _stream(rnd)))
        else:
            yield _trial(partial(_refused, int(rnd.random() * 400) + 200), headers, [_body(rnd)])


def _trial(check: Any, headers: dict[str, str], pieces: list[bytes]) -> Trial:
    return partial(check, headers, pieces), lambda: f"{check} {headers} {pieces}"


def _body(rnd: random.Random) -> bytes:
    if rnd.random() < 0.1:
        return junk.damaged_bytes(rnd, rnd.choice(recorded()))
    tree: Any = rnd.choice(_BODIES)
    for _ in range(1 + int(rnd.random() * 3)):
        tree = junk.damaged(rnd, tree)
    data = json.dumps(tree).encode()
    return junk.damaged_bytes(rnd, data) if rnd.random() < 0.2 else data


def _stream(rnd: random.Random) -> bytes:
    if rnd.random() < 0.1:
        return junk.damaged_bytes(rnd, rnd.choice(recorded()))
    events: Any = rnd.choice(_STREAMS)
    for _ in range(int(rnd.random() * 4)):
        events = junk.damaged(rnd, events)
    events = events if isinstance(events, list) else [events]
    data = b"".join(b"data: %s\n\n" % json.dumps(event).encode() for event in events)
    if rnd.random() < 0.5:
        data += b"data: [DONE]\n\n"
    if rnd.random() < 0.2:
        data = junk.damaged_bytes(rnd, data)
    return gzip.compress(data, 1) if rnd.random() < 0.02 else data


# -- what must hold ------------------------------------------------------------------------


def _whole(headers: dict[str, str], pieces: list[bytes]) -> None:
    body = pieces[0]
    try:
        answer = completion_from_body(body, headers, REDACT)
    except OxenError as error:
        _sound(error)
    else:
        _consistent(answer)
        assert list(chunks_from(answer))[-1].completion is answer
        _speaks_both(answer)
    parse_error(body, REDACT)
    try:
        models_from(document_from_body(body, headers, REDACT))
    except OxenError as error:
        _sound(error)


def _streamed(headers: dict[str, str], pieces: list[bytes]) -> None:
    reader, given = StreamReader(headers, REDACT), list[Chunk]()
    for piece in pieces:
        given += reader.feed(piece)
        if reader.over:
            break
    try:
        given.extend(reader.end())
    except OxenError as error:
        _sound(error)
        whole = error.partial
    else:
        whole = given[-1].completion
        assert whole is not None
        _consistent(whole)
    assert whole is not None
    assert "".join(chunk.text for chunk in given) == whole.text, "the pieces do not make the text"
    assert "".join(chunk.reasoning for chunk in given) == whole.reasoning
    _shown(given, whole)


def _shown(given: list[Chunk], whole: Completion) -> None:
    """Both frameworks' own pieces: they add up to the same answer."""
    messages = [message.message for chunk in given for message in from_chunk(chunk)]
    if messages:
        total = messages[0] if len(messages) == 1 else add_ai_message_chunks(messages[0], *messages[1:])
        assert str(total.text) == whole.text, "LangChain's sum is another text"
    snapshots = Snapshots()
    responses = [snapshots.feed(chunk) for chunk in given]
    if responses:
        assert (responses[-1].message.content or "") == whole.text, "LlamaIndex's last snapshot is another text"
    _speaks_both(whole)


def _speaks_both(answer: Completion) -> None:
    message = langchain_messages.from_wire(answer)
    response = llama_messages.from_wire(answer)
    assert len(message.tool_calls) + len(message.invalid_tool_calls) == len(answer.tool_calls)
    assert str(message.text) == answer.text
    assert (response.message.content or "") == answer.text
    langchain_messages.to_wire([message])
    llama_messages.to_wire([response.message])


def _refused(status: int, headers: dict[str, str], pieces: list[bytes]) -> None:
    _sound(error_from_reply(status, headers, pieces[0] + KEY.encode(), REDACT, 1_700_000_000.0))


def _sound(error: OxenError) -> None:
    """An error: bounded, without the key, plain data that survives a process border."""
    text = str(error)
    assert len(text) < 4000, f"the text of the error has {len(text)} characters"
    stored = pickle.dumps(error)
    assert KEY not in text
    assert KEY.encode() not in stored
    again = pickle.loads(stored)  # noqa: S301 - our own bytes
    assert str(again) == text
    assert error.retry_after is None or 0 <= error.retry_after < float("inf")


def _consistent(answer: Completion) -> None:
    assert isinstance(answer.text, str)
    assert isinstance(answer.reasoning, str)
    assert answer.refusal is None or isinstance(answer.refusal, str)
    assert answer.finish_reason is None or isinstance(answer.finish_reason, str)
    ids = [call.id for call in answer.tool_calls]
    assert all(ids), "a call without an id"
    assert len(set(ids)) == len(ids), "two calls with one id"
    assert all(isinstance(call.name, str) and isinstance(call.arguments, str) for call in answer.tool_calls)
    if isinstance(answer.usage, Usage):
        counts = (answer.usage.prompt_tokens, answer.usage.completion_tokens, answer.usage.total_tokens)
        assert all(type(count) is int and count >= 0 for count in counts), f"counts {counts}"


if __name__ == "__main__":
    sys.exit(main("replies", trials, __doc__))
