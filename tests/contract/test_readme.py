"""What the README says is what happens: its Python runs, its commands are those that CI runs."""

from __future__ import annotations

import re
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest

from _oxen_transport.testing import Server, whole
from tools.support.ideal_model import ideal

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
LISTED = {"data": [{"id": "open-mixtral-8x22b", "context_length": 64_000}]}
BLOCKS = re.findall(r"```python\n(.*?)```", README, re.DOTALL)


def test_every_block_runs(server: Server, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("OXEN_API_KEY", "sk-test-0123456789")
    stage = server.stage(lambda request: [whole(LISTED)] if request.path.endswith("/models") else ideal(request))
    monkeypatch.setenv("OXEN_BASE_URL", stage.url)
    names: dict[str, Any] = {}
    assert len(BLOCKS) >= 6
    for block in BLOCKS:
        exec(compile(block, "README.md", "exec"), names)  # noqa: S102 - our own documentation
    assert names["tokens"] > 5
    shown = capsys.readouterr().out
    assert "$OXEN_API_KEY" in shown
    assert "sk-test" not in shown


def command(name: str) -> str:
    found = re.search(rf"<!-- {name} command -->\n```bash\n(.*?)\n```", README)
    assert found, f"the README has no {name} command"
    return found[1]


def test_ci_runs_the_readmes_own_command() -> None:
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert "poe check" in command("test")
    assert "poe" not in script
    quoting = script[: script.rindex("eval ")]
    run = ["/bin/bash", "-c", quoting, str(ROOT / ".ci" / "run")]
    done = subprocess.run(run, capture_output=True, text=True, check=True)  # noqa: S603 - our own script
    assert done.stdout.strip() == f"+ {command('test')}"


def test_the_demo_is_an_example() -> None:
    module = command("demo").rsplit(" ", 1)[-1]
    assert (ROOT / (module.replace(".", "/") + ".py")).is_file()


def test_the_comparison_is_part_of_the_measured_one() -> None:
    measured = (ROOT / "docs" / "comparison.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| [^|]+ \| (?:yes|no)[^|]* \|.*$", README, re.MULTILINE)
    assert 8 <= len(rows) <= 12
    for row in rows:
        assert row.rstrip(" |") in measured


def test_every_extra_for_users_is_named() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    table = README.split("## Extras")[1].split("##")[0]
    assert set(re.findall(r"`([\w-]+)`", table)) - {"oxen-llm"} == set(extras) - {
        "benchmarks",
        "compare",
        "compare-llama-index",
        "dev",
        "docs",
        "scale",
    }


def test_links_lead_somewhere() -> None:
    for text in (README, (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")):
        for target in re.findall(r"\]\((?!https?://)([^)#]+)", text):
            assert (ROOT / target).exists(), target
