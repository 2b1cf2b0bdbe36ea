"""The JSON object of an answer's text is found wherever a model puts it, and a cut one is never taken for whole."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from _oxen_transport.response.objects import GrowingObject, objects_in, without_reasoning
from tests.tables import each_row

BELLA = {"name": "Bella"}
FOUND = {
    "alone": '{"name": "Bella"}',
    "with white space around it": '\n {"name": "Bella"}\n',
    "in a fence": '```json\n{"name": "Bella"}\n```',
    "in a fence without a language": '```\n{"name": "Bella"}```',
    "in a fence that is not closed": 'Here it is:\n```json\n{"name": "Bella"}',
    "in a fence with a comment": '```json\n// an ox\n{"name": "Bella"}\n```',
    "in the first of two fences": '```json\n{"name": "Bella"}\n```\nUse it so:\n```python\nprint(ox["name"])\n```',
    "between sentences": 'Sure! {"name": "Bella"} I hope that helps.',
    "corrected": '{"name": "Bello"}\nNo, wait: {"name": "Bella"}',
    "in a fence before another object": '```\n{"name": "Bella"}\n```\nIts schema: {"type": "object"}',
    "after reasoning": '<think>{"name": "Bello"}? No, {"na</think>\n{"name": "Bella"}',
    "after reasoning whose tag the template opened": 'Perhaps {"name": "Bello"}.</think>{"name": "Bella"}',
    "after Mistral's reasoning": '[THINK]an {"ox"}[/THINK]```json\n{"name": "Bella"}\n```',
    "after braces that are not JSON": 'For {placeholder} and {{x}}, [1]: {"name": "Bella"}',
    "in double braces": '{{"name": "Bella"}}',
}


@each_row("text", FOUND.values())
def test_the_likeliest_object_comes_first(text: str) -> None:
    assert next(objects_in(text), None) == BELLA


NOT_FOUND = {
    "prose": "Bella is seven.",
    "empty": "",
    "list": '[{"name": "Bella"}, {"name": "Bruno"}]',
    "cut": '{"oxen": [{"name": "Bella"}, {"name": "Bru',
    "cut after an example": 'Such as {"name": "Bello"}: {"name": "Bel',
    "reasoning without an end": '<think>{"name": "Bella"}',
    "only in the reasoning": '<think>{"name": "Bella"}?</think>I cannot say.',
    "invalid as a whole": '{"id": 1, "ox": {"name": "Bella"},}',
}


@each_row("text", NOT_FOUND.values())
def test_no_object_is_made_of_a_part_of_one(text: str) -> None:
    assert list(objects_in(text)) == []


@each_row("value", ["three ``` backticks", "<think>x</think>", "a } and a {", 'a "quote"', "</think>"])
def test_strings_may_hold_anything(value: str) -> None:
    wanted = {"text": value}
    for text in (json.dumps(wanted), f"```json\n{json.dumps(wanted)}\n```", f"Here: {json.dumps(wanted)}. Done."):
        assert next(objects_in(text)) == wanted


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-99, 99) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)
OBJECTS = st.dictionaries(st.text(max_size=4), JSON, min_size=1, max_size=3)
PROSE = st.text(alphabet="ab .,:\n'", max_size=12)


@given(OBJECTS, PROSE, PROSE, st.booleans())
def test_any_object_is_found_between_any_sentences(
    wanted: dict[str, object], before: str, after: str, fence: bool
) -> None:
    written = json.dumps(wanted, ensure_ascii=False)
    text = f"{before}\n```json\n{written}\n```\n{after}" if fence else f"{before} {written} {after}"
    assert next(objects_in(text), None) == wanted


@given(OBJECTS, st.data())
def test_no_prefix_of_an_object_is_an_object(wanted: dict[str, object], data: st.DataObject) -> None:
    text = "Here: " + json.dumps(wanted)
    assert list(objects_in(text[: data.draw(st.integers(0, len(text) - 1))])) == []


@each_row("text", [*FOUND.values(), "x" * 300 + '{"name": "Bella"}'])
def test_a_growing_object_is_shown_as_it_comes(text: str) -> None:
    growing = GrowingObject()
    shown = [growing.add(character) for character in text]
    assert shown[-1], "the first object of the text, until the whole text is read"
    assert growing.add("") == shown[-1]


def test_a_growing_object_does_not_show_the_reasoning() -> None:
    growing = GrowingObject()
    pieces = ['<think>{"name": "Be', 'llo"}</thi', "nk>", '{"na', 'me": "Bella"}']
    assert [growing.add(piece) for piece in pieces] == [{}, {}, {}, {}, BELLA]


def test_without_reasoning_is_the_text_where_there_is_none() -> None:
    assert without_reasoning("plain text") == "plain text"
