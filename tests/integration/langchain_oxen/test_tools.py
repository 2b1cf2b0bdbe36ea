"""Tools in LangChain: what is asked, and agents that use what comes back."""

from __future__ import annotations

import functools
import json
import warnings
from typing import Any, TypedDict

import pytest
from langchain.agents import create_agent
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import RunnableBinding
from langchain_core.tools import tool
from pydantic import BaseModel, Field
from pydantic.v1 import BaseModel as BaseModelV1

from _oxen_transport.testing import chunk, completion, good, reply, sse, streamed
from langchain_oxen import OxenConfigError
from tests.entry_points import LangChain
from tests.tables import each_row

ran: list[str] = []


@tool
def weather(city: str) -> str:
    """Tell the weather of a city."""
    ran.append(city)
    return f"18 degrees in {city}"


def plain(city: str) -> str:
    """Tell the weather of a city."""
    return city


class Weather(BaseModel):
    """Tell the weather of a city."""

    city: str = Field(description="Its name")


class WeatherV1(BaseModelV1):
    """Tell the weather of a city."""

    city: str


class WeatherDict(TypedDict):
    """Tell the weather of a city."""

    city: str


SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
JSON_SCHEMA = {"title": "weather", "description": "Tell the weather of a city.", **SCHEMA}
ANTHROPIC = {"name": "weather", "description": "d", "input_schema": SCHEMA, "cache_control": {"type": "ephemeral"}}
OPENAI = {"type": "function", "function": {"name": "weather", "description": "d", "parameters": SCHEMA}}
RUNNABLE = ChatPromptTemplate.from_messages([("human", "The weather in {city}?")])
with warnings.catch_warnings():  # langchain-core has it in beta
    warnings.simplefilter("ignore")
    RUNNABLE_AS_TOOL = RUNNABLE.as_tool(name="weather", description="d")


@pytest.fixture(autouse=True)
def _nothing_ran():
    ran.clear()


@each_row(
    ("given", "name"),
    [
        (weather, "weather"),
        (plain, "plain"),
        (Weather, "Weather"),
        (WeatherV1, "WeatherV1"),
        (WeatherDict, "WeatherDict"),
        (JSON_SCHEMA, "weather"),
        (ANTHROPIC, "weather"),
        (OPENAI, "weather"),
        (RUNNABLE_AS_TOOL, "weather"),
    ],
)
def test_every_form_of_a_tool(make, given, name):
    model, stage = make(good)
    bound = model.bind_tools([given], tool_choice="any")
    assert isinstance(bound, RunnableBinding)
    bound.invoke("hi")
    [wired] = stage.bodies[0]["tools"]
    assert set(wired) == {"type", "function"}
    assert wired["function"]["name"] == name
    assert wired["function"]["description"]
    assert "city" in wired["function"]["parameters"]["properties"]
    assert set(wired["function"]) <= {"name", "description", "parameters"}


NAMED = {"type": "function", "function": {"name": "weather"}}


@each_row(
    ("asked", "wired"),
    [
        (None, None),
        ("auto", "auto"),
        ("none", "none"),
        ("any", "required"),
        ("required", "required"),
        (True, "required"),
        (False, None),
        ("weather", NAMED),
        (NAMED, NAMED),
        ({"type": "any"}, "required"),
        ({"type": "auto"}, "auto"),
        ({"type": "tool", "name": "weather"}, NAMED),
    ],
)
def test_tool_choice_in_every_dialect(make, asked, wired):
    model, stage = make(good)
    model.bind_tools([weather], tool_choice=asked).invoke("hi")
    assert stage.bodies[0].get("tool_choice") == wired


@each_row(
    "tools, choice, why",
    [
        ([weather], "wether", "no tool named 'wether'"),
        ([7], None, "tool"),
        ([functools.partial(print)], None, "cannot bind this as a tool"),
        # core would make a function without parameters of another company's own tool
        ([{"type": "web_search_20250305", "name": "web_search"}], None, "tool"),
        ([weather, OPENAI], None, "two tools have the same name 'weather'"),
    ],
)
def test_what_cannot_be_asked_is_refused_here(make, tools, choice, why):
    model, stage = make(good)
    with pytest.raises(OxenConfigError, match=why):
        model.bind_tools(tools, tool_choice=choice).invoke("hi")
    assert stage.requests == []


def test_strict_and_parallel(make):
    model, stage = make(good)
    model.bind_tools([weather], strict=True, parallel_tool_calls=False).invoke("hi")
    body = stage.bodies[0]
    assert body["tools"][0]["function"]["strict"] is True
    assert body["tools"][0]["function"]["parameters"]["additionalProperties"] is False
    assert body["parallel_tool_calls"] is False


def test_no_tools_means_nothing_about_tools(make):
    model, stage = make(good)
    model.bind_tools([], tool_choice="any", parallel_tool_calls=True).invoke("hi")
    assert not {"tools", "tool_choice", "parallel_tool_calls"} & set(stage.bodies[0])


CUT_CALL = {"index": 0, "id": "AbC123xyZ", "function": {"name": "weather", "arguments": '{"city": "Pa'}}


def test_an_agent_does_not_run_a_cut_call_when_tokens_are_streamed(make):
    model, _ = make(streamed(sse([chunk({"tool_calls": [CUT_CALL]}), chunk(None, "length")])), good)
    agent = create_agent(model, [weather])
    for _ in agent.stream({"messages": [("user", "hi")]}, stream_mode="messages"):
        pass
    assert ran == []


ARGUMENTS: list[Any] = [
    ({"city": "Paris"}, {"city": "Paris"}),
    ("null", {}),
    ("", {}),
    (None, {}),
    ('{"city": "Łódź"}', {"city": "Łódź"}),
    ("[1, 2]", None),
    ([1, 2], None),
    ('{"city": "Par', None),
    ('"text"', None),
    ("nonsense", None),
    ("7", None),
]


@each_row("is_streamed", [True, False], ids=["streamed", "sent"])
@each_row("has_id", [True, False], ids=["id", "no id"])
def test_arguments_of_any_kind(server, has_id, is_streamed):
    """Good ones become a call; bad ones a call that cannot run, with what was written. Each has an id."""
    for written, args in ARGUMENTS:
        call: dict[str, Any] = {"index": 0, "function": {"name": "get_weather", "arguments": written}}
        if has_id:
            call["id"] = "AbC123xyZ"
        body = completion(None)
        body["choices"][0]["message"]["tool_calls"] = [call]
        flow = streamed(sse([chunk({"tool_calls": [call]}), chunk(None, "tool_calls")]))
        api = LangChain(is_async=False, streams=is_streamed)
        message = api.ask(api.make(server.stage(flow if is_streamed else reply(body)).url)).raw
        good, bad = message.tool_calls, message.invalid_tool_calls
        assert len(good) + len(bad) == 1, written
        assert (good or bad)[0]["id"] == "AbC123xyZ" if has_id else len((good or bad)[0]["id"]) == 9
        if args is None:
            raw = bad[0]["args"]
            assert raw == written or json.loads(raw) == written
        else:
            assert good[0]["args"] == args, written
