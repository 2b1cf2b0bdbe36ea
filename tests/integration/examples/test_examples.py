"""Every example, run as a reader runs it, against the real local model; what it says is checked."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from examples.support import LETTER, passages, rag
from examples.support.corpus import CORPUS
from examples.support.tools import get_title, get_word_count

ROOT = Path(__file__).parents[3]
FRAMEWORKS = ("langchain", "llama_index")
NAMES = ("chain", "rag", "agent", "extract")

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


@both
def test_a_chain_streams_its_answer(framework: str, local_model_url: str) -> None:
    pieces = run(framework, "chain", local_model_url)
    assert re.search(r"track|histor|change", "".join(pieces))
    assert len(pieces) > 10, "an answer of two sentences arrives token by token"


@both
def test_rag_cites_the_passage_that_holds_the_answer(framework: str, local_model_url: str) -> None:
    pieces = run(framework, "rag", local_model_url)
    question, answer, *rest = "".join(pieces).split("\n\n", 2)
    assert question == rag.QUESTION
    assert re.search(r"\b(10|ten|125)\b", answer), answer
    fact = re.compile(r"limited to SQLITE_MAX_ATTACHED\s+which is set to 10 by default")
    found = re.findall(r"^\[(\d)\] (\w+\.txt), .*?(?=^\[\d\]|^Tokens:)", rest[0], re.DOTALL | re.MULTILINE)
    assert [number for number, _ in found] == ["1", "2", "3", "4"]
    cited = rag.cited(answer, 4)
    shown = re.split(r"^\[\d\] ", rest[0].strip(), flags=re.MULTILINE)[1:]
    assert any(fact.search(shown[number - 1]) for number in cited), f"{answer!r} cites {cited}"
    assert any(fact.search(re.sub(r"\s+", " ", passage.text)) for passage in passages())
    tokens = re.search(r"Tokens: (\d+) in, (\d+) out", rest[0])
    assert tokens
    assert 300 < int(tokens[1]) < 1500
    assert 5 < int(tokens[2]) <= 200
    assert len(pieces) > 5, "the answer streams"


@both
def test_rag_takes_a_question(framework: str, local_model_url: str) -> None:
    text = "".join(run(framework, "rag", local_model_url, "How large can an SQLite database be?"))
    answer = text.split("\n\n")[1]
    assert "281 terabytes" in answer
    assert rag.cited(answer, 4)


@both
def test_an_agent_uses_what_both_tools_return(framework: str, local_model_url: str) -> None:
    text = "".join(run(framework, "agent", local_model_url))
    assert text.index("calls get_title({'page': 'wal.txt'})") < text.index(get_title("wal.txt"))
    assert text.index("calls get_word_count({'page': 'wal.txt'})") < text.index(get_word_count("wal.txt"))
    answer = text.rsplit("  ai: ", 1)[1]
    assert "Write-Ahead Logging" in answer
    assert "4,432" in answer
    assert len((CORPUS / "wal.txt").read_text(encoding="utf-8").split()) == 4432


@both
def test_a_letter_becomes_an_order(framework: str, local_model_url: str) -> None:
    text = "".join(run(framework, "extract", local_model_url))
    assert text.splitlines()[0] == LETTER
    order = text.split("-> ", 1)[1]
    assert re.fullmatch(r"Order\(buyer='Maria Lindqvist', item='ox yokes?', quantity=12, city='Uppsala'\)\n", order)


def test_the_examples_are_mirrored_pairs_that_read_at_a_glance() -> None:
    for framework in FRAMEWORKS:
        files = {path.stem: path for path in (ROOT / "examples" / framework).glob("*.py")}
        assert sorted(files) == sorted(NAMES)
        for path in files.values():
            text = path.read_text(encoding="utf-8")
            assert f"python -m examples.{framework}.{path.stem}" in text
            assert len(text.splitlines()) <= 45, path


def test_the_corpus_is_real_and_large_enough() -> None:
    words = sum(len(page.read_text(encoding="utf-8").split()) for page in CORPUS.glob("*.txt"))
    assert words > 25_000, "fifty pages of 500 words"
    cut = passages()
    assert sum(len(passage.text.split()) for passage in cut) > words - 300, "only titles stay out of the passages"
    assert max(len(passage.text.split()) for passage in cut) < 500
    assert "public domain" in (CORPUS / "copyright.txt").read_text(encoding="utf-8")
