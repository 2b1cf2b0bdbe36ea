"""One conversation through both packages is one request, to the byte: sync and async, whole and streamed."""

# ruff: noqa: E501 - one message a line

from __future__ import annotations

import asyncio
import base64
import json
from typing import Any

import langchain_core.messages as lc
import pytest
from langchain_core.tools import StructuredTool
from llama_index.core.base.llms import types as li
from llama_index.core.prompts import PromptTemplate
from llama_index.core.tools import FunctionTool
from pydantic import BaseModel, Field

from _oxen_transport.errors import OxenStructuredOutputError
from _oxen_transport.model import OxenModelMixin
from _oxen_transport.testing import Server, Stage, completion, good, reply
from langchain_oxen import ChatOxen
from llama_index_oxen import Oxen
from tests.entry_points import KEY
from tests.tables import each_row

DATA = base64.b64encode(b"bytes").decode()
CALL = {"id": "AbC123xyZ", "name": "weather", "args": {"city": "Łódź", "days": 2}, "type": "tool_call"}
OTHER = {**CALL, "id": "XyZ123abC", "args": {"city": "Rome"}}
OLD_CALL = {"function_call": {"name": "weather", "arguments": '{"city": "Łódź"}'}}
FOREIGN = {**CALL, "id": "call_Jk2mVt9cQx7LrB4nYw8sPz1d"}


def user(text: str) -> li.ChatMessage:
    return li.ChatMessage(role="user", content=text)


def assistant(text: str, **beside: Any) -> li.ChatMessage:
    return li.ChatMessage(role="assistant", content=text, additional_kwargs=beside)


def calls(*made: dict[str, Any], text: str = "") -> li.ChatMessage:
    blocks = [li.ToolCallBlock(tool_call_id=c["id"], tool_name=c["name"], tool_kwargs=c["args"]) for c in made]
    return li.ChatMessage(role="assistant", blocks=[*([li.TextBlock(text=text)] if text else []), *blocks])


def result(id_: Any, text: str) -> li.ChatMessage:
    return li.ChatMessage(role="tool", content=text, additional_kwargs={"tool_call_id": id_})


CONVERSATIONS: dict[str, tuple[list[Any], list[Any]]] = {
    "a question": ([lc.HumanMessage("hi")], [user("hi")]),
    "every role": (
        [lc.SystemMessage("s"), lc.HumanMessage("u"), lc.AIMessage("a"), lc.HumanMessage("Żółć 忠实 🐂 \u2028\n?")],
        [li.ChatMessage(role="system", content="s"), user("u"), assistant("a"), user("Żółć 忠实 🐂 \u2028\n?")],
    ),
    "two users in a row": ([lc.HumanMessage("One."), lc.HumanMessage("Two.")], [user("One."), user("Two.")]),
    "texts": (
        [lc.HumanMessage([{"type": "text", "text": "one"}, {"type": "text", "text": "two"}])],
        [li.ChatMessage(role="user", blocks=[li.TextBlock(text="one"), li.TextBlock(text="two")])],
    ),
    "two calls at once": (
        [lc.HumanMessage("w?"), lc.AIMessage("", tool_calls=[CALL, OTHER]), lc.ToolMessage("18", tool_call_id=CALL["id"]), lc.ToolMessage("", tool_call_id=OTHER["id"])],
        [user("w?"), calls(CALL, OTHER), result(CALL["id"], "18"), result(OTHER["id"], "")],
    ),
    "a foreign id, and text beside the call": (
        [lc.HumanMessage("w?"), lc.AIMessage("let me see", tool_calls=[FOREIGN]), lc.ToolMessage("18", tool_call_id=FOREIGN["id"]), lc.AIMessage("18."), lc.HumanMessage("Thanks.")],
        [user("w?"), calls(FOREIGN, text="let me see"), result(FOREIGN["id"], "18"), assistant("18."), user("Thanks.")],
    ),
    "an orphan, and the system late": (
        [lc.AIMessage("", tool_calls=[FOREIGN]), lc.ToolMessage("18", tool_call_id=FOREIGN["id"]), lc.ToolMessage("lost", tool_call_id="nobody"), lc.SystemMessage("late")],
        [calls(FOREIGN), result(FOREIGN["id"], "18"), result("nobody", "lost"), li.ChatMessage(role="system", content="late")],
    ),
    "OpenAI's old function call": (
        [lc.HumanMessage("w?"), lc.AIMessage("", additional_kwargs=OLD_CALL), lc.FunctionMessage("18", name="weather"), lc.FunctionMessage("lost", name="nobody")],
        [user("w?"), assistant("", **OLD_CALL), li.ChatMessage(role="function", content="18", additional_kwargs={"name": "weather"}), li.ChatMessage(role="tool", content="lost", additional_kwargs={"name": "nobody"})],
    ),
    "an image and a document": (
        [lc.HumanMessage([{"type": "text", "text": "see"}, {"type": "image", "base64": DATA, "mime_type": "image/png"}, {"type": "file", "url": "https://h.test/ox.pdf", "filename": "ox.pdf"}])],
        [li.ChatMessage(role="user", blocks=[li.TextBlock(text="see"), li.ImageBlock(image=b"bytes", image_mimetype="image/png"), li.DocumentBlock(url="https://h.test/ox.pdf", title="ox.pdf")])],
    ),
}  # fmt: skip
SEES = "an image and a document"

EVERYTHING: dict[str, Any] = {"temperature": 0.5, "max_tokens": 9, "top_p": 0.5, "frequency_penalty": 0.5}
EVERYTHING |= {"presence_penalty": 0.5, "seed": 7, "stop": ["x"], "logprobs": True, "top_logprobs": 2}
EVERYTHING |= {"response_format": {"type": "json_object"}, "extra_body": {"top_k": 5}, "extra_headers": {"X-A": "1"}}


def both(stage: Stage, **options: Any) -> tuple[ChatOxen, Oxen]:
    return ChatOxen(base_url=stage.url, api_key=KEY, **options), Oxen(base_url=stage.url, api_key=KEY, **options)


def assert_equal_requests(stage: Stage, count: int) -> None:
    assert len(stage.requests) == count
    first, *others = stage.requests
    for other in others:
        assert json.loads(other.body) == json.loads(first.body)  # says where they differ
        assert (other.body, other.headers, other.target) == (first.body, first.headers, first.target)


@each_row("of_the_call", [False, True])
@each_row("options", [{}, EVERYTHING])
@each_row("name", CONVERSATIONS)
def test_one_conversation_is_one_request(name: str, options: dict[str, Any], of_the_call: bool, server: Server) -> None:
    ours, theirs = CONVERSATIONS[name]
    given = {**options, **({"model": "gpt-4o"} if name == SEES else {})}
    stage = server.stage(good)
    chat, llm = both(stage, **({} if of_the_call else given))
    call = given if of_the_call else {}

    async def run() -> None:
        await chat.ainvoke(ours, **call)
        await llm.achat(theirs, **call)

    chat.invoke(ours, **call)
    llm.chat(theirs, **call)
    asyncio.run(run())
    assert_equal_requests(stage, 4)


@each_row("name", CONVERSATIONS)
def test_one_conversation_is_one_request_streamed(name: str, server: Server) -> None:
    ours, theirs = CONVERSATIONS[name]
    stage = server.stage(good)
    chat, llm = both(stage, **({"model": "gpt-4o"} if name == SEES else {}))

    async def drain() -> None:
        async for _ in chat.astream(ours):
            pass
        async for _ in await llm.astream_chat(theirs):
            pass

    list(chat.stream(ours))
    list(llm.stream_chat(theirs))
    asyncio.run(drain())
    assert_equal_requests(stage, 4)


def test_a_prompt_is_a_conversation(server: Server) -> None:
    stage = server.stage(good)
    chat, llm = both(stage)
    chat.invoke("Hello")
    llm.complete("Hello")
    asyncio.run(llm.acomplete("Hello"))
    llm.chat([user("Hello")])
    assert_equal_requests(stage, 4)
    assert chat.to_curl("It's", stream=True, top_p=0.5) == llm.to_curl([user("It's")], stream=True, top_p=0.5)


def test_both_have_the_same_parameters() -> None:
    for cls in (ChatOxen, Oxen):
        assert set(OxenModelMixin.model_fields) | {"streaming"} <= set(cls.model_fields)


# -- tools --------------------------------------------------------------------------------------


def look(place: str, near: bool = False, count: int | None = None) -> str:
    """Look at a place."""
    return f"{place} {near} {count}"


class Looking(BaseModel):
    """Look at a place."""

    place: str = Field(description="Where.")
    near: bool = False
    more: list[int] = Field(default_factory=list)


def untitled(schema: Any) -> Any:
    """LlamaIndex's own converter keeps the titles that pydantic makes of names; LangChain's drops them."""
    if isinstance(schema, dict):
        return {key: untitled(value) for key, value in schema.items() if key != "title"}
    return [untitled(value) for value in schema] if isinstance(schema, list) else schema


@each_row("choice", ["auto", "any", "look"])
def test_a_function_as_a_tool(choice: str, server: Server) -> None:
    """LlamaIndex's own default is one call at a time; LangChain's is the server's."""
    stage = server.stage(good)
    chat, llm = both(stage)
    tools = [StructuredTool.from_function(look)]
    chat.bind_tools(tools, tool_choice=choice, parallel_tool_calls=False).invoke("Look.")
    tool = FunctionTool.from_defaults(look, name="look", description="Look at a place.")
    llm.chat_with_tools([tool], user_msg="Look.", tool_choice=choice)
    first, second = stage.bodies
    assert first == untitled(second)


def test_a_structured_answer_by_a_tool(server: Server) -> None:
    arguments = {"place": "barn", "near": True, "more": [1]}
    stage = server.stage(reply(completion(tool_calls=[("AbC123xyZ", "Looking", arguments)])))
    chat, llm = both(stage)
    one = chat.with_structured_output(Looking, method="function_calling").invoke("Look.")
    other = llm.structured_predict(Looking, PromptTemplate("Look."))
    assert one == other == Looking(**arguments)
    first, second = stage.bodies
    for key in ("model", "messages", "tools", "tool_choice"):
        assert json.dumps(first[key]) == json.dumps(untitled(second)[key])


@each_row(
    "answer",
    [
        completion(tool_calls=[("AbC123xyZ", "Looking", {"place": 7})]),
        completion(tool_calls=[("AbC123xyZ", "Looking", ["not an object"])]),  # type: ignore[list-item]
        completion("I do not know.", finish_reason="length"),
    ],
)
def test_errors_of_structured_output_hold_the_same_answer(answer: Any, server: Server) -> None:
    chat, llm = both(server.stage(reply(answer)))
    with pytest.raises(OxenStructuredOutputError) as ours:
        chat.with_structured_output(Looking).invoke("hi")
    with pytest.raises(OxenStructuredOutputError) as theirs:
        llm.structured_predict(Looking, PromptTemplate("hi"))
    assert (ours.value.message, ours.value.partial) == (theirs.value.message, theirs.value.partial)


# -- what comes back ----------------------------------------------------------------------------


@each_row("id_", ["AbC123xyZ", "call_Jk2mVt9cQx7LrB4nYw8sPz1d", ""])
def test_one_answer_comes_and_goes_back_alike(id_: str, server: Server) -> None:
    """A whole turn: what came out goes in again, with the tool's result, and is still the same bytes."""
    asked = reply(completion(tool_calls=[(id_, "look", {"place": "barn"})]))
    stage = server.stage(asked, asked, good)
    chat, llm = both(stage)
    message, response = chat.invoke("Look."), llm.chat([user("Look.")])
    (call,), (selected,) = message.tool_calls, llm.get_tool_calls_from_response(response)
    assert (call["id"], call["name"], call["args"]) == (selected.tool_id, selected.tool_name, selected.tool_kwargs)
    assert (call["name"], call["args"]) == ("look", {"place": "barn"})
    usage, figures = message.usage_metadata or {}, response.additional_kwargs
    for name, theirs, tokens in (("input", "prompt", 11), ("output", "completion", 8), ("total", "total", 19)):
        assert figures[f"{theirs}_tokens"] == usage.get(f"{name}_tokens") == tokens
    chat.invoke([lc.HumanMessage("Look."), message, lc.ToolMessage("An ox.", tool_call_id=call["id"])])
    llm.chat([user("Look."), response.message, result(selected.tool_id, "An ox.")])
    first, second = stage.requests[2:]
    assert first.body == second.body
