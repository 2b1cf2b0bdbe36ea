"""`init_chat_model("oxen:...")`, whichever of the two packages was imported first, and without LangChain."""

from __future__ import annotations

import subprocess
import sys
import types

import pytest

from langchain_oxen import registry

KEY = {"OXEN_API_KEY": "k"}


def run(code):
    """In an interpreter of its own: what is under test happens at import."""
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        env=KEY,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


ASK = (
    "print(type(init_chat_model('oxen:open-mixtral-8x22b')).__name__);"
    "print(init_chat_model('x', model_provider='oxen').model)"
)


@pytest.mark.parametrize(
    "imports",
    [
        "import langchain_oxen; from langchain.chat_models import init_chat_model",
        "from langchain.chat_models import init_chat_model; import langchain_oxen",
    ],
)
def test_either_may_come_first(imports):
    assert run(f"{imports}; {ASK}") == ["ChatOxen", "x"]


def test_our_package_does_not_import_langchain_and_leaves_the_import_system_as_it_was():
    code = (
        "import sys; before = list(sys.meta_path); import langchain_oxen;"
        "print('langchain' in sys.modules, len(sys.meta_path) - len(before));"
        "import langchain.chat_models; print(len(sys.meta_path) - len(before))"
    )
    assert run(code) == ["False", "1", "0"]


def test_a_langchain_that_is_not_there_is_not_missed():
    code = (
        "import sys; sys.modules['langchain'] = None; import langchain_oxen\n"
        "try: import langchain.chat_models.base\n"
        "except ImportError: print('gone')"
    )
    assert run(code) == ["gone"]


def test_a_table_that_has_gone_costs_nothing():
    registry.add_line(types.ModuleType("langchain.chat_models.base"))
    odd = types.ModuleType("langchain.chat_models.base")
    odd._BUILTIN_PROVIDERS = ["not", "a", "dict"]
    registry.add_line(odd)
    assert odd._BUILTIN_PROVIDERS == ["not", "a", "dict"]
