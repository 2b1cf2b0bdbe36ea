"""A whole body: the completion in it, or the error that says why there is none."""

from __future__ import annotations

import gzip
import json
import zlib
from typing import Any

import pytest
from pydantic import SecretStr

from _oxen_transport import errors
from _oxen_transport.redaction import NOTHING_SECRET, Redactor
from _oxen_transport.response.body import MAX_BODY_BYTES, ContentDecoder
from _oxen_transport.response.completion import (
    WHOLE,
    completion_from_body,
    document_from_body,
    read_choice,
    usage_from,
)
from _oxen_transport.response.errors import details_of, error_from_reply
from _oxen_transport.testing import ANSWER, TOOL_ARGUMENTS, TOOL_CALL, completion
from _oxen_transport.types import Completion, ToolCall
from tests.tables import each_row

NOW = 1_800_000_000.0


def read(body: Any, **headers: str) -> Completion:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return completion_from_body(data, {name.replace("_", "-"): value for name, value in headers.items()})


def test_a_documented_answer() -> None:
    body = completion()
    answer = read(body, x_request_id="r-1")
    assert (answer.text, answer.finish_reason, answer.tool_calls) == (ANSWER, "stop", ())
    assert (answer.id, answer.model, answer.created) == (body["id"], body["model"], body["created"])
    assert answer.usage is not None
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens, answer.usage.total_tokens) == (11, 8, 19)
    assert answer.request_id == "r-1"
    assert answer.raw == body
    assert (answer.reasoning, answer.refusal, answer.logprobs) == ("", None, None)


def test_a_tool_call() -> None:
    (call,) = read(completion(tool_calls=[TOOL_CALL])).tool_calls
    assert isinstance(call, ToolCall)
    assert (call.id, call.name, json.loads(call.arguments)) == ("AbC123xyZ", "delete_files", TOOL_ARGUMENTS)


def test_every_field_is_optional() -> None:
    answer = read({"choices": [{"message": {}}]})
    assert answer.text == ""
    assert answer == Completion(raw={"choices": [{"message": {}}]})
    assert read(b'\xef\xbb\xbf{"choices": [{"message": {"content": "a"}}]}'.removeprefix(b"\xef\xbb\xbf")).text == "a"


def test_what_else_may_be_there() -> None:
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
    assert answer.request_id == "o-1"
    assert answer.raw["unheard_of"] == [1]


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


@each_row(
    "body",
    [b"", b"<html>", b"[]", b"null", b'"x"', b'{"choices', b"\xff\xfe\x00", b"[" * 100_000],
)
def test_what_is_no_json_object(body: bytes) -> None:
    with pytest.raises(errors.OxenResponseError, match="not a JSON object"):
        read(body)


@each_row("choices", [None, [], {}, "x", [None], [7], [{}], [{"message": None}], [{"message": 7}], [{"text": 7}]])
def test_what_holds_no_message(choices: Any) -> None:
    with pytest.raises(errors.OxenResponseError, match="no message"):
        read({"choices": choices, "id": "x"})


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


def test_bytes_that_are_no_utf8() -> None:
    assert read(b'{"choices": [{"message": {"content": "a\xff\xfeb"}}]}').text == "a\ufffd\ufffdb"


@each_row(
    ("message", "expected"),
    [
        ({"content": "x"}, ("x", "")),
        ({"content": None}, ("", "")),
        ({"content": ["a", {"type": "text", "text": "b"}, {"text": "c"}, {"type": "x"}, 7, None]}, ("abc", "")),
        ({"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "t"}]}, "a"]}, ("a", "t")),
        ({"content": [{"type": "reasoning", "text": "t"}]}, ("", "t")),
        ({"content": "x", "reasoning": "t"}, ("x", "t")),
        ({"content": "x", "reasoning_content": "t", "reasoning": "u"}, ("x", "t")),
        ({"content": "x", "reasoning": {"no": 1}}, ("x", "")),
        ({}, ("", "")),
    ],
)
def test_text_and_reasoning(message: dict[str, Any], expected: tuple[str, str]) -> None:
    choice = read_choice({"message": message}, WHOLE)
    assert (choice.text, choice.reasoning) == expected


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
        (
            {"prompt_tokens": float("nan"), "completion_tokens": 1e300, "cost": float("inf")},
            (0, 0, 0, None, None, None),
        ),
        ({"prompt_tokens": -1, "cost": True}, (0, 0, 0, None, None, None)),
        ({"prompt_tokens_details": None, "completion_tokens_details": []}, (0, 0, 0, None, None, None)),
    ],
)
def test_usage(raw: dict[str, Any], expected: tuple[Any, ...]) -> None:
    usage = usage_from(raw)
    assert usage is not None
    found = (usage.prompt_tokens, usage.completion_tokens, usage.total_tokens)
    assert (*found, usage.cached_tokens, usage.reasoning_tokens, usage.cost) == expected
    assert usage.raw == raw or "nan" in repr(raw)


@each_row("raw", [None, {}, [], 7, "x"])
def test_no_usage(raw: Any) -> None:
    assert usage_from(raw) is None


# -- an answer that says no ---------------------------------------------------------------------


def refused(status: int, body: Any = b"", redact: Redactor = NOTHING_SECRET, **headers: str) -> errors.OxenError:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return error_from_reply(status, named, data, redact, NOW)


def test_an_error_says_what_the_server_said() -> None:
    error = refused(
        503,
        {"error": {"message": "boom-7731", "type": "upstream", "code": 7, "param": "model"}},
        retry_after="3",
        x_oxen_request_id="o-1",
        content_type="application/json",
        set_cookie="sid=1",
    )
    assert type(error) is errors.OxenServerError
    assert error.message == 'HTTP 503: "boom-7731"'
    assert (error.status_code, error.type, error.code, error.param) == (503, "upstream", "7", "model")
    assert (error.retry_after, error.request_id, error.body) == (3.0, "o-1", "boom-7731")
    assert error.response.status_code == 503
    assert error.response.json()["error"]["message"] == "boom-7731"
    assert set(error.response.headers) == {"retry-after", "x-oxen-request-id", "content-type"}, "an allow-list"


def test_an_error_that_says_nothing() -> None:
    error = refused(500)
    assert error.message == "HTTP 500: no reason given"
    assert error.body is None


@each_row(
    ("status", "said", "kind"),
    [
        (400, "request (9 tokens) exceeds the available context size (8 tokens)", errors.OxenContextOverflowError),
        (413, "prompt is too long", errors.OxenContextOverflowError),
        (422, "prompt is too long", errors.OxenContextOverflowError),
        (500, "prompt is too long", errors.OxenContextOverflowError),
        (429, "prompt is too long", errors.OxenRateLimitError),
        (400, "Model not found: x", errors.OxenNotFoundError),
        (404, "no such page", errors.OxenNotFoundError),
        (402, "You have run out of credits.", errors.OxenPaymentRequiredError),
        (426, "update_required", errors.OxenUpgradeRequiredError),
    ],
)
def test_the_class_of_an_error(status: int, said: str, kind: type[errors.OxenError]) -> None:
    assert type(refused(status, {"error": {"message": said}})) is kind


def test_a_redirect_names_its_target() -> None:
    assert "'http://elsewhere.test/'" in refused(307, location="http://elsewhere.test/").message
    assert "'nowhere'" in refused(304).message


def test_secrets_do_not_enter_an_error() -> None:
    secret = "sk-0123456789"
    redact = Redactor((SecretStr(secret),))
    error = refused(
        307, secret.encode(), redact, location=f"http://x.test/?k={secret}", content_type=secret, x_request_id=secret
    )
    assert secret not in repr(error.details).replace(f"request_id='{secret}'", "") + str(error.message)


def test_details_are_bounded() -> None:
    details = details_of({"content-type": "x" * 10_000}, b"y" * 100_000, status=500)
    assert details.response is not None
    assert len(details.response.headers["content-type"]) == 500
    assert len(details.response.text) == 16_384


# -- compressed bodies --------------------------------------------------------------------------

TEXT = b"The ox pulls the plough. " * 10_000


def unpacked(data: bytes, coding: str, size: int = 1000, limit: int | None = MAX_BODY_BYTES) -> bytes:
    body = ContentDecoder({"content-encoding": coding}, limit)
    out = b"".join(body.feed(data[at : at + size]) for at in range(0, len(data), size))
    return out + body.end()


@each_row("size", [1, 7, 1000, 10**6])
@each_row(
    ("coding", "pack"),
    [
        ("identity", bytes),
        ("", bytes),
        ("gzip", gzip.compress),
        ("x-gzip", gzip.compress),
        (" GZip ", gzip.compress),
        ("deflate", zlib.compress),
    ],
)
def test_unpacking_in_pieces(coding: str, pack: Any, size: int) -> None:
    text = TEXT if size > 100 else TEXT[:5000]
    assert unpacked(pack(text), coding, size) == text


def test_a_large_ratio_in_one_piece() -> None:
    text = b"x" * 5_000_000
    assert unpacked(gzip.compress(text), "gzip", 10**6) == text


def test_a_bomb() -> None:
    with pytest.raises(errors.OxenResponseTooLargeError, match="1000000"):
        unpacked(gzip.compress(b"x" * 1_000_001), "gzip", 10**6, limit=1_000_000)
    assert len(unpacked(gzip.compress(b"x" * 1_000_000), "gzip", 10**6, limit=1_000_000)) == 1_000_000
    with pytest.raises(errors.OxenResponseTooLargeError):
        unpacked(b"x" * 11, "identity", 4, limit=10)


DAMAGED = {
    "a bad body": b"\x1f\x8b\x08\x00not gzip at all" * 4,
    "a bad middle": gzip.compress(TEXT)[:20] + b"\xff" * 50,
}


@each_row("which", DAMAGED)
def test_damaged(which: str) -> None:
    with pytest.raises(errors.OxenResponseError, match="invalid compressed data"):
        unpacked(DAMAGED[which], "gzip")


@each_row("cut", [0, 5, 50, 200])
def test_cut(cut: int) -> None:
    with pytest.raises(errors.OxenTruncatedStreamError):
        unpacked(gzip.compress(TEXT)[:cut], "gzip")


def test_bytes_after_the_end_are_ignored() -> None:
    assert unpacked(gzip.compress(TEXT) + b"junk", "gzip") == TEXT


@each_row("coding", ["br", "zstd", "gzip, br", "gzip, gzip"])
def test_codings_that_were_not_asked_for(coding: str) -> None:
    body = ContentDecoder({"content-encoding": coding})
    with pytest.raises(errors.OxenResponseError, match="unsupported Content-Encoding"):
        body.feed(gzip.compress(b"{}") if "gzip" in coding else b"\x8b\x00\x80" * 9)


@each_row("coding", ["utf-8", "UTF-8", "none", "aws-chunked", "application/json", "identity, utf-8"])
def test_a_name_that_is_not_a_coding(coding: str) -> None:
    assert unpacked(TEXT, coding, 1) == TEXT


@each_row("coding", ["gzip", "deflate", "br", "zstd"])
@each_row("text", [b'{"a": 1}', b'\xef\xbb\xbf{"a": 1}', b"data: {}\n\n", b": hi\n\n", b" \n[1]"])
def test_a_coding_that_was_undone_on_the_way(coding: str, text: bytes) -> None:
    assert unpacked(text, coding, 3) == text


def test_deflate_that_is_damaged_from_the_start() -> None:
    assert unpacked(b"\xff" * 20, "deflate") == b"\xff" * 20, "the reader of the body says what is wrong"


@each_row("size", [1, 2, 1000])
def test_a_coding_that_nobody_named(size: int) -> None:
    assert unpacked(gzip.compress(TEXT), "", size) == TEXT
    raw = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    assert unpacked(raw.compress(TEXT) + raw.flush(), "deflate", size) == TEXT, "deflate without its header"


def test_no_coding_at_all() -> None:
    body = ContentDecoder({})
    assert body.feed(b"x") + body.end() == b"x"
