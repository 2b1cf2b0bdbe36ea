"""Names of tools that the wire cannot hold: there and back."""

from __future__ import annotations

import copy
import json
import re
from typing import Any

import pytest

from _oxen_transport.errors import OxenConfigError
from _oxen_transport.request.build import build
from _oxen_transport.response.tool_calls import calls_from
from _oxen_transport.settings import OxenSettings
from _oxen_transport.tools.names import in_messages, tool_name_map
from tests.tables import each_row

LOCAL = OxenSettings(base_url="http://127.0.0.1:1", model="open-mixtral-8x22b")
HARD_NAMES = ["a.b", "a:b", "a_b", "查询天气", "发送邮件", "größe", *("mcp__server__" + "x" * n for n in (60, 61)), " "]


def tool(name: str) -> dict[str, Any]:
    return {"type": "function", "function": {"name": name, "description": "d", "parameters": {"type": "object"}}}


def conversation(called: str, **result: Any) -> list[Any]:
    call = {"id": "AbC123xyZ", "type": "function", "function": {"name": called, "arguments": "{}"}}
    answer = {"role": "assistant", "content": "", "tool_calls": [call]}
    result = result or {"tool_call_id": "AbC123xyZ", "name": called}
    return [{"role": "user", "content": "Look."}, answer, {"role": "tool", "content": "none", **result}]


@each_row("model", ["open-mixtral-8x22b", "gpt-4o"])
@each_row("history", ["repair", "strict", "off"])
def test_declaration_choice_history_and_answer_agree(model: str, history: str) -> None:
    call = {"tools": [tool("github.search")], "tool_choice": "github.search", "model": model, "history": history}
    messages = conversation("github.search")
    before = copy.deepcopy((messages, call))
    request = build(LOCAL, messages, call=call)
    body = json.loads(request.content)
    names = [body["tools"][0], body["tool_choice"], body["messages"][1]["tool_calls"][0]]
    assert [each["function"]["name"] for each in names] == ["github_search"] * 3
    assert body["messages"][2]["name"] == "github_search"
    assert (messages, call) == before, "the caller's objects stay as they are"
    answer = [{"function": {"name": name, "arguments": "{}"}} for name in ("github_search", "other")]
    assert [made.name for made in calls_from(answer, "", request.tool_names)] == ["github.search", "other"]


def test_names_the_wire_holds_are_left_alone() -> None:
    assert tool_name_map([tool("search"), tool("a-b_C9"), "no tool", {"function": "none"}]) == {}
    messages = conversation("search")
    assert in_messages(messages, {}) is messages


def test_a_result_without_an_id_is_found_by_its_name() -> None:
    sent = build(LOCAL, conversation("a.b", name="a.b"), call={"tools": [tool("a.b")]}).body["messages"]
    assert sent[2]["content"] == "none"
    assert sent[2]["tool_call_id"] == sent[1]["tool_calls"][0]["id"]


def test_any_names_are_sent_in_a_form_of_their_own_which_every_request_repeats() -> None:
    sent = tool_name_map([tool(name) for name in HARD_NAMES])
    assert sorted(sent.values()) == sorted(name for name in HARD_NAMES if name != "a_b")
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{1,64}", name) for name in sent)
    assert "a_b" not in sent
    assert tool_name_map([tool(name) for name in reversed(HARD_NAMES)]) == sent


@each_row("model", ["open-mixtral-8x22b", "gpt-4o"])
@each_row("name", HARD_NAMES)
def test_the_history_has_the_names_of_the_tools(name: str, model: str) -> None:
    call = {"tools": [tool(each) for each in HARD_NAMES], "model": model}
    body = build(LOCAL, conversation(name), call=call).body
    declared = body["tools"][HARD_NAMES.index(name)]["function"]["name"]
    assert body["messages"][1]["tool_calls"][0]["function"]["name"] == body["messages"][2]["name"] == declared


@each_row(
    ("names", "choice", "reason"),
    [
        (["a.b", "a.b"], None, "two tools have the same name 'a.b'"),
        (["github.search"], "search", r"no tool named 'search'; the tools are \['github.search'\]"),
    ],
)
def test_what_is_refused_is_named_as_its_user_does(names: list[str], choice: str | None, reason: str) -> None:
    with pytest.raises(OxenConfigError, match=reason):
        build(LOCAL, conversation("a.b"), call={"tools": [tool(name) for name in names], "tool_choice": choice})
