"""An error in a response, in the shape of any provider -> the typed error, made of plain data."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from typing import Any, NamedTuple

from pydantic_core import from_json

from _oxen_transport.errors import (
    Details,
    ErrorResponse,
    OxenAPIError,
    OxenContextOverflowError,
    OxenError,
    OxenNotFoundError,
    OxenPaymentRequiredError,
    error_class,
)
from _oxen_transport.redaction import NOTHING_SECRET, Redactor
from _oxen_transport.response.json_text import parse_json
from _oxen_transport.retry import retry_after_seconds

MAX_WORDS = 2_000
_NO_CREDITS = "insufficient_quota"
_STATUS_OF_TYPE = {
    "invalid_request_error": 400,
    "authentication_error": 401,
    "invalid_api_key": 401,
    _NO_CREDITS: 402,
    "permission_error": 403,
    "permission_denied": 403,
}
"""Types and codes of OpenAI and Anthropic that say the same request will fail again."""
_FAILED = ("error", "failed", "failure")
_SUCCEEDED = ("0", "200", "ok", "success")
"""What a status, a code or a message is when nothing went wrong."""
_MESSAGES = ("message", "msg", "error_message", "error_msg", "errorMessage", "errors")
MAX_TEXT = 16_384


class ErrorPayload(NamedTuple):
    """The error that the server reported. `message` is bounded and holds none of the caller's secrets."""

    message: str
    type: str | None = None
    code: str | None = None
    param: str | None = None
    prompt_tokens: int | None = None
    context_window: int | None = None
    overflow: bool = False
    unknown_model: bool = False
    status: int | None = None  # the HTTP status that the body itself names, as it does inside of a 200 answer


# Wordings of "the prompt does not fit": Mistral, OpenAI, vLLM (old and new), SGLang, TGI,
# llama.cpp, Anthropic, Fireworks, Gemini, Groq, xAI, Bedrock. Named groups carry the figures where the text has them.
_UNKNOWN_MODEL = re.compile(
    r"model[ _]not[ _]found|(?:invalid|unknown)[ _]model|model\b.{0,80}\b(?:does not exist|not found|is retired)",
    re.IGNORECASE | re.DOTALL,
)
_N = r"[\d,]+"
_OVERFLOW = (
    rf"prompt contains (?P<prompt>{_N}) tokens.*?(?P<window>{_N}) maximum context length",
    rf"maximum context length is (?P<window>{_N}) tokens.*?"
    rf"(?:resulted in|requested|has|contains at least) (?P<prompt>{_N})",
    rf"maximum context length (?:is|of) (?P<window>{_N})",
    rf"prompt \(length (?P<prompt>{_N})\) is longer than the maximum model length of (?P<window>{_N})",
    rf"input \((?P<prompt>{_N}) tokens\) is longer than the model's context length \((?P<window>{_N})",
    rf"tokens \+ `?max_new_tokens`? must be <= (?P<window>{_N})\. given: (?P<prompt>{_N})",
    rf"request \((?P<prompt>{_N}) tokens\) exceeds the available context size \((?P<window>{_N})",
    rf"prompt is too long: (?P<prompt>{_N})(?: tokens >|, model maximum context length:) (?P<window>{_N})",
    rf"input token count \(?(?P<prompt>{_N})\)? exceeds the maximum number of tokens allowed \(?(?P<window>{_N})",
    rf"maximum prompt length is (?P<window>{_N}) but the request contains (?P<prompt>{_N})",
    rf"input tokens exceed the configured limit of (?P<window>{_N})"
    rf"(?: tokens\. your messages resulted in (?P<prompt>{_N}))?",
    r"exceeds? (?:the )?(?:model'?s? |available )?(?:maximum )?context (?:length|window|size|limit)",
    r"(?:too many tokens|prompt is too long|context[_ ]length[_ ]exceeded|exceed_context_size)",
    r"input is too long for requested model",
    r"too large for model with .* context",
    r"reduce the length of the (?:messages|prompt|input)",
)


@cache
def _overflow() -> tuple[re.Pattern[str], ...]:
    """Compiled with the first error, not with the import."""
    return tuple(re.compile(pattern, re.IGNORECASE | re.DOTALL) for pattern in _OVERFLOW)


def is_error(body: dict[str, Any]) -> bool:
    """Whether a body, or an event of a stream, that came with status 200 reports an error."""
    if is_real_error(body.get("error")) or str(body.get("object")).lower() == "error":
        return True
    if str(body.get("status")).lower() in _FAILED:
        return True
    if body.get("choices"):
        return False
    minimax = body.get("base_resp")  # https://www.minimax.io/platform/document/Error%20Code
    if isinstance(minimax, dict) and minimax.get("status_code"):
        return True
    succeeded = _succeeded(body.get("status")) or _succeeded(body.get("code"))
    tells = any(body.get(key) for key in ("status_message", "detail", *_MESSAGES))
    return body.get("success") is False or (tells and not succeeded)


def is_real_error(error: Any) -> bool:
    """Whether an `error` field reports one: some servers send `{"code": 0, "message": "success"}` with each answer."""
    if isinstance(error, dict):
        return any(value and not _succeeded(value) for value in error.values())
    return bool(error)


def _succeeded(value: Any) -> bool:
    return str(value).lower() in _SUCCEEDED


def parse_error(body: Any, redact: Redactor = NOTHING_SECRET) -> ErrorPayload:
    """Read the server's error out of a body: parsed JSON, text, or bytes of either."""
    if isinstance(body, bytes):
        body = body.decode("utf-8", "replace") if len(body) > MAX_TEXT else _parsed(body)
    body = redact.tree(body)  # first of all: what is cut off after it holds no piece of a secret
    if isinstance(body, list) and body and isinstance(body[0], dict) and body[0].get("error"):
        body = body[0]  # Gemini wraps its errors in a list
    if not isinstance(body, dict):
        return _payload(_plain(body), {})
    inner = body.get("error")
    source = inner if isinstance(inner, dict) else body
    return _payload(_message(body, inner), source)


def _parsed(body: bytes) -> Any:
    try:
        return parse_json(body)
    except ValueError:
        text = body.decode("utf-8", "replace")
        return text.split("data:", 1)[1] if text.startswith("data:") else text


def _message(body: dict[str, Any], inner: Any) -> str:
    """The most telling text of a body, with the detail behind it where that says more."""
    if isinstance(inner, dict):
        head = _plain(_first(inner, *_MESSAGES, "title", "description", "type"))
        metadata = inner.get("metadata")  # OpenRouter: the provider's own error
        detail = _plain(inner.get("detail") or (metadata.get("raw") if isinstance(metadata, dict) else ""))
        return f"{head}: {detail}" if head and detail and detail not in head else head or detail
    text = inner if inner and not isinstance(inner, bool) else _first(body, "message", "detail", *_MESSAGES)
    if text:
        return _plain(text)
    minimax = body.get("base_resp")
    source = {**body, "status_message": minimax.get("status_msg")} if isinstance(minimax, dict) else body
    parts = [_plain(source.get(key) or "") for key in ("status_message", "status_description")]
    return ": ".join(part for part in dict.fromkeys(parts) if part)


def _first(source: dict[str, Any], *names: str) -> Any:
    """The first of these fields that says something; "" if none does."""
    return next((value for name in names if (value := source.get(name)) and not isinstance(value, bool)), "")


def _plain(value: Any) -> str:
    """Any value as one line of text: JSON inside a string is parsed, HTML loses its tags."""
    if isinstance(value, str):
        return _plain_text(value)
    if isinstance(value, list):
        return "; ".join(_plain(item) for item in value[:20])
    if isinstance(value, dict):
        where = ".".join(str(part) for part in value["loc"]) if isinstance(value.get("loc"), list) else ""
        message = _first(value, "msg", "message", "detail", "error")
        text = _plain(message) if message else str(value)[:MAX_WORDS]
        return f"{where}: {text}" if where else text
    return "" if value is None else str(value)[:MAX_WORDS]


def _plain_text(text: str) -> str:
    if text.lstrip()[:1] in ("{", "[") and len(text) <= MAX_TEXT:
        try:
            return _plain(from_json(text))
        except ValueError:
            pass
    if "<" in text[:256]:
        text = re.sub(r"(?is)<(script|style)\b.*?(</\1>|$)|<[^>]{0,1000}>", " ", text[:MAX_TEXT])
    return " ".join(text[:MAX_TEXT].split())


def _payload(message: str, source: dict[str, Any]) -> ErrorPayload:
    message = message[:MAX_WORDS]
    kind, code, param = (_short(source.get(key)) for key in ("type", "code", "param"))
    prompt, window = _count(source.get("n_prompt_tokens")), _count(source.get("n_ctx"))
    texts = (message, kind or "", code or "")
    overflow = next((found for text in texts for pattern in _overflow() if (found := pattern.search(text))), None)
    if overflow:
        figures = overflow.groupdict()
        prompt = prompt or _count(figures.get("prompt"))
        window = window or _count(figures.get("window"))
    unknown_model = any(_UNKNOWN_MODEL.search(text) for text in texts)
    return ErrorPayload(
        message, kind, code, param, prompt, window, overflow is not None, unknown_model, _status(source)
    )


def _status(source: dict[str, Any]) -> int | None:
    """The HTTP status that the server names inside a body, if it is one of an error."""
    for name in ("code", "status", "status_code", "http_status"):
        status = _count(source.get(name))
        if status is not None and 400 <= status < 600:
            return status
    return _STATUS_OF_TYPE.get(str(source.get("type")), _STATUS_OF_TYPE.get(str(source.get("code"))))


def _short(value: Any) -> str | None:
    return str(value)[:200] if isinstance(value, (str, int)) and value != "" else None


def _count(value: Any) -> int | None:
    if isinstance(value, str):
        digits = value.replace(",", "")
        return int(digits) if digits.isdecimal() and len(digits) < 19 else None
    return value if isinstance(value, int) else None


# -- the typed error -----------------------------------------------------------------------

_REPORTED_HEADERS = ("content-type", "retry-after", "retry-after-ms", "x-request-id", "x-oxen-request-id", "cf-ray")


def error_from_reply(status: int, headers: Mapping[str, str], body: bytes, redact: Redactor, now: float) -> OxenError:
    """The typed error for a status of 300 or higher; `now`, in seconds, is for a Retry-After that is a date."""
    payload = parse_error(body, redact)
    kind = error_class(status)
    if payload.overflow and status in (400, 413, 422, 500):
        kind = OxenContextOverflowError
    elif payload.unknown_model and status in (400, 404, 422):
        kind = OxenNotFoundError
    elif status == 429 and _NO_CREDITS in (payload.type, payload.code):
        kind = OxenPaymentRequiredError  # OpenAI's word for it: no wait helps
    details = details_of(headers, body, redact, status, now)
    message = f"HTTP {status}: {_quoted(payload)}"
    if 300 <= status < 400:
        message = f"HTTP {status}: redirect to {redact(headers.get('location', 'nowhere'))[:200]!r}"
    return kind(message, _with_payload(details, payload))


def error_in_answer(payload: ErrorPayload, details: Details, kind: type[OxenAPIError] = OxenAPIError) -> OxenError:
    """The typed error for one in a 200 answer: what cannot be retried has the class of its own status, else `kind`."""
    found: type[OxenError] = kind
    if payload.overflow:
        found = OxenContextOverflowError
    elif payload.unknown_model:
        found = OxenNotFoundError
    elif payload.status is not None and not error_class(payload.status).is_retryable:
        found = error_class(payload.status)
    return found(f"the server reported an error: {_quoted(payload)}", _with_payload(details, payload))


def details_of(
    headers: Mapping[str, str],
    body: bytes = b"",
    redact: Redactor = NOTHING_SECRET,
    status: int | None = None,
    now: float | None = None,
) -> Details:
    """Plain data about a response: allow-listed headers, a bounded and redacted body."""
    kept = {name: redact(headers[name])[:500] for name in _REPORTED_HEADERS if name in headers}
    text = redact(body.decode("utf-8", "replace"))[:MAX_TEXT]
    return Details(
        status_code=status,
        request_id=request_id_of(headers),
        retry_after=None if now is None else retry_after_seconds(headers, now),
        response=ErrorResponse(status or 200, kept, text),
    )


def request_id_of(headers: Mapping[str, str]) -> str | None:
    """The id under which the server's operators can find the request."""
    return headers.get("x-oxen-request-id") or headers.get("x-request-id")


def _quoted(payload: ErrorPayload) -> str:
    return f'"{payload.message}"' if payload.message else "no reason given"


def _with_payload(details: Details, payload: ErrorPayload) -> Details:
    return replace(
        details,
        body=payload.message or None,
        type=payload.type,
        code=payload.code,
        param=payload.param,
        prompt_tokens=payload.prompt_tokens,
        context_window=payload.context_window,
        unknown_model=payload.unknown_model,
    )
