"""The ratios as a picture: how much CPU time each peer takes for the same work, in units of ours."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmarks.cases import LANGCHAIN, LLAMA_INDEX
from benchmarks.figures import ratio
from benchmarks.rounds import Rounds

SHOWN = (
    *("invoke", "ainvoke", "invoke, 50 messages", "stream 2,000", "astream 2,000", "1 paced stream, sync"),
    *("100 paced streams", "1,000 paced streams", "1,000 calls, 100 in flight", "FastAPI app, 200 clients"),
)
COLOURS = ("#b5651d", "#e0a458", "#4c78a8", "#72b7b2")


def opened(rows: int, columns: int, size: tuple[float, float], **options: Any) -> tuple[Any, Any]:
    """A figure and its axes."""
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams["svg.hashsalt"] = "oxen"  # the same figures give the same file
    mpl.rcParams["svg.fonttype"] = "none"  # letters as letters: a tenth of the size
    from matplotlib import pyplot as plt

    return plt.subplots(rows, columns, figsize=size, **options)


def closed(figure: Any, path: Path) -> None:
    """Write it."""
    from matplotlib import pyplot as plt

    figure.tight_layout()
    path.parent.mkdir(exist_ok=True)
    figure.savefig(path, format="svg", metadata={"Date": None}, facecolor="white")
    plt.close(figure)


def draw(rounds: Rounds, path: Path) -> None:
    """Write the picture as SVG."""
    figure, axes = opened(1, 2, (11, 5), sharey=True)
    for axis, (ours, *peers), title in zip(axes, (LANGCHAIN, LLAMA_INDEX), ("LangChain", "LlamaIndex"), strict=True):
        _bars(axis, rounds, ours, peers)
        axis.set_title(f"{title}: CPU time in units of {ours}'s", fontsize=10)
    cases = [case for case in SHOWN if case in rounds]
    axes[0].set_yticks(range(len(cases)), cases)
    axes[0].invert_yaxis()
    closed(figure, path)


def _bars(axis: Any, rounds: Rounds, ours: str, peers: list[str]) -> None:
    cases = [case for case in SHOWN if case in rounds]
    height = 0.8 / len(peers)
    for at, (peer, colour) in enumerate(zip(peers, COLOURS, strict=False)):
        values = [(row, ratio(rounds, case, [peer], [ours])) for row, case in enumerate(cases)]
        shown = [(row, value) for row, value in values if value]
        middles = [value.median for _, value in shown]
        spread = [[v.median - v.low for _, v in shown], [v.high - v.median for _, v in shown]]
        places = [row - 0.4 + height * (at + 0.5) for row, _ in shown]
        axis.barh(places, middles, height * 0.9, xerr=spread, color=colour, label=peer, error_kw={"lw": 0.8})
    axis.set_xscale("log")
    axis.axvline(1, color="black", lw=0.8)
    axis.set_xticks([1, 2, 5, 10, 20, 50], ["1", "2", "5", "10", "20", "50"])
    axis.minorticks_off()
    axis.spines[["top", "right"]].set_visible(False)
    axis.legend(fontsize=8, loc="lower right")
