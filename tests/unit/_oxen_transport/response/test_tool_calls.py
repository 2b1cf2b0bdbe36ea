"""Tool calls from fragments: whatever the server wrote, the calls are those that the model meant."""

from __future__ import annotations

import copy
import itertools
import json
import re
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from _oxen_transport.response import tool_call_arguments as tool_text
from _oxen_transport.response.tool_calls import Assembler, calls_from
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


def assembled(deltas: Iterable[Any], completion_id: str = "") -> tuple[ToolCall, ...]:
    """Feed all deltas, and check on the way what must hold for any input at all.

    A framework adds the deltas up, ids and names as well as arguments: the sum is what `calls` says, always.
    """
    assembler, sums = Assembler(completion_id), {}
    for pieces in itertools.chain(map(assembler.add, deltas), (end() for end in [assembler.finish])):
        # LangChain merges the pieces of two chunks by index: two in one chunk would stay apart
        assert len({piece.index for piece in pieces}) == len(pieces), "two pieces of one call in one chunk"
        for piece in pieces:
            assert piece.id or piece.name or piece.arguments, "an empty piece"
            before = sums.get(piece.index, ToolCall("", "", ""))
            sums[piece.index] = ToolCall(
                before.id + (piece.id or ""), before.name + (piece.name or ""), before.arguments + piece.arguments
            )
        # one of which nothing was given out yet has a `{}` that is held back
        assert {i: call for i, call in enumerate(assembler.calls()) if any(call[:3])} == sums
    ids = [call.id for call in assembler.calls()]
    assert all(ids)
    assert len(set(ids)) == len(ids) == len(sums)
    assert assembler.finish() == []
    return assembler.calls()


def whole_body(calls: list[Written]) -> list[dict[str, Any]]:
    return [entry(i, call.id, call.name, call.arguments, type="function") for i, call in enumerate(calls)]


def each_cut() -> Iterator[tuple[str, list[Written], Any]]:
    """Each list of calls with each cut of its arguments, and a name for the two."""
    for (kind, calls), (name, cut) in itertools.product(CALLS.items(), CUTS.items()):
        yield f"{kind}, {name}", calls, cut


@each_row("way", WAYS)
def test_streamed_calls_are_those_of_the_whole_body(way: str) -> None:
    for case, calls, cut in each_cut():
        expected = tuple(ToolCall(*call) for call in calls)
        assert calls_from(whole_body(calls)) == expected
        if way == "arguments as an object":
            texts = (json.dumps(json.loads(call.arguments), ensure_ascii=False) for call in calls)
            expected = tuple(call._replace(arguments=text) for call, text in zip(expected, texts, strict=True))
        assert assembled(WAYS[way](calls, cut)) == expected, case


@each_row("way", WITHOUT_IDS)
def test_streamed_calls_without_ids_get_those_of_the_whole_body(way: str) -> None:
    for case, calls, cut in each_cut():
        whole = calls_from([{"function": call._asdict()} for call in calls], "chatcmpl-1")
        assert [call[1:3] for call in whole] == [call[1:] for call in calls], case
        assert assembled(WITHOUT_IDS[way](calls, cut), "chatcmpl-1") == whole, case


@each_row("way", ["as OpenAI does", "all in one delta", "id on each piece", "no index"])
def test_one_id_for_all_calls(way: str) -> None:
    for case, calls, cut in each_cut():
        same = [call._replace(id="call_x") for call in calls]
        whole = calls_from(whole_body(same), "chatcmpl-1")
        assert [call[1:3] for call in whole] == [call[1:] for call in calls], case
        assert whole[0].id == "call_x"
        assert len({call.id for call in whole}) == len(calls), case
        streamed = assembled(WAYS[way](same, cut), "chatcmpl-1")
        if way == "no index":  # the second id may come with the name alone, when it still looks like the first call's
            whole = tuple(call._replace(id=made.id) for call, made in zip(whole, streamed, strict=True))
        assert streamed == whole, case


@each_row("calls", CALLS.values())
def test_each_character_is_given_out_at_once(calls: list[Written]) -> None:
    assembler = Assembler()
    for delta in WAYS["as OpenAI does"](calls, list):
        assert [piece.arguments for piece in assembler.add(delta)] == [delta[0]["function"]["arguments"]]


DEEP: Any = 1
for _ in range(100_000):
    DEEP = [DEEP]


@each_row(
    ("arguments", "text"),
    [
        *[("", ""), (..., ""), (None, ""), ("null", "null"), (" \r\n\t", " \r\n\t"), ("{}", "{}"), ({}, "{}")],
        *[({"a": "é", "b": [None, True]}, '{"a": "é", "b": [null, true]}'), ({1: {2: 3}}, '{"1": {"2": 3}}')],
        *[([], "[]"), ([{"a": 1}], '[{"a": 1}]'), (7, "7"), (0, "0"), (False, "false"), (0.5, "0.5")],
        *[('{"a": "b', '{"a": "b'), ('{"a": 1}}', '{"a": 1}}'), ('{"a": 1}{"a": 2}', '{"a": 1}{"a": 2}')],
        # what cannot be written is not "", which is a call without arguments, and would run
        *[({(1, 2): 3}, "?"), ({"a": {1, 2}}, "?"), (b"{}", "?"), ({"a": DEEP}, "?")],
    ],
)
def test_arguments_of_any_type_become_text(arguments: Any, text: str) -> None:
    entries = [entry(0, "call_a", "f", arguments)]
    assert assembled([entries]) == calls_from(entries) == (ToolCall("call_a", "f", text),)


# -- ids ----------------------------------------------------------------------------------------


def ids(*entries: dict[str, Any], completion_id: str = "") -> list[str]:
    return [call.id for call in calls_from(list(entries), completion_id)]


def test_a_missing_id_is_made_at_the_end_and_is_the_same_in_every_replay() -> None:
    assembler = Assembler()
    assert assembler.add([entry(0, name="f", arguments='{"a": 1}')]) == [ToolCallDelta(0, None, "f", '{"a": 1}')]
    assert assembler.calls() == (ToolCall("", "f", '{"a": 1}'),)
    assembler.completion_id = "chatcmpl-1"  # it may come late
    made = fresh_id("chatcmpl-1", "0", "f", '{"a": 1}')
    assert assembler.finish() == [ToolCallDelta(0, made, None, "")]
    assert re.fullmatch("[a-zA-Z0-9]{9}", made)
    assert calls_from([entry(name="f", arguments='{"a": 1}')], "chatcmpl-1") == (ToolCall(made, "f", '{"a": 1}'),)


def test_a_made_id_depends_on_the_answer_the_place_the_name_and_the_arguments() -> None:
    f = entry(name="f", arguments="{}")
    made = ids(f, f, completion_id="chatcmpl-1")
    made += ids(f, completion_id="chatcmpl-2") + ids(f)
    made += ids(entry(name="g", arguments="{}"), completion_id="chatcmpl-1")
    made += ids(entry(name="f", arguments=""), completion_id="chatcmpl-1")
    assert len(set(made)) == len(made) == 6


F, X = entry(name="f", arguments="{}"), entry(id="x", name="f")
OF_F, OF_SECOND_F = fresh_id("", "0", "f", "{}"), fresh_id("", "1", "f", "{}")
OF_SECOND_X, OF_THIRD_X = fresh_id("", "1", "x"), fresh_id("", "2", "x")


@each_row(
    ("entries", "expected"),
    [
        ([X, X], ["x", OF_SECOND_X]),  # pinned: checkpoints hold such ids, and cassettes replay them
        ([entry(arguments="{}")], [fresh_id("", "0", "", "{}")]),
        # a made id never equals a given one, whichever comes first; the next best is taken in a fixed order
        ([F, entry(1, OF_F, "g", "{}")], [fresh_id(OF_F), OF_F]),
        ([entry(0, OF_SECOND_F, "g"), F], [OF_SECOND_F, fresh_id(OF_SECOND_F)]),
        ([X, X, entry(id=OF_SECOND_X, name="f")], ["x", OF_SECOND_X, fresh_id("", "2", OF_SECOND_X)]),
        ([X, entry(id=OF_THIRD_X, name="f"), X], ["x", OF_THIRD_X, fresh_id(OF_THIRD_X)]),
        ([entry(id=7, name="f"), entry(id=0, name="f"), entry(id=10**18 - 1, name="f")], ["7", "0", "9" * 18]),
        *(
            ([entry(id=junk, name="f")], ids(entry(name="f")))
            for junk in (True, 1.5, 10**18, -(10**18), [], {}, " ", b"x", 10**5000)
        ),
    ],
)
def test_ids(entries: list[Any], expected: list[str]) -> None:
    assert ids(*entries) == expected


def test_an_id_that_comes_again_is_replaced_at_once() -> None:
    assembler, made = Assembler("chatcmpl-1"), fresh_id("chatcmpl-1", "1", "x")
    assert assembler.add([entry(0, "x", "f", '{"a": 1}')]) == [ToolCallDelta(0, "x", "f", '{"a": 1}')]
    assert assembler.add([entry(1, "x", "f", '{"a"')]) == [ToolCallDelta(1, made, "f", '{"a"')]
    assert assembler.add([entry(1, "x", arguments=": 2}")]) == [ToolCallDelta(1, None, None, ": 2}")]
    assert assembler.finish() == []


# -- where one call ends and the next begins, when the keys alone do not say it ------------------

f = entry
STRANGE = [-1, "-1", "9" * 9, "9" * 10, 10**30, "1.5", "٣", "²", 2**70 + 0.0, 10**5000]
WHOLE = f(0, "x", "f", '{"a":1}')
BEGUN_WITHOUT_KEY, WHOLE_WITHOUT_KEY = f(name="f", arguments='{"a"'), f(name="f", arguments='{"a":1}')
BOUNDARIES: dict[str, list[tuple[list[Any], list[Any]]]] = {
    # entries (each a delta, or a list of them in one) -> (name, arguments) of the calls, or (id, name, arguments)
    "two calls without parameters in one delta": [
        ([[f(name="f", arguments=a)] * 2], [("f", a if isinstance(a, str) else "{}" if a == {} else "")] * 2)
        for a in ("", ..., None, "{}", {}, "null")
    ],
    "a name again in the next delta, or under one index, is no other call": [
        ([f(name="f", arguments=""), f(name="f", arguments="{}")], [("f", "{}")]),
        ([[f(0, name="f"), f(0, name="f", arguments='{"a": 1}')]], [("f", '{"a": 1}')]),
    ],
    "null and a text are whole values": [
        ([f(0, name="f", arguments="null")] * 2, [("f", "null")] * 2),
        ([f(0, name="f", arguments="nu"), f(0, name="f", arguments="ll")], [("f", "null")]),
        ([f(0, name="f", arguments=" null "), f(0, name="f", arguments="null")], [("f", " null "), ("f", "null")]),
        ([f(0, name="f", arguments="null     "), f(0, name="f", arguments="null")], [("f", "null     null")]),
        ([f(0, name="f", arguments='"a"'), f(0, name="f", arguments='{"a": 1}')], [("f", '"a"'), ("f", '{"a": 1}')]),
        ([f(0, name="f", arguments="[1]"), f(0, name="f", arguments=" [2]")], [("f", "[1]"), ("f", " [2]")]),
    ],
    "a backslash at the border": [
        ([f(0, name="f", arguments=a) for a in (begin, end, '{"b":1}')], [("f", begin + end), ("f", '{"b":1}')])
        for begin, end in (('{"a":"\\', '""}'), ('{"a":"\\', '\\"}'), ('{"a":"x\\\\', '"}'))
    ],
    "what follows a whole value stays with it, and makes it invalid": [
        ([f(0, "a", "f", '{"a": 1}'), f(0, ..., name, rest)], [("f", '{"a": 1}' + rest)])
        for rest in ("}", "]", "\n", "  ", "x", "</tool_call>")
        for name in (..., "f")
    ],
    "a name again after what is no whole value": [
        ([f(0, name="f", arguments=junk), f(0, name="f", arguments='{"a": 1}')], [("f", junk + '{"a": 1}')])
        for junk in ("}", "]}", "x", 'a": 1}', '{"a": "}')
    ]
    + [([f(0, name="f", arguments="{]}"), f(0, name="f", arguments="[1]")], [("f", "{]}"), ("f", "[1]")])],
    "text alone is never a call of its own": [
        *[([f(k, "a", "f", '{"a": 1}'), f(k, arguments='{"b": 2}')], [("f", '{"a": 1}{"b": 2}')]) for k in (..., 0)],
        *[([f(k, "a", "f", ""), f(k, arguments="{}1"), f(k, arguments="[]")], [("f", "{}1[]")]) for k in (..., 0)],
        ([f(arguments='{"a": 1}'), f(arguments='{"b": 2}')], [("", '{"a": 1}{"b": 2}')]),
    ],
    "name, then arguments, for each of two calls without any key": [
        ([f(name="f", arguments=""), f(arguments="[1]")] * 2, [("f", "[1]")] * 2),
        ([f(name="f", arguments=""), f(arguments="[1]"), f(name="f", arguments="")], [("f", "[1]")]),
        ([f(name="f"), f(arguments="[1]"), f(name="f"), f(arguments="\n")], [("f", "[1]\n")]),
    ],
    "a name again does not split a call whose id is given, nor one that it came with text for": [
        ([f(0, "a", "f", '{"a": 1}'), f(0, name="f"), f(0, "a", arguments='{"b": 2}')], [("f", '{"a": 1}{"b": 2}')]),
        ([f(0, "a", "f", '{"a": 1'), f(0, ..., "f", "}"), f(0, arguments='{"b": 2}')], [("f", '{"a": 1}{"b": 2}')]),
    ],
    "another name is another call": [
        ([f(key, name="f", arguments=a), f(key, name="g", arguments="[]")], [("f", a), ("g", "[]")])
        for a in ("", '{"a"', '{"a": 1}')
        for key in (..., 0)
    ],
    "unless no argument came yet: then it is the rest of the name": [
        ([f(0, "x", "get_", ""), f(0, name="wea"), f(0, "x", "ther"), f(0, arguments="[1]")], [("get_weather", "[1]")]),
        ([f(0, name="get_"), f(0, name="weather")], [("get_weather", "")]),
        ([f(0, "x", "get_"), f(0, "x", "weather", "[1]")], [("get_weather", "[1]")]),
        # but not under another id; without one not in the same delta, without an index, or with arguments
        ([f(0, "x", "f"), f(0, name="g", arguments="[1]")], [("f", ""), ("g", "[1]")]),
        ([[f(0, "x", "f"), f(0, name="g")]], [("f", ""), ("g", "")]),
        ([f(id="x", name="f"), f(name="g")], [("f", ""), ("g", "")]),
        ([f(0, "x", "f"), f(0, "y", "g")], [("f", ""), ("g", "")]),
        ([f(name="f"), f(name="g")], [("f", ""), ("g", "")]),
        ([[f(0, name="f"), f(0, name="g")]], [("f", ""), ("g", "")]),
        ([f(0, "x", "f", "{}"), f(0, name="g")], [("f", "{}"), ("g", "")]),
    ],
    "a new id at a used index: with a name the next call, else an id that changes or comes before its name": [
        ([f(0, "a", "f", '{"a":'), f(0, "b", "f", "{}")], [("f", '{"a":'), ("f", "{}")]),
        ([f(0, "a", "f", '{"a":'), f(0, "b", arguments="1}")], [("f", '{"a":1}')]),
        ([WHOLE, f(0, "b", arguments='{"b":'), f(0, "b", "g")], [("f", '{"a":1}'), ("g", '{"b":')]),
        ([WHOLE, f(0, "b", arguments=" ")], [("f", '{"a":1} ')]),
    ],
    "an id comes back, or stands at two indices": [
        *[
            ([f(0, "a", "f", "["), f(0, "b", "g", "{"), f(0, "a", arguments="]"), last], [("f", "[] "), ("g", "{")])
            for last in (f(0, arguments=" "), f(arguments=" "))
        ],
        (
            [f(0, "x", "f", "[0"), f(1, "x", "f", "[1"), f(0, "x", arguments="]"), f(1, "x", arguments="]")],
            [("f", "[0]"), ("f", "[1]")],
        ),
        ([f(0, "x", "f", "[0"), f(1, "x", "f", "[1"), f(id="x", arguments="]")], [("f", "[0"), ("f", "[1]")]),
    ],
    "an id comes late": [
        *[([BEGUN_WITHOUT_KEY, f(id="x", name=n, arguments=":1}")], [("x", "f", '{"a":1}')]) for n in (..., "f")],
        ([WHOLE_WITHOUT_KEY, f(id="x")], [("x", "f", '{"a":1}')]),
        ([WHOLE_WITHOUT_KEY, f(id="x", name="f")], [("f", '{"a":1}'), ("x", "f", "")]),
        ([BEGUN_WITHOUT_KEY, f(id="x", name="g", arguments="{}")], [("f", '{"a"'), ("x", "g", "{}")]),
        ([WHOLE_WITHOUT_KEY, f(id="x", arguments='{"b":2}')], [("f", '{"a":1}'), ("x", "", '{"b":2}')]),
        ([f(id="y", name="f", arguments='{"a"'), f(id="x", arguments=":1}")], [("y", "f", '{"a"'), ("x", "", ":1}")]),
        ([[f(id="x"), f(name="f", arguments="{}")]], [("x", "f", "{}")]),
    ],
    "an index or a name comes late": [
        *[
            ([f(id="x", name="f", arguments="["), f(3, k, arguments="1"), f(3, arguments="]")], [("x", "f", "[1]")])
            for k in (..., "x")
        ],
        ([f(id="x", name="f", arguments="["), f(3, "y", arguments="{}")], [("f", "["), ("", "{}")]),
        ([f(2, "x", "f", "["), f(3, arguments="1]")], [("f", "["), ("", "1]")]),
        ([f(arguments='{"a":1}'), f(id="x", name="f")], [("x", "f", '{"a":1}')]),
    ],
    "the same again is a repetition under both keys alone": [
        ([WHOLE] * 3, [("f", '{"a":1}')]),
        ([WHOLE, [WHOLE, f(1, "y", "g", "[]")]], [("f", '{"a":1}'), ("g", "[]")]),
        *[
            ([WHOLE, other], [("f", '{"a":1}'), (other["function"]["name"], other["function"]["arguments"])])
            for other in (
                *[{**WHOLE, "index": 1}, {**WHOLE, "id": "y"}, f(0, "x", "g", '{"a":1}'), f(0, "x", "f", '{"a":2}')],
                *[f(..., "x", "f", '{"a":1}'), f(0, ..., "f", '{"a":1}')],
            )
        ],
        ([{**WHOLE, "index": None}, WHOLE], [("f", '{"a":1}')] * 2),
        ([f(0, "x", "f", "11")] * 2, [("f", "1111")]),
        ([f(0, "x", "f", {})] * 2, [("f", "{}")]),
        ([*[f(0, "x", "f", {})] * 2, f(0, arguments="[1]")], [("f", "{}[1]")]),
        ([*[f(0, "x", "f", {})] * 2, f(0, arguments='{"a":1}')], [("f", '{"a":1}')]),
    ],
    "what is no index counts as missing": [
        ([f(0, "a", "f", "["), f(junk, arguments="1]"), f(0, arguments=" ")], [("f", "[1] ")])
        for junk in (True, False, None, 1.5, float("nan"), float("inf"), "", " ", [], {}, b"0")
    ],
    "strange indices are keys": [
        (
            [f(index, f"id{n}", "f", "[") for n, index in enumerate(STRANGE)] + [f(i, arguments="]") for i in STRANGE],
            [("f", "[]")] * len(STRANGE),
        )
    ],
    "one index, written in two ways": [
        ([f("٣", "a", "f", "1"), f(3, arguments="2")], [("f", "12")]),
        ([f(999_999_999, "b", "f", "3"), f("999999999", arguments="4")], [("f", "34")]),
        ([f("9" * 5_000, "c", "f", "5"), f("9" * 5_000, arguments="6")], [("f", "56")]),  # more than int() reads
    ],
    "a `{}` at first is all there is, or a placeholder": [
        ([f(0, "x", "f", '{"a":'), f(0, arguments="{}"), f(0, arguments="}")], [("f", '{"a":{}}')]),
        ([f(0, "x", "f", "{}"), f(0, arguments=""), f(0, arguments="}")], [("f", "{}}")]),
    ],
}


@each_row("kind", BOUNDARIES)
def test_where_a_call_ends(kind: str) -> None:
    for entries, expected in BOUNDARIES[kind]:
        calls = assembled(made if isinstance(made, list) else [made] for made in entries)
        found = [call[3 - len(wanted) : 3] for call, wanted in zip(calls, expected, strict=True)]
        assert found == expected, entries


def test_each_entry_of_a_whole_body_is_a_call() -> None:
    whole = entry(0, "x", "f", '{"a":1}')
    assert [call.name for call in calls_from([whole, whole, entry(0, arguments="{}")])] == ["f", "f", ""]
    assert calls_from(whole) == calls_from([whole]) == calls_from((whole,)) == (ToolCall("x", "f", '{"a":1}'),)
    for junk in (None, [], {}, "x", 7, [None, "x", {}, [], {"index": 0, "type": "function", "function": None}]):
        assert calls_from(junk) == ()
    for function in (..., "f"):  # nothing that the server called a call is lost
        assert calls_from([{"id": "x", "type": "function", "function": function}]) == (ToolCall("x", "", ""),)
    for junk in (None, "", " ", [], {}, True, 1.5):
        assert calls_from([entry(id="x", name=junk, arguments="{}")]) == (ToolCall("x", "", "{}"),)


@each_row("keys", [{}, {"index": 0}, {"id": "x"}, {"index": 0, "id": "x"}])
def test_nothing_after_the_seal_belongs_to_a_call_before_it(keys: dict[str, Any]) -> None:
    assembler = Assembler()
    assembler.add([entry(0, "x", "f", '{"a"')])
    assembler.seal()
    assembler.add([entry(**keys, arguments=":1}")])
    assembler.finish()
    assembler.add([entry(**keys, arguments="2")])
    assert [call.arguments for call in assembler.calls()] == ['{"a"', ":1}", "2"]


@each_row("first", ["{}", {}])
@each_row("true", ['{"a": 1}', ' {"a": 1}', "{", "{}", ""])
def test_empty_arguments_are_held_back_until_it_is_known_what_they_are(first: Any, true: str) -> None:
    assembler = Assembler()
    assert assembler.add([entry(0, "x", "f", first)]) == [ToolCallDelta(0, "x", "f", "")]
    assert assembler.calls() == (ToolCall("x", "f", ""),)
    if true:
        assert assembler.add([entry(0, arguments=true)]) == [ToolCallDelta(0, None, None, true)]
        assert assembler.add([entry(0, arguments="{}")]) == [ToolCallDelta(0, None, None, "{}")]
    assert assembler.finish() == ([] if true else [ToolCallDelta(0, None, None, "{}")])


def test_a_signature_belongs_to_the_call_it_comes_with() -> None:
    assembler = Assembler()
    assembler.add([entry(0, extra_content={"s": 0})])  # of no call
    assembler.add([entry(0, "a", "f", "{}", extra_content={"s": 1})])
    assembler.add([entry(0, "a", "f", "{}", extra_content={"t": 2})])
    assembler.add([entry(1, "b", "g", "")])
    assembler.add([entry(1, arguments="{}"), entry(1, extra_content={"s": 3})])
    assembler.add([entry(2, "c", "h", extra_content="odd")])
    assembler.finish()
    expected = (ToolCall("a", "f", "{}", {"s": 1, "t": 2}), ToolCall("b", "g", "{}", {"s": 3}), ToolCall("c", "h", ""))
    assert assembler.calls() == expected


@each_row("way", ["as OpenAI does", "id and name on each piece", "id and name on each piece, no index"])
@each_row("text", ['{"a": "' + "}{" * 2000 + '"}', "[" + "{}," * 1500 + "{}]", "x" * 4000, "\\" * 4000])
def test_the_work_is_linear(way: str, text: str) -> None:
    """Each character is read once at most, and the text so far is not put together per fragment."""
    marks, read, whole_texts = tool_text._MARK, 0, 0

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

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tool_text, "_MARK", Counting)
        patch.setattr(tool_text.ArgumentsText, "text", whole_text)
        assembler = Assembler()
        for delta in WAYS[way]([Written("x", "f", text)], list):
            assembler.add(delta)
        assert read <= len(text)
        assert whole_texts < 40
        assert assembler.calls() == (ToolCall("x", "f", text),)


# -- anything at all ----------------------------------------------------------------------------

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=12,
)
LIKELY_NAMES = {"name": st.sampled_from(["f", "g", "", None]) | JSON}
LIKELY_TEXTS = st.sampled_from(["", "{}", "{", "}", '{"a":', "1}", '"', "\\", "null", '{"a":1}', " "])
LIKELY = st.fixed_dictionaries(
    {},
    optional={
        "index": st.sampled_from([0, 1, 2, "0", "1", 1.0, None, "x"]) | JSON,
        "id": st.sampled_from(["a", "b", "c", "", None, fresh_id("", "1", "a")]) | JSON,
        "type": st.just("function") | JSON,
        "function": st.fixed_dictionaries({}, optional={**LIKELY_NAMES, "arguments": LIKELY_TEXTS | JSON}) | JSON,
    },
)


@settings(max_examples=600)
@given(st.lists(st.lists(LIKELY | JSON, max_size=4) | JSON | LIKELY, max_size=10))
def test_any_junk_keeps_the_promises(deltas: list[Any]) -> None:
    """Never an exception; the deltas add up to the calls; every id is there once (see `assembled`)."""
    before = copy.deepcopy(deltas)
    assembled(deltas)
    for body in (deltas, *deltas):
        calls_from(body)
    assert deltas == before, "what the server wrote was changed"


NAMED = st.tuples(st.sampled_from(["f", "g"]), st.dictionaries(st.text(max_size=5), JSON, min_size=1, max_size=4))


@settings(max_examples=400)
@given(
    st.lists(NAMED, min_size=1, max_size=4),
    st.sampled_from(sorted({*WAYS, *WITHOUT_IDS} - {"arguments as an object"})),
    st.randoms(use_true_random=False),
)
def test_any_calls_any_way_any_cut(meant: list[tuple[str, Any]], way: str, rnd: Any) -> None:
    indents = (rnd.choice([None, 1]) for _ in meant)
    calls = [
        Written(f"id{i}", name, json.dumps(args, indent=indent))
        for i, ((name, args), indent) in enumerate(zip(meant, indents, strict=True))
    ]

    def cut(text: str) -> list[str]:
        marks = sorted(rnd.randrange(len(text) + 1) for _ in range(rnd.randrange(5)))
        return [text[a:b] for a, b in zip([0, *marks], [*marks, len(text)], strict=True)]

    body = [{"function": call._asdict(), **({"id": call.id} if way in WAYS else {})} for call in calls]
    whole = calls_from(body, "chatcmpl-1")
    assert [call[1:3] for call in whole] == [call[1:] for call in calls]
    assert assembled({**WAYS, **WITHOUT_IDS}[way](calls, cut), "chatcmpl-1") == whole
