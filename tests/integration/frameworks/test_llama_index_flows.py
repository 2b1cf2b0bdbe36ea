"""Whole applications on the scripted server: what is asked, in how many requests, and what comes of the answers.

The same machinery runs with a real model in test_real_model.py.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest
from llama_index.core.agent.workflow import AgentWorkflow, FunctionAgent, ReActAgent
from llama_index.core.chat_engine import CondensePlusContextChatEngine, ContextChatEngine
from llama_index.core.evaluation import CorrectnessEvaluator, FaithfulnessEvaluator, RelevancyEvaluator
from llama_index.core.extractors import KeywordExtractor, QuestionsAnsweredExtractor, TitleExtractor
from llama_index.core.ingestion import IngestionPipeline
from llama_index.core.memory import ChatMemoryBuffer, Memory
from llama_index.core.node_parser import SentenceSplitter
from llama_index.core.query_engine import RouterQueryEngine, SubQuestionQueryEngine
from llama_index.core.question_gen import LLMQuestionGenerator
from llama_index.core.selectors import LLMSingleSelector, PydanticSingleSelector
from llama_index.core.tools import QueryEngineTool
from llama_index.core.workflow import Context, StartEvent, StopEvent, Workflow, step
from pydantic import BaseModel

from _oxen_transport.testing import Server, Stage, chunks, completion, sse, streamed, whole
from llama_index_oxen import Oxen
from tools.support.llama_index_flows import PASSAGES, documents, index, sources

Make = Callable[..., tuple[Oxen, Stage]]
QUESTION = "Who pulls the plough?"


def saying(text: str) -> Callable[[Any], Any]:
    def attempt(request: Any) -> Any:
        return streamed(sse(chunks(text.split(" ")))) if request.wants_stream else [whole(completion(text))]

    return attempt


def calling(name: str, arguments: dict[str, Any]) -> Callable[[Any], Any]:
    calls = [("AbC123xyZ", name, arguments)]

    def attempt(request: Any) -> Any:
        if request.wants_stream:
            return streamed(sse(chunks(tool_calls=calls)))
        return [whole(completion(tool_calls=calls))]

    return attempt


@pytest.fixture
def make(server: Server) -> Make:
    def made(*attempts: Any, **options: Any) -> tuple[Oxen, Stage]:
        stage = server.stage(*attempts)
        return Oxen(base_url=stage.url, api_key="sk-1", max_retries=0, **options), stage

    return made


def asked(stage: Stage) -> list[str]:
    """The text of each request's messages."""
    return ["\n".join(str(message["content"]) for message in body["messages"]) for body in stage.bodies]


# -- query engines -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mode", "requests"), [("compact", 1), ("refine", 3), ("tree_summarize", 1), ("simple_summarize", 1)]
)
@pytest.mark.parametrize("way", ["sync", "async", "streaming", "async streaming"])
def test_a_query_engine(make: Make, mode: str, requests: int, way: str) -> None:
    llm, stage = make(saying("Bill and Ben."))
    streaming = "streaming" in way
    engine = index().as_query_engine(llm=llm, response_mode=mode, similarity_top_k=3, streaming=streaming)

    async def run() -> tuple[str, Any]:
        response = await engine.aquery(QUESTION)
        if streaming:
            text = "".join([piece async for piece in response.async_response_gen()])
            return text, response
        return str(response), response

    if "async" in way:
        text, response = asyncio.run(run())
    else:
        response = engine.query(QUESTION)
        text = "".join(response.response_gen) if streaming else str(response)
    assert text.replace(" ", "") == "BillandBen."
    assert sorted(sources(response)) == ["passage-0", "passage-1", "passage-2"]
    assert len(stage.requests) == requests
    assert all(passage in "\n".join(asked(stage)) for passage in PASSAGES)
    assert bool(stage.bodies[-1].get("stream")) == streaming


def test_the_true_window_keeps_many_passages_in_one_request(make: Make) -> None:
    """A window of 3,900 tokens, as compatible clients assume, would take four."""
    llm, stage = make(saying("Bill and Ben."))
    from llama_index.core.response_synthesizers import get_response_synthesizer

    passages = [f"{number}: " + "the ox pulls the plough home at noon " * 140 for number in range(12)]
    get_response_synthesizer(llm=llm, response_mode="compact").get_response(QUESTION, passages)
    assert len(stage.requests) == 1


def test_a_query_engine_with_an_object_for_an_answer(make: Make) -> None:
    class Team(BaseModel):
        """Who pulls."""

        names: list[str]

    llm, stage = make(calling("Team", {"names": ["Bill", "Ben"]}))
    response = index().as_query_engine(llm=llm.as_structured_llm(Team), similarity_top_k=1).query(QUESTION)
    assert response.response == Team(names=["Bill", "Ben"])
    response = index().as_query_engine(llm=llm, output_cls=Team, similarity_top_k=1).query(QUESTION)
    assert response.response == Team(names=["Bill", "Ben"])
    assert [body["tool_choice"] for body in stage.bodies] == ["required", "required"]


def test_sub_questions(make: Make) -> None:
    parts = [{"sub_question": f"Who pulls the {what}?", "tool_name": "farm"} for what in ("plough", "cart")]

    def model(request: Any) -> Any:
        text = str(request.json["messages"])
        if "sub-questions" in text:
            return saying("```json\n" + json.dumps({"items": parts}) + "\n```")(request)
        return saying("Two oxen, and a mule." if "Sub question" in text else "It depends.")(request)

    llm, stage = make(model)
    tool = QueryEngineTool.from_defaults(index().as_query_engine(llm=llm), name="farm", description="The farm.")
    engine = SubQuestionQueryEngine.from_defaults(
        [tool], llm=llm, question_gen=LLMQuestionGenerator.from_defaults(llm=llm), verbose=False
    )
    assert str(engine.query("Who pulls the plough, and who the cart?")) == "Two oxen, and a mule."
    assert str(asyncio.run(engine.aquery("Who pulls the plough, and who the cart?"))) == "Two oxen, and a mule."
    assert len(stage.requests) == 2 * (1 + 2 + 1)


@pytest.mark.parametrize("selector", ["tool", "text"])
@pytest.mark.parametrize("is_async", [False, True])
def test_a_router(make: Make, selector: str, is_async: bool) -> None:
    """The selection is an object by a forced tool, or JSON in the text."""
    single = {"index": 2, "reason": "It is about oxen."}

    def model(request: Any) -> Any:
        if "tools" in request.json:
            return calling("SingleSelection", single)(request)
        if "choices" in str(request.json["messages"]):
            return saying(json.dumps([{"choice": 2, "reason": "It is about oxen."}]))(request)
        return saying("Bill and Ben.")(request)

    llm, stage = make(model)
    picks = (
        PydanticSingleSelector.from_defaults(llm=llm)
        if selector == "tool"
        else LLMSingleSelector.from_defaults(llm=llm)
    )
    tools = [
        QueryEngineTool.from_defaults(index().as_query_engine(llm=llm, similarity_top_k=1), description=f"About {what}")
        for what in ("mills", "oxen")
    ]
    engine = RouterQueryEngine(picks, tools, llm=llm)
    response = asyncio.run(engine.aquery(QUESTION)) if is_async else engine.query(QUESTION)
    assert str(response) == "Bill and Ben."
    assert response.metadata["selector_result"].ind == 1
    assert len(stage.requests) == 2


# -- chat engines and memories -------------------------------------------------------------------


@pytest.mark.parametrize("way", ["chat", "achat", "stream_chat", "astream_chat"])
@pytest.mark.parametrize("kind", [ContextChatEngine, CondensePlusContextChatEngine])
def test_a_chat_engine(make: Make, kind: type[Any], way: str) -> None:
    def model(request: Any) -> Any:
        follow_up = "standalone question" in str(request.json["messages"])
        return saying("Who pulls the cart?" if follow_up else "Bill and Ben.")(request)

    llm, stage = make(model)
    engine = kind.from_defaults(index().as_retriever(similarity_top_k=1), llm=llm, system_prompt="You are a farmer.")

    async def both() -> str:
        for question in (QUESTION, "And the cart?"):
            response = await getattr(engine, way)(question)
            text = str(response)
            if way == "astream_chat":
                text = "".join([piece async for piece in response.async_response_gen()])
        return text

    if way.startswith("a"):
        text = asyncio.run(both())
    else:
        for question in (QUESTION, "And the cart?"):
            response = getattr(engine, way)(question)
            text = "".join(response.response_gen) if way == "stream_chat" else str(response)
    assert text.replace(" ", "") == "BillandBen."
    assert len(stage.requests) == (3 if kind is CondensePlusContextChatEngine else 2)
    last = stage.bodies[-1]["messages"]
    assert [message["role"] for message in last] == ["system", "user", "assistant", "user"]
    assert "You are a farmer." in last[0]["content"]
    assert [message.role.value for message in engine.chat_history] == ["user", "assistant"] * 2


def test_memories_hold_what_the_window_holds(make: Make) -> None:
    llm, _ = make(saying("Yes."))
    assert ChatMemoryBuffer.from_defaults(llm=llm).token_limit == int(0.75 * llm.metadata.context_window)


def test_an_agent_remembers(make: Make) -> None:
    llm, stage = make(saying("Noted."))
    memory = Memory.from_defaults(session_id="one", token_limit=4_000)

    async def run() -> None:
        agent = FunctionAgent(tools=[weather], llm=llm)
        await agent.run("My name is Bob.", memory=memory)
        await agent.run("What is my name?", memory=memory)

    asyncio.run(run())
    said = [(message["role"], message["content"]) for message in stage.bodies[1]["messages"]]
    assert said == [("user", "My name is Bob."), ("assistant", "Noted."), ("user", "What is my name?")]


# -- agents and workflows ------------------------------------------------------------------------


def weather(city: str) -> str:
    """Tell the weather of a city."""
    return f"18 degrees in {city}"


def test_a_workflow_of_agents_hands_over(make: Make) -> None:
    llm, stage = make(
        calling("handoff", {"to_agent": "seer", "reason": "weather"}),
        calling("weather", {"city": "Paris"}),
        saying("18 degrees."),
    )
    clerk = FunctionAgent(name="clerk", description="Receives.", tools=[weather], llm=llm, can_handoff_to=["seer"])
    seer = FunctionAgent(name="seer", description="Sees.", tools=[weather], llm=llm)

    async def run() -> Any:
        return await AgentWorkflow(agents=[clerk, seer], root_agent="clerk").run("The weather in Paris?")

    made = asyncio.run(run())
    assert str(made).replace(" ", "") == "18degrees."
    assert made.current_agent_name == "seer"
    assert "18 degrees in Paris" in asked(stage)[-1]


def test_a_react_agent(make: Make) -> None:
    llm, stage = make(
        saying('Thought: I need it.\nAction: weather\nAction Input: {"city": "Paris"}'),
        saying("Thought: I can answer.\nAnswer: 18degrees."),
    )

    async def run() -> str:
        return str(await ReActAgent(tools=[weather], llm=llm, streaming=False).run("The weather in Paris?"))

    assert asyncio.run(run()).strip() == "18degrees."
    assert "Observation: 18 degrees in Paris" in asked(stage)[1]


def test_a_workflow_is_saved_in_the_midst_and_goes_on(make: Make) -> None:
    """What the model said is in the context, as JSON, and comes back as it was."""
    llm, stage = make(calling("weather", {"city": "Paris"}), saying("It was 18 degrees."))

    class Diary(Workflow):
        @step
        async def turn(self, ctx: Context, ev: StartEvent) -> StopEvent:
            from llama_index.core.tools import FunctionTool

            history = await ctx.store.get("history", default=[])
            tool = FunctionTool.from_defaults(weather)
            response = await llm.achat_with_tools([tool], user_msg=ev.said, chat_history=history)
            history = [*history, {"role": "user", "content": ev.said}, response.message.model_dump(mode="json")]
            await ctx.store.set("history", history)
            await ctx.store.set("raw", response.raw)
            return StopEvent(result=response.message.content)

    async def run() -> str:
        diary = Diary()
        context = Context(diary)
        await diary.run(said="The weather in Paris?", ctx=context)
        saved = json.dumps(context.to_dict())
        again = Context.from_dict(diary, json.loads(saved))
        history = await again.store.get("history")
        assert (await again.store.get("raw"))["usage"]["total_tokens"] == 19
        from llama_index.core.llms import ChatMessage

        restored = [ChatMessage(**message) for message in history]
        result = ChatMessage(role="tool", content="18", additional_kwargs={"tool_call_id": "AbC123xyZ"})
        return (await llm.achat([*restored, result])).message.content

    assert asyncio.run(run()) == "It was 18 degrees."
    _, called, result = stage.bodies[1]["messages"]
    assert called["tool_calls"][0]["id"] == result["tool_call_id"] == "AbC123xyZ"


def test_an_agent_that_ends_in_an_object(make: Make) -> None:
    class Report(BaseModel):
        """The weather."""

        city: str
        degrees: int

    llm, stage = make(
        calling("weather", {"city": "Paris"}),
        saying("18 degrees."),
        calling("Report", {"city": "Paris", "degrees": 18}),
    )

    async def run() -> Any:
        return await FunctionAgent(tools=[weather], llm=llm, output_cls=Report).run("The weather in Paris?")

    assert asyncio.run(run()).get_pydantic_model(Report) == Report(city="Paris", degrees=18)
    assert stage.bodies[2]["tool_choice"] == "required"


# -- ingestion and evaluation --------------------------------------------------------------------


def test_ingestion_with_extractors_that_ask_the_model(make: Make) -> None:
    llm, stage = make(saying("Oxen at work"))
    extractors = [
        TitleExtractor(llm=llm, nodes=1),
        KeywordExtractor(llm=llm, keywords=3),
        QuestionsAnsweredExtractor(llm=llm, questions=1),
    ]
    pipeline = IngestionPipeline(transformations=[SentenceSplitter(chunk_size=200, chunk_overlap=0), *extractors])
    nodes = pipeline.run(documents=documents())
    assert len(nodes) == 3
    for node in nodes:
        assert node.metadata == {
            "document_title": "Oxen at work",
            "excerpt_keywords": "Oxen at work",
            "questions_this_excerpt_can_answer": "Oxen at work",
        }
    assert len(stage.requests) == 3 * (2 + 1 + 1)  # a title for the node, then one for its document


def test_a_pipeline_with_a_model_in_it_has_a_cache_key(make: Make) -> None:
    """The key is a hash of `to_dict()`: equal for equal models, and no secret is in it."""
    llm, stage = make(saying("Oxen at work"))
    pipeline = IngestionPipeline(transformations=[TitleExtractor(llm=llm, nodes=1)])
    for _ in range(2):
        pipeline.run(documents=documents()[:1])
    assert len(stage.requests) == 2, "the second run is answered by the cache"


def test_evaluators(make: Make) -> None:
    def model(request: Any) -> Any:
        text = str(request.json["messages"])
        return saying("4.5\nIt is nearly right." if "score" in text.lower() else "YES")(request)

    llm, _ = make(model)
    assert FaithfulnessEvaluator(llm=llm).evaluate(response="Two oxen.", contexts=PASSAGES).passing
    relevant = RelevancyEvaluator(llm=llm)
    assert relevant.evaluate(query=QUESTION, response="Two oxen.", contexts=PASSAGES).passing
    correct = CorrectnessEvaluator(llm=llm)
    judged = asyncio.run(correct.aevaluate(query=QUESTION, response="Two oxen.", reference="Bill and Ben."))
    assert judged.score == 4.5
    assert judged.passing
