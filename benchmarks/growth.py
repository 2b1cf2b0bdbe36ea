"""Growth as a picture and in words: what one more chunk, call, message or tool costs, the more there are."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.cases import LANGCHAIN, LLAMA_INDEX
from benchmarks.figures import SERIES, exponent, growth, short
from benchmarks.plot import COLOURS, closed, opened
from benchmarks.rounds import Rounds

LINEAR = 1.15
"""An exponent above it is called faster than linear: below, it is the noise of two measurements."""
_SIDES = (("LangChain", (*LANGCHAIN, "langchain-core")), ("LlamaIndex", (*LLAMA_INDEX, "llama-index-core")))
_ONE = {"chunks": "chunk", "calls in flight": "call", "messages": "message", "tools": "tool"}


def draw(rounds: Rounds, path: Path) -> None:
    """Write the picture as SVG, unless this run measured no growth."""
    if not any(growth(rounds, series, "ChatOxen") for series in SERIES):
        return
    figure, axes = opened(len(SERIES), 2, (11, 14))
    for line, series in zip(axes, SERIES, strict=True):
        for axis, (title, names) in zip(line, _SIDES, strict=True):
            _lines(axis, rounds, series, names)
            axis.set_title(f"{title}: CPU time of one {_ONE[series]} in µs, by the number of {series}", fontsize=9)
    closed(figure, path)


def _lines(axis: Any, rounds: Rounds, series: str, names: tuple[str, ...]) -> None:
    colours = ("black", *COLOURS)
    for number, name in enumerate(names):
        points = growth(rounds, series, name)
        if points:
            last = number == len(names) - 1
            style = {"color": "grey", "ls": "--"} if last else {"color": colours[number], "lw": 2 if number == 0 else 1}
            axis.plot(*zip(*points, strict=True), marker=".", label=name, **style)
    axis.set_xscale("log")
    axis.set_yscale("log")
    axis.minorticks_off()
    axis.spines[["top", "right"]].set_visible(False)
    if axis.lines:
        axis.legend(fontsize=7)


def rows(rounds: Rounds) -> Iterator[list[str]]:
    """Series, subject, cost of one at the start and at the end of the series, exponent."""
    for series in SERIES:
        for _, (*names, core) in _SIDES:
            for name in (*names, core):
                points = growth(rounds, series, name)
                power = exponent(points)
                if power is not None:
                    (first, early), (last, late) = points[0], points[-1]
                    ends = [f"{short(early)} (at {first:,})", f"{short(late)} (at {last:,})"]
                    alone = None if name == core else exponent(growth(rounds, series, core))
                    yield [series, name, *ends, f"{power:.2f}{_named(power, alone)}"]


def _named(power: float, core: float | None) -> str:
    """What grows faster than linearly, and whether the framework alone does."""
    if power <= LINEAR:
        return ""
    return ", faster than linear" + (", as the framework alone" if core is not None and core >= power else "")
