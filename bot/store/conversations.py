"""`ports.Conversations` on the tables: room and contact are sealed; a room is found again by its keyed hash."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy import bindparam as given

from bot.domain import CaseNumber, Conversation, ConversationId, Owner, Place
from bot.flow import rows
from bot.store import codec, schema
from bot.store.desk import MAX_KNOWN, Desk

_CONVERSATIONS = schema.conversations.c
_CHANGING = (
    "owner",
    "case_number",
    "room_hash",
    "room",
    "contact",
    "identity",
    "name",
    "expires",
    "heard_at",
    "unread",
    "stalled",
)


class Conversations:
    """Who we are in touch with, and in which rooms."""

    _get = sa.select(schema.conversations).where(_CONVERSATIONS.id == given("of"))
    _find = sa.select(schema.conversations).where(_CONVERSATIONS.room_hash == given("hash"))
    _queues = sa.select(schema.conversations).where(
        _CONVERSATIONS.place == Place.QUEUE.value, _CONVERSATIONS.channel == given("of")
    )
    _of_requester = sa.select(schema.conversations).where(
        _CONVERSATIONS.case_number == given("of"), _CONVERSATIONS.place == Place.REQUESTER.value
    )
    _add = sa.insert(schema.conversations).inline()
    _save = (
        sa.update(schema.conversations)
        .where(
            _CONVERSATIONS.id == given("same_id"),
            _CONVERSATIONS.channel == given("same_channel"),
            _CONVERSATIONS.place == given("same_place"),
            _CONVERSATIONS.key == given("same_key"),
        )
        .values({name: given(name) for name in _CHANGING})
    )

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._opened_rows: dict[str, tuple[Any, Conversation]] = {}  # opening costs more than comparing

    def get(self, conversation: ConversationId) -> Conversation:
        row = self._desk.run(self._get, of=conversation).first()
        if row is None:
            raise KeyError(conversation)
        return self._read(row)

    def find(self, channel: str, room: str) -> Conversation | None:
        row = self._desk.run(self._find, hash=self._room_hash(channel, room)).first()
        return None if row is None else self._read(row)

    def add(self, conversation: Conversation) -> None:
        self._desk.take_in(conversation)
        with self._desk.unique("conversation or room"):
            self._desk.run(
                self._add,
                id=conversation.id,
                channel=conversation.channel,
                place=conversation.place.value,
                key=conversation.key,
                **self._changing(conversation),
            )

    def save(self, conversation: Conversation) -> None:
        with self._desk.unique("room"):
            saved = self._desk.run(
                self._save,
                same_id=conversation.id,
                same_channel=conversation.channel,
                same_place=conversation.place.value,
                same_key=conversation.key,
                **self._changing(conversation),
            )
        if not saved.rowcount:
            self._desk.key_of(conversation.id)
            raise ValueError("a conversation keeps its channel, its place and its key")

    def queue_rooms(self, channel: str) -> Sequence[Conversation]:
        return [self._read(row) for row in self._desk.run(self._queues, of=channel).found]

    def of_requester(self, case: CaseNumber) -> Sequence[Conversation]:
        return [self._read(row) for row in self._desk.run(self._of_requester, of=case).found]

    def _changing(self, conversation: Conversation) -> dict[str, Any]:
        room = conversation.room
        return {
            "owner": conversation.owner.value,
            "case_number": conversation.case,
            "room_hash": None if room is None else self._room_hash(conversation.channel, room),
            "room": self._sealed(conversation, _CONVERSATIONS.room, room),
            "contact": self._sealed(conversation, _CONVERSATIONS.contact, conversation.contact),
            "identity": self._sealed(conversation, _CONVERSATIONS.identity, conversation.identity),
            "name": self._sealed(conversation, _CONVERSATIONS.name, conversation.name),
            "expires": rows.seconds(conversation.expires),
            "heard_at": codec.maybe_to_number(conversation.heard_at),
            "unread": conversation.unread,
            "stalled": conversation.stalled,
        }

    def _room_hash(self, channel: str, room: str) -> bytes:
        return self._desk.lookup.of("room", channel, room)

    def _sealed(self, conversation: Conversation, column: sa.Column[Any], text: str | None) -> bytes | None:
        return None if text is None else self._desk.seal(conversation.key, column, conversation.id, text)

    def _opened(self, row: Any, column: sa.Column[Any], sealed: bytes | None) -> str | None:
        return None if sealed is None else self._desk.unseal(row.key, column, row.id, sealed, str)

    def _read(self, row: Any) -> Conversation:
        known = self._opened_rows.get(row.id)
        if known is not None and known[0] == row:
            return known[1]
        if len(self._opened_rows) >= MAX_KNOWN:
            self._opened_rows.clear()
        conversation = self._open(row)
        self._opened_rows[row.id] = (row, conversation)
        return conversation

    def _open(self, row: Any) -> Conversation:
        return Conversation(
            id=ConversationId(row.id),
            channel=row.channel,
            place=Place(row.place),
            key=ConversationId(row.key),
            room=self._opened(row, _CONVERSATIONS.room, row.room),
            contact=self._opened(row, _CONVERSATIONS.contact, row.contact),
            owner=Owner(row.owner),
            case=None if row.case_number is None else CaseNumber(row.case_number),
            identity=self._opened(row, _CONVERSATIONS.identity, row.identity),
            expires=rows.span(row.expires),
            name=self._opened(row, _CONVERSATIONS.name, row.name),
            heard_at=codec.maybe_to_moment(row.heard_at),
            unread=row.unread,
            stalled=None if row.stalled is None else CaseNumber(row.stalled),
        )
