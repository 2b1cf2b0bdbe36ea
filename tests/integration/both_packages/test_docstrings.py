"""Every block of the documentation of `ChatOxen` and `Oxen` runs, and does what it promises."""

from __future__ import annotations

import ast
import asyncio
import doctest
import importlib
import inspect
import pkgutil
import re
import textwrap
from typing import Any

import pytest

import llama_index_oxen
from _oxen_transport.testing import Server, whole
from langchain_oxen import ChatOxen
from llama_index_oxen import Oxen
from tools.support.ideal_model import ideal

PARTS = [
    *("Setup", "Key init args, completion", "Key init args, client", "Instantiate", "Stream", "Async", "Tool calling"),
    *("Structured output", "Token usage", "Response metadata", "All parameters"),
]
PRICED = {"id": "open-mixtral-8x22b", "pricing": {"input_cost_per_token": 2e-06, "output_cost_per_token": 6e-06}}
each_class = pytest.mark.parametrize("model", [ChatOxen, Oxen], ids=lambda model: model.__name__)


@each_class
def test_the_parts_that_a_partner_package_has(model: type[Any]) -> None:
    parts = re.findall(r"^([A-Z][\w ,]+):$", inspect.getdoc(model) or "", re.MULTILINE)
    parts.remove("Invoke" if model is ChatOxen else "Complete and chat")
    assert parts == PARTS


@each_class
def test_every_block_runs(
    model: type[Any], server: Server, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    stage = server.stage(lambda request: [whole(PRICED)] if "/models/" in request.path else ideal(request))
    monkeypatch.setenv("OXEN_API_KEY", "sk-test-0123456789")
    monkeypatch.setenv("OXEN_BASE_URL", stage.url)
    names: dict[str, Any] = {}
    blocks = re.findall(r"```python\n(.*?)```", inspect.getdoc(model) or "", re.DOTALL)
    assert len(blocks) >= 9

    async def run() -> None:
        for block in map(textwrap.dedent, blocks):
            code = compile(block, "docstring", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
            made = eval(code, names)  # noqa: S307 - our own documentation
            if inspect.iscoroutine(made):
                await made

    asyncio.run(run())
    assert names["joke"].setup
    assert names["cost"] > 0
    assert "get_weather {'city': 'Paris'}" in capsys.readouterr().out
    if model is ChatOxen:
        assert names["full"].text == names["message"].text
        assert len(names["answers"]) == 3
    else:
        assert names["response"].message.content
        assert any(b"sunny in Paris" in request.body for request in stage.requests), "the agent did not use its tool"


@each_class
def test_every_argument_that_is_named_exists(model: type[Any]) -> None:
    text = (inspect.getdoc(model) or "").split("Instantiate:")[0].split("Key init args", 1)[1]
    fields = [
        name
        for line in re.findall(r"^    ([a-z_0-9, ]+?)(?: \(.+\):|$)", text, re.MULTILINE)
        for name in line.split(", ")
    ]
    assert len(fields) > 12
    assert set(fields) <= set(model.model_fields)


def test_the_examples_of_all_modules_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that need a server are in `Oxen`'s own documentation, above."""
    monkeypatch.setenv("OXEN_API_KEY", "sk-test-0123456789")
    found = pkgutil.iter_modules(llama_index_oxen.__path__)
    modules = [importlib.import_module(f"llama_index_oxen.{one.name}") for one in found]
    results = {module.__name__: doctest.testmod(module) for module in modules}
    assert sum(result.failed for result in results.values()) == 0
    assert {name for name, result in results.items() if result.attempted} == {
        "llama_index_oxen.global_settings",
        "llama_index_oxen.rate_limiter",
    }
    assert not [module for module in modules if "+SKIP" in inspect.getsource(module)]
