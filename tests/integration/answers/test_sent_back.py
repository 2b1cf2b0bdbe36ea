"""What an answer must bring back with the next request, through both packages and through serialization."""

from __future__ import annotations

from typing import Any

from _oxen_transport.testing import Server, chunk, completion, good, reply, sse
from tests.entry_points import EntryPoint, LangChain, LlamaIndex, entry_points
from tests.integration.answers.rows import Row
from tests.integration.answers.test_answers import SIGNED, calling, serve, signed_answers
from tests.tables import each_row


def next_request(api: EntryPoint, url: str, model: str, server: Server) -> dict[str, Any]:
    """Ask, keep the answer, load it again, and go on with it. Returns: the assistant's message that was sent."""
    from langchain_core.load import dumps, loads
    from langchain_core.messages import ToolMessage
    from llama_index.core.base.llms.types import ChatMessage

    answer = api.ask(api.make(url, model=model)).raw
    if isinstance(api, LangChain):
        kept = loads(dumps(answer), allowed_objects="all")
        history: list[Any] = [("user", "w?"), kept, ToolMessage("18", tool_call_id="AbC123xyZ")]
    else:
        kept = ChatMessage.model_validate_json(answer.message.model_dump_json())
        result = ChatMessage(role="tool", content="18", additional_kwargs={"tool_call_id": "AbC123xyZ"})
        history = [ChatMessage(content="w?"), kept, result]
    stage = server.stage(good)
    api.ask(api.make(stage.url, model=model), history)
    return next(message for message in stage.bodies[0]["messages"] if "tool_calls" in message)


@each_row("model", ["gemini-3-pro", "mixtral-8x22b-instruct"])
@each_row("body", signed_answers())
def test_signatures_go_back_unless_the_model_is_of_mistral(body: bytes, model: str, server: Server) -> None:
    details = [{"type": "reasoning.text", "index": 0, "text": "so it is", "signature": "s"}]
    for api in entry_points(LangChain, LlamaIndex):
        sent = next_request(api, serve(server, Row("", body)), model, server)
        signed = model.startswith("gemini")
        assert sent["tool_calls"][0].get("extra_content") == (SIGNED if signed else None), str(api)
        assert sent.get("reasoning_details") == (details if signed else None), str(api)


def test_thoughts_go_back_to_a_model_that_needs_them(server: Server) -> None:
    thoughts = {
        "reasoning_content": "hm",
        "reasoning_details": [{"type": "reasoning.encrypted", "data": "x", "index": 0}],
    }
    call = calling('{"a":1}', extra_content=SIGNED)
    body = completion("")
    body["choices"][0]["message"] = {"content": None, **thoughts, "tool_calls": [call]}
    flow = sse([chunk({**thoughts, "tool_calls": [call]}), chunk(None, "tool_calls")])
    expected = {**thoughts, "tool_calls": [{name: value for name, value in call.items() if name != "index"}]}
    for api in entry_points(LangChain, LlamaIndex):
        url = serve(server, Row("", flow)) if api.streams else server.stage(reply(body)).url
        assert expected.items() <= next_request(api, url, "deepseek-v4-flash", server).items(), str(api)
