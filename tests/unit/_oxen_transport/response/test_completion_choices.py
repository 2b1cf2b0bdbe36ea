"""One choice: the same reading for whole bodies and for chunks."""

from __future__ import annotations

from typing import Any

from _oxen_transport.response.completion import CHUNK, WHOLE, choices_in, first_choice, read_choice
from _oxen_transport.response.tool_calls import Assembler
from _oxen_transport.types import ToolCall
from tests.tables import each_row


@each_row("keys", [WHOLE, CHUNK])
@each_row(
    ("choice", "text"),
    [
        ({"message": {"content": "x"}}, "x"),
        ({"delta": {"content": "x"}}, "x"),
        ({"message": "x"}, "x"),
        ({"text": "x"}, "x"),
        ({"text": "x", "message": {"content": ""}}, "x"),
        ({"text": "y", "delta": {"content": "x"}}, "x"),
        ({"message": {"content": {"type": "output_text", "text": "x"}}}, "x"),
        ({"message": None, "delta": {"content": ["x", None, 7, {"type": "image"}]}}, "x"),
    ],
)
def test_the_text(choice: dict[str, Any], text: str, keys: tuple[str, str]) -> None:
    read = read_choice(choice, keys)
    assert (read.text, read.is_answer, read.error) == (text, True, None)


def test_what_belongs_to_the_other_kind_comes_second() -> None:
    both = {"message": {"content": "whole"}, "delta": {"content": "piece"}}
    assert (read_choice(both, WHOLE).text, read_choice(both, CHUNK).text) == ("whole", "piece")


@each_row("choice", [{}, {"message": None}, {"delta": 7}, {"text": 7}, {"finish_reason": "stop"}])
def test_no_answer(choice: dict[str, Any]) -> None:
    assert not read_choice(choice, WHOLE).is_answer


@each_row("reason", [None, "", " ", "null", "NULL", "None", 7, True, ["stop"]])
def test_no_finish_reason(reason: Any) -> None:
    assert read_choice({"finish_reason": reason, "delta": {}}, CHUNK).finish_reason is None


@each_row("reason", ["error", "ERROR", "abort", "cancelled", "network_error", "insufficient_system_resource"])
def test_a_reason_that_says_the_answer_is_not_whole(reason: str) -> None:
    assert read_choice({"finish_reason": reason, "message": {"content": "par"}}, WHOLE).error is not None


@each_row("error", ["boom", {"message": "boom"}, True])
@each_row("where", ["choice", "message"])
def test_an_error(error: Any, where: str) -> None:
    message: dict[str, Any] = {"content": "par", **({"error": error} if where == "message" else {})}
    assert read_choice({"message": message, **({"error": error} if where == "choice" else {})}, WHOLE).error is not None


@each_row("error", [None, "", {}, False, {"code": 0, "message": ""}])
def test_no_error(error: Any) -> None:
    assert read_choice({"message": {"content": "x", "error": error}, "error": error}, WHOLE).error is None


@each_row(
    ("indices", "first"),
    [([0, 1], 0), ([1, 0], 1), ([None, None], 0), (["1", "0"], 1), ([2, 1], 1), ([1.0, 0.0], 1), ([3], 0)],
)
def test_the_choice_of_index_0_is_the_answer(indices: list[Any], first: int) -> None:
    choices = [{"index": index, "place": place} for place, index in enumerate(indices)]
    assert first_choice(choices_in({"choices": choices}))["place"] == first


@each_row("choices", [None, {}, "x", [], [None, 7]])
def test_no_choice(choices: Any) -> None:
    assert first_choice(choices_in({"choices": choices})) == {}


def test_a_signature_belongs_to_the_call_it_comes_with() -> None:
    assembler = Assembler()
    assembler.add([{"index": 0, "extra_content": {"s": 0}}])  # of no call
    assembler.add([{"index": 0, "id": "a", "function": {"name": "f", "arguments": "{}"}, "extra_content": {"s": 1}}])
    assembler.add([{"index": 0, "id": "a", "function": {"name": "f", "arguments": "{}"}, "extra_content": {"t": 2}}])
    assembler.add([{"index": 1, "id": "b", "function": {"name": "g", "arguments": ""}}])
    assembler.add([{"index": 1, "function": {"arguments": "{}"}}, {"index": 1, "extra_content": {"s": 3}}])
    assembler.add([{"index": 2, "id": "c", "function": {"name": "h"}, "extra_content": "odd"}])
    assembler.finish()
    assert assembler.calls() == (
        ToolCall("a", "f", "{}", {"s": 1, "t": 2}),
        ToolCall("b", "g", "{}", {"s": 3}),
        ToolCall("c", "h", ""),
    )
