"""What the strict server refuses, next to Mistral's own validator."""

from __future__ import annotations

import json
from typing import Any

from mistral_common.exceptions import MistralCommonException
from mistral_common.protocol.instruct.request import ChatCompletionRequest

from _oxen_transport.testing.mistral import refusal
from tests.history_checks import VALIDATOR
from tests.tables import each_row

USER = {"role": "user", "content": "moo?"}
SYSTEM = {"role": "system", "content": "Be brief."}
TEXT = {"role": "assistant", "content": "Moo."}


def call(id_: str = "AbC123xyZ", **more: Any) -> dict[str, Any]:
    function = {"name": "weather", "arguments": "{}"}
    return {"role": "assistant", "tool_calls": [{"id": id_, "type": "function", "function": function}], **more}


def result(id_: str = "AbC123xyZ") -> dict[str, Any]:
    return {"role": "tool", "content": "18 C", "tool_call_id": id_, "name": "weather"}


TAKEN = {
    "question": [USER],
    "system first": [SYSTEM, USER],
    "second question": [USER, TEXT, USER],
    "call and result": [USER, call(), result()],
    "prefix": [USER, {**TEXT, "prefix": True}],
}
REFUSED = {
    "nothing": [],
    "assistant last": [USER, TEXT],
    "result without call": [USER, result()],
    "system after answer": [USER, TEXT, SYSTEM, USER],
    "text and call": [USER, call(content="I look."), result()],
    "neither text nor call": [USER, {"role": "assistant", "content": ""}, USER],
    "long id": [USER, call("call_0123456789"), result("call_0123456789")],
    "no result": [USER, call(), TEXT, USER],
}


def validator_refuses(messages: list[Any]) -> bool:
    try:
        request = ChatCompletionRequest.model_validate_json(json.dumps({"model": "m", "messages": messages}))
        VALIDATOR.validate_request(request)
    except (MistralCommonException, ValueError):
        return True
    return False


@each_row("messages", TAKEN.values(), ids=TAKEN)
def test_taken(messages: list[Any]) -> None:
    assert not validator_refuses(messages)
    assert refusal({"model": "m", "messages": messages}) is None


@each_row("messages", REFUSED.values(), ids=REFUSED)
def test_refused(messages: list[Any]) -> None:
    assert validator_refuses(messages)
    status, body = refusal({"model": "m", "messages": messages}) or (0, {})
    assert status == 400
    assert body["message"]


@each_row("more", [{"seed": 1}, {"stream_options": {}}, {"messages": [{**USER, "name": "Ida"}]}])
def test_unknown_fields(more: dict[str, Any]) -> None:
    status, body = refusal({"model": "m", "messages": [USER], **more}) or (0, {})
    assert status == 422
    [detail] = body["message"]["detail"]
    assert detail["loc"][-1] in ("seed", "stream_options", "name")


@each_row(
    "messages",
    [[USER, call(), result(), USER], [USER, call(), result("AbC123xyA")]],
    ids=["user after tool", "another id"],
)
def test_what_the_live_api_was_seen_to_refuse(messages: list[Any]) -> None:
    """Mistral's library takes it; the service answered with code 3230."""
    assert not validator_refuses(messages)
    status, body = refusal({"model": "m", "messages": messages}) or (0, {})
    assert (status, body["code"]) == (400, "3230")
