"""Which of the daemon's files were sealed under which key, until the line that told of them is journaled.

It stands in the adapter's own encrypted database: with it, a line that is read again finds its files again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

SCHEMA = """
create table if not exists files (
    id text primary key,     -- the daemon's name of the file
    line integer not null,   -- the spooled line that told of it
    place text not null,     -- our own name of it; empty where it was not taken
    secret text not null,    -- its key, until the line is journaled
    size integer not null,   -- in bytes
    there integer not null   -- whether the daemon may still have it
) without rowid
"""


@dataclass(frozen=True, slots=True)
class Sealed:
    """A file that lies sealed in our folder. `size`: of what is in it, in bytes."""

    place: str
    secret: str = field(repr=False)
    size: int


class Ledger:
    """The list, on a DB-API connection whose database is encrypted. Every change is on disk when its call returns."""

    def __init__(self, database: Any) -> None:
        self._database = database
        with database:
            database.execute(SCHEMA)

    def find(self, name: str) -> Sealed | None:
        """The file as it was sealed."""
        row = self._one("select place, secret, size from files where id = ? and secret != ''", name)
        return None if row is None else Sealed(*row)

    def note(self, name: str, line: int, sealed: Sealed | None) -> None:
        """The daemon's file was sealed so, or could not be taken; the daemon still has it."""
        kept = sealed or Sealed("", "", 0)
        with self._database:
            self._database.execute(
                "replace into files values (?, ?, ?, ?, ?, 1)", (name, line, kept.place, kept.secret, kept.size)
            )

    def gone(self, name: str) -> None:
        """The daemon has the file no more."""
        with self._database:
            self._database.execute("update files set there = 0 where id = ?", (name,))

    def left(self) -> Sequence[str]:
        """The files that the daemon may still have."""
        return self._names("select id from files where there = 1")

    def unsettled(self, line: int) -> Sequence[str]:
        """Those of them whose lines, up to this one, were not settled yet."""
        return self._names("select id from files where there = 1 and line <= ? and secret != ''", line)

    def settle(self, line: int) -> None:
        """The lines up to this one are journaled: their keys stand there and no longer here."""
        with self._database:
            self._database.execute("delete from files where line <= ? and there = 0", (line,))
            self._database.execute("update files set place = '', secret = '' where line <= ?", (line,))

    def _names(self, query: str, *values: object) -> Sequence[str]:
        return [name for (name,) in self._database.execute(query, values).fetchall()]

    def _one(self, query: str, *values: object) -> Any:
        return self._database.execute(query, values).fetchone()
