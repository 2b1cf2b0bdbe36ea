"""What both teams share: a question for two agents, the clerk's notes, and where a run is kept."""

from __future__ import annotations

import argparse
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

from examples.support.cache import cache_dir

QUESTION = "How many words has wal.txt? Look it up, and file the answer as a note."
RESEARCHER = "You look facts up with get_word_count. Then you transfer to the clerk, who files them."
CLERK = "You file what is known with file_note, then say what you filed."


def folder(description: str | None, framework: str) -> Path:
    """Where the run is kept, from which a stopped one goes on; `--again` empties it."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--again", action="store_true", help="forget the last run, and begin anew")
    kept = cache_dir("team", framework)
    if parser.parse_args().again:
        shutil.rmtree(kept)
        kept.mkdir()
    return kept


class Notes:
    """The clerk's notes, each once: what a stopped run did after its last checkpoint is done again by the next."""

    def __init__(self, kept: Path) -> None:
        self._file = kept / "notes.sqlite"
        with closing(sqlite3.connect(self._file)) as held, held:
            held.execute("CREATE TABLE IF NOT EXISTS note (text TEXT PRIMARY KEY)")

    def file_note(self, text: str) -> str:
        """File a note."""
        with closing(sqlite3.connect(self._file)) as held, held:
            held.execute("INSERT OR IGNORE INTO note VALUES (?)", (text,))
        return f"Filed: {text}"

    def all(self) -> list[str]:
        """Every note."""
        with closing(sqlite3.connect(self._file)) as held:
            return [text for (text,) in held.execute("SELECT text FROM note ORDER BY rowid")]
