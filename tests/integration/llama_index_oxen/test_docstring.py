"""Every block of `Oxen`'s documentation runs, and says what it promises."""

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

import llama_index_oxen as package
from _oxen_transport.testing import Server, whole
from llama_index_oxen import Oxen
from tools.support.ideal_model import ideal

DOC = inspect.getdoc(Oxen) or ""
BLOCKS = [textwrap.dedent(block) for block in re.findall(r"```python\n(.*?)```", DOC, re.DOTALL)]
PARTS = re.findall(r"^([A-Z][\w ,]+):$", DOC, re.MULTILINE)
PRICED = {
    "id": "open-mixtral-8x22b",
    "pricing": {"input_cost_per_token": 2e-06, "output_cost_per_token": 6e-06},
}


def test_the_parts_are_those_of_the_twin() -> None:
    assert PARTS == [
        "Setup",
        "Key init args, completion",
        "Key init args, client",
        "Instantiate",
        "Complete and chat",
        "Stream",
        "Async",
        "Tool calling",
        "Structured output",
        "Token usage",
        "Response metadata",
        "All parameters",
    ]


def test_every_block_runs(server: Server, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    stage = server.stage(lambda request: [whole(PRICED)] if "/models/" in request.path else ideal(request))
    monkeypatch.setenv("OXEN_API_KEY", "sk-test-0123456789")
    monkeypatch.setenv("OXEN_BASE_URL", stage.url)
    names: dict[str, Any] = {}
    assert len(BLOCKS) == 9

    async def run() -> None:
        for block in BLOCKS:
            code = compile(block, "docstring", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
            made = eval(code, names)  # noqa: S307 - our own documentation
            if inspect.iscoroutine(made):
                await made

    asyncio.run(run())
    assert names["response"].message.content
    assert any(b"sunny in Paris" in request.body for request in stage.requests), "the agent did not use its tool"
    assert names["joke"].setup
    assert names["cost"] > 0
    assert "get_weather {'city': 'Paris'}" in capsys.readouterr().out


def test_the_examples_of_all_modules_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that need a server are in `Oxen`'s own documentation, above."""
    monkeypatch.setenv("OXEN_API_KEY", "sk-test-0123456789")
    modules = [
        importlib.import_module(f"llama_index_oxen.{one.name}") for one in pkgutil.iter_modules(package.__path__)
    ]
    results = {module.__name__: doctest.testmod(module) for module in modules}
    assert sum(result.failed for result in results.values()) == 0
    assert {name for name, result in results.items() if result.attempted} == {
        "llama_index_oxen.global_settings",
        "llama_index_oxen.rate_limiter",
    }
    assert not [module for module in modules if "+SKIP" in inspect.getsource(module)]


def test_every_argument_that_is_named_exists() -> None:
    named = re.findall(
        r"^    ([a-z_0-9, ]+)(?::|$)", DOC.split("Instantiate:")[0].split("Key init args", 1)[1], re.MULTILINE
    )
    fields = [name for line in named for name in line.split(", ")]
    assert len(fields) > 12
    assert set(fields) <= set(Oxen.model_fields)
