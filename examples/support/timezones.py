"""A real SQLite database: the time zones of the world, eleven related tables, made from the tz database.

The tz database is in the public domain (https://www.iana.org/time-zones); PyPI's package `tzdata` carries its text.

python -m examples.support.timezones FILE
"""

from __future__ import annotations

import re
import sqlite3
import sys
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from examples.support.cache import cache_dir, replaced

if TYPE_CHECKING:
    from collections.abc import Iterator

SCHEMA = """
CREATE TABLE release (version TEXT PRIMARY KEY);
CREATE TABLE month (number INTEGER PRIMARY KEY, name TEXT NOT NULL);
CREATE TABLE region (name TEXT PRIMARY KEY);
CREATE TABLE country (code TEXT PRIMARY KEY, name TEXT NOT NULL);
CREATE TABLE zone (name TEXT PRIMARY KEY, region TEXT REFERENCES region, coordinates TEXT, comment TEXT);
CREATE TABLE zone_country (zone TEXT REFERENCES zone, country TEXT REFERENCES country, PRIMARY KEY (zone, country));
CREATE TABLE alias (name TEXT PRIMARY KEY, zone TEXT REFERENCES zone);
CREATE TABLE rule_set (name TEXT PRIMARY KEY);
CREATE TABLE rule (id INTEGER PRIMARY KEY, rule_set TEXT REFERENCES rule_set, first_year INTEGER, last_year INTEGER,
  month INTEGER REFERENCES month, day TEXT, time TEXT, saving TEXT, letter TEXT);
CREATE TABLE period (id INTEGER PRIMARY KEY, zone TEXT REFERENCES zone, utc_offset TEXT, rule_set TEXT, format TEXT,
  until TEXT);
CREATE TABLE leap_second (year INTEGER, month INTEGER REFERENCES month, day INTEGER, correction TEXT);
"""
MONTHS = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
]


def database() -> Path:
    """The file, in the cache; made if need be."""
    file = cache_dir("databases") / "timezones.sqlite"
    if not file.exists():
        with replaced(file) as new:
            make(new)
    return file


def make(file: Path) -> None:
    """Write the database to a new file."""
    source = files("tzdata") / "zoneinfo"
    held = sqlite3.connect(file)
    held.executescript(SCHEMA)
    held.executemany("INSERT INTO month VALUES (?, ?)", enumerate(MONTHS, 1))
    held.executemany("INSERT INTO country VALUES (?, ?)", _rows((source / "iso3166.tab").read_text(encoding="utf-8")))
    compact = (source / "tzdata.zi").read_text(encoding="utf-8")
    held.execute("INSERT INTO release VALUES (?)", (re.findall(r"version (\S+)", compact)[0],))
    for table, row in _records(compact):
        held.execute(f"INSERT INTO {table} VALUES ({', '.join('?' * len(row))})", row)  # noqa: S608 - names from below
    for codes, coordinates, zone, *comment in _rows((source / "zone1970.tab").read_text(encoding="utf-8")):
        held.execute(
            "UPDATE zone SET coordinates = ?, comment = ? WHERE name = ?", (coordinates, "".join(comment), zone)
        )
        held.executemany("INSERT INTO zone_country VALUES (?, ?)", [(zone, code) for code in codes.split(",")])
    for _, year, month, day, _, sign, *_ in _rows((source / "leapseconds").read_text(encoding="utf-8"), "Leap"):
        held.execute("INSERT INTO leap_second VALUES (?, ?, ?, ?)", (year, _month(month), day, sign))
    held.execute("INSERT INTO region SELECT DISTINCT region FROM zone")
    held.execute("INSERT INTO rule_set SELECT DISTINCT rule_set FROM rule")
    held.commit()
    held.close()


def _rows(text: str, begins: str = "") -> Iterator[list[str]]:
    for line in text.splitlines():
        if line and not line.startswith("#") and line.startswith(begins):
            yield line.split("\t")


def _records(compact: str) -> Iterator[tuple[str, tuple[object, ...]]]:
    """Zones and their periods, rules and aliases, as `zic` reads them."""
    zone = ""
    for line in compact.splitlines():
        kind, *fields = line.split(" ")
        if kind == "R":
            name, first, last, _, month, day, time, saving, letter = fields
            ends = {"o": first, "ma": None}.get(last, last)
            yield "rule", (None, name, first, ends, _month(month), day, time, saving, letter.strip("-"))
        elif kind == "L":
            yield "alias", (fields[1], fields[0])
        elif kind != "#":
            if kind == "Z":
                zone, *fields = fields
                yield "zone", (zone, zone.partition("/")[0], "", "")
            else:
                fields = [kind, *fields]
            offset, rules, form, *until = fields
            yield "period", (None, zone, offset, rules.strip("-") or None, form, " ".join(until) or None)


def _month(name: str) -> int:
    return next(number for number, month in enumerate(MONTHS, 1) if month.startswith(name))


if __name__ == "__main__":
    make(Path(sys.argv[1]))
