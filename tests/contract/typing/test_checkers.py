"""A user's type checker, four of them: what is right passes, every mistake is found."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.contract.typing import snippets

HERE = Path(__file__).parent
ROOT = snippets.ROOT
BIN = Path(sys.executable).parent
MISTAKES = (HERE / "mistakes.py").read_text(encoding="utf-8")


def mypy(folder: Path) -> str:
    """https://mypy.readthedocs.io/en/stable/command_line.html"""
    config = folder / "mypy.ini"
    config.write_text("[mypy]\nstrict = true\npython_version = 3.11\n")
    cache = ROOT / ".mypy_cache"  # that of `poe types`, which has the same options: it has read both frameworks
    return run("mypy", "--config-file", config, "--cache-dir", cache, "--no-error-summary", folder, folder=folder)


def pyright(folder: Path) -> str:
    """https://microsoft.github.io/pyright/#/configuration"""
    settings = {"include": ["."], "extraPaths": [str(ROOT)], "typeCheckingMode": "standard"}
    (folder / "pyrightconfig.json").write_text(json.dumps(settings))
    return run("pyright", "--pythonpath", sys.executable, "--project", folder, folder=folder)


def ty(folder: Path) -> str:
    """https://docs.astral.sh/ty/reference/cli/"""
    how = ("--python", sys.executable, "--extra-search-path", ROOT, "--output-format", "concise")
    return run("ty", "check", *how, folder, folder=folder)


def pyrefly(folder: Path) -> str:
    """https://pyrefly.org/en/docs/configuration/"""
    paths = f"python-interpreter-path = {sys.executable!r}\nsearch-path = [{str(ROOT)!r}]\n"
    (folder / "pyrefly.toml").write_text(f"preset = 'default'\nproject-includes = ['*.py']\n{paths}")
    return run("pyrefly", "check", "--output-format", "min-text", folder=folder)


def run(program: str, *arguments: object, folder: Path) -> str:
    command = [str(BIN / program), *map(str, arguments)]
    environment = {"PATH": f"{BIN}:/usr/bin:/bin", "MYPYPATH": str(ROOT), "HOME": str(Path.home())}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)  # noqa: S603
    assert done.returncode in (0, 1), done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("checker", [mypy, pyright, ty, pyrefly], ids=lambda checker: checker.__name__)
def test_what_a_users_type_checker_finds(checker: Callable[[Path], str], tmp_path: Path) -> None:
    snippets.write(tmp_path)
    (tmp_path / "mistakes.py").write_text(MISTAKES, encoding="utf-8")
    output = checker(tmp_path)
    found = [finding for finding in findings(output) if (tmp_path / finding[0]).is_file()]  # not what they import
    assert {line for name, line in found if name == "mistakes.py"} == expected(checker.__name__), output
    assert not [f"{name}:{line}" for name, line in found if name != "mistakes.py"], output


def findings(output: str) -> list[tuple[str, int]]:
    """File and line of each error; of ty's warnings, too."""
    lines = [line for line in output.splitlines() if re.search(r"\b(error|ERROR)\b|warning\[(?!deprecated)", line)]
    found = [re.search(r"([\w-]+\.py):(\d+)", line) for line in lines]
    return [(match[1], int(match[2])) for match in found if match]


def expected(checker: str) -> set[int]:
    """The lines that are marked as mistakes, for one checker."""
    marks = enumerate(MISTAKES.splitlines(), start=1)
    found = [(number, re.search(r"  # mistake(?:: (.*))?$", line)) for number, line in marks]
    return {number for number, match in found if match and (match[1] is None or checker in match[1].split(", "))}
