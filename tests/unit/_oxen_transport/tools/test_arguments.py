"""Arguments of a call: what is an object, and what must not run."""

from __future__ import annotations

from typing import Any

from _oxen_transport.tools.arguments import parse_arguments, partial_arguments
from tests.tables import each_row


@each_row("number", ["NaN", "Infinity", "-Infinity", "1e999", "-1E+400", '[{"b": 2e308}]'])
def test_a_number_that_json_does_not_have_makes_the_call_invalid(number: str) -> None:
    assert parse_arguments(f'{{"a": {number}}}') is None
    assert parse_arguments(f'{{"a": "x\ny", "b": {number}}}') is None


@each_row("text", ['{"a": 1e30}', '{"a": "NaN"}', '{"a": "1e999"}', '{"a": [12345678901234567890123]}'])
def test_what_only_looks_like_one_is_kept(text: str) -> None:
    assert parse_arguments(text) is not None


@each_row(
    ("text", "value"),
    [
        (r'{"a": "\ud83d"}', "\ufffd"),
        (r'{"a": "\ud83d\ude00"}', "😀"),
        ('{"a": "\ud83d"}', "\ufffd"),
        ('{"a": "\ud83d\ude00\nb"}', "😀\nb"),
        (r'{"a": "\\ud83d"}', r"\ud83d"),
    ],
)
def test_surrogates(text: str, value: Any) -> None:
    assert parse_arguments(text) == {"a": value}


def test_a_preview_of_broken_text_is_empty() -> None:
    assert partial_arguments('{"a": "\ud83d') == {}
