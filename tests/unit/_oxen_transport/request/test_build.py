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
from _oxen_transport.request.build import USER_AGENT, Request, build, build_without_body, checked
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
    assert body_of() == {"model": "open-mixtral-8x22b", "messages": HELLO}
    assert body_of(stream=True) == {
        "model": "open-mixtral-8x22b",
        "messages": HELLO,
        "stream_options": {"include_usage": True},
        "stream": True,
    }


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


def test_a_call_may_change_how_it_is_sent() -> None:
    model = settings(extra_headers={"X-A": "1", "X-B": "1"})
    call = {"timeout": 3, "total_timeout": 9, "max_retries": 0, "extra_headers": {"X-B": "2"}}
    request = build(model, HELLO, call=call)
    assert (request.timeout, request.total_timeout, request.max_retries) == (3.0, 9.0, 0)
    assert (request.headers()["X-A"], request.headers()["X-B"]) == ("1", "2")


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


def test_without_a_field() -> None:
    request = build(settings(), HELLO, stream=True)
    less = request.without("stream_options")
    assert "stream_options" not in less.body
    assert "stream_options" not in json.loads(less.content)
    assert "stream_options" in request.body
    assert less.stream


@each_row("value", [object(), {1, 2}, 1j, b"\xff"])
def test_what_json_cannot_carry(value: Any) -> None:
    try:
        content = json.loads(build(settings(), HELLO, call={"extra_body": {"x": value}}).content)
    except OxenConfigError as error:
        assert "JSON" in str(error)  # noqa: PT017 - either outcome is one
    else:
        assert content["x"] in ([1, 2], "_w==", "1j", "\ufffd") or isinstance(value, (set, bytes))


@each_row("number", [float("nan"), float("inf"), float("-inf")])
def test_a_number_that_json_has_no_word_for(number: float) -> None:
    with pytest.raises(OxenConfigError, match="JSON"):
        build(settings(), HELLO, call={"extra_body": {"x": [number]}})


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
    with pytest.raises(OxenConfigError, match="JSON"):
        build(settings(), [message], call={"extra_body": {"x": object()}})


def test_a_request_for_a_document() -> None:
    request = build_without_body(settings(), "/models", "m")
    assert (request.method, request.url, request.content) == ("GET", "https://hub.oxen.ai/api/ai/models", b"")
    assert "Content-Type" not in request.headers()
    assert request.headers()["Authorization"] == f"Bearer {KEY}"


def test_a_hand_made_request_has_no_secrets() -> None:
    request = Request("https://h.test/x", "m", {}, b"", extra_headers={"X": SecretStr("abcd")})
    assert request.redact("abcd") == "[redacted]"
    assert request.headers()["X"] == "abcd"


@each_row("function", [{"name": "now"}, {"name": "now", "parameters": None}, {"name": "now", "parameters": {}}])
def test_a_tool_without_parameters_gets_an_empty_object(function: dict[str, Any]) -> None:
    tool = {"type": "function", "function": function}
    before = copy.deepcopy(tool)
    [sent] = body_of({"tools": [tool]})["tools"]
    assert sent["function"]["parameters"] == {"type": "object", "properties": {}}
    assert tool == before
    assert body_of({"tools": [TOOL]})["tools"] == [TOOL]


def test_a_field_of_a_tool_that_is_null_is_not_sent() -> None:
    """Servers take only a text as description; extraction libraries write None where a class has no docstring."""
    tool = {**TOOL, "function": {"description": None, "strict": None, **TOOL["function"]}}
    assert body_of({"tools": [tool]})["tools"] == [TOOL]


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
