"""What waits, where each stands, what is owed: journal, sessions, outbox and timers, in portable SQLAlchemy Core.

Rows are sealed and opened here: nothing above sees sealed bytes, nothing below sees words. Statements are built once,
so that SQLAlchemy compiles each once.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import bindparam as given

from bot.deeds import OutgoingMessage
from bot.domain import ConversationId, Timer
from bot.flow.session import Session, from_json, to_json
from bot.happenings import Arrival
from bot.store import codec, schema
from bot.store.desk import Desk
from bot.store.errors import RecordBroken

_TOKENS, _JOURNAL, _SESSIONS = schema.tokens.c, schema.journal.c, schema.sessions.c
_OUTBOX, _TIMERS = schema.outbox.c, schema.timers.c


class Tokens:
    """From where each channel goes on."""

    _get = sa.select(_TOKENS.token).where(_TOKENS.channel == given("of"))
    _set = sa.update(schema.tokens).where(_TOKENS.channel == given("of")).values(token=given("to"))
    _add = sa.insert(schema.tokens).inline()

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def get(self, channel: str) -> str | None:
        token: str | None = self._desk.run(self._get, of=channel).scalar()
        return token

    def set(self, channel: str, token: str) -> None:
        if not self._desk.run(self._set, of=channel, to=token).rowcount:
            self._desk.run(self._add, channel=channel, token=token)


class Journal:
    """`ports.Journal`: an event's keyed hash outlives its content, so that it is taken only once (laws 1 and 2)."""

    _seen = sa.select(_JOURNAL.id).where(
        sa.or_(_JOURNAL.event_hash == given("event"), _JOURNAL.once_hash == given("once"))
    )
    _add = sa.insert(schema.journal).inline()
    _pending = (
        sa.select(_JOURNAL.id, _JOURNAL.event_hash, _JOURNAL.arrival)
        .where(_JOURNAL.conversation == given("of"), _JOURNAL.arrival.is_not(None))
        .order_by(_JOURNAL.id)
    )
    _waiting = (
        sa.select(_JOURNAL.conversation)
        .where(_JOURNAL.arrival.is_not(None))
        .group_by(_JOURNAL.conversation)
        .order_by(sa.func.min(_JOURNAL.id))
    )
    _empty = sa.update(schema.journal).where(_JOURNAL.id == given("row")).values(arrival=None)

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def add(self, conversation: ConversationId, arrival: Arrival) -> bool:
        key = self._desk.key_of(conversation)
        event = self._desk.lookup.of("event", arrival.channel, arrival.room, arrival.event_id)
        once = None if arrival.once is None else self._desk.lookup.of("once", arrival.channel, arrival.once)
        if self._desk.run(self._seen, event=event, once=once).first() is not None:
            return False
        sealed = self._desk.seal(key, _JOURNAL.arrival, event.hex(), codec.arrival_to_json(arrival))
        self._desk.run(self._add, conversation=conversation, event_hash=event, once_hash=once, arrival=sealed)
        return True

    def pending(self, conversation: ConversationId) -> Sequence[tuple[int, Arrival]]:
        rows = self._desk.run(self._pending, of=conversation).found
        if not rows:
            return ()
        key = self._desk.key_of(conversation)
        column, read = _JOURNAL.arrival, codec.arrival_from_json
        return [(row.id, self._desk.unseal(key, column, row.event_hash.hex(), row.arrival, read)) for row in rows]

    def waiting(self) -> Sequence[ConversationId]:
        return self._desk.run(self._waiting).column()

    def empty(self, row: int) -> None:
        self._desk.run(self._empty, row=row)


class Sessions:
    """`ports.Sessions`."""

    _load = sa.select(_SESSIONS.session, _SESSIONS.release).where(_SESSIONS.conversation == given("of"))
    _inside = sa.select(_SESSIONS.conversation)
    _save = (
        sa.update(schema.sessions)
        .where(_SESSIONS.conversation == given("of"))
        .values(session=given("to"), release=given("on"))
    )
    _add = sa.insert(schema.sessions).inline()
    _erase = sa.delete(schema.sessions).where(_SESSIONS.conversation == given("of"))

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def load(self, conversation: ConversationId) -> Session | None:
        row = self._desk.run(self._load, of=conversation).first()
        if row is None:
            return None
        key = self._desk.key_of(conversation)
        session = self._desk.unseal(key, _SESSIONS.session, conversation, row.session, from_json)
        return session if session.release == row.release else replace(session, release=row.release)

    def save(self, conversation: ConversationId, session: Session) -> None:
        key = self._desk.key_of(conversation)
        sealed = self._desk.seal(key, _SESSIONS.session, conversation, to_json(session))
        if not self._desk.run(self._save, of=conversation, to=sealed, on=session.release).rowcount:
            self._desk.run(self._add, conversation=conversation, session=sealed, release=session.release)

    def erase(self, conversation: ConversationId) -> None:
        self._desk.run(self._erase, of=conversation)

    def inside(self) -> Sequence[Session]:
        found = []
        for conversation in self._desk.run(self._inside).column():
            with suppress(RecordBroken):
                session = self.load(conversation)
                if session is not None:
                    found.append(session)
        return found


class Outbox:
    """`ports.Outbox`: a row is gone once its message is."""

    _add = sa.insert(schema.outbox).inline()
    _lanes = sa.select(_OUTBOX.conversation).group_by(_OUTBOX.conversation).order_by(sa.func.min(_OUTBOX.position))
    _lane = sa.select(schema.outbox).where(_OUTBOX.conversation == given("of")).order_by(_OUTBOX.position)
    _head = _lane.limit(1)
    _save = (
        sa.update(schema.outbox)
        .where(_OUTBOX.id == given("message_id"))
        .values({name: given(name) for name in ("attempts", "due", "tried_at", "tried_from")})
    )
    _empty = sa.delete(schema.outbox).where(_OUTBOX.id == given("message_id"))

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def add(self, message: OutgoingMessage) -> None:
        key = self._desk.key_of(message.conversation)
        content = codec.message_to_json(message.deed, message.origin, message.hold, message.card)
        with self._desk.unique("message"):
            self._desk.run(
                self._add,
                id=message.id,
                conversation=message.conversation,
                message=self._desk.seal(key, _OUTBOX.message, message.id, content),
                **self._changing(message),
            )

    def lanes(self) -> Sequence[ConversationId]:
        return self._desk.run(self._lanes).column()

    def head(self, conversation: ConversationId) -> OutgoingMessage | None:
        row = self._desk.run(self._head, of=conversation).first()
        return None if row is None else self._read(row)

    def lane(self, conversation: ConversationId) -> Sequence[OutgoingMessage]:
        return [self._read(row) for row in self._desk.run(self._lane, of=conversation).found]

    def save(self, message: OutgoingMessage) -> None:
        if not self._desk.run(self._save, message_id=message.id, **self._changing(message)).rowcount:
            raise KeyError(message.id)

    def empty(self, message_id: str) -> None:
        self._desk.run(self._empty, message_id=message_id)

    def _read(self, row: Any) -> OutgoingMessage:
        key = self._desk.key_of(row.conversation)
        sealed = self._desk.unseal(key, _OUTBOX.message, row.id, row.message, codec.message_from_json)
        deed, origin, hold, card = sealed
        return OutgoingMessage(
            id=row.id,
            conversation=ConversationId(row.conversation),
            deed=deed,
            origin=origin,
            attempts=row.attempts,
            due=_moment(row.due),
            tried_at=_moment(row.tried_at),
            tried_from=row.tried_from,
            hold=hold,
            card=card,
        )

    def _changing(self, message: OutgoingMessage) -> dict[str, Any]:
        return {
            "attempts": message.attempts,
            "due": None if message.due is None else codec.moment_to_number(message.due),
            "tried_at": None if message.tried_at is None else codec.moment_to_number(message.tried_at),
            "tried_from": message.tried_from,
        }


class Timers:
    """`ports.Timers`."""

    _one = sa.and_(_TIMERS.conversation == given("of"), _TIMERS.kind == given("named"))
    _get = sa.select(_TIMERS.due).where(_one)
    _move = sa.update(schema.timers).where(_one).values(due=given("to"))
    _add = sa.insert(schema.timers).inline()
    _cancel = sa.delete(schema.timers).where(_one)
    _due = (
        sa.select(schema.timers)
        .where(_TIMERS.due <= given("now"))
        .order_by(_TIMERS.due, _TIMERS.conversation, _TIMERS.kind)
    )
    _next = sa.select(sa.func.min(_TIMERS.due))

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def set(self, timer: Timer) -> None:
        self._desk.key_of(timer.conversation)
        due = codec.moment_to_number(timer.due)
        if not self._desk.run(self._move, of=timer.conversation, named=timer.kind, to=due).rowcount:
            self._desk.run(self._add, conversation=timer.conversation, kind=timer.kind, due=due)

    def get(self, conversation: ConversationId, kind: str) -> datetime | None:
        return _moment(self._desk.run(self._get, of=conversation, named=kind).scalar())

    def cancel(self, conversation: ConversationId, kind: str) -> None:
        self._desk.run(self._cancel, of=conversation, named=kind)

    def due(self, now: datetime) -> Sequence[Timer]:
        rows = self._desk.run(self._due, now=codec.moment_to_number(now)).found
        return [Timer(ConversationId(row.conversation), row.kind, codec.number_to_moment(row.due)) for row in rows]

    def next(self) -> datetime | None:
        return _moment(self._desk.run(self._next).scalar())


def _moment(number: int | None) -> datetime | None:
    return None if number is None else codec.number_to_moment(number)
