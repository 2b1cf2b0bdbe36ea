"""LangChain's messages on their way to the wire and back; nothing here opens a socket."""

# ruff: noqa: E501 - the table of dialects reads better with one form a line

from __future__ import annotations

import base64
import copy

import pytest
from langchain_core.messages import (
    AIMessage,
    BaseMessage,
    ChatMessage,
    FunctionMessage,
    HumanMessage,
    RemoveMessage,
    SystemMessage,
    ToolMessage,
)

from _oxen_transport.errors import OxenConfigError
from _oxen_transport.types import Completion, ToolCall, Usage
from langchain_oxen.messages import from_wire, to_wire
from tests.history_checks import answered_by_name
from tests.tables import each_row

DATA = base64.b64encode(b"bytes").decode()
CALL = {"id": "AbC123xyZ", "name": "weather", "args": {"city": "Łódź"}, "type": "tool_call"}
WIRED_CALL = {
    "id": "AbC123xyZ",
    "type": "function",
    "function": {"name": "weather", "arguments": '{"city":"Łódź"}'},
}


@each_row(
    ("message", "wired"),
    [
        (HumanMessage("hi"), {"role": "user", "content": "hi"}),
        (HumanMessage("hi", name="ann"), {"role": "user", "content": "hi", "name": "ann"}),
        (SystemMessage("be kind"), {"role": "system", "content": "be kind"}),
        (ChatMessage("hi", role="developer"), {"role": "system", "content": "hi"}),
        (AIMessage("yes"), {"role": "assistant", "content": "yes"}),
        (ToolMessage("18", tool_call_id="AbC123xyZ"), {"role": "tool", "content": "18", "tool_call_id": "AbC123xyZ"}),
        (FunctionMessage("18", name="weather"), {"role": "tool", "content": "18", "name": "weather"}),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseMessage) else "",
)
def test_every_role(message, wired):
    assert to_wire([message]) == [wired]


def test_calls_travel_once_from_wherever_they_are_kept():
    by_field = AIMessage("", tool_calls=[CALL])
    by_block = AIMessage([{"type": "tool_use", "id": "AbC123xyZ", "name": "weather", "input": {"city": "Łódź"}}])
    by_v1_block = AIMessage(content_blocks=[CALL])
    by_both = AIMessage([{"type": "tool_use", "id": "AbC123xyZ", "name": "weather", "input": {}}], tool_calls=[CALL])
    by_hand = AIMessage("", additional_kwargs={"tool_calls": [WIRED_CALL]})
    for message in (by_field, by_block, by_v1_block, by_both, by_hand):
        assert to_wire([message]) == [{"role": "assistant", "content": None, "tool_calls": [WIRED_CALL]}]


SINGLE = {"name": "weather", "arguments": '{"city": "Łódź"}'}


def test_openais_single_function_call_is_a_call_if_there_is_no_other():
    [wired] = to_wire([AIMessage("Let me see.", additional_kwargs={"function_call": SINGLE})])
    call = {"id": "", "type": "function", "function": SINGLE}
    assert wired == {"role": "assistant", "content": "Let me see.", "tool_calls": [call]}
    [wired] = to_wire([AIMessage("", tool_calls=[CALL], additional_kwargs={"function_call": SINGLE})])
    assert wired["tool_calls"] == [WIRED_CALL]
    [wired] = to_wire([AIMessage("hi", additional_kwargs={"function_call": None})])
    assert "tool_calls" not in wired


def test_a_single_function_call_is_answered_by_name():
    asked = AIMessage("", additional_kwargs={"function_call": SINGLE})
    wired = to_wire([HumanMessage("18?"), asked, FunctionMessage("18", name="weather")])
    answered_by_name(wired, SINGLE, "18")


def test_an_invalid_call_goes_back_as_the_model_wrote_it():
    bad = {"type": "invalid_tool_call", "id": "AbC123xyZ", "name": "weather", "args": '{"city": "Ł', "error": "cut"}
    [wired] = to_wire([AIMessage("", invalid_tool_calls=[bad])])
    assert wired["tool_calls"][0]["function"]["arguments"] == '{"city": "Ł'


@each_row(
    "content",
    [
        [{"type": "text", "text": "one"}, {"type": "text", "text": "two"}],
        ["one", "two"],
        [
            {"type": "text", "text": "one", "cache_control": {"type": "ephemeral"}},
            {"type": "text", "text": "two", "id": "lc_1"},
        ],
        [{"text": "one"}, {"type": "text-plain", "text": "two", "mime_type": "text/plain"}],
        [{"type": "text", "text": "one"}, {"cachePoint": {"type": "default"}}, {"type": "text", "text": "two"}],
        [{"type": "text", "text": "one"}, {"type": "non_standard", "value": {"type": "text", "text": "two"}}],
    ],
)
def test_content_that_is_only_text_is_a_bare_string(content):
    assert to_wire([SystemMessage(content), HumanMessage(content)]) == [
        {"role": "system", "content": "one\n\ntwo"},
        {"role": "user", "content": "one\n\ntwo"},
    ]


def test_an_answer_in_pieces_is_put_together_without_gaps_and_without_thoughts():
    content = [
        {"type": "thinking", "thinking": "hm", "signature": "x"},
        {"type": "reasoning", "reasoning": "hm"},
        {"type": "text", "text": "Ox"},
        {"type": "text", "text": "en"},
    ]
    assert to_wire([AIMessage(content)]) == [{"role": "assistant", "content": "Oxen"}]


PNG = f"data:image/png;base64,{DATA}"


@each_row(
    ("block", "part"),
    [
        ({"type": "image_url", "image_url": {"url": "https://x/a.png", "detail": "low"}}, ("image_url", {"url": "https://x/a.png", "detail": "low"})),
        ({"type": "image_url", "image_url": PNG}, ("image_url", {"url": PNG})),
        ({"type": "image", "url": "https://x/a.png"}, ("image_url", {"url": "https://x/a.png"})),
        ({"type": "image", "base64": DATA, "mime_type": "image/png"}, ("image_url", {"url": PNG})),
        ({"type": "image", "source_type": "base64", "data": DATA, "mime_type": "image/png"}, ("image_url", {"url": PNG})),
        ({"type": "image", "source_type": "url", "url": "https://x/a.png"}, ("image_url", {"url": "https://x/a.png"})),
        ({"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": DATA}}, ("image_url", {"url": PNG})),
        ({"type": "image", "source": {"type": "url", "url": "https://x/a.png"}}, ("image_url", {"url": "https://x/a.png"})),
        ({"type": "audio", "base64": DATA, "mime_type": "audio/mp3"}, ("audio_url", {"url": f"data:audio/mp3;base64,{DATA}"})),
        ({"type": "input_audio", "input_audio": {"data": DATA, "format": "wav"}}, ("audio_url", {"url": f"data:audio/wav;base64,{DATA}"})),
        ({"type": "audio_url", "audio_url": {"url": "https://x/a.wav"}}, ("audio_url", {"url": "https://x/a.wav"})),
        ({"type": "video", "url": "https://x/a.mp4"}, ("video_url", {"url": "https://x/a.mp4"})),
        ({"type": "file", "base64": DATA, "mime_type": "application/pdf", "filename": "a.pdf"}, ("file", {"file_data": f"data:application/pdf;base64,{DATA}", "filename": "a.pdf"})),
        ({"type": "file", "file": {"file_data": f"data:application/pdf;base64,{DATA}", "filename": "a.pdf"}}, ("file", {"file_data": f"data:application/pdf;base64,{DATA}", "filename": "a.pdf"})),
        ({"type": "file", "url": "https://x/a.pdf"}, ("file", {"file_url": "https://x/a.pdf"})),
        ({"type": "document", "title": "a", "source": {"type": "base64", "media_type": "application/pdf", "data": DATA}}, ("file", {"file_data": f"data:application/pdf;base64,{DATA}", "filename": "a"})),
    ],
)  # fmt: skip
def test_media_in_every_dialect(block, part):
    kind, content = part
    [wired] = to_wire([HumanMessage([{"type": "text", "text": "see"}, block])])
    assert wired["content"] == [{"type": "text", "text": "see"}, {"type": kind, kind: content}]


def test_anthropics_tool_results_become_messages_of_their_own():
    result = {
        "type": "tool_result",
        "tool_use_id": "foo",
        "content": [{"type": "text", "text": "green"}],
        "is_error": False,
    }
    message = HumanMessage([result, {"type": "text", "text": "and now?"}])
    assert to_wire([message]) == [
        {"role": "tool", "content": "green", "tool_call_id": "foo"},
        {"role": "user", "content": "and now?"},
    ]
    assert to_wire([HumanMessage([result])]) == [{"role": "tool", "content": "green", "tool_call_id": "foo"}]


@each_row(
    ("message", "said"),
    [
        (RemoveMessage(id="1"), "RemoveMessage"),
        (ChatMessage("hi", role="wizard"), "wizard"),
        (HumanMessage([{"type": "hologram", "hologram": 1}]), "hologram"),
        (HumanMessage([{"type": "image", "file_id": "file-1"}]), "neither a URL nor data"),
        (HumanMessage([{"type": "image", "base64": "not base64!"}]), "not valid base64"),
    ],
)
def test_what_cannot_be_sent_is_named(message, said):
    with pytest.raises(OxenConfigError, match=said):
        to_wire([message])


def test_the_callers_messages_stay_as_they_are():
    messages = [
        SystemMessage([{"type": "text", "text": "s"}]),
        HumanMessage([{"type": "image", "base64": DATA, "mime_type": "image/png"}]),
        AIMessage("", tool_calls=[CALL]),
        ToolMessage([{"type": "text", "text": "18"}], tool_call_id="AbC123xyZ"),
    ]
    before = copy.deepcopy(messages)
    to_wire(messages)
    assert messages == before


def test_an_answer_keeps_everything():
    usage = Usage(10, 5, 15, cached_tokens=4, reasoning_tokens=2, cost=0.25)
    message = from_wire(
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
        )
    )
    assert message.content == "18 degrees"
    assert message.tool_calls == [{"id": "a", "name": "weather", "args": {"city": "Łódź"}, "type": "tool_call"}]
    [bad] = message.invalid_tool_calls
    assert (bad["id"], bad["name"], bad["args"]) == ("b", "weather", '{"city": "Ł')
    assert message.usage_metadata == {
        "input_tokens": 10,
        "output_tokens": 5,
        "total_tokens": 15,
        "input_token_details": {"cache_read": 4},
        "output_token_details": {"reasoning": 2},
    }
    known = {"model_name": "m-2", "model_provider": "oxen", "finish_reason": "length", "id": "cmpl-1", "cost": 0.25}
    assert known.items() <= message.response_metadata.items()
    assert message.additional_kwargs == {"reasoning_content": "hm", "refusal": "no"}


@each_row("arguments", ["[1]", '"text"', "{", '{"a": 1} {"b": 2}', "nonsense", "7"])
def test_arguments_that_are_no_object_are_kept_and_never_run(arguments):
    message = from_wire(Completion(tool_calls=(ToolCall("a", "f", arguments),)))
    assert message.tool_calls == []
    assert [bad["args"] for bad in message.invalid_tool_calls] == [arguments]


@each_row("arguments", ["", "null", "{}"])
def test_no_arguments_are_an_empty_object(arguments):
    message = from_wire(Completion(tool_calls=(ToolCall("a", "f", arguments),)))
    assert [call["args"] for call in message.tool_calls] == [{}]


def test_an_answer_survives_the_way_there_and_back():
    completion = Completion(text="", tool_calls=(ToolCall("AbC123xyZ", "weather", '{"city":"Łódź"}'),))
    assert to_wire([from_wire(completion)]) == [{"role": "assistant", "content": None, "tool_calls": [WIRED_CALL]}]
