"""One choice: the same reading for whole bodies and for chunks; and what the chunks add up to, beside the text."""

# ruff: noqa: E501 - one case a line

from __future__ import annotations

from typing import Any

from _oxen_transport.response.chunks import Collected
from _oxen_transport.response.completion import CHUNK, WHOLE, choices_in, first_choice, read_choice
from tests.tables import each_row


@each_row("keys", [WHOLE, CHUNK])
@each_row(
    ("choice", "text", "reasoning"),
    [
        ({"message": {"content": "x"}}, "x", ""),
        ({"delta": {"content": "x"}}, "x", ""),
        ({"message": "x"}, "x", ""),
        ({"text": "x"}, "x", ""),
        ({"text": "x", "message": {"content": ""}}, "x", ""),
        ({"text": "y", "delta": {"content": "x"}}, "x", ""),
        ({"message": {"content": None}}, "", ""),
        ({"message": {}}, "", ""),
        ({"message": {"content": {"type": "output_text", "text": "x"}}}, "x", ""),
        ({"message": None, "delta": {"content": ["x", None, 7, {"type": "image"}]}}, "x", ""),
        ({"message": {"content": ["a", {"type": "text", "text": "b"}, {"text": "c"}, {"type": "x"}]}}, "abc", ""),
        ({"message": {"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "t"}]}, "a"]}}, "a", "t"),
        ({"message": {"content": [{"type": "reasoning", "text": "t"}]}}, "", "t"),
        ({"message": {"content": "x", "reasoning": "t"}}, "x", "t"),
        ({"message": {"content": "x", "reasoning_content": "t", "reasoning": "u"}}, "x", "t"),
        ({"message": {"content": "x", "reasoning": {"no": 1}}}, "x", ""),
    ],
)
def test_text_and_reasoning(choice: dict[str, Any], text: str, reasoning: str, keys: tuple[str, str]) -> None:
    read = read_choice(choice, keys)
    assert (read.text, read.reasoning, read.is_answer, read.error) == (text, reasoning, True, None)


def test_what_belongs_to_the_other_kind_comes_second() -> None:
    both = {"message": {"content": "whole"}, "delta": {"content": "piece"}}
    assert (read_choice(both, WHOLE).text, read_choice(both, CHUNK).text) == ("whole", "piece")


@each_row("choice", [{}, {"message": None}, {"delta": 7}, {"text": 7}, {"finish_reason": "stop"}])
def test_no_answer(choice: dict[str, Any]) -> None:
    assert not read_choice(choice, WHOLE).is_answer


@each_row("reason", [None, "", " ", "null", "NULL", "None", 7, True, ["stop"]])
def test_no_finish_reason(reason: Any) -> None:
    assert read_choice({"finish_reason": reason, "delta": {}}, CHUNK).finish_reason is None


ERRORS = ["boom", {"message": "boom"}, True]
NO_ERRORS = [None, "", {}, False, {"code": 0, "message": ""}]
GAVE_UP = ["error", "ERROR", "abort", "cancelled", "network_error", "insufficient_system_resource"]


@each_row(
    ("choice", "failed"),
    [
        *(({"message": {"content": "par"}, "error": error}, error in ERRORS) for error in (*ERRORS, *NO_ERRORS)),
        *(({"message": {"content": "par", "error": error}}, error in ERRORS) for error in (*ERRORS, *NO_ERRORS)),
        *(({"message": {"content": "par"}, "finish_reason": reason}, True) for reason in GAVE_UP),
    ],
)
def test_a_choice_that_failed(choice: dict[str, Any], failed: bool) -> None:
    assert (read_choice(choice, WHOLE).error is not None) is failed


@each_row(
    ("indices", "first"),
    [([0, 1], 0), ([1, 0], 1), ([None, None], 0), (["1", "0"], 1), ([2, 1], 1), ([1.0, 0.0], 1), ([3], 0)],
)
def test_the_choice_of_index_0_is_the_answer(indices: list[Any], first: int) -> None:
    choices = [{"index": index, "place": place} for place, index in enumerate(indices)]
    assert first_choice(choices_in({"choices": choices}))["place"] == first
    for odd in (None, {}, "x", [], [None, 7]):
        assert first_choice(choices_in({"choices": odd})) == {}


TEXT = {"type": "reasoning.text", "index": 0}


@each_row(
    ("name", "chunks", "expected"),
    [
        # lists are joined without what is repeated; of all else the last value counts
        ("citations", [["a"], ["a"], ["a", "b"]], ["a", "b"]),
        ("extra_content", [{"a": 1}, {"a": 2}], {"a": 2}),
        # the pieces of one thought are joined
        ("reasoning_details", [[{**TEXT, "text": "so "}], [{**TEXT, "text": "it is"}]], [{**TEXT, "text": "so it is"}]),
        ("reasoning_details", [[{**TEXT, "text": "so", "signature": None}], [{**TEXT, "signature": "s"}]], [{**TEXT, "text": "so", "signature": "s"}]),
        ("reasoning_details", [[{**TEXT, "text": None}], [{**TEXT, "text": "late"}]], [{**TEXT, "text": "late"}]),
        ("reasoning_details", [[{**TEXT, "text": "a"}], [{**TEXT, "text": None}]], [{**TEXT, "text": "a"}]),
        ("reasoning_details", [[{**TEXT, "text": "a"}], [{**TEXT, "index": 1, "text": "b"}]], [{**TEXT, "text": "a"}, {**TEXT, "index": 1, "text": "b"}]),
        ("reasoning_details", [[{"type": "e", "id": "1", "data": "x"}], [{"type": "e", "id": "2", "data": "y"}]], [{"type": "e", "id": "1", "data": "x"}, {"type": "e", "id": "2", "data": "y"}]),
        ("reasoning_details", [[{"type": "e", "id": "1", "data": "x"}], [{"type": "e", "data": "y"}]], [{"type": "e", "id": "1", "data": "xy"}]),
        ("reasoning_details", [["odd"], [7], [{**TEXT, "text": 7}]], ["odd", 7, {**TEXT, "text": 7}]),
        ("reasoning_details", [[{**TEXT, "text": 7}], [{**TEXT, "text": "x"}]], [{**TEXT, "text": "x"}]),
        ("reasoning_details", [[{**TEXT, "text": ["x", 1]}]], [{**TEXT, "text": ["x", 1]}]),
        ("reasoning_details", [[{**TEXT, "text": "a", "signature": "s"}, {"type": "e", "data": "x", "index": 1}]], [{**TEXT, "text": "a", "signature": "s"}, {"type": "e", "data": "x", "index": 1}]),
    ],
)  # fmt: skip
def test_further_fields_of_chunks_add_up(name: str, chunks: list[Any], expected: Any) -> None:
    total = Collected()
    for value in chunks:
        total.add_extras({name: value})
    assert total.completion((), {}, None).extras == {name: expected}
