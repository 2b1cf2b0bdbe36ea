"""A user's type checker, four of them: what is right passes, every mistake is found."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.contract.typing import snippets

HERE = Path(__file__).parent
ROOT = snippets.ROOT
BIN = Path(sys.executable).parent
MISTAKES = HERE / "mistakes.py"
EXAMPLES = sorted(path for name in ("langchain", "llama_index") for path in (ROOT / "examples" / name).glob("*.py"))


@dataclass(frozen=True)
class Findings:
    """What a checker prints, and where it found something."""

    output: str

    def lines(self, path: Path) -> set[int]:
        """Numbers of the lines that it objects to."""
        found = re.findall(
            rf"{path.name}:(\d+)[:\d-]*(?: -)?:? ?(?:error|warning)|ERROR \S*{path.name}:(\d+)", self.output
        )
        return {int(first or second) for first, second in found}


def mypy(files: list[Path], folder: Path) -> str:
    """https://mypy.readthedocs.io/en/stable/command_line.html"""
    config = folder / "mypy.ini"
    config.write_text("[mypy]\nstrict = true\n")
    cache = ROOT / ".mypy_cache" / "snippets"  # a first run reads all of both frameworks: half a minute
    return run("mypy", "--config-file", config, "--cache-dir", cache, "--explicit-package-bases", *files, folder=folder)


def pyright(files: list[Path], folder: Path) -> str:
    """https://microsoft.github.io/pyright/#/configuration"""
    settings = {"include": [str(file) for file in files], "extraPaths": [str(ROOT)], "typeCheckingMode": "standard"}
    (folder / "pyrightconfig.json").write_text(json.dumps(settings))
    return run("pyright", "--pythonpath", sys.executable, "--project", folder, folder=folder)


def ty(files: list[Path], folder: Path) -> str:
    """https://docs.astral.sh/ty/reference/cli/"""
    how = ("--python", sys.executable, "--extra-search-path", ROOT, "--output-format", "concise")
    return run("ty", "check", *how, *files, folder=folder)


def pyrefly(files: list[Path], folder: Path) -> str:
    """https://pyrefly.org/en/docs/configuration/"""
    config = folder / "pyrefly.toml"
    config.write_text(
        f"preset = 'default'\npython-interpreter-path = {sys.executable!r}\nsearch-path = [{str(ROOT)!r}]\n"
    )
    return run("pyrefly", "check", "--config", config, "--output-format", "min-text", *files, folder=folder)


def run(program: str, *arguments: object, folder: Path) -> str:
    command = [str(BIN / program), *map(str, arguments)]
    environment = {"PATH": f"{BIN}:/usr/bin:/bin", "MYPYPATH": str(ROOT), "HOME": str(Path.home())}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)  # noqa: S603
    assert done.returncode in (0, 1), done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("checker", [mypy, pyright, ty, pyrefly], ids=lambda checker: checker.__name__)
def test_what_a_users_type_checker_finds(checker: Callable[[list[Path], Path], str], tmp_path: Path) -> None:
    right = [*snippets.write(tmp_path), *EXAMPLES, HERE / "correct.py"]
    assert len(right) > 12
    found = Findings(checker([*right, MISTAKES], tmp_path))
    wrongly = [
        line for line in found.output.splitlines() if MISTAKES.name not in line and re.search("error|ERROR", line)
    ]
    assert not [line for line in wrongly if ".py:" in line], "\n".join(wrongly)
    assert found.lines(MISTAKES) == expected(checker.__name__), found.output


def expected(checker: str) -> set[int]:
    """The lines that are marked as mistakes, for one checker."""
    marks = enumerate(MISTAKES.read_text(encoding="utf-8").splitlines(), start=1)
    found = [(number, re.search(r"  # mistake(?:: (.*))?$", line)) for number, line in marks]
    return {number for number, match in found if match and (match[1] is None or checker in match[1].split(", "))}
