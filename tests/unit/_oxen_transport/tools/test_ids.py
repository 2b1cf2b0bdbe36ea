"""Ids of tool calls: the pattern that Mistral's models insist on, and the same id every time."""

from __future__ import annotations

import re

from hypothesis import example, given
from hypothesis import strategies as st

from _oxen_transport.tools.ids import fresh_id, wire_id
from tests.tables import each_row

# mistral-common, src/mistral_common/protocol/instruct/validator.py
MISTRAL = re.compile(r"^[a-zA-Z0-9]{9}\Z", re.ASCII)

ANY_TEXT = st.text(st.characters(), max_size=60)  # lone surrogates included
CONFORMING = st.from_regex(r"\A[a-zA-Z0-9]{9}\Z")


@given(CONFORMING)
def test_conforming_id_stays(own: str) -> None:
    assert wire_id(own) == own


@each_row(
    "foreign",
    [
        *(
            "",
            "a",
            "12345678",
            "1234567890",
            "call_abcd",
            "abcdefgh\n",
            "abcdefgé",
            "١٢٣٤٥٦٧٨٩",
            "abc defgh",
            "abcdefgh-",
        ),
        *("call_00_abcdefghijklmnopqrstuvwx", "chatcmpl-tool-0123456789abcdef", "0b4b5e1c-9d6b-4a52-8a35-1f60e6e9a3c1"),
        "\ud800",
    ],
)
def test_other_id_is_mapped(foreign: str) -> None:
    mapped = wire_id(foreign)
    assert MISTRAL.match(mapped)
    assert mapped != foreign
    assert wire_id(foreign) == mapped


@given(ANY_TEXT)
def test_any_id_becomes_a_valid_one_and_stays_it(foreign: str) -> None:
    mapped = wire_id(foreign)
    assert MISTRAL.match(mapped)
    assert wire_id(mapped) == mapped


@given(st.lists(ANY_TEXT, max_size=4))
@example([])
@example(["\udfff"])
def test_fresh_id_is_valid(seed: list[str]) -> None:
    assert MISTRAL.match(fresh_id(*seed))


@given(st.lists(ANY_TEXT, max_size=3), st.lists(ANY_TEXT, max_size=3))
@example(["ab", "c"], ["a", "bc"])
@example(["a"], ["a", ""])
@example([], [""])
@example(["1:a"], ["a"])
def test_fresh_ids_are_equal_for_equal_seeds_alone(one: list[str], other: list[str]) -> None:
    assert (fresh_id(*one) == fresh_id(*other)) is (one == other)


def test_ids_are_pinned() -> None:
    """A checkpoint written by an older version must still find the ids it holds: these never change."""
    assert wire_id("call_1") == "8Em4cnv4F"
    assert wire_id("") == "tttarOjEh"
    assert fresh_id("chatcmpl-1", "0", "f", "{}") == "APqUCYaQY"
    assert fresh_id() == "nLpJt4WsX"
    assert fresh_id("\ud800") == "mnabstAmI"


def test_a_mapped_id_is_not_a_fresh_one() -> None:
    assert wire_id("call_1") != fresh_id("call_1")


def test_all_characters_are_used() -> None:
    """62 of them at nine places: two ids of one conversation do not meet."""
    made = [fresh_id(str(number)) for number in range(2000)]
    assert len(set(made)) == 2000
    for place in range(9):
        assert len({text[place] for text in made}) == 62
