"""Two answers, word by word: what only the first has is struck out, what only the second has is marked."""

from __future__ import annotations

import difflib
import html
import re

MOST_WORDS = 3_000
"""More, and lines are compared in place of words: the work grows with the square."""


def diff(before: str, after: str) -> str:
    """HTML with `<del>` and `<ins>`; every character of both texts is in it, escaped."""
    old, new = _pieces(before, after)
    made = []
    for kind, a, b, c, d in difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if kind == "equal":
            made.append(html.escape("".join(old[a:b])))
            continue
        for tag, words in (("del", old[a:b]), ("ins", new[c:d])):
            if words:
                made.append(f"<{tag}>{html.escape(''.join(words))}</{tag}>")
    return "".join(made)


def _pieces(*texts: str) -> list[list[str]]:
    words = [re.findall(r"\s+|\w+|[^\w\s]", text) for text in texts]
    if all(len(each) <= MOST_WORDS for each in words):
        return words
    return [text.splitlines(keepends=True) for text in texts]
