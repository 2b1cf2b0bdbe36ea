"""Messages in the form of the conventions."""

from __future__ import annotations

import json

import pytest

from _oxen_transport.otel.answer import _request_attributes
from _oxen_transport.otel.messages import input_messages, output_messages, tool_definitions
from _oxen_transport.request.build import build
from _oxen_transport.settings import OxenSettings
from _oxen_transport.types import Completion, ToolCall

CALL = {"id": "AbC123xyZ", "type": "function", "function": {"name": "weather", "arguments": '{"city": "Leeds"}'}}
AS_PART = {"type": "tool_call", "id": "AbC123xyZ", "name": "weather", "arguments": {"city": "Leeds"}}


def test_a_conversation_with_tools() -> None:
    messages = [
        {"role": "system", "content": "Be brief."},
        {"role": "assistant", "content": "", "tool_calls": [CALL]},
        {"role": "tool", "content": "Rain", "tool_call_id": "AbC123xyZ"},
    ]
    assert json.loads(input_messages(messages)) == [
        {"role": "system", "parts": [{"type": "text", "content": "Be brief."}]},
        {"role": "assistant", "parts": [AS_PART]},
        {"role": "tool", "parts": [{"type": "tool_call_response", "id": "AbC123xyZ", "response": "Rain"}]},
    ]


def test_of_media_only_the_kind_and_a_public_place() -> None:
    content = [
        {"type": "text", "text": "What is this?"},
        {"type": "image_url", "image_url": {"url": "https://example.com/ox.png"}},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,c2VjcmV0"}},
        {"type": "file", "file": {"file_data": "c2VjcmV0"}},
    ]
    written = input_messages([{"role": "user", "content": content}])
    assert "c2VjcmV0" not in written
    assert json.loads(written)[0]["parts"] == [
        {"type": "text", "content": "What is this?"},
        {"type": "uri", "modality": "image", "uri": "https://example.com/ox.png"},
        {"type": "blob", "modality": "image", "content": ""},
        {"type": "blob", "modality": "file", "content": ""},
    ]


def test_an_answer() -> None:
    completion = Completion(
        text="I look.", reasoning="Rain?", tool_calls=(ToolCall("AbC123xyZ", "weather", '{"city": "Le'),)
    )
    [answer] = json.loads(output_messages(completion))
    assert answer["finish_reason"] == "error"
    assert [part["type"] for part in answer["parts"]] == ["reasoning", "text", "tool_call"]
    assert answer["parts"][2]["arguments"] == '{"city": "Le', "half a call stays text"


def test_tools() -> None:
    tools = [{"type": "function", "function": {"name": "weather", "parameters": {}}}]
    assert json.loads(tool_definitions(tools)) == [{"type": "function", "name": "weather", "parameters": {}}]


def test_a_request_without_tools_records_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT", "SPAN_ONLY")
    recorded = _request_attributes(
        build(OxenSettings(base_url="http://127.0.0.1:1"), [{"role": "user", "content": "x"}])
    )
    assert "gen_ai.input.messages" in recorded
    assert "gen_ai.tool.definitions" not in recorded
