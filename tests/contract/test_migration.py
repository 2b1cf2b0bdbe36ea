"""docs/migration.md: its code runs, before and after, and its tables name every parameter of the other classes."""

from __future__ import annotations

import inspect
import re
import textwrap
from pathlib import Path
from typing import Any

import pytest
from langchain_core.language_models import BaseChatModel
from llama_index.core.llms.function_calling import FunctionCallingLLM
from pydantic import BaseModel

from _oxen_transport.settings.names import ALIASES, STREAM_USAGE, SYNONYMS
from _oxen_transport.settings.settings import DEFAULT_BASE_URL
from _oxen_transport.testing import Server, completion, reply
from langchain_oxen import ChatOxen
from llama_index_oxen import Oxen

PAGE = (Path(__file__).parents[2] / "docs" / "migration.md").read_text(encoding="utf-8")
CLASSES: dict[str, tuple[str, type[BaseModel]]] = {
    "ChatOpenAI": ("langchain_openai", ChatOxen),
    "ChatMistralAI": ("langchain_mistralai", ChatOxen),
    "ChatOpenRouter": ("langchain_openrouter", ChatOxen),
    "OpenAILike": ("llama_index.llms.openai_like", Oxen),
    "MistralAI": ("llama_index.llms.mistralai", Oxen),
}


MISSING = "OpenAILike needs openai 2, the others openai 3: `poe compare` has an environment for each"


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
def test_the_code_before_and_after_gives_the_same_answer(
    name: str, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = server.stage(reply(completion("In pairs.", system_fingerprint="fp_1")))  # ChatOpenRouter demands one
    for variable in ("OXEN_API_KEY", "MISTRAL_API_KEY", "OPENROUTER_API_KEY"):
        monkeypatch.setenv(variable, "sk-test-0123456789")
    for variable in ("OXEN_BASE_URL", "MISTRAL_BASE_URL", "MISTRAL_ENDPOINT", "OPENROUTER_API_BASE"):
        monkeypatch.setenv(variable, stage.url)
    section = PAGE.split(f"\n## {name} ")[1].split("\n## ")[0]
    before, after = (textwrap.dedent(code) for code in re.findall(r"    ```python\n(.*?)    ```", section, re.DOTALL))
    new = run(after)
    assert new == "In pairs."
    pytest.importorskip(CLASSES[name][0], reason=MISSING)
    assert run(before.replace(DEFAULT_BASE_URL, stage.url)) == new
    assert [body["temperature"] for body in stage.bodies] == [0, 0]


def run(code: str) -> str:
    """The text of the answer that the code ends with."""
    names: dict[str, Any] = {}
    exec(code, names)  # noqa: S102 - our own documentation
    return str(getattr(names["answer"], "text", names["answer"]))


@pytest.mark.parametrize("name", CLASSES)
def test_every_parameter_has_its_row(name: str) -> None:
    module = pytest.importorskip(CLASSES[name][0], reason=MISSING)
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
    accepted = re.findall(r"^\| `(\w+)` \| `(\w+)` \| accepted", PAGE, re.MULTILINE)
    assert len(accepted) > 8
    assert {name: ours for name, ours in accepted if name != STREAM_USAGE}.items() <= ALIASES.items()
