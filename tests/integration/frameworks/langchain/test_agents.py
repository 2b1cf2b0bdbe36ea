"""LangChain's agents, objects and runnables, run for real against a model that makes no mistakes."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain.agents.structured_output import ProviderStrategy, ToolStrategy
from langchain_core.callbacks import UsageMetadataCallbackHandler
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage, trim_messages
from langchain_core.tools import BaseTool

from _oxen_transport.testing import Stage, error_body, reply, whole
from langchain_oxen import OxenBadRequestError
from tests.integration.frameworks.checked_server import CheckedServer
from tests.integration.frameworks.langchain.models import model_at
from tools.support import langchain_flows as flows
from tools.support.ideal_model import STORY, ideal
from tools.support.langchain_flows import WEATHER, Report, asked, weather

# -- the loop --------------------------------------------------------------------------------


def test_react_loop_with_parallel_tools(stage: Stage) -> None:
    messages = flows.parallel_tools(model_at(stage))["messages"]
    assert [type(message).__name__ for message in messages] == [
        *("HumanMessage", "AIMessage", "ToolMessage", "ToolMessage", "AIMessage")
    ]
    assert [call["args"]["city"] for call in messages[1].tool_calls] == ["Paris", "Rome"]
    assert {message.content for message in messages[2:4]} == {"sunny in Paris", "sunny in Rome"}
    sent = stage.bodies[1]["messages"]
    assert [call["id"] for call in sent[2]["tool_calls"]] == [sent[3]["tool_call_id"], sent[4]["tool_call_id"]]


def test_the_same_awaited_and_streamed(stage: Stage) -> None:
    agent = create_agent(model_at(stage), [weather])

    async def run() -> tuple[Any, list[Any]]:
        given = {"messages": [HumanMessage(WEATHER)]}
        return await agent.ainvoke(given), [one async for one in agent.astream(given, stream_mode="messages")]

    result, pieces = asyncio.run(run())
    assert "sunny" in result["messages"][-1].text
    assert "".join(piece.text for piece, _ in pieces if isinstance(piece, AIMessage)) == result["messages"][-1].text


def test_an_agents_events_come_from_our_own_hook(stage: Stage) -> None:
    """An agent that is watched asks for v3 events, also where its node only invokes the model."""
    run = create_agent(model_at(stage), [weather]).stream_events({"messages": [HumanMessage(WEATHER)]}, version="v3")
    said = [
        ("".join(message.text), [call["args"]["city"] for call in message.output.tool_calls])
        for message in run.messages
    ]
    assert said == [("", ["Paris", "Rome"]), ("The tool says: sunny in Rome", [])]
    assert run.output["messages"][-1].text == "The tool says: sunny in Rome"
    assert all(body["stream"] for body in stage.bodies)


def test_one_call_at_a_time_if_told_so(stage: Stage) -> None:
    bound = model_at(stage).bind_tools([weather], parallel_tool_calls=False)
    assert len(bound.invoke(WEATHER).tool_calls) == 1


def test_checkpoints_carry_a_conversation_on(stage: Stage) -> None:
    messages = flows.conversation(model_at(stage))["messages"]
    assert len(messages) == 7
    assert messages[-1].text == STORY


def test_interrupt_and_resume(stage: Stage) -> None:
    first, last = flows.interrupted(model_at(stage))
    assert first["__interrupt__"]
    assert "sunny in Rome" in last["messages"][-1].text


def test_a_call_that_cannot_run_is_answered_and_the_loop_goes_on(server: CheckedServer) -> None:
    """The raw text of the arguments survives, has an id, and is sent back in a form servers take."""
    cut = {"id": "AbC123xyZ", "type": "function", "function": {"name": "weather", "arguments": '{"city": "Pa'}}
    body = {
        "choices": [{"index": 0, "message": {"role": "assistant", "tool_calls": [cut]}, "finish_reason": "tool_calls"}]
    }
    stage = server.stage(reply(body), ideal)
    messages = asked(create_agent(model_at(stage), [weather]), "The weather in 'Paris'?")["messages"]
    broken = messages[1]
    assert broken.tool_calls == []
    assert broken.invalid_tool_calls[0]["args"] == '{"city": "Pa'


# -- objects ---------------------------------------------------------------------------------


@pytest.mark.parametrize("tools", [[], [weather]], ids=["without tools", "with a tool"])
@pytest.mark.parametrize("strategy", [ToolStrategy, ProviderStrategy, lambda schema: schema])
def test_response_format(stage: Stage, strategy: Callable[..., Any], tools: list[BaseTool]) -> None:
    agent = create_agent(model_at(stage), tools, response_format=strategy(Report))
    report = asked(agent, "Give a Report: 21 degrees in 'Oslo'.")["structured_response"]
    assert report == Report(city="Oslo", degrees=21)
    assert all(body.get("tools") != [] for body in stage.bodies)


# -- runnables -------------------------------------------------------------------------------


def test_history(stage: Stage) -> None:
    flows.with_history(model_at(stage))
    assert [message["content"] for message in stage.bodies[1]["messages"]] == ["one", STORY, "two"]


def test_trim_messages_counts_with_the_model(stage: Stage) -> None:
    talk = [SystemMessage("Be kind."), *(HumanMessage(f"{'moo ' * 50}{at}") for at in range(9))]
    kept = trim_messages(talk, max_tokens=200, token_counter=model_at(stage), include_system=True)
    assert [type(message) for message in kept[:1]] == [SystemMessage]
    assert 1 < len(kept) < 6
    assert str(kept[-1].content).endswith("8")


def test_batches_keep_their_bounds(server: CheckedServer) -> None:
    """Each request is held until as many as allowed are there (or none comes for a while), so that no clock decides."""
    running, peak, bound, lock = 0, 0, 0, threading.Lock()

    def counted(request: Any) -> Any:
        nonlocal running, peak
        with lock:
            running += 1
            peak = max(peak, running)
        for _ in range(1000):
            if peak >= bound:
                break
            yield 0.01
        yield 0.02
        with lock:  # before the answer: its reader may send the next request as soon as it has its last byte
            running -= 1
        yield from ideal(request)

    model = model_at(server.stage(counted))
    bound = 3
    assert len(model.batch(["Moo?"] * 8, config={"max_concurrency": bound})) == 8
    assert (peak, running) == (bound, 0)
    peak, bound = 0, 2
    assert len(asyncio.run(model.abatch(["Moo?"] * 8, config={"max_concurrency": bound}))) == 8
    assert (peak, running) == (bound, 0)


def test_batches_return_what_failed(server: CheckedServer) -> None:
    def odd(request: Any) -> Any:
        return [whole(error_body("no"), 400)] if "bad" in str(request.json) else ideal(request)

    answers = model_at(server.stage(odd)).batch(["good", "bad", "good"], return_exceptions=True)
    assert [type(answer) for answer in answers] == [AIMessage, OxenBadRequestError, AIMessage]


def test_with_retry_and_with_fallbacks(server: CheckedServer) -> None:
    stage = server.stage(reply(error_body("busy"), 503), ideal)
    retried = model_at(stage, max_retries=0).with_retry(wait_exponential_jitter=False, stop_after_attempt=2)
    assert retried.invoke("Moo?").text == STORY
    broken = model_at(server.stage(reply(error_body("down"), 503)), max_retries=0)
    assert broken.with_fallbacks([model_at(stage)]).invoke("Moo?").text == STORY


# -- figures ----------------------------------------------------------------------------------


def test_usage_over_an_agents_run_is_the_servers_own_sum(stage: Stage) -> None:
    counter = UsageMetadataCallbackHandler()
    asked(create_agent(model_at(stage), [weather]), config={"callbacks": [counter]})
    messages = asked(create_agent(model_at(stage), [weather]))["messages"]
    total = sum(message.usage_metadata["total_tokens"] for message in messages if isinstance(message, AIMessage))
    assert counter.usage_metadata["open-mixtral-8x22b"]["total_tokens"] == total
    assert isinstance(messages[-2], ToolMessage)
