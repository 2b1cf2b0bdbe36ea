"""What both batch jobs share: prompts with ids, and results that survive being stopped at any moment.

Each process appends each answer, as it comes, to a file of its own: one line, flushed. So no
process waits for another, and what is there after a crash is whole lines, the last one perhaps
excepted. A prompt whose id is in one of the files is done; a later run asks only the others.
"""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

Item = dict[str, Any]


def prompts(count: int) -> list[Item]:
    """The work. Yours comes from a file or a table; all it needs is a stable id."""
    return [{"id": number, "prompt": f"What is {number} oxen and one more?"} for number in range(count)]


class Results:
    """A folder of results."""

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self._own = self.folder / f"part-{os.getpid()}-{uuid.uuid4().hex[:8]}.jsonl"

    def add(self, item: Item, answer: str) -> None:
        """Keep one answer."""
        with self._own.open("a", encoding="utf-8") as file:
            file.write(json.dumps({**item, "answer": answer}, ensure_ascii=False) + "\n")

    def all(self) -> Iterator[Item]:
        """Every answer, each id once, whichever process wrote it."""
        seen = set()
        for part in sorted(self.folder.glob("part-*.jsonl")):
            for line in part.read_text(encoding="utf-8").splitlines():
                try:
                    row = json.loads(line)
                except ValueError:
                    continue  # the line that was being written when the process died
                if row["id"] not in seen:
                    seen.add(row["id"])
                    yield row

    def missing(self, items: Iterable[Item]) -> list[Item]:
        """What is not done yet."""
        done = {row["id"] for row in self.all()}
        return [item for item in items if item["id"] not in done]
