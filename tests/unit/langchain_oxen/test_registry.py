"""`register()`: `init_chat_model("oxen:...")`, and a clear error where LangChain has changed."""

from __future__ import annotations

import sys
from typing import Any

import pytest
from langchain.chat_models import base, init_chat_model

import langchain_oxen
from langchain_oxen import ChatOxen, OxenConfigError, OxenMissingExtraError


@pytest.fixture
def table(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """LangChain's table as it comes: without what another test registered, or a creator kept from it."""
    base._get_chat_model_creator.cache_clear()
    builtin = {name: entry for name, entry in base._BUILTIN_PROVIDERS.items() if name != "oxen"}
    monkeypatch.setattr(base, "_BUILTIN_PROVIDERS", builtin)
    return base._BUILTIN_PROVIDERS


@pytest.mark.usefixtures("table")
def test_init_chat_model_knows_oxen_once_it_is_registered() -> None:
    with pytest.raises(ValueError, match="oxen"):
        init_chat_model("oxen:open-mixtral-8x22b", api_key="k")
    langchain_oxen.register()
    langchain_oxen.register()
    model = init_chat_model("oxen:open-mixtral-8x22b", api_key="k", temperature=0.3)
    assert type(model) is ChatOxen
    assert (model.model, model.temperature) == ("open-mixtral-8x22b", 0.3)
    assert init_chat_model("x", model_provider="oxen", api_key="k").model == "x"


def test_an_entry_of_langchains_own_is_left_alone(table: dict[str, Any]) -> None:
    table["oxen"] = ("langchain_oxen", "ChatOxen", print)
    langchain_oxen.register()
    assert table["oxen"][2] is print


@pytest.mark.parametrize("changed", [None, ["a list"], {"openai": "langchain_openai:ChatOpenAI"}], ids=str)
def test_an_unknown_table_is_an_error_and_stays_as_it_is(monkeypatch: pytest.MonkeyPatch, changed: Any) -> None:
    before = repr(changed)
    monkeypatch.setattr(base, "_BUILTIN_PROVIDERS", changed)
    with pytest.raises(OxenConfigError, match=r"ChatOxen\(\.\.\.\)"):
        langchain_oxen.register()
    assert repr(base._BUILTIN_PROVIDERS) == before


def test_without_langchain_the_error_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "langchain.chat_models", None)
    with pytest.raises(OxenMissingExtraError, match="pip install langchain"):
        langchain_oxen.register()
