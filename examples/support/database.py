"""The database that the SQL examples ask: the world's time zones, or a file of your own. It is only read."""

from __future__ import annotations

import argparse
import sqlite3
from contextlib import closing
from functools import partial
from pathlib import Path

from sqlalchemy import NullPool, create_engine

from examples.support import timezones
from examples.support.endings import ExampleError

QUESTION = "How many rows has the table zone?"
TABLES = ["country", "zone", "zone_country"]


def options(description: str | None) -> argparse.Namespace:
    """The command line: `question`; `engine`, SQLAlchemy's; `tables`, what a query is about, None for all of them."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("question", nargs="*", default=[QUESTION], help="default: %(default)s")
    parser.add_argument("--database", type=Path, help="an SQLite file of your own; it is only read")
    given = parser.parse_args()
    given.question = " ".join(given.question)
    given.tables = None if given.database else TABLES
    given.engine = create_engine("sqlite://", creator=_reader(given.database), poolclass=NullPool)
    return given


def _reader(own: Path | None) -> partial[sqlite3.Connection]:
    """What opens the file, once it is known that it can be read. Raises: ExampleError."""
    if own and not own.is_file():
        raise ExampleError(f"There is no database {own}: name an SQLite file, or leave --database out.")
    file = own or timezones.database()
    connect = partial(sqlite3.connect, f"{file.resolve().as_uri()}?mode=ro", uri=True, check_same_thread=False)
    try:
        with closing(connect()) as held:
            held.execute(f"SELECT count(*) FROM {'sqlite_master' if own else 'zone'}").fetchone()  # noqa: S608 - ours
    except sqlite3.DatabaseError as error:
        remedy = "name an SQLite file" if own else "delete it, and the next run makes it again"
        raise ExampleError(f"{file} cannot be read ({error}): {remedy}.") from error
    return connect
