"""Histories that other makers' models began: nothing of theirs ends the run, and what was said goes on."""

from __future__ import annotations

import json
from typing import Any

import pytest
from llama_index.core.base.llms.types import (
    AudioBlock,
    ChatMessage,
    CitationBlock,
    DocumentBlock,
    ImageBlock,
    TextBlock,
    ThinkingBlock,
    ToolCallBlock,
)

from _oxen_transport.errors import OxenConfigError
from _oxen_transport.request.build import build
from _oxen_transport.settings import OxenSettings
from llama_index_oxen.messages import to_wire
from tests.tables import each_row

CALL = ToolCallBlock(tool_call_id="call_1", tool_name="f", tool_kwargs={"a": 1})
FUNCTION = {"name": "f", "arguments": '{"a":1}'}
SIGNATURE = {"google": {"thought_signature": "s1gn"}}
DETAILS = [{"type": "reasoning.encrypted", "data": "x", "index": 0}]
QUESTION = ChatMessage(content="q")


def sent(messages: list[Any], model: str = "deepseek-v4-flash", **settings: Any) -> list[Any]:
    known = OxenSettings(base_url="http://127.0.0.1:1", model=model, **settings)
    return json.loads(build(known, to_wire(messages)).content)["messages"]  # type: ignore[no-any-return]


def answer(*blocks: Any, **kwargs: Any) -> ChatMessage:
    return ChatMessage(role="assistant", blocks=list(blocks), additional_kwargs=kwargs)


def result(text: str, call_id: str | None = "call_1", **kwargs: Any) -> ChatMessage:
    return ChatMessage(role="tool", content=text, additional_kwargs={"tool_call_id": call_id, **kwargs})


@each_row("block", [ImageBlock(), DocumentBlock(url="")])
def test_a_foreign_item_of_an_answer_is_left_out_and_its_call_sent_once(block: Any) -> None:
    [wired] = to_wire([answer(TextBlock(text="I look."), block, CALL)])
    assert wired["content"] == "I look."
    assert wired["tool_calls"] == [{"id": "call_1", "type": "function", "function": FUNCTION}]
    with pytest.raises(OxenConfigError):
        to_wire([ChatMessage(blocks=[block])])


def test_a_refusal_stays_in_the_history() -> None:
    history = [QUESTION, answer(TextBlock(text=""), refusal="I will not."), ChatMessage(content="why?")]
    assert [message["content"] for message in sent(history)] == ["q", "I will not.", "why?"]


def test_the_texts_of_an_answer_are_joined_as_core_joins_them() -> None:
    cited = CitationBlock(cited_content=TextBlock(text="b"), source="s", title="t", additional_location_info={})
    texts = [TextBlock(text="a"), TextBlock(text="c")]
    assert sent([QUESTION, answer(*texts), QUESTION])[1]["content"] == answer(*texts).content == "a\nc"
    assert sent([QUESTION, answer(texts[0], cited, texts[1]), QUESTION])[1]["content"] == "a\nb\nc"


@each_row("history", ["repair", "off"])
@each_row(("model", "goes_back"), [("deepseek-v4-flash", True), ("open-mixtral-8x22b", False)])
def test_thoughts_and_signatures_go_back_to_the_families_that_take_them(
    model: str, goes_back: bool, history: str
) -> None:
    signed = {"id": "call_1", "type": "function", "function": FUNCTION, "extra_content": SIGNATURE}
    message = answer(ThinkingBlock(content="hm"), CALL, tool_calls=[signed], reasoning_details=DETAILS)
    message = ChatMessage.model_validate_json(message.model_dump_json())  # through a store
    wired = sent([QUESTION, message, result("2")], model, history=history)[1]
    assert wired.get("reasoning_content") == ("hm" if goes_back else None)
    assert wired.get("reasoning_details") == (DETAILS if goes_back else None)
    assert wired["tool_calls"][0].get("extra_content") == (SIGNATURE if goes_back else None)


def test_thoughts_of_an_answer_without_calls_stay_here() -> None:
    history = [QUESTION, answer(ThinkingBlock(content="hm"), TextBlock(text="18")), QUESTION]
    assert sent(history)[1] == {"role": "assistant", "content": "18"}


@each_row(
    ("block", "text"),
    [
        (ImageBlock(url="https://x/a.png"), "[image left out: the model reads text only]"),
        (AudioBlock(url="https://x/a.wav"), "[audio left out: the model reads text only]"),
        (DocumentBlock(url="https://x/a.pdf"), "[file left out: the model reads text only]"),
    ],
)
def test_what_a_tool_hands_back_is_read_as_text_where_it_has_text(block: Any, text: str) -> None:
    found = ChatMessage(
        role="tool", blocks=[TextBlock(text="found:"), block], additional_kwargs={"tool_call_id": "call_1"}
    )
    assert sent([QUESTION, answer(CALL), found], "open-mixtral-8x22b")[2]["content"] == f"found:\n\n{text}"


def test_results_without_ids_go_to_the_calls_of_their_names() -> None:
    calls = [ToolCallBlock(tool_name=name, tool_kwargs={}) for name in ("f", "g")]
    results = [result(f"of {name}", None, name=name) for name in ("g", "f")]
    wired = sent([QUESTION, answer(*calls), *results])
    called = {call["id"]: call["function"]["name"] for call in wired[1]["tool_calls"]}
    assert {called[message["tool_call_id"]]: message["content"] for message in wired[2:]} == {"g": "of g", "f": "of f"}
