"""LangChain's middleware and deepagents, run for real against a model that makes no mistakes."""

from __future__ import annotations

from typing import Any

import deepagents
import pytest
from langchain.agents import create_agent
from langchain.agents.middleware import (
    ContextEditingMiddleware,
    HumanInTheLoopMiddleware,
    LLMToolSelectorMiddleware,
    ModelFallbackMiddleware,
    ModelRetryMiddleware,
    SummarizationMiddleware,
    TodoListMiddleware,
    ToolRetryMiddleware,
)
from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.tools import tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Command

from _oxen_transport.testing import Stage, error_body, reply
from _oxen_transport.testing.replies import an_object, tool_calls
from langchain_oxen import OxenBadRequestError, register
from tests.history_checks import pairs
from tests.integration.frameworks.checked_server import CheckedServer
from tests.integration.frameworks.langchain.models import model_at, run
from tests.tables import each_row
from tools.support import langchain_flows as flows
from tools.support.ideal_model import STORY, ideal
from tools.support.langchain_flows import PLACE, WEATHER, asked, weather
from tools.support.recorded import recorded


def test_summary_when_the_profile_says_so(server: CheckedServer) -> None:
    """No figure from the user: the packaged profile knows the window."""
    stage = server.stage(ideal)
    result = flows.summarised(model_at(stage, context_window=2_000))
    assert len(stage.requests) == 2, "one for the summary, one for the answer"
    assert "moo moo" not in str(stage.bodies[1])
    assert result["messages"][-1].text == STORY
    assert model_at(stage).profile["max_input_tokens"] == 64_000  # type: ignore[index]


def test_summary_by_the_servers_own_count(server: CheckedServer) -> None:
    """Reported tokens count only if `model_provider` equals `ls_provider` (ChatMistralAI's differ)."""
    stage = server.stage(ideal)
    model = model_at(stage)
    middle = SummarizationMiddleware(model=model, trigger=("tokens", 5_000), keep=("messages", 1))
    before = AIMessage(
        "Yes.",
        usage_metadata={"input_tokens": 9_000, "output_tokens": 1, "total_tokens": 9_001},
        response_metadata={"model_provider": "oxen"},
    )
    create_agent(model, middleware=[middle]).invoke({"messages": [HumanMessage("a"), before, HumanMessage("b")]})
    assert len(stage.requests) == 2


OVERFLOWS = ["mistral_error_400_overflow.http", "llama_cpp_error_400_overflow.http"]


@each_row("wording", OVERFLOWS)
def test_a_summary_that_overflows_is_asked_for_anew(server: CheckedServer, wording: str) -> None:
    """The middleware then cuts the middle out; it knows the failure by LangChain's class alone."""
    stage = server.stage(recorded(wording), ideal)
    model = model_at(stage, max_retries=0)
    middle = SummarizationMiddleware(model=model, trigger=("messages", 9), keep=("messages", 1))
    talk = [kind(f"{'moo ' * 99}{at}") for at in range(5) for kind in (HumanMessage, AIMessage)]
    result = create_agent(model, middleware=[middle]).invoke({"messages": [*talk, HumanMessage("Well?")]})
    assert result["messages"][-1].text == STORY
    assert len(stage.requests) == 3, "the summary that overflows, the shorter one, the answer"
    assert len(stage.requests[1].body) < len(stage.requests[0].body)


@each_row("wording", OVERFLOWS)
def test_a_deep_agent_compacts_after_an_overflow(server: CheckedServer, wording: str) -> None:
    stage = server.stage(recorded(wording), ideal)
    assert flows.compacted(model_at(stage, max_retries=0))["messages"][-1].text
    assert len(stage.requests) >= 3, "the overflow, the summary, the answer"


def test_retry_middleware_does_not_repeat_what_cannot_pass(server: CheckedServer, fast_retries: None) -> None:
    retry = ModelRetryMiddleware(max_retries=2, initial_delay=0.01, jitter=False, on_failure="error")
    hopeless = server.stage(reply(error_body("temperature is wrong"), 400))
    with pytest.raises(OxenBadRequestError):
        asked(create_agent(model_at(hopeless, max_retries=0), middleware=[retry]))
    assert len(hopeless.requests) == 1
    passing = server.stage(reply(error_body("busy"), 503), ideal)
    assert asked(create_agent(model_at(passing, max_retries=0), middleware=[retry]))["messages"][-1].text == STORY
    assert len(passing.requests) == 2


def test_fallback_middleware(server: CheckedServer) -> None:
    broken, good = server.stage(reply(error_body("down"), 503)), server.stage(ideal)
    fallback = ModelFallbackMiddleware(model_at(good))
    agent = create_agent(model_at(broken, max_retries=0), middleware=[fallback])
    assert asked(agent, "Hello")["messages"][-1].text == STORY


def test_context_editing_counts_with_the_model(stage: Stage) -> None:
    middle = ContextEditingMiddleware(token_count_method="model")
    assert asked(create_agent(model_at(stage), [weather], middleware=[middle]))["messages"][-1].text


def test_deep_agent(stage: Stage) -> None:
    agent = deepagents.create_deep_agent(model=model_at(stage), tools=[weather])
    assert "sunny" in asked(agent)["messages"][-1].text


def test_models_by_name_in_middleware_and_deep_agents(server: CheckedServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """ "oxen:..." as a string, wherever LangChain takes one."""
    register()
    broken, good = server.stage(reply(error_body("down"), 503)), server.stage(ideal)
    monkeypatch.setenv("OXEN_BASE_URL", good.url)
    fallback = ModelFallbackMiddleware("oxen:mistral-nemo")
    assert asked(create_agent(model_at(broken, max_retries=0), middleware=[fallback]), "Hello")["messages"]
    assert good.bodies[-1]["model"] == "mistral-nemo"
    agent = deepagents.create_deep_agent(model="oxen:open-mixtral-8x22b", tools=[weather])
    assert "sunny" in asked(agent)["messages"][-1].text
    assert asked(create_agent("oxen:open-mixtral-8x22b", [weather]))["messages"][-1].text


@tool
def plough(field: str) -> str:
    """Plough a field."""
    return f"{field} is ploughed"


@tool
def rest() -> str:
    """Have a rest."""
    return "rested"


@pytest.mark.parametrize("awaited", [False, True], ids=["sync", "async"])
def test_the_model_selects_tools(server: CheckedServer, awaited: bool) -> None:
    selection = an_object({"tools": ["weather"]})
    stage = server.stage(selection, ideal, selection, ideal)
    selector = LLMToolSelectorMiddleware(max_tools=1, always_include=["rest"])
    agent = create_agent(model_at(stage), [plough, weather, rest], middleware=[selector])
    assert "sunny" in run(agent, {"messages": WEATHER}, awaited=awaited)["messages"][-1].text
    offered = [[one["function"]["name"] for one in body["tools"]] for body in stage.bodies]
    assert offered == [["ToolSelectionResponse"], ["weather", "rest"]] * 2


def test_a_list_of_things_to_do(server: CheckedServer) -> None:
    def todos(status: str) -> Any:
        return tool_calls([("write_todos", {"todos": [{"content": "Ask about Oslo", "status": status}]})])

    stage = server.stage(todos("in_progress"), tool_calls([("weather", {"city": "Oslo"})]), todos("completed"), ideal)
    state = asked(create_agent(model_at(stage), [weather], middleware=[TodoListMiddleware()]))
    assert state["todos"] == [{"content": "Ask about Oslo", "status": "completed"}]
    results = [message["content"] for message in stage.bodies[-1]["messages"] if message["role"] == "tool"]
    assert results[1] == "sunny in Oslo"
    assert "'in_progress'" in results[0]
    assert "'completed'" in results[2]


@each_row("failures, result", [(2, "Paris is ploughed"), (3, "ConnectionError: the ox is asleep")])
def test_a_tool_is_retried(server: CheckedServer, failures: int, result: str) -> None:
    """What fails to the end reaches the model as the call's result."""
    attempts: list[str] = []

    @tool("plough")
    def tired(field: str) -> str:
        """Plough a field."""
        attempts.append(field)
        if len(attempts) <= failures:
            raise ConnectionError("the ox is asleep")
        return f"{field} is ploughed"

    stage = server.stage(ideal)
    retry = ToolRetryMiddleware(max_retries=2, initial_delay=0.0, jitter=False)
    asked(create_agent(model_at(stage), [tired], middleware=[retry]), "Please plough 'Paris'.")
    assert attempts == ["Paris"] * 3
    assert result in stage.bodies[-1]["messages"][-1]["content"]
    assert len(stage.bodies) == 2


APPROVE, REJECT = {"type": "approve"}, {"type": "reject", "message": "It is no business of yours."}


@pytest.mark.parametrize("awaited", [False, True], ids=["sync", "async"])
@each_row("decisions", [[APPROVE, APPROVE], [APPROVE, REJECT], [REJECT, APPROVE], [REJECT, REJECT]])
def test_a_human_approves_and_rejects(server: CheckedServer, decisions: list[dict[str, str]], awaited: bool) -> None:
    stage = server.stage(ideal)
    human = HumanInTheLoopMiddleware(interrupt_on={"weather": True})
    agent = create_agent(model_at(stage), [weather], middleware=[human], checkpointer=InMemorySaver())
    [asking] = run(agent, {"messages": WEATHER}, PLACE, awaited=awaited)["__interrupt__"]
    cities = [one["args"]["city"] for one in asking.value["action_requests"]]
    last = run(agent, Command(resume={"decisions": decisions}), PLACE, awaited=awaited)
    results = pairs(stage.bodies[-1]["messages"])  # in any order: what is refused has its result first
    for city, decision in zip(cities, decisions, strict=True):
        assert decision.get("message", f"sunny in {city}") in results[f'{{"city":"{city}"}}']
    assert cities == ["Paris", "Rome"]
    assert last["messages"][-1].text.startswith("The tool says: ")
