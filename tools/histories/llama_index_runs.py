"""The runs of LlamaIndex that are recorded: name -> what drives it, and the run."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from llama_index.core import PromptTemplate, SummaryIndex, get_response_synthesizer
from llama_index.core.agent.workflow import CodeActAgent, FunctionAgent, ReActAgent
from llama_index.core.callbacks import CallbackManager, TokenCountingHandler
from llama_index.core.chat_engine import CondenseQuestionChatEngine, SimpleChatEngine
from llama_index.core.indices.query.query_transform import HyDEQueryTransform, StepDecomposeQueryTransform
from llama_index.core.memory import ChatSummaryMemoryBuffer, FactExtractionMemoryBlock, Memory, StaticMemoryBlock
from llama_index.core.postprocessor import LLMRerank
from llama_index.core.program import LLMTextCompletionProgram
from llama_index.core.query_engine import CitationQueryEngine, MultiStepQueryEngine, TransformQueryEngine
from llama_index.core.tools import FunctionTool
from pydantic import BaseModel

from _oxen_transport.testing import Server, Stage
from llama_index_oxen import Oxen
from tools.histories.files import REAL, SCRIPTED
from tools.histories.langchain_runs import calls, says
from tools.support.langchain_flows import EACH
from tools.support.llama_index_flows import QUESTION, documents, index, weather

Play = Callable[[Server, str], Any]
TWO = calls(("call_p_1", "weather", {"city": "Paris"}), ("call_p_2", "weather", {"city": "Rome"}), text="Both.")


def maker(server: Server) -> Callable[..., tuple[Oxen, Stage]]:
    """The fixture `make` of LlamaIndex's flows, outside of pytest and without its checks."""

    def made(*attempts: Any, **settings: Any) -> tuple[Oxen, Stage]:
        stage = server.stage(*attempts)
        return Oxen(base_url=stage.url, api_key="sk-1", max_retries=0, **settings), stage

    return made


def scripted(flow: Callable[[Callable[..., tuple[Oxen, Stage]]], Any]) -> tuple[str, Play]:
    return SCRIPTED, lambda server, _: flow(maker(server))


def real(flow: Callable[[Oxen], Any], **settings: Any) -> tuple[str, Play]:
    """A flow with the real model."""

    def play(_: Server, url: str) -> None:
        given = {"temperature": 0, "max_tokens": 60, "timeout": 240, "context_window": 8192, **settings}
        flow(Oxen(base_url=url, callback_manager=CallbackManager([TokenCountingHandler()]), **given))

    return REAL, play


def tests_of_the_real_model(*names: str) -> tuple[str, Play]:
    return REAL, tuple(f"tests/integration/real_model/test_llama_index.py::{name}" for name in names)


def tests_of_flows(name: str) -> tuple[str, Play]:
    return SCRIPTED, (f"tests/integration/frameworks/llama_index/{name}",)


class City(BaseModel):
    """A city and its country."""

    name: str
    country: str


def run(agent: Any, *said: str, **given: Any) -> None:
    """One run after another, with one memory."""

    async def all_of_them() -> None:
        memory = given.pop("memory", None) or Memory.from_defaults(session_id="one", token_limit=4_000)
        for text in said:
            await agent.run(text, memory=memory, **given)

    asyncio.run(all_of_them())


# -- agents --------------------------------------------------------------------------------------


def parallel(make: Any) -> None:
    llm, _ = make(TWO, says("Both are fine."), says("You are welcome."))
    run(FunctionAgent(tools=[weather], llm=llm, streaming=False, system_prompt="Be kind."), "Weather?", "Thank you.")


def parallel_real(llm: Oxen) -> None:
    run(FunctionAgent(tools=[weather], llm=llm), EACH, "Thank you.")


def return_direct(make: Any) -> None:
    """Of two calls the first ends the run: the second is never answered, and the conversation goes on."""
    llm, _ = make(TWO, says("You are welcome."))
    tool = FunctionTool.from_defaults(weather, return_direct=True)
    run(FunctionAgent(tools=[tool], llm=llm, streaming=False), "Weather?", "Thank you.")


def stopped_early(make: Any) -> None:
    """At the last iteration core asks for an answer, in a system message at the end."""
    llm, _ = make(TWO, TWO, says("It seems fine."), says("Bye."))
    agent = FunctionAgent(tools=[weather], llm=llm, early_stopping_method="generate", system_prompt="Be kind.")
    run(agent, "Weather?", "Bye.", max_iterations=2)


def failing_tools(make: Any) -> None:
    """A tool that fails, and one that does not exist."""

    def broken(city: str) -> str:
        raise OSError(f"no line to {city}")

    llm, _ = make(calls(("1", "broken", {"city": "Paris"}), ("2", "no_such_tool", {})), says("I cannot."))
    run(FunctionAgent(tools=[FunctionTool.from_defaults(broken)], llm=llm), "Weather?")


def react_retries(make: Any) -> None:
    """No answer, an answer in no form, a tool, the answer; then a second question."""
    form = 'Thought: I need it.\nAction: weather\nAction Input: {"city": "Paris"}'
    answer = says("Thought: I can answer.\nAnswer: 18 degrees.")
    llm, _ = make(says(""), says("Thought: hm\nAction: weather"), says(form), answer)
    run(ReActAgent(tools=[weather], llm=llm, streaming=False), "Weather?", "And now?")


def code_act(make: Any) -> None:
    llm, _ = make(says("<execute>\nprint(6 * 7)\n</execute>"), says("It is 42."))

    def execute(code: str) -> str:
        """Run it."""
        return "42"

    run(CodeActAgent(code_execute_fn=execute, tools=[weather], llm=llm), "Six times seven?")


# -- memories ------------------------------------------------------------------------------------


def short_memory(make: Any) -> None:
    """What falls out at the front leaves results without calls; blocks put in what they know."""
    llm, _ = make(TWO, says("Both are fine, both are fine, both are fine."), TWO, says("They still are."))
    facts = FactExtractionMemoryBlock(llm=make(says("<facts><fact>Likes weather</fact></facts>"))[0])
    blocks = [StaticMemoryBlock(static_content="The user is Bob."), facts]
    for where in ("system", "user"):
        memory = Memory.from_defaults(
            session_id=where,
            token_limit=120,
            chat_history_token_ratio=0.5,
            token_flush_size=20,
            memory_blocks=blocks,
            insert_method=where,
        )
        agent = FunctionAgent(tools=[weather], llm=llm, system_prompt="Be kind.")
        run(agent, "Weather in Paris and in Rome?", "And now?", "And then?", memory=memory)


def summary_memory(make: Any) -> None:
    llm, _ = make(says("It is about the weather."))
    memory = ChatSummaryMemoryBuffer.from_defaults(llm=llm, token_limit=30)
    engine = SimpleChatEngine.from_defaults(llm=llm, memory=memory, system_prompt="Be kind.")
    for text in ("Hello, how is the weather in Paris?", "And in Rome, which lies further south?", "Bye."):
        engine.chat(text)


# -- engines -------------------------------------------------------------------------------------


def chat_engines(llm: Oxen) -> None:
    engine = index().as_query_engine(llm=llm, similarity_top_k=1)
    for one in (
        CondenseQuestionChatEngine.from_defaults(engine, llm=llm),
        SimpleChatEngine.from_defaults(llm=llm, system_prompt="Be brief."),
    ):
        one.chat(QUESTION)
        one.chat("And the cart?")


def query_engines(llm: Oxen) -> None:
    """With a system prompt of the model's own, which core puts before the engine's."""
    for mode in ("compact", "refine", "tree_summarize", "accumulate", "compact_accumulate", "simple_summarize"):
        index().as_query_engine(llm=llm, response_mode=mode, similarity_top_k=2).query(QUESTION)
    summary = SummaryIndex.from_documents(documents())
    summary.as_query_engine(llm=llm, response_mode="tree_summarize").query(QUESTION)


def more_engines(llm: Oxen) -> None:
    plain = index().as_query_engine(llm=llm, similarity_top_k=1)
    CitationQueryEngine.from_args(index(), llm=llm, similarity_top_k=1).query(QUESTION)
    TransformQueryEngine(plain, HyDEQueryTransform(llm=llm)).query(QUESTION)
    steps = StepDecomposeQueryTransform(llm=llm)
    synthesizer = get_response_synthesizer(llm=llm)
    MultiStepQueryEngine(plain, steps, synthesizer, num_steps=2, index_summary="The farm.").query(QUESTION)


def reranked(make: Any) -> None:
    llm, _ = make(says("Doc: 1, Relevance: 9\nDoc: 2, Relevance: 3"), says("Bill and Ben."))
    rerank = LLMRerank(llm=llm, top_n=1)
    index().as_query_engine(llm=llm, similarity_top_k=2, node_postprocessors=[rerank]).query(QUESTION)


def text_program(llm: Oxen) -> None:
    program = LLMTextCompletionProgram.from_defaults(
        output_cls=City, prompt=PromptTemplate("Paris is the capital of France."), llm=llm
    )
    assert program() == City(name="Paris", country="France")


RUNS: dict[str, tuple[str, Play]] = {
    "llama_index_agent": tests_of_the_real_model("test_an_agent_calls_its_tool_and_answers_from_the_result[True]"),
    "llama_index_agent_parallel_tools": scripted(parallel),
    "llama_index_agent_parallel_tools_real": real(parallel_real),
    "llama_index_agent_return_direct": scripted(return_direct),
    "llama_index_agent_stopped_early": scripted(stopped_early),
    "llama_index_agent_failing_tools": scripted(failing_tools),
    "llama_index_agent_object": tests_of_flows("test_agents.py::test_an_agent_that_ends_in_an_object"),
    "llama_index_agent_memory": tests_of_the_real_model("test_an_agent_remembers_after_its_context_was_saved"),
    "llama_index_workflow_handoff": tests_of_flows("test_agents.py::test_a_workflow_of_agents_hands_over"),
    "llama_index_workflow_saved": tests_of_flows("test_agents.py::test_a_workflow_is_saved_in_the_midst_and_goes_on"),
    "llama_index_react": tests_of_flows("test_agents.py::test_a_react_agent"),
    "llama_index_react_retries": scripted(react_retries),
    "llama_index_code_act": scripted(code_act),
    "llama_index_memory_short": scripted(short_memory),
    "llama_index_memory_summary": scripted(summary_memory),
    "llama_index_chat_context": tests_of_the_real_model("test_a_chat_engine_talks[ContextChatEngine]"),
    "llama_index_chat_condense_plus_context": tests_of_the_real_model(
        "test_a_chat_engine_talks[CondensePlusContextChatEngine]"
    ),
    "llama_index_chat_condense_question_and_simple": real(chat_engines),
    "llama_index_query_engines": tests_of_the_real_model("test_a_query_engine_answers_from_its_passages"),
    "llama_index_query_engines_system_prompt": real(query_engines, system_prompt="Be brief.", max_tokens=20),
    "llama_index_query_engines_more": real(more_engines, max_tokens=30),
    "llama_index_query_rerank": scripted(reranked),
    "llama_index_query_sub_questions": tests_of_flows("test_query_engines.py::test_sub_questions"),
    "llama_index_query_router": tests_of_flows("test_query_engines.py::test_a_router"),
    "llama_index_query_router_real": tests_of_the_real_model("test_a_router_picks_an_engine"),
    "llama_index_objects": tests_of_the_real_model("test_objects"),
    "llama_index_object_engines": tests_of_the_real_model("test_a_structured_llm_and_an_engine_with_an_object"),
    "llama_index_object_text_program": real(text_program),
    "llama_index_ingestion": tests_of_flows("test_ingestion.py::test_ingestion_with_extractors_that_ask_the_model"),
    "llama_index_evaluators": tests_of_flows("test_ingestion.py::test_a_judge"),
}
