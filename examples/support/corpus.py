"""A folder of documents, cut into passages for a small model. By default SQLite's, see ../corpus/README.md."""

from __future__ import annotations

import re
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from examples.support.endings import ExampleError

if TYPE_CHECKING:
    from collections.abc import Iterator

CORPUS = Path(__file__).parents[1] / "corpus" / "sqlite"
MANUAL = Path(__file__).parents[2] / "docs"  # this project's own
WORDS = 120  # four passages and the question stay under 1,000 tokens: seconds, also on an old laptop
_HEADING = re.compile(r"#|\(\d+\) ")  # Markdown's, or a numbered question


class Passage(NamedTuple):
    """A piece of one page, under one heading."""

    text: str
    page: str
    heading: str

    @property
    def source(self) -> str:
        """Where it stands: "limits.txt, Maximum Number Of Attached Databases"."""
        return f"{self.page}, {self.heading}"

    @property
    def id(self) -> str:
        """The same for the same text in the same place: what has this id need not be embedded again."""
        return str(uuid.uuid5(uuid.NAMESPACE_URL, "\0".join(self)))


def passages(folder: Path = CORPUS) -> list[Passage]:
    """All of a folder, in order, each passage once. Raises: ExampleError."""
    pages = sorted(page for page in folder.glob("*") if page.suffix in {".txt", ".md"})
    if not pages:
        raise ExampleError(f"There is no .txt or .md file in {folder}: name another folder with --documents.")
    return list(dict.fromkeys(passage for page in pages for passage in _cut(page)))


def _cut(page: Path) -> Iterator[Passage]:
    """Whole paragraphs, about WORDS words of them; a heading begins a new passage unless the last is very short."""
    title, *paragraphs = page.read_text(encoding="utf-8", errors="replace").strip().split("\n\n")
    heading = last = title.lstrip("# ")
    held: list[str] = []
    words = 0
    for paragraph in paragraphs:
        more = len(paragraph.split())
        begins = _HEADING.match(paragraph)
        if held and words > WORDS // 6 and (begins or words + more > WORDS):
            yield Passage("\n\n".join(held), page.name, heading)
            held, words, heading = [], 0, last
        if begins:
            last = paragraph.splitlines()[0].lstrip("# ")
            heading = heading if held else last
        held.append(paragraph)
        words += more
    if held:
        yield Passage("\n\n".join(held), page.name, heading)
