"""Any conversation of LlamaIndex's own messages: what is sent to Mixtral is accepted, whole and paired."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from llama_index.core.base.llms.types import (
    CacheControl,
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
)

from _oxen_transport.request.build import build
from _oxen_transport.settings import OxenSettings
from llama_index_oxen.messages import to_wire
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
ids = st.sampled_from([None, "call_1", "call_2", "AbC123xyZ", "toolu_01", "", "f", "chatcmpl-tool-12", "id-7", "id-8"])
names = st.sampled_from(["f", "get_weather", "a-b_C9", "查询天气", "github.search", "mcp__" + "x" * 70])
arguments = st.one_of(
    st.dictionaries(st.text(max_size=3), st.one_of(st.text(max_size=5), st.integers()), max_size=2),
    st.sampled_from(["{}", '{"city": "Paris"}', '{"city": "Par', "oops", ""]),
)

text_blocks = st.builds(TextBlock, text=texts)
calls = st.builds(ToolCallBlock, tool_call_id=ids, tool_name=names, tool_kwargs=arguments)
said = st.one_of(
    text_blocks,
    text_blocks,
    st.builds(lambda text: CitableBlock(title="t", source="s", content=[TextBlock(text=text)]), texts),
    st.builds(
        lambda text: CitationBlock(
            title="t", source="s", cited_content=TextBlock(text=text), additional_location_info={}
        ),
        texts,
    ),
    st.just(CachePoint(cache_control=CacheControl(type="ephemeral"))),
)
blocks = st.lists(said, max_size=3)
answers = st.lists(st.one_of(said, calls, st.just(ThinkingBlock(content="hm"))), max_size=4)
old_calls = st.builds(
    lambda i, n, a: {"tool_calls": [{"id": i, "type": "function", "function": {"name": n, "arguments": a}}]},
    ids,
    names,
    arguments,
)
single_calls = st.builds(  # OpenAI's first form: one call, no id
    lambda n, a: {"function_call": {"name": n, "arguments": a}}, names, arguments
)
speakers = st.sampled_from([{}, {}, {"name": "alice"}, {"name": "Bob Smith"}])

# what other makers' models add to answers, and MCP servers to results
foreign = st.sampled_from([ImageBlock(), ImageBlock(image=b"bytes"), DocumentBlock(url="https://x/a.pdf")])
beside = st.sampled_from(
    [{"refusal": "I will not."}, {"reasoning_details": [{"type": "reasoning.text", "text": "hm"}]}]
)

messages = st.one_of(
    st.builds(
        ChatMessage,
        role=st.just(MessageRole.ASSISTANT),
        blocks=st.lists(st.one_of(text_blocks, calls, foreign, st.just(ThinkingBlock(content="hm"))), max_size=4),
        additional_kwargs=beside,
    ),
    st.builds(
        ChatMessage,
        role=st.just(MessageRole.TOOL),
        blocks=st.lists(st.one_of(text_blocks, st.just(ImageBlock(image=b"bytes"))), max_size=3),
        additional_kwargs=st.builds(lambda i, n: {"tool_call_id": i, "name": n}, ids, names),
    ),
    st.builds(
        ChatMessage,
        role=st.sampled_from([MessageRole.USER, MessageRole.USER, MessageRole.SYSTEM, MessageRole.DEVELOPER]),
        blocks=blocks,
        additional_kwargs=speakers,
    ),
    st.builds(
        ChatMessage,
        role=st.sampled_from([MessageRole.ASSISTANT, MessageRole.ASSISTANT, MessageRole.CHATBOT, MessageRole.MODEL]),
        blocks=answers,
        additional_kwargs=speakers,
    ),
    st.builds(ChatMessage, role=st.just(MessageRole.ASSISTANT), blocks=blocks, additional_kwargs=old_calls),
    st.builds(ChatMessage, role=st.just(MessageRole.ASSISTANT), blocks=answers, additional_kwargs=single_calls),
    st.builds(
        ChatMessage,
        role=st.sampled_from([MessageRole.TOOL, MessageRole.TOOL, MessageRole.FUNCTION]),
        blocks=blocks,
        additional_kwargs=st.builds(lambda i, n: {"tool_call_id": i, "name": n}, ids, names),
    ),
    st.builds(
        ChatMessage,
        role=st.sampled_from([MessageRole.TOOL, MessageRole.FUNCTION]),
        blocks=blocks,
        additional_kwargs=st.one_of(st.just({}), st.builds(lambda n: {"name": n}, names)),
    ),
)
histories = st.lists(messages, min_size=1, max_size=9)


def texts_in(history: list[ChatMessage]) -> list[str]:
    found: list[str] = []
    for message in history:
        for block in message.blocks:
            if isinstance(block, TextBlock):
                found.append(block.text)
            elif isinstance(block, CitableBlock):
                found.append(block.content[0].text)
            elif isinstance(block, CitationBlock):
                found.append(block.cited_content.text)
        found.append(message.additional_kwargs.get("refusal", ""))
        for _, name, given_arguments in calls_of(message):
            found.append(as_sent(name))
            whole = given_arguments if isinstance(given_arguments, dict) else {"": given_arguments}
            found += [value for value in whole.values() if isinstance(value, str)]
        if is_result(message) and not message.additional_kwargs.get("tool_call_id"):
            found.append(as_sent(message.additional_kwargs.get("name", "")))
    return found


def is_result(message: ChatMessage) -> bool:
    return message.role in (MessageRole.TOOL, MessageRole.FUNCTION)


def calls_of(message: ChatMessage) -> list[tuple[Any, str, Any]]:
    """(id, name, arguments) of each call: the blocks, or else the older forms."""
    found = [(b.tool_call_id, b.tool_name, b.tool_kwargs) for b in message.blocks if isinstance(b, ToolCallBlock)]
    old = [] if found else message.additional_kwargs.get("tool_calls", [])
    found += [(call["id"], call["function"]["name"], call["function"]["arguments"]) for call in old]
    single = None if found else message.additional_kwargs.get("function_call")
    return found or ([(None, single["name"], single["arguments"])] if single else [])


def calls_and_results(history: list[ChatMessage]) -> tuple[list[list[tuple[Any, Any]]], list[tuple[Any, Any]]]:
    made = [[(call_id, given_arguments) for call_id, _, given_arguments in calls_of(message)] for message in history]
    results = []
    for message in history:
        block_texts = [block.text for block in message.blocks if isinstance(block, TextBlock)]
        results.append(
            (message.additional_kwargs.get("tool_call_id"), block_texts) if is_result(message) else (None, "")
        )
    return made, results


def frozen(history: list[ChatMessage]) -> list[str]:
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
