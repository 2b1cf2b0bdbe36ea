"""What the chunks of a stream add up to, beside the text."""

# ruff: noqa: E501 - one case a line

from __future__ import annotations

from typing import Any

from _oxen_transport.response.chunks import Collected
from tests.tables import each_row


def collected(*extras: dict[str, Any]) -> dict[str, Any]:
    total = Collected()
    for extra in extras:
        total.add_extras(extra)
    return total.completion((), {}, None).extras


def details(*pieces: Any) -> list[Any]:
    return list(collected(*({"reasoning_details": [piece]} for piece in pieces))["reasoning_details"])


def test_lists_are_joined_without_what_is_repeated() -> None:
    assert collected({"citations": ["a"]}, {"citations": ["a"]}, {"citations": ["a", "b"]}) == {"citations": ["a", "b"]}


def test_of_all_else_the_last_value_counts() -> None:
    assert collected({"extra_content": {"a": 1}}, {"extra_content": {"a": 2}}) == {"extra_content": {"a": 2}}


TEXT = {"type": "reasoning.text", "index": 0}


@each_row(
    ("pieces", "joined"),
    [
        ([{**TEXT, "text": "so "}, {**TEXT, "text": "it is"}], [{**TEXT, "text": "so it is"}]),
        ([{**TEXT, "text": "so", "signature": None}, {**TEXT, "signature": "s"}], [{**TEXT, "text": "so", "signature": "s"}]),
        ([{**TEXT, "text": None}, {**TEXT, "text": "late"}], [{**TEXT, "text": "late"}]),
        ([{**TEXT, "text": "a"}, {**TEXT, "text": None}], [{**TEXT, "text": "a"}]),
        ([{**TEXT, "text": "a"}, {**TEXT, "index": 1, "text": "b"}], [{**TEXT, "text": "a"}, {**TEXT, "index": 1, "text": "b"}]),
        ([{"type": "e", "id": "1", "data": "x"}, {"type": "e", "id": "2", "data": "y"}], [{"type": "e", "id": "1", "data": "x"}, {"type": "e", "id": "2", "data": "y"}]),
        ([{"type": "e", "id": "1", "data": "x"}, {"type": "e", "data": "y"}], [{"type": "e", "id": "1", "data": "xy"}]),
        (["odd", 7, {**TEXT, "text": 7}], ["odd", 7, {**TEXT, "text": 7}]),
        ([{**TEXT, "text": 7}, {**TEXT, "text": "x"}], [{**TEXT, "text": "x"}]),
        ([{**TEXT, "text": ["x", 1]}], [{**TEXT, "text": ["x", 1]}]),
    ],
)  # fmt: skip
def test_pieces_of_one_thought_are_joined(pieces: list[Any], joined: list[Any]) -> None:
    assert details(*pieces) == joined


def test_one_piece_of_many_thoughts_is_kept_as_it_is() -> None:
    whole = [{**TEXT, "text": "a", "signature": "s"}, {"type": "reasoning.encrypted", "data": "x", "index": 1}]
    assert collected({"reasoning_details": whole}) == {"reasoning_details": whole}
