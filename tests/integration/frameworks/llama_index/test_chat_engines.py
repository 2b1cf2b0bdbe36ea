"""The four chat engines and their memories on the scripted server."""

from __future__ import annotations

from typing import Any

import pytest
from llama_index.core.chat_engine import (
    CondensePlusContextChatEngine,
    CondenseQuestionChatEngine,
    ContextChatEngine,
    SimpleChatEngine,
)
from llama_index.core.memory import ChatMemoryBuffer, ChatSummaryMemoryBuffer

from tests.integration.frameworks.llama_index.scripts import Make, asked, replying, saying
from tests.integration.frameworks.llama_index_flows import PASSAGES, QUESTION, index, talked
from tests.tables import each_row

FARMER = "You are a farmer."
CONDENSED = "By whom is the cart pulled?"
KINDS: dict[type[Any], tuple[int, list[str]]] = {
    # the requests for two questions, and the roles in the last
    ContextChatEngine: (2, ["system", "user", "assistant", "user"]),
    CondensePlusContextChatEngine: (3, ["system", "user", "assistant", "user"]),
    CondenseQuestionChatEngine: (3, ["system", "user"]),
    SimpleChatEngine: (2, ["system", "user", "assistant", "user"]),
}


def made(kind: type[Any], llm: Any) -> Any:
    if kind is SimpleChatEngine:
        return kind.from_defaults(llm=llm, system_prompt=FARMER)
    if kind is CondenseQuestionChatEngine:  # the only one that refuses a system prompt
        return kind.from_defaults(index().as_query_engine(llm=llm, similarity_top_k=1), llm=llm)
    return kind.from_defaults(index().as_retriever(similarity_top_k=1), llm=llm, system_prompt=FARMER)


@pytest.mark.parametrize("kind", KINDS)
@each_row("way", ["chat", "achat", "stream_chat", "astream_chat"])
def test_a_chat_engine(make: Make, kind: type[Any], way: str) -> None:
    rules = replying(("tandalone question", CONDENSED), ("the cart", "By Molly."), ("", "By Bill and Ben."))
    llm, stage = make(rules)
    engine = made(kind, llm)
    assert talked(engine, way, "By whom is the plough pulled?", "And the cart?") == "By Molly."
    requests, roles = KINDS[kind]
    assert len(stage.requests) == requests
    assert [bool(body.get("stream")) for body in stage.bodies][-1] == ("stream" in way)
    assert [message["role"] for message in stage.bodies[-1]["messages"]] == roles
    if kind is not SimpleChatEngine:
        assert PASSAGES[0] in asked(stage)[0]
    if kind in (CondenseQuestionChatEngine, CondensePlusContextChatEngine):
        assert PASSAGES[1] in asked(stage)[-1], "the passage for the question that stands alone"
    if kind is not CondenseQuestionChatEngine:
        assert FARMER in stage.bodies[-1]["messages"][0]["content"]
    said = [(message.role.value, message.content) for message in engine.chat_history]
    assert said == [
        *(("user", "By whom is the plough pulled?"), ("assistant", "By Bill and Ben.")),
        *(("user", "And the cart?"), ("assistant", "By Molly.")),
    ]


def test_memories_hold_what_the_window_holds(make: Make) -> None:
    llm, _ = make(saying("Yes."))
    assert ChatMemoryBuffer.from_defaults(llm=llm).token_limit == int(0.75 * llm.metadata.context_window)


def test_a_memory_that_sums_up(make: Make) -> None:
    """What no longer fits is summed up by the model, and the sum stands in for it: a system message in the midst."""
    llm, stage = make(replying(("Transcript so far", "They greeted."), ("", "Good day.")))
    memory = ChatSummaryMemoryBuffer.from_defaults(llm=llm, token_limit=30)
    engine = SimpleChatEngine.from_defaults(llm=llm, memory=memory, system_prompt=FARMER)
    questions = ("Hello, how is the weather in Paris?", QUESTION, "And who, in the end, pulls the cart to the mill?")
    assert talked(engine, "chat", *questions) == "Good day."
    assert "They greeted." in asked(stage)[-1]
