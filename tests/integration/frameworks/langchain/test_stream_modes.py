"""An agent on ChatOxen in each of LangGraph's stream modes: alone, all at once, and from within another graph."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_core.tools import tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.config import get_stream_writer
from langgraph.graph import START, MessagesState, StateGraph

from _oxen_transport.testing import Stage
from tests.integration.frameworks.langchain.models import model_at
from tests.tables import each_row
from tools.support.langchain_flows import PLACE, WEATHER

ANSWER = "The tool says: sunny in Rome"
NODES = ["model", "tools", "tools", "model"]


@tool
def weather(city: str) -> str:
    """The weather in a city."""
    get_stream_writer()(f"asking about {city}")
    return f"sunny in {city}"


def answers(messages: list[Any]) -> list[Any]:
    """Of each answer its text, its calls and its tokens."""
    return [
        (one.text, [(call["name"], call["args"]) for call in one.tool_calls], one.usage_metadata)
        for one in messages
        if isinstance(one, AIMessage)
    ]


def of_pieces(pieces: list[Any]) -> list[Any]:
    """The same, of answers in pieces."""
    wholes: dict[str, Any] = {}
    for piece, _ in pieces:
        if isinstance(piece, AIMessageChunk):
            wholes[piece.id] = wholes[piece.id] + piece if piece.id in wholes else piece
    return answers(list(wholes.values()))


def shape(answers: list[Any]) -> list[Any]:
    return [
        (text, [arguments["city"] for _, arguments in calls], usage["input_tokens"] > 0)
        for text, calls, usage in answers
    ]


WHOLE = [("", ["Paris", "Rome"], True), (ANSWER, [], True)]
READ: dict[str, tuple[Callable[[list[Any]], Any], Any]] = {
    "values": (lambda states: shape(answers(states[-1]["messages"])), WHOLE),
    "updates": (lambda updates: [node for update in updates for node in update], NODES),
    "messages": (lambda pieces: shape(of_pieces(pieces)), WHOLE),
    "custom": (sorted, ["asking about Paris", "asking about Rome"]),
    "tasks": (lambda tasks: [task["name"] for task in tasks if "result" in task], NODES),
    "checkpoints": (lambda states: shape(answers(states[-1]["values"]["messages"])), WHOLE),
    "debug": (
        lambda steps: [one["payload"]["name"] for one in steps if one["type"] == "task_result"],
        NODES,
    ),
}


def streamed(graph: Any, mode: Any, *, awaited: bool, **more: Any) -> list[Any]:
    given = {"messages": WEATHER}

    async def run() -> list[Any]:
        return [piece async for piece in graph.astream(given, PLACE, stream_mode=mode, **more)]

    return asyncio.run(run()) if awaited else list(graph.stream(given, PLACE, stream_mode=mode, **more))


@pytest.mark.parametrize("awaited", [False, True], ids=["sync", "async"])
@each_row("mode", READ)
def test_a_stream_mode_alone(stage: Stage, mode: str, awaited: bool) -> None:
    agent = create_agent(model_at(stage), [weather], checkpointer=InMemorySaver())
    read, expected = READ[mode]
    assert read(streamed(agent, mode, awaited=awaited)) == expected


@pytest.mark.parametrize("awaited", [False, True], ids=["sync", "async"])
def test_all_stream_modes_at_once(stage: Stage, awaited: bool) -> None:
    agent = create_agent(model_at(stage), [weather], checkpointer=InMemorySaver())
    by_mode: dict[str, list[Any]] = defaultdict(list)
    for mode, piece in streamed(agent, list(READ), awaited=awaited):
        by_mode[mode].append(piece)
    assert {mode: read(by_mode[mode]) for mode, (read, _) in READ.items()} == {
        mode: expected for mode, (_, expected) in READ.items()
    }
    assert of_pieces(by_mode["messages"]) == answers(by_mode["values"][-1]["messages"])
    assert len(stage.bodies) == 2


@pytest.mark.parametrize("awaited", [False, True], ids=["sync", "async"])
def test_an_agent_within_a_graph(stage: Stage, awaited: bool) -> None:
    graph = StateGraph(MessagesState)
    graph.add_node("farm", create_agent(model_at(stage), [weather]))
    graph.add_edge(START, "farm")
    pieces = streamed(graph.compile(), ["messages", "custom"], awaited=awaited, subgraphs=True)
    assert {place[0].partition(":")[0] for place, mode, _ in pieces if mode == "messages"} == {"farm"}
    assert shape(of_pieces([piece for _, mode, piece in pieces if mode == "messages"])) == WHOLE
    assert sorted(piece for _, mode, piece in pieces if mode == "custom") == READ["custom"][1]
