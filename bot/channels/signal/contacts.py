"""Whom we are in touch with on Signal: their safety number, their timer, what they changed; and groups."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

SCHEMA = """
create table if not exists contacts (
    uuid text primary key,
    asked integer not null default 0,   -- whether the inbox was told that they want to talk
    identity text,                      -- their public key, as the daemon shows it
    safety text,                        -- the number that they and we can compare
    timer integer not null default 0,   -- seconds after which messages disappear once they are read
    timer_set integer not null default 0  -- whether our own timer was set, or theirs was there before
) without rowid;
create table if not exists revisions (
    author text not null,
    timestamp integer not null,         -- of an edit
    original integer not null,          -- of the message that it is an edit of
    primary key (author, timestamp)
) without rowid;
create table if not exists groups (
    id text primary key,
    asked_at integer not null           -- in milliseconds: when the inbox was told of it last
) without rowid;
"""


@dataclass(frozen=True, slots=True)
class Known:
    """What the daemon says of somebody's identity."""

    identity: str | None = field(repr=False)
    safety: str | None = field(repr=False)


class Contacts:
    """Every change is on disk when its call returns."""

    def __init__(self, database: Any) -> None:
        self._database = database
        database.executescript(SCHEMA)

    def is_new(self, uuid: str) -> bool:
        """Whether the inbox was not told yet that they want to talk."""
        row = self._one("select asked from contacts where uuid = ?", uuid)
        return row is None or not row[0]

    def greeted(self, uuids: Sequence[str]) -> None:
        """The inbox was told of these."""
        with self._database:
            for uuid in uuids:
                self._database.execute(
                    "insert into contacts (uuid, asked) values (?, 1) on conflict (uuid) do update set asked = 1",
                    (uuid,),
                )

    def known(self, uuid: str) -> Known:
        """Their identity, as far as it was learned."""
        row = self._one("select identity, safety from contacts where uuid = ?", uuid)
        return Known(None, None) if row is None else Known(*row)

    def learn(self, told: Mapping[str, Known]) -> None:
        """The daemon says this of people's identities."""
        with self._database:
            for uuid, known in told.items():
                self._database.execute(
                    "insert into contacts (uuid, identity, safety) values (?, ?, ?)"
                    " on conflict (uuid) do update set identity = excluded.identity, safety = excluded.safety",
                    (uuid, known.identity, known.safety),
                )

    def forget_identity(self, uuid: str) -> None:
        """It is asked for anew when it is needed next."""
        self._do("update contacts set identity = null, safety = null where uuid = ?", uuid)

    def set_timer(self, uuid: str, timer: timedelta | None) -> None:
        """Their messages say that this is the timer now. One that they set stands before ours."""
        seconds = 0 if timer is None else int(timer.total_seconds())
        self._do(
            "insert into contacts (uuid, timer, timer_set) values (:uuid, :seconds, :seconds > 0)"
            " on conflict (uuid) do update set timer = :seconds, timer_set = timer_set or :seconds > 0",
            {"uuid": uuid, "seconds": seconds},
        )

    def wants_timer(self, uuid: str) -> bool:
        """Whether nobody has set a timer yet."""
        row = self._one("select timer_set from contacts where uuid = ?", uuid)
        return row is None or not row[0]

    def timer_is_set(self, uuid: str) -> None:
        """Ours was."""
        self._do(
            "insert into contacts (uuid, timer_set) values (?, 1) on conflict (uuid) do update set timer_set = 1", uuid
        )

    def original(self, author: str, timestamp: int) -> int:
        """The timestamp of the message behind an edit, which may be one of an edit."""
        row = self._one("select original from revisions where author = ? and timestamp = ?", author, timestamp)
        return timestamp if row is None else int(row[0])

    def edited(self, author: str, timestamp: int, original: int) -> None:
        """The edit of this timestamp is one of that message."""
        self._do("insert or ignore into revisions values (?, ?, ?)", author, timestamp, original)

    def group_asked(self, group: str) -> int | None:
        """When the inbox was told of this group last."""
        row = self._one("select asked_at from groups where id = ?", group)
        return None if row is None else int(row[0])

    def group_told(self, group: str, now: int) -> None:
        """The inbox was told of it."""
        self._do("insert or replace into groups values (?, ?)", group, now)

    def group_left(self, group: str) -> None:
        """We are out of it."""
        self._do("delete from groups where id = ?", group)

    def prune(self, before: int) -> None:
        """Let go of edits older than this moment (milliseconds)."""
        self._do("delete from revisions where timestamp < ?", before)

    def _one(self, query: str, *values: object) -> Any:
        return self._database.execute(query, values).fetchone()

    def _do(self, statement: str, *values: object) -> None:
        given: Any = values[0] if values and isinstance(values[0], dict) else values
        with self._database:
            self._database.execute(statement, given)


def read_identities(told: object) -> dict[str, Known]:
    """What `listIdentities` says, the newest of each person; whatever else it holds is left out."""
    newest: dict[str, tuple[int, Known]] = {}
    for entry in told if isinstance(told, list) else []:
        if not isinstance(entry, dict) or not isinstance(entry.get("uuid"), str):
            continue
        added = entry.get("addedTimestamp")
        when = added if isinstance(added, int) else 0
        known = Known(_text(entry.get("fingerprint")), _text(entry.get("safetyNumber")))
        if entry["uuid"] not in newest or newest[entry["uuid"]][0] <= when:
            newest[entry["uuid"]] = when, known
    return {uuid: known for uuid, (_, known) in newest.items()}


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
