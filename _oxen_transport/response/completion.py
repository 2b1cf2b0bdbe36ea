"""A body, or one choice of it -> what it holds; and the token counts. Chunks of a stream are read by the same rules.

Providers write `message`, `delta` or, as text completions do, `text`; content as text or as parts.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from _oxen_transport.errors import OxenResponseError
from _oxen_transport.redaction import NOTHING_SECRET, Redactor
from _oxen_transport.response.errors import (
    ErrorPayload,
    details_of,
    error_in_answer,
    is_error,
    is_real_error,
    parse_error,
    request_id_of,
)
from _oxen_transport.response.json_text import has_surrogates, parse_exactly, parse_json
from _oxen_transport.response.tool_call_fragments import Index, read_index
from _oxen_transport.response.tool_calls import calls_from
from _oxen_transport.tools.names import NO_TOOL_NAMES, ToolNameMap
from _oxen_transport.types import Completion, Usage
from _oxen_transport.unicode import valid_text, valid_tree


def completion_from_body(
    body: bytes,
    headers: Mapping[str, str],
    redact: Redactor = NOTHING_SECRET,
    tool_name_map: ToolNameMap = NO_TOOL_NAMES,
    model: str | None = None,
) -> Completion:
    """Read the JSON body of a 200 response; `model` is the id that was asked, for an answer that names none.

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
    if is_real_error(parsed.get("error")) or parsed.get("status") == "error":
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
    """An event of a stream; None if it is not JSON. Half a surrogate pair stays: the next event may have the other."""
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
    start = parse_error(body, redact).message[:120]
    kind = redact(headers.get("content-type", "no content type"))[:60]
    raise OxenResponseError(f"the answer is not a JSON object ({kind}): {start!r}", details_of(headers, body, redact))


def _label(value: Any) -> str | None:
    return value if type(value) is str and value.strip() else None


# -- one choice: the same reader for whole bodies and for chunks ---------------------------

WHOLE = ("message", "delta")
CHUNK = ("delta", "message")  # where the message stands, in order: some servers answer with the other kind's key

FAILED = frozenset(
    {
        *("error", "failed", "abort", "aborted", "cancelled", "canceled"),  # vLLM and SGLang: "abort"
        "insufficient_system_resource",  # https://api-docs.deepseek.com/api/create-chat-completion
        "network_error",  # https://docs.z.ai/api-reference/llm/chat-completion
    }
)
"""Finish reasons that say the server gave up: what came before them is not the whole answer."""

KEPT = frozenset(
    {
        *("reasoning_details", "thinking_blocks", "extra_content"),  # OpenRouter, LiteLLM, Gemini: to be sent back
        *("annotations", "citations", "search_results", "images"),
    }
)
"""Fields of a message, or of the body around it, that are kept as the server wrote them."""

_THOUGHTS = ("thinking", "reasoning")
_CALLS = ("tool_use", "tool_call", "function_call")
_NOT_REASONS = ("", "null", "none")  # what some servers write on each chunk but the last


class Choice:
    """What one choice holds; one is made for each chunk, so what is not set stands in the class.

    Calls and log probabilities are as the server wrote them, `extras` the fields in `KEPT` that the message has. No
    `finish_reason`: the model goes on, or the server leaves it out. `is_answer`: there is a message, if an empty one.
    """

    text: str = ""
    reasoning: str = ""
    refusal: str = ""
    tool_calls: Any = None
    finish_reason: str | None = None
    logprobs: dict[str, Any] | None = None
    extras: dict[str, Any] | None = None
    error: dict[str, Any] | None = None
    is_answer: bool = True


def choices_in(parsed: dict[str, Any]) -> list[tuple[Index, dict[str, Any]]]:
    """The choices with their indices; one without an index has its place in the list."""
    choices = parsed.get("choices")
    if not isinstance(choices, list):
        return []
    return [
        (place if (index := read_index(choice.get("index"))) is None else index, choice)
        for place, choice in enumerate(choices)
        if isinstance(choice, dict)
    ]


def first_choice(choices: list[tuple[Index, dict[str, Any]]]) -> dict[str, Any]:
    """The choice that is the answer: that of index 0, else the lowest; {} if there is none."""
    found: dict[str, Any] = next((choice for index, choice in choices if index == 0), {})
    return found or min(choices, key=by_index, default=(0, found))[1]


def by_index(numbered: tuple[Index, Any]) -> tuple[bool, Index]:
    """A key to sort choices by: numbers first, then what a server may have written in their place."""
    return isinstance(numbered[0], str), numbered[0]


def read_choice(choice: dict[str, Any], keys: tuple[str, str]) -> Choice:
    """Read a choice. Nothing in it makes this fail: a field of the wrong type counts as missing."""
    message = choice.get(keys[0])
    if type(message) is not dict:
        message = _message(choice, keys)
    read = Choice()
    if message is None:
        read.is_answer, message = False, {}
    _read_message(read, message)
    if not read.text and "text" in choice and isinstance(choice["text"], str):  # a text completion
        read.text, read.is_answer = choice["text"], True
    if isinstance(logprobs := choice.get("logprobs"), dict):
        read.logprobs = logprobs
    reason = choice.get("finish_reason")
    if isinstance(reason, str) and reason.strip().lower() not in _NOT_REASONS:
        read.finish_reason = reason
    if read.finish_reason or "error" in choice or "error" in message:
        read.error = _error(choice, message, read.finish_reason)
    return read


def _read_message(read: Choice, message: dict[str, Any]) -> None:
    content = message.get("content")
    if isinstance(content, str):
        read.text = content
    elif content is not None:
        _read_content(read, content)
    if thought := message.get("reasoning_content") or message.get("reasoning"):
        read.reasoning = _text(thought) + read.reasoning
    if "refusal" in message and isinstance(message["refusal"], str):
        read.refusal = message["refusal"] or read.refusal
    # the latter is OpenAI's older form
    if calls := message.get("tool_calls") or message.get("function_call"):
        read.tool_calls = calls
    if not KEPT.isdisjoint(message):
        read.extras = kept(message)


def _message(choice: dict[str, Any], keys: tuple[str, str]) -> dict[str, Any] | None:
    """The message, where it does not stand at its usual place, or is bare text; None if there is none."""
    found = next((choice[key] for key in keys if isinstance(choice.get(key), dict | str)), None)
    return {"content": found} if isinstance(found, str) else found


def kept(holder: dict[str, Any]) -> dict[str, Any]:
    """The fields in `KEPT` that a message, or the body around it, has."""
    return {name: valid_tree(value) for name, value in holder.items() if name in KEPT and value}


def parse_choice_error(choice: Choice, parsed: dict[str, Any], redact: Redactor) -> ErrorPayload:
    """What the server says about a choice that failed: in the choice, else in the body around it."""
    source = choice.error or {}
    if not is_real_error(source.get("error")):
        message = source.get("message")
        source = {"message": message if isinstance(message, str) else None, **parsed}
    payload = parse_error(source, redact)
    return payload if payload.message else payload._replace(message=f"finish_reason {choice.finish_reason}")


def _error(choice: dict[str, Any], message: dict[str, Any], reason: str | None) -> dict[str, Any] | None:
    for holder in (choice, message):
        if "error" in holder and is_real_error(holder["error"]):
            return holder
    if reason is not None and reason.lower() in FAILED:
        return choice
    return None


def _read_content(read: Choice, content: Any) -> None:
    calls = []
    for part in content if isinstance(content, list) else [content]:
        kind = part.get("type") if isinstance(part, dict) else None
        if isinstance(part, str):
            read.text += part
        elif kind in _THOUGHTS:
            read.reasoning += _text(part.get(kind) or part.get("text"))
        elif kind in _CALLS:
            calls.append({**part, "arguments": part.get("arguments") or part.get("input")})
        elif isinstance(part, dict) and isinstance(part.get("text"), str):
            read.text += part["text"]
        elif isinstance(part, dict) and isinstance(part.get("refusal"), str):
            read.refusal += part["refusal"]
    read.tool_calls = calls or None


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    parts = value if isinstance(value, list) else [value]
    texts = (part if isinstance(part, str) else part.get("text") for part in parts if isinstance(part, str | dict))
    return "".join(text for text in texts if isinstance(text, str))


# -- token counts --------------------------------------------------------------------------


def usage_in(parsed: dict[str, Any], choice: dict[str, Any] | None = None) -> dict[str, Any] | None:
    """The usage of a body or a chunk, as the server wrote it: beside the choices, or inside of one (Kimi)."""
    groq = parsed.get("x_groq")  # https://console.groq.com/docs/api-reference
    for holder in (parsed, choice, groq):
        usage = holder.get("usage") if isinstance(holder, dict) else None
        if isinstance(usage, dict) and usage:
            return usage
    return None


def usage_from(raw: Any) -> Usage | None:
    """Token counts as plain ints. A missing total is the sum; None if the server gave no usage.

    OpenAI's names are `prompt_tokens` and `completion_tokens`, Anthropic's and the Responses API's
    `input_tokens` and `output_tokens`. Cached tokens stand in the details (OpenAI, Mistral), or beside
    the counts: `prompt_cache_hit_tokens` (https://api-docs.deepseek.com/guides/kv_cache),
    `cache_read_input_tokens` (Anthropic), `cached_tokens` (Moonshot).
    """
    if not isinstance(raw, dict) or all(value is None for value in raw.values()):
        return None
    prompt = _first(raw, "prompt_tokens", "input_tokens")
    completion = _first(raw, "completion_tokens", "output_tokens")
    total, cost = _first(raw, "total_tokens"), raw.get("cost")
    before = {**raw, **_details(raw, "prompt_tokens_details", "input_tokens_details")}
    after = {**raw, **_details(raw, "completion_tokens_details", "output_tokens_details")}
    return Usage(
        prompt_tokens=prompt or 0,
        completion_tokens=completion or 0,
        total_tokens=total or (prompt or 0) + (completion or 0),
        cached_tokens=_first(before, "cached_tokens", "prompt_cache_hit_tokens", "cache_read_input_tokens"),
        reasoning_tokens=_first(after, "reasoning_tokens"),
        cost=_amount(cost.get("total_cost") if isinstance(cost, dict) else cost),  # Perplexity itemizes it
        raw=raw,
    )


def _details(raw: dict[str, Any], *names: str) -> dict[str, Any]:
    for name in names:
        details = raw.get(name)
        if isinstance(details, dict):
            return {name: value for name, value in details.items() if value is not None}
    return {}


def _first(raw: dict[str, Any], *names: str) -> int | None:
    """The first of these fields that holds a count."""
    for name in names:
        amount = _amount(raw.get(name))
        if amount is not None:
            return int(amount)
    return None


def _amount(value: Any) -> float | None:
    """A count or a price; None for what is negative, not a number, or beyond all measure."""
    return float(value) if type(value) in (int, float) and 0 <= value < 1e15 else None
