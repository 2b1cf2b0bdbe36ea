"""A thinking model's answer, through a socket and back: what it must get again with its tool calls goes with them."""

from __future__ import annotations

from typing import Any

from langchain_core.messages import HumanMessage, ToolMessage

from _oxen_transport.testing import Server, chunk, completion, good, reply, sse, streamed
from tests.entry_points import EntryPoint, LangChain, each, entry_points

FUNCTION = {"name": "f", "arguments": '{"a":1}'}
SIGNATURE = {"google": {"thought_signature": "s1gn"}}
DETAILS = [{"type": "reasoning.encrypted", "data": "x", "index": 0}]
SIGNED = {"id": "call_1", "type": "function", "function": FUNCTION, "extra_content": SIGNATURE}
THOUGHTFUL = {"reasoning_content": "hm", "reasoning_details": DETAILS, "tool_calls": [SIGNED]}


def thoughtful(*, streams: bool) -> Any:
    """A thinking model's answer that calls a tool."""
    if streams:
        return streamed(sse([chunk({**THOUGHTFUL, "tool_calls": [{**SIGNED, "index": 0}]}), chunk(None, "tool_calls")]))
    body = completion("")
    body["choices"][0] = {"index": 0, "finish_reason": "tool_calls", "message": {"content": None, **THOUGHTFUL}}
    return reply(body)


@each(*entry_points(LangChain))
def test_an_answer_with_thoughts_and_signatures_goes_back_as_it_came(api: EntryPoint, server: Server) -> None:
    stage = server.stage(thoughtful(streams=api.streams), good)
    model = api.make(stage.url, model="deepseek-v4-flash")
    answer = api.ask(model, "q").raw
    model.invoke([HumanMessage("q"), answer, ToolMessage("2", tool_call_id="call_1")])
    assert THOUGHTFUL.items() <= {**stage.bodies[1]["messages"][1]}.items()
