"""An answer that is an error -> the typed error, made of plain data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from _oxen_transport.errors import (
    Details,
    ErrorResponse,
    OxenAPIError,
    OxenContextOverflowError,
    OxenError,
    OxenNotFoundError,
    error_class,
)
from _oxen_transport.redaction import NOTHING_SECRET, Redactor
from _oxen_transport.response.error_body import MAX_TEXT, ErrorPayload, parse_error
from _oxen_transport.retry import retry_after_seconds

_REPORTED_HEADERS = ("content-type", "retry-after", "retry-after-ms", "x-request-id", "x-oxen-request-id", "cf-ray")


def error_from_reply(status: int, headers: Mapping[str, str], body: bytes, redact: Redactor, now: float) -> OxenError:
    """The typed error for a response whose status reports a failure.

    Args:
        status: The HTTP status, 300 or higher.
        headers: The response headers, names in lower case.
        body: The response body, or its beginning.
        redact: Removes what must not be shown.
        now: Seconds since the epoch, for a Retry-After that is a date.
    """
    payload = parse_error(body, redact)
    kind = error_class(status)
    if payload.overflow and status in (400, 413, 422, 500):
        kind = OxenContextOverflowError
    elif payload.unknown_model and status in (400, 404, 422):
        kind = OxenNotFoundError
    details = details_of(headers, body, redact, status, now)
    message = f"HTTP {status}: {_quoted(payload)}"
    if 300 <= status < 400:
        message = f"HTTP {status}: redirect to {redact(headers.get('location', 'nowhere'))[:200]!r}"
    return kind(message, _with_payload(details, payload))


def error_in_answer(payload: ErrorPayload, details: Details, kind: type[OxenAPIError] = OxenAPIError) -> OxenError:
    """The typed error for one that came inside a 200 answer.

    What sending the same request again cannot change has the class that its own status would have
    given it, as far as the server says; everything else is a `kind`, which is retryable.
    """
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
    text = redact(body[:MAX_TEXT].decode("utf-8", "replace"))
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
        type=payload.type,
        code=payload.code,
        param=payload.param,
        body=payload.message or None,
        prompt_tokens=payload.prompt_tokens,
        context_window=payload.context_window,
        unknown_model=payload.unknown_model,
    )
