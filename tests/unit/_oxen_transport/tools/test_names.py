"""ToolNameMap of tools that the wire cannot hold: there and back."""

from __future__ import annotations

import copy
import json
import re
from typing import Any

import pytest

from _oxen_transport.errors import OxenConfigError
from _oxen_transport.request.build import build
from _oxen_transport.settings import OxenSettings
from _oxen_transport.testing import Server, chunks, completion, sse, streamed, whole
from _oxen_transport.tools.names import in_messages, tool_name_map
from tests.entry_points import EntryPoint, LangChain, LlamaIndex, Transport, each, entry_points
from tests.tables import each_row

LOCAL = OxenSettings(base_url="http://127.0.0.1:1", model="open-mixtral-8x22b")


def tool(name: str) -> dict[str, Any]:
    return {"type": "function", "function": {"name": name, "description": "d", "parameters": {"type": "object"}}}


def asking(name: str) -> dict[str, Any]:
    call = {"id": "AbC123xyZ", "type": "function", "function": {"name": name, "arguments": "{}"}}
    return {"role": "assistant", "content": "", "tool_calls": [call]}


CONVERSATION: list[Any] = [
    {"role": "user", "content": "Look."},
    asking("github.search"),
    {"role": "tool", "content": "none", "tool_call_id": "AbC123xyZ"},
]


@each_row("model", ["open-mixtral-8x22b", "gpt-4o"])
@each_row("history", ["repair", "strict", "off"])
def test_tool_choice_and_history_agree(model: str, history: str) -> None:
    call = {"tools": [tool("github.search")], "tool_choice": "github.search", "model": model, "history": history}
    before = copy.deepcopy((CONVERSATION, call))
    request = build(LOCAL, CONVERSATION, call=call)
    body = json.loads(request.content)
    assert body["tools"][0]["function"]["name"] == body["tool_choice"]["function"]["name"] == "github_search"
    assert body["messages"][1]["tool_calls"][0]["function"]["name"] == "github_search"
    assert request.tool_names == {"github_search": "github.search"}
    assert (CONVERSATION, call) == before, "the caller's objects stay as they are"


def test_names_the_wire_holds_are_left_alone() -> None:
    assert tool_name_map([tool("search"), tool("a-b_C9"), "no tool", {"function": "none"}]) == {}
    assert in_messages(CONVERSATION, {}) is CONVERSATION


def test_a_result_that_goes_by_its_name_is_found() -> None:
    messages: list[Any] = [*CONVERSATION[:2], {"role": "tool", "content": "none", "name": "github.search"}]
    sent = build(LOCAL, messages, call={"tools": [tool("github.search")]}).body["messages"]
    assert sent[2]["content"] == "none"
    assert sent[2]["tool_call_id"] == sent[1]["tool_calls"][0]["id"]


def test_two_tools_of_one_name_are_refused() -> None:
    with pytest.raises(OxenConfigError, match=r"two tools have the same name 'a.b'"):
        build(LOCAL, CONVERSATION, call={"tools": [tool("a.b"), tool("a.b")]})


HARD_NAMES = [
    "a.b",
    "a:b",
    "a_b",
    "查询天气",
    "发送邮件",
    "größe",
    "mcp__server__" + "x" * 60,
    "mcp__server__" + "x" * 61,
    " ",
]


def test_any_names_are_sent_in_a_form_of_their_own_which_every_request_repeats() -> None:
    sent = tool_name_map([tool(name) for name in HARD_NAMES])
    assert sorted(sent.values()) == sorted(name for name in HARD_NAMES if name != "a_b")
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{1,64}", name) for name in sent)
    assert "a_b" not in sent
    assert tool_name_map([tool(name) for name in reversed(HARD_NAMES)]) == sent


@each_row("model", ["open-mixtral-8x22b", "gpt-4o"])
@each_row("name", HARD_NAMES)
def test_the_history_has_the_names_of_the_tools(name: str, model: str) -> None:
    messages: list[Any] = [CONVERSATION[0], asking(name), {**CONVERSATION[2], "name": name}]
    body = build(LOCAL, messages, call={"tools": [tool(each) for each in HARD_NAMES], "model": model}).body
    declared = body["tools"][HARD_NAMES.index(name)]["function"]["name"]
    assert body["messages"][1]["tool_calls"][0]["function"]["name"] == body["messages"][2]["name"] == declared


def test_an_unknown_choice_names_the_tools_as_their_user_does() -> None:
    with pytest.raises(OxenConfigError, match=r"no tool named 'search'; the tools are \['github.search'\]"):
        build(LOCAL, CONVERSATION, call={"tools": [tool("github.search")], "tool_choice": "search"})


@each(*entry_points(Transport, LangChain, LlamaIndex))
def test_the_answers_calls_have_the_tools_own_names(api: EntryPoint, server: Server) -> None:
    made = [("AbC123xyZ", "github_search", {"q": "ox"}), ("AbC123xyY", "other", {})]
    stage = server.stage(
        streamed(sse(chunks(tool_calls=made))) if api.streams else [whole(completion(tool_calls=made))]
    )
    answer = api.ask(api.make(stage.url), tools=[tool("github.search"), tool("other")])
    assert [name for _, name, _ in answer.tool_calls] == ["github.search", "other"]
    assert [tool["function"]["name"] for tool in stage.bodies[0]["tools"]] == ["github_search", "other"]
