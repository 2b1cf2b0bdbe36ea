"""Tool calls from fragments: whatever the server wrote, the calls are those that the model meant."""

from __future__ import annotations

import copy
import itertools
import json
import math
import re
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from _oxen_transport.response import tool_call_arguments as tool_text
from _oxen_transport.response.tool_calls import Assembler, calls_from
from _oxen_transport.tools.arguments import parse_arguments
from _oxen_transport.tools.ids import fresh_id
from _oxen_transport.types import ToolCall, ToolCallDelta
from tests.tables import each_row
from tests.unit._oxen_transport.response.wire_shapes import CUTS, WAYS, WITHOUT_IDS, Written, entry

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

PARIS = Written("call_a", "get_weather", '{"city": "Paris", "days": [1, {"x": 2}]}')
CALLS: dict[str, list[Written]] = {
    "one": [PARIS],
    "two functions": [PARIS, Written("call_b", "get_time", '{"zone": "Europe/Paris"}')],
    "one function twice": [PARIS, Written("call_b", "get_weather", '{"city": "Zürich 東京 🐂\\u00e9"}')],
    "one function thrice, alike": [PARIS, PARIS._replace(id="call_b"), PARIS._replace(id="call_c")],
    "text that looks like structure": [
        Written("call_a", "write", r'{"text": "}{\"a\": [1]}\\", "b": "{\"", "c\\": "]"}'),
        Written("call_b", "write", r'{"text": "{}{}\\\\\"{"}'),
        Written("call_c", "read", '{"path": "/"}'),
    ],
    "objects in objects": [Written("call_a", "f", '{"a":{"b":{"c":[[[{}]]]}}}'), Written("call_b", "f", '{"a": {}}')],
}


def plus(calls: dict[int, ToolCallDelta], piece: ToolCallDelta) -> None:
    """What a framework does with a delta: text is appended, id and name, too."""
    before = calls.get(piece.index, ToolCallDelta(piece.index, None, None, ""))
    calls[piece.index] = ToolCallDelta(
        piece.index,
        "".join(filter(None, (before.id, piece.id))) or None,
        "".join(filter(None, (before.name, piece.name))) or None,
        before.arguments + piece.arguments,
    )


def as_calls(sums: dict[int, ToolCallDelta]) -> tuple[ToolCall, ...]:
    assert sorted(sums) == list(range(len(sums)))
    return tuple(ToolCall(c.id or "", c.name or "", c.arguments) for _, c in sorted(sums.items()))


def assembled(deltas: Iterable[Any], completion_id: str = "") -> tuple[ToolCall, ...]:
    """Feed all deltas, and check on the way what must hold for any input at all."""
    assembler = Assembler(completion_id)
    sums: dict[int, ToolCallDelta] = {}
    for delta in deltas:
        pieces = assembler.add(delta)
        assert len({piece.index for piece in pieces}) == len(pieces), "two pieces of one call in one chunk"
        for piece in pieces:
            assert piece.id or piece.name or piece.arguments, "a piece that says nothing"
            plus(sums, piece)
        assert given_out(assembler) == {i: (c.id or "", c.name or "", c.arguments) for i, c in sums.items()}
    for piece in assembler.finish():
        assert piece.name is None
        assert piece.id or piece.arguments
        plus(sums, piece)
    assert as_calls(sums) == assembler.calls()
    ids = [call.id for call in assembler.calls()]
    assert all(ids)
    assert len(set(ids)) == len(ids)
    assert assembler.finish() == []
    return assembler.calls()


def given_out(assembler: Assembler) -> dict[int, tuple[str, str, str]]:
    """The calls so far, but for one of which nothing was given out yet (all it has is a `{}` held back)."""
    calls = {i: (call.id, call.name, call.arguments) for i, call in enumerate(assembler.calls())}
    return {i: call for i, call in calls.items() if any(call)}


def whole_body(calls: list[Written]) -> list[dict[str, Any]]:
    return [
        {"id": call.id, "type": "function", "index": i, "function": {"name": call.name, "arguments": call.arguments}}
        for i, call in enumerate(calls)
    ]


def meant(calls: list[Written]) -> tuple[ToolCall, ...]:
    return tuple(ToolCall(*call) for call in calls)


@each_row("calls", CALLS.values(), ids=CALLS)
def test_a_whole_body(calls: list[Written]) -> None:
    assert calls_from(whole_body(calls)) == meant(calls)


def each_cut() -> Iterator[tuple[str, list[Written], Any]]:
    """Each conversation with each cut of its arguments, and a name for the two."""
    for (said, calls), (name, cut) in itertools.product(CALLS.items(), CUTS.items()):
        yield f"{said}, {name}", calls, cut


@each_row("way", WAYS)
def test_streamed_calls_are_those_of_the_whole_body(way: str) -> None:
    for case, calls, cut in each_cut():
        expected = meant(calls)
        if way == "arguments as an object":
            texts = (json.dumps(json.loads(call.arguments), ensure_ascii=False) for call in calls)
            expected = tuple(call._replace(arguments=text) for call, text in zip(meant(calls), texts, strict=True))
        assert assembled(WAYS[way](calls, cut)) == expected, case


@each_row("way", WITHOUT_IDS)
def test_streamed_calls_without_ids_get_those_of_the_whole_body(way: str) -> None:
    for case, calls, cut in each_cut():
        whole = calls_from([{"function": call._asdict()} for call in calls], "chatcmpl-1")
        assert [(c.name, c.arguments) for c in whole] == [(c.name, c.arguments) for c in calls], case
        assert assembled(WITHOUT_IDS[way](calls, cut), "chatcmpl-1") == whole, case


@each_row("way", ["as OpenAI does", "all in one delta", "id on each piece", "no index"])
def test_one_id_for_all_calls(way: str) -> None:
    for case, calls, cut in each_cut():
        same = [call._replace(id="call_x") for call in calls]
        whole = calls_from(whole_body(same), "chatcmpl-1")
        assert [(c.name, c.arguments) for c in whole] == [(c.name, c.arguments) for c in calls], case
        assert whole[0].id == "call_x"
        assert len({c.id for c in whole}) == len(calls), case
        streamed = assembled(WAYS[way](same, cut), "chatcmpl-1")
        if way == "no index":  # the second id may come with the name alone, when it still looks like the first call's
            whole = tuple(c._replace(id=s.id) for c, s in zip(whole, streamed, strict=True))
        assert streamed == whole, case


@each_row("calls", CALLS.values(), ids=CALLS)
def test_one_character_at_a_time_gives_each_character_at_once(calls: list[Written]) -> None:
    assembler = Assembler()
    for delta in WAYS["as OpenAI does"](calls, list):
        pieces = assembler.add(delta)
        assert [piece.arguments for piece in pieces] == [delta[0]["function"]["arguments"]]


def text_of(arguments: Any) -> str:
    """What becomes of the arguments of one whole call, in a stream and in a body."""
    entries = [entry(0, "call_a", "f", arguments)]
    (streamed,), (whole,) = assembled([entries]), calls_from(entries)
    assert streamed == whole
    assert (whole.id, whole.name) == ("call_a", "f")
    return whole.arguments


@each_row(
    ("arguments", "text", "parsed"),
    [
        ("", "", {}),
        (..., "", {}),
        (None, "", {}),
        ("null", "null", {}),
        (" null\n", " null\n", {}),
        (" \r\n\t", " \r\n\t", {}),
        ("{}", "{}", {}),
        ({}, "{}", {}),
        ({"a": "é", "b": [None, True]}, '{"a": "é", "b": [null, true]}', {"a": "é", "b": [None, True]}),
        ([], "[]", None),
        ([{"a": 1}], '[{"a": 1}]', None),
        ('[{"a": 1}]', '[{"a": 1}]', None),
        (7, "7", None),
        (0, "0", None),
        (False, "false", None),
        (0.5, "0.5", None),
        ('"text"', '"text"', None),
        ('{"a": 1', '{"a": 1', None),
        ('{"a": "b', '{"a": "b', None),
        ("{'a': 1}", "{'a': 1}", None),
        ('{"a": 1}}', '{"a": 1}}', None),
        ('{"a": 1}{"a": 2}', '{"a": 1}{"a": 2}', None),
        (' {"a": 1}\n', ' {"a": 1}\n', {"a": 1}),
        ('{"a": 1, "a": 2}', '{"a": 1, "a": 2}', {"a": 2}),
        ({1: {2: 3}}, '{"1": {"2": 3}}', {"1": {"2": 3}}),
        ({(1, 2): 3}, "?", None),
        ({"a": {1, 2}}, "?", None),
        (b"{}", "?", None),
    ],
)
def test_arguments(arguments: Any, text: str, parsed: dict[str, Any] | None) -> None:
    assert text_of(arguments) == text
    assert parse_arguments(text) == parsed


def deep(levels: int) -> str:
    return '{"a":' * levels + "1" + "}" * levels


@each_row(
    ("text", "parsed"),
    [
        ('{"code": "a\n\tb"}', {"code": "a\n\tb"}),  # raw line breaks in a string
        ('{"code": "a\nb", "x": }', None),
        ('{\n"a": [1,\n}', None),
        ('{"a": "\n", "b": ' + deep(300) + "}", None),
        ('{"a": "\n", "b": ' + deep(100) + "}", {"a": "\n", "b": json.loads(deep(100))}),
        ('{"a": 123456789012345678901234567890}', {"a": 123456789012345678901234567890}),
        ('{"a": ' + "9" * 5000 + "}", None),
        ('{"a": "\n", "b": ' + "9" * 5000 + "}", None),
        ("[" * 100_000, None),
        ('{"a": "\n", "b": ' + "[" * 100_000, None),
        (deep(5000), None),
        ("\ufeff{}", None),
        ("\xa0{}", None),
        ("\xa0", None),
        ("nul", None),
        ("X", None),
        ("nulls", None),
        ("NaN", None),
    ],
)
def test_parse_arguments(text: str, parsed: dict[str, Any] | None) -> None:
    assert parse_arguments(text) == parsed


def test_arguments_nested_too_deeply_to_be_written_are_no_empty_ones() -> None:
    value: Any = 1
    for _ in range(100_000):
        value = [value]
    assert text_of({"a": value}) == "?"


class TestIds:
    def test_missing_one_is_made_at_the_end_and_is_the_same_in_every_replay(self) -> None:
        assembler = Assembler("chatcmpl-1")
        assert assembler.add([entry(0, name="f", arguments='{"a": 1}')]) == [ToolCallDelta(0, None, "f", '{"a": 1}')]
        assert assembler.calls() == (ToolCall("", "f", '{"a": 1}'),)
        made = fresh_id("chatcmpl-1", "0", "f", '{"a": 1}')
        assert assembler.finish() == [ToolCallDelta(0, made, None, "")]
        assert assembler.calls() == (ToolCall(made, "f", '{"a": 1}'),)
        assert re.fullmatch("[a-zA-Z0-9]{9}", made)

    def test_it_depends_on_the_answer_the_place_the_name_and_the_arguments(self) -> None:
        def ids(completion_id: str, *calls: tuple[str, str]) -> list[str]:
            body = [entry(name=name, arguments=arguments) for name, arguments in calls]
            return [call.id for call in calls_from(body, completion_id)]

        one = ids("chatcmpl-1", ("f", "{}"), ("f", "{}"))
        others = [
            ids("chatcmpl-2", ("f", "{}")),
            ids("chatcmpl-1", ("g", "{}")),
            ids("chatcmpl-1", ("f", "")),
            ids("", ("f", "{}")),
        ]
        made = one + [made for other in others for made in other]
        assert len(set(made)) == len(made)

    def test_it_is_pinned(self) -> None:
        """A checkpoint holds such ids, and a cassette replays them."""
        assert calls_from([entry(arguments="{}")], "x")[0].id == fresh_id("x", "0", "", "{}")
        assert calls_from([entry(id="a"), entry(id="a", name="f")], "x")[1].id == fresh_id("x", "1", "a")

    def test_without_an_answer_id(self) -> None:
        assembler = Assembler()
        assembler.add([entry(0, name="f", arguments="{}")])
        assert [piece.id for piece in assembler.finish()] == [fresh_id("", "0", "f", "{}")]

    def test_answer_id_may_be_told_late(self) -> None:
        assembler = Assembler()
        assembler.add([entry(0, name="f", arguments="{}")])
        assembler.completion_id = "chatcmpl-1"
        assembler.finish()
        assert assembler.calls() == calls_from([entry(name="f", arguments="{}")], "chatcmpl-1")

    def test_id_of_an_earlier_call_is_replaced_with_a_fresh_one(self) -> None:
        assembler = Assembler("chatcmpl-1")
        made = fresh_id("chatcmpl-1", "1", "x")
        assert assembler.add([entry(0, "x", "f", '{"a": 1}')]) == [ToolCallDelta(0, "x", "f", '{"a": 1}')]
        assert assembler.add([entry(1, "x", "f", '{"a"')]) == [ToolCallDelta(1, made, "f", '{"a"')]
        assert assembler.add([entry(1, "x", arguments=": 2}")]) == [ToolCallDelta(1, None, None, ": 2}")]
        assert assembler.finish() == []

    @each_row("first", ["made one", "given one"])
    def test_a_made_id_never_meets_a_given_one(self, first: str) -> None:
        taken = fresh_id("", "0", "f", "{}")
        calls = [entry(name="f", arguments="{}"), entry(1, taken, "g", "{}")]
        if first == "given one":
            taken = fresh_id("", "1", "f", "{}")
            calls = [entry(0, taken, "g", "{}"), entry(name="f", arguments="{}")]
        found = [call.id for call in calls_from(calls)]
        assert taken in found
        assert len(set(found)) == 2
        assert all(re.fullmatch("[a-zA-Z0-9]{9}", made) for made in found)

    def test_a_given_one_that_was_made_before_is_replaced(self) -> None:
        """The fresh id of a duplicate, then a server that happens to use it."""
        made = fresh_id("", "1", "x")
        again = fresh_id("", "2", made)
        body = [entry(id="x", name="f"), entry(id="x", name="f"), entry(id=made, name="f")]
        assert [call.id for call in calls_from(body)] == ["x", made, again]

    def test_the_next_best_is_taken_in_a_fixed_order(self) -> None:
        made = fresh_id("", "2", "x")
        body = [entry(id="x", name="f"), entry(id=made, name="f"), entry(id="x", name="f")]
        assert [call.id for call in calls_from(body)] == ["x", made, fresh_id(made)]

    def test_number_as_an_id(self) -> None:
        assert [call.id for call in calls_from([entry(id=7, name="f"), entry(id=0, name="f")])] == ["7", "0"]
        for junk in (True, 1.5, 10**18, -(10**18), [], {}, " ", b"x", 10**5000):
            assert calls_from([entry(id=junk, name="f")]) == calls_from([entry(name="f")])
        assert calls_from([entry(id=10**18 - 1, name="f")])[0].id == "9" * 18


class TestBoundaries:
    """Where one call ends and the next begins, when the keys alone do not say it."""

    @staticmethod
    def texts(*deltas: Any) -> list[tuple[str, str]]:
        return [(call.name, call.arguments) for call in assembled(deltas)]

    def test_parameterless_twins_in_one_delta(self) -> None:
        for arguments in ("", ..., None, "{}", {}, "null"):
            twin = entry(name="f", arguments=arguments)
            text = arguments if isinstance(arguments, str) else "{}" if arguments == {} else ""
            assert self.texts([twin, twin]) == [("f", text)] * 2

    def test_a_name_again_in_the_next_delta_is_no_twin(self) -> None:
        assert self.texts([entry(name="f", arguments="")], [entry(name="f", arguments="{}")]) == [("f", "{}")]

    def test_a_name_again_under_one_index_is_no_twin(self) -> None:
        assert self.texts([entry(0, name="f"), entry(0, name="f", arguments='{"a": 1}')]) == [("f", '{"a": 1}')]

    def test_null_is_a_whole_value(self) -> None:
        null = [entry(0, name="f", arguments="null")]
        assert self.texts(null, null) == [("f", "null")] * 2
        assert self.texts([entry(0, name="f", arguments="nu")], [entry(0, name="f", arguments="ll")]) == [("f", "null")]
        assert self.texts([entry(0, name="f", arguments=" null ")], null) == [("f", " null "), ("f", "null")]
        assert self.texts([entry(0, name="f", arguments="null     ")], null) == [("f", "null     null")]

    def test_a_text_is_a_whole_value(self) -> None:
        twice = [entry(0, name="f", arguments='"a"')], [entry(0, name="f", arguments='{"a": 1}')]
        assert self.texts(*twice) == [("f", '"a"'), ("f", '{"a": 1}')]

    @each_row(("begin", "end"), [('{"a":"\\', '""}'), ('{"a":"\\', '\\"}'), ('{"a":"x\\\\', '"}')])
    def test_a_backslash_at_the_border(self, begin: str, end: str) -> None:
        pieces = [entry(0, name="f", arguments=begin)], [entry(0, name="f", arguments=end)]
        assert json.loads(begin + end)
        assert self.texts(*pieces, [entry(0, name="f", arguments='{"b":1}')]) == [("f", begin + end), ("f", '{"b":1}')]

    def test_a_list_may_be_the_next_value(self) -> None:
        twice = [entry(0, name="f", arguments="[1]")], [entry(0, name="f", arguments=" [2]")]
        assert self.texts(*twice) == [("f", "[1]"), ("f", " [2]")]

    @each_row("rest", ["}", "]", "\n", "  ", "x", "</tool_call>"])
    def test_rest_after_a_whole_value_is_no_call(self, rest: str) -> None:
        """The text stays as it is: it is no JSON object then, and says so."""
        for name in (..., "f"):
            pieces = [entry(0, "a", "f", '{"a": 1}')], [entry(0, ..., name, rest)]
            assert self.texts(*pieces) == [("f", '{"a": 1}' + rest)]

    @each_row("junk", ["}", "]}", "x", 'a": 1}', "{]}", '{"a": "}'])
    def test_a_name_again_after_what_is_no_whole_value(self, junk: str) -> None:
        pieces = [entry(0, name="f", arguments=junk)], [entry(0, name="f", arguments='{"a": 1}')]
        closed = junk in ("{]}",)
        assert self.texts(*pieces) == ([("f", junk), ("f", '{"a": 1}')] if closed else [("f", junk + '{"a": 1}')])

    def test_text_alone_is_never_a_call_of_its_own(self) -> None:
        for key in (..., 0):
            pieces = [entry(key, "a", "f", '{"a": 1}')], [entry(key, arguments='{"b": 2}')]
            assert self.texts(*pieces) == [("f", '{"a": 1}{"b": 2}')]
            assert self.texts([entry(key, "a", "f", "")], [entry(key, arguments='{"a": 1}')], pieces[1]) == [
                ("f", '{"a": 1}{"b": 2}')
            ]

    def test_text_alone_without_even_a_name(self) -> None:
        assert self.texts([entry(arguments='{"a": 1}')], [entry(arguments='{"b": 2}')]) == [("", '{"a": 1}{"b": 2}')]

    def test_an_id_and_its_name_in_two_entries_of_one_delta(self) -> None:
        assert assembled([[entry(id="x"), entry(name="f", arguments="{}")]]) == (ToolCall("x", "f", "{}"),)

    def test_name_then_arguments_for_each_of_two_calls_without_any_key(self) -> None:
        head, one, two = [entry(name="f", arguments="")], [entry(arguments='{"a": 1}')], [entry(arguments='{"a": 2}')]
        assert self.texts(head, one, head, two) == [("f", '{"a": 1}'), ("f", '{"a": 2}')]
        assert self.texts(head, one, head, one) == [("f", '{"a": 1}')] * 2
        assert self.texts(head, one, head) == [("f", '{"a": 1}')]
        assert self.texts(head, one, head, [entry(arguments="\n")]) == [("f", '{"a": 1}\n')]

    def test_a_name_again_does_not_split_a_call_whose_id_is_said(self) -> None:
        pieces = [entry(0, "a", "f", '{"a": 1}')], [entry(0, name="f")], [entry(0, "a", arguments='{"b": 2}')]
        assert self.texts(*pieces) == [("f", '{"a": 1}{"b": 2}')]

    def test_a_name_with_text_is_not_said_again_for_the_next(self) -> None:
        pieces = [entry(0, "a", "f", '{"a": 1')], [entry(0, name="f", arguments="}")], [entry(0, arguments='{"b": 2}')]
        assert self.texts(*pieces) == [("f", '{"a": 1}{"b": 2}')]

    def test_another_name_is_another_call(self) -> None:
        for arguments in ("", '{"a"', '{"a": 1}'):
            for key in (..., 0):
                pieces = [entry(key, name="f", arguments=arguments)], [entry(key, name="g", arguments="[]")]
                assert self.texts(*pieces) == [("f", arguments), ("g", "[]")]

    def test_a_new_id_at_a_used_index(self) -> None:
        """With a name: the next call. Without: an id that changes with each piece, or comes before its name."""
        begun = [entry(0, "a", "f", '{"a":')]
        assert self.texts(begun, [entry(0, "b", "f", "{}")]) == [("f", '{"a":'), ("f", "{}")]
        assert self.texts(begun, [entry(0, "b", arguments="1}")]) == [("f", '{"a":1}')]
        whole = [entry(0, "a", "f", '{"a":1}')]
        assert self.texts(whole, [entry(0, "b", arguments='{"b":')], [entry(0, "b", "g")]) == [
            ("f", '{"a":1}'),
            ("g", '{"b":'),
        ]
        assert self.texts(whole, [entry(0, "b", arguments=" ")]) == [("f", '{"a":1} ')]

    def test_an_id_comes_back(self) -> None:
        pieces = [entry(0, "a", "f", '{"a"')], [entry(0, "b", "g", '{"b"')], [entry(0, "a", arguments=":1}")]
        assert self.texts(*pieces, [entry(0, arguments="")]) == [("f", '{"a":1}'), ("g", '{"b"')]
        assert self.texts(*pieces, [entry(0, arguments=" ")]) == [("f", '{"a":1} '), ("g", '{"b"')]
        assert self.texts(*pieces, [entry(arguments=" ")]) == [("f", '{"a":1} '), ("g", '{"b"')]

    def test_an_id_at_two_indices(self) -> None:
        pieces = [entry(0, "x", "f", '{"a"')], [entry(1, "x", "f", '{"b"')]
        rest = [entry(0, "x", arguments=":1}")], [entry(1, "x", arguments=":2}")]
        assert self.texts(*pieces, *rest) == [("f", '{"a":1}'), ("f", '{"b":2}')]
        assert self.texts(*pieces, [entry(id="x", arguments=":3}")]) == [("f", '{"a"'), ("f", '{"b":3}')]

    def test_an_id_comes_late(self) -> None:
        begun, whole = [entry(name="f", arguments='{"a"')], [entry(name="f", arguments='{"a":1}')]
        (call,) = assembled([begun, [entry(id="x", arguments=":1}")]])
        assert call == ToolCall("x", "f", '{"a":1}')
        (call,) = assembled([begun, [entry(id="x", name="f", arguments=":1}")]])
        assert call == ToolCall("x", "f", '{"a":1}')
        (call,) = assembled([whole, [entry(id="x")]])
        assert call == ToolCall("x", "f", '{"a":1}')
        _, call = assembled([whole, [entry(id="x", name="f")]])
        assert call == ToolCall("x", "f", "")
        _, call = assembled([begun, [entry(id="x", name="g", arguments="{}")]])
        assert call == ToolCall("x", "g", "{}")
        _, call = assembled([whole, [entry(id="x", arguments='{"b":2}')]])
        assert call == ToolCall("x", "", '{"b":2}')
        _, call = assembled([[entry(id="y", name="f", arguments='{"a"')], [entry(id="x", arguments=":1}")]])
        assert call == ToolCall("x", "", ":1}")

    def test_an_index_comes_late(self) -> None:
        begun = [entry(id="x", name="f", arguments='{"a"')]
        for keys in ({}, {"id": "x"}):
            pieces = [begun, [entry(3, arguments=":", **keys)], [entry(3, arguments="1}")]]
            assert assembled(pieces) == (ToolCall("x", "f", '{"a":1}'),)
        assert len(assembled([begun, [entry(3, "y", arguments="{}")]])) == 2
        assert len(assembled([[entry(2, "x", "f", '{"a"')], [entry(3, arguments=":1}")]])) == 2

    def test_a_name_comes_late_to_what_has_no_key_yet(self) -> None:
        assert assembled([[entry(arguments='{"a":1}')], [entry(id="x", name="f")]]) == (ToolCall("x", "f", '{"a":1}'),)

    def test_said_again_means_the_same_under_both_keys(self) -> None:
        whole = entry(0, "x", "f", '{"a":1}')
        assert self.texts([whole], [whole], [whole]) == [("f", '{"a":1}')]
        assert self.texts([whole], [whole, entry(1, "y", "g", "[]")]) == [("f", '{"a":1}'), ("g", "[]")]
        for other in (
            {**whole, "index": 1},
            {**whole, "id": "y"},
            entry(0, "x", "g", '{"a":1}'),
            entry(0, "x", "f", '{"a":2}'),
            entry(..., "x", "f", '{"a":1}'),
            entry(0, ..., "f", '{"a":1}'),
        ):
            assert len(self.texts([whole], [other])) == 2, other
        assert self.texts([entry(0, "x", "f", "11")], [entry(0, "x", "f", "11")]) == [("f", "1111")]
        assert self.texts([entry(0, "x", "f", {})], [entry(0, "x", "f", {})]) == [("f", "{}")]
        assert self.texts(*[[entry(0, "x", "f", {})]] * 2, [entry(0, arguments='{"a":1}')]) == [("f", '{"a":1}')]
        assert len(self.texts([{**whole, "index": None}], [whole])) == 2

    def test_each_entry_of_a_whole_body_is_a_call(self) -> None:
        whole = entry(0, "x", "f", '{"a":1}')
        assert [call.name for call in calls_from([whole, whole, entry(0, arguments="{}")])] == ["f", "f", ""]
        assert calls_from(whole) == calls_from([whole]) == calls_from((whole,)) == (ToolCall("x", "f", '{"a":1}'),)
        for junk in (None, [], {}, "x", 7, [None, "x", {}, [], {"index": 0, "type": "function", "function": None}]):
            assert calls_from(junk) == ()

    def test_an_id_without_anything_is_kept(self) -> None:
        """Nothing that the server called a call is lost; whether it can be executed is decided above."""
        assert calls_from([{"id": "x", "type": "function"}]) == (ToolCall("x", "", ""),)
        assert calls_from([{"id": "x", "function": "f"}]) == (ToolCall("x", "", ""),)

    def test_nothing_after_the_seal_belongs_to_a_call_before_it(self) -> None:
        for keys in ({}, {"index": 0}, {"id": "x"}, {"index": 0, "id": "x"}):
            assembler = Assembler()
            assembler.add([entry(0, "x", "f", '{"a"')])
            assembler.seal()
            assembler.add([entry(**keys, arguments=":1}")])
            assert [call.arguments for call in assembler.calls()] == ['{"a"', ":1}"]
            assembler.finish()
            assembler.add([entry(**keys, arguments="2")])
            assert [call.arguments for call in assembler.calls()] == ['{"a"', ":1}", "2"]

    @each_row("junk", [True, False, None, 1.5, float("nan"), float("inf"), "", " ", [], {}, b"0"])
    def test_an_index_that_is_none(self, junk: Any) -> None:
        calls = assembled([[entry(0, "a", "f", '{"a"')], [entry(junk, arguments=":1}")], [entry(0, arguments=" ")]])
        assert calls == (ToolCall("a", "f", '{"a":1} '),)

    def test_strange_indices_are_keys(self) -> None:
        indices = [-1, "-1", "9" * 9, "9" * 10, 10**30, "1.5", "٣", "²", 2**70 + 0.0, 10**5000]
        deltas = [[entry(index, f"id{i}", "f", '{"a":')] for i, index in enumerate(indices)]
        deltas += [[entry(index, arguments=f"{i}}}")] for i, index in enumerate(indices)]
        assert [call.arguments for call in assembled(deltas)] == [f'{{"a":{i}}}' for i in range(len(indices))]
        calls = assembled(
            [
                [entry("٣", "a", "f", "1")],
                [entry(3, arguments="2")],
                [entry(999_999_999, "b", "f", "3")],
                [entry("999999999", arguments="4")],
            ]
        )
        assert [call.arguments for call in calls] == ["12", "34"]

    def test_a_name_that_is_none(self) -> None:
        for junk in (None, "", " ", [], {}, True, 1.5):
            assert calls_from([entry(id="x", name=junk, arguments="{}")]) == (ToolCall("x", "", "{}"),)


class TestHeldBack:
    """`{}` may be all, or a placeholder: it is given out when that is known."""

    def test_all(self) -> None:
        for arguments in ("{}", {}):
            assembler = Assembler()
            assert assembler.add([entry(0, "x", "f", arguments)]) == [ToolCallDelta(0, "x", "f", "")]
            assert assembler.calls() == (ToolCall("x", "f", ""),)
            assert assembler.finish() == [ToolCallDelta(0, None, None, "{}")]
            assert assembler.calls() == (ToolCall("x", "f", "{}"),)

    @each_row("true", ['{"a": 1}', ' {"a": 1}', "{", "{}"])
    def test_placeholder(self, true: str) -> None:
        assembler = Assembler()
        assembler.add([entry(0, "x", "f", "{}")])
        assert assembler.add([entry(0, arguments=true)]) == [ToolCallDelta(0, None, None, true)]
        assert assembler.add([entry(0, arguments="{}")]) == [ToolCallDelta(0, None, None, "{}")]
        assert assembler.finish() == []

    def test_beginning_of_what_is_no_json(self) -> None:
        assembler = Assembler()
        assembler.add([entry(0, "x", "f", "{}")])
        assert assembler.add([entry(0, arguments="")]) == []
        assert assembler.add([entry(0, arguments="}")]) == [ToolCallDelta(0, None, None, "{}}")]

    def test_only_the_first_piece(self) -> None:
        assert assembled([[entry(0, "x", "f", '{"a":')], [entry(0, arguments="{}")], [entry(0, arguments="}")]]) == (
            ToolCall("x", "f", '{"a":{}}'),
        )


def test_pieces_of_one_delta_are_summed() -> None:
    """LangChain merges the pieces of two chunks by index; two in one chunk would stay apart."""
    delta = [
        entry(0, "x", arguments="{"),
        entry(1, "y", "g", "["),
        entry(0, name="f"),
        entry(0, arguments="1"),
        entry(1, arguments="2"),
    ]
    assert Assembler().add(delta) == [ToolCallDelta(0, "x", "f", "{1"), ToolCallDelta(1, "y", "g", "[2")]


def test_what_the_server_wrote_is_left_as_it_is() -> None:
    for name, way in {**WAYS, **WITHOUT_IDS}.items():
        deltas = way(CALLS["two functions"], list)
        before = copy.deepcopy(deltas)
        assembled(deltas)
        assert deltas == before, name


def test_a_snapshot_does_not_change() -> None:
    assembler = Assembler()
    assembler.add([entry(0, "x", "f", '{"a"')])
    before = assembler.calls()
    assembler.add([entry(0, arguments=":1}")])
    assert before == (ToolCall("x", "f", '{"a"'),)
    with pytest.raises(AttributeError):
        before[0].arguments = ""  # type: ignore[misc]


class TestCost:
    """Each character is read once at most, and the text so far is not put together per fragment."""

    @pytest.mark.parametrize(
        "way", ["as OpenAI does", "id and name on each piece", "id and name on each piece, no index"]
    )
    @pytest.mark.parametrize(
        "text",
        ['{"a": "' + "}{" * 2000 + '"}', "[" + "{}," * 1500 + "{}]", "x" * 4000, "\\" * 4000],
        ids=["text", "objects", "no JSON", "backslashes"],
    )
    def test_is_linear(self, way: str, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
        marks, whole_texts = tool_text._MARK, 0
        read = 0

        class Counting:
            @staticmethod
            def finditer(piece: str, start: int) -> Any:
                nonlocal read
                read += len(piece)
                return marks.finditer(piece, start)

        def whole_text(self: Any) -> str:
            nonlocal whole_texts
            whole_texts += 1
            return "".join(self._pieces)

        monkeypatch.setattr(tool_text, "_MARK", Counting)
        monkeypatch.setattr(tool_text.ArgumentsText, "text", whole_text)
        assembler = Assembler()
        for delta in WAYS[way]([Written("x", "f", text)], list):
            assembler.add(delta)
        assert read <= len(text)
        assert whole_texts < 40
        assert assembler.calls() == (ToolCall("x", "f", text),)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=12,
)
LIKELY = st.fixed_dictionaries(
    {},
    optional={
        "index": st.sampled_from([0, 1, 2, "0", "1", 1.0, None, "x"]) | JSON,
        "id": st.sampled_from(["a", "b", "c", "", None, fresh_id("", "1", "a")]) | JSON,
        "type": st.just("function") | JSON,
        "function": st.fixed_dictionaries(
            {},
            optional={
                "name": st.sampled_from(["f", "g", "", None]) | JSON,
                "arguments": st.sampled_from(["", "{}", "{", "}", '{"a":', "1}", '"', "\\", "null", '{"a":1}', " "])
                | JSON,
            },
        )
        | JSON,
    },
)


@settings(max_examples=600, deadline=None)
@given(st.lists(st.lists(LIKELY | JSON, max_size=4) | JSON | LIKELY, max_size=10))
def test_any_junk_keeps_the_promises(deltas: list[Any]) -> None:
    """Never an exception; the deltas add up to the calls; every id is there once (see `assembled`)."""
    assembled(deltas)
    calls_from(deltas)
    for delta in deltas:
        calls_from(delta)


@settings(max_examples=400, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(["f", "g"]), st.dictionaries(st.text(max_size=5), JSON, min_size=1, max_size=4)),
        min_size=1,
        max_size=4,
    ),
    st.sampled_from(sorted({*WAYS, *WITHOUT_IDS} - {"arguments as an object"})),
    st.randoms(use_true_random=False),
)
def test_any_calls_any_way_any_cut(meant_calls: list[tuple[str, Any]], way: str, rnd: Any) -> None:
    calls = [
        Written(f"id{i}", name, json.dumps(args, indent=rnd.choice([None, 1])))
        for i, (name, args) in enumerate(meant_calls)
    ]

    def cut(text: str) -> list[str]:
        marks = sorted(rnd.randrange(len(text) + 1) for _ in range(rnd.randrange(5)))
        return [text[a:b] for a, b in zip([0, *marks], [*marks, len(text)], strict=True)]

    whole = calls_from(
        [{"function": c._asdict(), **({"id": c.id} if way in WAYS else {})} for c in calls], "chatcmpl-1"
    )
    assert [(c.name, c.arguments) for c in whole] == [(c.name, c.arguments) for c in calls]
    assert assembled({**WAYS, **WITHOUT_IDS}[way](calls, cut), "chatcmpl-1") == whole


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
