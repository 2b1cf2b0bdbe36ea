"""What is LlamaIndex's own in answers that fit a schema: the forced tool, generic classes, other programs."""

from __future__ import annotations

import pytest
from llama_index.core.base.llms.types import ChatMessage
from llama_index.core.types import PydanticProgramMode
from pydantic import BaseModel

from _oxen_transport.testing import Server
from llama_index_oxen import Oxen
from tests.integration.both_packages.packages import WAYS, calls, llama_index, says
from tests.tables import each_row


class Person(BaseModel):
    """A person."""

    name: str
    age: int


BOB = calls(("Person", {"name": "Bob", "age": 42}))


@each_row("way", WAYS)
def test_every_way_forces_the_tool(way: str, server: Server) -> None:
    """Against what the caller says, and keeps the system prompt."""
    stage = server.stage(BOB)
    call = {"llm_kwargs": {"temperature": 0.1, "tool_choice": "auto"}}
    assert llama_index(stage.url, Person, way, system_prompt="Be exact.", call=call)[-1] == Person(name="Bob", age=42)
    (body,) = stage.bodies
    assert (body["tool_choice"], body["temperature"]) == ("required", 0.1)
    assert [tool["function"]["name"] for tool in body["tools"]] == ["Person"]
    assert [message["role"] for message in body["messages"]] == ["system", "user"]


def test_as_structured_llm(server: Server) -> None:
    structured = Oxen(base_url=server.stage(BOB).url, api_key="sk-1").as_structured_llm(Person)
    assert structured.chat([ChatMessage(content="Who is Bob?")]).raw == Person(name="Bob", age=42)
    assert list(structured.stream_chat([ChatMessage(content="Who is Bob?")]))[-1].raw == Person(name="Bob", age=42)


@pytest.mark.parametrize("way", ["sync", "async"])
def test_other_program_modes_are_cores_own(way: str, server: Server) -> None:
    stage = server.stage(says('{"name": "Bob", "age": 42}'))
    shown = llama_index(stage.url, Person, way, pydantic_program_mode=PydanticProgramMode.LLM)
    assert shown[-1] == Person(name="Bob", age=42)
    assert "tools" not in stage.bodies[0]
