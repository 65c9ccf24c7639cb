"""The conversations of cases in memory, as strict as the real ones."""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from bot.deeds import Origin
from bot.domain import CaseNumber
from bot.entries import Entry


@dataclass(slots=True)
class Said:
    """All that was said, by case and place, and the last mark of each case."""

    rows: dict[tuple[CaseNumber, int], Entry] = field(default_factory=dict)
    marks: dict[CaseNumber, int] = field(default_factory=dict)

    def copy(self) -> Said:
        """A copy of the containers: what is in them is frozen."""
        return Said(dict(self.rows), dict(self.marks))


class MemoryEntries:
    """`ports.Entries`."""

    def __init__(self, said: Said, cases: Container[CaseNumber]) -> None:
        self._said = said
        self._cases = cases

    def add(self, entry: Entry) -> Entry:
        mark = self._next_mark(entry.case)
        entry = self._said.rows[entry.case, mark] = replace(entry, place=mark, mark=mark)
        return entry

    def of(self, case: CaseNumber) -> Sequence[Entry]:
        return [entry for entry in self._said.rows.values() if entry.case == case]

    def at(self, case: CaseNumber, place: int) -> Entry | None:
        return self._said.rows.get((case, place))

    def find(self, origin: Origin) -> Sequence[Entry]:
        found = [entry for entry in self._said.rows.values() if entry.origin == origin]
        return sorted(found, key=lambda entry: (entry.case, entry.place))

    def change(self, entry: Entry) -> Entry:
        mark, stored = self._next_mark(entry.case), self.at(entry.case, entry.place)
        if stored is not None:
            changed = replace(stored, said=entry.said, waits=entry.waits, expires=entry.expires, mark=mark)
            self._said.rows[entry.case, entry.place] = changed
        return replace(entry, mark=mark)

    def set_due(self, case: CaseNumber, place: int, due: datetime) -> None:
        stored = self.at(case, place)
        if stored is not None and stored.due is None:
            self._said.rows[case, place] = replace(stored, due=due)

    def take_due(self, case: CaseNumber, now: datetime) -> Sequence[Entry]:
        found = [entry for entry in self.of(case) if entry.due is not None and entry.due <= now]
        for entry in found:
            self.erase(entry)
        return found

    def next_due(self, case: CaseNumber) -> datetime | None:
        return min((entry.due for entry in self.of(case) if entry.due is not None), default=None)

    def erase(self, entry: Entry) -> None:
        self._said.rows.pop((entry.case, entry.place), None)

    def _next_mark(self, case: CaseNumber) -> int:
        if case not in self._cases:
            raise KeyError(case)
        mark = self._said.marks[case] = self._said.marks.get(case, 0) + 1
        return mark
