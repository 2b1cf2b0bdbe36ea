"""Objects of a stream with their fields filled in directly, against those that the constructors make."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, message_chunk_to_message
from llama_index.core.base.llms.types import ChatResponse

import langchain_oxen.stream as lc
import llama_index_oxen.stream as li
from _oxen_transport.types import Chunk, ToolCallDelta
from tests.tables import each_row


class LangChain:
    package: Any = lc

    def filled(self, text: str, whole: str = "") -> Any:
        return lc._CHUNKS._filled(Chunk(text))

    def constructed(self, text: str, whole: str = "") -> Any:
        return lc._constructed(Chunk(text))

    def read_again(self, made: Any) -> None:
        assert lc.OxenMessageChunk.model_validate(made.message.model_dump()) == made.message


class LlamaIndex:
    package: Any = li

    def filled(self, text: str, whole: str = "") -> Any:
        return li._CHUNKS._filled(whole or text, text)

    def constructed(self, text: str, whole: str = "") -> Any:
        return li._constructed(whole or text, text)

    def read_again(self, made: Any) -> None:
        assert ChatResponse.model_validate(made.model_dump()).message.content == made.message.content


BOTH: list[Any] = [LangChain(), LlamaIndex()]


def test_the_fast_way_is_the_one_that_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    lc.from_chunk(Chunk("the first one compares"))
    li.Snapshots().feed(Chunk("the first one compares"))
    for package in (lc, li):
        monkeypatch.setattr(package._CHUNKS, "_construct", None)
    assert lc.from_chunk(Chunk("a word"))[0].message.content == "a word"
    assert lc.from_chunk(Chunk("", (ToolCallDelta(0, None, None, '": 1'),)))[0].message.tool_call_chunks
    snapshots = li.Snapshots()
    assert [snapshots.feed(Chunk(word)).message.content for word in ("a ", "b")] == ["a ", "a b"]


@each_row("framework", BOTH)
@each_row(("text", "whole"), [("a", ""), ("b", "ab"), ("🐂", "ü🐂"), ("\ud800", ""), ("{}", ""), (" ", "")])
def test_a_filled_object_equals_the_constructed_one(framework: Any, text: str, whole: str) -> None:
    made, constructed = framework.filled(text, whole), framework.constructed(text, whole)
    assert framework.package._same(made, constructed)
    assert made.message.model_dump(exclude_unset=True) == constructed.message.model_dump(exclude_unset=True)
    assert (repr(made), str(made)) == (repr(constructed), str(constructed))
    empty = li._CHUNKS._filled("a", ""), li._constructed("a", "")
    assert li._same(*empty), "a delta may be empty"


FRAGMENTS = st.text(st.sampled_from('{}[]":,1 \n\t\\\u2028\ufeffüx'), max_size=7) | st.sampled_from(
    ["null", "true", "1e"]
)
DELTAS = st.builds(
    ToolCallDelta, st.integers(0, 2), st.sampled_from([None, "AbC123xyZ"]), st.sampled_from([None, "f"]), FRAGMENTS
)


@settings(max_examples=1500)
@given(st.sampled_from(["", "text"]), st.lists(DELTAS, min_size=1, max_size=2))
def test_any_fragment_of_a_call_is_filled_as_it_is_constructed_or_not_filled(text: str, deltas: list[Any]) -> None:
    chunk = Chunk(text, tuple(deltas))
    made, arguments = lc._CHUNKS._filled(chunk), deltas[0].arguments.lstrip(" \t\n\r")
    assert (made is None) is (len(deltas) > 1 or arguments[:1] in ("", "{")), "the fast way is hardly ever taken"
    assert made is None or lc._same(made, lc._constructed(chunk))


UNUSUAL = [Chunk("a", reasoning="b"), Chunk("", refusal="no"), Chunk("a", logprobs={"content": []})]
BEGUN = [Chunk("", (ToolCallDelta(0, "i", "f", text),)) for text in ("", '\t{"a')]
TWO_CALLS = Chunk("", (ToolCallDelta(0, "i", "f", "1"), ToolCallDelta(1, "j", "g", "2")))


@each_row("chunk", [*UNUSUAL, *BEGUN, TWO_CALLS])
def test_what_is_not_usual_is_constructed(chunk: Chunk) -> None:
    assert lc._CHUNKS._filled(chunk) is None
    assert lc.from_chunk(chunk)[0] == lc._constructed(chunk)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(li, "_CHUNKS", None)
        assert isinstance(li.Snapshots().feed(chunk), ChatResponse)


@each_row("framework", BOTH)
def test_no_object_shares_anything_with_another(framework: Any) -> None:
    one, other = framework.filled("a"), framework.filled("a")
    pairs = [(one, other), (one.message, other.message)]
    if framework is BOTH[1]:
        pairs.append((one.message.blocks[0], other.message.blocks[0]))
    for first, second in pairs:
        assert first is not second
        assert first.__pydantic_fields_set__ is not second.__pydantic_fields_set__
        for name, value in first.__dict__.items():
            assert not isinstance(value, (list, dict)) or value is not second.__dict__[name], name


@each_row("framework", BOTH)
def test_a_filled_object_is_an_object_like_any_other(framework: Any) -> None:
    made = framework.filled("a word")
    assert copy.deepcopy(made) == pickle.loads(pickle.dumps(made)) == made  # noqa: S301 - our own bytes
    framework.read_again(made)
    made.message.additional_kwargs["x"] = 1
    assert not framework.filled("a word").message.additional_kwargs


def test_a_filled_chunk_can_be_added_and_changed() -> None:
    message = BOTH[0].filled("a").message
    assert (message + BOTH[0].filled("b").message).content == "ab"
    assert type(message_chunk_to_message(message)) is AIMessage
    message.id = "run-1"
    assert message.model_fields_set >= {"id", "content"}


@each_row("framework", BOTH)
def test_a_release_that_changes_the_fields_is_noticed(framework: Any) -> None:
    """A field more, and the constructors make all objects."""

    def changed(*args: Any) -> Any:
        made = framework.package._constructed(*args)
        made.message.__dict__["new_field"] = None
        return made

    of_langchain = framework is BOTH[0]
    made = lc.ChunkFactory(lc.OxenMessageChunk, changed) if of_langchain else li.ChunkFactory(changed)
    for _ in range(2):
        assert "new_field" in made.make(*((Chunk("a"),) if of_langchain else ("a", "a"))).message.__dict__
    assert made._trusted is False
