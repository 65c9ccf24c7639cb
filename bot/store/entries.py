"""`ports.Entries` on the tables: what was said in the conversation of a case, sealed with its requester's key."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import bindparam as given

from bot.deeds import Origin
from bot.domain import CaseNumber, ConversationId, Keep, Voice
from bot.entries import Entry
from bot.flow import rows
from bot.store import casefile, codec, schema
from bot.store.desk import Desk

_CASES, _SAID = schema.cases.c, schema.case_words.c


class Entries:
    """An entry is found again by the keyed hash of its event."""

    _requester = sa.select(_CASES.requester, _CASES.last_kept).where(_CASES.number == given("of"))
    _count = sa.update(schema.cases).where(_CASES.number == given("of")).values(last_kept=given("to"))
    _add = sa.insert(schema.case_words).inline()
    _of = sa.select(schema.case_words).where(_SAID.case_number == given("of")).order_by(_SAID.position)
    _one = sa.and_(_SAID.case_number == given("of"), _SAID.position == given("place"))
    _at = sa.select(schema.case_words).where(_one)
    _find = (
        sa.select(schema.case_words)
        .where(_SAID.origin_hash == given("hash"))
        .order_by(_SAID.case_number, _SAID.position)
    )
    _change = (
        sa.update(schema.case_words)
        .where(_one)
        .values({name: given(name) for name in ("words", "waits", "mark", "expires")})
    )
    _set_due = sa.update(schema.case_words).where(_one, _SAID.due.is_(None)).values(due=given("to"))
    _past = sa.and_(_SAID.case_number == given("of"), _SAID.due <= given("now"))
    _of_past = sa.select(schema.case_words).where(_past).order_by(_SAID.position)
    _erase_past = sa.delete(schema.case_words).where(_past)
    _next_due = sa.select(sa.func.min(_SAID.due)).where(_SAID.case_number == given("of"))
    _erase = sa.delete(schema.case_words).where(_one)

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def add(self, entry: Entry) -> Entry:
        key, mark = self._next_mark(entry.case)
        entry = replace(entry, place=mark, mark=mark)
        origin = entry.origin
        self._desk.run(
            self._add,
            case_number=entry.case,
            position=mark,
            words=self._sealed(key, entry),
            keep=entry.keep.value,
            expires=rows.seconds(entry.expires),
            due=None if entry.due is None else codec.moment_to_number(entry.due),
            at=codec.moment_to_number(entry.at),
            voice=entry.voice.value,
            waits=entry.waits,
            mark=mark,
            origin_hash=None if origin is None else self._hash(origin),
        )
        return entry

    def of(self, case: CaseNumber) -> Sequence[Entry]:
        return self._read(self._desk.run(self._of, of=case).found)

    def at(self, case: CaseNumber, place: int) -> Entry | None:
        found = self._read(self._desk.run(self._at, of=case, place=place).found)
        return found[0] if found else None

    def find(self, origin: Origin) -> Sequence[Entry]:
        return self._read(self._desk.run(self._find, hash=self._hash(origin)).found)

    def change(self, entry: Entry) -> Entry:
        key, mark = self._next_mark(entry.case)
        entry = replace(entry, mark=mark)
        self._desk.run(
            self._change,
            of=entry.case,
            place=entry.place,
            words=self._sealed(key, entry),
            waits=entry.waits,
            mark=mark,
            expires=rows.seconds(entry.expires),
        )
        return entry

    def set_due(self, case: CaseNumber, place: int, due: datetime) -> None:
        self._desk.run(self._set_due, of=case, place=place, to=codec.moment_to_number(due))

    def take_due(self, case: CaseNumber, now: datetime) -> Sequence[Entry]:
        moment = codec.moment_to_number(now)
        found = self._read(self._desk.run(self._of_past, of=case, now=moment).found)
        self._desk.run(self._erase_past, of=case, now=moment)
        return found

    def next_due(self, case: CaseNumber) -> datetime | None:
        due = self._desk.run(self._next_due, of=case).scalar()
        return None if due is None else codec.number_to_moment(due)

    def erase(self, entry: Entry) -> None:
        self._desk.run(self._erase, of=entry.case, place=entry.place)

    def _next_mark(self, case: CaseNumber) -> tuple[ConversationId, int]:
        """The name of the key of the case, and the next number that none of its entries had."""
        row = self._desk.run(self._requester, of=case).first()
        if row is None:
            raise KeyError(case)
        mark = row.last_kept + 1
        self._desk.run(self._count, of=case, to=mark)
        return self._desk.key_of(ConversationId(row.requester)), mark

    def _sealed(self, key: ConversationId, entry: Entry) -> bytes:
        text = casefile.said_to_text(entry.said, entry.origin)
        return self._desk.seal(key, _SAID.words, f"{entry.case}/{entry.place}", text)

    def _read(self, found: Sequence[Any]) -> list[Entry]:
        keys: dict[str, ConversationId] = {}
        for number in {row.case_number for row in found}:
            requester = self._desk.run(self._requester, of=number).scalar()
            keys[number] = self._desk.key_of(ConversationId(requester))
        return [self._opened(keys[row.case_number], row) for row in found]

    def _opened(self, key: ConversationId, row: Any) -> Entry:
        place = f"{row.case_number}/{row.position}"
        said, origin = self._desk.unseal(key, _SAID.words, place, row.words, casefile.said_from_text)
        return Entry(
            case=CaseNumber(row.case_number),
            said=said,
            at=codec.number_to_moment(row.at),
            voice=Voice(row.voice),
            origin=origin,
            waits=bool(row.waits),
            keep=Keep(row.keep),
            expires=rows.span(row.expires),
            due=None if row.due is None else codec.number_to_moment(row.due),
            place=row.position,
            mark=row.mark,
        )

    def _hash(self, origin: Origin) -> bytes:
        return self._desk.lookup.of("said", origin.conversation, origin.event_id)
