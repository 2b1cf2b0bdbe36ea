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


def validator_refuses(messages: list[Any]) -> bool:
    try:
        request = ChatCompletionRequest.model_validate_json(json.dumps({"model": "m", "messages": messages}))
        VALIDATOR.validate_request(request)
    except (MistralCommonException, ValueError):
        return True
    return False


LONG_ID = "call_0123456789"


@each_row(
    ("messages", "refused"),
    [
        *(([USER], False), ([SYSTEM, USER], False), ([USER, TEXT, USER], False), ([USER, call(), result()], False)),
        ([USER, {**TEXT, "prefix": True}], False),
        *(([], True), ([USER, TEXT], True), ([USER, result()], True), ([USER, TEXT, SYSTEM, USER], True)),
        ([USER, call(content="I look."), result()], True),
        ([USER, {"role": "assistant", "content": ""}, USER], True),
        ([USER, call(LONG_ID), result(LONG_ID)], True),
        ([USER, call(), TEXT, USER], True),
        # Mistral's library takes these; the service was seen to answer with code 3230
        *(([USER, call(), result(), USER], "3230"), ([USER, call(), result("AbC123xyA")], "3230")),
    ],
)
def test_what_is_refused(messages: list[Any], refused: Any) -> None:
    assert validator_refuses(messages) is (refused is True)
    answer = refusal({"model": "m", "messages": messages})
    if refused is False:
        assert answer is None
        return
    status, body = answer or (0, {})
    assert (status, bool(body["message"])) == (400, True)
    assert refused is True or body["code"] == refused


@each_row("more", [{"seed": 1}, {"stream_options": {}}, {"messages": [{**USER, "name": "Ida"}]}])
def test_unknown_fields(more: dict[str, Any]) -> None:
    status, body = refusal({"model": "m", "messages": [USER], **more}) or (0, {})
    assert status == 422
    [detail] = body["message"]["detail"]
    assert detail["loc"][-1] in ("seed", "stream_options", "name")
