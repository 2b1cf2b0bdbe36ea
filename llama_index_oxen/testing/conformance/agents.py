"""Agents: the LLM in LlamaIndex's own machinery."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any

import pytest
from llama_index.core.agent.workflow import AgentWorkflow, FunctionAgent, ReActAgent
from llama_index.core.tools import FunctionTool
from llama_index.core.workflow import Context
from pydantic import BaseModel

from llama_index_oxen.testing.conformance.base import LLMTests
from llama_index_oxen.testing.conformance.server import Reply, Request
from llama_index_oxen.testing.conformance.wire import TEXT, VARIANTS, answer


class Report(BaseModel):
    """The weather of a city."""

    city: str
    degrees: int


class AgentTests(LLMTests):
    """Agents and workflows."""

    needs = ("has_tools",)

    def weather(self, city: str) -> str:
        """Tell the weather of a city."""
        self.ran.append(city)
        return f"18 degrees in {city}"

    def run(self, agent: Any, question: str = "The weather in Paris?", **more: Any) -> Any:
        async def go() -> Any:
            return await agent.run(question, **more)

        return asyncio.run(go())

    @pytest.mark.parametrize("streaming", [True, False], ids=["streamed", "sent"])
    def test_a_function_agent_uses_its_tool(self, streaming: bool) -> None:
        llm, stage = self.llm(answer(calls=[("AbC123xyZ", "weather", {"city": "Paris"})]), answer())
        assert str(self.run(FunctionAgent(tools=[self.weather], llm=llm, streaming=streaming))) == TEXT
        assert self.ran == ["Paris"]
        assert "18 degrees in Paris" in json.dumps(stage.bodies[1]["messages"])

    @pytest.mark.parametrize("streaming", [True, False], ids=["streamed", "sent"])
    def test_a_tool_whose_name_the_wire_cannot_hold(self, streaming: bool) -> None:
        """Core sends `weather_now` for `weather.now`, and looks the tool up by its own name."""
        llm, _ = self.llm(answer(calls=[("AbC123xyZ", "weather_now", {"city": "Paris"})]), answer())
        tool = FunctionTool.from_defaults(self.weather, name="weather.now")
        assert str(self.run(FunctionAgent(tools=[tool], llm=llm, streaming=streaming))) == TEXT
        assert self.ran == ["Paris"]

    @pytest.mark.parametrize("variant", VARIANTS)
    def test_two_tools_in_one_step(self, variant: str) -> None:
        self.skip_unless_read(variant)
        calls = [("AbC123xy1", "weather", {"city": "Paris"}), ("AbC123xy2", "weather", {"city": "Rome"})]
        llm, _ = self.llm(answer(calls=calls, variant=variant), answer())
        assert str(self.run(FunctionAgent(tools=[self.weather], llm=llm))) == TEXT
        assert sorted(self.ran) == ["Paris", "Rome"]

    def test_one_agent_hands_over_to_another(self) -> None:
        llm, stage = self.llm(
            answer(calls=[("AbC123xyZ", "handoff", {"to_agent": "seer", "reason": "weather"})]),
            answer(calls=[("AbC123xyW", "weather", {"city": "Paris"})]),
            answer(),
        )
        clerk = FunctionAgent(
            name="clerk", description="Receives.", tools=[self.weather], llm=llm, can_handoff_to=["seer"]
        )
        seer = FunctionAgent(name="seer", description="Sees.", tools=[self.weather], llm=llm)
        assert str(self.run(AgentWorkflow(agents=[clerk, seer], root_agent="clerk"))) == TEXT
        assert self.ran == ["Paris"]
        assert len(stage.requests) == 3

    def test_a_react_agent_reads_its_own_words(self) -> None:
        llm, _ = self.llm(
            answer('Thought: I need a tool.\nAction: weather\nAction Input: {"city": "Paris"}'),
            answer("Thought: I can answer.\nAnswer: 18 degrees."),
        )
        assert str(self.run(ReActAgent(tools=[self.weather], llm=llm))).strip() == "18 degrees."
        assert self.ran == ["Paris"]

    def test_an_agent_ends_in_an_object(self) -> None:
        def reply(request: Request) -> Reply:
            tools = [tool["function"]["name"] for tool in request.body.get("tools") or ()]
            value = {"city": "Paris", "degrees": 18}
            if tools == ["Report"]:
                return answer(calls=[("AbC123xyV", "Report", value)])(request)
            if request.body.get("response_format"):
                return answer(json.dumps(value))(request)
            called = any(message["role"] == "tool" for message in request.body["messages"])
            return answer(calls=() if called else [("AbC123xyZ", "weather", {"city": "Paris"})])(request)

        llm, _ = self.llm(reply)
        made = self.run(FunctionAgent(tools=[self.weather], llm=llm, output_cls=Report))
        assert made.get_pydantic_model(Report) == Report(city="Paris", degrees=18)

    def test_a_context_is_saved_and_restored(self) -> None:
        llm, stage = self.llm(answer())
        agent = FunctionAgent(tools=[self.weather], llm=llm)
        context = Context(agent)
        self.run(agent, "My name is Bob.", ctx=context)
        saved = json.dumps(context.to_dict())
        again = Context.from_dict(agent, json.loads(saved))
        assert str(self.run(agent, "What is my name?", ctx=again)) == TEXT
        assert len(stage.requests) == 2

    def test_a_tool_is_not_run_with_half_of_its_arguments(self) -> None:
        self.skip_unless_read("pieces")

        def cut(request: Request) -> Reply:
            """The answer ends for its length amid the arguments."""
            call = ("AbC123xyZ", "weather", {"city": "Paris"})
            full = answer(calls=[call], finish="length", variant="pieces")(request)
            return Reply(pieces=[piece for piece in full.pieces or () if b"ris" not in bytes(piece)])  # type: ignore[arg-type]

        llm, _ = self.llm(cut, answer())
        blunder: Exception | None = None
        try:
            self.run(FunctionAgent(tools=[self.weather], llm=llm))
        except Exception as error:  # noqa: BLE001 - an error is fine, a run is not
            blunder = error if isinstance(error, (TypeError, AttributeError)) else None
        assert self.ran == []
        assert blunder is None

    def test_long_arguments_cost_no_more_than_their_length(self) -> None:
        """An agent looks at the calls with every piece; to parse them anew each time is the square of their length."""

        def seconds(words: int) -> float:
            llm, _ = self.llm(answer(calls=[("AbC123xyZ", "weather", {"city": "tide " * words})]), answer())
            began = time.thread_time()
            self.run(FunctionAgent(tools=[self.weather], llm=llm))
            return time.thread_time() - began

        seconds(10)
        short, long = seconds(600), seconds(2400)
        assert self.ran[-1] == "tide " * 2400
        assert long < 9 * short, f"{short:.2f} s for 3 KB, {long:.2f} s for 12 KB"
