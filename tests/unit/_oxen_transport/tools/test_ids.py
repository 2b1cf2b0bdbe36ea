"""Ids of tool calls: the pattern that Mistral's models insist on, and the same id every time."""

from __future__ import annotations

import re

from hypothesis import example, given
from hypothesis import strategies as st

from _oxen_transport.tools.ids import fresh_id, wire_id

# mistral-common, src/mistral_common/protocol/instruct/validator.py
MISTRAL = re.compile(r"^[a-zA-Z0-9]{9}\Z", re.ASCII)
ANY_TEXT = st.text(st.characters(), max_size=60)  # lone surrogates included


@given(ANY_TEXT | st.from_regex(r"\A[a-zA-Z0-9]{9}\Z"))
@example("")
@example("abcdefgh\n")
@example("abcdefghi\n")
@example("abcdefgé")
@example("١٢٣٤٥٦٧٨٩")
@example("1234567890")
@example("call_00_abcdefghijklmnopqrstuvwx")
@example("0b4b5e1c-9d6b-4a52-8a35-1f60e6e9a3c1")
@example("\ud800")
def test_any_id_becomes_a_valid_one_and_a_valid_one_stays(foreign: str) -> None:
    mapped = wire_id(foreign)
    assert MISTRAL.match(mapped)
    assert wire_id(mapped) == mapped
    assert (mapped == foreign) is bool(MISTRAL.match(foreign))
    assert fresh_id(foreign) != mapped


@given(st.lists(ANY_TEXT, max_size=3), st.lists(ANY_TEXT, max_size=3))
@example(["ab", "c"], ["a", "bc"])
@example(["a"], ["a", ""])
@example([], [""])
@example(["1:a"], ["a"])
@example(["\udfff"], [])
def test_fresh_ids_are_valid_and_equal_for_equal_seeds_alone(one: list[str], other: list[str]) -> None:
    assert MISTRAL.match(fresh_id(*one))
    assert (fresh_id(*one) == fresh_id(*other)) is (one == other)


def test_ids_are_pinned() -> None:
    """A checkpoint written by an older version must still find the ids it holds: these never change."""
    assert [wire_id("call_1"), wire_id("")] == ["8Em4cnv4F", "tttarOjEh"]
    made = [fresh_id("chatcmpl-1", "0", "f", "{}"), fresh_id(), fresh_id("\ud800")]
    assert made == ["APqUCYaQY", "nLpJt4WsX", "mnabstAmI"]


def test_all_characters_are_used() -> None:
    """62 of them at nine places: two ids of one conversation do not meet."""
    made = [fresh_id(str(number)) for number in range(2000)]
    assert len(set(made)) == 2000
    assert [len(set(letters)) for letters in zip(*made, strict=True)] == [62] * 9
