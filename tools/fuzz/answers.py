"""Answers whose content is known, written in the ways that servers write them: each is read as what it is.

    python -m tools.fuzz.answers --n 200000 [--seed 1]

An input is a text, a call or both, put into chunks or a body of random shapes, with keep-alives,
other choices, odd labels, codings and cuts around them, and perhaps something that ends it early.
The generator knows what must come out: that text, or an error with the text before it.
"""

# ruff: noqa: E501 - one shape a line

from __future__ import annotations

import gzip
import json
import random
import sys
from collections.abc import Iterator
from functools import partial
from typing import Any, NamedTuple

from _oxen_transport.errors import OxenError
from _oxen_transport.response.stream import StreamReader, answer_from_body
from _oxen_transport.types import Chunk, Completion
from tools.fuzz import junk
from tools.fuzz.replies import REDACT, _consistent, _shown, _sound
from tools.fuzz.running import Trial, main

Random = random.Random
MODEL = "asked-model"
WORDS = (
    "The ox",
    " pulls",
    "\n",
    " 忠实",
    "🐂",
    "é",
    "",
    " the plough",
    "\ud83d",
    "\ude00",
    '{"a": 1}',
    "data: x",
    "[DONE]",
    "\u2028",
)
ARGUMENTS = ('{"a": 1}', "{}", '{"a": "🐂"}', '{"path": "/s', '{"a": NaN}', "")
KEEP_ALIVES = (
    b"data:\n\n",
    b"data: null\n\n",
    b": ping\n\n",
    b"data: {}\n\n",
    b"data: []\n\n",
    b"event: ping\ndata: now\n\n",
    b'data: {"type": "ping"}\n\n',
    b"\n",
    b"data: \n\n",
    b'data: ""\n\n',
)
AFTER = (
    b"data: junk\n\n",
    b'data: {"cut\n\n',
    b'data: {"error": "late"}\n\n',
    b'data: {"code": 5, "msg": "late"}\n\n',
    b"event: error\ndata: late\n\n",
    b'data: {"type": "bye"}\n\n',
    *KEEP_ALIVES,
)
FATAL = (
    b'data: {"error": {"message": "boom"}}\n\n', b'data: {"code": "InternalError", "msg": "boom"}\n\n', b"event: error\ndata: boom\n\n",
    b'data: {"choices": [{"index": 0, "delta": {}, "error": {"message": "boom"}, "finish_reason": null}]}\n\n',
    b'data: {"choices": [{"index": 0, "delta": {}, "finish_reason": "error"}]}\n\n', b'data: {"choices": [{"del\n\n',
    b'data: {"status": "error", "status_message": "boom"}\n\n', b'data: {"choices": null, "base_resp": {"status_code": 7, "status_msg": "boom"}}\n\n',
)  # fmt: skip
STRANGE = (b"data: Internal Server Error\n\n", b'data: {"type": "exception"}\n\n', b"data: [1]\n\n")
LABELS = (
    {"content-type": "text/event-stream"},
    {"content-type": "application/json"},
    {"content-type": "text/html"},
    {},
    {"content-encoding": "utf-8"},
    {"content-encoding": "gzip"},
)


class Written(NamedTuple):
    """The bytes, and what they mean: the text, or the text before a failure."""

    body: bytes
    text: str
    arguments: str | None
    fails: bool
    usage: int | None = None
    named: bool = False


def trials(seed: int, batch: int, count: int) -> Iterator[Trial]:
    """The inputs of one batch, each with its trial."""
    rnd = random.Random(f"answers {seed} {batch}")  # noqa: S311 - repeatable is what it must be
    for _ in range(count):
        written = _body(rnd) if rnd.random() < 0.25 else _stream(rnd)
        headers, packed = rnd.choice(LABELS), rnd.random() < 0.05
        body = gzip.compress(written.body, 1) if packed else written.body
        pieces = junk.pieces(rnd, body)
        yield partial(_check, written, headers, pieces), lambda shown=(written, headers, pieces): repr(shown)


def meant(words: list[str]) -> str:
    """What pieces of text mean: the reference for `SurrogateJoiner`, by UTF-16."""
    return b"".join(word.encode("utf-16-le", "surrogatepass") for word in words).decode("utf-16-le", "replace")


def _body(rnd: Random) -> Written:
    words, call = _content(rnd)
    message: dict[str, Any] = {"content": rnd.choice((_text, _part, _parts))("".join(words))}
    if call is not None:
        message["tool_calls"] = [{"id": "AbC123xyZ", "function": {"name": "f", "arguments": call}}]
    choice: dict[str, Any] = {"message": message, "finish_reason": rnd.choice(("stop", None, "null", "length"))}
    if call is None and rnd.random() < 0.1:
        choice = {"text": "".join(words), "finish_reason": "stop"}
    choices = [choice]
    if rnd.random() < 0.2:
        choice["index"] = 0
        choices.insert(rnd.choice((0, 1)), {"index": 1, "message": {"content": "another"}, "finish_reason": "length"})
    tree: dict[str, Any] = {"choices": choices, "usage": {"prompt_tokens": 3, "total_tokens": None}}
    fails = rnd.random() < 0.15
    if fails:
        choice |= rnd.choice(({"error": "boom"}, {"finish_reason": "error"}, {"finish_reason": "abort"}))
    data = rnd.choice((b"", b"\xef\xbb\xbf", b"\n ")) + json.dumps(tree, indent=rnd.choice((None, 1))).encode()
    if rnd.random() < 0.05:
        data, fails = data[: rnd.randrange(len(data))], True
    return Written(data, meant(words), call, fails, 3)


def _content(rnd: Random) -> tuple[list[str], str | None]:
    words = [rnd.choice(WORDS) for _ in range(rnd.randrange(6))]
    call = rnd.choice(ARGUMENTS) if rnd.random() < 0.3 else None
    return (words, call) if meant(words) or call is not None else (["x"], None)


def _text(text: str) -> Any:
    return text


def _part(text: str) -> Any:
    return {"type": "text", "text": text}


def _parts(text: str) -> Any:
    return [{"type": "text", "text": text[:3]}, text[3:], {"type": "unheard_of"}]


def _stream(rnd: Random) -> Written:
    """A stream: shapes are chosen once, as a server does; what disturbs them comes anywhere."""
    words, call = _content(rnd)
    write = rnd.choice((_delta, _delta, _delta, _as_message, _bare, _completion))
    content = rnd.choice((_text, _text, _part, _parts))
    finish = rnd.choice((None, "null", ""))
    events = [_event(rnd, write(content(word) if write in (_delta, _as_message) else word, finish)) for word in words]
    if call is not None:
        first = {"index": 0, "id": "AbC123xyZ", "function": {"name": "f", "arguments": call[:3]}}
        rest = {"index": 0, "function": {"arguments": call[3:]}}
        events += [_event(rnd, {"delta": {"tool_calls": [piece]}}) for piece in (first, rest)]
    cut = rnd.random()
    fatal = rnd.choice(FATAL) if cut < 0.15 else None
    at = rnd.randrange(len(events) + 1)
    if fatal is not None:
        heard = meant(words[:at])
        events = [*events[:at], fatal]
        return _disturbed(rnd, events, [], Written(b"", heard, None, fails=True))
    if cut < 0.25:  # no finish reason, no [DONE]; or something strange, and [DONE] after it
        if rnd.random() < 0.5:
            events.insert(at, rnd.choice(STRANGE))
            return _disturbed(rnd, events, [b"data: [DONE]\n\n"], Written(b"", meant(words), None, fails=True))
        return _disturbed(rnd, events, [], Written(b"", meant(words), None, fails=True))
    after: list[bytes] = []
    usage = None
    if rnd.random() < 0.7:
        last: dict[str, Any] = {"delta": {}, "finish_reason": "stop"}
        usage = rnd.choice((None, 3))
        if usage:
            last["usage"] = {"input_tokens": 3, "prompt_tokens": None}
        events.append(_event(rnd, last))
        after = [rnd.choice(AFTER) for _ in range(rnd.randrange(3))]
        after += rnd.choice(([], [b"data: [DONE]\n\n"]))
    else:
        after = [b"data: [DONE]\n\n"]
    return _disturbed(rnd, events, after, Written(b"", meant(words), call, fails=False, usage=usage))


def _delta(content: Any, finish: Any) -> dict[str, Any]:
    return {"delta": {"content": content}, "finish_reason": finish}


def _as_message(content: Any, finish: Any) -> dict[str, Any]:
    return {"message": {"role": "assistant", "content": content}, "finish_reason": finish}


def _bare(content: Any, finish: Any) -> dict[str, Any]:
    return {"delta": content, "finish_reason": finish}


def _completion(content: Any, finish: Any) -> dict[str, Any]:
    return {"text": content, "finish_reason": finish}


def _event(rnd: Random, choice: dict[str, Any]) -> bytes:
    choices = [choice]
    if rnd.random() < 0.1:
        choice["index"] = 0
        choices.insert(rnd.choice((0, 1)), {"index": 1, "delta": {"content": "another"}, "finish_reason": None})
    named = rnd.choice(({}, {"id": "", "model": ""}, {"object": "chat.completion.chunk"}, {"error": None}))
    return b"data: %s\n\n" % json.dumps({**named, "choices": choices}).encode()


def _disturbed(rnd: Random, events: list[bytes], after: list[bytes], written: Written) -> Written:
    """The events as bytes, with keep-alives and the other choice between them; the end in one of its forms."""
    between = [rnd.choice(KEEP_ALIVES) if rnd.random() < 0.2 else b"" for _ in events]
    body = b"".join(part for pair in zip(between, events, strict=True) for part in pair) + b"".join(after)
    if rnd.random() < 0.2:
        body = body.replace(b"\n", b"\r\n")
    if rnd.random() < 0.3:
        body = body.rstrip(b"\r\n")
    return written._replace(body=rnd.choice((b"", b"", b"\xef\xbb\xbf")) + body)


# -- what must hold ------------------------------------------------------------------------


def _check(written: Written, headers: dict[str, str], pieces: list[bytes]) -> None:
    reader, given = StreamReader(headers, REDACT, model=MODEL), list[Chunk]()
    failure: OxenError | None = None
    for piece in pieces:
        given += reader.feed(piece)
        if reader.over:
            break
    try:
        given.extend(reader.end())
    except OxenError as error:
        failure = error
        _sound(error)
    assert (failure is not None) == written.fails, f"{failure!r}"
    text = "".join(chunk.text for chunk in given)
    if failure is not None:
        assert failure.partial_text == text
        assert text in (written.text, "") or _waits_for_half(text, written.text), f"{text!r} before the failure"
        return
    assert text == written.text, f"read as {text!r}"
    whole = given[-1].completion
    assert whole is not None
    _consistent(whole)
    _shown(given, whole)
    _same(written, whole)
    body = b"".join(pieces)
    _same(
        written,
        answer_from_body(gzip.decompress(body) if body[:2] == b"\x1f\x8b" else body, headers, REDACT, model=MODEL),
    )


def _waits_for_half(text: str, expected: str) -> bool:
    return text + "\ufffd" == expected


def _same(written: Written, whole: Completion) -> None:
    assert whole.text == written.text
    assert whole.model == MODEL
    assert [call.arguments for call in whole.tool_calls] == ([] if written.arguments is None else [written.arguments])
    if written.usage is not None:
        assert whole.usage is not None
        assert whole.usage.prompt_tokens == written.usage


if __name__ == "__main__":
    sys.exit(main("answers", trials, __doc__))
