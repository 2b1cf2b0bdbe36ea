"""A whole body -> a completion, or the error that says why it is not one.

Parse leniently: every field is optional and unknown ones are kept in `raw`, because the providers
behind the API differ (https://docs.oxen.ai/inference-api/reference/chat_completions).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from _oxen_transport.errors import OxenResponseError
from _oxen_transport.redaction import NOTHING_SECRET, Redactor
from _oxen_transport.response.choice import (
    CHUNK,
    WHOLE,
    choices_in,
    first_choice,
    kept,
    parse_choice_error,
    read_choice,
)
from _oxen_transport.response.error_body import is_error, parse_error
from _oxen_transport.response.failures import details_of, error_in_answer, request_id_of
from _oxen_transport.response.json_text import has_surrogates, parse_exactly, parse_json
from _oxen_transport.response.tool_calls import calls_from
from _oxen_transport.response.usage import usage_from, usage_in
from _oxen_transport.tools.names import NO_TOOL_NAMES, ToolNameMap
from _oxen_transport.types import Completion
from _oxen_transport.unicode import valid_text


def completion_from_body(
    body: bytes,
    headers: Mapping[str, str],
    redact: Redactor = NOTHING_SECRET,
    tool_name_map: ToolNameMap = NO_TOOL_NAMES,
    model: str | None = None,
) -> Completion:
    """Read the JSON body of a 200 response.

    Args:
        body: The body, decoded.
        headers: The response headers, names in lower case.
        redact: Removes what must not be shown.
        tool_name_map: Names of tools in the request format -> the tools' own, where they differ.
        model: The id of the model that was asked, for an answer that names none.

    Raises:
        OxenContextOverflowError, OxenNotFoundError, OxenAPIError: The body carries the server's error.
        OxenResponseError: The body is not a chat completion.
    """
    parsed = _json_object(body, headers, redact)
    raw = first_choice(choices_in(parsed))
    exact = parse_event(body) if has_surrogates(body) else None  # halves may stand in two parts of the content
    choice = read_choice(first_choice(choices_in(exact)) if isinstance(exact, dict) else raw, WHOLE)
    if is_error(parsed) or choice.error is not None:
        payload = parse_choice_error(choice, parsed, redact) if choice.error else parse_error(parsed, redact)
        raise error_in_answer(payload, details_of(headers, body, redact))
    if not choice.is_answer:
        raise OxenResponseError(
            "the answer holds no message (`choices` is empty or missing)", details_of(headers, body, redact)
        )
    named = identity(parsed)
    return Completion(
        text=valid_text(choice.text),
        reasoning=valid_text(choice.reasoning),
        refusal=valid_text(choice.refusal) or None,
        tool_calls=calls_from(choice.tool_calls, named["id"] or "", tool_name_map),
        finish_reason=choice.finish_reason,
        usage=usage_from(usage_in(parsed, raw)),
        logprobs=choice.logprobs,
        request_id=request_id_of(headers),
        extras={**kept(parsed), **(choice.extras or {})},
        raw=parsed,
        **{**named, "model": named["model"] or model},
    )


def document_from_body(body: bytes, headers: Mapping[str, str], redact: Redactor = NOTHING_SECRET) -> dict[str, Any]:
    """Read a 200 response of another endpoint. Raises: OxenAPIError, OxenResponseError."""
    parsed = _json_object(body, headers, redact)
    if parsed.get("error") or parsed.get("status") == "error":
        raise error_in_answer(parse_error(parsed, redact), details_of(headers, body, redact))
    return parsed


def identity(parsed: dict[str, Any]) -> dict[str, Any]:
    """The fields that identify an answer, None for what is missing or blank; the same in a body and in a chunk."""
    created = parsed.get("created")
    return {
        "id": _label(parsed.get("id")),
        "model": _label(parsed.get("model")),
        "created": created if isinstance(created, int) else None,
        "system_fingerprint": _label(parsed.get("system_fingerprint")),
        "service_tier": _label(parsed.get("service_tier")),
    }


def parse_event(data: bytes) -> Any:
    """Parse one event of a stream; None if it is not JSON.

    Half of a surrogate pair stays in the texts of its choices: the other half may come with the
    next event.
    """
    try:
        valid = parse_json(data)
    except ValueError:
        return None
    if isinstance(valid, dict) and has_surrogates(data):
        exact = parse_exactly(data)
        for (_, choice), (_, kept_choice) in zip(choices_in(valid), choices_in(exact), strict=True):
            choice.update({name: kept_choice[name] for name in ("text", *CHUNK) if name in choice})
    return valid


def _json_object(body: bytes, headers: Mapping[str, str], redact: Redactor) -> dict[str, Any]:
    try:
        parsed = parse_json(body)
    except ValueError:
        parsed = None
    if isinstance(parsed, list) and len(parsed) == 1:  # Gemini wraps its errors so
        (parsed,) = parsed
    if isinstance(parsed, dict):
        return parsed
    start = parse_error(body[:400], redact).message[:120]
    kind = headers.get("content-type", "no content type")
    raise OxenResponseError(f"the answer is not a JSON object ({kind}): {start!r}", details_of(headers, body, redact))


def _label(value: Any) -> str | None:
    return value if type(value) is str and value.strip() else None
