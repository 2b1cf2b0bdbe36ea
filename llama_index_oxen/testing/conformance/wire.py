"""Answers in OpenAI's form, whole or streamed, and the ways in which servers stream tool calls."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from llama_index_oxen.testing.conformance.server import Reply, Request

WORDS = ("The tide", " — slow,", " broad", " and 忠实", " —", " turns 🌊", " at noon.")
TEXT = "".join(WORDS)
USAGE = {"prompt_tokens": 11, "completion_tokens": 8, "total_tokens": 19}
HEAD = {"id": "chatcmpl-1", "created": 1_700_000_000, "model": "a-model"}

Call = tuple[str, str, dict[str, Any]]
"""Id, name and arguments of a tool call. Nine letters and digits suit every model."""


def event(data: Any) -> bytes:
    return b"data: " + json.dumps(data, ensure_ascii=False).encode() + b"\n\n"


DONE = b"data: [DONE]\n\n"


def whole(
    text: str | None = TEXT,
    calls: Sequence[Call] = (),
    usage: dict[str, Any] | None = USAGE,
    finish: str | None = None,
    no_text: str | None = None,
) -> dict[str, Any]:
    """A whole body."""
    message: dict[str, Any] = {"role": "assistant", "content": no_text if calls else text}
    if calls:
        message["tool_calls"] = [_call(call, index) for index, call in enumerate(calls)]
    choice = {"index": 0, "message": message, "finish_reason": finish or ("tool_calls" if calls else "stop")}
    return {**HEAD, "object": "chat.completion", "choices": [choice], "usage": usage}


def piece(delta: dict[str, Any] | str | None = None, finish: str | None = None, **more: Any) -> dict[str, Any]:
    """One chunk; a str is its text."""
    delta = {"content": delta} if isinstance(delta, str) else delta or {}
    choices = [{"index": 0, "delta": delta, "finish_reason": finish}]
    return {**HEAD, "object": "chat.completion.chunk", "choices": choices, **more}


def pieces(
    words: Iterable[str] = WORDS, calls: Sequence[Call] = (), variant: str = "pieces", finish: str | None = None
) -> list[dict[str, Any]]:
    """All chunks of an answer, the one with the finish reason last; usage comes after it."""
    made = [piece({"role": "assistant", "content": ""})]
    if calls:
        made += [piece({"tool_calls": delta}) for delta in VARIANTS[variant](calls)]
    else:
        made += [piece(word) for word in words]
    made.append(piece(None, finish or ("tool_calls" if calls else "stop")))
    return made


def stream(request: Request, chunks: Sequence[dict[str, Any]], usage: dict[str, Any] | None = USAGE) -> Reply:
    """A stream that ends as it should, with the usage where the dialect has it."""
    *most, last = chunks
    asked = (request.body.get("stream_options") or {}).get("include_usage")
    if usage and not request.dialect.usage_is_asked_for:
        most.append({**last, "usage": usage})
    else:
        most += [last, {**piece(), "choices": [], "usage": usage}] if usage and asked else [last]
    return Reply(pieces=[*map(event, most), DONE])


def answer(
    text: str = TEXT,
    calls: Sequence[Call] = (),
    *,
    variant: str | None = None,
    finish: str | None = None,
    usage: dict[str, Any] | None = USAGE,
) -> Callable[[Request], Reply]:
    """A good answer, streamed or not, as the request asks; calls in the dialect's way, or in this variant."""
    words = WORDS if text == TEXT else [text]

    def reply(request: Request) -> Reply:
        if request.wants_stream:
            return stream(request, pieces(words, calls, variant or request.dialect.calls, finish), usage)
        return Reply(whole(text, calls, usage, finish, request.dialect.no_text))

    return reply


# -- the ways of servers with streamed calls -----------------------------------------------------


def _call(call: Call, index: int | None = None) -> dict[str, Any]:
    id_, name, arguments = call
    with_details = {} if index is None else {"index": index}
    written = json.dumps(arguments, ensure_ascii=False)
    return {**with_details, "id": id_, "type": "function", "function": {"name": name, "arguments": written}}


def _begin(call: Call, index: int) -> dict[str, Any]:
    made = _call(call, index)
    return {**made, "function": {**made["function"], "arguments": ""}}


def _rest(call: Call, index: int, size: int = 6) -> list[dict[str, Any]]:
    written = json.dumps(call[2], ensure_ascii=False)
    return [{"index": index, "function": {"arguments": written[at : at + size]}} for at in range(0, len(written), size)]


def _in_pieces(calls: Sequence[Call]) -> list[list[dict[str, Any]]]:
    return [[one] for index, call in enumerate(calls) for one in (_begin(call, index), *_rest(call, index))]


def _interleaved(calls: Sequence[Call]) -> list[list[dict[str, Any]]]:
    rows = [[_begin(call, index), *_rest(call, index)] for index, call in enumerate(calls)]
    longest = max(map(len, rows))
    return [[row[at]] for at in range(longest) for row in rows if at < len(row)]


VARIANTS: dict[str, Callable[[Sequence[Call]], list[list[dict[str, Any]]]]] = {
    "pieces": _in_pieces,
    "interleaved": _interleaved,
    "each_in_one_chunk": lambda calls: [[_call(call, index)] for index, call in enumerate(calls)],
    "all_in_one_chunk": lambda calls: [[_call(call, index) for index, call in enumerate(calls)]],
    "without_index": lambda calls: [[_call(call)] for call in calls],
    "one_index_for_all": lambda calls: [[_call(call, 0)] for call in calls],
}
"""OpenAI's own (`pieces`), and what vLLM, SGLang, Ollama, Mistral and gateways were seen to send."""
