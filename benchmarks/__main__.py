"""`python -m benchmarks`: measure, judge, show. Needs `pip install 'oxen-integrations[benchmarks]'`."""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

from tqdm import tqdm

from benchmarks import docs, goals, growth, peers, plot, processes, report
from benchmarks.rounds import Rounds, counted, explain, joined, measured, plan, started, starts, steps

RESULTS = processes.ROOT / "results"


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Ours and the peers, side by side.")
    parser.add_argument("--quick", action="store_true", help="fewer rows and rounds: under two minutes")
    parser.add_argument("--rounds", type=int, help="rounds per row (2; 1 with --quick)")
    parser.add_argument("--only", action="append", help="only rows whose name contains this; may be given again")
    parser.add_argument("--baseline", help="measure ours of an older commit, too: its name, or a checkout's folder")
    parser.add_argument("--json", type=Path, default=RESULTS / "benchmarks.json")
    parser.add_argument("--markdown", type=Path, default=RESULTS / "benchmarks.md")
    parser.add_argument("--plots", type=Path, default=RESULTS, help="folder of the pictures")
    parser.add_argument("--from-json", type=Path, nargs="+", help="show earlier runs, as one, instead of measuring")
    parser.add_argument("--write-readme", action="store_true", help="put tables and plots into README.md and docs/")
    return parser.parse_args()


def measure(options: argparse.Namespace) -> Rounds:
    """The whole run, with a progress bar."""
    rounds = options.rounds or (1 if options.quick else 2)
    if options.baseline:
        peers.take_baseline(options.baseline, processes.PEERS, processes.ROOT)
    work = plan(
        quick=options.quick,
        rounds=rounds,
        only=options.only,
        growth=not options.quick,
        baseline=bool(options.baseline),
    )
    fresh = starts(quick=options.quick, rounds=0 if options.only and "start" not in options.only else rounds)
    with processes.server() as address, tqdm(total=steps(work, fresh), unit="measurement") as bar:

        def tick(what: str) -> None:
            bar.set_description(f"{what:50.50}", refresh=False)
            bar.update()

        workers = processes.Workers(address)
        try:
            results = measured(workers, work, tick)
            missing = list(dict.fromkeys([*counted(results), *goals.unexplained(results)]))
            bar.total = (bar.total or 0) + len(missing)
            explain(workers, missing, results, tick)
        finally:
            workers.close()
        return {**results, **(started(address, fresh, tick) if fresh else {})}


def show(options: argparse.Namespace, rounds: Rounds, machine: str) -> None:
    """Write every form of the results."""
    whole: dict[str, Any] = {"machine": machine, **goals.as_json(rounds)}
    document = report.document(rounds, machine)
    for path, text in ((options.json, json.dumps(whole, indent=1)), (options.markdown, document)):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    plot.draw(rounds, options.plots / "benchmarks.svg")
    growth.draw(rounds, options.plots / "growth.svg")
    print(document)
    if options.write_readme:
        docs.write(processes.ROOT, rounds, machine)


def main() -> None:
    options, begun = arguments(), time.monotonic()
    earlier = [json.loads(path.read_text()) for path in options.from_json or ()]
    if earlier:
        show(options, joined([run["rounds"] for run in earlier]), earlier[-1]["machine"])
    else:
        show(options, measure(options), report.machine())
    print(f"{time.monotonic() - begun:.0f} s")


if __name__ == "__main__":
    main()
