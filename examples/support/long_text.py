"""A text that does not fit, and how much fits."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from examples.support.corpus import CORPUS
from examples.support.local import note

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

LIVE = bool(os.environ.get("OXEN_API_KEY"))
WINDOW = 64_000 if LIVE else 1_200  # tokens: of Mixtral 8x22B; of what the local model reads in some seconds
ANSWER = 500 if LIVE else 100


def long_text() -> str:
    """All of SQLite's documentation, some 80,000 tokens; one page of it for the local model."""
    if not LIVE:
        note(f"the small local model summarises one page, in parts of at most {WINDOW} tokens")
    pages = [CORPUS / "whyc.txt"] if not LIVE else sorted(CORPUS.glob("*.txt"))
    return "\n\n".join(page.read_text(encoding="utf-8").strip() for page in pages)


def packed(texts: Iterable[str], tokens: Callable[[str], int], most: int) -> list[str]:
    """The texts joined to parts of at most `most` tokens, in order, none lost; a text longer than that is an error."""
    parts: list[list[str]] = []
    size = 0
    for text in texts:
        more = tokens(text)  # joined texts have no more tokens than the sum, and two for the empty line between them
        if more > most:
            raise ValueError(f"a text of {more} tokens does not fit into {most}")
        if not parts or size + more + 2 > most:
            parts.append([])
            size = 0
        parts[-1].append(text)
        size += more + 2
    return ["\n\n".join(part) for part in parts]
