"""LlamaIndex's messages on their way to the wire and back; nothing here opens a socket."""

from __future__ import annotations

import base64
import copy
import io
import socket

import pytest
from llama_index.core.base.llms.types import (
    AudioBlock,
    CachePoint,
    ChatMessage,
    CitableBlock,
    CitationBlock,
    DocumentBlock,
    ImageBlock,
    MessageRole,
    TextBlock,
    ThinkingBlock,
    ToolCallBlock,
    VideoBlock,
)
from pydantic import BaseModel

from _oxen_transport.errors import OxenConfigError
from _oxen_transport.types import Completion, ToolCall, Usage
from llama_index_oxen.messages import from_wire, to_wire
from tests.history_checks import answered_by_name
from tests.tables import each_row

DATA = base64.b64encode(b"bytes").decode()
CALL = ToolCallBlock(tool_call_id="AbC123xyZ", tool_name="weather", tool_kwargs={"city": "Łódź"})
WIRED_CALL = {
    "id": "AbC123xyZ",
    "type": "function",
    "function": {"name": "weather", "arguments": '{"city":"Łódź"}'},
}


@each_row(
    ("role", "wired"),
    [
        ("user", "user"),
        ("system", "system"),
        ("developer", "system"),
        ("assistant", "assistant"),
        ("chatbot", "assistant"),
        ("model", "assistant"),
    ],
)
def test_every_role(role, wired):
    assert to_wire([ChatMessage(role=role, content="hi")]) == [{"role": wired, "content": "hi"}]


@each_row("role", ["tool", "function"])
def test_a_tools_result(role):
    message = ChatMessage(role=role, content="18", additional_kwargs={"tool_call_id": "AbC123xyZ", "name": "weather"})
    assert to_wire([message]) == [{"role": "tool", "content": "18", "tool_call_id": "AbC123xyZ", "name": "weather"}]
    message = ChatMessage(role=role, content="18", additional_kwargs={"name": "the weather"})
    assert to_wire([message]) == [{"role": "tool", "content": "18", "name": "the weather"}]


def test_calls_travel_once_from_wherever_they_are_kept():
    by_block = ChatMessage(role="assistant", blocks=[CALL])
    by_hand = ChatMessage(role="assistant", content="", additional_kwargs={"tool_calls": [WIRED_CALL]})
    by_both = ChatMessage(role="assistant", blocks=[CALL], additional_kwargs={"tool_calls": [WIRED_CALL]})
    for message in (by_block, by_both, by_hand):
        assert to_wire([message]) == [{"role": "assistant", "content": None, "tool_calls": [WIRED_CALL]}]


SINGLE = {"name": "weather", "arguments": '{"city": "Łódź"}'}


class Single(BaseModel):
    """As OpenAI's own SDK has it."""

    name: str
    arguments: str


@each_row("single", [SINGLE, Single(**SINGLE)])
def test_openais_single_function_call_is_a_call_if_there_is_no_other(single):
    old = {"function_call": single}
    [wired] = to_wire([ChatMessage(role="assistant", content="Let me see.", additional_kwargs=old)])
    call = {"id": "", "type": "function", "function": SINGLE}
    assert wired == {"role": "assistant", "content": "Let me see.", "tool_calls": [call]}
    [wired] = to_wire([ChatMessage(role="assistant", blocks=[CALL], additional_kwargs=old)])
    assert wired["tool_calls"] == [WIRED_CALL]
    [wired] = to_wire([ChatMessage(role="assistant", content="hi", additional_kwargs={"function_call": None})])
    assert "tool_calls" not in wired


def test_a_single_function_call_is_answered_by_name():
    asked = ChatMessage(role="assistant", content="", additional_kwargs={"function_call": SINGLE})
    answered = ChatMessage(role="function", content="18", additional_kwargs={"name": "weather"})
    wired = to_wire([ChatMessage(content="18?"), asked, answered])
    answered_by_name(wired, SINGLE, "18")


def test_an_invalid_call_goes_back_as_the_model_wrote_it():
    bad = ToolCallBlock(tool_call_id="AbC123xyZ", tool_name="weather", tool_kwargs='{"city": "Ł')
    [wired] = to_wire([ChatMessage(role="assistant", blocks=[bad])])
    assert wired["tool_calls"][0]["function"]["arguments"] == '{"city": "Ł'


@each_row(
    "blocks",
    [
        [TextBlock(text="one"), TextBlock(text="two")],
        [TextBlock(text="one"), CachePoint(cache_control={"type": "ephemeral"}), TextBlock(text="two")],
        [CitableBlock(title="t", source="s", content=[TextBlock(text="one"), TextBlock(text="two")])],
        [
            TextBlock(text="one"),
            CitationBlock(cited_content="two", source="s", title="t", additional_location_info={}),
        ],
    ],
    ids=["texts", "cached", "citable", "citation"],
)
def test_content_that_is_only_text_is_a_bare_string(blocks):
    assert to_wire([ChatMessage(role="system", blocks=blocks), ChatMessage(role="user", blocks=blocks)]) == [
        {"role": "system", "content": "one\n\ntwo"},
        {"role": "user", "content": "one\n\ntwo"},
    ]


def test_an_answer_is_sent_without_its_thoughts():
    blocks = [ThinkingBlock(content="hm"), TextBlock(text="Oxen")]
    assert to_wire([ChatMessage(role="assistant", blocks=blocks)]) == [{"role": "assistant", "content": "Oxen"}]


PNG = f"data:image/png;base64,{DATA}"


@pytest.mark.parametrize(
    ("block", "part"),
    [
        (ImageBlock(url="https://x/a.png", detail="low"), ("image_url", {"url": "https://x/a.png", "detail": "low"})),
        (ImageBlock(url=PNG), ("image_url", {"url": PNG})),
        (ImageBlock(image=b"bytes", image_mimetype="image/png"), ("image_url", {"url": PNG})),
        (ImageBlock(image=io.BytesIO(b"bytes"), image_mimetype="image/png"), ("image_url", {"url": PNG})),
        (AudioBlock(audio=b"bytes", format="mp3"), ("audio_url", {"url": f"data:audio/mp3;base64,{DATA}"})),
        (AudioBlock(url="https://x/a.wav"), ("audio_url", {"url": "https://x/a.wav"})),
        (VideoBlock(url="https://x/a.mp4"), ("video_url", {"url": "https://x/a.mp4"})),
        (
            DocumentBlock(data=b"bytes", document_mimetype="application/pdf", title="a.pdf"),
            ("file", {"file_data": f"data:application/pdf;base64,{DATA}", "filename": "a.pdf"}),
        ),
        (DocumentBlock(url="https://x/a.pdf", title="a"), ("file", {"file_url": "https://x/a.pdf", "filename": "a"})),
    ],
    ids=lambda value: type(value).__name__,
)
def test_media(block, part, monkeypatch):
    monkeypatch.setattr(socket, "socket", None)  # a URL is passed on, never fetched
    kind, content = part
    [wired] = to_wire([ChatMessage(role="user", blocks=[TextBlock(text="see"), block])])
    assert wired["content"] == [{"type": "text", "text": "see"}, {"type": kind, kind: content}]


def test_media_from_a_file_on_this_machine(tmp_path):
    (tmp_path / "a.png").write_bytes(b"bytes")
    [wired] = to_wire([ChatMessage(role="user", blocks=[ImageBlock(path=tmp_path / "a.png")])])
    assert wired["content"] == [{"type": "image_url", "image_url": {"url": PNG}}]


def test_what_cannot_be_sent_is_named():
    with pytest.raises(OxenConfigError, match="neither a URL nor data"):
        to_wire([ChatMessage(role="user", blocks=[ImageBlock()])])


def test_the_callers_messages_stay_as_they_are():
    messages = [
        ChatMessage(role="system", blocks=[TextBlock(text="s")]),
        ChatMessage(role="user", blocks=[ImageBlock(image=b"bytes", image_mimetype="image/png")]),
        ChatMessage(role="assistant", blocks=[CALL]),
        ChatMessage(role="tool", content="18", additional_kwargs={"tool_call_id": "AbC123xyZ"}),
    ]
    before = copy.deepcopy(messages)
    to_wire(messages)
    assert messages == before


def test_an_answer_keeps_everything():
    usage = Usage(10, 5, 15, cached_tokens=4, reasoning_tokens=2, cost=0.25)
    raw = {"id": "cmpl-1", "usage": {"prompt_tokens": 10}}
    response = from_wire(
        Completion(
            text="18 degrees",
            tool_calls=(ToolCall("a", "weather", '{"city": "Łódź"}'), ToolCall("b", "weather", '{"city": "Ł')),
            finish_reason="length",
            usage=usage,
            reasoning="hm",
            refusal="no",
            id="cmpl-1",
            model="m-2",
            created=7,
            request_id="r-1",
            raw=raw,
        )
    )
    assert response.message.role == MessageRole.ASSISTANT
    assert response.message.content == "18 degrees"
    assert response.message.blocks == [
        ThinkingBlock(content="hm"),
        TextBlock(text="18 degrees"),
        ToolCallBlock(tool_call_id="a", tool_name="weather", tool_kwargs={"city": "Łódź"}),
        ToolCallBlock(tool_call_id="b", tool_name="weather", tool_kwargs='{"city": "Ł'),
    ]
    wired = response.message.additional_kwargs["tool_calls"]
    assert [call["function"]["arguments"] for call in wired] == ['{"city": "Łódź"}', '{"city": "Ł']
    assert response.message.additional_kwargs["refusal"] == "no"
    assert response.raw == raw
    known = {
        "prompt_tokens": 10,
        "completion_tokens": 5,
        "total_tokens": 15,
        "cached_tokens": 4,
        "reasoning_tokens": 2,
        "cost": 0.25,
        "model_name": "m-2",
        "finish_reason": "length",
        "request_id": "r-1",
    }
    assert known.items() <= response.additional_kwargs.items()


def test_an_answer_without_calls_does_not_look_like_a_call():
    assert "tool_calls" not in from_wire(Completion(text="hi")).message.additional_kwargs
    assert from_wire(Completion(text="")).message.content == ""


@each_row("arguments", ["[1]", '"text"', "{", '{"a": 1} {"b": 2}', "nonsense", "7"])
def test_arguments_that_are_no_object_are_kept_and_never_run(arguments):
    response = from_wire(Completion(tool_calls=(ToolCall("a", "f", arguments),)))
    assert [block.tool_kwargs for block in response.message.blocks] == [arguments]


@each_row("arguments", ["", "null", "{}"])
def test_no_arguments_are_an_empty_object(arguments):
    response = from_wire(Completion(tool_calls=(ToolCall("a", "f", arguments),)))
    assert [block.tool_kwargs for block in response.message.blocks] == [{}]


def test_an_answer_survives_the_way_there_and_back():
    completion = Completion(text="", tool_calls=(ToolCall("AbC123xyZ", "weather", '{"city":"Łódź"}'),))
    wired = to_wire([from_wire(completion).message])
    assert wired == [{"role": "assistant", "content": None, "tool_calls": [WIRED_CALL]}]
