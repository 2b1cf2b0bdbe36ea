"""What Mistral's own API refuses, written down apart from the code that prepares requests for it.

https://github.com/mistralai/platform-docs-public/blob/main/public/openapi.yaml (fields, with
`additionalProperties: false`), and for the order of messages
https://github.com/mistralai/mistral-common/blob/main/src/mistral_common/protocol/instruct/validator.py
"""

from __future__ import annotations

import re
from typing import Any

# fmt: off
_FIELDS = frozenset({
    "model", "messages", "temperature", "top_p", "max_tokens", "stream", "stop", "random_seed", "metadata",
    "response_format", "tools", "tool_choice", "presence_penalty", "frequency_penalty", "n", "prediction",
    "parallel_tool_calls", "reasoning_effort", "prompt_mode", "guardrails", "prompt_cache_key", "service_tier",
    "safe_prompt",
})
# fmt: on
_MESSAGE_FIELDS = {
    "system": {"role", "content"},
    "user": {"role", "content"},
    "assistant": {"role", "content", "tool_calls", "prefix"},
    "tool": {"role", "content", "tool_call_id", "name"},
}
_BEFORE = {"user": ("start", "system", "assistant"), "assistant": ("user", "tool"), "tool": ("assistant", "tool")}
_ID = re.compile(r"[a-zA-Z0-9]{9}")

Refusal = tuple[int, dict[str, Any]]


def refusal(body: dict[str, Any]) -> Refusal | None:
    """The status and the error with which Mistral would answer this request; None: it takes it."""
    return _unknown_fields(body) or _order(body.get("messages") or []) or _calls(body.get("messages") or [])


def _unknown_fields(body: dict[str, Any]) -> Refusal | None:
    loc: list[list[str | int]] = [["body", name] for name in body if name not in _FIELDS]
    for place, message in enumerate(body.get("messages") or []):
        known = _MESSAGE_FIELDS.get(message.get("role"), set())
        loc += [["body", "messages", place, name] for name in message if name not in known]
    if not loc:
        return None
    detail = [{"type": "extra_forbidden", "loc": one, "msg": "Extra inputs are not permitted"} for one in loc]
    error = {"object": "error", "message": {"detail": detail}, "type": "invalid_request_error"}
    return 422, {**error, "param": None, "code": None}


def _order(messages: list[dict[str, Any]]) -> Refusal | None:
    if not messages:
        return _error("Conversation must have at least one message", "3230", "invalid_request_message_order")
    before = "start"
    for message in messages:
        role = message["role"]
        if before not in _BEFORE.get(role, ("start", "system")):
            text = f"Unexpected role '{role}' after role '{before}'"
            return _error(text, "3230", "invalid_request_message_order")
        before = role
    last = messages[-1]
    if last["role"] in ("system", "assistant") and not last.get("prefix"):
        text = "Expected last role User or Tool (or Assistant with prefix True) for serving but got " + last["role"]
        return _error(text, "3230", "invalid_request_message_order")
    return None


def _calls(messages: list[dict[str, Any]]) -> Refusal | None:
    waiting: list[str] = []
    for message in messages:
        if message["role"] == "tool":
            answered = message.get("tool_call_id")
            if answered not in waiting:
                return _error("Unexpected tool call id " + str(answered) + " in tool results", "3230")
            waiting.remove(answered)
            continue
        if waiting:
            return _error("Not the same number of function calls and responses", "3230")
        if message["role"] != "assistant":
            continue
        calls = message.get("tool_calls") or []
        if bool(message.get("content")) == bool(calls):
            rest = "but not both." if calls else "but not none."
            return _error("Assistant message must have either content or tool_calls, " + rest, "3240")
        waiting = [str(call.get("id")) for call in calls]
        for one in waiting:
            if not _ID.fullmatch(one):
                text = f"Tool call id was {one} but must be a-z, A-Z, 0-9, with a length of 9."
                return _error(text, "3280", "invalid_function_call")
    return _error("Not the same number of function calls and responses", "3230") if waiting else None


def _error(text: str, code: str, kind: str = "invalid_request_error") -> Refusal:
    error = {"object": "error", "message": text, "type": kind, "param": None, "code": code, "raw_status_code": 400}
    return 400, error
