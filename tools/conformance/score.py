"""Score cards, side by side: `python -m tools.conformance.score [--out FOLDER] [--readme PAGE] [candidate ...]`.

A candidate is a file with a subclass of `AllTests`; by default all `test_*_conformance.py` under tests
and everything in `peers` whose class can be imported here. Each runs in a process of its own.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
MARK = "conformance"
BASES = ("llama-index-core", "pydantic")


class Recorder:
    """A pytest plugin: what became of each test, by the group that defines it."""

    def __init__(self) -> None:
        self.name = ""
        self.tests: dict[str, dict[str, str]] = {}
        self.reason = ""
        self._groups: dict[str, str] = {}

    def pytest_collectreport(self, report: Any) -> None:
        if report.failed:
            self.reason = report.longreprtext.strip().splitlines()[-1]

    def pytest_collection_modifyitems(self, items: list[Any]) -> None:
        for item in items:
            self._groups[item.nodeid] = item.function.__qualname__.partition(".")[0]
            self.name = item.cls.__name__.removeprefix("Test")

    def pytest_runtest_logreport(self, report: Any) -> None:
        group = self.tests.setdefault(self._groups[report.nodeid], {})
        test = report.nodeid.rpartition("::")[2]
        if report.when == "call" or report.outcome != "passed":
            group[test] = report.outcome


def run_one(candidate: str, out: str) -> int:
    """Run one candidate in this process and write its card."""
    import pytest

    recorder = Recorder()
    # no conftest, no project settings: the suite needs nothing of the project it stands in
    options = ["--noconftest", "-c", os.devnull, f"--rootdir={ROOT}", "-q", "--tb=no", "-p", "no:cacheprovider"]
    code = pytest.main([candidate, *options, "-W", "ignore", "--no-header", "--no-summary"], plugins=[recorder])
    Path(out).write_text(
        json.dumps({"name": recorder.name, "tests": recorder.tests, "reason": recorder.reason}), encoding="utf-8"
    )
    return 0 if code in (0, 1) else int(code)


def card(candidate: Path) -> dict[str, Any] | None:
    """One candidate's card; None if it cannot be imported here."""
    with tempfile.NamedTemporaryFile(suffix=".json") as file:
        command = [sys.executable, "-m", "tools.conformance.score", "--one", str(candidate), file.name]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603
        written = Path(file.name).read_text(encoding="utf-8")
    made: dict[str, Any] = json.loads(written) if written else {}
    if not made.get("tests"):
        sys.stderr.write(f"{candidate.stem}: not run, {made.get('reason') or done.stderr[-300:]}\n")
        return None
    return {"name": made["name"], "file": candidate.name, "tests": made["tests"]}


def counts(group: dict[str, str]) -> tuple[int, int]:
    """Passed, and how many were run; what is switched off does not count."""
    ran = [outcome for outcome in group.values() if outcome != "skipped"]
    return ran.count("passed"), len(ran)


def markdown(cards: list[dict[str, Any]], versions: dict[str, str]) -> str:
    """All cards as one table."""
    from llama_index_oxen.testing.conformance import GROUPS  # in their order

    groups = [group.__name__ for group in GROUPS]
    lines = [f"| | {' | '.join(one['name'] for one in cards)} |", "|---|" + "---:|" * len(cards)]
    for group in groups:
        cells = ["{}/{}".format(*counts(one["tests"].get(group, {}))) for one in cards]
        lines.append(f"| {group.removesuffix('Tests')} | {' | '.join(cells)} |")
    totals = [[sum(column) for column in zip(*map(counts, one["tests"].values()), strict=True)] for one in cards]
    lines.append(f"| **all** | {' | '.join(f'**{passed}/{ran}**' for passed, ran in totals)} |")
    named = ", ".join(f"{name} {number}" for name, number in versions.items())
    return "\n".join([*lines, "", f"Measured with {named}."])


def versions_of(names: Iterable[str]) -> dict[str, str]:
    """The releases that were measured."""
    found = {}
    for name in names:
        with suppress(PackageNotFoundError):
            found[name] = version(name)
    return found


def fill(readme: Path, text: str) -> None:
    """Put the table between the marks of a Markdown file."""
    marks = re.compile(rf"(<!-- {MARK} -->\n).*?(<!-- /{MARK} -->)", re.DOTALL)
    old = readme.read_text(encoding="utf-8")
    new, found = marks.subn(lambda match: f"{match[1]}\n{text}\n\n{match[2]}", old)
    if not found:
        raise SystemExit(f"{readme.name} has no <!-- {MARK} --> ... <!-- /{MARK} -->")
    readme.write_text(new, encoding="utf-8")


def main() -> int:
    """The command."""
    if sys.argv[1:2] == ["--one"]:
        return run_one(*sys.argv[2:])
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("candidates", nargs="*", type=Path)
    parser.add_argument("--out", type=Path, help="folder for score.md and score.json")
    parser.add_argument("--readme", type=Path, help="file with the marks to write between")
    given = parser.parse_args()
    own = sorted(path for path in (ROOT / "tests").rglob("test_*_conformance.py"))
    peers = sorted(path for path in (HERE / "peers").glob("*.py") if path.stem != "__init__")
    candidates = [path.resolve() for path in given.candidates] or [*own, *reversed(peers)]
    cards = [made for path in candidates if (made := card(path)) is not None]
    packages = [f"llama-index-llms-{path.stem.replace('_', '-')}" for path in candidates]
    versions = versions_of([*BASES, *packages])
    text = markdown(cards, versions)
    sys.stdout.write(text + "\n")
    if given.out:
        given.out.mkdir(parents=True, exist_ok=True)
        (given.out / "score.md").write_text(text + "\n", encoding="utf-8")
        written = json.dumps({"versions": versions, "cards": cards}, indent=1, ensure_ascii=False)
        (given.out / "score.json").write_text(written + "\n", encoding="utf-8")
    if given.readme:
        fill(given.readme, text)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
