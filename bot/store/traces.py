"""`ports.Traces` on the tables: what cases have in common is found by its keyed hash, and stored as nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import sqlalchemy as sa
from sqlalchemy import bindparam as given

from bot.domain import CaseNumber, Trace
from bot.store import schema
from bot.store.desk import Desk

_OWN = schema.case_traces.c
_theirs = schema.case_traces.alias("theirs")


class Traces:
    """By what cases are compared."""

    _case = sa.select(schema.cases.c.number).where(schema.cases.c.number == given("of"))
    _has = sa.select(_OWN.kind).where(_OWN.case_number == given("of"), _OWN.form_hash == given("hash"))
    _add = sa.insert(schema.case_traces).inline()
    _alike = (
        sa.select(_theirs.c.kind, _theirs.c.case_number, _theirs.c.day)
        .join(schema.case_traces, _OWN.form_hash == _theirs.c.form_hash)
        .where(_OWN.case_number == given("of"))
        .group_by(_theirs.c.kind, _theirs.c.case_number, _theirs.c.day)
        .order_by(_theirs.c.day, _theirs.c.case_number, _theirs.c.kind)
    )
    _erase = sa.delete(schema.case_traces).where(_OWN.case_number == given("of"))

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def add(self, trace: Trace, form: str) -> None:
        if self._desk.run(self._case, of=trace.case).first() is None:
            raise KeyError(trace.case)
        hash_ = self._desk.lookup.of("trace", trace.kind, form)
        if self._desk.run(self._has, of=trace.case, hash=hash_).first() is None:
            day = trace.day.isoformat()
            self._desk.run(self._add, case_number=trace.case, form_hash=hash_, kind=trace.kind, day=day)

    def alike(self, case: CaseNumber) -> Sequence[Trace]:
        found = self._desk.run(self._alike, of=case).found
        return [Trace(row.kind, CaseNumber(row.case_number), date.fromisoformat(row.day)) for row in found]

    def erase(self, case: CaseNumber) -> None:
        self._desk.run(self._erase, of=case)
