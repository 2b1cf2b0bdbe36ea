"""The four chat engines and their memories on the scripted server."""

from __future__ import annotations

import pytest
from llama_index.core.chat_engine import SimpleChatEngine
from llama_index.core.chat_engine.types import ChatMode
from llama_index.core.memory import (
    ChatMemoryBuffer,
    ChatSummaryMemoryBuffer,
    FactExtractionMemoryBlock,
    Memory,
    StaticMemoryBlock,
)

from tests.integration.frameworks.llama_index.scripts import Make, asked, replying, saying
from tests.tables import each_row
from tools.support.llama_index_flows import PASSAGES, QUESTION, index, talked

FARMER = "You are a farmer."
CONDENSED = "By whom is the cart pulled?"
ENGINES = [
    # the kind, the requests for two questions, and the roles in the last
    (ChatMode.CONTEXT, 2, ["system", "user", "assistant", "user"]),
    (ChatMode.CONDENSE_PLUS_CONTEXT, 3, ["system", "user", "assistant", "user"]),
    (ChatMode.CONDENSE_QUESTION, 3, ["system", "user"]),
    (ChatMode.SIMPLE, 2, ["system", "user", "assistant", "user"]),
]


@pytest.mark.parametrize(("mode", "requests", "roles"), ENGINES, ids=[engine[0].value for engine in ENGINES])
@each_row("way", ["chat", "achat", "stream_chat", "astream_chat"])
def test_a_chat_engine(make: Make, mode: ChatMode, requests: int, roles: list[str], way: str) -> None:
    rules = replying(("tandalone question", CONDENSED), ("the cart", "By Molly."), ("", "By Bill and Ben."))
    llm, stage = make(rules)
    farmer = {} if mode is ChatMode.CONDENSE_QUESTION else {"system_prompt": FARMER}  # it refuses one
    engine = index().as_chat_engine(mode, llm=llm, similarity_top_k=1, **farmer)
    assert talked(engine, way, "By whom is the plough pulled?", "And the cart?") == "By Molly."
    assert len(stage.requests) == requests
    assert bool(stage.bodies[-1].get("stream")) == ("stream" in way)
    assert [message["role"] for message in stage.bodies[-1]["messages"]] == roles
    assert (PASSAGES[0] in asked(stage)[0]) == (mode is not ChatMode.SIMPLE)
    if requests == 3:
        assert PASSAGES[1] in asked(stage)[-1], "the passage for the question that stands alone"
    assert farmer.get("system_prompt", "") in stage.bodies[-1]["messages"][0]["content"]
    said = [(message.role.value, message.content) for message in engine.chat_history]
    assert said == [
        *(("user", "By whom is the plough pulled?"), ("assistant", "By Bill and Ben.")),
        *(("user", "And the cart?"), ("assistant", "By Molly.")),
    ]


# -- memories ----------------------------------------------------------------------------------


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


@each_row("where", ["system", "user"])
def test_a_memory_that_takes_down_facts(make: Make, where: str) -> None:
    """What falls out of the window is read by the model; the facts come back in a system message, or in the user's."""
    facts = "<facts><fact>Has two oxen</fact></facts>"
    llm, stage = make(replying(("fact extraction", facts), ("", "Good day to you, and to your oxen, too.")))
    memory = Memory.from_defaults(
        session_id=where,
        token_limit=60,
        token_flush_size=20,
        chat_history_token_ratio=0.5,
        memory_blocks=[StaticMemoryBlock(static_content="The user is Bob."), FactExtractionMemoryBlock(llm=llm)],
        insert_method=where,
    )
    engine = SimpleChatEngine.from_defaults(llm=llm, memory=memory)
    talked(engine, "achat", "Hello, I have two oxen, Bill and Ben.", "They are big.", "And now?")
    last = next(body["messages"] for body in reversed(stage.bodies) if "And now?" in str(body))
    [told] = [message for message in last if "Has two oxen" in message["content"]]
    assert told["role"] == where
    assert "The user is Bob." in told["content"]
