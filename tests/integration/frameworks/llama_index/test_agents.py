"""LlamaIndex's agents and workflows on the scripted server."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from llama_index.core.agent.workflow import (
    AgentOutput,
    AgentStream,
    AgentWorkflow,
    CodeActAgent,
    FunctionAgent,
    ReActAgent,
    ToolCallResult,
)
from llama_index.core.llms import ChatMessage, ChatResponse
from llama_index.core.memory import Memory
from llama_index.core.tools import FunctionTool
from llama_index.core.workflow import Context, StartEvent, StopEvent, Workflow, step
from pydantic import BaseModel

from tests.integration.frameworks.llama_index.scripts import Make, asked, calling, saying
from tests.tables import each_row
from tools.support.llama_index_flows import weather

WEATHER = "The weather in Paris?"
PARIS = ("weather", {"city": "Paris"})
ROME = ("weather", {"city": "Rome"})


class Run:
    """One run of an agent, watched to its end: its answer, what it streamed, its tools' results, its tokens."""

    def __init__(self) -> None:
        self.text = self.streamed = self._step = ""
        self.results: list[str] = []
        self.tokens: list[int] = []

    @classmethod
    def of(cls, agent: Any, *questions: str, **given: Any) -> Run:
        """One run after another; the last is watched."""

        async def each() -> Run:
            for question in questions:
                run, handler = cls(), agent.run(question, **given)
                async for event in handler.stream_events():
                    run.see(event)
                run.text = str(await handler)
            return run

        return asyncio.run(each())

    def see(self, event: Any) -> None:
        if isinstance(event, AgentStream):
            self.streamed += event.delta
            self._step += event.delta
            assert event.response == self._step, "each event has all so far"
        elif isinstance(event, ToolCallResult):
            self.results.append(event.tool_output.content)
        elif isinstance(event, AgentOutput):
            assert event.raw is not None
            self._step = ""
            self.tokens.append(event.raw["usage"]["total_tokens"])


# -- agents ------------------------------------------------------------------------------------


@each_row("streaming", [False, True])
def test_two_tools_at_once_then_a_question_that_needs_the_memory(make: Make, streaming: bool) -> None:
    llm, stage = make(calling(PARIS, ROME), saying("Both are mild."), saying("Of Paris and Rome."))
    agent = FunctionAgent(tools=[weather], llm=llm, streaming=streaming, system_prompt="Be kind.")
    memory = Memory.from_defaults(session_id="one", token_limit=4_000)
    run = Run.of(agent, WEATHER, "Of which cities?", memory=memory)
    assert run.text == "Of Paris and Rome."
    assert run.streamed == (run.text if streaming else "")
    assert len(run.tokens) == 1
    roles = ["system", "user", "assistant", "tool", "tool", "assistant", "user"]
    assert [message["role"] for message in stage.bodies[-1]["messages"]] == roles
    assert "18 degrees in Rome" in asked(stage)[-1]
    assert all(bool(body.get("stream")) == streaming for body in stage.bodies)


@each_row("streaming", [False, True])
def test_a_react_agent(make: Make, streaming: bool) -> None:
    """Thoughts and calls are text; what the tool says comes back as an observation."""
    thought = 'Thought: I need it.\nAction: weather\nAction Input: {"city": "Paris"}'
    answer = "Thought: I can answer.\nAnswer: 18 degrees."
    llm, stage = make(saying(thought), saying(answer))
    run = Run.of(ReActAgent(tools=[weather], llm=llm, streaming=streaming), WEATHER)
    assert run.text == "18 degrees."
    assert run.streamed == (thought + answer if streaming else "")
    assert run.results == ["18 degrees in Paris"]
    assert len(run.tokens) == 2
    assert "Observation: 18 degrees in Paris" in asked(stage)[1]


def test_a_react_agent_that_writes_amiss_is_shown_the_form(make: Make) -> None:
    answer = saying("Thought: I can answer.\nAnswer: 18 degrees.")
    llm, stage = make(saying("Thought: hm\nAction: weather"), answer)
    assert Run.of(ReActAgent(tools=[weather], llm=llm), WEATHER).text == "18 degrees."
    assert "Error while parsing the output" in asked(stage)[1]


@each_row("streaming", [False, True])
def test_an_agent_that_writes_code(make: Make, streaming: bool) -> None:
    """The code runs in a namespace that lasts; its output is the next message; the tools are described as functions."""
    namespace: dict[str, Any] = {"weather": weather, "said": []}

    def execute(code: str) -> str:
        """Run it; `said` takes what it says."""
        exec(code, namespace)  # noqa: S102 - our own two lines
        return "\n".join(namespace["said"])

    first = "I look it up.\n<execute>\nparis = weather('Paris')\nsaid.append(paris)\n</execute>"
    second = "<execute>\nsaid.append(paris.replace('Paris', 'France'))\n</execute>"
    llm, stage = make(saying(first), saying(second), saying("18 degrees in France."))
    run = Run.of(CodeActAgent(code_execute_fn=execute, tools=[weather], llm=llm, streaming=streaming), WEATHER)
    assert run.text == "18 degrees in France."
    assert run.streamed == (first + second + run.text if streaming else "")
    assert run.results == ["18 degrees in Paris", "18 degrees in Paris\n18 degrees in France"]
    assert "def weather(city" in asked(stage)[0]
    assert asked(stage)[2].endswith("18 degrees in Paris\n18 degrees in France")
    assert len(run.tokens) == 3


def test_a_workflow_of_agents_hands_over(make: Make) -> None:
    handoff = ("handoff", {"to_agent": "seer", "reason": "weather"})
    llm, stage = make(calling(handoff), calling(PARIS), saying("18 degrees."))
    clerk = FunctionAgent(name="clerk", description="Receives.", tools=[weather], llm=llm, can_handoff_to=["seer"])
    seer = FunctionAgent(name="seer", description="Sees.", tools=[weather], llm=llm)

    async def run() -> Any:
        return await AgentWorkflow(agents=[clerk, seer], root_agent="clerk").run(WEATHER)

    made = asyncio.run(run())
    assert str(made) == "18 degrees."
    assert made.current_agent_name == "seer"
    assert "18 degrees in Paris" in asked(stage)[-1]


def test_a_coder_hands_over(make: Make) -> None:
    """`CodeActAgent` calls no tool but this one, and core keeps the result without the call."""
    handoff = ("handoff", {"to_agent": "seer", "reason": "weather"})
    llm, stage = make(saying("<execute>\n6 * 7\n</execute>"), calling(handoff), saying("18 degrees."))
    coder = CodeActAgent(lambda code: "42", name="coder", description="Codes.", can_handoff_to=["seer"], llm=llm)
    seer = FunctionAgent(name="seer", description="Sees.", tools=[weather], llm=llm)
    assert Run.of(AgentWorkflow(agents=[coder, seer], root_agent="coder"), WEATHER).text == "18 degrees."
    assert "Result of executing the code given:\n\n42" in asked(stage)[-1]


def test_an_agent_that_ends_in_an_object(make: Make) -> None:
    class Report(BaseModel):
        """The weather."""

        city: str
        degrees: int

    report = ("Report", {"city": "Paris", "degrees": 18})
    llm, stage = make(calling(PARIS), saying("18 degrees."), calling(report))

    async def run() -> Any:
        return await FunctionAgent(tools=[weather], llm=llm, output_cls=Report).run(WEATHER)

    assert asyncio.run(run()).get_pydantic_model(Report) == Report(city="Paris", degrees=18)
    assert stage.bodies[2]["tool_choice"] == "required"


# -- workflows ---------------------------------------------------------------------------------


def test_a_workflow_is_saved_in_the_midst_and_goes_on(make: Make) -> None:
    """What the model said is in the context, as JSON, and comes back as it was."""
    llm, stage = make(calling(PARIS), saying("It was 18 degrees."))

    class Diary(Workflow):
        @step
        async def turn(self, ctx: Context, ev: StartEvent) -> StopEvent:
            history = await ctx.store.get("history", default=[])
            tool = FunctionTool.from_defaults(weather)
            response = await llm.achat_with_tools([tool], user_msg=ev.said, chat_history=history)
            history = [*history, {"role": "user", "content": ev.said}, response.message.model_dump(mode="json")]
            await ctx.store.set("history", history)
            await ctx.store.set("raw", response.raw)
            return StopEvent(result=response.message.content)

    async def run() -> str:
        diary = Diary()
        context = Context(diary)
        await diary.run(said=WEATHER, ctx=context)
        again = Context.from_dict(diary, json.loads(json.dumps(context.to_dict())))
        assert (await again.store.get("raw"))["usage"]["total_tokens"] > 0
        restored = [ChatMessage(**message) for message in await again.store.get("history")]
        [call] = llm.get_tool_calls_from_response(ChatResponse(message=restored[-1]))
        result = ChatMessage(role="tool", content="18", additional_kwargs={"tool_call_id": call.tool_id})
        return str((await llm.achat([*restored, result])).message.content)

    assert asyncio.run(run()) == "It was 18 degrees."
    _, called, result = stage.bodies[1]["messages"]
    assert called["tool_calls"][0]["id"] == result["tool_call_id"]
