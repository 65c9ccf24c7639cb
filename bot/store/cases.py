"""`ports.Cases` on the tables. All that a case holds of people is sealed with its requester's key."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import bindparam as given

from bot.domain import Case, CaseNumber, CaseStatus, Change, ConversationId, Keep, Vetting
from bot.flow import rows
from bot.ports import Kept
from bot.store import codec, hands, schema
from bot.store.desk import Desk

_CASES, _KEPT, _CHANGES = schema.cases.c, schema.case_words.c, schema.case_changes.c
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
    _last_kept = sa.select(_CASES.last_kept).where(_CASES.number == given("of"))
    _count_kept = sa.update(schema.cases).where(_CASES.number == given("of")).values(last_kept=given("to"))
    _keep = sa.insert(schema.case_words).inline()
    _kept = sa.select(schema.case_words).where(_KEPT.case_number == given("of")).order_by(_KEPT.position)
    _one_kept = sa.and_(_KEPT.case_number == given("of"), _KEPT.position == given("place"))
    _set_due = sa.update(schema.case_words).where(_one_kept).values(due=given("to"))
    _erase_kept = sa.delete(schema.case_words).where(_one_kept)

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
        who = codec.staff_to_json(codec.Staff(change.who, change.claimer))
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

    def keep(self, number: CaseNumber, kept: Kept) -> int:
        key = self._desk.key_of(self._requester_of(number))
        position = int(self._desk.run(self._last_kept, of=number).scalar()) + 1
        self._desk.run(self._count_kept, of=number, to=position)
        sealed = self._desk.seal(key, _KEPT.words, f"{number}/{position}", codec.said_to_text(kept.said))
        self._desk.run(
            self._keep,
            case_number=number,
            position=position,
            words=sealed,
            keep=kept.keep.value,
            expires=rows.seconds(kept.expires),
            due=None if kept.due is None else codec.moment_to_number(kept.due),
        )
        return position

    def kept(self, number: CaseNumber) -> Sequence[tuple[int, Kept]]:
        found = self._desk.run(self._kept, of=number).found
        key = self._desk.key_of(self._requester_of(number)) if found else ConversationId("")
        return [(row.position, self._read_kept(key, row)) for row in found]

    def set_due(self, number: CaseNumber, place: int, due: datetime) -> None:
        self._desk.run(self._set_due, of=number, place=place, to=codec.moment_to_number(due))

    def erase_kept(self, number: CaseNumber, place: int) -> None:
        self._desk.run(self._erase_kept, of=number, place=place)

    def _read_kept(self, key: ConversationId, row: Any) -> Kept:
        place = f"{row.case_number}/{row.position}"
        return Kept(
            said=self._desk.unseal(key, _KEPT.words, place, row.words, codec.said_from_text),
            keep=Keep(row.keep),
            expires=rows.span(row.expires),
            due=None if row.due is None else codec.number_to_moment(row.due),
        )

    def _read_change(self, key: ConversationId, row: Any) -> Change:
        place = f"{row.case_number}/{row.at}/{row.step}"
        staff = self._desk.unseal(key, _CHANGES.staff, place, row.staff, codec.staff_from_json)
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
        about = codec.About(case.locale, case.topic, case.urgency, case.told)
        staff = hands.Hands(case.vetted_by, case.claimed_by, case.inside, case.help_wanted, case.left)

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
            "about": sealed(_CASES.about, codec.about_to_json(about)),
            "answers": sealed(_CASES.answers, codec.answers_to_json(case.answers)),
            "note": None if case.note is None else sealed(_CASES.note, case.note),
            "staff": sealed(_CASES.staff, hands.to_json(staff)),
            "release": case.release,
        }

    def _read(self, row: Any) -> Case:
        key = self._desk.key_of(row.requester)
        number = CaseNumber(row.number)
        about = self._desk.unseal(key, _CASES.about, number, row.about, codec.about_from_json)
        staff = self._desk.unseal(key, _CASES.staff, number, row.staff, hands.from_json)
        return Case(
            number=number,
            status=CaseStatus(row.status),
            requester=ConversationId(row.requester),
            opened_at=codec.number_to_moment(row.opened_at),
            locale=about.locale,
            answers=self._desk.unseal(key, _CASES.answers, number, row.answers, codec.answers_from_json),
            topic=about.topic,
            urgency=about.urgency,
            relay=None if row.relay is None else ConversationId(row.relay),
            notes=None if row.notes is None else ConversationId(row.notes),
            vetted_by=staff.vetted_by,
            claimed_by=staff.claimed_by,
            relay_open=bool(row.relay_open),
            note=None if row.note is None else self._desk.unseal(key, _CASES.note, number, row.note, str),
            told=about.told,
            writes_from=None if row.writes_from is None else ConversationId(row.writes_from),
            joined_to=None if row.joined_to is None else CaseNumber(row.joined_to),
            vetting=Vetting(row.vetting),
            release=row.release,
            inside=staff.inside,
            help_wanted=staff.help_wanted,
            left=staff.left,
        )
