"""The command line of a fuzzer whose inputs come in batches: `--n`, `--seed`, `--batch`, a progress bar.

A batch is made from its own seed, so that a find is repeated with `--seed S --batch B`. The last
line is JSON; the status is 1 if anything was found.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

BATCH = 1000


class Find(NamedTuple):
    """One input whose outcome is not allowed."""

    seed: int
    batch: int
    number: int
    shown: str
    why: str


Trial = tuple[Callable[[], None], Callable[[], str]]
"""What is tried, and how its input is shown. Anything it raises is a find."""


def finds(trials: Callable[[int, int, int], Iterator[Trial]], seed: int, batch: int, count: int = BATCH) -> list[Find]:
    """Run one batch."""
    found = []
    for number, (trial, shown) in enumerate(trials(seed, batch, count)):
        try:
            trial()
        except Exception as error:  # noqa: BLE001 - whatever it is, it is what we look for
            trace = traceback.extract_tb(error.__traceback__)[-1]
            why = f"{type(error).__name__}: {str(error)[:300]} ({trace.filename}:{trace.lineno})"
            found.append(Find(seed, batch, number, shown()[:1500], why))
    return found


def main(target: str, trials: Callable[[int, int, int], Iterator[Trial]], description: str | None) -> int:
    """Run as many inputs as asked for, and say what was found."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--n", type=int, default=100_000, help="inputs (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--batch", type=int, default=0, help="first batch (default: %(default)s)")
    options = parser.parse_args()

    from tqdm import tqdm

    began, done, found = time.monotonic(), 0, list[Find]()
    with tqdm(total=options.n, unit=" inputs", unit_scale=True, mininterval=1) as bar:
        while done < options.n and len(found) < 20:
            count = min(BATCH, options.n - done)
            found += finds(trials, options.seed, options.batch + done // BATCH, count)
            done += count
            bar.update(count)
    for find in found:
        where = f"--seed {find.seed} --batch {find.batch}, number {find.number}"
        print(f"{find.why}\n    {find.shown}\n    {where}", file=sys.stderr)
    seconds = time.monotonic() - began
    summary: dict[str, Any] = {"target": target, "inputs": done, "finds": len(found), "seed": options.seed}
    summary |= {"seconds": round(seconds, 1), "inputs_per_second": round(done / max(seconds, 0.001))}
    print(json.dumps(summary))
    return 1 if found else 0
