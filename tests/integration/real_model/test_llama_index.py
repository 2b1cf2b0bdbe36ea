"""LlamaIndex's applications with a real model: llama.cpp's server and half a billion weights, on this machine.

What so small a model cannot be relied on for (handing over to another agent, ReAct's form, splitting a
question) runs on the scripted server, in tests/integration/frameworks/llama_index.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from llama_index.core import Settings
from llama_index.core.agent.workflow import FunctionAgent
from llama_index.core.base.llms.types import ChatMessage
from llama_index.core.callbacks import CallbackManager, TokenCountingHandler
from llama_index.core.chat_engine import CondensePlusContextChatEngine, ContextChatEngine
from llama_index.core.evaluation import FaithfulnessEvaluator
from llama_index.core.extractors import KeywordExtractor
from llama_index.core.ingestion import IngestionPipeline
from llama_index.core.memory import Memory
from llama_index.core.node_parser import SentenceSplitter
from llama_index.core.prompts import PromptTemplate
from llama_index.core.query_engine import RouterQueryEngine
from llama_index.core.selectors import PydanticSingleSelector
from llama_index.core.tools import QueryEngineTool
from llama_index.core.workflow import Context
from pydantic import BaseModel, Field

from _oxen_transport.request import tokens
from llama_index_oxen import Oxen, OxenContextOverflowError
from tests.real_tokens import PROMPTS, ServerTokenizer
from tools.support.llama_index_flows import documents, index, sources

QUESTION = "What are the names of the two oxen?"


@pytest.fixture
def llm(local_model_url: str) -> Oxen:
    counter = TokenCountingHandler()
    return Oxen(
        base_url=local_model_url,
        temperature=0,
        max_tokens=60,
        timeout=240,
        context_window=8192,
        callback_manager=CallbackManager([counter]),
    )


def get_weather(city: str) -> str:
    """Get the weather in a city."""
    return f"It is 21 degrees and sunny in {city}."


class City(BaseModel):
    """A city and its country."""

    name: str = Field(description="name of the city")
    country: str = Field(description="name of the country")


PARIS = City(name="Paris", country="France")
PROMPT = PromptTemplate("{place} is the capital of France.")


@pytest.mark.parametrize("mode", ["compact", "refine", "tree_summarize"])
def test_a_query_engine_answers_from_its_passages(llm: Oxen, mode: str) -> None:
    engine = index().as_query_engine(llm=llm, response_mode=mode, similarity_top_k=2)
    response = engine.query(QUESTION)
    assert "Bill" in str(response)
    assert "passage-0" in sources(response)


def test_a_query_engine_streams(llm: Oxen) -> None:
    engine = index().as_query_engine(llm=llm, streaming=True, similarity_top_k=2)
    pieces = list(engine.query(QUESTION).response_gen)
    assert len(pieces) > 3
    assert "Bill" in "".join(pieces)


def test_a_query_engine_does_not_block(llm: Oxen) -> None:
    engine = index().as_query_engine(llm=llm, similarity_top_k=2)
    assert "Bill" in str(asyncio.run(engine.aquery(QUESTION)))


@pytest.mark.parametrize("kind", [ContextChatEngine, CondensePlusContextChatEngine])
def test_a_chat_engine_talks(llm: Oxen, kind: type[Any]) -> None:
    engine = kind.from_defaults(index().as_retriever(similarity_top_k=2), llm=llm)
    assert "Bill" in str(engine.chat(QUESTION))
    streamed = engine.stream_chat("And what is the name of the mule?")
    assert "".join(streamed.response_gen).strip()
    assert len(engine.chat_history) == 4


def test_a_router_picks_an_engine(llm: Oxen) -> None:
    tools = [
        QueryEngineTool.from_defaults(index().as_query_engine(llm=llm, similarity_top_k=1), description=f"About {what}")
        for what in ("oxen and mules", "cars and trains")
    ]
    engine = RouterQueryEngine(PydanticSingleSelector.from_defaults(llm=llm), tools, llm=llm)
    assert str(engine.query(QUESTION))


@pytest.mark.parametrize("streaming", [True, False])
def test_an_agent_calls_its_tool_and_answers_from_the_result(llm: Oxen, streaming: bool) -> None:
    async def run() -> Any:
        agent = FunctionAgent(tools=[get_weather], llm=llm, streaming=streaming)
        return await agent.run("What is the weather in Paris? Use the tool.")

    made = asyncio.run(run())
    assert [(call.tool_name, call.tool_kwargs) for call in made.tool_calls] == [("get_weather", {"city": "Paris"})]
    assert "21" in str(made)


def test_an_agent_remembers_after_its_context_was_saved(llm: Oxen) -> None:
    """Core leaves the memory out of a saved context, with a warning; so it is kept beside."""

    async def run() -> str:
        agent, memory = FunctionAgent(llm=llm, tools=[]), Memory.from_defaults(session_id="one", token_limit=4_000)
        context = Context(agent)
        await agent.run("My name is Bob.", ctx=context, memory=memory)
        restored = Context.from_dict(agent, json.loads(json.dumps(context.to_dict())))
        return str(await agent.run("What is my name?", ctx=restored, memory=memory))

    assert "Bob" in asyncio.run(run())


@pytest.mark.parametrize("method", ["function_calling", "auto"])
def test_objects(llm: Oxen, method: Any) -> None:
    asked = llm.model_copy(update={"structured_method": method})

    async def run() -> list[Any]:
        whole = await asked.astructured_predict(City, PROMPT, place="Paris")
        *_, last = [one async for one in await asked.astream_structured_predict(City, PROMPT, place="Paris")]
        return [whole, last]

    *_, last = asked.stream_structured_predict(City, PROMPT, place="Paris")
    assert [asked.structured_predict(City, PROMPT, place="Paris"), last, *asyncio.run(run())] == [PARIS] * 4


def test_a_structured_llm_and_an_engine_with_an_object(llm: Oxen) -> None:
    assert llm.as_structured_llm(City).complete("Paris is the capital of France.").raw == PARIS

    class ToolNameMap(BaseModel):
        """The names of animals."""

        names: list[str]

    response = index().as_query_engine(llm=llm, output_cls=ToolNameMap, similarity_top_k=1).query(QUESTION)
    assert set(response.response.names) >= {"Bill", "Ben"}


def test_ingestion_asks_for_keywords(llm: Oxen) -> None:
    steps = [SentenceSplitter(chunk_size=200, chunk_overlap=0), KeywordExtractor(llm=llm, keywords=3)]
    nodes = IngestionPipeline(transformations=steps).run(documents=documents()[:2])
    assert len(nodes) == 2
    assert all(node.metadata["excerpt_keywords"] for node in nodes)


def test_an_evaluator_gives_a_verdict(llm: Oxen) -> None:
    context = ["The plough is pulled by two oxen."]
    judged = FaithfulnessEvaluator(llm=llm).evaluate(response="The plough is pulled by two oxen.", contexts=context)
    assert judged.feedback is not None
    assert judged.feedback.strip().upper().startswith(("YES", "NO"))
    assert judged.passing == ("yes" in judged.feedback.lower())


def test_the_counter_counts_what_the_server_says(llm: Oxen) -> None:
    [counter] = llm.callback_manager.handlers
    assert isinstance(counter, TokenCountingHandler)
    usages = [llm.complete("Say hello.").raw["usage"], list(llm.stream_complete("Say hello."))[-1].raw["usage"]]
    assert counter.total_llm_token_count == sum(usage["total_tokens"] for usage in usages)


@pytest.mark.parametrize("name", PROMPTS)
def test_a_prompt_is_counted_as_the_server_counts_it(
    llm: Oxen, local_model_url: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To the token, by the way that Mixtral's tokens are counted, with this model's template and tokenizer."""
    dicts, tools = PROMPTS[name]
    messages = [chat_message(wired) for wired in dicts]
    counted = llm.chat(messages, tools=tools, max_tokens=1).raw["usage"]["prompt_tokens"]

    monkeypatch.setattr(tokens, "tokenizer_of", lambda _: ServerTokenizer(local_model_url))
    small = llm.model_copy(update={"check_context": True, "context_window": 9})
    with pytest.raises(OxenContextOverflowError) as caught:
        small.chat(messages, tools=tools, max_tokens=1)
    assert caught.value.prompt_tokens == counted


def chat_message(wired: dict[str, Any]) -> ChatMessage:
    beside = {key: wired[key] for key in ("tool_calls", "tool_call_id") if key in wired}
    return ChatMessage(role=wired["role"], content=wired["content"], additional_kwargs=beside)


def test_a_text_is_counted_by_the_users_own_tokenizer(local_model_url: str) -> None:
    """What `Settings.tokenizer` can know is texts: two prompts differ by as much as their texts do."""
    Settings.tokenizer = ServerTokenizer(local_model_url).ids
    counter = TokenCountingHandler()
    llm = Oxen(base_url=local_model_url, max_tokens=1, timeout=240, callback_manager=CallbackManager([counter]))
    texts = ["moo", "The ox pulls the plough — strong, calm and 忠实."]
    by_server = [llm.complete(text).raw["usage"]["prompt_tokens"] for text in texts]
    counted = [len(counter.tokenizer(text)) for text in texts]
    assert by_server[1] - by_server[0] == counted[1] - counted[0] > 10
    assert counter.prompt_llm_token_count == sum(by_server)
