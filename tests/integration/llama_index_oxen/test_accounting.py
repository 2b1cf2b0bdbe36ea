"""Every token is counted once: by LlamaIndex's own counter, and by OpenInference's tracer."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from itertools import count
from typing import Any

import pytest
from llama_index.core.agent.workflow import FunctionAgent
from llama_index.core.base.llms.types import ChatMessage
from llama_index.core.callbacks import CallbackManager, TokenCountingHandler
from llama_index.core.prompts import PromptTemplate
from llama_index.core.tools import FunctionTool
from openinference.instrumentation.llama_index import LlamaIndexInstrumentor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from pydantic import BaseModel

from _oxen_transport.testing import Server, chunks, completion, reply, sse, streamed, whole
from llama_index_oxen import Oxen
from tests.integration.both_packages.packages import WAYS, objects_of
from tests.integration.llama_index_oxen.test_llms import METHODS, ask
from tests.tables import each_row

QUESTION = [ChatMessage(content="What does the ox do?")]


class Person(BaseModel):
    """A person."""

    name: str
    age: int


def weather(city: str) -> str:
    """Tell the weather of a city."""
    return f"18 degrees in {city}"


class Till:
    """A server that takes another price each time, and keeps the sum itself."""

    def __init__(self) -> None:
        self.sums = [0, 0]
        self.answers = 0
        self._more = count(1)

    def __call__(self, request: Any) -> Any:
        number = next(self._more)
        usage = {"prompt_tokens": 100 + number, "completion_tokens": 3 + number % 5}
        usage["total_tokens"] = sum(usage.values())
        if number % 10 == 7:  # failures and their retries cost nothing
            return reply({"error": {"message": "busy"}}, 503)
        self.sums[0] += usage["prompt_tokens"]
        self.sums[1] += usage["completion_tokens"]
        self.answers += 1
        calls = self._calls(request.json)
        if request.wants_stream:
            assert request.json["stream_options"] == {"include_usage": True}
            return streamed(sse(chunks(tool_calls=calls, usage=usage)))
        return [whole(completion(tool_calls=calls, usage=usage))]

    def _calls(self, body: dict[str, Any]) -> list[Any]:
        name = body["tools"][0]["function"]["name"] if body.get("tools") else ""
        if name == "Person":
            return [("AbC123xyZ", "Person", {"name": "Bob", "age": 42})]
        if name == "weather" and body["messages"][-1]["role"] == "user":
            return [("AbC123xyZ", "weather", {"city": "Paris"})]
        return []


async def mixed(llm: Oxen) -> None:
    """One round of everything; sync calls stand for those outside of a loop."""
    for name in METHODS:
        await asyncio.to_thread(ask, llm, name)
    for way in WAYS:
        shown = await asyncio.to_thread(objects_of, llm, Person, way, {})
        assert shown[-1] == Person(name="Bob", age=42)
    llm.as_structured_llm(Person).chat(QUESTION)
    llm.predict(PromptTemplate("Who is Bob?"))
    llm.predict_and_call([FunctionTool.from_defaults(weather)], "The weather in Paris?")
    await FunctionAgent(tools=[weather], llm=llm).run("The weather in Paris?")  # two calls
    await FunctionAgent(tools=[weather], llm=llm, streaming=False).run("The weather in Paris?")


@pytest.mark.usefixtures("fast_retries")
def test_the_counter_equals_the_servers_own_sum(server: Server) -> None:
    till, counter = Till(), TokenCountingHandler()
    stage = server.stage(till)
    llm = Oxen(base_url=stage.url, api_key="sk-1", callback_manager=CallbackManager([counter]))

    for _ in range(3):
        asyncio.run(mixed(llm))
    assert till.answers == 3 * 19 > 50
    assert len(stage.requests) > till.answers, "no retry was among them"
    assert len(counter.llm_token_counts) == till.answers
    assert [counter.prompt_llm_token_count, counter.completion_llm_token_count] == till.sums


# -- OpenInference ---------------------------------------------------------------------------------


@pytest.fixture
def spans() -> Iterator[InMemorySpanExporter]:
    """What a tracer such as Phoenix gets."""
    kept, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(kept))
    instrumentor = LlamaIndexInstrumentor()
    instrumentor.instrument(tracer_provider=provider, skip_dep_check=True)
    yield kept
    instrumentor.uninstrument()


def of_the_model(kept: InMemorySpanExporter) -> list[dict[str, Any]]:
    every = [dict(span.attributes or {}) for span in kept.get_finished_spans()]
    return [one for one in every if one.get("openinference.span.kind") == "LLM"]


@each_row("name", METHODS)
def test_a_tracer_reads_model_tokens_and_calls(server: Server, spans: InMemorySpanExporter, name: str) -> None:
    spans.clear()
    llm = Oxen(base_url=server.stage(Till()).url, api_key="sk-canary-1", temperature=0.25)
    tools = [{"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}]
    ask(llm, name, **({} if "complete" in name else {"tools": tools}))
    [span] = of_the_model(spans)
    assert span["llm.model_name"] == "open-mixtral-8x22b"
    assert [span[f"llm.token_count.{what}"] for what in ("prompt", "completion", "total")] == [101, 4, 105]
    assert "canary" not in repr(spans.get_finished_spans()) + repr(span)
    if "chat" in name:
        assert span["llm.input_messages.0.message.content"] == "What does the ox do?"
        call = "llm.output_messages.0.message.tool_calls.0.tool_call."
        assert span[f"{call}function.name"] == "weather"
        assert json.loads(str(span[f"{call}function.arguments"])) == {"city": "Paris"}
        assert json.loads(str(span["llm.invocation_parameters"]))["context_window"] == 64_000


async def test_a_tracer_reads_an_agents_run(server: Server, spans: InMemorySpanExporter) -> None:
    till = Till()
    llm = Oxen(base_url=server.stage(till).url, api_key="sk-canary-1")
    await FunctionAgent(tools=[weather], llm=llm).run("The weather in Paris?")
    assert sum(int(span.get("llm.token_count.total", 0)) for span in of_the_model(spans)) == sum(till.sums)
