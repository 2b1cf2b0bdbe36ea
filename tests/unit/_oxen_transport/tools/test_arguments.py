"""Arguments of a call: what is an object, what must not run, and the object that is still being written."""

from __future__ import annotations

import itertools
import json
import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from _oxen_transport.errors import OxenConfigError
from _oxen_transport.tools.arguments import arguments_text, parse_arguments, partial_arguments
from _oxen_transport.tools.partial_json import PartialObject
from tests.tables import each_row


def deep(levels: int) -> str:
    return '{"a":' * levels + "1" + "}" * levels


NOT_A_NUMBER = ("NaN", "Infinity", "-Infinity", "1e999", "-1E+400", '[{"b": 2e308}]', "9" * 400 + ".0")


@each_row(
    ("text", "parsed"),
    [
        *((text, {}) for text in ("", "null", " null\n", " \r\n\t", "{}")),
        (' {"a": 1}\n', {"a": 1}),
        ('{"a": 1, "a": 2}', {"a": 2}),
        ('{"a": "é", "b": [null, true]}', {"a": "é", "b": [None, True]}),
        ('{"a": 123456789012345678901234567890}', {"a": 123456789012345678901234567890}),
        *((f'{{"a": {value}}}', {"a": json.loads(value)}) for value in ("1e30", '"NaN"', '"1e999"')),
        ('{"code": "a\n\tb"}', {"code": "a\n\tb"}),  # raw line breaks in a string, as models write code
        ('{"a": "\n", "b": ' + deep(100) + "}", {"a": "\n", "b": json.loads(deep(100))}),
        # surrogates: two halves are one character, a lone one is U+FFFD
        (r'{"a": "\ud83d"}', {"a": "\ufffd"}),
        (r'{"a": "\ud83d\ude00"}', {"a": "😀"}),
        ('{"a": "\ud83d"}', {"a": "\ufffd"}),
        ('{"a": "\ud83d\ude00\nb"}', {"a": "😀\nb"}),
        (r'{"a": "\\ud83d"}', {"a": r"\ud83d"}),
        # not objects, not whole, or not JSON
        *((text, None) for text in ("[]", '[{"a": 1}]', "7", "false", '"text"', "?", "X", "nul", "nulls", "NaN")),
        *((text, None) for text in ('{"a": 1', '{"a": "b', "{'a': 1}", '{"a": 1}}', '{"a": 1}{"a": 2}', "\ufeff{}")),
        *((text, None) for text in ("\xa0{}", "\xa0", '{"code": "a\nb", "x": }', '{\n"a": [1,\n}')),
        *((f'{{"a": {number}}}', None) for number in (*NOT_A_NUMBER, "9" * 5000)),
        *((f'{{"a": "\n", "b": {number}}}', None) for number in (*NOT_A_NUMBER, "9" * 5000, deep(300), "[" * 100_000)),
        *((text, None) for text in ("[" * 100_000, deep(5000))),
    ],
)
def test_only_a_whole_object_is_parsed(text: str, parsed: dict[str, Any] | None) -> None:
    assert parse_arguments(text) == parsed


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=500)
@given(st.text(st.characters(), max_size=40) | st.text('{}[]":,\\ \n1ntruefalsul', max_size=40) | JSON.map(json.dumps))
def test_parse_arguments_never_raises(text: str) -> None:
    parsed = parse_arguments(text)
    assert parsed is None or isinstance(parsed, dict)
    if text.strip(" \t\r\n").startswith("{") and parsed is None:
        with pytest.raises(ValueError, match=r"line|not finite"):
            json.loads(text, parse_constant=_finite, parse_float=_finite)


def _finite(number: str) -> float:
    if not math.isfinite(float(number)):
        raise ValueError("not finite")
    return float(number)


@each_row(
    ("arguments", "text"),
    [
        ({"a": "é"}, '{"a":"é"}'),
        ({"a": "\ud83d\ude00\ud800"}, '{"a":"\N{GRINNING FACE}\ufffd"}'),
        (None, "{}"),
        ("", "{}"),
        ('{"a": 1', '{"a": 1'),  # as the model wrote it
    ],
)
def test_arguments_become_text(arguments: Any, text: str) -> None:
    assert arguments_text(arguments) == text


def test_arguments_that_json_cannot_carry() -> None:
    with pytest.raises(OxenConfigError, match=r"the arguments of a tool call are not JSON serializable: .*object"):
        arguments_text({"a": object()})


# -- on their way -------------------------------------------------------------------------------

VALUE = {
    "city": 'Łódź — "x" \\ 🐂',
    "n": -12.5e3,
    "ok": True,
    "none": None,
    "deep": [{"a": [1, 22, "three"]}, []],
    "": "",
}


def may_become(value: Any, whole: Any) -> bool:
    """Whether `value` is what `whole` may have looked like before it was whole."""
    if isinstance(whole, dict):
        return isinstance(value, dict) and all(k in whole and may_become(v, whole[k]) for k, v in value.items())
    if isinstance(whole, list):
        return isinstance(value, list) and len(value) <= len(whole) and all(map(may_become, value, whole))
    return isinstance(value, str) and whole.startswith(value) if isinstance(whole, str) else value == whole


@given(st.booleans(), st.lists(st.integers(1, 9), min_size=1, max_size=9))
def test_a_preview_is_always_a_part_of_the_whole(ascii_only: bool, sizes: list[int]) -> None:
    text = json.dumps(VALUE, ensure_ascii=ascii_only)
    growing, at, steps = PartialObject(), 0, itertools.cycle(sizes)
    while at < len(text):
        seen = growing.add(text[at : (at := at + next(steps))])
        assert may_become(seen, VALUE), (text[:at], seen)
    assert growing.text == text


def test_half_a_number_is_not_shown() -> None:
    growing = PartialObject()
    assert growing.add('{"age": 4') == {}
    assert growing.add("2}") == {"age": 42}


@each_row("text", ["", "[1, 2", "nonsense", '"text"', "nul", '{"a": "\ud83d'])
def test_a_preview_of_what_is_not_an_object_is_empty(text: str) -> None:
    assert PartialObject().add(text) == partial_arguments(text) == {}


def test_the_work_of_previews_is_linear(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[int] = []
    name = "_oxen_transport.tools.partial_json.partial_arguments"
    monkeypatch.setattr(name, lambda text: read.append(len(text)) or {})
    growing, size = PartialObject(), 200_000
    for _ in range(size // 4):
        growing.add("word")
    assert sum(read) < 40 * size
