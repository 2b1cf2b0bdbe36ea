"""Query engines on the scripted server: what is asked, in how many requests, and what comes of the answers.

The same machinery runs with a real model in tests/integration/real_model.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from llama_index.core import Settings, get_response_synthesizer
from llama_index.core.evaluation import GuidelineEvaluator, RelevancyEvaluator
from llama_index.core.indices.query.query_transform import HyDEQueryTransform, StepDecomposeQueryTransform
from llama_index.core.query_engine import (
    CitationQueryEngine,
    MultiStepQueryEngine,
    RetryGuidelineQueryEngine,
    RetryQueryEngine,
    RetrySourceQueryEngine,
    RouterQueryEngine,
    SubQuestionQueryEngine,
    TransformQueryEngine,
)
from llama_index.core.question_gen import LLMQuestionGenerator
from llama_index.core.response_synthesizers import ResponseMode
from llama_index.core.selectors import LLMSingleSelector, PydanticSingleSelector
from llama_index.core.tools import QueryEngineTool
from pydantic import BaseModel

from tests.integration.frameworks.llama_index.scripts import Make, asked, calling, replying, saying
from tests.tables import each_row
from tools.support.llama_index_flows import PASSAGES, QUESTION, answer_of, index, sources

SAID = "Bill and Ben."
LINE = "\n---------------------\n"
MODES = {
    # mode: requests for three passages, the answer
    "compact": (1, SAID),
    "refine": (3, SAID),
    "tree_summarize": (1, SAID),
    "simple_summarize": (1, SAID),
    "generation": (1, SAID),
    "accumulate": (3, LINE.join(f"Response {number}: {SAID}" for number in (1, 2, 3))),
    "compact_accumulate": (1, f"Response 1: {SAID}"),
    "context_only": (0, "\n\n".join(PASSAGES)),
    "no_text": (0, "None"),
}
WAYS = [(is_async, streaming) for is_async in (False, True) for streaming in (False, True)]


@pytest.mark.parametrize("mode", [mode.value for mode in ResponseMode])
@each_row("is_async, streaming", WAYS)
def test_a_query_engine(make: Make, mode: str, is_async: bool, streaming: bool) -> None:
    requests, expected = MODES[mode]
    llm, stage = make(saying(SAID))
    Settings.llm = llm  # modes that ask no model want one here: https://github.com/run-llama/llama_index/issues/10970
    engine = index().as_query_engine(llm=llm, response_mode=mode, similarity_top_k=3, streaming=streaming)
    if streaming and "accumulate" in mode:
        with pytest.raises(ValueError, match="Unable to stream"):
            answer_of(engine, is_async=is_async)
        return
    text, response = answer_of(engine, is_async=is_async)
    assert sorted(text.split("\n\n")) == sorted(expected.split("\n\n"))
    assert sorted(sources(response)) == ["passage-0", "passage-1", "passage-2"]
    assert [bool(body.get("stream")) for body in stage.bodies] == [streaming] * requests
    asks_with_passages = requests and mode != "generation"
    assert all((passage in "\n".join(asked(stage))) == bool(asks_with_passages) for passage in PASSAGES)


def test_the_true_window_keeps_many_passages_in_one_request(make: Make) -> None:
    """A window of 3,900 tokens, as compatible clients assume, would take four."""
    llm, stage = make(saying(SAID))
    passages = [f"{number}: " + "the ox pulls the plough home at noon " * 140 for number in range(12)]
    get_response_synthesizer(llm=llm, response_mode=ResponseMode.COMPACT).get_response(QUESTION, passages)
    assert len(stage.requests) == 1


class Team(BaseModel):
    """Who pulls."""

    names: list[str]


@each_row("mode, requests", [("compact", 1), ("refine", 2), ("tree_summarize", 1)])
@each_row("way", ["model", "engine"])
@each_row("is_async", [False, True])
def test_a_query_engine_with_an_object_for_an_answer(
    make: Make, mode: str, requests: int, way: str, is_async: bool
) -> None:
    """The object is asked of the model or of the engine.

    Streamed, core gives no object: of a `StructuredLLM` it reads the generator's name as JSON, an `output_cls` must
    have a field named `answer` (`_prepare_response_output` and `DefaultRefineProgram` in
    https://github.com/run-llama/llama_index/tree/main/llama-index-core/llama_index/core/response_synthesizers).
    """
    llm, stage = make(calling(("Team", {"names": ["Bill", "Ben"]})))
    who = {"llm": llm.as_structured_llm(Team)} if way == "model" else {"llm": llm, "output_cls": Team}
    engine = index().as_query_engine(response_mode=mode, similarity_top_k=2, **who)
    _, response = answer_of(engine, is_async=is_async)
    assert response.response == Team(names=["Bill", "Ben"])
    assert [body["tool_choice"] for body in stage.bodies] == ["required"] * requests


@each_row("is_async", [False, True])
def test_answers_that_judge_themselves(make: Make, is_async: bool) -> None:
    """Each answer says whether its passage has it; one that does not never reaches the next prompt."""

    def judged(answer: str, satisfied: bool) -> Any:
        return calling(("StructuredRefineResponse", {"answer": answer, "query_satisfied": satisfied}))

    llm, stage = make(judged("Nobody.", False), judged("Two oxen.", True), judged("The wind.", False))
    refines = get_response_synthesizer(llm=llm, response_mode=ResponseMode.REFINE, structured_answer_filtering=True)
    engine = index().as_query_engine(llm=llm, similarity_top_k=3, response_synthesizer=refines)
    assert answer_of(engine, is_async=is_async)[0] == "Two oxen."
    assert ["Two oxen." in request for request in asked(stage)] == [False, False, True]
    assert "Nobody." not in "".join(asked(stage))


# -- engines over engines ----------------------------------------------------------------------


@each_row("is_async", [False, True])
def test_sub_questions(make: Make, is_async: bool) -> None:
    parts = [{"sub_question": f"Who pulls the {what}?", "tool_name": "farm"} for what in ("plough", "cart")]
    items = "```json\n" + json.dumps({"items": parts}) + "\n```"
    llm, stage = make(
        replying(("sub-questions", items), ("Sub question", "Two oxen, and a mule."), ("", "It depends."))
    )
    tool = QueryEngineTool.from_defaults(index().as_query_engine(llm=llm), name="farm", description="The farm.")
    questions = LLMQuestionGenerator.from_defaults(llm=llm)
    engine = SubQuestionQueryEngine.from_defaults([tool], llm=llm, question_gen=questions, verbose=False)
    text, _ = answer_of(engine, "Who pulls the plough, and who the cart?", is_async=is_async)
    assert text == "Two oxen, and a mule."
    assert len(stage.requests) == 1 + 2 + 1


@each_row("selector, is_async", [("tool", False), ("tool", True), ("text", False), ("text", True)])
def test_a_router(make: Make, selector: str, is_async: bool) -> None:
    """The selection is an object by a forced tool, or JSON in the text."""
    choice = {"index": 2, "reason": "It is about oxen."}
    said = ("SingleSelection", choice) if selector == "tool" else json.dumps([{"choice": 2, "reason": "Oxen."}])
    llm, stage = make(replying(("choices", said), ("", SAID)))
    kind: Any = PydanticSingleSelector if selector == "tool" else LLMSingleSelector
    tools = [
        QueryEngineTool.from_defaults(index().as_query_engine(llm=llm, similarity_top_k=1), description=f"About {what}")
        for what in ("mills", "oxen")
    ]
    engine = RouterQueryEngine(kind.from_defaults(llm=llm), tools, llm=llm)
    text, response = answer_of(engine, is_async=is_async)
    assert text == SAID
    assert response.metadata["selector_result"].ind == 1
    assert len(stage.requests) == 2


@each_row("is_async, streaming", WAYS)
def test_citations(make: Make, is_async: bool, streaming: bool) -> None:
    """The passages are numbered, and the number in the answer leads to the passage."""
    llm, stage = make(saying("Bill and Ben [1]."))
    engine = CitationQueryEngine.from_args(index(), llm=llm, similarity_top_k=2, streaming=streaming)
    text, response = answer_of(engine, "By whom is the plough pulled?", is_async=is_async)
    assert text == "Bill and Ben [1]."
    assert response.source_nodes[0].node.get_content() == f"Source 1:\n{PASSAGES[0]}\n"
    assert all(node.node.get_content().strip() in asked(stage)[0] for node in response.source_nodes)


@each_row("is_async, streaming", WAYS)
def test_one_step_after_the_other(make: Make, is_async: bool, streaming: bool) -> None:
    llm, stage = make(
        *map(saying, ("Who pulls the plough?", "Two oxen.", "What are the oxen called?", SAID, "None", "They are two."))
    )
    engine = MultiStepQueryEngine(
        index().as_query_engine(llm=llm, similarity_top_k=1),
        StepDecomposeQueryTransform(llm=llm),
        get_response_synthesizer(llm=llm, streaming=streaming),
        index_summary="The animals of a farm.",
    )
    text, response = answer_of(engine, "What are the names of those who pull the plough?", is_async=is_async)
    assert text == "They are two."
    steps = [("Who pulls the plough?", "Two oxen."), ("What are the oxen called?", SAID)]
    assert [(question, str(answer)) for question, answer in response.metadata["sub_qa"]] == steps
    assert all(words in asked(stage)[-1] for step in steps for words in step)


@each_row("is_async, streaming", WAYS)
def test_a_made_up_passage_finds_the_true_one(make: Make, is_async: bool, streaming: bool) -> None:
    """HyDE: the question shares no word with the passage, what the model makes up does."""
    llm, stage = make(saying("The mill is turned by water."), saying("The wind."))
    engine = TransformQueryEngine(
        index().as_query_engine(llm=llm, similarity_top_k=1, streaming=streaming),
        HyDEQueryTransform(llm=llm, include_original=False),
    )
    text, response = answer_of(engine, "What makes flour?", is_async=is_async)
    assert (text, sources(response)) == ("The wind.", ["passage-2"])
    assert PASSAGES[2] in asked(stage)[1]
    assert "turned by water" not in asked(stage)[1]


# -- engines that try again --------------------------------------------------------------------


@each_row("is_async", [False, True])
def test_again_after_a_bad_answer(make: Make, is_async: bool) -> None:
    llm, stage = make(*map(saying, ("Molly.", "NO", SAID, "YES")))
    plain = index().as_query_engine(llm=llm, similarity_top_k=1)
    Settings.llm = llm  # what makes the second question takes no other
    text, _ = answer_of(RetryQueryEngine(plain, RelevancyEvaluator(llm=llm)), is_async=is_async)
    assert text == SAID
    assert "Here is a previous bad answer.\nMolly." in asked(stage)[2]


@each_row("is_async", [False, True])
def test_again_with_a_guidelines_criticism(make: Make, is_async: bool) -> None:
    bad = json.dumps({"passing": False, "feedback": "Name the oxen."})
    good = json.dumps({"passing": True, "feedback": "Well done."})
    llm, stage = make(*map(saying, ("Two oxen.", bad, "What are the oxen called?", SAID, good)))
    plain = index().as_query_engine(llm=llm, similarity_top_k=1)
    Settings.llm = llm
    engine = RetryGuidelineQueryEngine(plain, GuidelineEvaluator(llm=llm), resynthesize_query=True)
    text, _ = answer_of(engine, is_async=is_async)
    assert text == SAID
    assert "Name the oxen.\nNow answer the question.\nWhat are the oxen called?" in asked(stage)[3]


@each_row("is_async", [False, True])
def test_again_with_the_passages_that_fit(make: Make, is_async: bool) -> None:
    """Each passage is judged on its own.

    Core keeps those that failed, too: it looks at the result, which is always true, in place of its `passing`
    (`for node, eval_result` in
    https://github.com/run-llama/llama_index/blob/main/llama-index-core/llama_index/core/query_engine/retry_source_query_engine.py).
    """
    llm, stage = make(*map(saying, ("Molly.", "NO", "YES", "NO", SAID, "YES")))
    plain = index().as_query_engine(llm=llm, similarity_top_k=2)
    Settings.llm = llm  # the engine over the passages that are left takes no other
    engine = RetrySourceQueryEngine(plain, RelevancyEvaluator(llm=llm), llm=llm)
    text, response = answer_of(engine, "By whom is the plough pulled?", is_async=is_async)
    assert text == SAID
    assert response.source_nodes[0].node.get_content() == PASSAGES[0]
    assert [passage in asked(stage)[2] for passage in PASSAGES] == [True, False, False]
    assert PASSAGES[0] in asked(stage)[4]
