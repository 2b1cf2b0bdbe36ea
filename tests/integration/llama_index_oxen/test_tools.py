"""Tools in LlamaIndex: what is asked, what comes back, and what must never run."""

from __future__ import annotations

import asyncio

import pytest
from llama_index.core.agent.workflow import FunctionAgent
from llama_index.core.base.llms.types import ChatMessage, ChatResponse
from llama_index.core.indices.property_graph import SchemaLLMPathExtractor
from llama_index.core.instrumentation import get_dispatcher
from llama_index.core.instrumentation.span_handlers import SimpleSpanHandler
from llama_index.core.schema import TextNode
from llama_index.core.tools import FunctionTool

from _oxen_transport.testing import chunk, completion, good, reply, sse, streamed
from llama_index_oxen import OxenConfigError, OxenToolCallError
from tests.integration.both_packages.packages import calls
from tests.tables import each_row

ran: list[str] = []


def weather(city: str) -> str:
    """Tell the weather of a city."""
    ran.append(city)
    return f"18 degrees in {city}"


WEATHER = FunctionTool.from_defaults(weather)
PARIS, ROME = ("weather", {"city": "Paris"}), ("weather", {"city": "Rome"})


@pytest.fixture(autouse=True)
def _nothing_ran():
    ran.clear()


def run_agent(llm, question, *, streaming):
    async def run():
        return await FunctionAgent(tools=[weather], llm=llm, streaming=streaming).run(question)

    return str(asyncio.run(run()))


# -- what is asked ---------------------------------------------------------------------------

NAMED = {"type": "function", "function": {"name": "weather"}}


@each_row(
    ("asked", "wired"),
    [
        ({}, "auto"),
        ({"tool_required": True}, "required"),
        ({"tool_choice": None, "tool_required": True}, "required"),
        ({"tool_choice": "any"}, "required"),
        ({"tool_choice": "required"}, "required"),
        ({"tool_choice": "none"}, "none"),
        ({"tool_choice": "weather"}, NAMED),
        ({"tool_choice": NAMED}, NAMED),
    ],
)
def test_tool_choice(make, asked, wired):
    llm, stage = make(good)
    llm.chat_with_tools([WEATHER], "hi", **asked)
    list(llm.stream_chat_with_tools([WEATHER], "hi", **asked))
    assert [body["tool_choice"] for body in stage.bodies] == [wired, wired]
    assert stage.bodies[0]["tools"][0]["function"]["name"] == "weather"


def test_parallel_calls_are_declined_only_where_they_are_not_wanted(make):
    llm, stage = make(good)
    llm.chat_with_tools([WEATHER], "hi")
    llm.chat_with_tools([WEATHER], "hi", allow_parallel_tool_calls=True)
    llm.chat_with_tools([], "hi", tool_required=True)
    assert [body.get("parallel_tool_calls") for body in stage.bodies] == [False, None, None]
    assert not {"tools", "tool_choice"} & set(stage.bodies[2]), "no tools, nothing about tools"


def test_the_callers_history_does_not_grow(make):
    llm, _ = make(good)
    history = [ChatMessage(content="one")]
    llm.chat_with_tools([WEATHER], "two", chat_history=history)
    assert history == [ChatMessage(content="one")]


@pytest.mark.parametrize("name", ["a", "a.b"])
def test_two_tools_of_one_name_are_refused(make, name):
    llm, stage = make(good)
    tools = [FunctionTool.from_defaults(weather, name=name) for _ in range(2)]
    with pytest.raises(OxenConfigError, match="same name"):
        llm.chat_with_tools(tools, "hi")
    assert stage.requests == []


# -- what comes back -------------------------------------------------------------------------


def test_streamed_calls_equal_those_that_were_not(make):
    llm, _ = make(calls(PARIS, ROME))
    sent = llm.chat_with_tools([WEATHER], "hi", allow_parallel_tool_calls=True)
    *_, streamed_last = llm.stream_chat_with_tools([WEATHER], "hi", allow_parallel_tool_calls=True)
    assert sent.message == streamed_last.message
    picked = llm.get_tool_calls_from_response(streamed_last)
    assert [(call.tool_name, call.tool_kwargs) for call in picked] == [PARIS, ROME]
    assert [call.tool_id for call in picked] == ["AbC123xy0", "AbC123xy1"]
    wired = streamed_last.message.additional_kwargs["tool_calls"]
    assert all(type(call) is dict for call in wired)


def test_growing_calls_show_what_has_come(make):
    llm, _ = make(calls(("weather", {"city": "Paris", "days": 42})))
    shown = [
        [call.tool_kwargs for call in llm.get_tool_calls_from_response(response, error_on_no_tool_call=False)]
        for response in llm.stream_chat_with_tools([WEATHER], "hi")
    ]
    assert [{"city": "Par"}] in shown or [{"city": "Paris"}] in shown
    assert [{"city": "Paris", "days": 4}] not in shown
    assert shown[-1] == [{"city": "Paris", "days": 42}]


def test_one_call_where_several_were_not_asked_for(make):
    llm, _ = make(calls(PARIS, ROME))
    response = llm.chat_with_tools([WEATHER], "hi")
    assert [block.tool_call_id for block in response.message.blocks] == ["AbC123xy0"]
    assert [call["id"] for call in response.message.additional_kwargs["tool_calls"]] == ["AbC123xy0"]
    assert llm.predict_and_call([WEATHER], "hi").response == "18 degrees in Paris"
    for last in shown_of(llm, allow_parallel_tool_calls=False):
        assert last.message == response.message
    for last in shown_of(llm, allow_parallel_tool_calls=True):
        assert len(last.message.blocks) == 2


def shown_of(llm, **asked):
    """The last snapshots of both ways to stream an answer with tools."""

    async def run():
        return [each async for each in await llm.astream_chat_with_tools([WEATHER], "hi", **asked)][-1]

    return list(llm.stream_chat_with_tools([WEATHER], "hi", **asked))[-1], asyncio.run(run())


def test_an_override_of_cores_is_one_span(make):
    spans = SimpleSpanHandler()
    get_dispatcher().add_span_handler(spans)
    llm, _ = make(calls(PARIS))
    llm.predict_and_call([WEATHER], "hi")
    asyncio.run(llm.apredict_and_call([WEATHER], "hi"))
    get_dispatcher().span_handlers.remove(spans)
    names = [span.id_.partition("-")[0] for span in spans.completed_spans]
    assert [names.count(f"Oxen.{name}") for name in ("predict_and_call", "apredict_and_call")] == [1, 1]


def test_names_that_the_wire_cannot_hold_come_back(make):
    tool = FunctionTool.from_defaults(weather, name="Box[int].weather")
    llm, stage = make(calls(("Box_int__weather", {"city": "Paris"})))
    assert llm.predict_and_call([tool], "hi").response == "18 degrees in Paris"
    *_, last = llm.stream_chat_with_tools([tool], "hi", tool_choice="Box[int].weather")
    assert llm.get_tool_calls_from_response(last)[0].tool_name == "Box[int].weather"
    assert stage.bodies[1]["tool_choice"]["function"]["name"] == "Box_int__weather"


# -- what must never run ---------------------------------------------------------------------

CUT = chunk(
    {"tool_calls": [{"index": 0, "id": "AbC123xyZ", "function": {"name": "weather", "arguments": '{"city": "Pa'}}]}
)


def test_cut_arguments_are_an_error_with_what_came(make):
    llm, _ = make(streamed(sse([CUT, chunk(None, "length")])))
    *_, last = llm.stream_chat_with_tools([WEATHER], "hi")
    with pytest.raises(OxenToolCallError, match="cut off at max_tokens") as caught:
        llm.get_tool_calls_from_response(last)
    assert caught.value.partial.tool_calls[0].arguments == '{"city": "Pa'


def bad_calls():
    """What a model may ask that must not run, streamed or not, and the words with which it is given back."""
    cut = {"id": "AbC123xyZ", "type": "function", "function": {"name": "weather", "arguments": '{"city": "Pa'}}
    body = completion("")
    body["choices"][0] = {"index": 0, "finish_reason": "tool_calls", "message": {"tool_calls": [cut]}}
    yield "'weather' was not called: its arguments", reply(body), streamed(sse([CUT, chunk(None, "length")]))
    yield "not found", calls(("launch", {})), calls(("launch", {}))


@pytest.mark.parametrize("streaming", [True, False])
def test_an_agent_does_not_run_a_bad_call_and_may_correct_it(make, streaming):
    for words, *attempts in bad_calls():
        ran.clear()
        llm, stage = make(attempts[streaming], calls(PARIS), good)
        assert "ox" in run_agent(llm, "hi", streaming=streaming)
        assert ran == ["Paris"]
        [answer] = [message for message in stage.bodies[1]["messages"] if message["role"] == "tool"]
        assert words in answer["content"]


def test_a_key_error_of_a_tools_own_is_no_unknown_tool(make):
    def broken(city: str) -> str:
        """Break."""
        raise KeyError(city)

    llm, _ = make(calls(("broken", {"city": "Paris"})))
    assert "Paris" in llm.predict_and_call([FunctionTool.from_defaults(broken)], "hi").response


def test_no_call_is_an_error_only_if_one_was_wanted(make):
    llm, _ = make(good)
    response = llm.chat_with_tools([WEATHER], "hi")
    assert llm.get_tool_calls_from_response(response, error_on_no_tool_call=False) == []
    with pytest.raises(OxenToolCallError, match="The ox") as caught:
        llm.get_tool_calls_from_response(response)
    assert caught.value.partial.text


def test_calls_that_stand_in_additional_kwargs_alone_are_found(make):
    llm, _ = make(good)
    wired = {"id": "AbC123xyZ", "type": "function", "function": {"name": "weather", "arguments": '{"city": "Paris"}'}}
    message = ChatMessage(role="assistant", content="", additional_kwargs={"tool_calls": [wired]})
    [call] = llm.get_tool_calls_from_response(ChatResponse(message=message))
    assert (call.tool_id, call.tool_name, call.tool_kwargs) == ("AbC123xyZ", "weather", {"city": "Paris"})


def test_a_graph_is_built_though_one_answer_is_prose(make):
    """`SchemaLLMPathExtractor` skips an answer for a `ValueError`; other errors end the whole build."""
    llm, _ = make(good)
    extractor = SchemaLLMPathExtractor(llm=llm, num_workers=1)
    [node] = extractor([TextNode(text="Oxen pull ploughs.")])
    assert not node.metadata.get("relations")
