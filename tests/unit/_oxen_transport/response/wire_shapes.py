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


Cut = "Callable[[str], list[str]]"
Way = "Callable[[list[Written], Cut], list[Any]]"

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


def spread(calls: list[Written], cut: Any, each: Any) -> list[Any]:
    """One delta per piece: `each(position, call, piece, number of the piece)` writes the entry."""
    return [
        [each(i, call, piece, k)] for i, call in enumerate(calls) for k, piece in enumerate(cut(call.arguments) or [""])
    ]


def first(number: int, value: Any) -> Any:
    """Only with the first piece of a call."""
    return value if number == 0 else ...


def interleave(deltas: list[Any], key: Callable[[Any], Any]) -> list[Any]:
    """Call by turns with call, in place of one after the other."""
    queues: dict[Any, list[Any]] = {}
    for delta in deltas:
        queues.setdefault(key(delta[0]), []).append(delta)
    rounds: Iterable[tuple[Any, ...]] = itertools.zip_longest(*queues.values())
    return [delta for turn in rounds for delta in turn if delta is not None]


def late_id(calls: list[Written], cut: Any, **keys: Any) -> list[Any]:
    deltas: list[Any] = []
    for i, call in enumerate(calls):
        own = {key: value(i) for key, value in keys.items()}
        deltas += [[entry(**own, name=first(k, call.name), arguments=p)] for k, p in enumerate(cut(call.arguments))]
        deltas.append([entry(**own, id=call.id)])
    return deltas


WAYS: dict[str, Any] = {
    "as OpenAI does": lambda calls, cut: spread(
        calls, cut, lambda i, c, p, k: entry(i, first(k, c.id), first(k, c.name), p, type="function")
    ),
    "type on the first piece only": lambda calls, cut: spread(
        calls,
        cut,
        lambda i, c, p, k: entry(i, first(k, c.id), first(k, c.name), p, **({} if k else {"type": "function"})),
    ),
    "null for what is not said": lambda calls, cut: spread(
        calls, cut, lambda i, c, p, k: entry(i, None if k else c.id, None if k else c.name, p or None, type=None)
    ),
    "empty text for what is not said": lambda calls, cut: spread(
        calls, cut, lambda i, c, p, k: entry(i, "" if k else c.id, "" if k else c.name, p)
    ),
    "id and name first, then the arguments": lambda calls, cut: [
        delta
        for i, c in enumerate(calls)
        for delta in ([entry(i, c.id, c.name)], *([entry(i, arguments=p)] for p in cut(c.arguments)))
    ],
    "id, then name, then the arguments": lambda calls, cut: [
        delta
        for i, c in enumerate(calls)
        for delta in ([entry(i, c.id)], [entry(i, name=c.name)], *([entry(i, arguments=p)] for p in cut(c.arguments)))
    ],
    "name last": lambda calls, cut: [
        delta
        for i, c in enumerate(calls)
        for delta in (*([entry(i, c.id, arguments=p)] for p in cut(c.arguments)), [entry(i, name=c.name)])
    ],
    "all in one delta": lambda calls, cut: [
        [entry(i, c.id, c.name, c.arguments) for i, c in enumerate(calls)],
    ],
    "all pieces in one delta": lambda calls, cut: [
        [part for delta in WAYS["as OpenAI does"](calls, cut) for part in delta],
    ],
    "all pieces in one delta, no index": lambda calls, cut: [
        [part for delta in WAYS["no index"](calls, cut) for part in delta],
    ],
    "two pieces in one delta": lambda calls, cut: [
        [entry(i, c.id, c.name, c.arguments[:4]), entry(i, arguments=c.arguments[4:])] for i, c in enumerate(calls)
    ],
    "no index": lambda calls, cut: spread(
        calls, cut, lambda i, c, p, k: entry(..., first(k, c.id), first(k, c.name), p)
    ),
    "index null": lambda calls, cut: spread(
        calls, cut, lambda i, c, p, k: entry(None, first(k, c.id), first(k, c.name), p)
    ),
    "index on the first piece only": lambda calls, cut: spread(
        calls, cut, lambda i, c, p, k: entry(first(k, i), first(k, c.id), first(k, c.name), p)
    ),
    "index from the second piece on": lambda calls, cut: spread(
        calls, cut, lambda i, c, p, k: entry(i if k else ..., first(k, c.id), first(k, c.name), p)
    ),
    "index as text": lambda calls, cut: spread(
        calls, cut, lambda i, c, p, k: entry(str(i), first(k, c.id), first(k, c.name), p)
    ),
    "index as text, then as a number": lambda calls, cut: spread(
        calls, cut, lambda i, c, p, k: entry(i if k else f" {i} ", first(k, c.id), first(k, c.name), p)
    ),
    "index as a float": lambda calls, cut: spread(
        calls, cut, lambda i, c, p, k: entry(float(i) if k else i, first(k, c.id), first(k, c.name), p)
    ),
    "index with gaps, from the end": lambda calls, cut: spread(
        calls, cut, lambda i, c, p, k: entry(9 - 3 * i, first(k, c.id), first(k, c.name), p)
    ),
    "index as a word": lambda calls, cut: spread(
        calls, cut, lambda i, c, p, k: entry(f"call{i}", first(k, c.id), first(k, c.name), p)
    ),
    "index always 0": lambda calls, cut: spread(
        calls, cut, lambda i, c, p, k: entry(0, first(k, c.id), first(k, c.name), p)
    ),
    "index always 0, all in one delta": lambda calls, cut: [[entry(0, c.id, c.name, c.arguments) for c in calls]],
    "index always 0, id on each piece": lambda calls, cut: spread(
        calls, cut, lambda i, c, p, k: entry(0, c.id, first(k, c.name), p)
    ),
    "index always 0, id on each piece, interleaved": lambda calls, cut: interleave(
        WAYS["index always 0, id on each piece"](calls, cut), lambda part: part["id"]
    ),
    "id on each piece": lambda calls, cut: spread(calls, cut, lambda i, c, p, k: entry(i, c.id, first(k, c.name), p)),
    "id on each piece, no index": lambda calls, cut: spread(
        calls, cut, lambda i, c, p, k: entry(..., c.id, first(k, c.name), p)
    ),
    "id on each piece, no index, interleaved": lambda calls, cut: interleave(
        WAYS["id on each piece, no index"](calls, cut), lambda part: part["id"]
    ),
    "another id on each piece": lambda calls, cut: spread(
        calls, cut, lambda i, c, p, k: entry(i, f"{c.id}{k or ''}", first(k, c.name), p)
    ),
    "name on each piece": lambda calls, cut: spread(calls, cut, lambda i, c, p, k: entry(i, first(k, c.id), c.name, p)),
    "id and name on each piece": lambda calls, cut: spread(calls, cut, lambda i, c, p, k: entry(i, c.id, c.name, p)),
    "id and name on each piece, no index": lambda calls, cut: spread(
        calls, cut, lambda i, c, p, k: entry(..., c.id, c.name, p)
    ),
    "interleaved": lambda calls, cut: interleave(WAYS["as OpenAI does"](calls, cut), lambda part: part["index"]),
    "id late": lambda calls, cut: late_id(calls, cut, index=int),
    "id late, no index": late_id,
    "id late, index always 0": lambda calls, cut: late_id(calls, cut, index=lambda _: 0),
    "a placeholder first": lambda calls, cut: [
        delta
        for i, c in enumerate(calls)
        for delta in ([entry(i, c.id, c.name, "{}")], *([entry(i, arguments=p)] for p in cut(c.arguments)))
    ],
    "a placeholder object first": lambda calls, cut: [
        delta
        for i, c in enumerate(calls)
        for delta in ([entry(i, c.id, c.name, {})], *([entry(i, arguments=p)] for p in cut(c.arguments)))
    ],
    "a placeholder first, id and name on each piece": lambda calls, cut: [
        delta
        for i, c in enumerate(calls)
        for delta in ([entry(i, c.id, c.name, "{}")], *([entry(i, c.id, c.name, p)] for p in cut(c.arguments)))
    ],
    "said again, whole, at the end": lambda calls, cut: [
        *WAYS["as OpenAI does"](calls, cut),
        *([entry(i, c.id, c.name, c.arguments)] for i, c in enumerate(calls)),
    ],
    "said again, whole and nameless, at the end": lambda calls, cut: [
        *WAYS["as OpenAI does"](calls, cut),
        [entry(i, c.id, arguments=c.arguments) for i, c in enumerate(calls)],
    ],
    "name said again at the end": lambda calls, cut: [
        *WAYS["as OpenAI does"](calls, cut),
        *([entry(i, name=c.name, arguments="")] for i, c in enumerate(calls)),
    ],
    "junk in between": lambda calls, cut: [
        junk
        for delta in WAYS["as OpenAI does"](calls, cut)
        for junk in (
            None,
            [None, *delta, "x", 7, [], {}, {"index": 5}, {"function": None}],
            [{"function": []}],
            3,
            "x",
            {},
        )
    ],
    "no inner layer": lambda calls, cut: spread(
        calls,
        cut,
        lambda i, c, p, k: {"index": i, "arguments": p, **({} if k else {"id": c.id, "name": c.name})},
    ),
    "no list": lambda calls, cut: [part for delta in WAYS["as OpenAI does"](calls, cut) for part in delta],
    "a tuple": lambda calls, cut: [tuple(delta) for delta in WAYS["as OpenAI does"](calls, cut)],
    "arguments as an object": lambda calls, cut: [
        [entry(i, c.id, c.name, json.loads(c.arguments))] for i, c in enumerate(calls)
    ],
}

WITHOUT_IDS: dict[str, Any] = {
    "no id": lambda calls, cut: spread(calls, cut, lambda i, c, p, k: entry(i, ..., first(k, c.name), p)),
    "id null": lambda calls, cut: spread(calls, cut, lambda i, c, p, k: entry(i, None, first(k, c.name), p)),
    "id blank": lambda calls, cut: spread(calls, cut, lambda i, c, p, k: entry(i, " ", first(k, c.name), p)),
    "no id, interleaved": lambda calls, cut: interleave(WITHOUT_IDS["no id"](calls, cut), lambda part: part["index"]),
    "no id, index always 0": lambda calls, cut: spread(
        calls, cut, lambda i, c, p, k: entry(0, ..., first(k, c.name), p)
    ),
    "no id, no index": lambda calls, cut: spread(calls, cut, lambda i, c, p, k: entry(..., ..., first(k, c.name), p)),
    "no id, no index, name on each piece": lambda calls, cut: spread(
        calls, cut, lambda i, c, p, k: entry(..., ..., c.name, p)
    ),
    "no id, no index, all in one delta": lambda calls, cut: [
        [entry(name=c.name, arguments=c.arguments) for c in calls]
    ],
    "no id, no index, all pieces in one delta": lambda calls, cut: [
        [part for delta in WITHOUT_IDS["no id, no index"](calls, cut) for part in delta]
    ],
}
