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
    """Whole paragraphs, about WORDS words of them; a heading begins a new passage unless the last is very short."""
    title, *paragraphs = page.read_text(encoding="utf-8").strip().split("\n\n")
    source = f"{page.name}, {title.removeprefix('# ')}"
    held: list[str] = []
    words = 0
    for paragraph in paragraphs:
        more = len(paragraph.split())
        if words > WORDS // 3 and (paragraph.startswith("#") or words + more > WORDS):
            yield Passage("\n\n".join(held), source)
            held, words = [], 0
        held.append(paragraph)
        words += more
    yield Passage("\n\n".join(held), source)
