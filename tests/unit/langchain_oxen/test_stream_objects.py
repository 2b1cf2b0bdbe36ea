"""Chunks with their fields filled in directly, against those that the constructors make."""

from __future__ import annotations

import copy
import pickle
import random
from typing import TYPE_CHECKING, Any

import pytest
from langchain_core.messages import AIMessage, message_chunk_to_message

from _oxen_transport.types import Chunk, ToolCallDelta
from langchain_oxen import stream
from langchain_oxen import stream as tokens
from langchain_oxen.stream import ChunkFactory, OxenMessageChunk, _constructed, _same, from_chunk
from tests.tables import each_row

if TYPE_CHECKING:
    from langchain_core.outputs import ChatGenerationChunk

_BITS = (
    "{",
    "}",
    "[",
    "]",
    '"',
    ":",
    ",",
    "1",
    "null",
    "true",
    " ",
    "\n",
    "\t",
    "\\",
    "\u2028",
    "\ufeff",
    "ü",
    "x",
    "",
)


def filled(chunk: Chunk) -> ChatGenerationChunk | None:
    return stream._CHUNKS._filled(chunk)


def test_the_fast_way_is_the_one_that_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    from_chunk(Chunk("the first one compares"))
    monkeypatch.setattr(stream._CHUNKS, "_construct", None)
    assert from_chunk(Chunk("a word"))[0].message.content == "a word"
    assert from_chunk(Chunk("", (ToolCallDelta(0, None, None, '": 1'),)))[0].message.tool_call_chunks


def test_random_fragments() -> None:
    chance, fast = random.Random(7), 0  # noqa: S311 - no secret
    for _ in range(20_000):
        text = "".join(chance.choices(_BITS, k=chance.randrange(8)))
        known = chance.random() < 0.3
        delta = ToolCallDelta(chance.randrange(3), "AbC123xyZ" if known else None, "f" if known else None, text)
        chunk = Chunk(chance.choice(("", "text")), (delta,) * chance.choice((1, 1, 1, 2)))
        made = filled(chunk)
        fast += made is not None
        assert made is None or _same(made, _constructed(chunk)), repr(text)
    assert fast > 10_000, "the fast way is hardly ever taken"


@each_row("text", ["a", "ü🐂", "\ud800", "{}", " "])
def test_text(text: str) -> None:
    made, constructed = filled(Chunk(text)), _constructed(Chunk(text))
    assert _same(made, constructed)
    assert made.message.model_dump(exclude_unset=True) == constructed.message.model_dump(exclude_unset=True)  # type: ignore[union-attr]
    assert repr(made) == repr(constructed)


@each_row(
    "chunk",
    [
        Chunk("a", reasoning="b"), Chunk("", refusal="no"), Chunk("a", logprobs={"content": []}),
        Chunk("", (ToolCallDelta(0, "i", "f", ""),)), Chunk("", (ToolCallDelta(0, "i", "f", '\t{"a'),)),
        Chunk("", (ToolCallDelta(0, "i", "f", "1"), ToolCallDelta(1, "j", "g", "2"))),
    ],
)  # fmt: skip
def test_what_is_not_usual_is_constructed(chunk: Chunk) -> None:
    assert filled(chunk) is None
    assert from_chunk(chunk)[0] == _constructed(chunk)


def test_no_chunk_shares_anything_with_another() -> None:
    one, other = filled(Chunk("a")), filled(Chunk("a"))
    for first, second in ((one, other), (one.message, other.message)):  # type: ignore[union-attr]
        for name, value in first.__dict__.items():
            assert not isinstance(value, (list, dict)) or value is not second.__dict__[name], name
        assert first.__pydantic_fields_set__ is not second.__pydantic_fields_set__


def test_a_filled_chunk_is_an_object_like_any_other() -> None:
    message: Any = filled(Chunk("a")).message  # type: ignore[union-attr]
    assert (message + filled(Chunk("b")).message).content == "ab"  # type: ignore[union-attr]
    assert type(message_chunk_to_message(message)) is AIMessage
    assert copy.deepcopy(message) == pickle.loads(pickle.dumps(message)) == message  # noqa: S301 - our own bytes
    message.id = "run-1"
    assert message.model_fields_set >= {"id", "content"}
    assert OxenMessageChunk.model_validate(message.model_dump()) == message


def test_a_release_that_changes_the_fields_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A field more, and the constructors make all chunks."""

    def changed(chunk: Chunk) -> ChatGenerationChunk:
        made = _constructed(chunk)
        made.message.__dict__["new_field"] = None
        return made

    made = ChunkFactory(OxenMessageChunk, changed)
    assert "new_field" in made.make(Chunk("a")).message.__dict__
    assert "new_field" in made.make(Chunk("a")).message.__dict__
    assert made._trusted is False
    assert tokens._SAMPLES[0].text
