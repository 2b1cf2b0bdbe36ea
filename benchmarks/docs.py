"""The figures where users read them: README.md, docs/benchmarks.md, docs/scale.md."""

from __future__ import annotations

from pathlib import Path

from benchmarks import growth, plot, report
from benchmarks.figures import median, ratio, short
from benchmarks.rounds import Rounds

README_BEGIN, README_END = "<!-- benchmarks -->", "<!-- /benchmarks -->"
SCALE_BEGIN, SCALE_END = "<!-- figures of `python -m benchmarks --write-readme` -->", "<!-- /figures -->"
LEFT_BEGIN, LEFT_END = "<!-- by hand -->", "<!-- /by hand -->"
PLOT, GROWTH = "benchmarks.svg", "growth.svg"
_RATES = (10, 50, 100)
"""Tokens per second and stream."""


def write(root: Path, rounds: Rounds, machine: str) -> None:
    """Put tables and pictures into README.md and docs/. What was written by hand stays."""
    folder = root / "docs"
    plot.draw(rounds, folder / PLOT)
    growth.draw(rounds, folder / GROWTH)
    page = folder / "benchmarks.md"
    page.write_text(benchmarks_page(page.read_text(), rounds, machine))
    for path, begin, end, text in (
        (root / "README.md", README_BEGIN, README_END, _readme(rounds)),
        (folder / "scale.md", SCALE_BEGIN, SCALE_END, scale(rounds, machine)),
    ):
        path.write_text(between(path.read_text(), begin, end, text))


def between(text: str, begin: str, end: str, new: str) -> str:
    """A text with something new between its markers. Raises: ValueError, without markers."""
    before, found, rest = text.partition(begin)
    _, closing, after = rest.partition(end)
    if not (found and closing):
        raise ValueError(f"there is no {begin} with {end} after it")
    return f"{before}{begin}\n{new}\n{end}{after}"


def benchmarks_page(page: str, rounds: Rounds, machine: str) -> str:
    """docs/benchmarks.md anew, with the part of it that people wrote."""
    _, _, rest = page.partition(LEFT_BEGIN)
    by_hand, _, _ = rest.partition(LEFT_END)
    return (
        "# Benchmarks\n\nWritten by `python -m benchmarks --write-readme`; how to run it stands at the end.\n\n"
        f"![CPU time of the peers in units of ours]({PLOT})\n\n{report.document(rounds, machine)}\n"
        f"![What one more costs, the more there are]({GROWTH})\n\n"
        f"{LEFT_BEGIN}{by_hand}{LEFT_END}\n"
    )


def _readme(rounds: Rounds) -> str:
    return f"![CPU time of the peers in units of ours](docs/{PLOT})\n\n{headline(rounds)}"


def headline(rounds: Rounds) -> str:
    """Figures in a sentence, each how much CPU time a peer takes in units of ours: medians."""
    asked = [
        ("ChatOpenAI", "ChatOxen", "100 paced streams", "a token of one of 100 streams"),
        ("ChatOpenAI", "ChatOxen", "1,000 calls, 100 in flight", "a call among 100 in flight"),
        ("ChatMistralAI", "ChatOxen", "100 paced streams", "a token of one of 100 streams"),
        ("OpenAILike", "Oxen", "100 paced streams", "the same"),
    ]
    found = [(peer, what, ratio(rounds, case, [peer], [ours])) for peer, ours, case, what in asked]
    figures = "; ".join(f"{peer}, {what}: {value.median:.3g}" for peer, what, value in found if value)
    rest = "All figures, with their spread: [benchmarks](docs/benchmarks.md)."
    return f"CPU time in units of ours, medians. {figures}. {rest}"


def scale(rounds: Rounds, machine: str) -> str:
    """What one core drives, in the absolute figures of the machine of the run."""
    lines = [f"Measured on one core of this machine: {machine}.", ""]
    rows = []
    for name in ("ChatOxen", "Oxen"):
        paced, together, memory, call = (
            median(rounds, "100 paced streams", name),
            median(rounds, "stream 2,000", name),
            median(rounds, "1,000 paced streams", name, "stream_kb"),
            median(rounds, "1,000 calls, 100 in flight", name),
        )
        if not (paced and together and memory and call):
            continue
        rows.append(
            [name, short(paced), short(together), short(call), short(memory)]
            + [f"{1e6 / paced / rate:,.0f}" for rate in _RATES]
        )
    head = ["", "a chunk that comes alone, µs", "a chunk that comes with others, µs", "a call among 100, µs"]
    head += ["an open stream, KB", *(f"streams of {rate} tokens per second" for rate in _RATES)]
    return "\n".join([*lines, report.table(head, rows)])
