"""Interleaved rounds: in each, every subject once, so that a noisy moment meets them all."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from benchmarks.cases import CASES, FLOORS, LANGCHAIN, LLAMA_INDEX, Case
from benchmarks.processes import Workers, child, compile_ours

Rounds = dict[str, dict[str, list[dict[str, Any]]]]
"""Case -> subject -> one set of figures per round."""

COUNTED = ("invoke", "ainvoke", "stream 2,000", "astream 2,000", "stream 2,000, tool call")
_STARTED = (*LANGCHAIN, *LLAMA_INDEX, "langchain-core", "llama-index-core")


def plan(*, quick: bool, rounds: int, only: str | None) -> list[tuple[Case, int]]:
    """The cases of a run, each with its number of rounds."""
    chosen = [case for case in CASES if (case.quick or not quick) and (only is None or only in case.name)]
    return [(case, min(case.rounds or rounds, rounds)) for case in chosen]


def steps(work: list[tuple[Case, int]], *, startups: int) -> int:
    """How many measurements that is."""
    measured = sum(count * len(case.subjects) for case, count in work)
    counted = sum(len(case.subjects) for case, _ in work if case.name in COUNTED)
    return measured + counted + startups * 2 * len(_STARTED)


def joined(runs: list[Rounds]) -> Rounds:
    """The rounds of several runs, as if one had made them all."""
    whole: Rounds = {}
    for run in runs:
        for case, rows in run.items():
            for name, figures in rows.items():
                whole.setdefault(case, {}).setdefault(name, []).extend(figures)
    return whole


def measured(workers: Workers, work: list[tuple[Case, int]], tick: Callable[[str], None]) -> Rounds:
    """Every case, round by round."""
    results: Rounds = {}
    for case, count in work:
        rows = results[case.name] = {name: [] for name in case.subjects}
        for number in range(count):
            # every other round runs backwards: nobody always follows the same neighbour
            for name in case.subjects[:: 1 if number % 2 == 0 else -1]:
                tick(f"{case.name}: {name}")
                if not any(row.get("failed") or "error" in row for row in rows[name]):  # once is answer enough
                    rows[name].append(workers.measure(name, case))
        if case.name in COUNTED:
            for name in case.subjects:
                tick(f"{case.name}: calls of {name}")
                rows[name].append(workers.measure(name, case, profiled=True))
    return results


def started(address: str, count: int, tick: Callable[[str], None]) -> Rounds:
    """Import, instances and cold start, in fresh interpreters."""
    compile_ours()
    rows: dict[str, list[dict[str, Any]]] = {name: [] for name in _STARTED}
    for _ in range(count):
        for name in _STARTED:
            figures: dict[str, Any] = {}
            for mode in ("import", "cold"):
                tick(f"{mode}: {name}")
                if mode == "cold" or name not in FLOORS:
                    figures |= child("benchmarks.startup", name, mode, f"{address}/text-200")
            rows[name].append(figures)
    return {"start": rows}
