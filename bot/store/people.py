"""Copies of what people wrote, and the staff who were added while the bot ran, on the tables."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy import bindparam as given

from bot.deeds import Copy, Origin
from bot.domain import ConversationId, Listed
from bot.store import codec, schema
from bot.store.desk import Desk

_COPIES, _ROSTER = schema.copies.c, schema.roster.c


class Copies:
    """`ports.Copies`: an origin is found by its keyed hash; a copy is sealed with the key of the room it stands in."""

    _add = sa.insert(schema.copies).inline()
    _of = sa.select(schema.copies).where(_COPIES.origin_hash == given("hash")).order_by(_COPIES.position)

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def add(self, origin: Origin, copy: Copy) -> None:
        self._desk.key_of(origin.conversation)
        key = self._desk.key_of(copy.conversation)
        found_by = self._hash(origin)
        event = self._desk.seal(key, _COPIES.event, found_by.hex(), copy.event_id)
        self._desk.run(self._add, origin_hash=found_by, conversation=copy.conversation, event=event)

    def of(self, origin: Origin) -> Sequence[Copy]:
        found_by = self._hash(origin)
        return [
            Copy(
                ConversationId(row.conversation),
                self._desk.unseal(self._desk.key_of(row.conversation), _COPIES.event, found_by.hex(), row.event, str),
            )
            for row in self._desk.run(self._of, hash=found_by).found
        ]

    def _hash(self, origin: Origin) -> bytes:
        return self._desk.lookup.of("copy", origin.conversation, origin.event_id)


class Roster:
    """`ports.Roster`: who is listed belongs to no conversation, so the installation's own key seals it."""

    _listed = sa.select(schema.roster).order_by(_ROSTER.position)
    _add = sa.insert(schema.roster).inline()
    _remove = sa.delete(schema.roster).where(_ROSTER.user_hash == given("hash"))

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def listed(self) -> Sequence[Listed]:
        return [
            self._desk.unseal(None, _ROSTER.listed, row.user_hash.hex(), row.listed, codec.listed_from_json)
            for row in self._desk.run(self._listed).found
        ]

    def add(self, listed: Listed) -> None:
        self.remove(listed.user)
        found_by = self._hash(listed.user)
        sealed = self._desk.seal(None, _ROSTER.listed, found_by.hex(), codec.listed_to_json(listed))
        self._desk.run(self._add, user_hash=found_by, listed=sealed)

    def remove(self, user: str) -> bool:
        return bool(self._desk.run(self._remove, hash=self._hash(user)).rowcount)

    def _hash(self, user: str) -> bytes:
        return self._desk.lookup.of("listed", user)
