"""A whole body: the completion in it, or the error that says why there is none."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import SecretStr

from _oxen_transport import errors
from _oxen_transport.redaction import NOTHING_SECRET, Redactor
from _oxen_transport.response.completion import completion_from_body, document_from_body, usage_from
from _oxen_transport.response.errors import details_of, error_from_reply
from _oxen_transport.testing import ANSWER, TOOL_ARGUMENTS, TOOL_CALL, completion
from _oxen_transport.types import Completion
from tests.tables import each_row


def named(headers: dict[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}


def read(body: Any, **headers: str) -> Completion:
    return completion_from_body(body if isinstance(body, bytes) else json.dumps(body).encode(), named(headers))


def test_a_documented_answer() -> None:
    body = completion()
    answer = read(body, x_request_id="r-1")
    assert (answer.text, answer.finish_reason, answer.tool_calls) == (ANSWER, "stop", ())
    assert (answer.id, answer.model, answer.created) == (body["id"], body["model"], body["created"])
    assert answer.usage is not None
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens, answer.usage.total_tokens) == (11, 8, 19)
    assert (answer.request_id, answer.raw) == ("r-1", body)
    assert (answer.reasoning, answer.refusal, answer.logprobs) == ("", None, None)
    (call,) = read(completion(tool_calls=[TOOL_CALL])).tool_calls
    assert (call.id, call.name, json.loads(call.arguments)) == ("AbC123xyZ", "delete_files", TOOL_ARGUMENTS)


def test_what_else_may_be_there() -> None:
    assert read({"choices": [{"message": {}}]}) == Completion(raw={"choices": [{"message": {}}]})
    message = {"content": "x", "refusal": "no", "reasoning_content": "hm"}
    logprobs = {"content": [{"token": "x", "logprob": -0.1}]}
    body = {
        "choices": [{"message": message, "logprobs": logprobs, "finish_reason": "model_length"}],
        "service_tier": "flex",
        "system_fingerprint": "fp",
        "unheard_of": [1],
    }
    answer = read(body, x_oxen_request_id="o-1", x_request_id="r-1")
    assert (answer.refusal, answer.reasoning, answer.logprobs) == ("no", "hm", logprobs)
    assert (answer.service_tier, answer.system_fingerprint, answer.finish_reason) == ("flex", "fp", "model_length")
    assert (answer.request_id, answer.raw["unheard_of"]) == ("o-1", [1])


@each_row("junk", [None, 7, [], {}, "x", True])
def test_fields_of_the_wrong_type_are_as_good_as_missing(junk: Any) -> None:
    odd = {
        "choices": [{"message": {"content": "x", "refusal": junk, "reasoning": junk}, "logprobs": junk}],
        **dict.fromkeys(("id", "model", "created", "service_tier", "system_fingerprint", "usage"), junk),
    }
    answer = read(odd)
    assert answer.text == "x"
    assert answer.refusal in (None, "x")
    assert answer.logprobs in (None, {})


NO_JSON = [b"", b"<html>", b"[]", b"null", b'"x"', b'{"choices', b"\xff\xfe\x00", b"[" * 100_000]
NO_CHOICES = [None, [], {}, "x", [None], [7], [{}], [{"message": None}], [{"message": 7}], [{"text": 7}]]


@each_row(
    ("body", "message"),
    [
        *((body, "not a JSON object") for body in NO_JSON),
        *(({"choices": choices, "id": "x"}, "no message") for choices in NO_CHOICES),
    ],
)
def test_what_is_not_an_answer(body: Any, message: str) -> None:
    with pytest.raises(errors.OxenResponseError, match=message):
        read(body)


@each_row(
    "body",
    [
        {"error": {"message": "boom-7731"}},
        {"status": "error", "status_message": "boom-7731"},
        {"object": "error", "message": "boom-7731"},
        {"detail": "boom-7731"},
        {"choices": [{"message": {"content": "x"}}], "error": "boom-7731"},
        {"choices": [{"finish_reason": "error", "message": {"content": ""}}], "message": "boom-7731"},
    ],
)
def test_a_200_that_carries_an_error(body: Any) -> None:
    with pytest.raises(errors.OxenAPIError, match="boom-7731"):
        read(body)
    if "choices" not in body and "detail" not in body and "object" not in body:
        with pytest.raises(errors.OxenAPIError, match="boom-7731"):
            document_from_body(json.dumps(body).encode(), {})


def test_another_document() -> None:
    assert document_from_body(b'{"data": []}', {}) == {"data": []}
    with pytest.raises(errors.OxenResponseError):
        document_from_body(b"[]", {})


def test_bytes_that_are_not_utf8() -> None:
    assert read(b'{"choices": [{"message": {"content": "a\xff\xfeb"}}]}').text == "a\ufffd\ufffdb"


@each_row(
    ("raw", "expected"),
    [
        ({"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}, (1, 2, 3, None, None, None)),
        ({"prompt_tokens": 1, "completion_tokens": 2}, (1, 2, 3, None, None, None)),
        ({"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 99}, (1, 2, 99, None, None, None)),
        ({"input_tokens": 1, "output_tokens": 2}, (1, 2, 3, None, None, None)),
        ({"prompt_tokens": 5, "prompt_tokens_details": {"cached_tokens": 4}, "cost": 0.25}, (5, 0, 5, 4, None, 0.25)),
        ({"prompt_tokens": 5, "cache_read_input_tokens": 4, "cost": 1}, (5, 0, 5, 4, None, 1.0)),
        ({"completion_tokens": 5, "completion_tokens_details": {"reasoning_tokens": 3}}, (0, 5, 5, None, 3, None)),
        ({"prompt_tokens": "5", "total_tokens": None, "cost": "free"}, (0, 0, 0, None, None, None)),
        ({"prompt_tokens": 5.0, "completion_tokens": 2.9}, (5, 2, 7, None, None, None)),
        ({"prompt_tokens": float("nan"), "completion_tokens": 1e300, "cost": 1e999}, (0, 0, 0, None, None, None)),
        ({"prompt_tokens": -1, "cost": True}, (0, 0, 0, None, None, None)),
        ({"prompt_tokens_details": None, "completion_tokens_details": []}, (0, 0, 0, None, None, None)),
        *((raw, None) for raw in (None, {}, [], 7, "x")),
    ],
)
def test_usage(raw: Any, expected: tuple[Any, ...] | None) -> None:
    usage = usage_from(raw)
    if usage is None or expected is None:
        assert usage is expected
        return
    found = (usage.prompt_tokens, usage.completion_tokens, usage.total_tokens)
    assert (*found, usage.cached_tokens, usage.reasoning_tokens, usage.cost) == expected
    assert usage.raw == raw or "nan" in repr(raw)


# -- a status that says no ----------------------------------------------------------------------


def refused(status: int, body: Any = b"", redact: Redactor = NOTHING_SECRET, **headers: str) -> errors.OxenError:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return error_from_reply(status, named(headers), data, redact, now=1_800_000_000.0)


def test_an_error_carries_what_the_server_wrote() -> None:
    reason = {"error": {"message": "boom-7731", "type": "upstream", "code": 7, "param": "model"}}
    headers = {"retry_after": "3", "x_oxen_request_id": "o-1", "content_type": "application/json", "set_cookie": "a=b"}
    error = refused(503, reason, **headers)
    assert type(error) is errors.OxenServerError
    assert error.message == 'HTTP 503: "boom-7731"'
    assert (error.status_code, error.type, error.code, error.param) == (503, "upstream", "7", "model")
    assert (error.retry_after, error.request_id, error.body) == (3.0, "o-1", "boom-7731")
    assert (error.response.status_code, error.response.json()) == (503, reason)
    assert set(error.response.headers) == {"retry-after", "x-oxen-request-id", "content-type"}, "an allow-list"
    silent = refused(500)
    assert (silent.message, silent.body) == ("HTTP 500: no reason given", None)


@each_row(
    ("status", "reason", "kind"),
    [
        (400, "request (9 tokens) exceeds the available context size (8 tokens)", errors.OxenContextOverflowError),
        *((status, "prompt is too long", errors.OxenContextOverflowError) for status in (413, 422, 500)),
        (429, "prompt is too long", errors.OxenRateLimitError),
        (400, "Model not found: x", errors.OxenNotFoundError),
        (404, "no such page", errors.OxenNotFoundError),
        (402, "You have run out of credits.", errors.OxenPaymentRequiredError),
        (426, "update_required", errors.OxenUpgradeRequiredError),
    ],
)
def test_the_class_of_an_error(status: int, reason: str, kind: type[errors.OxenError]) -> None:
    assert type(refused(status, {"error": {"message": reason}})) is kind


def test_a_redirect_names_its_target() -> None:
    assert "'http://elsewhere.test/'" in refused(307, location="http://elsewhere.test/").message
    assert "'nowhere'" in refused(304).message


def test_secrets_do_not_enter_an_error() -> None:
    secret = "sk-0123456789"
    headers = {"location": f"http://x.test/?k={secret}", "content_type": secret, "x_request_id": secret}
    error = refused(307, secret.encode(), Redactor((SecretStr(secret),)), **headers)
    assert secret not in repr(error.details).replace(f"request_id='{secret}'", "") + str(error.message)


def test_details_are_bounded() -> None:
    details = details_of({"content-type": "x" * 10_000}, b"y" * 100_000, status=500)
    assert details.response is not None
    assert len(details.response.headers["content-type"]) == 500
    assert len(details.response.text) == 16_384
