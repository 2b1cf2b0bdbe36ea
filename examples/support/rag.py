"""What both RAG examples say: the question, the prompt, and the list of sources below the answer."""

from __future__ import annotations

import re
import textwrap
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

QUESTION = "What is the maximum number of attached databases?"
SYSTEM = "Answer questions from numbered passages."
PROMPT = (
    "{passages}\n\nQuestion: {question}\nAnswer in a full sentence that begins with the passage's number in brackets."
)


def numbered(texts: Sequence[str]) -> str:
    """The passages as the model sees them: [1] ..., [2] ..., each on one line."""
    return "\n\n".join(f"[{number}] {' '.join(text.split())}" for number, text in enumerate(texts, 1))


def cited(answer: str, found: int) -> list[int]:
    """The passages that an answer cites, each once; numbers that no passage has are left out."""
    numbers = dict.fromkeys(int(number) for number in re.findall(r"\[(\d+)\]", answer))
    return [number for number in numbers if 1 <= number <= found]


def print_sources(answer: str, found: Sequence[tuple[str, str]]) -> None:
    """Every passage that was found, with its source; those that the answer cites in full."""
    print("\n")
    named = cited(answer, len(found))
    for number, (text, source) in enumerate(found, 1):
        print(f"[{number}] {source}{'' if number in named else ' (not cited)'}")
        if number in named:
            print(textwrap.indent(text, "      "))
    print()
