"""`ports.Cards` on the tables: where the cards of cases stand, sealed with the key of each case's requester."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy import bindparam as given

from bot.deeds import Card
from bot.domain import CaseNumber, ConversationId
from bot.store import casefile, schema
from bot.store.desk import Desk

_CARDS = schema.case_cards.c


class Cards:
    """One a case and queue room."""

    _requester = sa.select(schema.cases.c.requester).where(schema.cases.c.number == given("of"))
    _one = sa.and_(_CARDS.case_number == given("of"), _CARDS.conversation == given("at"))
    _of = sa.select(schema.case_cards).where(_CARDS.case_number == given("of")).order_by(_CARDS.position)
    _last = sa.select(sa.func.max(_CARDS.position)).where(_CARDS.case_number == given("of"))
    _add = sa.insert(schema.case_cards).inline()
    _save = sa.update(schema.case_cards).where(_one).values(card=given("to"))
    _leave = sa.delete(schema.case_cards).where(_CARDS.conversation == given("at"))

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def of(self, case: CaseNumber) -> Sequence[Card]:
        found = self._desk.run(self._of, of=case).found
        key = self._key_of(case) if found else ConversationId("")
        return [
            self._desk.unseal(key, _CARDS.card, _place(case, row.conversation), row.card, casefile.card_from_json)
            for row in found
        ]

    def save(self, case: CaseNumber, card: Card) -> None:
        key = self._key_of(case)
        self._desk.key_of(card.conversation)
        at = card.conversation
        sealed = self._desk.seal(key, _CARDS.card, _place(case, at), casefile.card_to_json(card))
        if not self._desk.run(self._save, of=case, at=at, to=sealed).rowcount:
            position = (self._desk.run(self._last, of=case).scalar() or 0) + 1
            self._desk.run(self._add, case_number=case, conversation=at, position=position, card=sealed)

    def leave(self, conversation: ConversationId) -> None:
        self._desk.run(self._leave, at=conversation)

    def _key_of(self, case: CaseNumber) -> ConversationId:
        requester = self._desk.run(self._requester, of=case).scalar()
        if requester is None:
            raise KeyError(case)
        return self._desk.key_of(ConversationId(requester))


def _place(case: CaseNumber, conversation: str) -> str:
    return f"{case}/{conversation}"
