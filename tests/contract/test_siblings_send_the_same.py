"""The twins as a server sees them: through both packages, both colours, sent and streamed, every byte and header equal.

`test_twins` compares more conversations, one way each; here are all ways, and the turns of a whole exchange.
"""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage, ToolMessage
from llama_index.core.base.llms.types import ChatMessage, DocumentBlock, ImageBlock, TextBlock, ToolCallBlock
from llama_index.core.prompts import PromptTemplate
from llama_index.core.tools import FunctionTool
from pydantic import BaseModel, Field

from _oxen_transport.testing import Server, completion, good, reply
from langchain_oxen import ChatOxen
from llama_index_oxen import Oxen
from tests.entry_points import KEY
from tests.tables import each_row

if TYPE_CHECKING:
    from _oxen_transport.testing import Stage

PNG64 = "iVBORw0KGgotbm90LXJlYWxseQ=="
CALL = {"name": "look", "args": {"place": "the plough", "near": True}, "id": "AbC123xyZ"}
FOREIGN = {**CALL, "id": "call_Jk2mVt9cQx7LrB4nYw8sPz1d"}
OTHER = {"name": "look", "args": {"place": "the barn"}, "id": "XyZ123abC"}


def user(text: str) -> ChatMessage:
    return ChatMessage(role="user", content=text)


def calls(*made: dict[str, Any], text: str = "") -> ChatMessage:
    blocks = [ToolCallBlock(tool_call_id=c["id"], tool_name=c["name"], tool_kwargs=c["args"]) for c in made]
    return ChatMessage(role="assistant", blocks=[*([TextBlock(text=text)] if text else []), *blocks])


def result(call: dict[str, Any], text: str) -> ChatMessage:
    return ChatMessage(role="tool", content=text, additional_kwargs={"tool_call_id": call["id"]})


CONVERSATIONS: dict[str, tuple[list[BaseMessage], list[ChatMessage], str]] = {
    "turns": (
        [SystemMessage("Be brief."), HumanMessage("Hello"), AIMessage("Hi."), HumanMessage("Żółć 忠实 🐂 \u2028\n?")],
        [
            ChatMessage(role="system", content="Be brief."),
            user("Hello"),
            ChatMessage(role="assistant", content="Hi."),
            user("Żółć 忠实 🐂 \u2028\n?"),
        ],
        "",
    ),
    "two users in a row": ([HumanMessage("One."), HumanMessage("Two.")], [user("One."), user("Two.")], ""),
    "a foreign id, and words beside the call": (
        [
            HumanMessage("Look."),
            AIMessage("I will.", tool_calls=[FOREIGN]),
            ToolMessage("An ox.", tool_call_id=FOREIGN["id"]),
            AIMessage("It is an ox."),
            HumanMessage("Thanks."),
        ],
        [
            user("Look."),
            calls(FOREIGN, text="I will."),
            result(FOREIGN, "An ox."),
            ChatMessage(role="assistant", content="It is an ox."),
            user("Thanks."),
        ],
        "",
    ),
    "two calls at once": (
        [
            HumanMessage("Look."),
            AIMessage("", tool_calls=[CALL, OTHER]),
            ToolMessage("An ox.", tool_call_id=CALL["id"]),
            ToolMessage("", tool_call_id=OTHER["id"]),
        ],
        [user("Look."), calls(CALL, OTHER), result(CALL, "An ox."), result(OTHER, "")],
        "",
    ),
    "an image and a document": (
        [
            HumanMessage(
                [
                    {"type": "text", "text": "What?"},
                    {"type": "image", "base64": PNG64, "mime_type": "image/png"},
                    {"type": "file", "url": "https://h.test/ox.pdf", "filename": "ox.pdf"},
                ]
            )
        ],
        [
            ChatMessage(
                role="user",
                blocks=[
                    TextBlock(text="What?"),
                    ImageBlock(image=PNG64.encode(), image_mimetype="image/png"),
                    DocumentBlock(url="https://h.test/ox.pdf", title="ox.pdf"),
                ],
            )
        ],
        "gpt-4o",
    ),
}

EVERYTHING: dict[str, Any] = {
    "temperature": 0.5,
    "max_tokens": 9,
    "top_p": 0.5,
    "frequency_penalty": 0.5,
    "presence_penalty": 0.5,
    "stop": ["x"],
    "seed": 7,
    "response_format": {"type": "json_object"},
    "extra_body": {"top_k": 5},
    "logprobs": True,
    "top_logprobs": 2,
    "extra_headers": {"X-Tenant": "blue"},
}


def twins(stage: Stage, **options: Any) -> tuple[ChatOxen, Oxen]:
    return ChatOxen(base_url=stage.url, api_key=KEY, **options), Oxen(base_url=stage.url, api_key=KEY, **options)


def assert_equal_requests(stage: Stage, count: int) -> None:
    assert len(stage.requests) == count
    first, *others = stage.requests
    for other in others:
        assert json.loads(other.body) == json.loads(first.body)  # says where they differ
        assert other.body == first.body
        assert other.headers == first.headers
        assert other.target == first.target


@each_row("of_the_call", [False, True], ids=["object", "call"])
@each_row("options", [{}, EVERYTHING], ids=["nothing", "everything"])
@each_row("name", CONVERSATIONS)
def test_one_conversation(name: str, options: dict[str, Any], of_the_call: bool, server: Server) -> None:
    ours_said, theirs_said, model = CONVERSATIONS[name]
    given = {**options, **({"model": model} if model else {})}
    stage = server.stage(good)
    ours, theirs = twins(stage, **({} if of_the_call else given))
    call = given if of_the_call else {}
    ours.invoke(ours_said, **call)
    asyncio.run(ours.ainvoke(ours_said, **call))
    theirs.chat(theirs_said, **call)
    asyncio.run(theirs.achat(theirs_said, **call))
    assert_equal_requests(stage, 4)


@each_row("name", CONVERSATIONS)
def test_one_conversation_streamed(name: str, server: Server) -> None:
    ours_said, theirs_said, model = CONVERSATIONS[name]
    stage = server.stage(good)
    ours, theirs = twins(stage, **({"model": model} if model else {}))

    async def drain() -> None:
        async for _ in ours.astream(ours_said):
            pass
        async for _ in await theirs.astream_chat(theirs_said):
            pass

    list(ours.stream(ours_said))
    list(theirs.stream_chat(theirs_said))
    asyncio.run(drain())
    assert_equal_requests(stage, 4)


def test_a_prompt_is_a_conversation(server: Server) -> None:
    stage = server.stage(good)
    ours, theirs = twins(stage)
    ours.invoke("Hello")
    theirs.complete("Hello")
    asyncio.run(theirs.acomplete("Hello"))
    theirs.chat([user("Hello")])
    assert_equal_requests(stage, 4)


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
    from langchain_core.tools import StructuredTool

    stage = server.stage(good)
    ours, theirs = twins(stage)
    bound = ours.bind_tools([StructuredTool.from_function(look)], tool_choice=choice, parallel_tool_calls=False)
    bound.invoke("Look.")
    tool = FunctionTool.from_defaults(look, name="look", description="Look at a place.")
    theirs.chat_with_tools([tool], user_msg="Look.", tool_choice=choice)
    first, second = stage.bodies
    assert first == untitled(second)


def test_a_structured_answer_by_a_tool(server: Server) -> None:
    arguments = {"place": "barn", "near": True, "more": [1]}
    stage = server.stage(reply(completion(tool_calls=[("AbC123xyZ", "Looking", arguments)])))
    ours, theirs = twins(stage)
    one = ours.with_structured_output(Looking, method="function_calling").invoke("Look.")
    other = theirs.structured_predict(Looking, PromptTemplate("Look."))
    assert one == other == Looking(**arguments)
    first, second = stage.bodies
    for key in ("model", "messages", "tools", "tool_choice"):
        assert json.dumps(first[key]) == json.dumps(untitled(second)[key])


# -- what comes back ----------------------------------------------------------------------------


def test_one_answer_comes_back_alike(server: Server) -> None:
    call = ("AbC123xyZ", "look", {"place": "barn"})
    stage = server.stage(reply(completion(tool_calls=[call])))
    ours, theirs = twins(stage)
    message, response = ours.invoke("Hello"), theirs.chat([user("Hello")])
    assert [(c["id"], c["name"], c["args"]) for c in message.tool_calls] == [call]
    selected = theirs.get_tool_calls_from_response(response)
    assert [(c.tool_id, c.tool_name, c.tool_kwargs) for c in selected] == [call]
    usage = message.usage_metadata
    assert usage is not None
    figures = response.additional_kwargs
    assert figures["prompt_tokens"] == usage["input_tokens"] == 11
    assert figures["completion_tokens"] == usage["output_tokens"] == 8
    assert figures["total_tokens"] == usage["total_tokens"] == 19


@each_row("id_", ["AbC123xyZ", "call_Jk2mVt9cQx7LrB4nYw8sPz1d", ""])
def test_the_answer_goes_back_alike(id_: str, server: Server) -> None:
    """A whole turn: what came out goes in again, with the tool's result, and is still the same bytes."""
    asked = reply(completion(tool_calls=[(id_, "look", {"place": "barn"})]))
    stage = server.stage(asked, asked, good)
    ours, theirs = twins(stage)
    message = ours.invoke("Look.")
    response = theirs.chat([user("Look.")])
    (selected,) = theirs.get_tool_calls_from_response(response)
    assert selected.tool_id == message.tool_calls[0]["id"]
    ours.invoke([HumanMessage("Look."), message, ToolMessage("An ox.", tool_call_id=message.tool_calls[0]["id"])])
    theirs.chat([user("Look."), response.message, result({"id": selected.tool_id}, "An ox.")])
    first, second = stage.requests[2:]
    assert json.loads(first.body) == json.loads(second.body)
    assert first.body == second.body
