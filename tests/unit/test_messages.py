"""Both frameworks' messages on their way to the wire and back; nothing here opens a socket."""

# ruff: noqa: E501 - one form a line

from __future__ import annotations

import base64
import copy
import io
import json
import socket
from typing import Any

import pytest
from langchain_core import messages as lc
from langchain_core.load import dumpd, load
from llama_index.core.base.llms import types as li
from pydantic import BaseModel

import langchain_oxen.messages
import llama_index_oxen.messages
from _oxen_transport.errors import OxenConfigError
from _oxen_transport.request.build import build
from _oxen_transport.settings import OxenSettings
from _oxen_transport.types import Completion, ToolCall, Usage
from llama_index_oxen.messages import reads_files
from tests.tables import each_row


def to_wire(*messages: Any) -> list[Any]:
    package: Any = langchain_oxen if isinstance(messages[0], lc.BaseMessage) else llama_index_oxen
    return package.messages.to_wire(messages)  # type: ignore[no-any-return]


def sent(messages: list[Any], model: str = "deepseek-v4-flash", **settings: Any) -> list[Any]:
    known = OxenSettings(base_url="http://127.0.0.1:1", model=model, **settings)
    return json.loads(build(known, to_wire(*messages)).content)["messages"]  # type: ignore[no-any-return]


def chat(role: str, *blocks: Any, **beside: Any) -> li.ChatMessage:
    """A message of LlamaIndex."""
    made = [li.TextBlock(text=block) if isinstance(block, str) else block for block in blocks]
    return li.ChatMessage(role=role, blocks=made, additional_kwargs=beside)


def of_blocks(role: str, *blocks: Any, **beside: Any) -> Any:
    """A message of the framework that the last block belongs to."""
    if not isinstance(blocks[-1], dict | str):
        return chat(role, *blocks, **beside)
    kinds: dict[str, Any] = {"system": lc.SystemMessage, "user": lc.HumanMessage, "tool": lc.ToolMessage}
    return kinds[role](list(blocks), **beside)


def calling(*calls: Any, **more: Any) -> lc.AIMessage:
    """A message of LangChain."""
    return lc.AIMessage("", tool_calls=list(calls), **more)


ID = "AbC123xyZ"
DATA = base64.b64encode(b"bytes").decode()
PNG = f"data:image/png;base64,{DATA}"
LC_CALL: Any = {"id": ID, "name": "weather", "args": {"city": "Łódź"}, "type": "tool_call"}
LI_CALL = li.ToolCallBlock(tool_call_id=ID, tool_name="weather", tool_kwargs={"city": "Łódź"})
WIRED_CALL: Any = {"id": ID, "type": "function", "function": {"name": "weather", "arguments": '{"city":"Łódź"}'}}
RESULT = {"role": "tool", "content": "18", "tool_call_id": ID}
BY_NAME = {"role": "tool", "content": "18", "name": "weather"}


@each_row(
    ("message", "wired"),
    [
        (lc.HumanMessage("hi"), {"role": "user", "content": "hi"}),
        (lc.HumanMessage("hi", name="ann"), {"role": "user", "content": "hi", "name": "ann"}),
        (lc.HumanMessageChunk(content="hi"), {"role": "user", "content": "hi"}),
        (lc.SystemMessage("hi"), {"role": "system", "content": "hi"}),
        (lc.SystemMessageChunk(content="hi"), {"role": "system", "content": "hi"}),
        (lc.ChatMessage("hi", role="developer"), {"role": "system", "content": "hi"}),
        (lc.AIMessage("yes"), {"role": "assistant", "content": "yes"}),
        (lc.ToolMessage("18", tool_call_id=ID), RESULT),
        (lc.FunctionMessage("18", name="weather"), BY_NAME),
        *((chat(role, "hi"), {"role": role, "content": "hi"}) for role in ("user", "system", "assistant")),
        (chat("developer", "hi"), {"role": "system", "content": "hi"}),
        *((chat(role, "hi"), {"role": "assistant", "content": "hi"}) for role in ("chatbot", "model")),
        (chat("assistant", ""), {"role": "assistant", "content": ""}),
        *((chat(role, "18", tool_call_id=ID, name="weather"), {**RESULT, "name": "weather"}) for role in ("tool", "function")),
        *((chat(role, "18", name="weather"), BY_NAME) for role in ("tool", "function")),
    ],
)  # fmt: skip
def test_every_role(message: Any, wired: dict[str, Any]) -> None:
    assert to_wire(message) == [wired]


# -- calls ----------------------------------------------------------------------------------------

FUNCTION_CALL = {"type": "function_call", **WIRED_CALL["function"], "call_id": ID, "id": "fc_1"}
TOOL_USE = {"type": "tool_use", "id": ID, "name": "weather", "input": {"city": "Łódź"}}


@each_row(
    "message",
    [
        calling(LC_CALL),
        lc.AIMessage([TOOL_USE]),
        lc.AIMessage([FUNCTION_CALL]),
        lc.AIMessage(content_blocks=[LC_CALL]),
        lc.AIMessage([{**TOOL_USE, "input": {}}], tool_calls=[LC_CALL]),
        lc.AIMessage("", additional_kwargs={"tool_calls": [WIRED_CALL]}),
        chat("assistant", LI_CALL),
        chat("assistant", "", tool_calls=[WIRED_CALL]),
        chat("assistant", LI_CALL, tool_calls=[WIRED_CALL]),
    ],
)
def test_calls_travel_once_from_wherever_they_are_kept(message: Any) -> None:
    assert to_wire(message) == [{"role": "assistant", "content": None, "tool_calls": [WIRED_CALL]}]


@each_row("block", [{**LC_CALL, "id": None}, {"type": "tool_use", "name": "weather", "input": LC_CALL["args"]}])
@each_row("count", [1, 2])
def test_a_call_without_an_id_is_sent_once(block: dict[str, Any], count: int) -> None:
    [wired] = to_wire(lc.AIMessage([block] * count, tool_calls=[{**LC_CALL, "id": None}] * count))
    assert len(wired["tool_calls"]) == count


def test_calls_of_one_tool_with_other_arguments_are_sent_both() -> None:
    other = {"type": "tool_use", "name": "weather", "input": {"city": "Oslo"}}
    [wired] = to_wire(lc.AIMessage([other], tool_calls=[{**LC_CALL, "id": None}]))
    sent = [json.loads(call["function"]["arguments"]) for call in wired["tool_calls"]]
    assert sent == [LC_CALL["args"], {"city": "Oslo"}]


SINGLE = {"name": "weather", "arguments": '{"city": "Łódź"}'}


class Single(BaseModel):
    """As OpenAI's own SDK has it."""

    name: str
    arguments: str


@each_row(
    ("alone", "beside_another", "none", "question", "answer"),
    [
        (
            lc.AIMessage("Let me see.", additional_kwargs={"function_call": SINGLE}),
            calling(LC_CALL, additional_kwargs={"function_call": SINGLE}),
            lc.AIMessage("hi", additional_kwargs={"function_call": None}),
            lc.HumanMessage("18?"),
            lc.FunctionMessage("18", name="weather"),
        ),
        *(
            (
                chat("assistant", "Let me see.", function_call=single),
                chat("assistant", LI_CALL, function_call=single),
                chat("assistant", "hi", function_call=None),
                chat("user", "18?"),
                chat("function", "18", name="weather"),
            )
            for single in (SINGLE, Single(**SINGLE))
        ),
    ],
)
def test_openais_single_function_call_is_a_call_if_there_is_no_other(
    alone: Any, beside_another: Any, none: Any, question: Any, answer: Any
) -> None:
    call = {"id": "", "type": "function", "function": SINGLE}
    assert to_wire(alone) == [{"role": "assistant", "content": "Let me see.", "tool_calls": [call]}]
    assert to_wire(beside_another)[0]["tool_calls"] == [WIRED_CALL]
    assert "tool_calls" not in to_wire(none)[0]
    *_, made, result = sent([question, alone, answer])
    assert made["tool_calls"][0]["function"] == SINGLE
    assert result == {**BY_NAME, "tool_call_id": made["tool_calls"][0]["id"]}


BAD: Any = {"type": "invalid_tool_call", "id": ID, "name": "weather", "args": '{"city": "Ł', "error": "cut"}


@each_row(
    "message",
    [
        lc.AIMessage("", invalid_tool_calls=[BAD]),
        chat("assistant", li.ToolCallBlock(tool_call_id=ID, tool_name="weather", tool_kwargs='{"city": "Ł')),
    ],
)
def test_an_invalid_call_goes_back_as_the_model_wrote_it(message: Any) -> None:
    assert to_wire(message)[0]["tool_calls"][0]["function"]["arguments"] == '{"city": "Ł'


LC_BY_NAME = [lc.ToolMessage(f"of {name}", tool_call_id="", name=name) for name in ("g", "f")]
LI_CALLS = [li.ToolCallBlock(tool_name=name, tool_kwargs={}) for name in ("f", "g")]


@each_row(
    "history",
    [
        [lc.HumanMessage("q"), calling(*({**LC_CALL, "id": "", "name": name} for name in ("f", "g"))), *LC_BY_NAME],
        [chat("user", "q"), chat("assistant", *LI_CALLS), *(chat("tool", f"of {name}", name=name) for name in ("g", "f"))],
    ],
)  # fmt: skip
def test_results_without_ids_go_to_the_calls_of_their_names(history: list[Any]) -> None:
    wired = sent(history)
    called = {call["id"]: call["function"]["name"] for call in wired[1]["tool_calls"]}
    results = [(called[message["tool_call_id"]], message["content"]) for message in wired[2:]]
    assert results == [("g", "of g"), ("f", "of f")]


# -- contents -------------------------------------------------------------------------------------


def lc_texts(**more: Any) -> list[dict[str, Any]]:
    return [{"type": "text", "text": "one", **more}, {"type": "text", "text": "two"}]


CITED = li.CitationBlock(cited_content=li.TextBlock(text="two"), source="s", title="t", additional_location_info={})
TWO = [li.TextBlock(text="one"), li.TextBlock(text="two")]


@each_row(
    "content",
    [
        lc_texts(),
        ["one", "two"],
        lc_texts(cache_control={"type": "ephemeral"}, id="lc_1"),
        [{"text": "one"}, {"type": "text-plain", "text": "two", "mime_type": "text/plain"}],
        [lc_texts()[0], {"cachePoint": {"type": "default"}}, lc_texts()[1]],
        [lc_texts()[0], {"type": "non_standard", "value": {"type": "text", "text": "two"}}],
        TWO,
        [TWO[0], li.CachePoint(cache_control={"type": "ephemeral"}), TWO[1]],
        [li.CitableBlock(title="t", source="s", content=TWO)],
        [TWO[0], CITED],
    ],
)
def test_content_that_is_only_text_is_a_bare_string(content: Any) -> None:
    for role in ("system", "user"):
        assert to_wire(of_blocks(role, *content)) == [{"role": role, "content": "one\n\ntwo"}]


THOUGHTS: list[Any] = [
    {"type": "thinking", "thinking": "hm", "signature": "x"},
    {"type": "reasoning", "reasoning": "hm"},
]


@each_row(
    ("message", "text"),
    [
        (lc.AIMessage([*THOUGHTS, {"type": "text", "text": "Ox"}, {"type": "text", "text": "en"}]), "Oxen"),
        (chat("assistant", li.ThinkingBlock(content="hm"), "Oxen"), "Oxen"),
        (chat("assistant", "a", "c"), "a\nc"),  # as core's own `content` joins them
        (chat("assistant", "a", CITED, "c"), "a\ntwo\nc"),
        # a refusal is the answer
        *((lc.AIMessage(content, additional_kwargs={"refusal": "No."}), "No.") for content in ("", [{"type": "refusal", "refusal": "No."}])),
        (chat("assistant", "", refusal="No."), "No."),
    ],
)  # fmt: skip
def test_the_text_of_an_answer(message: Any, text: str) -> None:
    assert to_wire(message) == [{"role": "assistant", "content": text}]


PDF = {"file_data": f"data:application/pdf;base64,{DATA}", "filename": "a.pdf"}


@each_row(
    ("block", "kind", "content"),
    [
        ({"type": "image_url", "image_url": {"url": "https://x/a.png", "detail": "low"}}, "image_url", {"url": "https://x/a.png", "detail": "low"}),
        ({"type": "image_url", "image_url": PNG}, "image_url", {"url": PNG}),
        ({"image_url": {"url": PNG}}, "image_url", {"url": PNG}),
        ({"type": "image", "url": "https://x/a.png"}, "image_url", {"url": "https://x/a.png"}),
        ({"type": "image", "base64": DATA, "mime_type": "image/png"}, "image_url", {"url": PNG}),
        ({"type": "image", "source_type": "base64", "data": DATA, "mime_type": "image/png"}, "image_url", {"url": PNG}),
        ({"type": "image", "source_type": "url", "url": "https://x/a.png"}, "image_url", {"url": "https://x/a.png"}),
        ({"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": DATA}}, "image_url", {"url": PNG}),
        ({"type": "image", "source": {"type": "url", "url": "https://x/a.png"}}, "image_url", {"url": "https://x/a.png"}),
        ({"type": "audio", "base64": DATA, "mime_type": "audio/mp3"}, "audio_url", {"url": f"data:audio/mp3;base64,{DATA}"}),
        ({"type": "input_audio", "input_audio": {"data": DATA, "format": "wav"}}, "audio_url", {"url": f"data:audio/wav;base64,{DATA}"}),
        ({"type": "audio_url", "audio_url": {"url": "https://x/a.wav"}}, "audio_url", {"url": "https://x/a.wav"}),
        ({"type": "video", "url": "https://x/a.mp4"}, "video_url", {"url": "https://x/a.mp4"}),
        ({"type": "file", "base64": DATA, "mime_type": "application/pdf", "filename": "a.pdf"}, "file", PDF),
        ({"type": "file", "file": PDF}, "file", PDF),
        ({"type": "file", "url": "https://x/a.pdf"}, "file", {"file_url": "https://x/a.pdf"}),
        ({"type": "document", "title": "a.pdf", "source": {"type": "base64", "media_type": "application/pdf", "data": DATA}}, "file", PDF),
        (li.ImageBlock(url="https://x/a.png", detail="low"), "image_url", {"url": "https://x/a.png", "detail": "low"}),
        (li.ImageBlock(url=PNG), "image_url", {"url": PNG}),
        (li.ImageBlock(image=b"bytes", image_mimetype="image/png"), "image_url", {"url": PNG}),
        (li.ImageBlock(image=io.BytesIO(b"bytes"), image_mimetype="image/png"), "image_url", {"url": PNG}),
        (li.AudioBlock(audio=b"bytes", format="mp3"), "audio_url", {"url": f"data:audio/mp3;base64,{DATA}"}),
        (li.AudioBlock(url="https://x/a.wav"), "audio_url", {"url": "https://x/a.wav"}),
        (li.VideoBlock(url="https://x/a.mp4"), "video_url", {"url": "https://x/a.mp4"}),
        (li.DocumentBlock(data=b"bytes", document_mimetype="application/pdf", title="a.pdf"), "file", PDF),
        (li.DocumentBlock(url="https://x/a.pdf", title="a"), "file", {"file_url": "https://x/a.pdf", "filename": "a"}),
    ],
)  # fmt: skip
def test_media_in_every_dialect(block: Any, kind: str, content: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "socket", None)  # a URL is passed on, never fetched
    see = {"type": "text", "text": "see"}
    message = of_blocks("user", "see", block)
    for _ in range(2):  # a file that was read once is read again
        assert to_wire(message)[0]["content"] == [see, {"type": kind, kind: content}]


def test_media_from_a_file_on_this_machine(tmp_path: Any) -> None:
    (tmp_path / "a.png").write_bytes(b"bytes")
    [wired] = to_wire(chat("user", li.ImageBlock(path=tmp_path / "a.png")))
    assert wired["content"] == [{"type": "image_url", "image_url": {"url": PNG}}]
    for name, start in (("a.md", "data:text/markdown;base64,"), ("a.svg", "data:image/svg+xml;base64,")):
        (tmp_path / name).write_text("ox")
        [wired] = to_wire(chat("user", li.DocumentBlock(path=tmp_path / name)))
        assert wired["content"][0]["file"]["file_data"].startswith(start)
    (tmp_path / "pdf").write_bytes(b"%PDF-1.4 ox")
    [wired] = to_wire(chat("user", li.DocumentBlock(path=tmp_path / "pdf")))
    assert wired["content"][0]["file"]["file_data"].startswith("data:application/pdf;base64,")


def test_a_file_in_a_block_of_another_is_seen(tmp_path: Any) -> None:
    (tmp_path / "a.png").write_bytes(b"bytes")
    image = li.ImageBlock(path=tmp_path / "a.png")
    cited = li.CitableBlock(title="t", source="s", content=[image])
    assert [reads_files([chat("user", block)]) for block in (image, cited, li.TextBlock(text="a"))] == [
        True,
        True,
        False,
    ]


def test_anthropics_tool_results_become_messages_of_their_own() -> None:
    result = {"type": "tool_result", "tool_use_id": "foo", "content": [{"type": "text", "text": "green"}]}
    wired = {"role": "tool", "content": "green", "tool_call_id": "foo"}
    and_now = {"type": "text", "text": "and now?"}
    assert to_wire(lc.HumanMessage([result, and_now])) == [wired, {"role": "user", "content": "and now?"}]
    assert to_wire(lc.HumanMessage([result])) == [wired]


@each_row(
    ("message", "named"),
    [
        (lc.RemoveMessage(id="1"), "RemoveMessage"),
        (lc.ChatMessage("hi", role="wizard"), "wizard"),
        (lc.HumanMessage([{"type": "hologram", "hologram": 1}]), "hologram"),
        (lc.HumanMessage([{"type": "image", "file_id": "file-1"}]), "neither a URL nor data"),
        (lc.HumanMessage([{"type": "image", "base64": "not base64!"}]), "not valid base64"),
        (lc.HumanMessage([{"type": "web_search_call", "id": "ws_1"}]), "web_search_call"),
        (chat("user", li.ImageBlock()), "neither a URL nor data"),
        (chat("user", li.DocumentBlock(url="")), "neither a URL nor data"),
        (chat("user", li.DocumentBlock(data=b"ox")), "name its MIME type"),
        (lc.HumanMessage([{"type": "file", "base64": DATA}]), "name its MIME type"),
    ],
)
def test_what_cannot_be_sent_is_named(message: Any, named: str) -> None:
    with pytest.raises(OxenConfigError, match=named):
        to_wire(message)


@each_row(
    "item",
    [
        FUNCTION_CALL,
        {"type": "web_search_call", "id": "ws_1", "status": "completed"},
        {"type": "mcp_call", "id": "mcp_1", "name": "x", "output": "y"},
        {"type": "server_tool_use", "id": "srv_1", "name": "web_search", "input": {"query": "ox"}},
        {"type": "input_json_delta", "partial_json": '{"a'},
        {"type": "non_standard", "value": {"type": "code_interpreter_call", "code": "1 + 1"}},
        {"type": "image_generation_call", "result": "AAAA"},
        {"type": "image", "file_id": "file-1"},
        li.ImageBlock(),
        li.DocumentBlock(url=""),
    ],
)
def test_a_foreign_item_of_an_answer_is_left_out_and_its_call_sent_once(item: Any) -> None:
    of_langchain = lc.AIMessage(["I look.", item], tool_calls=[LC_CALL]) if isinstance(item, dict) else None
    message = of_langchain or chat("assistant", "I look.", item, LI_CALL)
    assert to_wire(message) == [{"role": "assistant", "content": "I look.", "tool_calls": [WIRED_CALL]}]


NOTE = "left out: the model reads text only]"
SEARCH = {"type": "search_result", "title": "Oxen", "source": "https://x", "content": [{"type": "text", "text": "t"}]}


@each_row(
    ("block", "text"),
    [
        ({"type": "image", "base64": "AAAA", "mime_type": "image/png"}, f"[image {NOTE}"),
        ({"type": "image", "data": "AAAA", "mimeType": "image/png"}, f"[image {NOTE}"),
        ({"type": "audio", "base64": "AAAA"}, f"[audio {NOTE}"),
        ({"type": "resource_link", "uri": "file:///a.txt", "name": "a.txt"}, "a.txt\nfile:///a.txt"),
        ({"type": "resource", "resource": {"uri": "file:///a", "text": "an ox"}}, "file:///a\nan ox"),
        (SEARCH, "Oxen\nhttps://x\nt"),
        (li.ImageBlock(url="https://x/a.png"), f"[image {NOTE}"),
        (li.AudioBlock(url="https://x/a.wav"), f"[audio {NOTE}"),
        (li.DocumentBlock(url="https://x/a.pdf"), f"[file {NOTE}"),
    ],
)
def test_what_a_tool_hands_back_is_read_as_text_where_it_has_text(block: Any, text: str) -> None:
    call = calling(LC_CALL) if isinstance(block, dict) else chat("assistant", LI_CALL)
    history = [call, of_blocks("tool", "found:", block, tool_call_id=ID)]
    assert sent(history, "open-mixtral-8x22b")[-1]["content"] == f"found:\n\n{text}"


# -- thoughts -------------------------------------------------------------------------------------

SIGNATURE = {"extra_content": {"google": {"thought_signature": "s1gn"}}}
DETAILS = [{"type": "reasoning.encrypted", "data": "x", "index": 0}]
LC_BESIDE = {"reasoning_content": "hm", "reasoning_details": DETAILS, "tool_call_extras": {ID: SIGNATURE}}
LC_THOUGHT = calling(LC_CALL, additional_kwargs=LC_BESIDE)
LI_THOUGHT = chat("assistant", li.ThinkingBlock(content="hm"), LI_CALL, tool_calls=[{**WIRED_CALL, **SIGNATURE}], reasoning_details=DETAILS)  # fmt: skip


def thinking(framework: str) -> list[Any]:
    """A conversation whose answer went through a store."""
    if framework == "langchain":
        answer = load(json.loads(json.dumps(dumpd(LC_THOUGHT))), allowed_objects="core")
        return [lc.HumanMessage("q"), answer, lc.ToolMessage("2", tool_call_id=ID, name="weather")]
    stored = li.ChatMessage.model_validate_json(LI_THOUGHT.model_dump_json())
    return [chat("user", "q"), stored, chat("tool", "2", tool_call_id=ID, name="weather")]


@each_row("framework", ["langchain", "llama_index"])
@each_row("history", ["repair", "off", "strict"])
@each_row(("model", "goes_back"), [("deepseek-v4-flash", True), ("open-mixtral-8x22b", False)])
def test_thoughts_and_signatures_go_back_to_the_families_that_take_them(
    framework: str, model: str, goes_back: bool, history: str
) -> None:
    answer = sent(thinking(framework), model, history=history)[1]
    assert answer.get("reasoning_content") == ("hm" if goes_back else None)
    assert answer.get("reasoning_details") == (DETAILS if goes_back else None)
    assert answer["tool_calls"][0].get("extra_content") == (SIGNATURE["extra_content"] if goes_back else None)


@each_row(
    "history",
    [
        [lc.HumanMessage("q"), lc.AIMessage("18", additional_kwargs={"reasoning_content": "hm"}), lc.HumanMessage("r")],
        [chat("user", "q"), chat("assistant", li.ThinkingBlock(content="hm"), "18"), chat("user", "r")],
    ],
)
def test_thoughts_of_an_answer_without_calls_stay_here(history: list[Any]) -> None:
    assert sent(history)[1] == {"role": "assistant", "content": "18"}


# -- answers --------------------------------------------------------------------------------------

ANSWER = Completion(
    text="18 degrees",
    tool_calls=(ToolCall("a", "weather", '{"city": "Łódź"}'), ToolCall("b", "weather", '{"city": "Ł')),
    finish_reason="length",
    usage=Usage(10, 5, 15, cached_tokens=4, reasoning_tokens=2, cost=0.25),
    reasoning="hm",
    refusal="no",
    id="cmpl-1",
    model="m-2",
    created=7,
    request_id="r-1",
    raw={"id": "cmpl-1", "usage": {"prompt_tokens": 10}},
)


def test_an_answer_keeps_everything_in_langchain() -> None:
    message = langchain_oxen.messages.from_wire(ANSWER)
    assert message.content == "18 degrees"
    assert message.tool_calls == [{"id": "a", "name": "weather", "args": {"city": "Łódź"}, "type": "tool_call"}]
    [bad] = message.invalid_tool_calls
    assert (bad["id"], bad["name"], bad["args"]) == ("b", "weather", '{"city": "Ł')
    details = {"input_token_details": {"cache_read": 4}, "output_token_details": {"reasoning": 2}}
    assert message.usage_metadata == {"input_tokens": 10, "output_tokens": 5, "total_tokens": 15, **details}
    known = {"model_name": "m-2", "model_provider": "oxen", "finish_reason": "length", "id": "cmpl-1", "cost": 0.25}
    assert known.items() <= message.response_metadata.items()
    assert message.additional_kwargs == {"reasoning_content": "hm", "refusal": "no"}


def test_an_answer_keeps_everything_in_llama_index() -> None:
    response = llama_index_oxen.messages.from_wire(ANSWER)
    message = response.message
    assert (message.role, message.content) == (li.MessageRole.ASSISTANT, "18 degrees")
    assert message.blocks == [
        li.ThinkingBlock(content="hm"),
        li.TextBlock(text="18 degrees"),
        li.ToolCallBlock(tool_call_id="a", tool_name="weather", tool_kwargs={"city": "Łódź"}),
        li.ToolCallBlock(tool_call_id="b", tool_name="weather", tool_kwargs='{"city": "Ł'),
    ]
    wired = [call["function"]["arguments"] for call in message.additional_kwargs["tool_calls"]]
    assert wired == ['{"city": "Łódź"}', '{"city": "Ł']
    assert message.additional_kwargs["refusal"] == "no"
    assert response.raw == ANSWER.raw
    tokens = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}
    details = {"cached_tokens": 4, "reasoning_tokens": 2, "cost": 0.25}
    known = {**tokens, **details, "model_name": "m-2", "finish_reason": "length", "request_id": "r-1"}
    assert known.items() <= response.additional_kwargs.items()
    plain = llama_index_oxen.messages.from_wire(Completion(text="hi")).message
    assert "tool_calls" not in plain.additional_kwargs, "it would look like a call"
    assert llama_index_oxen.messages.from_wire(Completion(text="")).message.content == ""


@each_row(
    ("arguments", "parsed"),
    [
        *((text, None) for text in ("[1]", '"text"', "{", '{"a": 1} {"b": 2}', "nonsense", "7")),
        *((text, {}) for text in ("", "null", "{}")),
    ],
)
def test_arguments_that_are_not_an_object_are_kept_and_never_run(arguments: str, parsed: Any) -> None:
    completion = Completion(tool_calls=(ToolCall("a", "f", arguments),))
    message = langchain_oxen.messages.from_wire(completion)
    assert [call["args"] for call in message.tool_calls] == ([] if parsed is None else [parsed])
    assert [bad["args"] for bad in message.invalid_tool_calls] == ([arguments] if parsed is None else [])
    response = llama_index_oxen.messages.from_wire(completion)
    assert [block.tool_kwargs for block in response.message.blocks] == [arguments if parsed is None else parsed]


@each_row(
    "to_message",
    [langchain_oxen.messages.from_wire, lambda answer: llama_index_oxen.messages.from_wire(answer).message],
)
def test_an_answer_survives_the_way_there_and_back(to_message: Any) -> None:
    completion = Completion(text="", tool_calls=(ToolCall(ID, "weather", '{"city":"Łódź"}'),))
    assert to_wire(to_message(completion)) == [{"role": "assistant", "content": None, "tool_calls": [WIRED_CALL]}]


@each_row("framework", ["langchain", "llama_index"])
def test_the_callers_messages_stay_as_they_are(framework: str) -> None:
    image = {"type": "image", "base64": DATA, "mime_type": "image/png"}
    of_user = lc.HumanMessage([image]) if framework == "langchain" else chat("user", li.ImageBlock(image=b"bytes"))
    history = [*thinking(framework), of_user]
    before = copy.deepcopy(history)
    to_wire(*history)
    assert history == before
