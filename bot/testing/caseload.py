"""Casework in memory: cases, the copies of their messages, their cards, and what is counted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from bot.deeds import Card, Copy, Origin
from bot.domain import (
    Case,
    CaseNumber,
    CaseStatus,
    Change,
    ConversationId,
    Count,
    Keep,
)
from bot.ports import Taken
from bot.testing.state import State


class MemoryCases:
    def __init__(self, state: State) -> None:
        self._state = state

    def add(self, case: Case) -> None:
        if case.number in self._state.cases:
            raise Taken("case number")
        self._put(case)

    def get(self, number: CaseNumber) -> Case | None:
        return self._state.cases.get(number)

    def save(self, case: Case) -> None:
        before = self._state.cases[case.number]
        if before.requester != case.requester:
            raise ValueError("a case keeps its requester")
        self._put(case)

    def open(self) -> Sequence[Case]:
        still = (case for case in self._state.cases.values() if case.status is not CaseStatus.CLOSED)
        return sorted(still, key=lambda case: (case.opened_at, case.number))

    def of(self, requester: ConversationId) -> Sequence[Case]:
        theirs = (case for case in self._state.cases.values() if case.requester == requester)
        return sorted(theirs, key=lambda case: (case.opened_at, case.number))

    def joined(self, number: CaseNumber) -> Sequence[Case]:
        joined = (case for case in self._state.cases.values() if case.joined_to == number)
        return sorted(joined, key=lambda case: (case.opened_at, case.number))

    def change(self, number: CaseNumber, change: Change) -> None:
        if number not in self._state.cases:
            raise KeyError(number)
        self._state.changes = (*self._state.changes, (number, change))

    def changes(self, number: CaseNumber) -> Sequence[Change]:
        return [change for of, change in self._state.changes if of == number]

    def _put(self, case: Case) -> None:
        for conversation in (case.requester, case.relay, case.notes, case.writes_from):
            if conversation is not None:
                self._state.must_know(conversation)
        self._state.cases[case.number] = case


class MemoryCopies:
    def __init__(self, state: State) -> None:
        self._state = state

    def add(self, origin: Origin | None, copy: Copy) -> None:
        if origin is not None:
            self._state.must_know(origin.conversation)
        self._state.must_know(copy.conversation)
        self._state.copies = (*self._state.copies, (origin, copy))

    def of(self, origin: Origin) -> Sequence[Copy]:
        return [copy for of, copy in self._state.copies if of == origin]

    def take(self, case: CaseNumber, keep: Keep) -> Sequence[Copy]:
        return self._take(lambda copy: copy.case == case and copy.keep is keep)

    def take_due(self, case: CaseNumber, now: datetime) -> Sequence[Copy]:
        return self._take(lambda copy: copy.case == case and copy.due is not None and copy.due <= now)

    def next_due(self, case: CaseNumber) -> datetime | None:
        return min((copy.due for _, copy in self._state.copies if copy.case == case and copy.due), default=None)

    def _take(self, chosen: Callable[[Copy], bool]) -> Sequence[Copy]:
        taken = [copy for _, copy in self._state.copies if chosen(copy)]
        self._state.copies = tuple((of, copy) for of, copy in self._state.copies if not chosen(copy))
        return taken


class MemoryCards:
    def __init__(self, state: State) -> None:
        self._state = state

    def of(self, case: CaseNumber) -> Sequence[Card]:
        return [card for (number, _), card in self._state.cards.items() if number == case]

    def save(self, case: CaseNumber, card: Card) -> None:
        if case not in self._state.cases:
            raise KeyError(case)
        self._state.must_know(card.conversation)
        self._state.cards[case, card.conversation] = card

    def leave(self, conversation: ConversationId) -> None:
        self._state.cards = {place: card for place, card in self._state.cards.items() if place[1] != conversation}


class MemoryCounts:
    def __init__(self, state: State) -> None:
        self._state = state

    def add(self, month: str, what: str, value: str) -> None:
        key = month, what, value
        self._state.counts[key] = self._state.counts.get(key, 0) + 1

    def all(self) -> Sequence[Count]:
        return [Count(*key, number) for key, number in sorted(self._state.counts.items())]
