"""Copies of what people wrote, and the staff who were added while the bot ran, on the tables."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import bindparam as given

from bot.deeds import Copy, Origin
from bot.domain import CaseNumber, ConversationId, Keep, Listed
from bot.store import casefile, codec, schema
from bot.store.desk import Desk

_COPIES, _ROSTER = schema.copies.c, schema.roster.c


class Copies:
    """`ports.Copies`: an origin is found by its keyed hash; a copy is sealed with the key of the room it stands in."""

    _add = sa.insert(schema.copies).inline()
    _of = sa.select(schema.copies).where(_COPIES.origin_hash == given("hash")).order_by(_COPIES.position)
    _kept = sa.and_(_COPIES.case_number == given("of"), _COPIES.keep == given("so_long"))
    _due = sa.and_(_COPIES.case_number == given("of"), _COPIES.due <= given("now"))
    _of_kept = sa.select(schema.copies).where(_kept).order_by(_COPIES.position)
    _erase_kept = sa.delete(schema.copies).where(_kept)
    _of_due = sa.select(schema.copies).where(_due).order_by(_COPIES.position)
    _erase_due = sa.delete(schema.copies).where(_due)
    _next_due = sa.select(sa.func.min(_COPIES.due)).where(_COPIES.case_number == given("of"))

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def add(self, origin: Origin | None, copy: Copy) -> None:
        if origin is not None:
            self._desk.key_of(origin.conversation)
        key = self._desk.key_of(copy.conversation)
        found_by = self._desk.lookup.of("held", copy.conversation, copy.event_id)
        if origin is not None:
            found_by = self._hash(origin)
        self._desk.run(
            self._add,
            origin_hash=found_by,
            conversation=copy.conversation,
            event=self._desk.seal(key, _COPIES.event, found_by.hex(), copy.event_id),
            case_number=copy.case,
            keep=None if copy.keep is None else copy.keep.value,
            due=None if copy.due is None else codec.moment_to_number(copy.due),
        )

    def of(self, origin: Origin) -> Sequence[Copy]:
        return [self._read(row) for row in self._desk.run(self._of, hash=self._hash(origin)).found]

    def take(self, case: CaseNumber, keep: Keep) -> Sequence[Copy]:
        found = [self._read(row) for row in self._desk.run(self._of_kept, of=case, so_long=keep.value).found]
        self._desk.run(self._erase_kept, of=case, so_long=keep.value)
        return found

    def take_due(self, case: CaseNumber, now: datetime) -> Sequence[Copy]:
        moment = codec.moment_to_number(now)
        found = [self._read(row) for row in self._desk.run(self._of_due, of=case, now=moment).found]
        self._desk.run(self._erase_due, of=case, now=moment)
        return found

    def next_due(self, case: CaseNumber) -> datetime | None:
        due = self._desk.run(self._next_due, of=case).scalar()
        return None if due is None else codec.number_to_moment(due)

    def _read(self, row: Any) -> Copy:
        key = self._desk.key_of(row.conversation)
        return Copy(
            ConversationId(row.conversation),
            self._desk.unseal(key, _COPIES.event, row.origin_hash.hex(), row.event, str),
            None if row.case_number is None else CaseNumber(row.case_number),
            None if row.keep is None else Keep(row.keep),
            None if row.due is None else codec.number_to_moment(row.due),
        )

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
            self._desk.unseal(None, _ROSTER.listed, row.user_hash.hex(), row.listed, casefile.listed_from_json)
            for row in self._desk.run(self._listed).found
        ]

    def add(self, listed: Listed) -> None:
        self.remove(listed.user)
        found_by = self._hash(listed.user)
        sealed = self._desk.seal(None, _ROSTER.listed, found_by.hex(), casefile.listed_to_json(listed))
        self._desk.run(self._add, user_hash=found_by, listed=sealed)

    def remove(self, user: str) -> bool:
        return bool(self._desk.run(self._remove, hash=self._hash(user)).rowcount)

    def _hash(self, user: str) -> bytes:
        return self._desk.lookup.of("listed", user)
