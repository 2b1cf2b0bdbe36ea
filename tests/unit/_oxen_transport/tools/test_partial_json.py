"""JSON on its way: never wrong about what is there, linear in its length."""

from __future__ import annotations

import itertools
import json

from hypothesis import given
from hypothesis import strategies as st

from _oxen_transport.tools.partial_json import PartialObject
from tests.tables import each_row

VALUE = {
    "city": 'Łódź — "x" \\ 🐂',
    "n": -12.5e3,
    "ok": True,
    "none": None,
    "deep": [{"a": [1, 22, "three"]}, []],
    "": "",
}


def prefixes(value, whole):
    """Whether `value` is what `whole` may have looked like before it was whole."""
    if isinstance(whole, dict):
        return isinstance(value, dict) and all(k in whole and prefixes(v, whole[k]) for k, v in value.items())
    if isinstance(whole, list):
        return isinstance(value, list) and len(value) <= len(whole) and all(map(prefixes, value, whole))
    if isinstance(whole, str):
        return isinstance(value, str) and whole.startswith(value)
    return value == whole


@given(st.booleans(), st.lists(st.integers(1, 9), min_size=1, max_size=9))
def test_a_preview_is_always_a_part_of_the_whole(ascii_only, sizes):
    text = json.dumps(VALUE, ensure_ascii=ascii_only)
    growing, at, sizes = PartialObject(), 0, itertools.cycle(sizes)
    while at < len(text):
        seen = growing.add(text[at : (at := at + next(sizes))])
        assert prefixes(seen, VALUE), (text[:at], seen)
    assert growing.text == text


def test_half_a_number_is_not_shown():
    growing = PartialObject()
    assert growing.add('{"age": 4') == {}
    assert growing.add("2}") == {"age": 42}


@each_row("text", ["", "[1, 2", "nonsense", '"text"', "nul"])
def test_what_is_no_object_is_an_empty_one(text):
    assert PartialObject().add(text) == {}


def test_the_work_is_linear(monkeypatch):
    read = []
    monkeypatch.setattr(
        "_oxen_transport.tools.partial_json.partial_arguments", lambda text: read.append(len(text)) or {}
    )
    growing, size = PartialObject(), 200_000
    for _ in range(size // 4):
        growing.add("word")
    assert sum(read) < 40 * size
