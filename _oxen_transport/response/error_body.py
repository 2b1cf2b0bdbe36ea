"""The server's own words: every shape an error body was seen in, read into one.

Shapes: Oxen's envelope and its second format
(https://docs.oxen.ai/inference-api/reference/overview), its status messages without an `error`
object, Mistral's and FastAPI's `detail` lists, llama.cpp's and vLLM's, plain text and HTML.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Any, NamedTuple

from pydantic_core import from_json

from _oxen_transport.redaction import NOTHING_SECRET, Redactor

MAX_WORDS = 2_000
MAX_TEXT = 16_384


class ErrorPayload(NamedTuple):
    """What the server said. `message` is bounded and holds none of the caller's secrets."""

    message: str
    type: str | None = None
    code: str | None = None
    param: str | None = None
    prompt_tokens: int | None = None
    context_window: int | None = None
    overflow: bool = False
    unknown_model: bool = False


# Wordings of "the prompt does not fit": Mistral, OpenAI, vLLM (old and new), SGLang, TGI,
# llama.cpp, Anthropic, Gemini, Groq. Named groups carry the figures where the text has them.
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
    rf"prompt is too long: (?P<prompt>{_N}) tokens > (?P<window>{_N})",
    rf"input token count \(?(?P<prompt>{_N})\)? exceeds the maximum number of tokens allowed \(?(?P<window>{_N})",
    r"exceeds? (?:the )?(?:model'?s? |available )?(?:maximum )?context (?:length|window|size|limit)",
    r"(?:too many tokens|prompt is too long|context[_ ]length[_ ]exceeded|exceed_context_size)",
    r"too large for model with .* context",
    r"reduce the length of the (?:messages|prompt|input)",
)


@cache
def _overflow() -> tuple[re.Pattern[str], ...]:
    """Compiled with the first error, not with the import."""
    return tuple(re.compile(pattern, re.IGNORECASE | re.DOTALL) for pattern in _OVERFLOW)


def is_error(body: dict[str, Any]) -> bool:
    """Whether a body that came with status 200 is really an error."""
    if body.get("error") or body.get("status") == "error" or str(body.get("object")).lower() == "error":
        return True
    return "choices" not in body and any(body.get(key) for key in ("status_message", "message", "detail"))


def parse_error(body: Any, redact: Redactor = NOTHING_SECRET) -> ErrorPayload:
    """Read the server's words out of a body: parsed JSON, text, or bytes of either."""
    if isinstance(body, bytes):
        body = body[:MAX_TEXT].decode("utf-8", "replace") if len(body) > MAX_TEXT else _parsed(body)
    if not isinstance(body, dict):
        return _words(_plain(body), {}, redact)
    inner = body.get("error")
    source = inner if isinstance(inner, dict) else body
    return _words(_message(body, inner), source, redact)


def _parsed(body: bytes) -> Any:
    text = body.decode("utf-8", "replace")
    try:
        return from_json(text)
    except ValueError:
        return text.split("data:", 1)[1] if text.startswith("data:") else text


def _message(body: dict[str, Any], inner: Any) -> str:
    """The most telling text of a body, with the detail behind it where that says more."""
    if isinstance(inner, dict):
        head = _plain(inner.get("message") or inner.get("title") or inner.get("description") or inner.get("type") or "")
        detail = _plain(inner.get("detail") or "")
        return f"{head}: {detail}" if head and detail and detail not in head else head or detail
    for value in (inner, body.get("message"), body.get("detail"), body.get("error_message")):
        if value and not isinstance(value, bool):
            return _plain(value)
    parts = [_plain(body.get(key) or "") for key in ("status_message", "status_description")]
    return ": ".join(part for part in dict.fromkeys(parts) if part)


def _plain(value: Any) -> str:
    """Any value as one line of text: JSON inside a string is opened, HTML loses its tags."""
    if isinstance(value, str):
        if value.lstrip()[:1] in ("{", "[") and len(value) <= MAX_TEXT:
            try:
                return _plain(from_json(value))
            except ValueError:
                pass
        if "<" in value[:256]:
            value = re.sub(r"(?is)<(script|style)\b.*?(</\1>|$)|<[^>]{0,1000}>", " ", value[:MAX_TEXT])
        return " ".join(value[:MAX_TEXT].split())
    if isinstance(value, list):
        return "; ".join(_plain(item) for item in value[:20])
    if isinstance(value, dict):
        where = ".".join(str(part) for part in value["loc"]) if isinstance(value.get("loc"), list) else ""
        said = value.get("msg") or value.get("message") or value.get("detail") or value.get("error") or value
        text = str(said)[:MAX_WORDS] if said is value else _plain(said)
        return f"{where}: {text}" if where else text
    return "" if value is None else str(value)[:MAX_WORDS]


def _words(message: str, source: dict[str, Any], redact: Redactor) -> ErrorPayload:
    message = redact(message)[:MAX_WORDS]
    kind, code, param = (_short(source.get(key), redact) for key in ("type", "code", "param"))
    prompt, window = _count(source.get("n_prompt_tokens")), _count(source.get("n_ctx"))
    overflow = False
    for text in (message, kind or "", code or ""):
        match = next((found for pattern in _overflow() if (found := pattern.search(text))), None)
        if match:
            figures = match.groupdict()
            overflow = True
            prompt = prompt or _count(figures.get("prompt"))
            window = window or _count(figures.get("window"))
            break
    unknown_model = any(_UNKNOWN_MODEL.search(text) for text in (message, kind or "", code or ""))
    return ErrorPayload(message, kind, code, param, prompt, window, overflow, unknown_model)


def _short(value: Any, redact: Redactor) -> str | None:
    return redact(str(value)[:200]) if isinstance(value, (str, int)) and value != "" else None


def _count(value: Any) -> int | None:
    if isinstance(value, str):
        digits = value.replace(",", "")
        return int(digits) if digits.isdecimal() and len(digits) < 19 else None
    return value if isinstance(value, int) else None
