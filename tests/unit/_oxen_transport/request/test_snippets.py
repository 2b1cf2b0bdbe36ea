"""Requests as text: what each variant shows. That it runs is shown in the integration tests."""

from __future__ import annotations

import json
import pickle
import shlex
from typing import Any

import pytest
from langchain_core.load import dumps, loads
from langchain_core.runnables import RunnableBinding

from _oxen_transport.catalogue import known, model_from
from _oxen_transport.errors import OxenConfigError, OxenError
from langchain_oxen import ChatOxen
from tests.tables import each_row

KEY = "sk-made-up-0123456789"


def test_long_data_comes_by_standard_input() -> None:
    assert "--data-binary @- <<'JSON'" in ChatOxen(api_key=KEY).to_curl("x" * 200_000)
    assert "<<" not in ChatOxen(api_key=KEY).to_curl("x")


def test_a_bound_model_is_kept_as_the_binding_it_is() -> None:
    bound = ChatOxen(api_key=KEY).bind(temperature=0.3)
    again = loads(
        dumps(bound),
        secrets_map={"OXEN_API_KEY": KEY},
        valid_namespaces=["langchain_oxen"],
        allowed_objects=[ChatOxen, RunnableBinding],
    )
    assert type(again) is RunnableBinding
    assert pickle.loads(pickle.dumps(bound)).kwargs == {"temperature": 0.3}  # noqa: S301 - our own


def test_what_cannot_be_shown_is_named() -> None:
    with pytest.raises(OxenConfigError, match="before a request"):
        OxenError("x").to_curl()
    chat = ChatOxen(api_key=KEY)
    with pytest.raises(OxenConfigError, match="style must be one of 'requests'"):
        chat.to_python("x", style="perl")  # type: ignore[arg-type]
    with pytest.raises(OxenConfigError, match="show must be one of 'sent'"):
        chat.to_curl("x", show="most")  # type: ignore[arg-type]


def body(text: str) -> dict[str, Any]:
    parsed: dict[str, Any] = json.loads(shlex.split(text.replace("\\\n", ""))[-1])
    return parsed


PAGE = {"model": "open-mixtral-8x22b", "messages": [{"role": "user", "content": "Hello, what can you do?"}]}
BASIC = {"temperature": 0.7, "max_tokens": 1024, "stream": False}


@each_row(("show", "more"), [("sent", {}), ("minimal", {}), ("basic", BASIC), ("all", {**BASIC, "top_p": 1.0})])
def test_the_page_s_requests(show: Any, more: dict[str, Any]) -> None:
    assert body(ChatOxen(api_key=KEY).to_curl("Hello, what can you do?", show=show)) == {**PAGE, **more}


def test_values_that_are_set_stay_in_each_variant() -> None:
    chat = ChatOxen(api_key=KEY, temperature=0.1, seed=4, extra_body={"top_k": 3})
    assert body(chat.to_curl("x", show="basic"))["temperature"] == 0.1
    everything = body(chat.to_curl("x", show="all"))
    assert (everything["temperature"], everything["random_seed"], everything["top_k"]) == (0.1, 4, 3)
    assert "temperature" not in body(chat.to_curl("x", show="minimal"))


def test_all_parameters_come_from_the_model_s_own_schema() -> None:
    schema = {
        "properties": {
            "quality": {"enum": ["low", "high"], "default": "high"},
            "steps": {"type": "integer", "minimum": 1, "maximum": 9},
            "note": {"type": "string"},
            "temperature": {"type": "number", "maximum": 0.5},
        },
        "basic": ["steps"],
    }
    chat = ChatOxen(api_key=KEY, model="own")
    known.put(chat, [model_from({"id": "own", "request_schema": schema})], whole=False)
    everything = body(chat.to_curl("x", show="all"))
    assert {name: everything[name] for name in ("quality", "steps", "temperature")} == {
        "quality": "high",
        "steps": 1,
        "temperature": 0.5,
    }
    assert "note" not in everything, "any value would be a guess"
    assert body(chat.to_curl("x", show="basic")).keys() == {"model", "messages", "steps", "stream"}
