"""`ports.Cases` on the tables. All that a case holds of people is sealed with its requester's key."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy import bindparam as given

from bot.domain import Bare, Case, CaseNumber, CaseStatus, Change, ConversationId, Vetting
from bot.store import casefile, codec, hands, schema
from bot.store.desk import Desk

_CASES, _CHANGES = schema.cases.c, schema.case_changes.c
_CHANGING = (
    "status",
    "opened_at",
    "relay",
    "notes",
    "relay_open",
    "writes_from",
    "joined_to",
    "vetting",
    "about",
    "answers",
    "note",
    "staff",
    "release",
    "heard_at",
    "bare",
)


class Cases:
    """Handed-over conversations."""

    _get = sa.select(schema.cases).where(_CASES.number == given("of"))
    _open = (
        sa.select(schema.cases)
        .where(_CASES.status != CaseStatus.CLOSED.value)
        .order_by(_CASES.opened_at, _CASES.number)
    )
    _of = sa.select(schema.cases).where(_CASES.requester == given("of")).order_by(_CASES.opened_at, _CASES.number)
    _joined = sa.select(schema.cases).where(_CASES.joined_to == given("to")).order_by(_CASES.opened_at, _CASES.number)
    _requester = sa.select(_CASES.requester).where(_CASES.number == given("of"))
    _add = sa.insert(schema.cases).inline()
    _save = (
        sa.update(schema.cases)
        .where(_CASES.number == given("same_number"), _CASES.requester == given("same_requester"))
        .values({name: given(name) for name in _CHANGING})
    )
    _change = sa.insert(schema.case_changes).inline()
    _changes = sa.select(schema.case_changes).where(_CHANGES.case_number == given("of")).order_by(_CHANGES.position)

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def add(self, case: Case) -> None:
        values = self._changing(case)
        with self._desk.unique("case number"):
            self._desk.run(self._add, number=case.number, requester=case.requester, **values)

    def get(self, number: CaseNumber) -> Case | None:
        row = self._desk.run(self._get, of=number).first()
        return None if row is None else self._read(row)

    def save(self, case: Case) -> None:
        values = self._changing(case)
        if not self._desk.run(self._save, same_number=case.number, same_requester=case.requester, **values).rowcount:
            self._requester_of(case.number)
            raise ValueError("a case keeps its requester")

    def open(self) -> Sequence[Case]:
        return [self._read(row) for row in self._desk.run(self._open).found]

    def of(self, requester: ConversationId) -> Sequence[Case]:
        return [self._read(row) for row in self._desk.run(self._of, of=requester).found]

    def joined(self, number: CaseNumber) -> Sequence[Case]:
        return [self._read(row) for row in self._desk.run(self._joined, to=number).found]

    def change(self, number: CaseNumber, change: Change) -> None:
        key = self._desk.key_of(self._requester_of(number))
        at = codec.moment_to_number(change.at)
        who = casefile.staff_to_json(casefile.Staff(change.who, change.claimer))
        self._desk.run(
            self._change,
            case_number=number,
            at=at,
            step=change.step,
            before=change.before,
            after=change.after.value,
            staff=self._desk.seal(key, _CHANGES.staff, f"{number}/{at}/{change.step}", who),
        )

    def changes(self, number: CaseNumber) -> Sequence[Change]:
        found = self._desk.run(self._changes, of=number).found
        key = self._desk.key_of(self._requester_of(number)) if found else ConversationId("")
        return [self._read_change(key, row) for row in found]

    def _read_change(self, key: ConversationId, row: Any) -> Change:
        place = f"{row.case_number}/{row.at}/{row.step}"
        staff = self._desk.unseal(key, _CHANGES.staff, place, row.staff, casefile.staff_from_json)
        return Change(
            at=codec.number_to_moment(row.at),
            step=row.step,
            who=staff.acted or "",
            before=None if row.before is None else CaseStatus(row.before),
            after=CaseStatus(row.after),
            claimer=staff.claimed_by,
        )

    def _requester_of(self, number: CaseNumber) -> ConversationId:
        requester = self._desk.run(self._requester, of=number).scalar()
        if requester is None:
            raise KeyError(number)
        return ConversationId(requester)

    def _changing(self, case: Case) -> dict[str, Any]:
        key = self._desk.key_of(case.requester)
        for room in (case.relay, case.notes):
            if room is not None:
                self._desk.key_of(room)
        about = casefile.About(case.locale, case.topic, case.urgency, case.told)
        staff = hands.Hands(case.vetted_by, case.claimed_by, case.readers, case.help_wanted, case.left, case.signs)

        def sealed(column: sa.Column[Any], text: str) -> bytes:
            return self._desk.seal(key, column, case.number, text)

        return {
            "status": case.status.value,
            "opened_at": codec.moment_to_number(case.opened_at),
            "relay": case.relay,
            "notes": case.notes,
            "relay_open": case.relay_open,
            "writes_from": case.writes_from,
            "joined_to": case.joined_to,
            "vetting": case.vetting.value,
            "about": sealed(_CASES.about, casefile.about_to_json(about)),
            "answers": sealed(_CASES.answers, casefile.answers_to_json(case.answers)),
            "note": None if case.note is None else sealed(_CASES.note, case.note),
            "staff": sealed(_CASES.staff, hands.to_json(staff)),
            "release": case.release,
            "heard_at": codec.maybe_to_number(case.heard_at),
            "bare": case.bare,
        }

    def _read(self, row: Any) -> Case:
        key = self._desk.key_of(row.requester)
        number = CaseNumber(row.number)
        about = self._desk.unseal(key, _CASES.about, number, row.about, casefile.about_from_json)
        staff = self._desk.unseal(key, _CASES.staff, number, row.staff, hands.from_json)
        return Case(
            number=number,
            status=CaseStatus(row.status),
            requester=ConversationId(row.requester),
            opened_at=codec.number_to_moment(row.opened_at),
            locale=about.locale,
            answers=self._desk.unseal(key, _CASES.answers, number, row.answers, casefile.answers_from_json),
            topic=about.topic,
            urgency=about.urgency,
            relay=None if row.relay is None else ConversationId(row.relay),
            notes=None if row.notes is None else ConversationId(row.notes),
            vetted_by=staff.vetted_by,
            claimed_by=staff.claimed_by,
            signs=staff.signs,
            relay_open=bool(row.relay_open),
            note=None if row.note is None else self._desk.unseal(key, _CASES.note, number, row.note, str),
            told=about.told,
            writes_from=None if row.writes_from is None else ConversationId(row.writes_from),
            joined_to=None if row.joined_to is None else CaseNumber(row.joined_to),
            vetting=Vetting(row.vetting),
            release=row.release,
            help_wanted=staff.help_wanted,
            left=staff.left,
            readers=staff.readers,
            heard_at=codec.maybe_to_moment(row.heard_at),
            bare=None if row.bare is None else Bare(row.bare),
        )
