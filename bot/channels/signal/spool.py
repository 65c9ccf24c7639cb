"""The spool: what the daemon handed over, line by line as it came, on disk before anybody looks at it (law 1).

The daemon forgets a line once it is written to its socket, so it has to be kept at once. A line stays until the inbox
has journaled what it says, with its position as the token.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

SENT_AGAIN = "sent again, perhaps twice"
NOT_UNDERSTOOD = "not understood by a fault of ours"
UNREADABLE = "unreadable, from nobody knows whom"
SAYS_NOTHING = "lines that say nothing"

SCHEMA = """
create table if not exists spool (
    position integer primary key autoincrement,  -- never given twice, though lines are erased
    line blob not null
);
create table if not exists counts (
    name text primary key,
    number integer not null
);
"""


@dataclass(frozen=True, slots=True)
class Spooled:
    """A line and its place in the order of arrival."""

    position: int
    line: bytes = field(repr=False)


class Spool:
    """The lines that are not journaled yet. Every change is on disk when its call returns."""

    def __init__(self, database: Any) -> None:
        self._database = database
        database.executescript(SCHEMA)

    def add(self, lines: Sequence[bytes]) -> None:
        """Keep these, in this order."""
        with self._database:
            self._database.executemany("insert into spool (line) values (?)", [(line,) for line in lines])

    def after(self, position: int, most: int) -> list[Spooled]:
        """The first lines behind this position, at most so many."""
        rows = self._database.execute(
            "select position, line from spool where position > ? order by position limit ?", (position, most)
        )
        return [Spooled(*row) for row in rows.fetchall()]

    def drop(self, position: int) -> None:
        """The lines up to this position are journaled: erase them, and give their positions to no others.

        That the inbox knows a position which this file does not happens where it was made anew or put back from a copy.
        """
        with self._database:
            self._database.execute("insert or ignore into spool values (?, x'')", (position,))
            self._database.execute("delete from spool where position <= ?", (position,))

    def waiting(self) -> int:
        """How many lines are not journaled yet."""
        number: int = self._database.execute("select count(*) from spool").fetchone()[0]
        return number

    def count(self, name: str, number: int = 1) -> None:
        """Count something that an administrator may want to know of."""
        with self._database:
            self._database.execute(
                "insert into counts values (?, ?) on conflict (name) do update set number = number + excluded.number",
                (name, number),
            )

    def counts(self) -> dict[str, int]:
        """What was counted since the file was made."""
        return dict(self._database.execute("select name, number from counts order by name").fetchall())
