"""The figures as Markdown: ratios only, for absolute ones hold on no other machine."""

from __future__ import annotations

import importlib.metadata
import os
import platform
from collections.abc import Sequence

from benchmarks.cases import CASES, LANGCHAIN, LLAMA_INDEX
from benchmarks.goals import Spread, judged, ratio
from benchmarks.layers import LAYERS
from benchmarks.rounds import COUNTED, Rounds

BEGIN, END = "<!-- benchmarks -->", "<!-- /benchmarks -->"
PLOT = "docs/benchmarks.svg"
_SIDES = (("LangChain", LANGCHAIN, "langchain-core"), ("LlamaIndex", LLAMA_INDEX, "llama-index-core"))
_PACKAGES = (
    *("langchain-core", "langchain-openai", "langchain-mistralai", "langchain-openrouter"),
    *("llama-index-core", "llama-index-llms-openai-like", "llama-index-llms-mistralai", "httpx", "aiohttp"),
    *("openai", "httpx-aiohttp"),
)


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table in Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def goals_table(rounds: Rounds) -> str:
    """The goals, row by row."""
    rows = [
        [goal.name, f"{_sign(goal.better)} {goal.must:g}", _limit(goal.better, goal.moonshot), str(value), word]
        for goal, value, word in judged(rounds)
    ]
    return table(["goal", "must", "moonshot", "measured: median (least..most)", "reached"], rows)


def _sign(better: str) -> str:
    return "≥" if better == "more" else "≤"


def _limit(better: str, limit: float | None) -> str:
    return "" if limit is None else f"{_sign(better)} {limit:g}"


def ratios_table(rounds: Rounds) -> str:
    """CPU time of everybody else for the same work, in units of ours; then ours in units of the floor."""
    parts = []
    for framework, (ours, *peers), floor in _SIDES:
        rows = []
        for case in CASES:
            cells = [_cell(ratio(rounds, case.name, [peer], [ours])) for peer in peers]
            least = ratio(rounds, case.name, [ours], [floor, "httpx"])
            if any(cells) or least:
                rows.append([case.name, *cells, _cell(least)])
        head = [
            framework,
            *(f"{peer} / {ours}" for peer in peers),
            f"{ours} / (core + httpx)",
        ]
        parts.append(table(head, rows))
    return "\n\n".join(parts)


def layers_table(rounds: Rounds) -> str:
    """Whose the function calls of a call, or of a chunk, are."""
    rows = []
    for case in COUNTED:
        for name in ("ChatOxen", "Oxen"):
            made = [row for row in rounds.get(case, {}).get(name, []) if "calls" in row]
            if made:
                layers = [f"{made[-1].get(f'calls of {layer}', 0):.0f}" for layer in LAYERS]
                rows.append([f"{case}: {name}", f"{made[-1]['calls']:.0f}", *layers])
    return table(["function calls, per call or per chunk", "all", *LAYERS], rows) if rows else ""


def _cell(value: Spread | None) -> str:
    return "" if value is None else str(value)


def failures(rounds: Rounds) -> str:
    """Who did not finish what."""
    lines = []
    for case in CASES:
        for name, rows in rounds.get(case.name, {}).items():
            failed = max((int(row.get("failed", 0)) for row in rows), default=0)
            errors = {str(row["error"]) for row in rows if "error" in row}
            if failed:
                lines.append(f"* {case.name}: {name} left {failed} of {case.repeat} unfinished after 30 s")
            lines += [f"* {case.name}: {name}: {error[:120]}" for error in errors]
    return "\n".join(lines)


def machine() -> str:
    """Where and with what it was measured."""
    versions = [f"{name} {_version(name)}" for name in _PACKAGES if _version(name)]
    cores = len(os.sched_getaffinity(0))
    return f"Python {platform.python_version()}, {cores} cores; {', '.join(versions)}"


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return ""


LEFT = """\
## What is left, and whose it is

* **A sync stream.** Each chunk that comes alone goes through httpcore and h11, which read it in two steps with a
  context manager each: as many function calls again as our own layer makes. Async streams go through aiohttp,
  whose parser is compiled.
* **invoke.** LangChain asks `inspect.signature` for the method's parameters at each call (some 10 microseconds);
  httpcore walks its pool twice. Our own functions are a seventh of the calls.
* **A prompt of 1 MB.** Writing it as JSON and looking it through is the same for everybody; the rest is the socket.
* **Long histories.** What they cost over the floor is the repair of the conversation, which the peers do not do."""


def document(rounds: Rounds) -> str:
    """All of it."""
    parts = [
        "CPU time for the same work against a loopback server, as ratios; medians over interleaved rounds, with the "
        f"least and the most of them. {machine()}.",
        goals_table(rounds),
        ratios_table(rounds),
        layers_table(rounds),
        failures(rounds),
        LEFT,
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def headline(rounds: Rounds) -> str:
    """Three figures, each how much CPU time a peer takes in units of ours: medians."""
    asked = [
        ("ChatOpenAI", "ChatOxen", "stream 2,000", "a stream of 2,000 chunks"),
        ("OpenAILike", "Oxen", "stream 2,000", "the same stream"),
        ("ChatOpenAI", "ChatOxen", "1,000 calls, 100 in flight", "a call among 100 in flight"),
    ]
    found = [(peer, what, ratio(rounds, case, [peer], [ours])) for peer, ours, case, what in asked]
    figures = "; ".join(f"{peer}, {what}: {value.median:.3g}" for peer, what, value in found if value)
    rest = "All figures, with their spread: [benchmarks](docs/benchmarks.md)."
    return f"CPU time in units of ours, medians. {figures}. {rest}"


def into_readme(text: str, rounds: Rounds) -> str:
    """A README with the plot and three figures between its markers. Raises: ValueError, without markers."""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"the README has no {BEGIN} and {END}")
    plot = f"![CPU time of the peers in units of ours]({PLOT})"
    return f"{before}{BEGIN}\n{plot}\n\n{headline(rounds)}\n{END}{after}"
