"""Every block of `ChatOxen`'s documentation runs, and says what it promises."""

from __future__ import annotations

import ast
import asyncio
import inspect
import re
import textwrap
from typing import Any

import pytest

from _oxen_transport.testing import Server, whole
from langchain_oxen import ChatOxen
from tools.support.ideal_model import ideal

DOC = inspect.getdoc(ChatOxen) or ""
BLOCKS = [textwrap.dedent(block) for block in re.findall(r"```python\n(.*?)```", DOC, re.DOTALL)]
PARTS = re.findall(r"^([A-Z][\w ,]+):$", DOC, re.MULTILINE)
PRICED = {
    "id": "open-mixtral-8x22b",
    "pricing": {"input_cost_per_token": 2e-06, "output_cost_per_token": 6e-06},
}


def test_the_parts_that_a_partner_package_has() -> None:
    assert PARTS == [
        "Setup",
        "Key init args, completion",
        "Key init args, client",
        "Instantiate",
        "Invoke",
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
    assert len(BLOCKS) == 10

    async def run() -> None:
        for block in BLOCKS:
            code = compile(block, "docstring", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
            made = eval(code, names)  # noqa: S307 - our own documentation
            if inspect.iscoroutine(made):
                await made

    asyncio.run(run())
    assert names["full"].text == names["message"].text
    assert len(names["answers"]) == 3
    assert names["joke"].setup
    assert names["cost"] > 0
    assert "get_weather {'city': 'Paris'}" in capsys.readouterr().out


def test_every_argument_that_is_named_exists() -> None:
    named = re.findall(
        r"^    ([a-z_0-9, ]+)(?::|$)", DOC.split("Instantiate:")[0].split("Key init args", 1)[1], re.MULTILINE
    )
    fields = [name for line in named for name in line.split(", ")]
    assert len(fields) > 12
    assert set(fields) <= set(ChatOxen.model_fields)
