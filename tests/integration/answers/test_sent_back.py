"""What an answer must bring back with the next request, through both packages and through serialization."""

from __future__ import annotations

from _oxen_transport.testing import Server, good
from tests.entry_points import LangChain, LlamaIndex, entry_points
from tests.integration.answers.rows import Row
from tests.integration.answers.test_answers import SIGNED, serve, signed_answers
from tests.tables import each_row


@each_row("model", ["gemini-3-pro", "mixtral-8x22b-instruct"])
@each_row("body", signed_answers(), ids=["whole", "streamed"])
def test_signatures_go_back_unless_the_model_is_of_mistral(body: bytes, model: str, server: Server) -> None:
    from langchain_core.load import dumps, loads
    from langchain_core.messages import ToolMessage
    from llama_index.core.base.llms.types import ChatMessage

    details = [{"type": "reasoning.text", "index": 0, "text": "so it is", "signature": "s"}]
    for api in entry_points(LangChain, LlamaIndex):
        answer = api.ask(api.make(serve(server, Row("", body)), model=model)).raw
        if isinstance(api, LangChain):
            history = [loads(dumps(answer), allowed_objects="all"), ToolMessage("18", tool_call_id="AbC123xyZ")]
        else:
            kept = ChatMessage.model_validate_json(answer.message.model_dump_json())
            history = [kept, ChatMessage(role="tool", content="18", additional_kwargs={"tool_call_id": "AbC123xyZ"})]
        stage = server.stage(good)
        question = ("user", "w?") if isinstance(api, LangChain) else ChatMessage(content="w?")
        api.ask(api.make(stage.url, model=model), [question, *history])
        sent = next(message for message in stage.bodies[0]["messages"] if "tool_calls" in message)
        signed = model.startswith("gemini")
        assert sent["tool_calls"][0].get("extra_content") == (SIGNED if signed else None), str(api)
        assert sent.get("reasoning_details") == (details if signed else None), str(api)
