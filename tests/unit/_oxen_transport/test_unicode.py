"""Surrogates: two halves are one character, a lone half is U+FFFD, and nothing else changes."""

from __future__ import annotations

from _oxen_transport.unicode import SurrogateJoiner, valid_text, valid_tree
from tests.tables import each_row


@each_row(
    ("text", "valid"),
    [
        ("hi \ud83d", "hi \ufffd"),
        ("\ude00 there", "\ufffd there"),
        ("\ud83d\ude00", "😀"),
        ("\ude00\ud83d", "\ufffd\ufffd"),
        ("\ud83d\ud83d\ude00x", "\ufffd😀x"),
        ("é🐂", "é🐂"),
        ("", ""),
    ],
)
def test_text(text: str, valid: str) -> None:
    assert valid_text(text) == valid


def test_a_tree() -> None:
    assert valid_tree({"\ud83d": ["\ude00", {"a": ("\ud83d\ude00", 1, None)}]}) == {
        "\ufffd": ["\ufffd", {"a": ["😀", 1, None]}]
    }


@each_row(
    "pieces", [["hi \ud83d", "\ude00 there"], ["hi ", "\ud83d", "", "\ude00", " there"], ["hi \ud83d\ude00 there"]]
)
def test_halves_in_two_pieces_are_joined(pieces: list[str]) -> None:
    joiner = SurrogateJoiner()
    assert "".join(map(joiner.feed, pieces)) + joiner.end() == "hi 😀 there"


def test_a_half_that_stays_alone_is_replaced() -> None:
    joiner = SurrogateJoiner()
    assert [joiner.feed("a\ud83d"), joiner.feed("b\ud83d"), joiner.end(), joiner.end()] == [
        "a",
        "\ufffdb",
        "\ufffd",
        "",
    ]
