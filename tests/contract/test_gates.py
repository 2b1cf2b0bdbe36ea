"""What a repository can promise about security, held here: sources, dependencies, workflows."""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path

import pytest

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parents[2]
SOURCES = [p for name in ("_oxen_transport", "langchain_oxen", "llama_index_oxen") for p in (ROOT / name).rglob("*.py")]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
FORBIDDEN_CALLS = {"eval", "exec", "compile", "__import__"}
FORBIDDEN_MODULES = {"pickle", "marshal", "shelve", "subprocess", "yaml", "requests", "urllib3", "openai"}


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_sources_have_no_dangerous_word(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            assert node.func.id not in FORBIDDEN_CALLS, f"line {node.lineno}"
        if isinstance(node, ast.keyword):
            refused = {"verify": False, "follow_redirects": True, "check_hostname": False}
            value = node.value.value if isinstance(node.value, ast.Constant) else None
            assert node.arg not in refused or value is not refused[node.arg], f"line {node.value.lineno}"
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        assert not {name.split(".")[0] for name in names} & FORBIDDEN_MODULES, names


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
def test_the_release_has_its_bill_of_materials_and_its_audit() -> None:
    release = next(path for path in WORKFLOWS if path.name == "release.yml").read_text()
    for word in ("cyclonedx-py", "poe audit", "SOURCE_DATE_EPOCH", "attestations: true", "environment: pypi"):
        assert word in release
    both = "".join(path.read_text() for path in WORKFLOWS)
    for word in ("tests/lowest.sh", "--resolution highest", "poe coverage", "poe mutation"):
        assert word in both


def test_the_audit_fails_where_it_could_not_look() -> None:
    assert "--strict" in PROJECT["tool"]["poe"]["tasks"]["audit"]["shell"]
