"""What the rounds say: ratios round by round, their medians with spread."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from benchmarks.cases import CASES, GROWTH, LANGCHAIN, LLAMA_INDEX, MODULES_OF
from benchmarks.layers import LAYERS
from benchmarks.rounds import Rounds

SERIES = ("chunks", "calls in flight", "messages", "tools")


@dataclass(frozen=True)
class Spread:
    """A median with the least and the most of the rounds."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread | None:
        """None without values."""
        return cls(statistics.median(values), min(values), max(values)) if values else None

    def __str__(self) -> str:
        if self.low == self.high:
            return short(self.median)
        return f"{short(self.median)} ({short(self.low)}..{short(self.high)})"


def short(value: float) -> str:
    """Three digits, no more."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def column(rounds: Rounds, case: str, name: str, key: str = "us") -> list[float | None]:
    """One subject's figures, one per round; None where it failed or took no part."""
    rows = rounds.get(case, {}).get(name, [])
    return [row[key] if key in row and not row.get("failed") else None for row in rows]


def figures(rounds: Rounds, case: str, name: str, key: str = "us") -> list[float]:
    """The same without the gaps."""
    return [value for value in column(rounds, case, name, key) if value is not None]


def median(rounds: Rounds, case: str, name: str, key: str = "us") -> float | None:
    """The middle one, None without any."""
    found = figures(rounds, case, name, key)
    return statistics.median(found) if found else None


def ratio(rounds: Rounds, case: str, over: Sequence[str], under: Sequence[str], key: str = "us") -> Spread | None:
    """(sum of `over`) / (sum of `under`), round by round."""
    found = []
    for row in zip(*(column(rounds, case, name, key) for name in (*over, *under)), strict=False):
        values = [value for value in row if value is not None]
        below = sum(values[len(over) :])
        if len(values) == len(row) and below:
            found.append(sum(values[: len(over)]) / below)
    return Spread.of(found)


def floor(case: str, core: str) -> tuple[str, ...]:
    """What nobody goes below in this row: the framework and, where there is a network, the HTTP library under ours."""
    call = next(one.call for one in CASES if one.name == case)
    library = {"asend": "aiohttp", "astream": "aiohttp", "app": "aiohttp", "trim": "", "structured": ""}.get(
        call, "httpx"
    )
    return (core, library) if library else (core,)


def against_peers(rounds: Rounds, key: str = "us") -> Iterator[tuple[str, str, str, Spread]]:
    """(row, ours, peer, peer / ours) of every row and every peer in it."""
    for case in CASES:
        for ours, *peers in (LANGCHAIN, LLAMA_INDEX):
            for peer in peers:
                if value := ratio(rounds, case.name, [peer], [ours], key):
                    yield case.name, ours, peer, value


def whose(rounds: Rounds, case: str, name: str) -> str:
    """Each layer's part of the CPU time, from the profile of this row; "" without one."""
    parts = {layer: median(rounds, case, name, f"part of {layer}") or 0 for layer in LAYERS}
    shown = sorted((part, layer) for layer, part in parts.items() if part >= 0.03)
    return ", ".join(f"{layer} {part:.0%}" for part, layer in reversed(shown))


def added(rounds: Rounds, name: str) -> str:
    """Whose the modules are that an import adds to the framework's own, most first; "" if this run did not look."""
    keys = sorted({key for row in rounds.get("start", {}).get(name, []) for key in row if key.startswith(MODULES_OF)})
    counts = {key.removeprefix(MODULES_OF): median(rounds, "start", name, key) or 0 for key in keys}
    shown = sorted(counts.items(), key=lambda pair: -pair[1])
    return f"modules: {', '.join(f'{package} {count:.0f}' for package, count in shown)}" if shown else ""


# -- growth --------------------------------------------------------------------------------------


def growth(rounds: Rounds, series: str, name: str, key: str = "us") -> list[tuple[int, float]]:
    """(where, CPU microseconds per chunk, call, message or tool) of one subject in one series."""
    if series == "chunks":
        keys = sorted({int(key[6:]) for row in rounds.get("growth: chunks", {}).get(name, []) for key in row
                       if key.startswith("us at ")})  # fmt: skip
        found = [(at, median(rounds, "growth: chunks", name, f"us at {at}")) for at in keys]
    else:
        points = [case for case in GROWTH if case.series == series]
        medians = [(case.at, median(rounds, case.name, name, key)) for case in points]
        each = series != "calls in flight"
        found = [(at, value / at if each and value is not None else value) for at, value in medians]
    return [(at, value) for at, value in found if value is not None]


def exponent(points: Sequence[tuple[int, float]]) -> float | None:
    """How the whole grows over the last part of a series: 1 is linear, 2 is the square. None if it is too short."""
    if not points:
        return None
    late, after = points[-1]
    earlier = [point for point in points if point[0] <= late / 3]
    if not earlier:
        return None
    early, before = earlier[-1]
    return 1 + math.log(after / before) / math.log(late / early)
