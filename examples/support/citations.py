"""Answers that cite numbered passages: what the model is asked, and whether what it cites is there."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

QUESTION = "What is the maximum number of attached databases?"
UNKNOWN = "The documents do not say."
SYSTEM = "Answer questions from numbered passages."
if os.environ.get("OXEN_API_KEY"):  # the small local model would then always say it; it is caught by `sources`
    SYSTEM += f" If they do not hold the answer, write only: {UNKNOWN}"
PROMPT = (
    "{passages}\n\nQuestion: {question}\nAnswer in a full sentence that begins with the passage's number in brackets."
)
ALONE = "Rewrite as a question that stands alone: {question}"

_MARK = re.compile(r"\[(\d+)\]")
_LITTLE = {"that", "this", "with", "from", "they", "have", "will", "what", "when", "which", "there", "their", "does"}


def numbered(texts: Sequence[str]) -> str:
    """The passages as the model sees them: [1] ..., [2] ..., each on one line."""
    return "\n\n".join(f"[{number}] {' '.join(text.split())}" for number, text in enumerate(texts, 1))


def cited(answer: str) -> list[tuple[int, str]]:
    """The passages that an answer cites, with what it cites each for: the sentence before or behind the number."""
    found = []
    for sentence in re.split(r"(?<=[.!?])\s+(?!\[)", answer):
        found += [(int(number), _MARK.sub("", sentence).strip()) for number in _MARK.findall(sentence)]
    return found


def evidence(claim: str, passage: str) -> str | None:
    """The sentence of a passage that a claim rests on; None if the passage does not hold it.

    It does not if a figure of the claim is missing from it, or two fifths of its words are. That is a check of words:
    it finds citations that are made up, not every wrong conclusion.
    """
    words, there = _words(claim), _words(passage)
    figures = {word for word in words if word[0].isdigit()}
    if not words or not figures <= there or len(words & there) < 0.6 * len(words):
        return None
    prose = " ".join(re.sub(r"^#.*$", "", passage, flags=re.MULTILINE).split())
    sentences = re.split(r"(?<=[.!?:])\s+", prose)
    return max(sentences, key=lambda sentence: len(_words(sentence) & words) / (len(_words(sentence)) + 5))


def _words(text: str) -> set[str]:
    """Figures whole, words by their beginning ("attached", "attach"), without little words."""
    found = re.findall(r"\d+(?:[.,]\d+)*|[^\W\d_]{4,}", text.lower())
    return {word if word[0].isdigit() else word[:5] for word in found if word not in _LITTLE}


def sources(answer: str, found: Sequence[tuple[str, str]]) -> Iterator[str]:
    """The lines below an answer: each source once, with the words that the answer rests on, or that they are missing.

    Args:
        answer: what the model wrote.
        found: text and source of each passage, in the order of their numbers.
    """
    lines: dict[str, tuple[list[str], list[str]]] = {}  # source -> the marks that name it, what it says
    for mark, source, words in _findings(answer, found):
        marks, says = lines.setdefault(source, ([], []))
        marks += [mark] if mark not in marks else []
        says += [f'"{words}"'] if words and f'"{words}"' not in says else []
    for source, (marks, says) in lines.items():
        yield f"{''.join(marks)} {source}{': ' * bool(says)}{' '.join(says)}"
    if not any(says for _, says in lines.values()) and UNKNOWN not in answer:
        yield UNKNOWN


def print_sources(answer: str, found: Sequence[tuple[str, str]]) -> None:
    """End the answer's line, and print the sources below it."""
    print("\n", *sources(answer, found), sep="\n")


def _findings(answer: str, found: Sequence[tuple[str, str]]) -> Iterator[tuple[str, str, str | None]]:
    """A mark, the source that it leads to, and the words there; of each claim that cites, else of each that is held."""
    for number, claim in cited(answer):
        text, source = found[number - 1] if 0 < number <= len(found) else ("", "there is no such passage")
        words, other = evidence(claim, text), _elsewhere(claim, found)
        if words is None and other:
            yield f"[{number}]", f"does not say so, but {other[0]}", other[1]
        else:
            yield f"[{number}]", source if words or not text else f"{source}, which does not say so", words
    if not cited(answer):
        for sentence in re.split(r"(?<=[.!?])\s+", answer):
            if other := _elsewhere(sentence, found):
                yield "(not cited)", *other


def _elsewhere(claim: str, found: Sequence[tuple[str, str]]) -> tuple[str, str] | None:
    """The first passage that holds a claim: its source, and the words."""
    return next(((source, words) for text, source in found if (words := evidence(claim, text))), None)
