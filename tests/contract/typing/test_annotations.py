"""Every public annotation resolves at run time, as LangChain, notebooks and documentation generators need it."""

from __future__ import annotations

import inspect
import subprocess
import sys
import typing

from langchain_oxen import ChatOxen
from llama_index_oxen import Oxen
from tests.contract.test_packaging import run_without
from tests.tables import each_row


@each_row(("package", "other"), [("langchain_oxen", "llama_index"), ("llama_index_oxen", "langchain_core")])
@each_row("alone", [True, False])
def test_every_public_annotation_resolves(package: str, other: str, alone: bool) -> None:
    code = f"from tests.contract.typing.resolve import main; main({package!r})"
    done = run_without({other} if alone else set(), code)
    assert done.returncode == 0, done.stderr[-1500:]
    assert int(done.stdout) > 50


@each_row("cls", [ChatOxen, Oxen])
def test_what_help_and_notebooks_show(cls: type[ChatOxen] | type[Oxen]) -> None:
    script = f"""
import inspect
from {cls.__module__} import {cls.__name__} as cls
before = str(inspect.signature(cls))
cls(api_key="sk-made-up")
print(before == str(inspect.signature(cls)))
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)  # noqa: S603
    assert done.stdout.strip() == "True", "the first instance changes the signature"
    parameters = inspect.signature(cls).parameters
    assert list(parameters)[:3] == ["model", "temperature", "max_tokens"]
    assert set(parameters) == set(cls.model_fields)
    assert {parameter.kind for parameter in parameters.values()} == {inspect.Parameter.KEYWORD_ONLY}
    described = inspect.getdoc(cls) or ""
    assert not [name for name in parameters if f"{name}" not in described]
    assert "    temperature: Randomness" in described


@each_row("cls", [ChatOxen, Oxen])
def test_hints_name_what_a_method_gives(cls: type[ChatOxen] | type[Oxen]) -> None:
    assert typing.get_type_hints(cls)["temperature"] == float | None
