"""LangChain's classic agents (`langchain_classic.agents`), which speak in tool calls, in text or in JSON."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from langchain_classic import agents
from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.prompts import BasePromptTemplate, ChatPromptTemplate, PromptTemplate

from _oxen_transport.testing import Attempt
from _oxen_transport.testing.replies import text, tool_calls
from tests.integration.frameworks.checked_server import CheckedServer
from tests.integration.frameworks.langchain.models import model_at
from tests.tables import each_row
from tools.support.langchain_flows import weather

TALK = [HumanMessage("I am Ann."), AIMessage("Good day, Ann.")]
TOOLS = [("system", "Be brief."), ("placeholder", "{chat_history}"), ("human", "{input}")]
JSON = [("system", "The tools: {tools}\nTheir names: {tool_names}\nAnswer with one JSON object."), *TOOLS[1:]]
REACT = """Answer with these tools:

{tools}

Use this format: Thought, Action (one of [{tool_names}]), Action Input, Observation; at the end Final Answer.

{chat_history}
Question: {input}
Thought: {agent_scratchpad}"""


def json_action(name: str, given: Any) -> Attempt:
    return text(f"Action:\n```json\n{json.dumps({'action': name, 'action_input': given})}\n```")


def at_the_end(prompt: list[Any]) -> ChatPromptTemplate:
    return ChatPromptTemplate.from_messages([*prompt, ("placeholder", "{agent_scratchpad}")])


@dataclass
class Kind:
    """A kind of agent: how it is made, and what a model says that asks about Paris, then about Rome."""

    make: Callable[..., Any]
    prompt: BasePromptTemplate[Any]
    script: list[Attempt]


CALLS = [tool_calls([("weather", {"city": "Paris"})]), tool_calls([("weather", {"city": "Rome"})]), text("Both sunny.")]
ACTIONS = [json_action("weather", {"city": city}) for city in ("Paris", "Rome")]
KINDS = {
    "tool calling": Kind(agents.create_tool_calling_agent, at_the_end(TOOLS), CALLS),
    "OpenAI tools": Kind(agents.create_openai_tools_agent, at_the_end(TOOLS), CALLS),
    "parallel calls": Kind(
        agents.create_tool_calling_agent,
        at_the_end(TOOLS),
        [tool_calls([("weather", {"city": "Paris"}), ("weather", {"city": "Rome"})]), CALLS[-1]],
    ),
    "ReAct": Kind(
        agents.create_react_agent,
        PromptTemplate.from_template(REACT),
        [
            *(text(f"I should look.\nAction: weather\nAction Input: {city}") for city in ("Paris", "Rome")),
            text("I now know.\nFinal Answer: Both sunny."),
        ],
    ),
    "structured chat": Kind(
        agents.create_structured_chat_agent,
        ChatPromptTemplate.from_messages([*JSON[:-1], ("human", "{input}\n\n{agent_scratchpad}")]),
        [*ACTIONS, json_action("Final Answer", "Both sunny.")],
    ),
    "JSON chat": Kind(
        agents.create_json_chat_agent, at_the_end(JSON), [*ACTIONS, json_action("Final Answer", "Both sunny.")]
    ),
}


def steps_of(executor: agents.AgentExecutor, given: Any, way: str) -> dict[str, Any]:
    """The executor's last word, with all steps."""
    if way == "invoke":
        return executor.invoke(given)
    if way == "ainvoke":
        return asyncio.run(executor.ainvoke(given))

    async def streamed() -> list[Any]:
        return [piece async for piece in executor.astream(given)]

    pieces = list(executor.stream(given)) if way == "stream" else asyncio.run(streamed())
    steps = [(step.action, step.observation) for piece in pieces for step in piece.get("steps", ())]
    return {**pieces[-1], "intermediate_steps": steps}


@pytest.mark.parametrize("kind", KINDS)
@each_row("way", ["invoke", "ainvoke", "stream", "astream"])
def test_an_agent_executor(server: CheckedServer, kind: str, way: str) -> None:
    stage = server.stage(*KINDS[kind].script)
    agent = KINDS[kind].make(model_at(stage), [weather], KINDS[kind].prompt)
    executor = agents.AgentExecutor(agent=agent, tools=[weather], return_intermediate_steps=True)
    result = steps_of(executor, {"input": "The weather in Paris and Rome?", "chat_history": TALK}, way)
    assert result["output"] == "Both sunny."
    assert [observation for _, observation in result["intermediate_steps"]] == ["sunny in Paris", "sunny in Rome"]
    last = json.dumps(stage.bodies[-1]["messages"])
    for known in ("Good day, Ann.", "The weather in Paris and Rome?", "sunny in Paris", "sunny in Rome"):
        assert known in last


def test_what_cannot_be_parsed_is_handed_back(server: CheckedServer) -> None:
    kind = KINDS["ReAct"]
    stage = server.stage(text("Let me think about it."), *kind.script)
    agent = kind.make(model_at(stage), [weather], kind.prompt)
    executor = agents.AgentExecutor(agent=agent, tools=[weather], handle_parsing_errors=True)
    assert executor.invoke({"input": "The weather?", "chat_history": []})["output"] == "Both sunny."
    assert "Let me think about it." in stage.bodies[1]["messages"][-1]["content"]
    assert all(body["stop"] == ["\nObservation"] for body in stage.bodies)
