"""Two tools for an agent, and a question that needs both."""

from __future__ import annotations

from examples.support.corpus import CORPUS

QUESTION = "What are the title and the word count of wal.txt?"


def _read(page: str) -> str:
    pages = {file.name: file for file in CORPUS.glob("*.txt")}  # a model may ask for ../../anything
    return pages[page].read_text(encoding="utf-8") if page in pages else ""


def get_title(page: str) -> str:
    """Get the title of a page."""
    text = _read(page)
    return f'The title of {page} is "{text.splitlines()[0].removeprefix("# ")}".' if text else f"There is no {page}."


def get_word_count(page: str) -> str:
    """Get the number of words of a page."""
    text = _read(page)
    return f"The word count of {page} is {len(text.split()):,}." if text else f"There is no {page}."
