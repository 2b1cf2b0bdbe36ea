"""The examples on an ideal model that refuses what Mixtral would refuse: what they print, and that nothing fails."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from _oxen_transport.testing import Server
from examples.support.corpus import CORPUS
from tests.integration.examples import model
from tests.integration.examples.running import run

both = pytest.mark.parametrize("framework", ["langchain", "llama_index"])
PAGES = ("limits.txt", "whentouse.txt", "zeroconf.txt")


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One cache for all: what an example embedded, the next one finds."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def documents(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("pages")
    for page in PAGES:
        (folder / page).write_bytes((CORPUS / page).read_bytes())
    return str(folder)


@pytest.fixture
def environment(server: Server, cache: Path) -> Iterator[dict[str, str]]:
    stage = server.stage(model.answer)
    yield {"OXEN_BASE_URL": stage.url, "OXEN_API_KEY": "sk-test", "XDG_CACHE_HOME": str(cache)}
    assert stage.bodies, "the example asked the model"


@both
def test_rag_shows_the_words_that_bear_its_answer(framework: str, environment: dict[str, str], documents: str) -> None:
    out, _ = run(f"{framework}.rag", "--documents", documents, **environment)
    _, answered, source = out.split("\n\n")[:3]
    assert "cannot be increased above 125" in answered
    assert source.startswith("[1] limits.txt, Maximum Number Of Attached Databases:")
    assert source.splitlines()[0].endswith('"The maximum number of attached databases cannot be increased above 125."')


@both
def test_the_second_run_embeds_nothing(framework: str, environment: dict[str, str], documents: str) -> None:
    run(f"{framework}.rag", "--documents", documents, **environment)
    _, err = run(f"{framework}.rag", "--documents", documents, **environment)
    assert "Embedding" not in err


@both
@pytest.mark.parametrize("name", ["rag", "chat", "citations", "sub_questions"])
def test_a_question_about_something_else_gets_no_citation(
    framework: str, name: str, server: Server, cache: Path, documents: str
) -> None:
    stage = server.stage(model.answer)
    environment = {"OXEN_BASE_URL": stage.url, "OXEN_API_KEY": "sk-test", "XDG_CACHE_HOME": str(cache)}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(model, "PARTS", ["Who painted the Mona Lisa?"])
        out, _ = run(f"{framework}.{name}", "--documents", documents, "Who painted the Mona Lisa?", **environment)
    assert out.strip().endswith("The documents do not say.")
    assert "[" not in out
    assert "Empty" not in out
    if name != "sub_questions":
        assert not stage.bodies, "nothing was found, so there was nothing to ask"


@both
@pytest.mark.parametrize(
    ("name", "printed"),
    [
        ("chat", r"above 125(.|\n)*How large can one of them be\?(.|\n)*281 terabytes(.|\n)*whentouse.txt"),
        ("citations", r"limits.txt"),
        ("sub_questions", r"- How large can an SQLite database be\?(.|\n)*- What is the maximum number"),
        ("router", r"-> oxen\n(.|\n)*errors.md"),
    ],
)
def test_over_documents(framework: str, name: str, printed: str, environment: dict[str, str], documents: str) -> None:
    question = ["What is the maximum number of attached databases?"] if name == "citations" else []
    out, _ = run(f"{framework}.{name}", "--documents", documents, *question, **environment)
    assert re.search(printed, out), out


@both
@pytest.mark.parametrize(
    ("name", "printed"),
    [
        ("parallel", r"summary: .*\nwish: .*\nreply: "),
        ("extract_many", r"quantity=250(.|\n)*6 of 6 read"),
        ("map_reduce", r"parts of \d+, (.|\n)*Summary of"),
        ("mcp_agent", r"convert_time(.|\n)*17:00(.|\n)*ai: The tool says"),
        ("sql_agent", r"count(.|\n)*345(.|\n)*ai: "),
        ("sql_query", r"SELECT count.*\n.*345"),
    ],
)
def test_without_documents(framework: str, name: str, printed: str, environment: dict[str, str]) -> None:
    out, _ = run(f"{framework}.{name}", **environment)
    assert re.search(printed.replace("345", str(zones(environment))) if "sql" in name else printed, out), out


def zones(environment: dict[str, str]) -> int:
    """How many time zones the database has; it is made of whatever release of the tz database is installed."""
    file = Path(environment["XDG_CACHE_HOME"]) / "oxen-integrations" / "databases" / "timezones.sqlite"
    held = sqlite3.connect(f"file:{file}?mode=ro", uri=True)
    return int(held.execute("SELECT count(*) FROM zone").fetchone()[0])
