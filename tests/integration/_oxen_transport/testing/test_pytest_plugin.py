"""The pytest plugin, loaded as pytest loads it: by the entry point of an installed distribution."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.processes import ROOT, python

PLUGIN = "_oxen_transport.pytest_plugin"

USERS_TEST = """
from langchain_oxen import ChatOxen

def test_my_chain(oxen_server):
    oxen_server.fails(429).says("The ox pulls.")
    assert ChatOxen().invoke("What does the ox do?").text == "The ox pulls."
    assert oxen_server.requests[-1].messages[0]["content"] == "What does the ox do?"
"""


@pytest.fixture
def folder(installed: Callable[[str], Path]) -> Path:
    """The folder of a user's tests, in a place with this distribution installed."""
    return installed("pytest11").parent


def run(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """A user's pytest, in a process of its own, that finds nothing but the installed plugin."""
    path = f"{ROOT}:{folder / 'site'}"
    return python("-m", "pytest", "-q", "-p", "no:cacheprovider", *options, cwd=folder, PYTHONPATH=path)


def test_a_users_test(folder: Path) -> None:
    (folder / "test_mine.py").write_text(USERS_TEST)
    done = run(folder)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 passed" in done.stdout


@pytest.mark.parametrize("by_hand", ["conftest", "option"])
def test_loaded_twice(folder: Path, by_hand: str) -> None:
    (folder / "test_mine.py").write_text("def test(oxen_server): assert oxen_server.url\n")
    if by_hand == "conftest":
        (folder / "conftest.py").write_text(f"pytest_plugins = ['{PLUGIN}']\n")
    done = run(folder, *(["-p", PLUGIN] if by_hand == "option" else []))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 passed in" in done.stdout, "a warning"


def test_who_does_not_use_it_does_not_pay(folder: Path) -> None:
    """Of ours only the plugin's own file is imported."""
    (folder / "test_none.py").write_text("""
import sys

def test_nothing_is_imported():
    ours = {name for name in sys.modules if name.split(".")[0].endswith(("_oxen", "_oxen_transport"))}
    assert ours == {"_oxen_transport", "_oxen_transport.pytest_plugin", "_oxen_transport.version"}
""")
    done = run(folder)
    assert done.returncode == 0, done.stdout + done.stderr
