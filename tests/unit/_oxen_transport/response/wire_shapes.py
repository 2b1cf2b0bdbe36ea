"""How servers write tool calls into a stream: one function per way, each writes the same calls.

A way gets the calls (id, name, arguments) and a function that cuts their arguments to pieces, and
returns the `tool_calls` of each delta.
"""

from __future__ import annotations

import itertools
import json
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


class Written(NamedTuple):
    """A call as the model meant it."""

    id: str
    name: str
    arguments: str


CUTS: dict[str, Callable[[str], list[str]]] = {
    "whole": lambda text: [text],
    "empty piece first": lambda text: ["", text],
    "empty piece last": lambda text: [text, ""],
    "two pieces": lambda text: [text[: len(text) // 2], text[len(text) // 2 :]],
    "one character at a time": list,
    "nearly whole": lambda text: [text[:-1], text[-1:]],
}


def entry(index: Any = ..., id: Any = ..., name: Any = ..., arguments: Any = ..., **more: Any) -> dict[str, Any]:  # noqa: A002
    """One entry of a delta; what is not given is not there."""
    function = {key: value for key, value in (("name", name), ("arguments", arguments)) if value is not ...}
    made = {key: value for key, value in (("index", index), ("id", id)) if value is not ...}
    return {**made, **({"function": function} if function else {}), **more}


def first(number: int, value: Any) -> Any:
    """Only with the first piece of a call."""
    return value if number == 0 else ...


def pieces(write: Callable[[int, Written, str, int], Any]) -> Any:
    """One delta per piece: `write(position, call, piece, number of the piece)` gives its entry."""
    return lambda calls, cut: [
        [write(i, c, piece, k)] for i, c in enumerate(calls) for k, piece in enumerate(cut(c.arguments) or [""])
    ]


def indexed(index: Callable[[int, int], Any]) -> Any:
    """Id and name with the first piece of a call; `index(position, number of the piece)` gives its index."""
    return pieces(lambda i, c, p, k: entry(index(i, k), first(k, c.id), first(k, c.name), p))


def entries(write: Callable[[int, Written, list[str]], list[Any]]) -> Any:
    """`write(position, call, pieces)` gives the entries of one call, each of which is a delta."""
    return lambda calls, cut: [[made] for i, call in enumerate(calls) for made in write(i, call, cut(call.arguments))]


def one_delta(write: Callable[[int, Written], Any]) -> Any:
    return lambda calls, cut: [[write(i, call) for i, call in enumerate(calls)]]


def in_one(way: Any) -> Any:
    """All entries of another way in one delta."""
    return lambda calls, cut: [[part for delta in way(calls, cut) for part in delta]]


def interleaved(way: Any, key: str) -> Any:
    """Call by turns with call, in place of one after the other."""

    def mixed(calls: list[Written], cut: Any) -> list[Any]:
        queues: dict[Any, list[Any]] = {}
        for delta in way(calls, cut):
            queues.setdefault(delta[0][key], []).append(delta)
        rounds: Iterable[tuple[Any, ...]] = itertools.zip_longest(*queues.values())
        return [delta for turn in rounds for delta in turn if delta is not None]

    return mixed


def id_late(index: Callable[[int], Any]) -> Any:
    return entries(
        lambda i, c, ps: [
            *(entry(index(i), name=first(k, c.name), arguments=p) for k, p in enumerate(ps)),
            entry(index(i), c.id),
        ]
    )


def after(head: Callable[[int, Written], list[Any]]) -> Any:
    """Something at first, then the arguments alone."""
    return entries(lambda i, c, ps: [*head(i, c), *(entry(i, arguments=p) for p in ps)])


def repeated(write: Callable[[int, Written], Any]) -> Any:
    """As OpenAI does, and at the end something again."""
    return lambda calls, cut: [*_USUAL(calls, cut), *([write(i, c)] for i, c in enumerate(calls))]


_USUAL = pieces(lambda i, c, p, k: entry(i, first(k, c.id), first(k, c.name), p, type="function"))
_JUNK: Any = (None, 3, "x", {}, [{"function": []}])
_ID_ON_EACH_AT_0 = pieces(lambda i, c, p, k: entry(0, c.id, first(k, c.name), p))
_ID_ON_EACH = pieces(lambda i, c, p, k: entry(..., c.id, first(k, c.name), p))

WAYS: dict[str, Any] = {
    "as OpenAI does": _USUAL,
    "type on the first piece only": pieces(
        lambda i, c, p, k: entry(i, first(k, c.id), first(k, c.name), p, **({} if k else {"type": "function"}))
    ),
    "null for what is missing": pieces(
        lambda i, c, p, k: entry(i, None if k else c.id, None if k else c.name, p or None, type=None)
    ),
    "empty text for what is missing": pieces(lambda i, c, p, k: entry(i, "" if k else c.id, "" if k else c.name, p)),
    "id and name first, then the arguments": after(lambda i, c: [entry(i, c.id, c.name)]),
    "id, then name, then the arguments": after(lambda i, c: [entry(i, c.id), entry(i, name=c.name)]),
    "name in pieces": after(lambda i, c: [entry(i, c.id, c.name[:3]), entry(i, name=c.name[3:])]),
    "name last": entries(
        lambda i, c, ps: [*(entry(i, c.id, arguments=p) for p in ps), entry(i, name=c.name)],
    ),
    "all in one delta": one_delta(lambda i, c: entry(i, c.id, c.name, c.arguments)),
    "all pieces in one delta": in_one(_USUAL),
    "all pieces in one delta, no index": in_one(indexed(lambda i, k: ...)),
    "two pieces in one delta": lambda calls, cut: [
        [entry(i, c.id, c.name, c.arguments[:4]), entry(i, arguments=c.arguments[4:])] for i, c in enumerate(calls)
    ],
    "no index": indexed(lambda i, k: ...),
    "index null": indexed(lambda i, k: None),
    "index on the first piece only": indexed(lambda i, k: first(k, i)),
    "index from the second piece on": indexed(lambda i, k: i if k else ...),
    "index as text": indexed(lambda i, k: str(i)),
    "index as text, then as a number": indexed(lambda i, k: i if k else f" {i} "),
    "index as a float": indexed(lambda i, k: float(i) if k else i),
    "index with gaps, from the end": indexed(lambda i, k: 9 - 3 * i),
    "index as a word": indexed(lambda i, k: f"call{i}"),
    "index always 0": indexed(lambda i, k: 0),
    "index always 0, all in one delta": one_delta(lambda i, c: entry(0, c.id, c.name, c.arguments)),
    "index always 0, id on each piece": _ID_ON_EACH_AT_0,
    "index always 0, id on each piece, interleaved": interleaved(_ID_ON_EACH_AT_0, "id"),
    "id on each piece": pieces(lambda i, c, p, k: entry(i, c.id, first(k, c.name), p)),
    "id on each piece, no index": _ID_ON_EACH,
    "id on each piece, no index, interleaved": interleaved(_ID_ON_EACH, "id"),
    "another id on each piece": pieces(lambda i, c, p, k: entry(i, f"{c.id}{k or ''}", first(k, c.name), p)),
    "name on each piece": pieces(lambda i, c, p, k: entry(i, first(k, c.id), c.name, p)),
    "id and name on each piece": pieces(lambda i, c, p, k: entry(i, c.id, c.name, p)),
    "id and name on each piece, no index": pieces(lambda i, c, p, k: entry(..., c.id, c.name, p)),
    "interleaved": interleaved(_USUAL, "index"),
    "id late": id_late(int),
    "id late, no index": id_late(lambda _: ...),
    "id late, index always 0": id_late(lambda _: 0),
    "a placeholder first": after(lambda i, c: [entry(i, c.id, c.name, "{}")]),
    "a placeholder object first": after(lambda i, c: [entry(i, c.id, c.name, {})]),
    "a placeholder first, id and name on each piece": entries(
        lambda i, c, ps: [entry(i, c.id, c.name, "{}"), *(entry(i, c.id, c.name, p) for p in ps)]
    ),
    "repeated whole at the end": repeated(lambda i, c: entry(i, c.id, c.name, c.arguments)),
    "repeated whole at the end, without names": lambda calls, cut: [
        *_USUAL(calls, cut),
        [entry(i, c.id, arguments=c.arguments) for i, c in enumerate(calls)],
    ],
    "name repeated at the end": repeated(lambda i, c: entry(i, name=c.name, arguments="")),
    "junk in between": lambda calls, cut: [
        junk
        for delta in _USUAL(calls, cut)
        for junk in (*_JUNK, [None, *delta, "x", 7, [], {}, {"index": 5}, {"function": None}], *_JUNK)
    ],
    "no inner layer": pieces(
        lambda i, c, p, k: {"index": i, "arguments": p, **({} if k else {"id": c.id, "name": c.name})}
    ),
    "no list": lambda calls, cut: [part for delta in _USUAL(calls, cut) for part in delta],
    "a tuple": lambda calls, cut: [tuple(delta) for delta in _USUAL(calls, cut)],
    "arguments as an object": entries(lambda i, c, ps: [entry(i, c.id, c.name, json.loads(c.arguments))]),
}

_NO_ID = pieces(lambda i, c, p, k: entry(i, ..., first(k, c.name), p))
_NO_KEY = pieces(lambda i, c, p, k: entry(..., ..., first(k, c.name), p))

WITHOUT_IDS: dict[str, Any] = {
    "no id": _NO_ID,
    "id null": pieces(lambda i, c, p, k: entry(i, None, first(k, c.name), p)),
    "id blank": pieces(lambda i, c, p, k: entry(i, " ", first(k, c.name), p)),
    "no id, interleaved": interleaved(_NO_ID, "index"),
    "no id, name in pieces": after(lambda i, c: [entry(i, name=c.name[:3]), entry(i, name=c.name[3:])]),
    "no id, index always 0": pieces(lambda i, c, p, k: entry(0, ..., first(k, c.name), p)),
    "no id, no index": _NO_KEY,
    "no id, no index, name on each piece": pieces(lambda i, c, p, k: entry(..., ..., c.name, p)),
    "no id, no index, all in one delta": one_delta(lambda i, c: entry(name=c.name, arguments=c.arguments)),
    "no id, no index, all pieces in one delta": in_one(_NO_KEY),
}
