"""Chunks -> snapshots, without a socket."""

from __future__ import annotations

import json

from llama_index.core.base.llms.types import ChatMessage, ChatResponse, ThinkingBlock, ToolCallBlock

from _oxen_transport.types import Chunk, Completion, ToolCall, ToolCallDelta, Usage
from llama_index_oxen.stream import Snapshots
from llama_index_oxen.tools import completion_of


def test_calls_in_blocks_alone_are_calls_of_the_answer():
    block = ToolCallBlock(tool_call_id="a", tool_name="f", tool_kwargs={"x": 1})
    answer = completion_of(ChatResponse(message=ChatMessage(role="assistant", blocks=[block])))
    assert [(call.name, json.loads(call.arguments)) for call in answer.tool_calls] == [("f", {"x": 1})]


def snapshots(*chunks):
    so_far = Snapshots()
    return [so_far.feed(chunk) for chunk in chunks]


def test_each_snapshot_holds_everything_so_far():
    shown = snapshots(Chunk("Ox"), Chunk("en"), Chunk(completion=Completion(text="Oxen")))
    assert [s.message.content for s in shown] == ["Ox", "Oxen", "Oxen"]
    assert [s.delta for s in shown] == ["Ox", "en", ""]


def test_the_last_one_has_usage_where_counters_look():
    usage = Usage(1, 2, 3)
    raw = {"usage": {"prompt_tokens": 1}}
    [last] = snapshots(Chunk(completion=Completion(text="hi", usage=usage, raw=raw, finish_reason="stop")))
    assert last.raw == raw
    assert last.additional_kwargs == {
        "prompt_tokens": 1,
        "completion_tokens": 2,
        "total_tokens": 3,
        "finish_reason": "stop",
    }


def test_thoughts_come_as_agents_read_them():
    first, second, last = snapshots(
        Chunk(reasoning="h"), Chunk(reasoning="m"), Chunk(completion=Completion(text="ok", reasoning="hm"))
    )
    assert [s.additional_kwargs.get("thinking_delta") for s in (first, second)] == ["h", "m"]
    assert last.message.blocks[0] == ThinkingBlock(content="hm")


def test_interleaved_calls_grow_side_by_side():
    shown = snapshots(
        Chunk(tool_calls=(ToolCallDelta(0, "a", "f", '{"x"'), ToolCallDelta(1, None, "g", ""))),
        Chunk(tool_calls=(ToolCallDelta(1, None, "_now", '{"y": "z'),)),
        Chunk(tool_calls=(ToolCallDelta(0, None, None, ": true}"), ToolCallDelta(1, "b", None, '"}'))),
    )
    assert [block.tool_kwargs for block in shown[1].message.blocks] == [{}, {"y": "z"}]
    assert shown[2].message.blocks == [
        ToolCallBlock(tool_call_id="a", tool_name="f", tool_kwargs={"x": True}),
        ToolCallBlock(tool_call_id="b", tool_name="g_now", tool_kwargs={"y": "z"}),
    ]
    assert [call["id"] for call in shown[2].message.additional_kwargs["tool_calls"]] == ["a", "b"]


def test_what_was_given_out_stays_as_it_was():
    so_far, kept = Snapshots(), []
    for char in '{"x": ["a", {"b": "c"}]}':
        shown = so_far.feed(Chunk(tool_calls=(ToolCallDelta(0, "a", None if kept else "f", char),)))
        kept.append((shown, shown.model_dump_json()))
    assert all(shown.model_dump_json() == text for shown, text in kept)


def test_calls_whose_arguments_were_cut_stay_text_at_the_end():
    call = ToolCall("a", "f", '{"x": "y')
    growing, last = snapshots(
        Chunk(tool_calls=(ToolCallDelta(0, "a", "f", '{"x": "y'),)), Chunk(completion=Completion(tool_calls=(call,)))
    )
    assert growing.message.blocks[0].tool_kwargs == {"x": "y"}
    assert last.message.blocks[0].tool_kwargs == '{"x": "y'
    json.dumps(last.model_dump(mode="json"))
