"""Encrypted events whose room key has not come: kept as they came, sealed with all other keys, until it does.

Anybody can send any number of them: what is kept is bounded, and the oldest go first.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
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
    event TEXT NOT NULL, kept_at INTEGER NOT NULL
)
"""


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
        self._run(_TABLE)
        self._sessions: set[tuple[str, str]] = set()  # (room, session): asked after every sync, so kept in memory
        self._learn()

    def keep(self, room: str, session: str, event: Mapping[str, Any], at: datetime) -> None:
        """Keep one event; keeping it again is harmless."""
        self._run(
            "INSERT OR IGNORE INTO waiting_events (room, session, event_id, event, kept_at) VALUES (?, ?, ?, ?, ?)",
            (room, session, event["event_id"], json.dumps(event), int(at.timestamp())),
        )
        self._run("DELETE FROM waiting_events WHERE kept_at < ?", (int((at - KEEP).timestamp()),))
        newest = "(SELECT id FROM waiting_events {} ORDER BY id DESC LIMIT ?)"
        of_room = newest.format("WHERE room = ?")
        self._run(
            f"DELETE FROM waiting_events WHERE room = ? AND id NOT IN {of_room}",  # noqa: S608 - our own words
            (room, room, MAX_IN_ROOM),
        )
        self._run(
            f"DELETE FROM waiting_events WHERE id NOT IN {newest.format('')}",  # noqa: S608 - likewise
            (MAX_EVENTS,),
        )
        self._learn()

    def ready(self, has_key: Callable[[str, str], bool]) -> list[Kept]:
        """The events whose key is there, in the order in which they came."""
        rows = []
        for room, session in self._sessions:
            if has_key(room, session):
                where = "SELECT id, room, event FROM waiting_events WHERE room = ? AND session = ?"
                rows += self._run(where, (room, session)).fetchall()
        return [Kept(row, room, json.loads(event)) for row, room, event in sorted(rows)]

    def drop(self, rows: Iterable[int]) -> None:
        """They were taken, or never will be."""
        for row in rows:
            self._run("DELETE FROM waiting_events WHERE id = ?", (row,))
        self._learn()

    def forget_room(self, room: str) -> None:
        """Nobody is in this room any more who would want to know."""
        if any(of == room for of, _ in self._sessions):
            self._run("DELETE FROM waiting_events WHERE room = ?", (room,))
            self._learn()

    def _learn(self) -> None:
        self._sessions = set(self._run("SELECT DISTINCT room, session FROM waiting_events").fetchall())
