"""Answers of a well-behaved server, and the pieces to make ill-behaved ones from."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from _oxen_transport.testing.connection import Received
    from _oxen_transport.testing.steps import Attempt, Step

PIECES = ("The ox", " — strong,", " calm", " and 忠实", " —", " pulls", " the plough", " home 🐂.")
ANSWER = "".join(PIECES)
USAGE = {"prompt_tokens": 11, "completion_tokens": 8, "total_tokens": 19}
TOOL_ARGUMENTS = {"path": "/srv/data/reports", "recursive": True, "keep": ["2026", "żółć"]}
TOOL_CALL = ("AbC123xyZ", "delete_files", TOOL_ARGUMENTS)
DONE = b"data: [DONE]\n\n"

Call = tuple[str, str, dict[str, Any]]


def dumps(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()


# -- bodies ---------------------------------------------------------------------------------


def completion(
    text: str | None = ANSWER,
    *,
    tool_calls: Sequence[Call] = (),
    usage: dict[str, Any] | None = USAGE,
    finish_reason: str | None = None,
    model: str = "open-mixtral-8x22b",
    **more: Any,
) -> dict[str, Any]:
    """A whole answer as the service documents it."""
    message: dict[str, Any] = {"role": "assistant", "content": None if tool_calls else text}
    if tool_calls:
        message["tool_calls"] = [
            {"id": id_, "index": index, "type": "function", "function": {"name": name, "arguments": json.dumps(args)}}
            for index, (id_, name, args) in enumerate(tool_calls)
        ]
    reason = finish_reason or ("tool_calls" if tool_calls else "stop")
    return {
        "choices": [{"finish_reason": reason, "index": 0, "message": message}],
        "created": 1_700_000_000,
        "id": "chatcmpl-5d3b0b52-7d3c-4b6e-9f0e-1a2b3c4d5e6f",
        "model": model,
        "object": "chat.completion",
        "usage": usage,
        **more,
    }


def chunk(delta: Any = None, finish_reason: str | None = None, **more: Any) -> dict[str, Any]:
    """One piece of a streamed answer; a str as delta is its content."""
    if isinstance(delta, str):
        delta = {"content": delta}
    return {
        "choices": [{"delta": {} if delta is None else delta, "finish_reason": finish_reason, "index": 0}],
        "created": 1_700_000_000,
        "id": "chatcmpl-5d3b0b52-7d3c-4b6e-9f0e-1a2b3c4d5e6f",
        "model": "open-mixtral-8x22b",
        "object": "chat.completion.chunk",
        **more,
    }


def chunks(
    text: str | Sequence[str] = PIECES,
    *,
    tool_calls: Sequence[Call] = (),
    usage: dict[str, Any] | None = None,
    finish_reason: str | None = "stop",
    piece: int = 7,
) -> list[dict[str, Any]]:
    """A streamed answer: role, pieces of text or of arguments, finish reason, usage.

    Args:
        text: The pieces of the text; a str is one piece.
        tool_calls: In place of the text; their arguments come in pieces of `piece` characters.
        usage: If set, a last chunk without choices carries it.
        finish_reason: None leaves the answer unfinished.
        piece: Length of a piece of arguments, in characters.
    """
    made = [chunk({"role": "assistant", "content": None if tool_calls else ""})]
    if not tool_calls:
        made += [chunk(part) for part in ([text] if isinstance(text, str) else text)]
    for index, (id_, name, args) in enumerate(tool_calls):
        first = {"index": index, "id": id_, "type": "function", "function": {"name": name, "arguments": ""}}
        made.append(chunk({"tool_calls": [first]}))
        written = json.dumps(args)
        for at in range(0, len(written), piece):
            part = {"index": index, "function": {"arguments": written[at : at + piece]}}
            made.append(chunk({"tool_calls": [part]}))
    if finish_reason:
        made.append(chunk(None, "tool_calls" if tool_calls and finish_reason == "stop" else finish_reason))
    if usage:
        made.append({**chunk(), "choices": [], "usage": usage})
    return made


def error_body(message: str = "boom-7731 upstream exploded", **more: Any) -> dict[str, Any]:
    """The second of the two documented error formats."""
    return {"error": {"message": message, **more}}


# -- the bytes around them ------------------------------------------------------------------


def event(data: Any, end: str = "\n") -> bytes:
    """One server-sent event."""
    body = data if isinstance(data, bytes) else dumps(data)
    return b"data: " + body + (end * 2).encode()


def sse(events: Iterable[Any], *, done: bool = True) -> bytes:
    """Server-sent events; bytes among them are taken as they are."""
    body = b"".join(item if isinstance(item, bytes) else event(item) for item in events)
    return body + DONE if done else body


def head(status: int = 200, **headers: str | int) -> bytes:
    """The head of an answer; `content_type=` becomes `content-type:`."""
    lines = [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([f"HTTP/1.1 {status} Scripted", *lines, "", ""]).encode()


def whole(body: Any, status: int = 200, content_type: str = "application/json", **headers: str | int) -> bytes:
    """A whole answer with its length; anything but bytes is written as JSON."""
    data = body if isinstance(body, bytes) else dumps(body)
    return head(status, content_type=content_type, content_length=len(data), **headers) + data


def reply(body: Any, status: int = 200, content_type: str = "application/json", **headers: str | int) -> Attempt:
    """An attempt that gives one whole answer."""
    return [whole(body, status, content_type, **headers)]


def open_stream(*parts: Step, status: int = 200, **headers: str | int) -> list[Step]:
    """A chunked event stream that is not ended; bytes become one HTTP chunk each."""
    first = head(
        status, **{"content_type": "text/event-stream; charset=utf-8", "transfer_encoding": "chunked", **headers}
    )
    return [first, *(b"%x\r\n%s\r\n" % (len(part), part) if isinstance(part, bytes) else part for part in parts)]


def streamed(*parts: Step, status: int = 200, **headers: str | int) -> list[Step]:
    """A chunked event stream, ended in order."""
    return [*open_stream(*parts, status=status, **headers), b"0\r\n\r\n"]


# -- whole behaviours -----------------------------------------------------------------------


def _answer(request: Received, text: str | Sequence[str], tool_calls: Sequence[Call] = ()) -> Iterable[Step]:
    whole_text = text if isinstance(text, str) else "".join(text)
    if not request.wants_stream:
        return [whole(completion(whole_text, tool_calls=tool_calls))]
    asked = request.json.get("stream_options", {}).get("include_usage")
    return streamed(sse(chunks(text, tool_calls=tool_calls, usage=USAGE if asked else None)))


def good(request: Received) -> Iterable[Step]:
    """The canonical answer, streamed or not, as the request asks."""
    return _answer(request, PIECES)


def good_tool_call(request: Received) -> Iterable[Step]:
    """The canonical tool call, streamed or not, as the request asks."""
    return _answer(request, "", [TOOL_CALL])


def echo(request: Received) -> Iterable[Step]:
    """Answer "echo: " and the last message's text: shows whose answer it is."""
    return _answer(request, echo_text(request.json))


def echo_text(body: Any) -> str:
    """What `echo` says to this body."""
    content = body["messages"][-1]["content"]
    text = content if isinstance(content, str) else "".join(part.get("text", "") for part in content)
    return f"echo: {text}"
