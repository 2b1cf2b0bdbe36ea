"""The Python in every page of docs/ runs, its links lead somewhere, and the names of errors in it exist."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from llama_index.core.llms import ChatMessage

import langchain_oxen
from _oxen_transport.otel import OxenInstrumentor
from _oxen_transport.testing import OxenServer, Received, Server, completion, reply, whole
from langchain_oxen import ChatOxen
from llama_index_oxen import Oxen
from tools import llms_text, parameter_page
from tools.support.ideal_model import ideal

DOCS = Path(__file__).parents[2] / "docs"
PAGES = sorted(DOCS.glob("*.md"))
TEXTS = {page.name: llms_text.text(page) for page in PAGES}
# the blocks of these are run in test_docs_testing.py and test_migration.py
OTHERWISE = {"testing.md", "migration.md"}
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


def blocks(page: str) -> list[str]:
    """Blocks of Python, also those that are indented, within tabs."""
    found = re.findall(r"^( *)```python\n(.*?)^\1```", TEXTS[page], re.DOTALL | re.MULTILINE)
    return [textwrap.dedent(code) for _, code in found]


@pytest.fixture
def untraced() -> Iterator[None]:
    yield
    if OxenInstrumentor().is_instrumented_by_opentelemetry:
        OxenInstrumentor().uninstrument()


@pytest.mark.usefixtures("untraced")
@pytest.mark.parametrize("page", sorted(name for name in TEXTS if "```python" in TEXTS[name] and name not in OTHERWISE))
def test_every_block_runs(page: str, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OXEN_API_KEY", "sk-test-0123456789")
    monkeypatch.setenv("OXEN_BASE_URL", server.stage(api).url)
    names: dict[str, Any] = {}
    for block in blocks(page):
        exec(compile(block, page, "exec"), names)  # noqa: S102 - our own documentation
        for name in re.findall(r"^def (test_\w+)\(oxen_server\)", block, re.MULTILINE):
            scripted = OxenServer(server)
            with monkeypatch.context() as patch:  # as the fixture of that name does
                patch.setenv("OXEN_BASE_URL", scripted.url)
                names[name](scripted)


def test_thoughts_and_citations_are_where_the_guide_says(
    server: Server, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    answer = completion("In pairs.", citations=["https://example.org/oxen"])
    answer["choices"][0]["message"]["reasoning_content"] = "two by two"
    monkeypatch.setenv("OXEN_API_KEY", "sk-test-0123456789")
    monkeypatch.setenv("OXEN_BASE_URL", server.stage(reply(answer)).url)
    section = [block for block in blocks("guide.md") if "thought:" in block]
    assert len(section) == 2
    for block in section:
        exec(block, {"chat": ChatOxen(), "llm": Oxen(), "ChatMessage": ChatMessage})  # noqa: S102
        shown = capsys.readouterr().out
        assert "thought: two by two" in shown
        assert "https://example.org/oxen" in shown


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\((?!https?://)([^)#]+)", TEXTS[page.name]):
        assert not target.startswith(".."), f"{target} is not on the site"
        assert (page.parent / target).exists(), target


@pytest.mark.parametrize("page", TEXTS)
def test_errors_that_are_named_exist(page: str) -> None:
    assert set(re.findall(r"`(Oxen\w+Error)\b", TEXTS[page])) <= set(langchain_oxen.__all__)


def test_symptoms_are_texts_that_a_reader_can_have_seen() -> None:
    packages = ("_oxen_transport", "langchain_oxen", "llama_index_oxen")
    code = "".join(path.read_text("utf-8") for name in packages for path in (DOCS.parent / name).rglob("*.py"))
    others = {  # of the system, pip and LangChain
        *("Connection refused", "Name or service not known", "certificate verify failed"),
        *("unable to get local issuer certificate", "Unable to infer model provider"),
        "No matching distribution found for oxen-integrations",
    }
    rows = re.findall(r"^\| (.+?) \|", TEXTS["troubleshooting.md"], re.MULTILINE)[2:]
    symptoms = [text for row in rows for text in re.findall(r"`([^`]+)`", row)]
    assert len(symptoms) > 20
    assert [text for text in symptoms if text not in code and text not in others and text[:5] != "HTTP "] == []


def test_every_page_is_in_the_navigation_once() -> None:
    assert sorted(target for _, target in llms_text.pages(llms_text.config()["nav"])) == sorted(TEXTS)


def test_the_long_text_for_language_models_holds_every_page() -> None:
    whole = llms_text.whole(llms_text.config())
    assert [name for name in TEXTS if name != "reference.md" and TEXTS[name].splitlines()[0] not in whole] == []


def test_the_page_of_parameters_is_what_the_classes_say() -> None:
    assert parameter_page.PAGE.read_text(encoding="utf-8") == parameter_page.page(), (
        "run: python -m tools.parameter_page"
    )


def test_each_picture_of_the_site_is_kept_and_small() -> None:
    pytest.importorskip("playwright", reason="no playwright: pip install playwright")
    from tools.site_pictures import FOLDER, SHOTS

    kept = {picture.stem: picture.stat().st_size for picture in FOLDER.glob("*.png")}
    assert kept.keys() == SHOTS.keys(), "run: poe docs-pictures"
    assert max(kept.values()) < 200_000


def test_every_example_is_listed() -> None:
    examples = DOCS.parent / "examples"
    there = {path.stem for path in (examples / "langchain").glob("*.py")} - {"__init__"}
    table = (examples / "README.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)) == there


def test_the_site_builds_without_a_warning(tmp_path: Path) -> None:
    shutil.copytree(DOCS, tmp_path / "docs")
    (tmp_path / "tools").mkdir()
    for name in ("zensical.toml", "CONTRIBUTING.md", "tools/reference_docstrings.py"):
        shutil.copy(DOCS.parent / name, tmp_path / name)
    command = [sys.executable, "-m", "zensical", "build", "--strict"]
    environment = {**os.environ, "PYTHONPATH": str(DOCS.parent)}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)  # noqa: S603
    assert done.returncode == 0, (done.stdout + done.stderr)[-3000:]
    reference = (tmp_path / "site" / "reference.html").read_text(encoding="utf-8")
    for name in (
        "langchain_oxen.ChatOxen.with_structured_output",
        "llama_index_oxen.Oxen",
        "langchain_oxen.ModelInfo.cost",
    ):
        assert f'id="{name}"' in reference, name
    assert "Key init args" not in reference
    assert "Arrows only point down" in (tmp_path / "site" / "architecture.html").read_text(encoding="utf-8")
