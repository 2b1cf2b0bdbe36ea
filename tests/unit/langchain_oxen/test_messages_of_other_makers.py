"""Histories that other makers' models began: nothing of theirs ends the run, and what was said goes on."""

from __future__ import annotations

import json
from typing import Any

import pytest
from langchain_core.load import dumpd, load
from langchain_core.messages import (
    AIMessage,
    HumanMessage,
    HumanMessageChunk,
    SystemMessageChunk,
    ToolMessage,
)

from _oxen_transport.errors import OxenConfigError
from _oxen_transport.request.build import build
from _oxen_transport.settings import OxenSettings
from langchain_oxen.messages import to_wire
from tests.tables import each_row

CALL: Any = {"id": "call_1", "name": "f", "args": {"a": 1}, "type": "tool_call"}
FUNCTION = {"name": "f", "arguments": '{"a":1}'}
SIGNATURE = {"google": {"thought_signature": "s1gn"}}
DETAILS = [{"type": "reasoning.encrypted", "data": "x", "index": 0}]


def sent(messages: list[Any], model: str = "deepseek-v4-flash", **settings: Any) -> list[Any]:
    known = OxenSettings(base_url="http://127.0.0.1:1", model=model, **settings)
    return json.loads(build(known, to_wire(messages)).content)["messages"]  # type: ignore[no-any-return]


FOREIGN_ITEMS: list[dict[str, Any]] = [
    {"type": "function_call", "name": "f", "arguments": '{"a": 1}', "call_id": "call_1", "id": "fc_1"},
    {"type": "web_search_call", "id": "ws_1", "status": "completed"},
    {"type": "mcp_call", "id": "mcp_1", "name": "x", "output": "y"},
    {"type": "server_tool_use", "id": "srv_1", "name": "web_search", "input": {"query": "ox"}},
    {"type": "input_json_delta", "partial_json": '{"a'},
    {"type": "non_standard", "value": {"type": "code_interpreter_call", "code": "1 + 1"}},
    {"type": "image_generation_call", "result": "AAAA"},
    {"type": "image", "file_id": "file-1"},
]


@each_row("item", FOREIGN_ITEMS, ids=lambda item: item["type"])
def test_a_foreign_item_of_an_answer_is_left_out_and_its_call_sent_once(item: dict[str, Any]) -> None:
    answer = AIMessage([{"type": "text", "text": "I look."}, item], tool_calls=[CALL])
    [wired] = to_wire([answer])
    assert wired["content"] == "I look."
    assert wired["tool_calls"] == [{"id": "call_1", "type": "function", "function": FUNCTION}]
    with pytest.raises(OxenConfigError):
        to_wire([HumanMessage([{"type": "web_search_call", "id": "ws_1"}])])


def test_a_function_call_that_stands_alone_becomes_a_call() -> None:
    [wired] = to_wire([AIMessage([FOREIGN_ITEMS[0]])])
    assert [(call["id"], call["function"]["name"]) for call in wired["tool_calls"]] == [("call_1", "f")]


@each_row("block", [{**CALL, "id": None}, {"type": "tool_use", "name": "f", "input": {"a": 1}}])
def test_a_call_without_an_id_is_sent_once(block: dict[str, Any]) -> None:
    [wired] = to_wire([AIMessage([block], tool_calls=[{**CALL, "id": None}])])
    assert len(wired["tool_calls"]) == 1
    [wired] = to_wire([AIMessage([block, block], tool_calls=[{**CALL, "id": None}] * 2)])
    assert len(wired["tool_calls"]) == 2


@each_row("content", ["", [{"type": "refusal", "refusal": "I will not."}]])
def test_a_refusal_stays_in_the_history(content: Any) -> None:
    answer = AIMessage(content, additional_kwargs={"refusal": "I will not."})
    assert [message["content"] for message in sent([HumanMessage("q"), answer, HumanMessage("why?")])] == [
        "q",
        "I will not.",
        "why?",
    ]


def test_chunks_are_taken_for_the_messages_they_are() -> None:
    wired = to_wire([SystemMessageChunk(content="s"), HumanMessageChunk(content="q")])
    assert [message["role"] for message in wired] == ["system", "user"]


def thinking(**kwargs: Any) -> list[Any]:
    answer = AIMessage("", tool_calls=[CALL], additional_kwargs={"reasoning_content": "hm", **kwargs})
    answer = load(json.loads(json.dumps(dumpd(answer))), allowed_objects="core")  # through a checkpoint
    return [HumanMessage("q"), answer, ToolMessage("2", tool_call_id="call_1", name="f")]


@each_row("history", ["repair", "off"])
@each_row(("model", "goes_back"), [("deepseek-v4-flash", True), ("open-mixtral-8x22b", False)])
def test_thoughts_and_signatures_go_back_to_the_families_that_take_them(
    model: str, goes_back: bool, history: str
) -> None:
    messages = thinking(reasoning_details=DETAILS, tool_call_extras={"call_1": {"extra_content": SIGNATURE}})
    answer = sent(messages, model, history=history)[1]
    assert answer.get("reasoning_content") == ("hm" if goes_back else None)
    assert answer.get("reasoning_details") == (DETAILS if goes_back else None)
    assert answer["tool_calls"][0].get("extra_content") == (SIGNATURE if goes_back else None)


def test_thoughts_of_an_answer_without_calls_stay_here() -> None:
    answer = AIMessage("18", additional_kwargs={"reasoning_content": "hm"})
    assert sent([HumanMessage("q"), answer, HumanMessage("r")])[1] == {"role": "assistant", "content": "18"}


def test_mistrals_strict_mode_does_not_take_thoughts_for_a_fault() -> None:
    history = [HumanMessage("q"), thinking()[1].model_copy(), ToolMessage("2", tool_call_id="AbC123xyZ")]
    history[1].tool_calls[0]["id"] = "AbC123xyZ"
    assert "reasoning_content" not in sent(history, "open-mixtral-8x22b", history="strict")[1]


@each_row(
    ("block", "text"),
    [
        ({"type": "image", "base64": "AAAA", "mime_type": "image/png"}, "[image left out: the model reads text only]"),
        ({"type": "image", "data": "AAAA", "mimeType": "image/png"}, "[image left out: the model reads text only]"),
        ({"type": "audio", "base64": "AAAA"}, "[audio left out: the model reads text only]"),
        ({"type": "resource_link", "uri": "file:///a.txt", "name": "a.txt"}, "a.txt\nfile:///a.txt"),
        ({"type": "resource", "resource": {"uri": "file:///a", "text": "an ox"}}, "file:///a\nan ox"),
        (
            {
                "type": "search_result",
                "title": "Oxen",
                "source": "https://x",
                "content": [{"type": "text", "text": "t"}],
            },
            "Oxen\nhttps://x\nt",
        ),
    ],
)
def test_what_a_tool_hands_back_is_read_as_text_where_it_has_text(block: dict[str, Any], text: str) -> None:
    result = ToolMessage([{"type": "text", "text": "found:"}, block], tool_call_id="call_1")
    messages = [HumanMessage("q"), AIMessage("", tool_calls=[CALL]), result]
    assert sent(messages, "open-mixtral-8x22b")[2]["content"] == f"found:\n\n{text}"


def test_results_without_ids_go_to_the_calls_of_their_names() -> None:
    calls = [{**CALL, "id": "", "name": name} for name in ("f", "g")]
    results = [ToolMessage(f"of {name}", tool_call_id="", name=name) for name in ("g", "f")]
    wired = sent([HumanMessage("q"), AIMessage("", tool_calls=calls), *results])
    called = {call["id"]: call["function"]["name"] for call in wired[1]["tool_calls"]}
    assert {called[message["tool_call_id"]]: message["content"] for message in wired[2:]} == {"g": "of g", "f": "of f"}
