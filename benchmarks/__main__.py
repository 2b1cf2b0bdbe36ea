"""`python -m benchmarks`: measure, judge, show. Needs `pip install 'oxen-integrations[benchmarks]'`."""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

from tqdm import tqdm

from benchmarks import goals, plot, processes, report
from benchmarks.rounds import Rounds, joined, measured, plan, started, steps


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Ours and the peers, side by side.")
    parser.add_argument("--quick", action="store_true", help="fewer rows and rounds: under two minutes")
    parser.add_argument("--rounds", type=int, help="rounds per row (3; 2 with --quick)")
    parser.add_argument("--only", help="only rows whose name contains this")
    parser.add_argument("--json", type=Path, default=processes.ROOT / "results" / "benchmarks.json")
    parser.add_argument("--markdown", type=Path, default=processes.ROOT / "results" / "benchmarks.md")
    parser.add_argument("--plot", type=Path, default=processes.ROOT / "results" / "benchmarks.svg")
    parser.add_argument("--from-json", type=Path, nargs="+", help="show earlier runs, as one, instead of measuring")
    parser.add_argument("--write-readme", action="store_true", help="put table and plot into README.md and docs/")
    return parser.parse_args()


def measure(options: argparse.Namespace) -> Rounds:
    """The whole run, with a progress bar."""
    rounds = options.rounds or (2 if options.quick else 3)
    work = plan(quick=options.quick, rounds=rounds, only=options.only)
    startups = 0 if options.only else min(rounds, 2)
    with processes.server() as address, tqdm(total=steps(work, startups=startups), unit="measurement") as bar:

        def tick(what: str) -> None:
            bar.set_description(f"{what:50.50}", refresh=False)
            bar.update()

        workers = processes.Workers(address)
        try:
            results = measured(workers, work, tick)
        finally:
            workers.close()
        return {**results, **(started(address, startups, tick) if startups else {})}


def show(options: argparse.Namespace, rounds: Rounds) -> None:
    """Write every form of the results."""
    whole: dict[str, Any] = {"machine": report.machine(), **goals.as_json(rounds)}
    for path, text in ((options.json, json.dumps(whole, indent=1)), (options.markdown, report.document(rounds))):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    plot.draw(rounds, options.plot)
    print(report.document(rounds))
    if options.write_readme:
        readme = processes.ROOT / "README.md"
        readme.write_text(report.into_readme(readme.read_text(), rounds))
        plot.draw(rounds, processes.ROOT / report.PLOT)
        (processes.ROOT / "docs" / "benchmarks.md").write_text(
            "# Benchmarks\n\nWritten by `python -m benchmarks --write-readme`; `--from-json` takes several runs as one."
            "\n\n"
            f"![CPU time of the peers in units of ours]({Path(report.PLOT).name})\n\n{report.document(rounds)}"
        )


def main() -> None:
    options, begun = arguments(), time.monotonic()
    earlier = [json.loads(path.read_text())["rounds"] for path in options.from_json or ()]
    show(options, joined(earlier) if earlier else measure(options))
    print(f"{time.monotonic() - begun:.0f} s")


if __name__ == "__main__":
    main()
