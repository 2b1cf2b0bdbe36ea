"""The map in CONTRIBUTING.md is the tree, module by module; and nothing outside of tests/ needs tests/."""

from __future__ import annotations

import ast
from pathlib import Path

from tools.module_map import PACKAGES, PAGE, ROOT, module_map, page


def test_the_map_is_the_tree() -> None:
    assert page(PAGE.read_text()) == PAGE.read_text(), "run: python -m tools.module_map"


def test_every_module_says_what_it_is() -> None:
    lines = module_map().splitlines()
    modules = [file for package in PACKAGES for file in (ROOT / package).rglob("*.py")]
    assert len([line for line in lines if line]) >= len(modules)
    assert [line for line in lines if line and len(line.split()) < 3] == []


def test_a_module_more_or_less_changes_the_map(tmp_path: Path) -> None:
    for package in PACKAGES:
        (tmp_path / package / "room").mkdir(parents=True)
        (tmp_path / package / "__init__.py").write_text('"""A package."""')
        (tmp_path / package / "room" / "__init__.py").write_text('"""A room."""')
    before = module_map(tmp_path)
    added = tmp_path / PACKAGES[0] / "room" / "new.py"
    added.write_text('"""What is new. And more."""')
    assert module_map(tmp_path) == before.replace("A room\n", "A room\n    new.py                    What is new\n", 1)
    added.unlink()
    assert module_map(tmp_path) == before


def test_nothing_outside_of_tests_imports_from_tests() -> None:
    """What both need is in tools/support, or, where users can do with it, in `_oxen_transport.testing`."""
    folders = (*PACKAGES, "tools", "benchmarks", "examples", "docs")
    files = [file for folder in folders for file in sorted((ROOT / folder).rglob("*.py"))]
    assert len(files) > 200
    assert [str(file.relative_to(ROOT)) for file in files if "tests" in imported_packages(file)] == []


def imported_packages(file: Path) -> set[str]:
    nodes = list(ast.walk(ast.parse(file.read_text(encoding="utf-8"))))
    names = [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]
    names += [node.module or "" for node in nodes if isinstance(node, ast.ImportFrom) and not node.level]
    return {name.partition(".")[0] for name in names}
