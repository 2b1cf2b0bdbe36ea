"""What a repository can promise about security beside what ruff and bandit see: dependencies, workflows."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


def test_few_dependencies_each_with_a_floor_and_a_cap() -> None:
    extras = PROJECT["project"]["optional-dependencies"]
    assert [len(extras[name]) for name in ("langchain", "llama-index")] == [1, 1]
    for wanted in (*PROJECT["project"]["dependencies"], *extras["langchain"], *extras["llama-index"]):
        assert re.search(r">=\d[\d.]*,<\d", wanted), wanted


@pytest.mark.skipif(not WORKFLOWS, reason="an unpacked sdist has no workflows")
def test_workflows_are_pinned_and_may_nothing_by_default() -> None:
    for path in WORKFLOWS:
        text = path.read_text()
        assert "\npermissions: {}\n" in text, path.name
        for used in re.findall(r"uses: (.*)", text):
            assert re.fullmatch(r"[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", used), f"{path.name}: {used}"
        assert "pull_request_target" not in text
        assert "secrets." not in text, "there is no token to lose"
        assert not re.search(r"run:.*\$\{\{\s*github\.(event|head_ref)", text), "a title must not become a command"


@pytest.mark.skipif(not WORKFLOWS, reason="an unpacked sdist has no workflows")
def test_a_release_builds_checks_and_publishes_every_distribution_without_a_token() -> None:
    text = (ROOT / ".github" / "workflows" / "release.yml").read_text()
    (loop,) = re.findall(r"for name in (.*); do", text)
    assert set(loop.split()) == {path.parent.name for path in (ROOT / "packaging").glob("*/pyproject.toml")}
    steps = (
        "-m build --outdir dist\n",
        '-m build --wheel --outdir dist "packaging/$name"',
        "twine check --strict dist/*",
    )
    assert sorted(steps, key=text.index) == list(steps)
    publish = text.split("\n  publish:")[1].split("\n\n")[0]
    assert "id-token: write" in publish
    assert "pypa/gh-action-pypi-publish@" in publish
