"""What the figures mean: ratios per round, their medians with spread, and the goals they are held to."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.rounds import Rounds


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
            return _short(self.median)
        return f"{_short(self.median)} ({_short(self.low)}..{_short(self.high)})"


def _short(value: float) -> str:
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"


def figures(rounds: Rounds, case: str, name: str, key: str = "us") -> list[float]:
    """One subject's figures, one per round; empty where it failed or took no part."""
    return [row[key] for row in rounds.get(case, {}).get(name, []) if key in row and not row.get("failed")]


def ratio(rounds: Rounds, case: str, over: Sequence[str], under: Sequence[str], key: str = "us") -> Spread | None:
    """(sum of `over`) / (sum of `under`), round by round."""
    columns = [figures(rounds, case, name, key) for name in (*over, *under)]
    rows = list(zip(*columns, strict=False))
    return Spread.of([sum(row[: len(over)]) / sum(row[len(over) :]) for row in rows if sum(row[len(over) :])])


def over_floor(rounds: Rounds, name: str, floor: str, key: str) -> Spread | None:
    """What a subject adds to its framework's floor, in percent of it."""
    pairs = zip(figures(rounds, "start", name, key), figures(rounds, "start", floor, key), strict=False)
    return Spread.of([(one / other - 1) * 100 for one, other in pairs])


@dataclass(frozen=True)
class Goal:
    """One row of the table. `better` is "more" or "less"."""

    name: str
    must: float
    moonshot: float | None
    better: str
    measured: Callable[[Rounds], Spread | None]

    def reached(self, value: Spread | None) -> str:
        """In a word."""
        if value is None:
            return "not measured"
        for limit, word in ((self.moonshot, "moonshot"), (self.must, "must")):
            if limit is not None and (value.median >= limit if self.better == "more" else value.median <= limit):
                return word
        return "missed"


def _calls(case: str, name: str) -> Callable[[Rounds], Spread | None]:
    return lambda rounds: Spread.of(figures(rounds, case, name, "calls"))


def _faster(case: str, peer: str, ours: str = "ChatOxen", key: str = "us") -> Callable[[Rounds], Spread | None]:
    return lambda rounds: ratio(rounds, case, [peer], [ours], key)


def _floors(case: str, ours: str, floor: str) -> Callable[[Rounds], Spread | None]:
    return lambda rounds: ratio(rounds, case, [ours], [floor, "httpx"])


def _start(key: str, name: str) -> Callable[[Rounds], Spread | None]:
    return lambda rounds: Spread.of(figures(rounds, "start", name, key))


def _cold(name: str, floor: str) -> Callable[[Rounds], Spread | None]:
    return lambda rounds: over_floor(rounds, name, floor, "cold_ms")


def _failures(case: str, name: str) -> Callable[[Rounds], Spread | None]:
    return lambda rounds: Spread.of([row["failed"] for row in rounds.get(case, {}).get(name, []) if "failed" in row])


_MANY, _BATCH, _PACED = "1,000 streams", "1,000 calls, 100 in flight", "100 paced streams"
_LC, _LI = "langchain-core", "llama-index-core"

GOALS = (
    Goal("ChatOxen: function calls per text chunk", 112, 75, "less", _calls("stream 2,000", "ChatOxen")),
    Goal("... async", 112, 75, "less", _calls("astream 2,000", "ChatOxen")),
    Goal("Oxen: function calls per text chunk, async", 117, 50, "less", _calls("astream 2,000", "Oxen")),
    Goal("ChatOxen: function calls per invoke", 1500, 1000, "less", _calls("invoke", "ChatOxen")),
    Goal("... ainvoke", 1500, 1000, "less", _calls("ainvoke", "ChatOxen")),
    Goal("stream 2,000: ChatOpenAI / ours", 5, 12, "more", _faster("stream 2,000", "ChatOpenAI")),
    Goal("... async", 5, 12, "more", _faster("astream 2,000", "ChatOpenAI")),
    Goal("stream 20,000: ChatOpenAI / ours", 4, 8, "more", _faster("stream 20,000", "ChatOpenAI")),
    Goal("stream 2,000, tool call: ChatOpenAI / ours", 6, 8, "more", _faster("stream 2,000, tool call", "ChatOpenAI")),
    Goal("stream 2,000: ChatMistralAI / ours", 1.5, 3, "more", _faster("stream 2,000", "ChatMistralAI")),
    Goal("stream 2,000: OpenAILike / ours", 4, 10, "more", _faster("stream 2,000", "OpenAILike", "Oxen")),
    Goal("... async", 4, 10, "more", _faster("astream 2,000", "OpenAILike", "Oxen")),
    Goal("stream 2,000: ours / (floor + httpx)", 1.3, 1.1, "less", _floors("stream 2,000", "ChatOxen", _LC)),
    Goal("... LlamaIndex", 1.3, 1.1, "less", _floors("stream 2,000", "Oxen", _LI)),
    Goal("invoke: ChatOpenAI / ours", 2.5, 5, "more", _faster("invoke", "ChatOpenAI")),
    Goal("... async", 2.5, 5, "more", _faster("ainvoke", "ChatOpenAI")),
    Goal("invoke, 50 messages: ChatOpenAI / ours", 8, None, "more", _faster("invoke, 50 messages", "ChatOpenAI")),
    Goal("first chunk, wall: ChatOpenAI / ours", 2, None, "more",
         _faster("stream 200", "ChatOpenAI", key="first_us")),
    Goal("import over langchain_core, % of its own", 5, 3.2, "less", _start("import_percent", "ChatOxen")),
    Goal("import over llama_index.core, % of its own", 3, 1.5, "less", _start("import_percent", "Oxen")),
    Goal("modules over langchain_core", 45, None, "less", _start("modules", "ChatOxen")),
    Goal("modules over llama_index.core", 45, None, "less", _start("modules", "Oxen")),
    Goal("first call of a process: ours / ChatOpenAI", 0.5, 0.35, "less",
         lambda rounds: ratio(rounds, "start", ["ChatOxen"], ["ChatOpenAI"], "cold_ms")),
    Goal("cold start over the floor, % of it", 16.4, 8.2, "less", _cold("ChatOxen", _LC)),
    Goal("... LlamaIndex", 8, 4, "less", _cold("Oxen", _LI)),
    Goal("next instance, CPU ms", 0.05, None, "less", _start("next_ms", "ChatOxen")),
    Goal("memory of an instance, KB", 5, None, "less", _start("instance_kb", "ChatOxen")),
    Goal("100 paced streams: ChatOpenAI / ours", 2.5, 5, "more", _faster(_PACED, "ChatOpenAI")),
    Goal("... ChatMistralAI / ours", 1.5, 5, "more", _faster(_PACED, "ChatMistralAI")),
    Goal("... ChatOpenAI on aiohttp / ours", 1.0, 3, "more", _faster(_PACED, "ChatOpenAI on aiohttp")),
    Goal("... OpenAILike / ours", 1.0, 3, "more", _faster(_PACED, "OpenAILike", "Oxen")),
    Goal("1 paced stream: ChatOpenAI / ours", 1.0, 3, "more", _faster("1 paced stream", "ChatOpenAI")),
    Goal("... ChatMistralAI / ours", 1.0, 3, "more", _faster("1 paced stream", "ChatMistralAI")),
    Goal("... sync: ChatOpenAI / ours", 1.0, 3, "more", _faster("1 paced stream, sync", "ChatOpenAI")),
    Goal("... sync: ChatMistralAI / ours", 1.0, 3, "more", _faster("1 paced stream, sync", "ChatMistralAI")),
    Goal("1,000 streams: ChatOpenAI / ours", 4, 10, "more", _faster(_MANY, "ChatOpenAI")),
    Goal("... failures of ours", 0, None, "less", _failures(_MANY, "ChatOxen")),
    Goal("... peak memory: ours / ChatOpenAI", 0.75, None, "less",
         lambda rounds: ratio(rounds, _MANY, ["ChatOxen"], ["ChatOpenAI"], "peak_mb")),
    Goal("1,000 calls at 100 in flight: ChatOpenAI / ours", 6, 20, "more", _faster(_BATCH, "ChatOpenAI")),
)  # fmt: skip


def judged(rounds: Rounds) -> Iterator[tuple[Goal, Spread | None, str]]:
    """Every goal that this run measured."""
    for goal in GOALS:
        value = goal.measured(rounds)
        if value is not None:
            yield goal, value, goal.reached(value)


def as_json(rounds: Rounds) -> dict[str, Any]:
    """Goals and raw figures, for a file."""
    goals = [
        {"goal": goal.name, "must": goal.must, "moonshot": goal.moonshot, "reached": word,
         "median": value.median, "low": value.low, "high": value.high}
        for goal, value, word in judged(rounds)
        if value
    ]  # fmt: skip
    return {"goals": goals, "rounds": rounds}
