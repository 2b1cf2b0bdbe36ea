"""SQLite's documentation (see ../corpus/README.md), cut into passages that a small model can read."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

CORPUS = Path(__file__).parents[1] / "corpus" / "sqlite"
WORDS = 120  # four passages and the question stay under 1,000 tokens: seconds, also on an old laptop


class Passage(NamedTuple):
    """A piece of one page. `source` says where it stands: "lts.txt, Long Term Support"."""

    text: str
    source: str


def passages() -> list[Passage]:
    """The whole corpus, in order."""
    return [passage for page in sorted(CORPUS.glob("*.txt")) for passage in _cut(page)]


def _cut(page: Path) -> Iterator[Passage]:
    """Whole paragraphs up to about WORDS words; a heading begins a new passage."""
    title, *paragraphs = page.read_text(encoding="utf-8").strip().split("\n\n")
    source = f"{page.name}, {title.removeprefix('# ')}"
    held: list[str] = []
    for paragraph in paragraphs:
        full = sum(len(part.split()) for part in [*held, paragraph]) > WORDS
        if held and (paragraph.startswith("#") or full):
            yield Passage("\n\n".join(held), source)
            held = []
        held.append(paragraph)
    if held:
        yield Passage("\n\n".join(held), source)
