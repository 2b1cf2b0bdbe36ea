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
    if not cited(answer):
        borne = dict.fromkeys(_elsewhere(sentence, found) for sentence in re.split(r"(?<=[.!?])\s+", answer))
        yield from [f"(not cited) {line}" for line in borne if line] or [UNKNOWN] * (UNKNOWN not in answer)
        return
    lines: dict[str, list[int]] = {}  # what is to be shown -> the numbers for which it is
    for number, claim in cited(answer):
        numbers = lines.setdefault(_finding(number, claim, found), [])
        numbers += [number] if number not in numbers else []
    for line, numbers in lines.items():
        yield f"{''.join(f'[{number}]' for number in numbers)} {line}"
    if not any(line.endswith('"') for line in lines) and UNKNOWN not in answer:
        yield UNKNOWN


def print_sources(answer: str, found: Sequence[tuple[str, str]]) -> None:
    """End the answer's line, and print the sources below it."""
    print("\n", *sources(answer, found), sep="\n")


def _finding(number: int, claim: str, found: Sequence[tuple[str, str]]) -> str:
    text, source = found[number - 1] if 0 < number <= len(found) else ("", "there is no such passage")
    if words := evidence(claim, text):
        return f'{source}: "{words}"'
    if other := _elsewhere(claim, found):
        return f"does not say so, but {other}"
    return f"{source}, which does not say so" if text else source


def _elsewhere(claim: str, found: Sequence[tuple[str, str]]) -> str | None:
    """The first passage that holds a claim."""
    return next((f'{source}: "{words}"' for text, source in found if (words := evidence(claim, text))), None)
