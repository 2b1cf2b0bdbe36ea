"""The figures as Markdown: ratios only, for absolute ones hold on no other machine."""

from __future__ import annotations

import importlib.metadata
import os
import platform
from collections.abc import Sequence

from benchmarks import growth, processes
from benchmarks.cases import CASES, LANGCHAIN, LLAMA_INDEX
from benchmarks.figures import Spread, figures, floor, median, ratio, whose
from benchmarks.goals import behind, judged
from benchmarks.layers import LAYERS
from benchmarks.rounds import COUNTED, Rounds

_SIDES = (("LangChain", LANGCHAIN, "langchain-core"), ("LlamaIndex", LLAMA_INDEX, "llama-index-core"))
_PACKAGES = (
    *("langchain-core", "langchain-openai", "langchain-mistralai", "langchain-openrouter", "llama-index-core"),
    *("llama-index-llms-mistralai", "openai", "httpx", "httpx2", "aiohttp", "httpx-aiohttp", "pydantic", "uvloop"),
)
_START = {
    "import_percent": "import, % of the framework's own",
    "modules": "modules that the import adds",
    "cold_ms": "first call of a process, async",
    "cold_sync_ms": "first call of a process, sync",
    "peak_mb": "peak memory of that process",
    "first_ms": "first instance",
    "next_ms": "next instance",
    "instance_kb": "memory of an instance",
}
_AS_THEY_ARE = ("import_percent", "modules")
"""Not as ratios: these hold on every machine."""


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table in Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def goals_table(rounds: Rounds) -> str:
    """The goals, row by row; a miss with the layers that the time is spent in."""
    rows = []
    for goal, value, word in judged(rounds):
        note = goal.why(rounds) if word == "missed" else ""
        limits = [f"{_sign(goal.better)} {goal.must:g}", _limit(goal.better, goal.moonshot)]
        rows.append([goal.name, *limits, str(value), f"**{word}**" if word == "missed" else word, note])
    return table(["goal", "must", "aim", "measured: median (least..most)", "reached", "a miss: whose it is"], rows)


def _sign(better: str) -> str:
    return "≥" if better == "more" else "≤"


def _limit(better: str, limit: float | None) -> str:
    return "" if limit is None else f"{_sign(better)} {limit:g}"


def ratios_table(rounds: Rounds, key: str = "us") -> str:
    """Everybody else's figure for the same work, in units of ours; for CPU time, ours in units of the floor, too."""
    parts = []
    for framework, (ours, *others), core in _SIDES:
        rows = []
        for case in CASES:
            cells = [_cell(ratio(rounds, case.name, [peer], [ours], key)) for peer in others]
            if key == "us":
                cells.append(_cell(ratio(rounds, case.name, [ours], floor(case.name, core))))
            if any(cells):
                rows.append([case.name, *cells])
        head = [framework, *(f"{peer} / {ours}" for peer in others)]
        if key == "us":
            head.append(f"{ours} / (core + its HTTP library)")
        parts.append(table(head, rows) if rows else "")
    return "\n\n".join(part for part in parts if part)


def start_table(rounds: Rounds) -> str:
    """Before the first word: ours as it is or 1, the peers in units of it."""
    parts = []
    for framework, (ours, *others), _ in _SIDES:
        rows = []
        for key, what in _START.items():
            if not figures(rounds, "start", ours, key):
                continue
            if key in _AS_THEY_ARE:
                cells = [_cell(Spread.of(figures(rounds, "start", name, key))) for name in (ours, *others)]
            else:
                cells = ["1", *(_cell(ratio(rounds, "start", [peer], [ours], key)) for peer in others)]
            rows.append([what, *cells])
        parts.append(table([framework, ours, *others], rows) if rows else "")
    return "\n\n".join(part for part in parts if part)


def layers_table(rounds: Rounds) -> str:
    """Whose the function calls of a call, or of a chunk, are."""
    rows = []
    for case in COUNTED:
        for name in ("ChatOxen", "Oxen"):
            if calls := median(rounds, case, name, "calls"):
                layers = [f"{median(rounds, case, name, f'calls of {layer}') or 0:.0f}" for layer in LAYERS]
                rows.append([f"{case}: {name}", f"{calls:.0f}", *layers])
    return table(["function calls, per call or per chunk", "all", *LAYERS], rows) if rows else ""


def behind_list(rounds: Rounds) -> str:
    """The rows in which a peer is cheaper, and where the time of ours goes."""
    lines = [
        f"* {case}: {peer} / {ours} {value}; the time of {ours}: {whose(rounds, case, ours)}"
        for case, ours, peer, value in behind(rounds)
    ]
    return "\n".join(lines) or "None: in every row, ours is the cheapest by the median."


def growth_table(rounds: Rounds) -> str:
    """What one more costs, at the start and at the end of each series."""
    rows = list(growth.rows(rounds))
    head = ["with the number of", "who", "CPU µs of one, first", "last", "exponent at the end (1 is linear)"]
    return table(head, rows) if rows else ""


def _cell(value: Spread | None) -> str:
    return "" if value is None else str(value)


def failures(rounds: Rounds) -> str:
    """Who did not finish what, and why."""
    lines: list[str] = []
    errors: dict[tuple[str, str], list[str]] = {}
    for case in CASES:
        for name, rows in rounds.get(case.name, {}).items():
            failed = max((int(row.get("failed", 0)) for row in rows), default=0)
            if failed:
                within = f"within {case.deadline:.0f} s"
                lines.append(f"* {case.name}: {name} left {failed} of {case.repeat} unfinished {within}")
            for error in {str(row["error"]) for row in rows if "error" in row}:
                errors.setdefault((case.name, error[:120]), []).append(name)
    lines += [f"* {case}: {', '.join(names)}: {error}" for (case, error), names in errors.items()]
    return "\n".join(lines)


def machine() -> str:
    """Where and with what it was measured."""
    versions = [f"{name} {_version(name)}" for name in _PACKAGES if _version(name)]
    versions += [f"{path.name.rsplit('.dist-info')[0].replace('-', ' ')} (for OpenAILike)"
                 for path in sorted((processes.PEERS / "OpenAILike").glob("*.dist-info"))
                 if path.name.startswith(("openai-", "llama_index_llms_openai_like"))]  # fmt: skip
    return f"Python {platform.python_version()}, {len(os.sched_getaffinity(0))} cores; {', '.join(versions)}"


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return ""


def document(rounds: Rounds, where: str) -> str:
    """All of it."""
    sections = (
        ("Goals", goals_table(rounds)),
        ("CPU time", ratios_table(rounds)),
        ("Peak memory of the process", ratios_table(rounds, "peak_mb")),
        ("Before the first word", start_table(rounds)),
        ("Rows in which a peer is cheaper", behind_list(rounds)),
        ("Growth", growth_table(rounds)),
        ("Whose the work is", layers_table(rounds)),
        ("Not finished", failures(rounds)),
    )
    head = (
        "The same work against a loopback server, as ratios; medians over interleaved rounds, with the least and the "
        f"most of them. {where}."
    )
    return "\n\n".join([head, *(f"## {title}\n\n{text}" for title, text in sections if text)]) + "\n"
