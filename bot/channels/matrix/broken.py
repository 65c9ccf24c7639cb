"""Devices whose Olm messages do not open any more, and when they last got a new session for it. Pure.

The specification calls these sessions wedged and asks for a new one, at most once an hour
(https://spec.matrix.org/v1.16/client-server-api/#recovering-from-undecryptable-messages). Anybody can send any number
of what does not open: what is remembered is bounded, and shared out among people.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

REVIVE_AFTER = timedelta(hours=1)
MAX_PEOPLE = 1000
MAX_KEYS = 10  # of one person
MAX_REVIVED = 10_000


class Broken:
    """Which devices are owed a new Olm session."""

    def __init__(self) -> None:
        self._owed: dict[str, dict[str, None]] = {}  # person → identity keys
        self._revived: dict[tuple[str, str], datetime] = {}

    def __bool__(self) -> bool:
        return bool(self._owed)

    def remember(self, person: str, identity_key: str) -> None:
        """A message that came from this device, or says so, did not open."""
        if person in self._owed or len(self._owed) < MAX_PEOPLE:
            keys = self._owed.setdefault(person, {})
            keys[identity_key] = None
            limit(keys, MAX_KEYS)

    def take(self, now: datetime, people: int) -> list[tuple[str, str]]:
        """(person, identity key) of what is owed to those who wait longest; it is owed no longer."""
        due: list[tuple[str, str]] = []
        for person in list(self._owed)[:people]:
            for key in self._owed.pop(person):
                last = self._revived.get((person, key))
                if last is None or now - last >= REVIVE_AFTER:
                    due.append((person, key))
        return due

    def revived(self, pairs: Sequence[tuple[str, str]], now: datetime) -> None:
        """These got a new session, and a message that tells them so."""
        self._revived |= dict.fromkeys(pairs, now)
        limit(self._revived, MAX_REVIVED)


def limit(remembered: dict[Any, Any], most: int) -> None:
    """Forget what was remembered first."""
    while len(remembered) > most:
        del remembered[next(iter(remembered))]
