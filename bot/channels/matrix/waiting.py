"""Encrypted events whose room key has not come: kept as they came, sealed with all other keys, until it does.

Anybody can send any number of them: what is kept is bounded, and the oldest go first.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from bot.channels.matrix.cryptostore import CipherStore

MAX_EVENTS = 1000
MAX_IN_ROOM = 50
KEEP = timedelta(days=14)  # a key that has not come by then will not come

_TABLE = """
CREATE TABLE IF NOT EXISTS waiting_events (
    id INTEGER PRIMARY KEY, room TEXT NOT NULL, session TEXT NOT NULL, event_id TEXT NOT NULL UNIQUE,
    event TEXT NOT NULL, kept_at INTEGER NOT NULL, untold INTEGER NOT NULL
)
"""
_KEEP = """
INSERT OR IGNORE INTO waiting_events (room, session, event_id, event, kept_at, untold) VALUES (?, ?, ?, ?, ?, ?)
"""
_READY = """
SELECT id, room, event FROM waiting_events JOIN megolminboundsessions AS keys
ON keys.session_id = waiting_events.session AND keys.room_id = waiting_events.room ORDER BY id
"""


@dataclass(frozen=True, slots=True)
class Missing:
    """An event that waits for the room key of a session. `untold`: nobody has been told that it cannot be read."""

    room: str = field(repr=False)
    session: str = field(repr=False)
    event: Mapping[str, Any] = field(repr=False)
    untold: bool = False


@dataclass(frozen=True, slots=True)
class Kept:
    """An event, as it came, and the row that keeps it."""

    row: int
    room: str = field(repr=False)
    event: Mapping[str, Any] = field(repr=False)


class Waiting:
    """What waits for which room key."""

    def __init__(self, store: CipherStore) -> None:
        self._run = store.database.execute_sql
        self._transaction = store.database.atomic
        self._run(_TABLE)
        # asked after every sync, so kept in memory
        self._rooms: set[str] = set()  # in which something waits
        self._owing = False  # whether anything is untold
        self._learn()

    def keep(self, missing: Sequence[Missing], at: datetime) -> None:
        """Keep these events; keeping one again is harmless."""
        if not missing:
            return
        # what nobody knows of is dropped last
        newest = "(SELECT id FROM waiting_events {} ORDER BY untold DESC, id DESC LIMIT ?)"
        of_room = newest.format("WHERE room = ?")
        with self._transaction():
            for one in missing:
                event_id, event = one.event["event_id"], json.dumps(one.event)
                self._run(_KEEP, (one.room, one.session, event_id, event, int(at.timestamp()), int(one.untold)))
            self._run("DELETE FROM waiting_events WHERE kept_at < ?", (int((at - KEEP).timestamp()),))
            for room in {one.room for one in missing}:
                self._run(
                    f"DELETE FROM waiting_events WHERE room = ? AND id NOT IN {of_room}",  # noqa: S608 - our own words
                    (room, room, MAX_IN_ROOM),
                )
            self._run(
                f"DELETE FROM waiting_events WHERE id NOT IN {newest.format('')}",  # noqa: S608 - likewise
                (MAX_EVENTS,),
            )
        self._learn()

    def ready(self) -> list[Kept]:
        """The events whose key is there, in the order in which they came."""
        if not self._rooms:
            return []
        rows = self._run(_READY).fetchall()
        return [Kept(row, room, json.loads(event)) for row, room, event in rows]

    def untold(self, until: datetime) -> list[Kept]:
        """What was kept until then and nobody was told of, in the order in which it came."""
        if not self._owing:
            return []
        where = "SELECT id, room, event FROM waiting_events WHERE untold AND kept_at <= ? ORDER BY id"
        rows = self._run(where, (int(until.timestamp()),)).fetchall()
        return [Kept(row, room, json.loads(event)) for row, room, event in rows]

    def told(self, rows: Sequence[int]) -> None:
        """These need not be told any more."""
        if not rows:
            return
        with self._transaction():
            for row in rows:
                self._run("UPDATE waiting_events SET untold = 0 WHERE id = ?", (row,))
        self._learn()

    def drop(self, rows: Sequence[int]) -> None:
        """They were taken, or never will be."""
        if not rows:
            return
        with self._transaction():
            for row in rows:
                self._run("DELETE FROM waiting_events WHERE id = ?", (row,))
        self._learn()

    def forget_room(self, room: str) -> None:
        """Nobody is in this room any more who would want to know."""
        if room in self._rooms:
            self._run("DELETE FROM waiting_events WHERE room = ?", (room,))
            self._learn()

    def _learn(self) -> None:
        found = self._run("SELECT room, max(untold) FROM waiting_events GROUP BY room").fetchall()
        self._rooms = {room for room, _ in found}
        self._owing = any(untold for _, untold in found)
