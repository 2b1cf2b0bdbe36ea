"""A tool whose name no request can hold is declared under another, and called by its own."""

from __future__ import annotations

from typing import Any

from _oxen_transport.testing import Server, chunks, completion, sse, streamed, whole
from tests.entry_points import EntryPoint, each, entry_points


def tool(name: str) -> dict[str, Any]:
    return {"type": "function", "function": {"name": name, "description": "d", "parameters": {"type": "object"}}}


@each(*entry_points())
def test_the_answers_calls_have_the_tools_own_names(api: EntryPoint, server: Server) -> None:
    made = [("AbC123xyZ", "github_search", {"q": "ox"}), ("AbC123xyY", "other", {})]
    events = streamed(sse(chunks(tool_calls=made)))
    stage = server.stage(events if api.streams else [whole(completion(tool_calls=made))])
    answer = api.ask(api.make(stage.url), tools=[tool("github.search"), tool("other")])
    assert [name for _, name, _ in answer.tool_calls] == ["github.search", "other"]
    assert [tool["function"]["name"] for tool in stage.bodies[0]["tools"]] == ["github_search", "other"]
