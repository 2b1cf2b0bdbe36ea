"""A whole body -> a completion, or the error that says why it is none.

Read kindly: every field is optional and unknown ones are kept in `raw`, because the providers
behind the API differ (https://docs.oxen.ai/inference-api/reference/chat_completions).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from pydantic_core import from_json

from _oxen_transport.errors import (
    Details,
    ErrorResponse,
    OxenAPIError,
    OxenContextOverflowError,
    OxenError,
    OxenNotFoundError,
    OxenResponseError,
    error_class,
)
from _oxen_transport.redaction import NOTHING_SECRET, Redactor
from _oxen_transport.response.error_body import MAX_TEXT, ErrorPayload, is_error, parse_error
from _oxen_transport.response.tool_calls import calls_from
from _oxen_transport.retry import retry_after_seconds
from _oxen_transport.tools.names import NO_TOOL_NAMES, ToolNameMap
from _oxen_transport.types import Completion, Usage

_REPORTED_HEADERS = ("content-type", "retry-after", "retry-after-ms", "x-request-id", "x-oxen-request-id", "cf-ray")


def completion_from_body(
    body: bytes,
    headers: Mapping[str, str],
    redact: Redactor = NOTHING_SECRET,
    tool_name_map: ToolNameMap = NO_TOOL_NAMES,
) -> Completion:
    """Read the body of a 200 answer. `tool_name_map`: those of tools that the wire calls otherwise.

    Raises:
        OxenAPIError: The body carries the server's error.
        OxenResponseError: The body is no chat completion.
    """
    parsed = _json_object(body, headers, redact)
    choices = parsed.get("choices")
    choice = choices[0] if isinstance(choices, list) and choices and isinstance(choices[0], dict) else {}
    if is_error(parsed) or choice.get("finish_reason") == "error":
        raise OxenAPIError(*said(parse_error(parsed, redact), details_of(headers, body, redact)))
    message = choice.get("message")
    if not isinstance(message, dict):
        raise OxenResponseError(
            "the answer holds no message (`choices` is empty or missing)", details_of(headers, body, redact)
        )
    text, reasoning = text_and_reasoning(message)
    return Completion(
        text=text,
        reasoning=reasoning,
        refusal=_str(message.get("refusal")),
        tool_calls=calls_from(message.get("tool_calls"), str(parsed.get("id") or ""), tool_name_map),
        finish_reason=_str(choice.get("finish_reason")),
        usage=usage_from(parsed.get("usage")),
        logprobs=choice.get("logprobs") if isinstance(choice.get("logprobs"), dict) else None,
        request_id=request_id_of(headers),
        raw=parsed,
        **identity(parsed),
    )


def document_from_body(body: bytes, headers: Mapping[str, str], redact: Redactor = NOTHING_SECRET) -> dict[str, Any]:
    """Read a 200 answer of another endpoint. Raises: OxenAPIError, OxenResponseError."""
    parsed = _json_object(body, headers, redact)
    if parsed.get("error") or parsed.get("status") == "error":
        raise OxenAPIError(*said(parse_error(parsed, redact), details_of(headers, body, redact)))
    return parsed


def error_from_reply(status: int, headers: Mapping[str, str], body: bytes, redact: Redactor, now: float) -> OxenError:
    """The typed error for an answer whose status says no.

    Args:
        status: The HTTP status, 300 or higher.
        headers: The answer's headers, names in lower case.
        body: The answer's body, or its beginning.
        redact: Takes out what must not be shown.
        now: Seconds since the epoch, for a Retry-After that is a date.
    """
    words = parse_error(body, redact)
    kind = error_class(status)
    if words.overflow and status in (400, 413, 422, 500):
        kind = OxenContextOverflowError
    elif words.unknown_model and status in (400, 404, 422):
        kind = OxenNotFoundError
    message, details = said(words, details_of(headers, body, redact, status, now))
    if 300 <= status < 400:
        message = f"HTTP {status}: redirect to {redact(headers.get('location', 'nowhere'))[:200]!r}"
    return kind(message, details)


def said(words: ErrorPayload, known: Details) -> tuple[str, Details]:
    """The text and the details of an error that the server reported."""
    text = f'"{words.message}"' if words.message else "no reason given"
    status = known.status_code
    return (f"HTTP {status}: {text}" if status else f"the server reported an error: {text}"), replace(
        known,
        type=words.type,
        code=words.code,
        param=words.param,
        body=words.message or None,
        prompt_tokens=words.prompt_tokens,
        context_window=words.context_window,
        unknown_model=words.unknown_model,
    )


def details_of(
    headers: Mapping[str, str],
    body: bytes = b"",
    redact: Redactor = NOTHING_SECRET,
    status: int | None = None,
    now: float | None = None,
) -> Details:
    """Plain data about an answer: allow-listed headers, a bounded and redacted body."""
    kept = {name: redact(headers[name])[:500] for name in _REPORTED_HEADERS if name in headers}
    text = redact(body[:MAX_TEXT].decode("utf-8", "replace"))
    return Details(
        status_code=status,
        request_id=request_id_of(headers),
        retry_after=None if now is None else retry_after_seconds(headers, now),
        response=ErrorResponse(status or 200, kept, text),
    )


def request_id_of(headers: Mapping[str, str]) -> str | None:
    """The id under which the server's side can find the request."""
    return headers.get("x-oxen-request-id") or headers.get("x-request-id")


def identity(parsed: dict[str, Any]) -> dict[str, Any]:
    """The fields that name an answer; the same in a body and in a chunk."""
    created = parsed.get("created")
    return {
        "id": _str(parsed.get("id")),
        "model": _str(parsed.get("model")),
        "created": created if isinstance(created, int) else None,
        "system_fingerprint": _str(parsed.get("system_fingerprint")),
        "service_tier": _str(parsed.get("service_tier")),
    }


def text_and_reasoning(message: dict[str, Any]) -> tuple[str, str]:
    """What the model said and what it thought, from a message or a delta of any provider."""
    content = message.get("content")
    reasoning = message.get("reasoning_content") or message.get("reasoning")
    thought = reasoning if isinstance(reasoning, str) else ""
    if isinstance(content, str):
        return content, thought
    texts = []
    for part in content if isinstance(content, list) else ():
        if isinstance(part, str):
            texts.append(part)
        elif isinstance(part, dict) and part.get("type") in ("thinking", "reasoning"):
            thought += text_and_reasoning({"content": part.get("thinking") or part.get("text")})[0]
        elif isinstance(part, dict) and isinstance(part.get("text"), str):
            texts.append(part["text"])
    return "".join(texts), thought


def usage_from(raw: Any) -> Usage | None:
    """Token counts as plain ints. A missing total is the sum; details are looked for where providers put them."""
    if not isinstance(raw, dict) or not raw:
        return None
    prompt = _int(raw.get("prompt_tokens", raw.get("input_tokens"))) or 0
    completion = _int(raw.get("completion_tokens", raw.get("output_tokens"))) or 0
    before = raw.get("prompt_tokens_details")
    after = raw.get("completion_tokens_details")
    cached = before.get("cached_tokens") if isinstance(before, dict) else raw.get("cache_read_input_tokens")
    return Usage(
        prompt_tokens=prompt,
        completion_tokens=completion,
        total_tokens=_int(raw.get("total_tokens")) or prompt + completion,
        cached_tokens=_int(cached),
        reasoning_tokens=_int(after.get("reasoning_tokens")) if isinstance(after, dict) else None,
        cost=_amount(raw.get("cost")),
        raw=raw,
    )


def _json_object(body: bytes, headers: Mapping[str, str], redact: Redactor) -> dict[str, Any]:
    try:
        parsed = parse_json(body)
    except ValueError:
        parsed = None
    if isinstance(parsed, dict):
        return parsed
    start = parse_error(body[:400], redact).message[:120]
    kind = headers.get("content-type", "no content type")
    raise OxenResponseError(f"the answer is not a JSON object ({kind}): {start!r}", details_of(headers, body, redact))


def parse_json(data: bytes) -> Any:
    """Parse JSON; bytes that are not UTF-8 become U+FFFD. Raises: ValueError."""
    try:
        return from_json(data)
    except ValueError:
        return from_json(data.decode("utf-8", "replace"))


def _str(value: Any) -> str | None:
    return value if type(value) is str else None


def _amount(value: Any) -> float | None:
    """A count or a price; what is negative, not a number, or beyond all measure is none."""
    return float(value) if type(value) in (int, float) and 0 <= value < 1e15 else None


def _int(value: Any) -> int | None:
    amount = _amount(value)
    return None if amount is None else int(amount)
