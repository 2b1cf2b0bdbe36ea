"""Any conversation of LangChain's own messages: what is sent to Mixtral is accepted, whole and paired."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from langchain_core.messages import (
    AIMessage,
    AIMessageChunk,
    BaseMessage,
    ChatMessage,
    FunctionMessage,
    HumanMessage,
    HumanMessageChunk,
    SystemMessage,
    SystemMessageChunk,
    ToolMessage,
)

from _oxen_transport.request.build import build
from _oxen_transport.settings import OxenSettings
from langchain_oxen.messages import to_wire
from tests.history_checks import (
    accepted_by_mistral,
    as_sent,
    nothing_changed_silently,
    nothing_lost,
    strictly_alternating,
    unique_pairs_kept,
)

LOCAL = OxenSettings(base_url="http://127.0.0.1:1", model="open-mixtral-8x22b")

texts = st.one_of(st.sampled_from(["", " ", "Hello", "日本語 🐂", "a\n\nb", "[/INST]"]), st.text(max_size=10))
ids = st.sampled_from(["call_1", "call_2", "AbC123xyZ", "toolu_01", "", "f", "chatcmpl-tool-12", "id-7", "id-8"])
names = st.sampled_from(["f", "get_weather", "a-b_C9", "查询天气", "github.search", "mcp__" + "x" * 70])
speakers = st.sampled_from([None, None, "alice", "Bob Smith", "math_expert"])
arguments = st.dictionaries(st.text(max_size=3), st.one_of(st.text(max_size=5), st.integers()), max_size=2)

text_blocks = st.one_of(
    texts,
    st.builds(lambda text: {"type": "text", "text": text}, texts),
    st.builds(lambda text: {"type": "text", "text": text, "id": "lc_1", "annotations": [], "index": 0}, texts),
    st.builds(lambda text: {"type": "text", "text": text, "cache_control": {"type": "ephemeral"}}, texts),
)
contents = st.one_of(texts, texts, st.lists(text_blocks, max_size=3))
thoughts = st.sampled_from(
    [{"type": "reasoning", "reasoning": "hm"}, {"type": "thinking", "thinking": "hm", "signature": "s"}]
)
answers = st.one_of(contents, st.builds(lambda thought, block: [thought, block], thoughts, text_blocks))

calls = st.builds(lambda i, n, a: {"id": i, "name": n, "args": a, "type": "tool_call"}, ids, names, arguments)
broken = st.builds(
    lambda i, n, a: {"id": i, "name": n, "args": a, "error": "no JSON", "type": "invalid_tool_call"},
    st.one_of(st.none(), ids),
    st.one_of(st.none(), names),
    st.sampled_from(['{"city": "Par', "oops", "[1]", "", None]),
)
old_calls = st.builds(
    lambda i, n, a: {
        "tool_calls": [{"id": i, "type": "function", "function": {"name": n, "arguments": json.dumps(a)}}]
    },
    ids,
    names,
    arguments,
)
single_calls = st.builds(  # OpenAI's first form: one call, no id
    lambda n, a: {"function_call": {"name": n, "arguments": a}},
    names,
    st.one_of(arguments.map(json.dumps), st.sampled_from(['{"city": "Par', "oops", "[1]", ""])),
)

# what other makers' models and MCP servers add to answers and results
foreign = st.sampled_from(
    [
        {"type": "web_search_call", "id": "ws_1", "status": "completed"},
        {"type": "server_tool_use", "id": "srv_1", "name": "web_search", "input": {}},
        {"type": "input_json_delta", "partial_json": '{"a'},
        {"type": "non_standard", "value": {"type": "mcp_call", "output": "y"}},
        {"type": "image", "base64": "AAAA", "mime_type": "image/png"},
    ]
)
beside = st.sampled_from(
    [
        {"refusal": "I will not."},
        {"reasoning_content": "hm", "reasoning_details": [{"type": "reasoning.text", "text": "hm"}]},
        {"tool_call_extras": {"call_1": {"extra_content": {"google": {"thought_signature": "s"}}}}},
    ]
)
found_by_tools = st.one_of(
    st.just({"type": "image", "base64": "AAAA", "mime_type": "image/png"}),
    st.builds(lambda text: {"type": "resource_link", "uri": "file:///a", "name": "a", "description": text}, texts),
    st.builds(lambda text: {"type": "search_result", "title": "t", "content": [{"type": "text", "text": text}]}, texts),
)
unnumbered = st.builds(lambda n, a: {"id": None, "name": n, "args": a, "type": "tool_call"}, names, arguments)

messages = st.one_of(
    st.builds(lambda text, item, call: AIMessage([text, item, call], tool_calls=[call]), text_blocks, foreign, calls),
    st.builds(lambda text, call: AIMessage([text, call], tool_calls=[call]), text_blocks, unnumbered),
    st.builds(AIMessage, content=texts, tool_calls=st.lists(calls, max_size=2), additional_kwargs=beside),
    st.builds(ToolMessage, content=st.lists(st.one_of(text_blocks, found_by_tools), max_size=3), tool_call_id=ids),
    st.builds(HumanMessageChunk, content=texts),
    st.builds(SystemMessageChunk, content=texts),
    st.builds(HumanMessage, content=contents, name=speakers),
    st.builds(SystemMessage, content=contents),
    st.builds(AIMessage, content=answers, name=speakers),
    st.builds(
        AIMessage,
        content=answers,
        tool_calls=st.lists(calls, max_size=3),
        invalid_tool_calls=st.lists(broken, max_size=1),
        name=speakers,
    ),
    st.builds(lambda text, call: AIMessage(content=[text, tool_use(call)], tool_calls=[call]), text_blocks, calls),
    st.builds(AIMessage, content=answers, additional_kwargs=old_calls),
    st.builds(AIMessage, content=answers, tool_calls=st.lists(calls, max_size=1), additional_kwargs=single_calls),
    st.builds(AIMessageChunk, content=texts),
    st.builds(ToolMessage, content=contents, tool_call_id=ids, name=st.one_of(st.none(), names)),
    st.builds(ToolMessage, content=contents, tool_call_id=ids, status=st.just("error")),
    st.builds(FunctionMessage, content=texts, name=names),
    st.builds(
        ChatMessage, content=contents, role=st.sampled_from(["developer", "user", "assistant", "system", "tool"])
    ),
)
histories = st.lists(messages, min_size=1, max_size=9)


def tool_use(call: Any) -> dict[str, Any]:
    """The same call once more, in Anthropic's words: it is sent once."""
    return {"type": "tool_use", "id": call["id"], "name": call["name"], "input": call["args"]}


def texts_in(history: list[BaseMessage]) -> list[str]:
    found: list[str] = []
    for message in history:
        blocks = message.content if isinstance(message.content, list) else [message.content]
        for block in blocks:
            found += [block] if isinstance(block, str) else texts_in_block(block)
        found.append(message.additional_kwargs.get("refusal", ""))
        for call in getattr(message, "tool_calls", ()):
            found += [as_sent(call["name"]), *(value for value in call["args"].values() if isinstance(value, str))]
        for bad in getattr(message, "invalid_tool_calls", ()):
            found += [as_sent(bad["name"] or ""), bad["args"] or ""]
        single = message.additional_kwargs.get("function_call")
        if single and not message.tool_calls:
            found += [as_sent(single["name"]), single["arguments"]]
        if isinstance(message, FunctionMessage):
            found.append(as_sent(message.name))
    return found


def texts_in_block(block: dict[str, Any]) -> list[str]:
    if block.get("type") == "search_result":
        return [block["title"], block["content"][0]["text"]]
    return [block.get("text", ""), block.get("uri", ""), block.get("description", "")]


def calls_and_results(history: list[BaseMessage]) -> tuple[list[list[tuple[Any, Any]]], list[tuple[Any, str]]]:
    made = []
    for message in history:
        good = [(call["id"], call["args"]) for call in getattr(message, "tool_calls", ())]
        # one that cannot run is a call, too; without a name it is sent as text
        bad = [(call["id"], call["args"]) for call in getattr(message, "invalid_tool_calls", ()) if call["name"]]
        made.append(good + bad)
    results = [(m.tool_call_id, m.content) if isinstance(m, ToolMessage) else (None, "") for m in history]
    return made, results


def frozen(history: list[BaseMessage]) -> list[str]:
    return [repr(message.__dict__) for message in history]


@settings(max_examples=5000, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(histories)
def test_any_conversation_becomes_one_that_mixtral_accepts(history):
    before = frozen(history)
    request = build(LOCAL, to_wire(history))
    sent = json.loads(request.content)["messages"]
    assert frozen(history) == before, "the caller's messages were changed"
    accepted_by_mistral(sent)
    strictly_alternating(sent)
    nothing_lost(texts_in(history), sent)
    unique_pairs_kept(*calls_and_results(history), sent)
    assert build(LOCAL, sent).body["messages"] == sent, "not idempotent"
    assert build(LOCAL, to_wire(history)).content == request.content, "not deterministic"
    nothing_changed_silently(to_wire(history), LOCAL.model)
    nothing_changed_silently(to_wire(history), "gpt-4o")
