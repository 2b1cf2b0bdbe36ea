"""Responses that real servers send and the documentation does not have, each with what it must become."""

# ruff: noqa: E501 - one row a line

from __future__ import annotations

import gzip
import json
from typing import Any, NamedTuple

from _oxen_transport import errors
from _oxen_transport.testing import USAGE, chunk, completion, error_body, event, sse

PAR, TIAL, STOP = chunk("par"), chunk("tial"), chunk(None, "stop")
OVERFLOW = "This model's maximum context length is 65536 tokens. However, you requested 70000 tokens"
UNKNOWN = "The model `mixtral-9` does not exist"
EVENTS, JSON = "text/event-stream", "application/json"


class Row(NamedTuple):
    """A body, how it is labelled, and what must come of it: a text, or an error with the text before it."""

    name: str
    body: bytes
    text: str = "partial"
    error: type[errors.OxenError] | None = None
    message: str = ""
    content_type: str | None = EVENTS
    headers: dict[str, str] = {}  # noqa: RUF012 - never changed
    retryable: bool = True


def choice(index: Any, delta: Any = None, reason: str | None = None, **more: Any) -> dict[str, Any]:
    return {"index": index, "delta": delta or {}, "finish_reason": reason, **more}


def choices(*made: dict[str, Any]) -> dict[str, Any]:
    return {"object": "chat.completion.chunk", "choices": list(made)}


def words(text: str, reason: str | None = None) -> dict[str, Any]:
    """A chunk of a text completion."""
    return {"object": "text_completion", "choices": [{"index": 0, "text": text, "finish_reason": reason}]}


def body(**more: Any) -> bytes:
    return json.dumps(completion("partial", **more)).encode()


def with_message(**message: Any) -> bytes:
    made = completion("partial")
    made["choices"][0]["message"] = message
    return json.dumps(made).encode()


ONE, OTHER = choice(0, {"content": "partial"}, "stop"), choice(1, {"content": "another"}, "length")
FAILED = {
    "an error with neither `error` nor a finish reason": {"code": "InternalError", "msg": "boom"},
    "a list of errors": {"errors": ["boom"]},
    "an error that `success` reports": {"success": False, "error_msg": "boom"},
    "an error that `base_resp` reports": {"choices": None, "base_resp": {"status_code": 1000, "status_msg": "boom"}},
    "a choice with an error": choices(choice(0, error={"code": 502, "message": "boom"})),
    "a delta with an error": choices(choice(0, {"error": "boom"})),
    "a choice that the engine gave up": choices(choice(0, reason="abort")),
}

CUT = [
    Row(f"stream: {name}", sse([PAR, event]), "par", errors.OxenStreamError, "boom|abort")
    for name, event in FAILED.items()
] + [
    Row("stream: an object that is not a chunk", sse([PAR, {"type": "exception", "data": "x"}]), "par", errors.OxenResponseError, "not a chunk"),
    Row("stream: plain text", sse([PAR, b"data: Internal Server Error\n\n"]), "par", errors.OxenResponseError, "not a chunk"),
    Row("stream: a named error in plain text", sse([PAR, b"event: error\ndata: boom\n\n"]), "par", errors.OxenStreamError, "boom"),
    Row("stream: an error without a blank line at the end", sse([PAR, error_body("boom")], done=False).rstrip(), "par", errors.OxenStreamError, "boom"),
    Row("stream: half an object", sse([PAR, b'data: {"choices": [{"de\n\n', TIAL]), "par", errors.OxenResponseError, "not a chunk"),
    *[
        Row(f"stream: finish_reason {reason!r} on each chunk", sse([chunk("par", reason)], done=False), "par", errors.OxenTruncatedStreamError)
        for reason in ("null", "None", "")
    ],
    Row("stream: a role and [DONE]", sse([chunk({"role": "assistant"})]), "", errors.OxenTruncatedStreamError),
    Row("stream: two choices, of which the first is cut", sse([choices(choice(0, {"content": "par"}), OTHER)], done=False), "par", errors.OxenTruncatedStreamError),
    Row("body: an error in odd words", b'{"code": "InternalError", "msg": "boom"}', "", errors.OxenAPIError, "boom", JSON),
    Row("body: an error with half a surrogate pair", b'{"error": {"message": "boom \\ud83d"}}', "", errors.OxenAPIError, "boom \ufffd", JSON),
    Row("stream: an object of another kind", sse([PAR, {"object": "exception", "code": 500}]), "par", errors.OxenResponseError, "not a chunk"),
    Row("stream: a failure among choices counted from one", sse([choices(choice(1, {"content": "par"})), choices(choice(1, error="boom"))]), "par", errors.OxenStreamError, "boom"),
    Row("body: an error in a list", b'[{"error": {"code": 503, "message": "boom"}}]', "", errors.OxenAPIError, "boom", JSON),
    Row("body: a choice with an error", json.dumps({"choices": [{"error": {"message": "boom"}, "message": {"content": "par"}, "finish_reason": None}]}).encode(), "", errors.OxenAPIError, "boom", JSON),
    Row("body: a page", b"<html><body>Sign in</body></html>", "", errors.OxenResponseError, "", "text/html"),
]  # fmt: skip

FATAL = [
    Row(f"{way}: {name}", wrap({"error": {"message": text, **more}}), "", kind, "", label, retryable=False)
    for way, wrap, label in (
        ("stream", lambda error: sse([error]), EVENTS),
        ("body", lambda error: json.dumps(error).encode(), JSON),
    )
    for name, text, more, kind in (
        ("overflow", OVERFLOW, {}, errors.OxenContextOverflowError),
        ("overflow behind a proxy", "Provider returned error", {"code": 400, "metadata": {"raw": json.dumps(error_body(OVERFLOW))}}, errors.OxenContextOverflowError),
        ("an unknown model", UNKNOWN, {}, errors.OxenNotFoundError),
        ("a bad request", "temperature is too hot", {"type": "invalid_request_error"}, errors.OxenBadRequestError),
        ("a wrong key", "no such key", {"code": 401}, errors.OxenAuthenticationError),
        ("no credits", "top up", {"code": "402"}, errors.OxenPaymentRequiredError),
    )
]  # fmt: skip

WHOLE = [
    Row("stream: text completions", sse([words("par"), words("tial", "stop")])),
    Row("body: a text completion", json.dumps({"choices": [{"text": "partial", "finish_reason": "stop"}]}).encode(), content_type=JSON),
    Row("stream: a delta that is text", sse([choices({"index": 0, "delta": "partial"}), STOP])),
    Row("stream: content that is one part", sse([chunk({"content": {"type": "text", "text": "partial"}}), STOP])),
    Row("stream: events with a name of their own", b"".join(b"event: completion\n" + event(made) for made in (PAR, TIAL, STOP))),
    Row("stream: a refusal in a part", sse([chunk({"content": [{"type": "refusal", "refusal": "no"}]}), PAR, TIAL, STOP])),
    Row("stream: two choices", sse([choices(ONE, OTHER)])),
    Row("stream: two choices, the other first", sse([choices(OTHER, ONE)])),
    Row("stream: two choices by turns", sse([choices(OTHER), choices(choice(0, {"content": "par"})), choices(OTHER), choices(choice(0, {"content": "tial"}, "stop"))])),
    Row("stream: choices counted from one", sse([choices(choice(1, {"content": "par"})), choices(choice(1, {"content": "tial"}, "stop"))])),
    Row("body: two choices, the other first", json.dumps({"choices": [{"index": 1, "message": {"content": "another"}}, {"index": 0, "message": {"content": "partial"}}]}).encode(), content_type=JSON),
    Row("stream: no blank line at the end", sse([PAR, chunk("tial", "stop")], done=False).rstrip()),
    Row("stream: no blank line after [DONE]", sse([PAR, TIAL]).rstrip()),
    Row("stream: keep-alives of odd shape", sse([b"data:\n\n", b"data: null\n\n", PAR, b"data: {}\n\n", b"event: ping\ndata: {\"type\": \"ping\"}\n\n", b"data: []\n\n", b": ping\n\n", b"data: ping\n\n", {"type": "ping"}, TIAL])),
    Row("stream: junk after the finish reason", sse([PAR, TIAL, STOP, b"data: {\"cost\n\n", b"data: bye\n\n", error_body(), {"code": 1, "msg": "boom"}, b"event: error\ndata: boom\n\n", choices(choice(0, error="boom"))])),
    Row("stream: an empty error beside each chunk", sse([{**PAR, "error": {"code": 0, "message": ""}}, {**TIAL, "error": None}, STOP])),
    Row("events called JSON", sse([PAR, TIAL, STOP]), content_type=JSON),
    Row("events called a page", sse([b": hello\n\n", PAR, TIAL, STOP]), content_type="text/html"),
    Row("events without a name", sse([PAR, TIAL, STOP]), content_type=None),
    Row("JSON called events", body()),
    Row("JSON called a page", body(), content_type="text/html"),
    Row("JSON in several lines", json.dumps(completion("partial"), indent=1).encode()),
    Row("JSON lines", b"\n".join(json.dumps(made).encode() for made in (PAR, TIAL, STOP)), content_type="application/x-ndjson"),
    Row("a byte order mark before JSON", b"\xef\xbb\xbf" + body(), content_type=JSON),
    Row("JSON in UTF-16", body().decode().encode("utf-16"), content_type=JSON),
    Row("a byte order mark before events", b"\xef\xbb\xbf" + sse([PAR, TIAL, STOP])),
    Row("a character set called a coding", body(), content_type=JSON, headers={"content_encoding": "utf-8"}),
    Row("a coding that a proxy undid", sse([PAR, TIAL, STOP]), headers={"content_encoding": "gzip"}),
    Row("a coding that nobody named", gzip.compress(sse([PAR, TIAL, STOP]))),
    Row("body: half a surrogate pair", with_message(content="hi \ud83d"), "hi \ufffd", content_type=JSON),
    Row("body: a surrogate pair in two parts", with_message(content=[{"type": "text", "text": "hi \ud83d"}, {"type": "text", "text": "\ude00"}]), "hi 😀", content_type=JSON),
    Row("body: a surrogate pair", with_message(content="hi \ud83d\ude00"), "hi 😀", content_type=JSON),
    Row("stream: a surrogate pair in two events", sse([event(json.dumps(chunk("hi \ud83d")).encode()), event(json.dumps(chunk("\ude00 there")).encode()), STOP]), "hi 😀 there"),
    Row("stream: half a surrogate pair", sse([event(json.dumps(chunk("hi \ud83d")).encode()), STOP]), "hi \ufffd"),
]  # fmt: skip

NAMED = {
    "a first chunk without names": [{**chunk(), "id": "", "model": "", "choices": [], "prompt_filter_results": []}, PAR, TIAL, STOP],
    "blank names": [{**chunk("partial", "stop"), "id": " ", "model": " "}],
    "no names": [choices(ONE)],
    "the documented names": [PAR, TIAL, STOP],
}  # fmt: skip

COUNTED = {
    "beside the choices": {**STOP, "usage": USAGE},
    "in the last choice": choices(choice(0, reason="stop", usage=USAGE)),
    "in x_groq": {**STOP, "x_groq": {"usage": USAGE}},
    "under two names": {**STOP, "usage": {**USAGE, "prompt_tokens": None, "input_tokens": 11}},
    "under Anthropic's names": {**STOP, "usage": {"input_tokens": 11, "output_tokens": 8}},
    "after the finish reason": [STOP, {"choices": [], "usage": USAGE}],
    "cumulative": [{**TIAL, "usage": {**USAGE, "completion_tokens": 2, "total_tokens": 13}}, {**STOP, "usage": USAGE}],
    "the same in each chunk": [{**TIAL, "usage": USAGE}, {**STOP, "usage": USAGE}],
    "in parts": [{**TIAL, "usage": {"prompt_tokens": 11}}, {**STOP, "usage": {"completion_tokens": 8}}],
    "null before the end": [{**TIAL, "usage": None}, {**STOP, "usage": USAGE}],
}
