"""The Python in the pages about structured output and the catalogue runs, and their links lead somewhere."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from _oxen_transport.testing import Received, Server, whole
from tests.ideal_model import ideal

DOCS = Path(__file__).parents[2] / "docs"
MODEL = {
    "id": "open-mixtral-8x22b",
    "endpoint": "/chat/completions",
    "pricing": {"input_cost_per_token": 2e-06, "output_cost_per_token": 6e-06},
    "request_schema": {"properties": {"temperature": {"type": "number"}}},
}


def api(request: Received) -> Any:
    if request.path.endswith("/models"):
        return [whole({"data": [MODEL]})]
    return [whole(MODEL)] if "/models/" in request.path else ideal(request)


@pytest.mark.parametrize("page", ["models.md", "structured-output.md"])
def test_every_block_runs(page: str, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OXEN_API_KEY", "sk-test-0123456789")
    monkeypatch.setenv("OXEN_BASE_URL", server.stage(api).url)
    blocks = re.findall(r"```python\n(.*?)```", (DOCS / page).read_text(encoding="utf-8"), re.DOTALL)
    assert len(blocks) >= 3
    names: dict[str, Any] = {}
    for block in blocks:
        exec(compile(block, page, "exec"), names)  # noqa: S102 - our own documentation


@pytest.mark.parametrize("page", sorted(DOCS.glob("*.md")), ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\((?!https?://)([^)#]+)", page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), target
