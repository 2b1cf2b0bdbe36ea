"""A signature worked out once is the one that would be worked out each time."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

import pytest

from _oxen_transport.signatures import with_signature


class Model:
    @with_signature
    def chat(self, messages: list[str], stop: str | None = None, **kwargs: Any) -> str:
        return f"{messages} {stop} {kwargs}"


def test_it_is_found_ready_and_bound() -> None:
    assert inspect.signature(Model.chat) is Model.chat.__signature__  # type: ignore[attr-defined]
    assert list(inspect.signature(Model().chat).parameters) == ["messages", "stop", "kwargs"]
    assert Model().chat(["a"], stop="b", c=1) == "['a'] b {'c': 1}"


def test_a_wrapper_hands_it_on() -> None:
    @functools.wraps(Model.chat)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        return Model.chat(*args, **kwargs)

    assert inspect.signature(wrapped) is inspect.signature(Model.chat)


@pytest.mark.parametrize("name", ["_generate", "_agenerate"])
def test_what_langchain_asks_about_on_each_call_is_ready(name: str) -> None:
    module = pytest.importorskip("langchain_oxen")
    _is_ready(getattr(module.ChatOxen, name))


@pytest.mark.parametrize("how", ["", "stream_", "a", "astream_"])
@pytest.mark.parametrize("what", ["chat", "complete"])
def test_what_llama_index_asks_about_on_each_call_is_ready(how: str, what: str) -> None:
    module = pytest.importorskip("llama_index_oxen")
    _is_ready(getattr(module.Oxen, how + what))


def _is_ready(method: Callable[..., Any]) -> None:
    plain = inspect.unwrap(method)
    ready = plain.__dict__.pop("__signature__")
    try:
        assert ready == inspect.signature(plain)
    finally:
        with_signature(plain)
    assert inspect.signature(method) == ready
