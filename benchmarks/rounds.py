"""Interleaved rounds: in each, every subject once, so that a noisy moment meets them all."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from benchmarks.cases import BEFORE, CASES, FLOORS, GROWTH, LANGCHAIN, LLAMA_INDEX, OURS, SLOW, Case
from benchmarks.processes import Address, Workers, child, compile_ours

Rounds = dict[str, dict[str, list[dict[str, Any]]]]
"""Case -> subject -> one set of figures per round; an empty set where it took no part in that round."""

COUNTED = (
    *("invoke", "ainvoke", "stream 2,000", "astream 2,000", "stream 2,000, tool call"),
    *("1 paced stream", "1 paced stream, sync", "100 paced streams", "1,000 calls, 100 in flight"),
)
"""What is profiled, too: whose the work is does not change with the machine."""
COMPARED = (
    *("invoke", "ainvoke", "1 paced stream", "1 paced stream, sync"),
    *("100 paced streams", "1,000 calls, 100 in flight"),
)
"""What `--baseline` measures, too."""
PROFILED = 1000
"""How many messages `trim_messages` has under a profile."""
_STARTED = (*LANGCHAIN, *LLAMA_INDEX, "langchain-core", "llama-index-core")


def plan(*, quick: bool, rounds: int, only: list[str] | None, growth: bool, baseline: bool) -> list[tuple[Case, int]]:
    """The cases of a run, each with its number of rounds."""
    rows = [case for case in CASES if case.quick or not quick] + list(GROWTH if growth else ())
    if only:
        rows = [case for case in (*CASES, *GROWTH) if any(part in case.name for part in only)]
    if baseline:
        rows = [_with_baseline(case) if case.name in COMPARED else case for case in rows]
    if quick:
        rows = [_quickly(case) for case in rows]
    return [(case, min(case.rounds or rounds, rounds)) for case in rows]


def _quickly(case: Case) -> Case:
    """Without the peers that take milliseconds for a chunk and so half a minute for a crowd."""
    left_out = SLOW if case.at_once > 1 else ()
    return replace(case, subjects=tuple(name for name in case.subjects if name not in left_out))


def _with_baseline(case: Case) -> Case:
    """Each of ours with its older self as its neighbour."""
    pairs = [(name, BEFORE[name]) if name in OURS else (name,) for name in case.subjects]
    return replace(case, subjects=tuple(name for pair in pairs for name in pair))


def _taking_part(case: Case, number: int) -> list[str]:
    """Who is measured in this round; every other one runs backwards: nobody always follows the same neighbour."""
    names = [name for name in case.subjects if number == 0 or name not in SLOW]
    return names[:: 1 if number % 2 == 0 else -1]


Start = tuple[str, tuple[str, ...]]
"""A subject with what is measured of its start, each in a fresh interpreter."""


def starts(*, quick: bool, rounds: int) -> list[Start]:
    """The starts of a run, round by round."""
    names = [name for name in _STARTED if not (quick and name.endswith("on aiohttp"))]
    return [(name, tuple(_modes(name, quick=quick))) for _ in range(rounds) for name in names]


def _modes(name: str, *, quick: bool) -> Iterator[str]:
    if name not in FLOORS:  # a floor imports nothing over itself
        yield "import"
    yield "cold"
    if not quick and not name.endswith("on aiohttp"):  # which is for async calls only
        yield "cold sync"


def steps(work: list[tuple[Case, int]], fresh: list[Start]) -> int:
    """How many measurements that is."""
    measured = sum(len(_taking_part(case, number)) for case, count in work for number in range(count))
    return measured + sum(len(modes) for _, modes in fresh)


def counted(results: Rounds) -> list[tuple[str, str]]:
    """(row, ours) of what is profiled in every run."""
    return [(case, name) for case in COUNTED if case in results for name in OURS]


def joined(runs: list[Rounds]) -> Rounds:
    """The rounds of several runs, as if one had made them all."""
    whole: Rounds = {}
    for run in runs:
        for case, rows in run.items():
            count = max(map(len, rows.values()), default=0)
            before = max(map(len, whole.get(case, {}).values()), default=0)
            for name, figures in rows.items():
                column = whole.setdefault(case, {}).setdefault(name, [])
                column += [{}] * (before - len(column)) + figures + [{}] * (count - len(figures))
    return whole


def measured(workers: Workers, work: list[tuple[Case, int]], tick: Callable[[str], None]) -> Rounds:
    """Every case, round by round."""
    results: Rounds = {}
    for case, count in work:
        begun = time.monotonic()
        rows = results[case.name] = {name: [] for name in case.subjects}
        for number in range(count):
            for name in _taking_part(case, number):
                tick(f"{case.name}: {name}")
                failed = any(row.get("failed") or "error" in row for row in rows[name])  # once is answer enough
                rows[name].append({} if failed else workers.measure(name, case))
            _level(rows)
        rows["run"] = [{"seconds": time.monotonic() - begun}]
    return results


def _level(rows: dict[str, list[dict[str, Any]]]) -> None:
    """Who took no part in a round has nothing in it: the rounds stay side by side."""
    count = max(map(len, rows.values()))
    for column in rows.values():
        column.extend({} for _ in range(count - len(column)))


def explain(workers: Workers, missing: list[tuple[str, str]], results: Rounds, tick: Callable[[str], None]) -> None:
    """Add profiles, (row, subject) of each: at the end, for they leave something in the process."""
    cases = {case.name: case for case in CASES}
    for case, name in missing:
        tick(f"{case}: calls of {name}")
        profile = workers.measure(name, _shorter(cases[case]), profiled=True)
        results[case][name].append({} if "error" in profile else profile)
        _level(results[case])


def _shorter(case: Case) -> Case:
    """Under a profile all takes several times as long: the parts are those of fewer messages."""
    return replace(case, history=min(case.history, PROFILED)) if case.call == "trim" else case


def started(address: Address, fresh: list[Start], tick: Callable[[str], None]) -> Rounds:
    """Import, instances and cold start, in fresh interpreters."""
    compile_ours()
    rows: dict[str, list[dict[str, Any]]] = {name: [] for name in _STARTED}
    for name, modes in fresh:
        figures: dict[str, Any] = {}
        for mode in modes:
            tick(f"{mode}: {name}")
            figures |= child("benchmarks.startup", name, mode, f"{address.plain}/text-200")
        rows[name].append(figures)
    return {"start": rows}
