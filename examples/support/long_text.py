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
    left = [(text, tokens(text)) for text in texts]
    parts: list[str] = []
    while left:
        taken = size = 0
        for _, more in left:
            if more > most:
                raise ValueError(f"a text of {more} tokens does not fit into {most}")
            size += more + 2  # the empty line between two
            if taken and size > most:
                break
            taken += 1
        # that was an estimate: where two texts meet there may be a token more
        while tokens(part := "\n\n".join(text for text, _ in left[:taken])) > most:
            taken -= 1
        parts.append(part)
        left = left[taken:]
    return parts
