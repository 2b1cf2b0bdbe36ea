"""Conversations as hostile as Python allows: to the wire and into a request, or a typed error.

    python -m tools.fuzz.messages --n 2000000 [--seed 1]

An input is a list of LangChain's or LlamaIndex's messages with any content, block and call that
their classes accept, and per-call keyword arguments. It goes through `to_wire` and `build` for a
strict and a lenient family. What comes out is valid JSON; what was passed in is unchanged.
"""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from typing import Any

from langchain_core import messages as lc
from llama_index.core.base.llms import types as li
from pydantic import ValidationError

import langchain_oxen.messages as langchain_messages
import llama_index_oxen.messages as llama_messages
from _oxen_transport.errors import OxenConfigError, OxenError
from _oxen_transport.request.build import build
from _oxen_transport.request.snippets import SentRequest
from _oxen_transport.settings import OxenSettings
from langchain_oxen.tools import tools_to_wire
from tools.fuzz import junk
from tools.fuzz.running import Trial, main

Random = random.Random
SETTINGS = [
    OxenSettings(base_url="http://127.0.0.1:9", model=name, history=mode)
    for name, mode in (
        ("open-mixtral-8x22b", "repair"),
        ("gpt-4o", "repair"),
        ("pixtral-12b", "repair"),
        ("gemini-2.5-pro", "repair"),
        ("deepseek-v4-flash", "strict"),
        ("open-mixtral-8x22b", "strict"),
        ("x", "off"),
    )
]
_IDS = ("", "a", "AbC123xyZ", "call_0123456789abcdef", "\ud800", "toolu_1", "AbC123xyZ")
_TEXTS = ("", " ", "x", "Hello", "é🐂", "\ud800", "y" * 2000, "[TOOL_CALLS]", "a\x00b", '{"a": 1}')
_ARGUMENTS: tuple[Any, ...] = ({}, {"a": 1}, {"a": float("nan")}, {"é": [None, {"b": "\ud800"}]}, {"n": 10**30})
_RAW_ARGUMENTS: tuple[Any, ...] = ("", "{}", '{"a": 1}', '{"a"', "null", "[]", "1", *_ARGUMENTS)
_BLOCKS: tuple[Any, ...] = (
    *("text", "", {"type": "text", "text": "t", "cache_control": {"type": "ephemeral"}}, {"text": "no type"}, {}),
    *({"type": "image_url", "image_url": {"url": "https://x/y.png"}}, {"type": "image_url", "image_url": "data:,"}),
    *({"type": "image", "source": {"type": "base64", "data": "AAAA", "media_type": "image/png"}}, {"type": "image"}),
    *({"type": "audio", "base64": "not base64!"}, {"type": "input_audio", "input_audio": {"data": "AAAA"}}),
    *({"type": "file", "file": {"file_data": "AAAA"}}, {"type": "document", "source": {"type": "text", "data": "d"}}),
    *({"type": "tool_use", "id": "t", "name": "f", "input": {"a": 1}}, {"type": "tool_result", "tool_use_id": "t"}),
    *({"type": "thinking", "thinking": "hm"}, {"type": "reasoning", "reasoning": "hm"}, {"type": "unheard_of"}),
    *({"type": "non_standard", "value": {"type": "text", "text": "n"}}, {"type": "json", "json": {"a": 1}}),
    *({"type": "tool_call", "id": "t", "name": "f", "args": {"a": 1}}, {"type": "refusal", "refusal": "no"}),
    *({"type": "video", "url": "https://x"}, {"type": "file", "source_type": "url", "url": "https://x"}),
    *({"type": "function_call", "call_id": "t", "name": "f", "arguments": "{"}, {"type": "web_search_call", "id": "w"}),
    *(
        {"type": "server_tool_use", "id": "s", "name": "f", "input": {}},
        {"type": "input_json_delta", "partial_json": "{"},
    ),
    *(
        {"type": "non_standard", "value": {"type": "mcp_call"}},
        {"type": "resource_link", "uri": "file:///a", "name": "a"},
    ),
    *({"type": "search_result", "content": [{"text": 1}]}, {"type": "resource", "resource": {"blob": "AAAA"}}),
)
_BESIDE: tuple[Any, ...] = (
    *({"refusal": "no"}, {"refusal": 7}, {"reasoning_content": "hm", "reasoning_details": [{"a": "\ud800"}]}),
    *({"tool_call_extras": {"a": {"extra_content": {"x": 1}}}}, {"tool_call_extras": 7}, {"reasoning_details": "x"}),
    {"reasoning_content": 7, "thinking_blocks": {}, "extra_content": []},
)
_NAMES = ("f", "g", "", "查询天气", "a.b", "x" * 80, "\ud800")
_TOOL = {"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {}}}}
_CALLS: dict[str, tuple[Any, ...]] = {
    "temperature": (0, 1, 1.9, -1, "hot"),
    "max_tokens": (1, 0, 10**20, None),
    "stop": ("x", ["a", "b"], [], [1], None),
    "tools": ([], [_TOOL], [{}], [None], "f", [{"type": "function"}], [{"function": "f"}], [{"function": {}}]),
    "tool_choice": ("auto", "any", "f", "missing", True, False, {}, {"function": "f"}, {"type": "function"}, 7),
    "response_format": ({"type": "json_object"}, {}, "json"),
    "extra_body": ({"safe_prompt": True}, {"x": float("inf")}, {"x": {1, 2}}, {1: 2}, {"messages": []}, None),
    "extra_headers": ({"X-A": "b"}, {"X-A": "a\nb"}, {"Host": "x"}, {"": "x"}, {"X y": "z"}, {"é": "x"}, {"X": 1}),
    "seed": (7, -1, "x"),
    "n": (1, 2),
    "timeout": (1, 0, float("nan"), float("inf"), None),
    "stream_options": ({}, {"include_usage": False}, None),
    "unheard_of": (1,),
    "history": ("off", "strict", "no"),
}


def trials(seed: int, batch: int, count: int) -> Iterator[Trial]:
    """The inputs of one batch, each with its trial."""
    rnd = random.Random(f"messages {seed} {batch}")  # noqa: S311 - repeatable is what it must be
    for _ in range(count):
        family, to_wire = rnd.choice(((_langchain, langchain_messages.to_wire), (_llama, llama_messages.to_wire)))
        conversation = [message for _ in range(int(rnd.random() * 6)) if (message := _made(rnd, family)) is not None]
        call = {name: rnd.choice(_CALLS[name]) for name in rnd.sample(list(_CALLS), int(rnd.random() * 3))}
        trial = partial(_check, to_wire, conversation, call, rnd.choice(SETTINGS), rnd.random() < 0.1)
        yield trial, lambda conversation=conversation, call=call: f"{conversation!r} {call!r}"


def _check(to_wire: Callable[[Any], Any], conversation: list[Any], call: Any, settings: Any, watch: bool) -> None:
    before = repr((conversation, call)) if watch else ""
    refusal: OxenError | None = None
    try:
        wired = to_wire(conversation)
        assert all(message["role"] in ("system", "user", "assistant", "tool") for message in wired)
        request = build(settings, wired, stream=bool(call), call=call)
        headers = request.headers()
        assert all(name and (name + value).isprintable() and name.isascii() for name, value in headers.items()), headers
        assert json.loads(request.content, parse_constant=_no_constant)["messages"] is not None
        SentRequest.of(request).to_curl()
    except OxenError as error:
        refusal = error
    assert refusal is None or type(refusal) is OxenConfigError, f"{refusal!r} for what was passed in"
    assert len(str(refusal)) < 4000, f"a text of {len(str(refusal))} characters"
    assert not watch or repr((conversation, call)) == before, "what was passed in has changed"
    with suppress(OxenConfigError):
        tools_to_wire(call.get("tools") if isinstance(call.get("tools"), list) else [])


def _no_constant(name: str) -> None:
    raise AssertionError(f"{name} is no JSON")


def _made(rnd: Random, family: Callable[[Random], Any]) -> Any:
    """A message, if its own class takes what was chosen."""
    try:
        return family(rnd)
    except (ValidationError, ValueError, TypeError, AttributeError, KeyError):
        return None


def _content(rnd: Random) -> Any:
    if rnd.random() < 0.5:
        return rnd.choice(_TEXTS)
    blocks = [rnd.choice(_BLOCKS) for _ in range(int(rnd.random() * 4))]
    return [junk.damaged(rnd, block) if rnd.random() < 0.3 else block for block in blocks]


def _langchain(rnd: Random) -> lc.BaseMessage:
    content = _content(rnd)
    return rnd.choice(
        (
            *[lambda: _answer(rnd, content)] * 3,
            *[lambda: lc.HumanMessage(content, name=rnd.choice(("", "bob", None)))] * 3,
            *[lambda: lc.ToolMessage(content, tool_call_id=rnd.choice(_IDS), status=rnd.choice(("error", "success")))]
            * 2,
            lambda: lc.ToolMessage(content, tool_call_id=rnd.choice(_IDS), name=rnd.choice(_NAMES)),
            lambda: rnd.choice((lc.HumanMessageChunk, lc.SystemMessageChunk))(content=content),
            lambda: lc.SystemMessage(content),
            lambda: lc.FunctionMessage(content=content, name="f"),
            lambda: lc.ChatMessage(content=content, role=rnd.choice(("user", "developer", "assistant", "nobody", ""))),
            lambda: lc.RemoveMessage(id="x"),
        )
    )()


def _answer(rnd: Random, content: Any) -> lc.AIMessage:
    calls = [
        {"name": rnd.choice(_NAMES), "args": rnd.choice(_ARGUMENTS), "id": rnd.choice((*_IDS, None))}
        for _ in range(int(rnd.random() * 3))
    ]
    bad = [{"name": "f", "args": rnd.choice(("", "{", None)), "id": rnd.choice(_IDS), "error": "e"}]
    raw = {
        "id": rnd.choice(_IDS),
        "type": "function",
        "function": {"name": "f", "arguments": rnd.choice(_RAW_ARGUMENTS)},
    }
    beside = {"tool_calls": [junk.damaged(rnd, raw) if rnd.random() < 0.5 else raw]} if rnd.random() < 0.2 else {}
    if rnd.random() < 0.2:
        beside = {**beside, **rnd.choice(_BESIDE)}
    kind = lc.AIMessageChunk if rnd.random() < 0.2 else lc.AIMessage
    return kind(
        content, tool_calls=calls, invalid_tool_calls=bad if rnd.random() < 0.1 else [], additional_kwargs=beside
    )


def _llama(rnd: Random) -> li.ChatMessage:
    beside = {}
    if rnd.random() < 0.3:
        raw = {"id": rnd.choice(_IDS), "function": {"name": "f", "arguments": rnd.choice(_RAW_ARGUMENTS)}}
        beside = {
            "tool_calls": [junk.damaged(rnd, raw) if rnd.random() < 0.5 else raw],
            "tool_call_id": rnd.choice(_IDS),
        }
    if rnd.random() < 0.1:
        beside |= {"name": junk.value(rnd), "tool_call_id": junk.value(rnd)}
    if rnd.random() < 0.2:
        beside |= rnd.choice(_BESIDE)
    blocks = [_block(rnd) for _ in range(int(rnd.random() * 4))]
    return li.ChatMessage(role=rnd.choice(list(li.MessageRole)), blocks=blocks, additional_kwargs=beside)


def _block(rnd: Random) -> Any:
    data: Any = rnd.choice((b"abc", b"", "AAAA", "no base64!", "é", None))
    url: Any = rnd.choice(("https://x/y", "data:image/png;base64,AAAA", None, ""))
    return rnd.choice(
        (
            lambda: li.TextBlock(text=rnd.choice(_TEXTS)),
            lambda: li.TextBlock(text=rnd.choice(_TEXTS)),
            lambda: li.ImageBlock(image=data, url=url, detail=rnd.choice(("low", None))),
            lambda: li.ImageBlock(path="/nowhere/at/all.png"),
            lambda: li.AudioBlock(audio=data, url=url, format=rnd.choice(("mp3", None))),
            lambda: li.VideoBlock(video=data, url=url),
            lambda: li.DocumentBlock(data=data, url=url, title="t"),
            lambda: li.ThinkingBlock(content="hm"),
            lambda: li.CachePoint(cache_control={"type": "ephemeral"}),
            lambda: li.CitableBlock(title="t", source="s", content=[_block(rnd)]),
            lambda: li.CitationBlock(cited_content=_block(rnd), source="s", title="t", additional_location_info={}),
            lambda: li.ToolCallBlock(
                tool_call_id=rnd.choice((*_IDS, None)),
                tool_name=rnd.choice(_NAMES),
                tool_kwargs=rnd.choice(_RAW_ARGUMENTS),
            ),
        )
    )()


if __name__ == "__main__":
    sys.exit(main("messages", trials, __doc__))
