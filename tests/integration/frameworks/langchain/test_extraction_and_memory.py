"""Objects taken from talk and patched (trustcall), and what an agent keeps of its talk (langmem)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, NamedTuple

import pytest
from langchain.agents import create_agent
from langchain_core.embeddings import DeterministicFakeEmbedding
from langchain_core.messages import AIMessage, HumanMessage
from langgraph.store.memory import InMemoryStore
from langmem import (
    create_manage_memory_tool,
    create_memory_manager,
    create_memory_store_manager,
    create_prompt_optimizer,
    create_search_memory_tool,
    create_thread_extractor,
)
from langmem.short_term import SummarizationNode
from pydantic import BaseModel, Field
from trustcall import create_extractor

from _oxen_transport.testing import Attempt, Received, Step
from _oxen_transport.testing.replies import ToolCall, an_object, text, tool_calls
from tests.integration.frameworks.checked_server import CheckedServer
from tests.integration.frameworks.langchain.models import model_at, run
from tests.tables import each_row

pytestmark = pytest.mark.parametrize("awaited", [False, True], ids=["sync", "async"])

FACT = "Ann keeps two oxen."
TALK = [HumanMessage("I am Ann. I keep two oxen."), AIMessage("Noted.")]


class Person(BaseModel):
    """What is known of a person."""

    name: str
    oxen: int = Field(ge=0)


class Farm(BaseModel):  # without a description: trustcall makes null of it
    acres: int


def patch(name: str, document: str, path: str, value: Any) -> ToolCall:
    """A call of trustcall's own tools, which change a document."""
    change = {"op": "replace", "path": path, "value": value}
    return name, {"json_doc_id": document, "planned_edits": "One.", "patches": [change]}


class Extraction(NamedTuple):
    """Options of the extractor, what is known already, what the model does, and what comes of it."""

    options: dict[str, Any]
    existing: Any
    script: list[Attempt]
    expected: list[BaseModel]


ANN = {"name": "Ann", "oxen": 2}
EXTRACTIONS = {
    "an object": Extraction({"tool_choice": "Person"}, None, [tool_calls([("Person", ANN)])], [Person(**ANN)]),
    "two at once": Extraction(
        {}, None, [tool_calls([("Person", ANN), ("Farm", {"acres": 9})])], [Person(**ANN), Farm(acres=9)]
    ),
    "one that does not fit, and is patched": Extraction(
        {},
        None,
        [
            tool_calls([("Person", {"name": "Ann", "oxen": -2})]),
            tool_calls([patch("PatchFunctionErrors", "call00100", "/oxen", 2)]),
        ],
        [Person(**ANN)],
    ),
    "a known one, brought up to date": Extraction(
        {}, {"Person": ANN}, [tool_calls([patch("PatchDoc", "Person", "/oxen", 3)])], [Person(name="Ann", oxen=3)]
    ),
    "a known one and a new one": Extraction(
        {"enable_inserts": True},
        [("ann", "Person", ANN)],
        [tool_calls([patch("PatchDoc", "ann", "/oxen", 1), ("Person", {"name": "Ben", "oxen": 1})])],
        [Person(name="Ann", oxen=1), Person(name="Ben", oxen=1)],
    ),
}


@each_row("name", EXTRACTIONS)
def test_trustcall_extracts_and_patches(server: CheckedServer, name: str, awaited: bool) -> None:
    options, existing, script, expected = EXTRACTIONS[name]
    stage = server.stage(*script)
    extractor = create_extractor(model_at(stage), tools=[Person, Farm], **options)
    given = {"messages": TALK[:1], **({"existing": existing} if existing else {})}
    found = run(extractor, given, awaited=awaited)["responses"]
    assert [one.model_dump() for one in found] == [one.model_dump() for one in expected]
    assert len(stage.bodies) == len(script)


def test_memories_are_extracted(server: CheckedServer, awaited: bool) -> None:
    stage = server.stage(tool_calls([("Memory", {"content": FACT})]), tool_calls([("Done", {})]))
    manager = create_memory_manager(model_at(stage), enable_inserts=True)
    [found] = run(manager, {"messages": TALK, "max_steps": 2}, awaited=awaited)
    assert found.content.content == FACT
    assert "I keep two oxen." in str(stage.bodies[0]["messages"])


def remembering() -> InMemoryStore:
    return InMemoryStore(index={"dims": 8, "embed": DeterministicFakeEmbedding(size=8)})


def kept(store: InMemoryStore, *namespace: str) -> list[Any]:
    return [item.value["content"] for item in store.search(namespace)]


def test_memories_are_kept_and_brought_up_to_date(server: CheckedServer, awaited: bool) -> None:
    """Two conversations of one user; the second changes what the first has left."""

    def third_ox(request: Received) -> Iterable[Step]:
        document = re.findall(r"<instance id=(\w+)", str(request.messages))[0]
        return tool_calls([patch("PatchDoc", document, "/content", "Ann keeps three oxen.")])(request)

    store, ann = remembering(), {"configurable": {"user": "ann"}}
    model = model_at(server.stage(tool_calls([("Memory", {"content": FACT})]), third_ox))
    searching = model_at(server.stage(tool_calls([("search_memory", {"query": "oxen"})])))
    manager = create_memory_store_manager(model, namespace=("farm", "{user}"), store=store, query_model=searching)
    run(manager, {"messages": TALK}, ann, awaited=awaited)
    assert kept(store, "farm", "ann") == [{"content": FACT}]
    run(manager, {"messages": [HumanMessage("I bought an ox.")]}, ann, awaited=awaited)
    assert kept(store, "farm", "ann") == [{"content": "Ann keeps three oxen."}]


def test_an_agent_remembers_with_tools(server: CheckedServer, awaited: bool) -> None:
    store = remembering()
    tools = [create_manage_memory_tool(("farm",)), create_search_memory_tool(("farm",))]
    stage = server.stage(
        tool_calls([("manage_memory", {"content": FACT, "action": "create"})]),
        text("Noted."),
        tool_calls([("search_memory", {"query": "oxen"})]),
        text("Two oxen."),
    )
    agent = create_agent(model_at(stage), tools, store=store)
    run(agent, {"messages": TALK[:1]}, awaited=awaited)
    assert kept(store, "farm") == [FACT]
    answer = run(agent, {"messages": "What do I keep?"}, awaited=awaited)["messages"]
    assert answer[-1].text == "Two oxen."
    assert FACT in stage.bodies[-1]["messages"][-1]["content"]


def test_a_long_conversation_is_summarised(server: CheckedServer, awaited: bool) -> None:
    """Counted with the model; then the summary is the system message of the next request."""
    stage = server.stage(text("The ox said moo."), text("It did."))
    model = model_at(stage)
    shorten = SummarizationNode(
        model=model,
        max_tokens=1_000,
        max_tokens_before_summary=100,
        max_summary_tokens=50,
        token_counter=model.get_num_tokens_from_messages,
    )
    talk = [HumanMessage("moo " * 200, id="a"), AIMessage("Yes.", id="b"), HumanMessage("And?", id="c")]
    short = run(shorten, {"messages": talk}, awaited=awaited)["summarized_messages"]
    assert run(model, short, awaited=awaited).text == "It did."
    last = stage.bodies[1]["messages"]
    assert "The ox said moo." in last[0]["content"]
    assert "moo moo" not in str(last)
    assert last[-1]["content"].endswith("And?")


@each_row(
    "kind, answers",
    [
        ("prompt_memory", [{"logic": "x", "update_prompt": True, "new_prompt": "Be kinder."}]),
        ("metaprompt", [{"analysis": "x", "improved_prompt": "Be kinder."}]),
        (
            "gradient",
            [
                {"warrants_adjustment": True, "hypotheses": "x", "full_hypotheses": "x", "recommendations": "x"},
                {"analysis": "x", "improved_prompt": "Be kinder."},
            ],
        ),
    ],
)
def test_a_prompt_is_improved(server: CheckedServer, kind: Any, answers: list[Any], awaited: bool) -> None:
    stage = server.stage(*map(an_object, answers))
    steps = {} if kind == "prompt_memory" else {"config": {"max_reflection_steps": 1, "min_reflection_steps": 0}}
    optimizer = create_prompt_optimizer(model_at(stage), kind=kind, **steps)
    given = {"trajectories": [(TALK, {"feedback": "Too short."})], "prompt": "Be brief."}
    assert run(optimizer, given, awaited=awaited) == "Be kinder."
    assert "Too short." in str(stage.bodies[0]["messages"])
    assert len(stage.bodies) == len(answers)


def test_a_thread_is_summed_up(server: CheckedServer, awaited: bool) -> None:
    stage = server.stage(an_object({"title": "Ann's oxen", "summary": FACT}))
    summary = run(create_thread_extractor(model_at(stage)), {"messages": TALK}, awaited=awaited)
    assert (summary.title, summary.summary) == ("Ann's oxen", FACT)
