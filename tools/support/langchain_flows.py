"""LangChain's machinery, once for all models: what the scripted and the real model are put through."""

from __future__ import annotations

from typing import Annotated, Any

import deepagents
from langchain.agents import create_agent
from langchain.agents.middleware import HumanInTheLoopMiddleware, SummarizationMiddleware
from langchain.agents.structured_output import ToolStrategy
from langchain_core.chat_history import InMemoryChatMessageHistory
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langchain_core.runnables.history import RunnableWithMessageHistory
from langchain_core.tools import BaseTool, InjectedToolCallId, tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.prebuilt import InjectedState
from langgraph.types import Command
from pydantic import BaseModel

WEATHER = "What is the weather in 'Paris' and in 'Rome'?"
EACH = "What is the weather in Paris and in London? Call the tool once for each city."
"""The same for a small real model, which has to be told."""
PLACE = {"configurable": {"thread_id": "ox"}}


@tool
def weather(city: str) -> str:
    """The weather in a city."""
    return f"sunny in {city}"


class Report(BaseModel):
    """A report about one city."""

    city: str
    degrees: int


def parallel_tools(
    model: BaseChatModel, question: str = WEATHER, system_prompt: str | None = "Be brief."
) -> dict[str, Any]:
    """One question, two calls at once."""
    return asked(create_agent(model, [weather], system_prompt=system_prompt), question)


def conversation(model: BaseChatModel) -> dict[str, Any]:
    """Two turns; the second agent knows the first only by its checkpoints."""
    saver = InMemorySaver()
    asked(create_agent(model, [weather], checkpointer=saver), WEATHER, PLACE)
    return asked(create_agent(model, [weather], checkpointer=saver), "Thank you.", PLACE)


def interrupted(model: BaseChatModel) -> tuple[dict[str, Any], dict[str, Any]]:
    """A human sees the call, changes its arguments, and lets it run. Returns: the state before and after."""
    ask_me = HumanInTheLoopMiddleware(interrupt_on={"weather": True})
    agent = create_agent(model, [weather], middleware=[ask_me], checkpointer=InMemorySaver())
    before = asked(agent, "What is the weather in 'Paris'?", PLACE)
    edited = {"type": "edit", "edited_action": {"name": "weather", "args": {"city": "Rome"}}}
    return before, agent.invoke(Command(resume={"decisions": [edited]}), PLACE)


def summarised(model: BaseChatModel) -> dict[str, Any]:
    """A conversation of more than half the window, which the model's own profile tells."""
    middle = SummarizationMiddleware(model=model, trigger=("fraction", 0.5), keep=("messages", 1))
    long = [HumanMessage("moo " * 1500), AIMessage("Yes."), HumanMessage("And now?")]
    return create_agent(model, middleware=[middle]).invoke({"messages": long})


def object_by_tool(model: BaseChatModel) -> dict[str, Any]:
    """Twice an agent ends in an object: a tool call of its own, after whose result the user speaks."""
    agent = create_agent(model, [weather], response_format=ToolStrategy(Report), checkpointer=InMemorySaver())
    asked(agent, "Give a Report: 21 degrees in 'Oslo'.", PLACE)
    return asked(agent, "Give a Report: 3 degrees in 'Bergen'.", PLACE)


def compacted(model: BaseChatModel) -> dict[str, Any]:
    """A deep agent in a long conversation; it compacts it when the server refuses the prompt as too long."""
    talk = [kind(f"{'moo ' * 999}{at}") for at in range(9) for kind in (HumanMessage, AIMessage)]
    return deepagents.create_deep_agent(model=model).invoke({"messages": [*talk, HumanMessage("Well?")]})


def with_history(model: BaseChatModel) -> None:
    """Two questions of one session."""
    kept: dict[str, InMemoryChatMessageHistory] = {}
    chain = RunnableWithMessageHistory(model, lambda session: kept.setdefault(session, InMemoryChatMessageHistory()))
    for question in ("one", "two"):
        chain.invoke([HumanMessage(question)], {"configurable": {"session_id": "a"}})


@tool
def transfer_to_seer(
    state: Annotated[dict[str, Any], InjectedState], call_id: Annotated[str, InjectedToolCallId]
) -> Command[Any]:
    """Hand over to the seer, who knows the weather."""
    done = ToolMessage("Handed over to the seer.", tool_call_id=call_id, name="transfer_to_seer")
    return Command(goto="seer", graph=Command.PARENT, update={"messages": [*state["messages"], done]})


def handed_over(clerk: BaseChatModel, seer: BaseChatModel) -> dict[str, Any]:
    """Two agents in one graph, with one list of messages; each signs with its name."""
    graph = StateGraph(MessagesState)
    graph.add_node("clerk", _named(clerk, "clerk", transfer_to_seer), destinations=("seer",))
    graph.add_node("seer", _named(seer, "seer", weather))
    graph.add_edge(START, "clerk")
    compiled = graph.compile(checkpointer=InMemorySaver())
    asked(compiled, "What is the weather in 'Paris'?", PLACE)
    return asked(compiled, "And what did I ask before?", PLACE)


def supervised(model: BaseChatModel, expert: BaseChatModel) -> dict[str, Any]:
    """A supervisor whose tool is another agent; then one round in which both speak in turn, by name."""

    @tool
    def ask_expert(question: str) -> str:
        """Ask the expert for the weather."""
        return str(asked(_named(expert, "expert", weather), question)["messages"][-1].text)

    boss = _named(model, "supervisor", ask_expert)
    said = asked(boss, "Ask the expert about 'Rome'.")["messages"]
    signed = AIMessage("Rome is sunny.", name="expert")
    return boss.invoke({"messages": [*said, signed, HumanMessage("Then sum up.", name="Alice")]})


def _named(model: BaseChatModel, name: str, *tools: BaseTool) -> Any:
    return create_agent(model, list(tools), name=name, system_prompt=f"You are the {name}.")


def asked(agent: Any, question: str = WEATHER, config: Any = None) -> dict[str, Any]:
    result: dict[str, Any] = agent.invoke({"messages": [HumanMessage(question)]}, config)
    return result
