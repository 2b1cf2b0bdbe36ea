"""Settings, messages and per-call arguments: one request, with nothing in it that was not set."""

from __future__ import annotations

import copy
import dataclasses
import json
from typing import Any

import pytest
from pydantic import SecretStr

from _oxen_transport.errors import OxenConfigError, OxenContextOverflowError
from _oxen_transport.request import build as build_module
from _oxen_transport.request import tokens
from _oxen_transport.request.build import USER_AGENT, build, build_without_body, checked
from _oxen_transport.request.repair import repair
from _oxen_transport.settings import OxenSettings
from tests.tables import each_row

KEY = "sk-test-0123456789"
HELLO: list[Any] = [{"role": "user", "content": "Hello"}]
TOOL = {"type": "function", "function": {"name": "look", "parameters": {"type": "object", "properties": {}}}}


def settings(**options: Any) -> OxenSettings:
    return OxenSettings(**{"api_key": KEY, **options})


def body_of(call: dict[str, Any] | None = None, *, stream: bool = False, **options: Any) -> dict[str, Any]:
    request = build(settings(**options), HELLO, stream=stream, call=call)
    assert json.loads(request.content) == request.body
    return request.body


def test_only_what_is_set_is_sent() -> None:
    whole = {"model": "open-mixtral-8x22b", "messages": HELLO}
    assert body_of() == whole
    assert body_of(stream=True) == {**whole, "stream_options": {"include_usage": True}, "stream": True}


def test_the_place_and_the_headers() -> None:
    request = build(settings(base_url="https://h.test/x", extra_headers={"X-A": "1"}), HELLO)
    assert (request.url, request.host, request.method) == ("https://h.test/x/chat/completions", "h.test", "POST")
    assert request.headers() == {
        "Accept": "application/json",
        "Accept-Encoding": "gzip, deflate",
        "User-Agent": USER_AGENT,
        "Content-Type": "application/json",
        "Authorization": f"Bearer {KEY}",
        "X-A": "1",
    }
    streamed = build(settings(), HELLO, stream=True).headers()
    assert (streamed["Accept"], streamed["Accept-Encoding"]) == ("text/event-stream", "identity")
    assert "Authorization" not in build(OxenSettings(base_url="http://localhost:1"), HELLO).headers()


def test_the_users_own_user_agent_wins_and_ours_never_names_the_service() -> None:
    assert "oxen" not in USER_AGENT.lower()
    headers = build(settings(extra_headers={"user-agent": "my-app/1"}), HELLO).headers()
    assert [value for name, value in headers.items() if name.lower() == "user-agent"] == ["my-app/1"]


@each_row(
    ("model", "call", "expected"),
    [
        ({"temperature": 1.0}, {"temperature": 0.0}, {"temperature": 0.0}),
        ({"max_tokens": 7}, {"max_tokens": None}, {"max_tokens": 7}),
        ({}, {"model_name": "gpt-4o", "random_seed": 3}, {"model": "gpt-4o", "seed": 3}),
        ({}, {"stop_sequences": "x"}, {"stop": ["x"]}),
        ({"extra_body": {"a": 1, "b": 1}}, {"extra_body": {"b": 2}}, {"a": 1, "b": 2}),
        ({"seed": 3}, {}, {"random_seed": 3}),
        ({"seed": 3, "model": "gpt-4o"}, {}, {"seed": 3}),
        ({"temperature": 1.6, "model": "gpt-4o"}, {}, {"temperature": 1.6}),
    ],
)
def test_a_call_overrides_the_settings(model: dict[str, Any], call: dict[str, Any], expected: dict[str, Any]) -> None:
    assert body_of(call, **model).items() >= expected.items()


def test_the_headers_of_a_call_are_added_to_those_of_the_settings() -> None:
    model = settings(extra_headers={"X-A": "1", "X-B": "1"})
    headers = build(model, HELLO, call={"extra_headers": {"X-B": "2"}}).headers()
    assert (headers["X-A"], headers["X-B"]) == ("1", "2")


@each_row("call", [{"temperature": 9}, {"temprature": 1}, {"n": 2}, {"stop": 7}, {"base_url": "x"}, {"api_key": "x"}])
def test_a_call_is_checked_like_the_settings(call: dict[str, Any]) -> None:
    with pytest.raises(OxenConfigError) as caught:
        build(settings(), HELLO, call=call)
    assert next(iter(call)) in str(caught.value)
    assert caught.value.__context__ is None
    with pytest.raises(OxenConfigError):
        checked(call)


def test_a_temperature_that_the_family_refuses() -> None:
    with pytest.raises(OxenConfigError, match=r"at most 1\.5"):
        body_of(temperature=1.6)


LOOK = {"type": "function", "function": {"name": "look"}}


@each_row(
    ("choice", "sent"),
    [
        *(("auto", "auto"), ("none", "none"), ("required", "required"), ("any", "required"), (True, "required")),
        *(("look", LOOK), (LOOK, LOOK), (False, None), (None, None)),
    ],
)
def test_tool_choice(choice: Any, sent: Any) -> None:
    assert body_of(tools=[TOOL], tool_choice=choice).get("tool_choice") == sent


@each_row(
    ("tools", "choice", "reason"),
    [
        *(([TOOL], choice, "look") for choice in ("nothing", {**LOOK, "function": {"name": "nothing"}}, {"x": 1})),
        ([{"type": "function", "function": "look"}], "look", "a tool must be"),
    ],
)
def test_a_tool_or_a_choice_that_cannot_be(tools: list[Any], choice: Any, reason: str) -> None:
    with pytest.raises(OxenConfigError, match=reason):
        body_of({"tools": tools, "tool_choice": choice})


@each_row("tools", [None, []])
def test_without_tools_nothing_about_tools_is_sent(tools: Any) -> None:
    body = body_of(tools=tools, tool_choice="any", parallel_tool_calls=True)
    assert not {"tools", "tool_choice", "parallel_tool_calls"} & set(body)
    assert body_of(tools=[TOOL], parallel_tool_calls=False)["parallel_tool_calls"] is False


def test_nothing_a_caller_passed_in_is_changed() -> None:
    model = settings(tools=[TOOL], tool_choice="any", extra_body={"a": {"b": 1}}, extra_headers={"X": "1"})
    messages: list[Any] = [{"role": "user", "content": [{"type": "text", "text": "x"}]}]
    call = {"extra_body": {"c": 1}, "stop": ["x"]}
    before = copy.deepcopy((model.model_dump(), messages, call))
    build(model, messages, stream=True, call=call)
    assert (model.model_dump(), messages, call) == before


def test_a_request_is_immutable_and_keeps_its_secrets() -> None:
    request = build(settings(extra_headers={"X-A": "secret-4711"}), HELLO)
    with pytest.raises(dataclasses.FrozenInstanceError):
        request.url = "x"  # type: ignore[misc]
    for secret in (KEY, "secret-4711"):
        assert secret not in repr(request)
        assert request.redact(f"a {secret} b") == "a [redacted] b"
    assert build(OxenSettings(base_url="http://localhost:1"), HELLO).redact("a b") == "a b", "without a key"


def test_without_a_field() -> None:
    request = build(settings(), HELLO, stream=True)
    less = request.without("stream_options")
    assert "stream_options" not in {*less.body, *json.loads(less.content)}
    assert "stream_options" in request.body
    assert less.stream


@each_row("value", [object(), b"\xff", float("nan"), float("inf"), float("-inf")])
def test_what_json_cannot_carry(value: Any) -> None:
    with pytest.raises(OxenConfigError, match="JSON"):
        body_of({"extra_body": {"x": [value]}})


@each_row(
    ("text", "sent"),
    [
        ("NaN bread, to Infinity", "NaN bread, to Infinity"),
        ("a\ud83dz", "a\ufffdz"),
        ("a\ud83d\ude00z", "a\N{GRINNING FACE}z"),
    ],
)
def test_texts_that_are_hard_to_write_as_json(text: str, sent: str) -> None:
    message: Any = {"role": "user", "content": text}
    assert json.loads(build(settings(), [message]).content)["messages"][0]["content"] == sent


IMAGE = [{"type": "image_url", "image_url": {"url": f"data:image/png;base64,{'A' * 6_000}"}}]


@each_row(
    ("content", "limit", "expected"),
    [
        ("a" * 3_000, 500, 1_500),
        ("a" * 3_000, "abc", 1_256),
        ("a" * 3_000, 0, 1_256),
        ("data: " + "a" * 3_000, 500, 1_500),
        (IMAGE, 500, 1_500),  # not by its length: it is sent as base64
    ],
)
def test_the_tokens_that_a_call_may_cost(content: Any, limit: Any, expected: int) -> None:
    settings = OxenSettings(api_key=KEY, model="pixtral-12b", extra_body={"max_tokens": limit})
    assert build(settings, [{"role": "user", "content": content}]).expected_tokens == pytest.approx(expected, abs=60)


def test_a_request_for_a_document() -> None:
    request = build_without_body(settings(), "/models", "m")
    assert (request.method, request.url, request.content) == ("GET", "https://hub.oxen.ai/api/ai/models", b"")
    assert "Content-Type" not in request.headers()
    assert request.headers()["Authorization"] == f"Bearer {KEY}"


NULL = {"description": None, "strict": None, **TOOL["function"]}


@each_row("more", [{}, {"parameters": None}, {"parameters": {}}, NULL])
def test_a_tool_without_parameters_gets_an_empty_object_and_null_is_not_sent(more: dict[str, Any]) -> None:
    """Servers take only a text as description; extraction libraries write None where a class has no docstring."""
    tool = {"type": "function", "function": {"name": "look", **more}}
    before = copy.deepcopy(tool)
    assert body_of({"tools": [tool]})["tools"] == body_of({"tools": [TOOL]})["tools"] == [TOOL]
    assert tool == before


@each_row("name", ["max_tokens", "max_completion_tokens"])
def test_the_window_is_held_against_the_limit_in_extra_body(name: str) -> None:
    with pytest.raises(OxenContextOverflowError, match="with 63999 reserved"):
        body_of({"check_context": True, "extra_body": {name: 63_999}})
    assert body_of({"check_context": True, "extra_body": {name: 9}})[name] == 9
    assert body_of({"max_tokens": "fit", "extra_body": {"max_tokens": 9}})["max_tokens"] == 9


@pytest.mark.parametrize("history", ["repair", "strict", "off"])
def test_a_counted_history_is_repaired_once(history: str, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []
    for module in (build_module, tokens):
        monkeypatch.setattr(module, "repair", lambda *a, **k: calls.append(a[2]) or repair(*a, **k))
    body_of({"max_tokens": "fit", "check_context": True, "history": history})
    assert [mode for mode in calls if mode != "off"] == ["repair" if history == "off" else history]


def test_a_secret_header_of_one_call_must_be_hidden_from_tracers() -> None:
    with pytest.raises(OxenConfigError, match=r"extra_headers: give 'X-Api-Key' as SecretStr") as caught:
        build(settings(), HELLO, call={"extra_headers": {"X-Api-Key": "canary"}})
    assert "canary" not in str(caught.value)
    request = build(settings(), HELLO, call={"extra_headers": {"X-Api-Key": SecretStr("canary"), "X-Run": "7"}})
    assert (request.headers()["X-Api-Key"], request.headers()["X-Run"]) == ("canary", "7")
    assert build(settings(extra_headers={"X-Api-Key": "canary"}), HELLO).headers()["X-Api-Key"] == "canary"
