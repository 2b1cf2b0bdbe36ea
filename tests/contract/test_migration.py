"""The tables of docs/migration.md name every parameter of the other classes, as they are installed."""

from __future__ import annotations

import inspect
import re
from pathlib import Path
from typing import Any

import pytest
from langchain_core.language_models import BaseChatModel
from llama_index.core.llms.function_calling import FunctionCallingLLM
from pydantic import BaseModel

from _oxen_transport.settings.names import ALIASES, STREAM_USAGE, SYNONYMS
from langchain_oxen import ChatOxen
from llama_index_oxen import Oxen

PAGE = (Path(__file__).parents[2] / "docs" / "migration.md").read_text(encoding="utf-8")
CLASSES: dict[str, tuple[str, type[BaseModel]]] = {
    "ChatOpenAI": ("langchain_openai", ChatOxen),
    "ChatMistralAI": ("langchain_mistralai", ChatOxen),
    "OpenAILike": ("llama_index.llms.openai_like", Oxen),
    "MistralAI": ("llama_index.llms.mistralai", Oxen),
}


def table(name: str) -> dict[str, str]:
    """Their parameter -> what stands beside it."""
    section = PAGE.split(f"| `{name}` | here | |\n|---|---|---|\n")[1].split("\n\n")[0]
    return dict(re.findall(r"^\| `(\w+)` \| (\S+) \|", section, re.MULTILINE))


def parameters(theirs: Any) -> set[str]:
    """What a constructor takes, by the names that its documentation uses."""
    if issubclass(theirs, BaseChatModel):
        fields = {name: field for name, field in theirs.model_fields.items() if name not in BaseChatModel.model_fields}
        aliases = {
            "model_name": "model",
            "max_completion_tokens": "max_tokens",
            "stop_sequences": "stop",
        }  # the alias is the older name in one of the two
        named = {field.alias or name for name, field in fields.items()}
        return {aliases.get(name, name) for name in named}
    chain = [base.__init__ for base in theirs.__mro__ if "__init__" in vars(base) and "llms" in base.__module__]
    named = {name for init in chain for name in inspect.signature(init).parameters}
    named |= set(theirs.model_fields) - set(FunctionCallingLLM.model_fields)
    return named - {"self", "args", "kwargs", "data"}


@pytest.mark.parametrize("name", CLASSES)
def test_every_parameter_has_its_row(name: str) -> None:
    module = pytest.importorskip(CLASSES[name][0], reason="the extra `benchmarks` brings the other classes")
    assert set(table(name)) == parameters(getattr(module, name))


@pytest.mark.parametrize("name", CLASSES)
def test_what_stands_beside_it_exists(name: str) -> None:
    ours = CLASSES[name][1].model_fields
    for theirs, here in table(name).items():
        if here != "-":
            assert here.strip("`") in ours, theirs
        accepted = theirs in ours or theirs in ALIASES or theirs == STREAM_USAGE
        assert not (accepted and here == "-"), theirs
        if theirs in SYNONYMS and here != "-":
            assert SYNONYMS[theirs] == here.strip("`"), "the hint in the error says the same"


def test_names_that_are_said_to_be_accepted_are() -> None:
    said = re.findall(r"^\| `(\w+)` \| `(\w+)` \| accepted", PAGE, re.MULTILINE)
    assert len(said) > 8
    assert {name: ours for name, ours in said if name != STREAM_USAGE}.items() <= ALIASES.items()
