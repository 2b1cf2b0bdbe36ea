"""Four examples of each framework against the real local model; the others are in test_ideal.py."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from examples.support import LETTER, citations, passages
from examples.support.corpus import CORPUS
from examples.support.tools import get_title, get_word_count

ROOT = Path(__file__).parents[3]
FRAMEWORKS = ("langchain", "llama_index")

both = pytest.mark.parametrize("framework", FRAMEWORKS)


def run(framework: str, name: str, url: str, *arguments: str) -> list[str]:
    """The pieces in which an example's output came; their sum is what it printed."""
    command = [sys.executable, "-m", f"examples.{framework}.{name}", *arguments]
    environment = {**os.environ, "OXEN_BASE_URL": url, "PYTHONWARNINGS": "error::DeprecationWarning:__main__"}
    pieces = []
    with subprocess.Popen(  # noqa: S603 - our own examples
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        while piece := os.read(process.stdout.fileno(), 1 << 16):
            pieces.append(piece.decode())
        errors = process.stderr.read().decode()
    assert process.returncode == 0, errors[-3000:]
    assert "Traceback" not in errors
    return pieces


@pytest.fixture
def url(local_model_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The real model's server, and a cache of the test's own: one process at a time may hold the embedded Qdrant."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return local_model_url


@both
def test_a_chain_streams_its_answer(framework: str, url: str) -> None:
    pieces = run(framework, "chain", url)
    assert re.search(r"track|histor|change", "".join(pieces))
    assert len(pieces) > 10, "an answer of two sentences arrives token by token"


@both
def test_rag_cites_the_passage_that_holds_the_answer(framework: str, url: str) -> None:
    pieces = run(framework, "rag", url)
    question, answer, source, *_ = "".join(pieces).split("\n\n")
    assert question == citations.QUESTION
    assert re.search(r"\b(10|ten)\b", answer), answer
    assert source.startswith("[1] limits.txt, Maximum Number Of Attached Databases:")
    assert 'limited to SQLITE_MAX_ATTACHED which is set to 10 by default."' in source
    assert len(pieces) > 5, "the answer streams"


@both
def test_an_agent_uses_what_both_tools_return(framework: str, url: str) -> None:
    text = "".join(run(framework, "agent", url))
    assert text.index("calls get_title({'page': 'wal.txt'})") < text.index(get_title("wal.txt"))
    assert text.index("calls get_word_count({'page': 'wal.txt'})") < text.index(get_word_count("wal.txt"))
    answer = text.rsplit("  ai: ", 1)[1]
    assert "Write-Ahead Logging" in answer
    assert "4,432" in answer
    assert len((CORPUS / "wal.txt").read_text(encoding="utf-8").split()) == 4432


@both
def test_a_letter_becomes_an_order(framework: str, url: str) -> None:
    text = "".join(run(framework, "extract", url))
    assert text.splitlines()[0] == LETTER
    order = text.split("-> ", 1)[1]
    assert re.fullmatch(r"Order\(buyer='Maria Lindqvist', item='ox yokes?', quantity=12, city='Uppsala'\)\n", order)


def test_the_examples_are_mirrored_pairs_that_read_at_a_glance() -> None:
    table = (ROOT / "examples" / "README.md").read_text(encoding="utf-8")
    ours, theirs = ({path.stem: path for path in (ROOT / "examples" / name).glob("*.py")} for name in FRAMEWORKS)
    assert ours.keys() == theirs.keys()
    for path in [*ours.values(), *theirs.values()]:
        text = path.read_text(encoding="utf-8")
        assert f"python -m examples.{path.parent.name}.{path.stem}" in text
        assert len(text.splitlines()) <= 62, path
        assert f"`{path.stem}`" in table, f"examples/README.md does not name {path.stem}"


def test_the_corpus_is_real_and_large_enough() -> None:
    words = sum(len(page.read_text(encoding="utf-8").split()) for page in CORPUS.glob("*.txt"))
    assert words > 25_000, "fifty pages of 500 words"
    cut = passages()
    assert sum(len(passage.text.split()) for passage in cut) > words - 300, "only titles stay out of the passages"
    assert max(len(passage.text.split()) for passage in cut) < 500
    assert "public domain" in (CORPUS / "copyright.txt").read_text(encoding="utf-8")
