"""Messages and tools in the form of the conventions; recorded only if the standard's own switch asks for it.

https://github.com/open-telemetry/semantic-conventions-genai/blob/main/docs/gen-ai/gen-ai-input-messages.json
"""

from __future__ import annotations

import json
import os
from contextlib import suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from _oxen_transport.types import Completion

CONTENT_SWITCH = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"
"""SPAN_ONLY and SPAN_AND_EVENT put contents on the span; anything else does not."""


def captures_content() -> bool:
    """Whether messages and tools are recorded; asked for each call, so that a test can switch it."""
    return os.environ.get(CONTENT_SWITCH, "").strip().upper() in ("SPAN_ONLY", "SPAN_AND_EVENT")


def input_messages(messages: list[Any]) -> str:
    """The messages of a request, as JSON text."""
    return _dumps([{"role": message["role"], "parts": _parts(message)} for message in messages])


def output_messages(completion: Completion) -> str:
    """The one message of an answer, as JSON text."""
    parts: list[dict[str, Any]] = []
    if completion.reasoning:
        parts.append({"type": "reasoning", "content": completion.reasoning})
    if completion.text:
        parts.append({"type": "text", "content": completion.text})
    parts += [_call(call.id, call.name, call.arguments) for call in completion.tool_calls]
    return _dumps([{"role": "assistant", "parts": parts, "finish_reason": completion.finish_reason or "error"}])


def tool_definitions(tools: list[Any]) -> str:
    """The tools of a request, as JSON text."""
    return _dumps([{"type": tool.get("type", "function"), **(tool.get("function") or {})} for tool in tools])


def _parts(message: dict[str, Any]) -> list[dict[str, Any]]:
    content = message.get("content")
    if message["role"] == "tool":
        return [{"type": "tool_call_response", "id": message.get("tool_call_id"), "response": content}]
    whole = [{"type": "text", "text": content}] if isinstance(content, str) else content or []
    parts = [_part(part) for part in whole if part.get("type") != "text" or part.get("text")]
    calls = [(call.get("id"), call["function"]) for call in message.get("tool_calls") or []]
    return parts + [_call(call_id, function["name"], function["arguments"]) for call_id, function in calls]


def _part(part: dict[str, Any]) -> dict[str, Any]:
    """Text as it is; of media the kind and, if it is elsewhere, the place, never the data."""
    if part.get("type") == "text":
        return {"type": "text", "content": part.get("text", "")}
    kind = str(part.get("type", "")).removesuffix("_url")
    given = part.get(f"{kind}_url")
    url = given.get("url", "") if isinstance(given, dict) else ""
    if url.startswith(("http://", "https://")):
        return {"type": "uri", "modality": kind, "uri": url}
    return {"type": "blob", "modality": kind, "content": ""}


def _call(call_id: str | None, name: str, arguments: Any) -> dict[str, Any]:
    with suppress(ValueError):  # half a call stays the text that came
        arguments = json.loads(arguments) if isinstance(arguments, str) else arguments
    return {"type": "tool_call", "id": call_id, "name": name, "arguments": arguments}


def _dumps(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)
