"""Measure a table: ChatOxen and the classes one would otherwise use, against the same scripted server.

    pip install -e ".[compare]" && python -m tools.compare.langchain [--write docs/comparison.md]

Every class runs in a process of its own; every cell is what its row found, nothing is written by hand.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import threading
import warnings
from importlib.metadata import version
from pathlib import Path

from _oxen_transport.testing.server import Server
from tools.compare.langchain_rows import ROWS
from tools.compare.subjects import SUBJECTS

SECONDS = 25.0
"""The most a cell may take: some classes wait for minutes where others are done."""
BEGIN, END = "<!-- compare-langchain -->", "<!-- /compare-langchain -->"


def measure(subject: str) -> dict[str, str]:
    """All cells of one class."""
    make, _ = SUBJECTS[subject]
    with Server() as server:
        return {title: _cell(title, make, server) for title in ROWS}


def _cell(title: str, make: object, server: Server) -> str:
    found: list[str] = []

    def run() -> None:
        try:
            found.append(ROWS[title](make, server))
        except Exception as error:  # noqa: BLE001 - a class that fails has failed the row
            found.append(f"no: {type(error).__name__}")

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(SECONDS)
    return found[0] if found else f"no: nothing in {SECONDS:.0f} s"


def table(cells: dict[str, dict[str, str]]) -> str:
    """The cells as Markdown, with the versions that were measured."""
    head = [f"`{name}`" for name in cells]
    lines = ["| | " + " | ".join(head) + " |", "|---" * (len(cells) + 1) + "|"]
    lines += [f"| {title} | " + " | ".join(one[title] for one in cells.values()) + " |" for title in ROWS]
    wins = " | ".join(str(sum(not cell.startswith("no") for cell in one.values())) for one in cells.values())
    lines.append(f"| **Rows without a no, of {len(ROWS)}** | {wins} |")
    versions = ", ".join(f"{package} {version(package)}" for _, package in SUBJECTS.values() if package[0] == "l")
    return "\n".join([*lines, "", f"langchain-core {version('langchain-core')}, {versions}."])


def write(text: str, path: Path) -> None:
    """Put the table between its two marks; marks that are missing are added at the end."""
    page = path.read_text(encoding="utf-8")
    if BEGIN not in page:
        page = f"{page.rstrip()}\n\n{BEGIN}\n{END}\n"
    before, _, rest = page.partition(BEGIN)
    after = rest.partition(END)[2]
    path.write_text(f"{before}{BEGIN}\n{text}\n{END}{after}", encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--subject", choices=SUBJECTS)
    parser.add_argument("--write", type=Path)
    asked = parser.parse_args()
    if asked.subject:
        warnings.simplefilter("ignore")
        sys.stdout.write(json.dumps(measure(asked.subject)))
        sys.stdout.flush()
        os._exit(0)  # threads that still wait do not matter any more
    command = [sys.executable, "-m", "tools.compare.langchain", "--subject"]
    cells = {
        name: json.loads(subprocess.run([*command, name], check=True, stdout=subprocess.PIPE).stdout)  # noqa: S603
        for name in SUBJECTS
    }
    text = table(cells)
    if asked.write:
        write(text, asked.write)
    sys.stdout.write(text + "\n")


if __name__ == "__main__":
    main()
