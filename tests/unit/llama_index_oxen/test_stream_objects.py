"""Snapshots with their fields filled in directly, against those that the constructors make."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest
from llama_index.core.base.llms.types import ChatResponse

from _oxen_transport.types import Chunk, ToolCallDelta
from llama_index_oxen import stream
from llama_index_oxen.stream import ChunkFactory, Snapshots, _constructed, _same
from tests.tables import each_row


def filled(text: str, delta: str) -> ChatResponse:
    return stream._CHUNKS._filled(text, delta)


def test_the_fast_way_is_the_one_that_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    Snapshots().feed(Chunk("the first one compares"))
    monkeypatch.setattr(stream._CHUNKS, "_construct", None)
    snapshots = Snapshots()
    assert [snapshots.feed(Chunk(word)).message.content for word in ("a ", "b")] == ["a ", "a b"]


@each_row(("text", "delta"), [("a", "a"), ("ab", "b"), ("ü🐂", "🐂"), ("\ud800", "\ud800"), ("a", "")])
def test_text(text: str, delta: str) -> None:
    made, constructed = filled(text, delta), _constructed(text, delta)
    assert _same(made, constructed)
    assert made.model_dump(exclude_unset=True) == constructed.model_dump(exclude_unset=True)
    assert repr(made) == repr(constructed)
    assert str(made) == str(constructed)


@pytest.mark.parametrize(
    "chunk",
    [
        Chunk("a", reasoning="b"), Chunk("", refusal="no"), Chunk("a", logprobs={"content": []}),
        Chunk("", (ToolCallDelta(0, "i", "f", "{"),)),
    ],
)  # fmt: skip
def test_what_is_more_than_text_is_constructed(chunk: Chunk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "_CHUNKS", None)
    assert isinstance(Snapshots().feed(chunk), ChatResponse)


def test_no_snapshot_shares_anything_with_another() -> None:
    one, other = filled("a", "a"), filled("a", "a")
    pairs: list[tuple[Any, Any]] = [(one, other), (one.message, other.message)]
    pairs.append((one.message.blocks[0], other.message.blocks[0]))
    for first, second in pairs:
        assert first is not second
        assert first.__pydantic_fields_set__ is not second.__pydantic_fields_set__
        for name, value in first.__dict__.items():
            assert not isinstance(value, (list, dict)) or value is not second.__dict__[name], name


def test_a_filled_snapshot_is_an_object_like_any_other() -> None:
    made = filled("a word", "word")
    assert copy.deepcopy(made) == pickle.loads(pickle.dumps(made)) == made  # noqa: S301 - our own bytes
    assert ChatResponse.model_validate(made.model_dump()).message.content == "a word"
    made.message.additional_kwargs["x"] = 1
    assert not filled("a word", "word").message.additional_kwargs


def test_a_release_that_changes_the_fields_is_noticed() -> None:
    """A field more, and the constructors make all snapshots."""

    def changed(text: str, delta: str) -> ChatResponse:
        made = _constructed(text, delta)
        made.message.__dict__["new_field"] = None
        return made

    made = ChunkFactory(changed)
    assert "new_field" in made.make("a", "a").message.__dict__
    assert "new_field" in made.make("a", "a").message.__dict__
    assert made._trusted is False
