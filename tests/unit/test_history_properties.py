"""Any conversation of either framework's own messages: what is sent to Mixtral is accepted, whole and paired."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from langchain_core import messages as lc
from llama_index.core.base.llms import types as li

import langchain_oxen.messages
import llama_index_oxen.messages
from _oxen_transport.request.build import build
from _oxen_transport.settings import OxenSettings
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
broken_arguments = st.sampled_from(['{"city": "Par', "oops", "[1]", ""])
written_arguments = st.one_of(arguments.map(json.dumps), broken_arguments)


def old_calls(call_ids: Any, texts_of_arguments: Any) -> Any:
    """Calls where older versions keep them: OpenAI's list, and its first form, one call without an id."""
    single = st.builds(lambda n, a: {"function_call": {"name": n, "arguments": a}}, names, written_arguments)
    function = st.builds(lambda n, a: {"name": n, "arguments": a}, names, texts_of_arguments)
    call = st.builds(lambda i, f: {"id": i, "type": "function", "function": f}, call_ids, function)
    return call.map(lambda made: {"tool_calls": [made]}), single


# what other makers' models and MCP servers add to answers and results
REFUSAL: dict[str, Any] = {"refusal": "I will not."}
DETAILS: dict[str, Any] = {"reasoning_details": [{"type": "reasoning.text", "text": "hm"}]}


class LangChain:
    """Its messages; and their texts, pairs and state, found without the code under test."""

    to_wire = staticmethod(langchain_oxen.messages.to_wire)
    beside = st.sampled_from([REFUSAL, {"reasoning_content": "hm", **DETAILS}, {
        "tool_call_extras": {"call_1": {"extra_content": {"google": {"thought_signature": "s"}}}}
    }])  # fmt: skip
    image = st.just({"type": "image", "base64": "AAAA", "mime_type": "image/png"})
    foreign = image | st.sampled_from(
        [
            {"type": "web_search_call", "id": "ws_1", "status": "completed"},
            {"type": "server_tool_use", "id": "srv_1", "name": "web_search", "input": {}},
            {"type": "input_json_delta", "partial_json": '{"a'},
            {"type": "non_standard", "value": {"type": "mcp_call", "output": "y"}},
        ]
    )
    found = st.one_of(
        image,
        texts.map(lambda text: {"type": "resource_link", "uri": "file:///a", "name": "a", "description": text}),
        texts.map(lambda text: {"type": "search_result", "title": "t", "content": [{"type": "text", "text": text}]}),
    )
    stray = st.sampled_from(
        [{}, {"id": "lc_1", "annotations": [], "index": 0}, {"cache_control": {"type": "ephemeral"}}]
    )
    blocks = st.one_of(texts, st.builds(lambda text, more: {"type": "text", "text": text, **more}, texts, stray))
    contents = st.one_of(texts, texts, st.lists(blocks, max_size=3))
    thoughts = st.sampled_from(
        [{"type": "reasoning", "reasoning": "hm"}, {"type": "thinking", "thinking": "hm", "signature": "s"}]
    )
    answers = st.one_of(contents, st.builds(lambda thought, block: [thought, block], thoughts, blocks))
    calls = st.builds(lambda i, n, a: {"id": i, "name": n, "args": a, "type": "tool_call"}, ids, names, arguments)
    unnumbered = calls.map(lambda call: {**call, "id": None})
    broken = st.builds(
        lambda i, n, a: {"id": i, "name": n, "args": a, "error": "no JSON", "type": "invalid_tool_call"},
        st.one_of(st.none(), ids),
        st.one_of(st.none(), names),
        st.one_of(st.none(), broken_arguments),
    )
    by_list, single = old_calls(ids, arguments.map(json.dumps))
    _some, _name = st.lists(calls, max_size=3), st.one_of(st.none(), names)
    messages = st.one_of(
        st.builds(lambda b, item, call: lc.AIMessage([b, item, call], tool_calls=[call]), blocks, foreign, calls),
        st.builds(lambda b, call: lc.AIMessage([b, call], tool_calls=[call]), blocks, unnumbered),
        st.builds(lambda b, call: lc.AIMessage([b, _as_anthropic(call)], tool_calls=[call]), blocks, calls),
        st.builds(lc.AIMessage, content=texts, tool_calls=_some, additional_kwargs=beside),
        st.builds(lc.AIMessage, content=answers, name=speakers),
        st.builds(
            lc.AIMessage,
            content=answers,
            tool_calls=_some,
            invalid_tool_calls=st.lists(broken, max_size=1),
            name=speakers,
        ),
        st.builds(lc.AIMessage, content=answers, additional_kwargs=by_list),
        st.builds(lc.AIMessage, content=answers, tool_calls=st.lists(calls, max_size=1), additional_kwargs=single),
        *(st.builds(kind, content=texts) for kind in (lc.HumanMessageChunk, lc.SystemMessageChunk, lc.AIMessageChunk)),
        st.builds(lc.HumanMessage, content=contents, name=speakers),
        st.builds(lc.SystemMessage, content=contents),
        st.builds(lc.ToolMessage, content=st.lists(st.one_of(blocks, found), max_size=3), tool_call_id=ids),
        st.builds(lc.ToolMessage, content=contents, tool_call_id=ids, name=_name),
        st.builds(lc.ToolMessage, content=contents, tool_call_id=ids, status=st.just("error")),
        st.builds(lc.FunctionMessage, content=texts, name=names),
        st.builds(
            lc.ChatMessage,
            content=contents,
            role=st.sampled_from(["developer", "user", "assistant", "system", "tool"]),
        ),
    )

    @staticmethod
    def texts_in(history: list[Any]) -> list[str]:
        found: list[str] = []
        for message in history:
            for block in message.content if isinstance(message.content, list) else [message.content]:
                found += [block] if isinstance(block, str) else _texts_in_block(block)
            found.append(message.additional_kwargs.get("refusal", ""))
            for call in getattr(message, "tool_calls", ()):
                found += [as_sent(call["name"]), *(value for value in call["args"].values() if isinstance(value, str))]
            for bad in getattr(message, "invalid_tool_calls", ()):
                found += [as_sent(bad["name"] or ""), bad["args"] or ""]
            single = message.additional_kwargs.get("function_call")
            if single and not message.tool_calls:
                found += [as_sent(single["name"]), single["arguments"]]
            if isinstance(message, lc.FunctionMessage):
                found.append(as_sent(message.name))
        return found

    @staticmethod
    def calls_and_results(history: list[Any]) -> tuple[list[list[tuple[Any, Any]]], list[tuple[Any, Any]]]:
        made = []
        for message in history:
            good = [(call["id"], call["args"]) for call in getattr(message, "tool_calls", ())]
            # one that cannot run is a call, too; without a name it is sent as text
            bad = [(call["id"], call["args"]) for call in getattr(message, "invalid_tool_calls", ()) if call["name"]]
            made.append(good + bad)
        return made, [(m.tool_call_id, m.content) if isinstance(m, lc.ToolMessage) else (None, "") for m in history]


def _as_anthropic(call: Any) -> dict[str, Any]:
    """The same call once more, in Anthropic's form: it is sent once."""
    return {"type": "tool_use", "id": call["id"], "name": call["name"], "input": call["args"]}


def _texts_in_block(block: dict[str, Any]) -> list[str]:
    if block.get("type") == "search_result":
        return [block["title"], block["content"][0]["text"]]
    return [block.get("text", ""), block.get("uri", ""), block.get("description", "")]


class LlamaIndex:
    """Its messages; and their texts, pairs and state, found without the code under test."""

    to_wire = staticmethod(llama_index_oxen.messages.to_wire)
    ids = st.one_of(st.none(), ids)
    arguments = st.one_of(arguments, st.sampled_from(["{}", '{"city": "Paris"}', '{"city": "Par', "oops", ""]))
    texts = st.builds(li.TextBlock, text=texts)
    calls = st.builds(li.ToolCallBlock, tool_call_id=ids, tool_name=names, tool_kwargs=arguments)
    thought = st.just(li.ThinkingBlock(content="hm"))
    image = st.just(li.ImageBlock(image=b"bytes"))
    foreign = image | st.sampled_from([li.ImageBlock(), li.DocumentBlock(url="https://x/a.pdf")])
    block = st.one_of(
        texts,
        texts,
        texts.map(lambda text: li.CitableBlock(title="t", source="s", content=[text])),
        texts.map(lambda t: li.CitationBlock(title="t", source="s", cited_content=t, additional_location_info={})),
        st.just(li.CachePoint(cache_control=li.CacheControl(type="ephemeral"))),
    )
    blocks = st.lists(block, max_size=3)
    answers = st.lists(st.one_of(block, calls, thought), max_size=4)
    named = speakers.map(lambda name: {"name": name} if name else {})
    result_of = st.builds(lambda i, n: {"tool_call_id": i, "name": n}, ids, names)
    messages = st.one_of(
        *(
            st.builds(li.ChatMessage, role=st.sampled_from(roles), blocks=blocks, additional_kwargs=beside)
            for roles, blocks, beside in (
                (
                    [li.MessageRole.ASSISTANT],
                    st.lists(st.one_of(texts, calls, foreign, thought), max_size=4),
                    st.sampled_from([REFUSAL, DETAILS]),
                ),
                (["tool"], st.lists(st.one_of(texts, image), max_size=3), result_of),
                (["user", "user", "system", "developer"], blocks, named),
                (["assistant", "assistant", "chatbot", "model"], answers, named),
                *(
                    (["assistant"], made, old)
                    for made, old in zip((blocks, answers), old_calls(ids, arguments), strict=True)
                ),
                (["tool", "tool", "function"], blocks, result_of),
                (["tool", "function"], blocks, st.one_of(st.just({}), names.map(lambda name: {"name": name}))),
            )
        )
    )

    @staticmethod
    def texts_in(history: list[Any]) -> list[str]:
        found: list[str] = []
        for message in history:
            for block in message.blocks:
                if isinstance(block, li.TextBlock):
                    found.append(block.text)
                elif isinstance(block, li.CitableBlock):
                    found.append(block.content[0].text)
                elif isinstance(block, li.CitationBlock):
                    found.append(block.cited_content.text)
            found.append(message.additional_kwargs.get("refusal", ""))
            for _, name, given_arguments in _calls_of(message):
                found.append(as_sent(name))
                whole = given_arguments if isinstance(given_arguments, dict) else {"": given_arguments}
                found += [value for value in whole.values() if isinstance(value, str)]
            if _is_result(message) and not message.additional_kwargs.get("tool_call_id"):
                found.append(as_sent(message.additional_kwargs.get("name", "")))
        return found

    @staticmethod
    def calls_and_results(history: list[Any]) -> tuple[list[list[tuple[Any, Any]]], list[tuple[Any, Any]]]:
        made = [[(call_id, given) for call_id, _, given in _calls_of(message)] for message in history]
        results: list[tuple[Any, Any]] = []
        for message in history:
            block_texts = [block.text for block in message.blocks if isinstance(block, li.TextBlock)]
            call_id = message.additional_kwargs.get("tool_call_id")
            results.append((call_id, block_texts) if _is_result(message) else (None, ""))
        return made, results


def _is_result(message: li.ChatMessage) -> bool:
    return message.role in (li.MessageRole.TOOL, li.MessageRole.FUNCTION)


def _calls_of(message: li.ChatMessage) -> list[tuple[Any, str, Any]]:
    """(id, name, arguments) of each call: the blocks, or else the older forms."""
    found = [(b.tool_call_id, b.tool_name, b.tool_kwargs) for b in message.blocks if isinstance(b, li.ToolCallBlock)]
    old = [] if found else message.additional_kwargs.get("tool_calls", [])
    found += [(call["id"], call["function"]["name"], call["function"]["arguments"]) for call in old]
    single = None if found else message.additional_kwargs.get("function_call")
    return found or ([(None, single["name"], single["arguments"])] if single else [])


def frozen(history: list[Any]) -> list[str]:
    return [repr(message.__dict__) for message in history]


@pytest.mark.parametrize("framework", [LangChain, LlamaIndex])
@settings(max_examples=1500)
@given(st.data())
def test_any_conversation_becomes_one_that_mixtral_accepts(framework: Any, data: st.DataObject) -> None:
    history = data.draw(st.lists(framework.messages, min_size=1, max_size=9))
    before, wired = frozen(history), framework.to_wire(history)
    request = build(LOCAL, wired)
    sent = json.loads(request.content)["messages"]
    accepted_by_mistral(sent)
    strictly_alternating(sent)
    nothing_lost(framework.texts_in(history), sent)
    unique_pairs_kept(*framework.calls_and_results(history), sent)
    assert build(LOCAL, sent).body["messages"] == sent, "not idempotent"
    assert build(LOCAL, framework.to_wire(history)).content == request.content, "not deterministic"
    for model in (LOCAL.model, "gpt-4o"):
        nothing_changed_silently(wired, model)
    assert frozen(history) == before, "the caller's messages were changed"
