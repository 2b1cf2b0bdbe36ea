"""The server's own words, out of every shape an error body was seen in."""

# ruff: noqa: E501 - one wording a line

from __future__ import annotations

import json
from typing import Any

from pydantic import SecretStr

from _oxen_transport import errors
from _oxen_transport.redaction import NOTHING_SECRET, Redactor
from _oxen_transport.response.errors import (
    MAX_TEXT,
    MAX_WORDS,
    details_of,
    error_from_reply,
    error_in_answer,
    is_error,
    parse_error,
)
from tests.tables import each_row

DETAIL = [{"type": "extra_forbidden", "loc": ["body", "stream_options"], "msg": "Extra inputs are not permitted"}]
DETAIL_TEXT = "body.stream_options: Extra inputs are not permitted"


HTML = b"<html><style>p {}</style><h1>502 Bad\n Gateway</h1><script>x()</script></html>"


@each_row(
    ("body", "message"),
    [
        ({"error": {"message": "boom"}}, "boom"),
        ({"error": {"type": "invalid_params", "title": "Invalid", "detail": "no such key"}}, "Invalid: no such key"),
        ({"error": {"title": "Invalid key", "detail": "Invalid"}}, "Invalid key"),
        ({"error": {"description": "boom"}}, "boom"),
        ({"error": {"detail": "name already taken"}}, "name already taken"),
        ({"error": {"type": "upstream"}}, "upstream"),
        ({"error": {"message": "upstream failed", "metadata": {"raw": "x"}}}, "upstream failed: x"),
        *[({"error": {}}, ""), ({"error": "Model not found: x"}, "Model not found: x"), ({"error": 7}, "7")],
        *[({"error": ["one", "two"]}, "one; two"), ({"errors": [{"msg": "a"}, "b"]}, "a; b")],
        ({"status": "error", "status_message": "bad", "status_description": "very bad"}, "bad: very bad"),
        ({"status": "error", "status_message": "bad", "status_description": "bad"}, "bad"),
        *[({"status": "error"}, ""), ({"error": True, "message": "boom"}, "boom"), ({"error_message": "boom"}, "boom")],
        *[({"message": "boom"}, "boom"), ({"code": "InternalError", "msg": "boom"}, "boom"), ({"detail": "No"}, "No")],
        ({"base_resp": {"status_code": 1004, "status_msg": "no such key"}}, "no such key"),
        ({"detail": DETAIL}, DETAIL_TEXT),
        ({"object": "error", "message": {"detail": DETAIL}}, DETAIL_TEXT),
        ({"message": json.dumps({"detail": DETAIL})}, DETAIL_TEXT),
        ({"detail": [{"loc": "body", "msg": "m"}, {"x": 1}, None]}, "m; {'x': 1}; "),
        *[({"message": "{no json"}, "{no json"), ({"message": "[1, 2]"}, "1; 2"), ("  two\n words ", "two words")],
        *[(b"plain text", "plain text"), (b'"quoted"', "quoted"), (b'{"error": {"message": "boom"}}', "boom")],
        *[(b"data: nothing", "nothing"), (b"", ""), (b"\xff\xfe", "\ufffd\ufffd"), (HTML, "502 Bad Gateway")],
        *[(b'data: {"error": {"message": "boom"}}\n\n', "boom"), (None, ""), (12, "12")],
    ],
)
def test_the_message(body: Any, message: str) -> None:
    assert parse_error(body).message == message


@each_row(
    ("body", "expected"),
    [
        ({"error": {"message": "m", "type": "t", "code": 409, "param": "p"}}, ("t", "409", "p", 409)),
        ({"message": "m", "type": "", "code": None, "param": ["x"]}, (None, None, None, None)),
        ([{"error": {"code": 429, "message": "slow down"}}], (None, "429", None, 429)),
        ({"error": {"message": "no", "type": "authentication_error"}}, ("authentication_error", None, None, 401)),
        ({"error": {"message": "no", "code": "invalid_api_key"}}, (None, "invalid_api_key", None, 401)),
        ({"error": {"message": "no", "code": "402"}}, (None, "402", None, 402)),
        ({"error": {"message": "no", "code": 7}}, (None, "7", None, None)),
        *[
            ({"error": {"status": 400}}, (None, None, None, 400)),
            ({"error": {"status": 600}}, (None, None, None, None)),
        ],
        *[({"error": {name: 418}}, (None, None, None, 418)) for name in ("status_code", "http_status")],
    ],
)
def test_the_small_print_and_the_status_that_it_names(body: Any, expected: tuple[Any, ...]) -> None:
    found = parse_error(json.dumps(body).encode())
    assert (found.type, found.code, found.param, found.status) == expected


def test_it_is_bounded() -> None:
    assert len(parse_error({"error": {"message": "x" * 10**6}}).message) == MAX_WORDS
    assert len(parse_error(b"x" * (MAX_TEXT + 1)).message) == MAX_WORDS
    assert len(parse_error(b"<" * 10**6).message) <= MAX_WORDS
    assert len(parse_error({"detail": [{"a": "x" * 10**5}] * 100}).message) <= MAX_WORDS
    deep: Any = "x"
    for _ in range(150):
        deep = [deep]
    assert parse_error(json.dumps(deep).encode()).message == "x"
    assert len(parse_error(b"[" * 10_000).message) <= MAX_WORDS


SECRET = "sk-0123456789"


@each_row(
    "text",
    [
        f"bad key {SECRET}",
        f'{{"error": {{"message": "{SECRET}", "code": "{SECRET}"}}}}',
        f'{{"detail": [{{"loc": ["{SECRET}"], "msg": "m"}}]}}',
        *(" " * 1_000 + "x" * (MAX_TEXT - 1_000 - cut) + SECRET for cut in (0, 9)),
        f"<style>{'x' * (MAX_TEXT - 20)}</style>{SECRET}",
        *(f'{{"error": {{"{name}": "{"y" * 191}{SECRET}"}}}}' for name in ("code", "type", "param")),
        f'{{"error": {{"message": "{"z " * 8_180}{SECRET}"}}}}',
        f'{{"error": {{"message": "{" " * 16_000}{"z" * 374}{SECRET}"}}}}',
    ],
)
def test_secrets_are_taken_out_with_what_a_cut_leaves_of_them(text: str) -> None:
    redact = Redactor((SecretStr(SECRET),))
    for shown in (parse_error(text.encode(), redact), details_of({}, text.encode(), redact)):
        assert SECRET[:6] not in repr(shown)


def test_what_looks_like_a_token_is_taken_out() -> None:
    assert Redactor()("authorization: Bearer abcdef.ghi-jkl=") == "authorization: Bearer [redacted]"
    assert Redactor()("the bearer of news") == "the bearer of news"
    assert Redactor((SecretStr("abc"), SecretStr("")))("abc") == "abc", "too short to tell from words"
    assert SECRET not in repr(Redactor((SecretStr(SECRET),)).__dict__)
    for written in (quoted := "pa\\ss'w\"d", repr(quoted), json.dumps(quoted), repr(quoted.encode())):
        assert "ss" not in Redactor((SecretStr(quoted),))(written)


@each_row(
    ("expected", "bodies"),
    [
        (True, [{"error": {"message": "x"}}, {"error": "x", "choices": []}, {"success": False}, {"detail": "x"}]),
        (True, [{"status": "error"}, {"object": "error"}, {"object": "Error"}, {"status_message": "x"}]),
        (True, [{"message": "x"}, {"message": "x", "choices": []}, {"code": "InternalError", "msg": "boom"}]),
        (True, [{"error": {"code": 0, "message": "no"}, "choices": [{}]}, {"status": 500, "message": "x"}]),
        (True, [{"base_resp": {"status_code": 1002, "status_msg": "slow down"}, "choices": None}]),
        (False, [{}, {"choices": [{}]}, {"error": None, "choices": []}, {"message": "x", "choices": [{}]}]),
        (False, [{"error": error, "choices": [{}]} for error in ({"code": 0, "message": ""}, {"message": "Success"})]),
        (False, [{"status": "success", "status_message": "ok", "choices": []}, {"code": 0, "msg": "ok", "usage": {}}]),
        (False, [{"base_resp": {"status_code": 0, "status_msg": ""}}]),
    ],
)
def test_what_is_an_error(bodies: list[dict[str, Any]], expected: bool) -> None:
    assert [is_error(body) for body in bodies] == [expected] * len(bodies)


OPENAI = "This model's maximum context length is"


@each_row(
    ("text", "prompt", "window"),
    [
        ("Prompt contains 70123 tokens and 0 draft tokens, too large for model with 65536 maximum context length", 70123, 65536),
        (f"{OPENAI} 8192 tokens. However, your messages resulted in 9000 tokens.", 9000, 8192),
        (f"{OPENAI} 4096 tokens. However, you requested 5000 tokens (4000 in the messages, 1000 in the completion).", 5000, 4096),
        (f"{OPENAI} 32,768 tokens", None, 32768),
        ("The decoder prompt (length 9000) is longer than the maximum model length of 8192.", 9000, 8192),
        ("The input (9000 tokens) is longer than the model's context length (8192 tokens).", 9000, 8192),
        ("`inputs` tokens + `max_new_tokens` must be <= 4096. Given: 5000 `inputs` tokens", 5000, 4096),
        ("request (18030 tokens) exceeds the available context size (8192 tokens), try increasing it", 18030, 8192),
        ("prompt is too long: 210000 tokens > 200000 maximum", 210000, 200000),
        ("The prompt is too long: 140000, model maximum context length: 131071", 140000, 131071),
        ("This model's maximum prompt length is 131072 but the request contains 140000 tokens.", 140000, 131072),
        ("Input tokens exceed the configured limit of 272,000 tokens. Your messages resulted in 300,000 tokens.", 300000, 272000),
        ("The model returned: Input tokens exceed the configured limit of 200000", None, 200000),
        ("Input is too long for requested model.", None, None),
        ("The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).", 1200000, 1048576),
        ("Please reduce the length of the messages or completion.", None, None),
        ("the request exceeds the model's context window", None, None),
        ("too many tokens", None, None),
    ],
)  # fmt: skip
def test_the_prompt_does_not_fit(text: str, prompt: int | None, window: int | None) -> None:
    words = parse_error({"error": {"message": text}})
    assert words.overflow
    assert (words.prompt_tokens, words.context_window) == (prompt, window)


def test_the_prompt_does_not_fit_says_a_code() -> None:
    assert parse_error({"error": {"message": "no", "code": "context_length_exceeded"}}).overflow
    words = parse_error(
        {"error": {"message": "no", "type": "exceed_context_size_error", "n_prompt_tokens": 9, "n_ctx": 8}}
    )
    assert (words.overflow, words.prompt_tokens, words.context_window) == (True, 9, 8)
    words = parse_error({"error": {"message": "x", "n_prompt_tokens": "1,234", "n_ctx": "9" * 20}})
    assert (words.prompt_tokens, words.context_window) == (1234, None)
    assert parse_error({"error": {"message": "x", "n_ctx": "many"}}).context_window is None


@each_row(
    ("text", "unknown_model"),
    [
        *((text, False) for text in ("temperature is too high", "rate limit exceeded", "no such page")),
        *((text, True) for text in ("Model not found: x", "Invalid model: open-mixtral-8x22b")),
    ],
)
def test_other_refusals_are_not_an_overflow(text: str, unknown_model: bool) -> None:
    found = parse_error({"error": {"message": text}})
    assert (found.overflow, found.unknown_model) == (False, unknown_model)


TOO_LONG = f"{OPENAI} 8,192 tokens. However, your messages resulted in 9,000 tokens."
UNKNOWN = "Model not found: x"


@each_row(
    ("kind", "statuses", "message"),
    [
        (errors.OxenContextOverflowError, [400, 413, 422, 500], TOO_LONG),
        (errors.OxenNotFoundError, [400, 404, 422], UNKNOWN),
        (errors.OxenServerError, [500], UNKNOWN),
        (errors.OxenBadRequestError, [400, 405, 423], "temperature is too high"),
        (errors.OxenRedirectError, [300, 399], ""),
    ],
)
def test_the_error_for_a_reply(kind: type[errors.OxenError], statuses: list[int], message: str) -> None:
    body = json.dumps({"error": {"message": message}}).encode()
    for status in statuses:
        error = error_from_reply(status, {"location": "https://elsewhere"}, body, NOTHING_SECRET, 0.0)
        assert type(error) is kind
        assert error.message == f"HTTP {status}: " + (f'"{message}"' if message else "redirect to 'https://elsewhere'")


@each_row("field", ["type", "code"])
def test_a_429_for_want_of_credits_is_not_waited_for(field: str) -> None:
    body = json.dumps({"error": {"message": "no quota", field: "insufficient_quota"}}).encode()
    error = error_from_reply(429, {}, body, NOTHING_SECRET, 0.0)
    assert (type(error), error.details.status_code) == (errors.OxenPaymentRequiredError, 429)


def test_what_a_reply_tells_stands_in_the_details() -> None:
    fields = {"message": f"{TOO_LONG} {UNKNOWN}", "type": "t", "code": "c", "param": "p"}
    headers = {"retry-after": "Thu, 01 Jan 1970 00:01:00 GMT", "x-request-id": "r-7", "set-cookie": "c"}
    details = error_from_reply(400, headers, json.dumps(fields).encode(), NOTHING_SECRET, 50.0).details
    assert (details.type, details.code, details.param, details.body) == ("t", "c", "p", fields["message"])
    assert (details.prompt_tokens, details.context_window, details.unknown_model) == (9000, 8192, True)
    assert (details.status_code, details.request_id, details.retry_after) == (400, "r-7", 10.0)
    assert details.response is not None
    assert (details.response.status_code, "set-cookie" in details.response.headers) == (400, False)
    inside = details_of(headers)
    assert inside.retry_after is None, "inside of a 200 answer it means nothing"
    assert inside.response is not None
    assert (inside.response.status_code, inside.response.text) == (200, "")


@each_row(
    ("kind", "error"),
    [
        (errors.OxenContextOverflowError, {"message": TOO_LONG}),
        (errors.OxenNotFoundError, {"message": UNKNOWN}),
        (errors.OxenAuthenticationError, {"message": "no", "code": 401}),
        (errors.OxenAPIError, {"message": "busy", "code": 503}),
        (errors.OxenAPIError, {"message": "busy"}),
    ],
)
def test_the_error_inside_of_an_answer(kind: type[errors.OxenError], error: dict[str, Any]) -> None:
    assert type(error_in_answer(parse_error({"error": error}), details_of({}))) is kind
