"""The runs of LangChain, LangGraph and deepagents that are recorded: name -> what drives it, and the run.

A run is a function here, or tests by their names, which `record.py` runs with pytest.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import deepagents
from langchain.agents.middleware import TodoListMiddleware
from langchain_core.messages import AIMessage, HumanMessage
from langgraph.checkpoint.memory import InMemorySaver

from _oxen_transport.testing import Server, chunks, completion, sse, streamed, whole
from langchain_oxen import ChatOxen
from tools.histories.files import IDEAL, REAL, SCRIPTED
from tools.support import langchain_flows as flows
from tools.support.ideal_model import ideal
from tools.support.recorded import recorded

Play = Callable[[Server, str], Any] | tuple[str, ...]
"""A function of the scripted server and of the real one's address, or ids of tests."""
_OF_THE_REAL_MODEL = "tests/integration/real_model/test_langchain.py::"


def calls(*made: tuple[str, str, dict[str, Any]], text: str = "") -> Callable[[Any], Any]:
    """An attempt that makes several calls at once; whole, it says something beside them."""

    def attempt(request: Any) -> Any:
        if request.wants_stream:
            return streamed(sse(chunks(tool_calls=made)))
        body = completion(tool_calls=made)
        if text:
            body["choices"][0]["message"]["content"] = text
        return [whole(body)]

    return attempt


def says(text: str) -> Callable[[Any], Any]:
    def attempt(request: Any) -> Any:
        return streamed(sse(chunks([text]))) if request.wants_stream else [whole(completion(text))]

    return attempt


def model_of(server: Server, *attempts: Any) -> ChatOxen:
    return ChatOxen(base_url=server.stage(*attempts).url)


def by_real(flow: Callable[[ChatOxen], Any], **settings: Any) -> tuple[str, Play]:
    def play(_: Server, url: str) -> None:
        flow(ChatOxen(base_url=url, temperature=0, max_tokens=60, timeout=240, **settings))

    return REAL, play


def by_ideal(flow: Callable[[ChatOxen], Any]) -> tuple[str, Play]:
    return IDEAL, lambda server, _: flow(model_of(server, ideal))


def handoff(server: Server, _: str) -> None:
    clerk = model_of(server, calls(("call_handoff_0", "transfer_to_seer", {})), says("You asked about Paris."))
    flows.handed_over(clerk, model_of(server, calls(("call_w_1", "weather", {"city": "Paris"})), says("Sunny.")))


def supervisor(server: Server, _: str) -> None:
    ask = calls(("toolu_01", "ask_expert", {"question": "The weather in Rome?"}), text="I shall ask the expert.")
    boss = model_of(server, ask, says("Rome is sunny."), says("Sunny in Rome."))
    flows.supervised(boss, model_of(server, calls(("call_w_2", "weather", {"city": "Rome"})), says("Sunny.")))


def deep_agent(server: Server, _: str) -> None:
    """A list of things to do, a file written, read and changed, and a subagent with a tool."""
    todo = [{"content": "Ask the seer", "status": "in_progress"}, {"content": "Write it down", "status": "pending"}]
    task = {"description": "What is the weather in Paris?", "subagent_type": "seer"}
    model = model_of(
        server,
        calls(("call_todo", "write_todos", {"todos": todo}), text="First a plan."),
        calls(("call_task", "task", task)),
        calls(
            ("call_write", "write_file", {"file_path": "/diary.md", "content": "Paris: sunny\n"}),
            ("call_ls", "ls", {"path": "/"}),
        ),
        calls(("call_edit", "edit_file", {"file_path": "/diary.md", "old_string": "sunny", "new_string": "sun"})),
        calls(("call_read", "read_file", {"file_path": "/diary.md"})),
        calls(("call_lost", "read_file", {"file_path": "/nothing.md"})),
        says("Done: Paris is sunny."),
    )
    seer_model = model_of(server, calls(("call_w_3", "weather", {"city": "Paris"})), says("Sunny."))
    seer: Any = {
        "name": "seer",
        "description": "Knows the weather.",
        "system_prompt": "You are the seer.",
        "tools": [flows.weather],
        "model": seer_model,
    }
    todos = TodoListMiddleware()  # releases of deepagents differ in whether they bring it
    agent = deepagents.create_deep_agent(model=model, tools=[flows.weather], subagents=[seer], middleware=[todos])
    flows.asked(agent, "Note the weather in Paris.")


def broken_call(server: Server, _: str) -> None:
    """Arguments cut off in the middle: the call cannot run, and is sent back with the next question."""
    cut = completion(tool_calls=[("call_cut", "weather", {})])
    cut["choices"][0]["message"]["tool_calls"][0]["function"]["arguments"] = '{"city": "Pa'
    agent = flows.create_agent(model_of(server, [whole(cut)], ideal), [flows.weather], checkpointer=InMemorySaver())
    flows.asked(agent, "The weather in 'Paris'?", flows.PLACE)
    flows.asked(agent, "The weather in 'Rome'?", flows.PLACE)


def compacted(server: Server, _: str) -> None:
    flows.compacted(model_of(server, recorded("mistral_error_400_overflow.http"), ideal))


def late_user(server: Server, _: str) -> None:
    """A stopped run, taken up: calls that nobody answered, then the user's next word."""
    agent = flows.create_agent(model_of(server, says("As you like.")), [flows.weather])
    stopped = AIMessage("", tool_calls=[{"id": "call_stopped", "name": "weather", "args": {"city": "Oslo"}}])
    agent.invoke({"messages": [HumanMessage("Oslo?"), stopped, HumanMessage("Never mind.")]})


RUNS: dict[str, tuple[str, Play]] = {
    "langchain_agent": (REAL, (f"{_OF_THE_REAL_MODEL}test_an_agent_calls_its_tool_and_answers_from_the_result",)),
    "langchain_agent_parallel_tools": by_ideal(flows.parallel_tools),
    "langchain_agent_parallel_tools_real": by_real(lambda model: flows.parallel_tools(model, flows.EACH, None)),
    "langchain_broken_call": (IDEAL, broken_call),
    "langchain_checkpointed": by_ideal(flows.conversation),
    "langchain_checkpointed_real": by_real(flows.conversation),
    "langchain_human_in_the_loop": by_real(flows.interrupted),
    "langchain_summarization": by_real(flows.summarised, context_window=2_000),
    "langchain_structured_by_tool": by_ideal(flows.object_by_tool),
    "langchain_structured": (REAL, (f"{_OF_THE_REAL_MODEL}test_objects[auto]",)),
    "langchain_message_history": by_real(flows.with_history),
    "langgraph_handoff": (SCRIPTED, handoff),
    "langgraph_supervisor": (SCRIPTED, supervisor),
    "langgraph_stopped_and_taken_up": (SCRIPTED, late_user),
    "deepagents_todos_files_subagent": (SCRIPTED, deep_agent),
    "deepagents_compaction": (IDEAL, compacted),
}
