"""What was sent under which timestamp, so that nothing is said twice (law 2) where that can be known.

The daemon has no key that makes a resend harmless. So the attempt is noted before it is made, its timestamp before the
deed counts as done, and where no answer came the receipts of whoever got it are asked: one that names a timestamp which
is no other send's tells that it was sent.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

SCHEMA = """
create table if not exists sends (
    id text primary key,        -- of the outbox row
    contact text not null,
    first integer not null,     -- when it was tried first, in milliseconds of this machine, which is the daemon's too
    lost_at integer,            -- when the last wait for an answer ended without one; 0 where it was hardly sent
    timestamp integer           -- under which it was sent, once that is known
) without rowid;
create index if not exists sends_timestamp on sends (contact, timestamp);
create table if not exists receipts (
    contact text not null,
    timestamp integer not null,  -- of a message of ours, as the receipt names it
    primary key (contact, timestamp)
) without rowid;
create table if not exists others (
    contact text not null,
    began integer not null,     -- between these moments the daemon sent something whose timestamp it does not tell
    ended integer not null,
    primary key (contact, began)
) without rowid;
"""
KEEP = """
insert or ignore into receipts select :contact, :timestamp
where exists (select 1 from sends where contact = :contact and timestamp is null and first <= :timestamp)
"""
CLAIM = """
select min(timestamp) from receipts
where contact = :contact and timestamp >= :first
and not exists (select 1 from sends where contact = :contact and sends.timestamp = receipts.timestamp)
and not exists (select 1 from others where contact = :contact and receipts.timestamp between began and ended)
"""


@dataclass(frozen=True, slots=True)
class Attempt:
    """What is known of an outbox row that was tried before. `lost_at`: see `SCHEMA`."""

    contact: str = field(repr=False)
    first: int
    lost_at: int | None
    timestamp: int | None


class Sent:
    """The attempts and the receipts. Every change is on disk when its call returns. Times are in milliseconds."""

    def __init__(self, database: Any) -> None:
        self._database = database
        database.executescript(SCHEMA)

    def went_down(self, now: int) -> None:
        """At a start: what was being tried when the last process ended may have been sent."""
        self._do("update sends set lost_at = ? where timestamp is null and lost_at is null", now)

    def find(self, row: str) -> Attempt | None:
        """None where it was surely never sent."""
        found = self._database.execute("select contact, first, lost_at, timestamp from sends where id = ?", (row,))
        values = found.fetchone()
        return None if values is None else Attempt(*values)

    def begin(self, row: str, contact: str, now: int) -> None:
        """It is about to be tried. The first time counts: from then on it may have been sent."""
        self._do("insert or ignore into sends (id, contact, first) values (?, ?, ?)", row, contact, now)

    def not_sent(self, row: str) -> None:
        """This time it was surely not sent. What is known of the times before stays."""
        self._do("delete from sends where id = ? and timestamp is null and lost_at is null", row)

    def hardly_sent(self, row: str) -> None:
        """The daemon says that it did not reach the server, which it cannot know for certain."""
        self._do("update sends set lost_at = 0 where id = ? and lost_at is null", row)

    def lost(self, row: str, now: int) -> None:
        """No answer came."""
        self._do("update sends set lost_at = ? where id = ?", now, row)

    def done(self, row: str, timestamp: int) -> None:
        """It was sent under this timestamp."""
        self._do("update sends set timestamp = ? where id = ?", timestamp, row)

    def receipt(self, contact: str, timestamp: int) -> None:
        """They got a message of ours with this timestamp. Kept only while it may tell of a send that it was made."""
        with self._database:
            self._database.execute(KEEP, {"contact": contact, "timestamp": timestamp})

    def receipts(self) -> int:
        """How many are kept."""
        number: int = self._database.execute("select count(*) from receipts").fetchone()[0]
        return number

    def untold(self, contact: str, began: int, ended: int) -> None:
        """Something was sent between these moments, under a timestamp that the daemon does not tell."""
        self._do("insert or replace into others values (?, ?, ?)", contact, began, ended)

    def told_by_receipt(self, attempt: Attempt) -> int | None:
        """The timestamp under which it was sent after all; None where nothing tells."""
        found = self._database.execute(CLAIM, {"contact": attempt.contact, "first": attempt.first}).fetchone()
        timestamp: int | None = found[0]
        return timestamp

    def prune(self, before: int) -> None:
        """Let go what is older than this moment: nobody will ask for it again."""
        with self._database:
            self._database.execute("delete from sends where coalesce(timestamp, first) < ?", (before,))
            self._database.execute("delete from receipts where timestamp < ?", (before,))
            self._database.execute("delete from others where ended < ?", (before,))

    def _do(self, statement: str, *values: object) -> None:
        with self._database:
            self._database.execute(statement, values)
