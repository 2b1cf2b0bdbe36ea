"""The goals that the figures are held to."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from benchmarks.cases import BEFORE
from benchmarks.figures import SERIES, Spread, added, against_peers, exponent, figures, floor, growth, ratio, whose
from benchmarks.rounds import COMPARED, Rounds

Measured = Callable[[Rounds], Spread | None]


@dataclass(frozen=True)
class Goal:
    """One row of the table. `better` is "more" or "less".

    A miss is explained by `reason`, or else by the profile of `who` in `case`.
    """

    name: str
    must: float
    moonshot: float | None
    better: str
    measured: Measured
    case: str = ""
    who: str = ""
    reason: Callable[[Rounds], str] | None = None

    def reached(self, value: Spread | None) -> str:
        """In a word."""
        if value is None:
            return "not measured"
        for limit, word in ((self.moonshot, "moonshot"), (self.must, "must")):
            if limit is not None and (value.median >= limit if self.better == "more" else value.median <= limit):
                return word
        return "missed"

    def why(self, rounds: Rounds) -> str:
        """What a miss is due to, as far as figures can say it."""
        return self.reason(rounds) if self.reason else whose(rounds, self.case, self.who)


def _peer(must: float, moonshot: float | None, case: str, peer: str, ours: str = "ChatOxen") -> Goal:
    """So many times dearer than ours must a peer be."""
    measured: Measured = lambda rounds: ratio(rounds, case, [peer], [ours])  # noqa: E731
    return Goal(f"{case}: {peer} / {ours}", must, moonshot, "more", measured, case, ours)


def _floor(case: str, ours: str, core: str) -> Goal:
    """Ours over what nobody can go below."""
    name = f"{case}: {ours} / ({' + '.join(floor(case, core))})"
    measured: Measured = lambda rounds: ratio(rounds, case, [ours], floor(case, core))  # noqa: E731
    return Goal(name, 1.3, 1.1, "less", measured, case, ours)


_BEFORE = {
    "100 paced streams": (1.15, 0.95),
    "1,000 calls, 100 in flight": (1.15, 0.95),
    "ainvoke": (1.15, 0.95),
    "1 paced stream": (1.25, 1.0),
    "invoke": (1.1, 1.0),
    "1 paced stream, sync": (1.35, 1.15),
}
assert set(_BEFORE) == set(COMPARED)


def _before(case: str, ours: str) -> Goal:
    """Ours over ours of the commit that `--baseline` names."""
    must, moonshot = _BEFORE[case]
    measured: Measured = lambda rounds: ratio(rounds, case, [ours], [BEFORE[ours]])  # noqa: E731
    return Goal(f"{case}: {ours} / {BEFORE[ours]}", must, moonshot, "less", measured, case, ours)


def _start(name: str, must: float, moonshot: float | None, key: str, who: str = "ChatOxen") -> Goal:
    return Goal(name, must, moonshot, "less", lambda rounds: Spread.of(figures(rounds, "start", who, key)))


def _import(name: str, must: float, moonshot: float | None, key: str, who: str = "ChatOxen") -> Goal:
    return replace(_start(name, must, moonshot, key, who), reason=lambda rounds: added(rounds, who))


def _alone(case: str, key: str) -> Callable[[Rounds], str]:
    """What the framework takes without any client, in the goal's unit: nobody goes below."""

    def alone(rounds: Rounds) -> str:
        core = ratio(rounds, case, ["langchain-core"], ["ChatOpenAI"], key)
        return f"langchain-core alone: {core}" if core else ""

    return alone


def _first_call(how: str, key: str) -> Goal:
    name = f"first call of a process, {how}: ChatOxen / ChatOpenAI"
    measured: Measured = lambda rounds: ratio(rounds, "start", ["ChatOxen"], ["ChatOpenAI"], key)  # noqa: E731
    return Goal(name, 0.5, 0.35, "less", measured, reason=_alone("start", key))


def _growth(series: str, ours: str, core: str) -> Goal:
    def measured(rounds: Rounds) -> Spread | None:
        power = exponent(growth(rounds, series, ours))
        return None if power is None else Spread.of([power])

    def alone(rounds: Rounds) -> str:
        if series == "calls in flight":
            return _without_collector(rounds, ours)
        power = exponent(growth(rounds, series, core))
        return f"{core} alone: {power:.2f}" if power is not None else ""

    name = f"growth with {series}, exponent (1 is linear): {ours}"
    return Goal(name, 1.15, 1.05, "less", measured, reason=alone)


def _without_collector(rounds: Rounds, name: str) -> str:
    """Its part of a call at the end of the series, and the exponent without it."""
    whole, rest = (growth(rounds, "calls in flight", name, key) for key in ("us", "us without gc"))
    power = exponent(rest)
    if power is None:
        return ""
    part = 1 - rest[-1][1] / whole[-1][1]
    return (
        f"Python's garbage collector takes {part:.0%} of a call with {rest[-1][0]:,}; exponent without it: {power:.2f}"
    )


def _cheapest_peer(ours: str) -> Goal:
    def measured(rounds: Rounds) -> Spread | None:
        found = [value for _, who, _, value in against_peers(rounds) if who == ours]
        return min(found, key=lambda value: value.median, default=None)

    def rows(rounds: Rounds) -> str:
        return "; ".join(f"{case}: {peer}" for case, who, peer, _ in behind(rounds) if who == ours)

    return Goal(f"every row, every peer: the least of peer / {ours}", 1.0, None, "more", measured, reason=rows)


def _failures(case: str) -> Goal:
    def measured(rounds: Rounds) -> Spread | None:
        return Spread.of([row["failed"] for row in rounds.get(case, {}).get("ChatOxen", []) if "failed" in row])

    return Goal(f"{case}: failures of ChatOxen", 0, None, "less", measured)


_TRIM, _MANY, _SIDES = "trim_messages, 17,000 messages", "1,000 streams", (
    ("ChatOxen", "langchain-core"), ("Oxen", "llama-index-core"),
)  # fmt: skip

GOALS = (
    *(_before(case, ours) for ours, _ in _SIDES for case in COMPARED),
    *(_cheapest_peer(ours) for ours, _ in _SIDES),
    _peer(1, 3, "1 paced stream", "ChatOpenAI"),
    _peer(1, 3, "1 paced stream, sync", "ChatOpenAI"),
    _peer(2.5, 5, "100 paced streams", "ChatOpenAI"),
    _peer(1, 3, "100 paced streams", "ChatOpenAI on aiohttp"),
    _peer(1.5, 5, "100 paced streams", "ChatMistralAI"),
    _peer(1, 3, "100 paced streams", "OpenAILike", "Oxen"),
    _peer(6, 20, "1,000 calls, 100 in flight", "ChatOpenAI"),
    _peer(4, 10, _MANY, "ChatOpenAI"),
    _peer(2.5, 5, "invoke", "ChatOpenAI"),
    _peer(2.5, 5, "ainvoke", "ChatOpenAI"),
    _peer(8, None, "invoke, 50 messages", "ChatOpenAI"),
    _peer(5, 12, "stream 2,000", "ChatOpenAI"),
    _peer(5, 12, "astream 2,000", "ChatOpenAI"),
    _peer(1.5, 3, "stream 2,000", "ChatMistralAI"),
    _peer(4, 10, "stream 2,000", "OpenAILike", "Oxen"),
    _peer(4, 10, "astream 2,000", "OpenAILike", "Oxen"),
    _peer(4, 8, "stream 20,000", "ChatOpenAI"),
    _peer(6, 8, "stream 2,000, tool call", "ChatOpenAI"),
    Goal("stream 200, wall time to the first chunk: ChatOpenAI / ChatOxen", 2, None, "more",
         lambda rounds: ratio(rounds, "stream 200", ["ChatOpenAI"], ["ChatOxen"], "first_us"),
         "stream 200", "ChatOxen"),
    *(
        _floor(case, ours, core)
        for ours, core in _SIDES
        for case in ("stream 2,000", "astream 2,000", "100 paced streams", "invoke", "ainvoke")
    ),
    _import("import over langchain_core, % of its own", 5, 3.2, "import_percent"),
    _import("import over llama_index.core, % of its own", 3, 1.5, "import_percent", "Oxen"),
    _import("modules over langchain_core", 45, None, "modules"),
    _import("modules over llama_index.core", 45, None, "modules", "Oxen"),
    _start("next instance, CPU ms", 0.05, None, "next_ms"),
    _start("memory of an instance, KB", 5, None, "instance_kb"),
    _first_call("async", "cold_ms"),
    _first_call("sync", "cold_sync_ms"),
    _failures(_MANY),
    Goal(f"{_MANY}, peak memory: ChatOxen / ChatOpenAI", 0.75, None, "less",
         lambda rounds: ratio(rounds, _MANY, ["ChatOxen"], ["ChatOpenAI"], "peak_mb"),
         reason=_alone(_MANY, "peak_mb")),
    Goal(f"{_TRIM}: CPU seconds", 10, 5, "less",
         lambda rounds: Spread.of([us * 17_000 / 1e6 for us in figures(rounds, _TRIM, "ChatOxen")]), _TRIM, "ChatOxen"),
    *(_growth(series, ours, core) for ours, core in _SIDES for series in SERIES),
)  # fmt: skip


def judged(rounds: Rounds) -> Iterator[tuple[Goal, Spread, str]]:
    """Every goal that this run measured."""
    for goal in GOALS:
        value = goal.measured(rounds)
        if value is not None:
            yield goal, value, goal.reached(value)


def behind(rounds: Rounds) -> list[tuple[str, str, str, Spread]]:
    """The rows in which a peer is cheaper."""
    return [row for row in against_peers(rounds) if row[3].median < 1]


def unexplained(rounds: Rounds) -> list[tuple[str, str]]:
    """(row, ours) of what missed its goal or is behind a peer, and has no profile yet."""
    wanted = [(goal.case, goal.who) for goal, _, word in judged(rounds) if word == "missed" and goal.case]
    wanted += [(case, ours) for case, ours, _, _ in behind(rounds)]
    return [pair for pair in dict.fromkeys(wanted) if not whose(rounds, *pair)]


def as_json(rounds: Rounds) -> dict[str, Any]:
    """Goals and raw figures, for a file."""
    goals = [
        {"goal": goal.name, "must": goal.must, "moonshot": goal.moonshot, "reached": word,
         "median": value.median, "low": value.low, "high": value.high}
        for goal, value, word in judged(rounds)
    ]  # fmt: skip
    return {"goals": goals, "rounds": rounds}
