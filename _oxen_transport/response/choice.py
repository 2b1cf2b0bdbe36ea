"""One choice of an answer -> what it holds; the same reader for whole bodies and for chunks.

Parse leniently: the providers behind the API write `message`, `delta` or, as text completions do,
`text`; content as text, as one part or as a list of parts; `finish_reason` as text or null.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from _oxen_transport.redaction import Redactor
from _oxen_transport.response.error_body import ErrorPayload, is_real_error, parse_error
from _oxen_transport.response.tool_call_fragments import Index, read_index
from _oxen_transport.unicode import valid_tree

WHOLE = ("message", "delta")
CHUNK = ("delta", "message")
"""Where the message stands, in order: some servers answer with the other kind's key."""

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
_NOT_REASONS = ("", "null", "none")


@dataclass(slots=True)
class Choice:
    """What one choice holds.

    Attributes:
        text: The text of the answer.
        reasoning: What the model thought.
        refusal: The text of a refusal.
        tool_calls: The calls as the server wrote them; None for none.
        finish_reason: Why the model stopped; None if it has not, or the server leaves it out.
        logprobs: The log probabilities as the server wrote them.
        extras: The fields in `KEPT` that the message has; None for none.
        error: The object that holds the server's error, if the choice failed.
        is_answer: Whether there is a message at all, even an empty one.
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
    read = Choice(is_answer=message is not None)
    message = message or {}
    if (content := message.get("content")) is not None:
        _read_content(read, content)
    if thought := message.get("reasoning_content") or message.get("reasoning"):
        read.reasoning = _text(thought) + read.reasoning
    if not read.text and "text" in choice and isinstance(choice["text"], str):  # a text completion
        read.text, read.is_answer = choice["text"], True
    if "refusal" in message and isinstance(message["refusal"], str):
        read.refusal = message["refusal"] or read.refusal
    # the latter is OpenAI's older form
    read.tool_calls = message.get("tool_calls") or message.get("function_call") or read.tool_calls
    if isinstance(choice.get("logprobs"), dict):
        read.logprobs = choice["logprobs"]
    if choice.get("finish_reason") is not None:
        read.finish_reason = _finish_reason(choice["finish_reason"])
    if not KEPT.isdisjoint(message):
        read.extras = kept(message)
    if read.finish_reason or "error" in choice or "error" in message:
        read.error = _error(choice, message, read.finish_reason)
    return read


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
        if is_real_error(holder.get("error")):
            return holder
    if reason is not None and reason.lower() in FAILED:
        return choice
    return None


def _finish_reason(reason: Any) -> str | None:
    """Some servers write "null" on each chunk but the last."""
    return reason if isinstance(reason, str) and reason.strip().lower() not in _NOT_REASONS else None


def _read_content(read: Choice, content: Any) -> None:
    if isinstance(content, str):
        read.text = content
        return
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
    """Text, or the text of parts."""
    if isinstance(value, str):
        return value
    parts = value if isinstance(value, list) else [value]
    texts = (part if isinstance(part, str) else part.get("text") for part in parts if isinstance(part, str | dict))
    return "".join(text for text in texts if isinstance(text, str))
