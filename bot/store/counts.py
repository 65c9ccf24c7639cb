"""`ports.Counts` on a table. Nothing in it is sealed: it names nobody."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy import bindparam as given

from bot.domain import Count
from bot.store import schema
from bot.store.desk import Desk

_COUNTS = schema.counts.c
_KEY = ("month", "what", "value")


class Counts:
    """How often what came about."""

    _more = (
        sa.update(schema.counts)
        .where(*(_COUNTS[name] == given(f"of_{name}") for name in _KEY))
        .values(number=_COUNTS.number + 1)
    )
    _first = sa.insert(schema.counts).inline()
    _all = sa.select(schema.counts).order_by(*(_COUNTS[name] for name in _KEY))

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def add(self, month: str, what: str, value: str) -> None:
        if not self._desk.run(self._more, of_month=month, of_what=what, of_value=value).rowcount:
            self._desk.run(self._first, month=month, what=what, value=value, number=1)

    def all(self) -> Sequence[Count]:
        return [Count(row.month, row.what, row.value, row.number) for row in self._desk.run(self._all).found]
