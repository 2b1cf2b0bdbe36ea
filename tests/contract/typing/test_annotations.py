"""Every public annotation resolves at run time, as LangChain, notebooks and documentation generators need it."""

from __future__ import annotations

import inspect
import typing

from langchain_oxen import ChatOxen
from llama_index_oxen import Oxen
from tests.contract.test_packaging import run_without
from tests.contract.typing.resolve import resolve
from tests.tables import each_row


@each_row("package, other", [("langchain_oxen", "llama_index"), ("llama_index_oxen", "langchain_core")])
def test_every_public_annotation_resolves(package: str, other: str) -> None:
    """Also where the other framework is not installed."""
    done = run_without({other}, f"from tests.contract.typing.resolve import resolve; print(resolve({package!r}))")
    assert done.returncode == 0, done.stderr[-1500:]
    assert int(done.stdout) == resolve(package) > 50


def test_the_first_instance_does_not_change_the_signature() -> None:
    code = """
import inspect
from langchain_oxen import ChatOxen
from llama_index_oxen import Oxen
for cls in (ChatOxen, Oxen):
    before = str(inspect.signature(cls))
    cls(api_key="sk-made-up")
    print(before == str(inspect.signature(cls)))
"""
    assert run_without(set(), code).stdout.split() == ["True", "True"]


@each_row("cls", [ChatOxen, Oxen])
def test_what_help_and_notebooks_show(cls: type[ChatOxen] | type[Oxen]) -> None:
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
