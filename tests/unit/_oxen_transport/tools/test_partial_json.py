"""JSON on its way: never wrong about what is there, linear in its length."""

from __future__ import annotations

import json
import random

import pytest

from _oxen_transport.tools.partial_json import PartialObject

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


@pytest.mark.parametrize("ascii_only", [True, False])
@pytest.mark.parametrize("seed", range(20))
def test_a_preview_is_always_a_part_of_the_whole(seed, ascii_only):
    text, rng = json.dumps(VALUE, ensure_ascii=ascii_only), random.Random(seed)  # noqa: S311
    growing, at = PartialObject(), 0
    while at < len(text):
        size = rng.randint(1, 9)
        seen = growing.add(text[at : at + size])
        at += size
        assert prefixes(seen, VALUE), (text[:at], seen)
    assert growing.text == text


def test_half_a_number_is_not_shown():
    growing = PartialObject()
    assert growing.add('{"age": 4') == {}
    assert growing.add("2}") == {"age": 42}


@pytest.mark.parametrize("text", ["", "[1, 2", "nonsense", '"text"', "nul"])
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
