"""The ports of casework: what the services may ask of whatever keeps cases, their messages and what is counted."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from bot.deeds import Card, Copy, Origin
from bot.domain import Case, CaseNumber, Change, ConversationId, Count, Keep, Trace


class Cases(Protocol):
    """Handed-over conversations."""

    def add(self, case: Case) -> None: ...
    def get(self, number: CaseNumber) -> Case | None: ...
    def save(self, case: Case) -> None: ...
    def open(self) -> Sequence[Case]:
        """Cases that are not closed, the oldest first."""

    def of(self, requester: ConversationId) -> Sequence[Case]:
        """All of a requester's, the oldest first."""

    def joined(self, number: CaseNumber) -> Sequence[Case]:
        """Those that were joined to this one, the oldest first."""

    def change(self, number: CaseNumber, change: Change) -> None:
        """Record what happened to a case, after all that happened to it before."""

    def changes(self, number: CaseNumber) -> Sequence[Change]:
        """All of its life, in order."""


class Copies(Protocol):
    """Which messages say what: so that a change or a removal is shown where it went, and all is taken back in time."""

    def add(self, origin: Origin | None, copy: Copy) -> None:
        """Without an origin, it is only ever taken back."""

    def of(self, origin: Origin) -> Sequence[Copy]:
        """In the order in which they were sent; a long message was sent in parts."""

    def take(self, case: CaseNumber, keep: Keep) -> Sequence[Copy]:
        """Those of a case that hold what is kept so long; erased here."""

    def take_due(self, case: CaseNumber, now: datetime) -> Sequence[Copy]:
        """Those of a case that are to be gone by now; erased here."""

    def next_due(self, case: CaseNumber) -> datetime | None:
        """When the next of a case is to be gone."""


class Cards(Protocol):
    """Where the cards of cases stand: one a case and queue room, in the order in which they were first saved."""

    def of(self, case: CaseNumber) -> Sequence[Card]: ...
    def save(self, case: CaseNumber, card: Card) -> None: ...
    def leave(self, conversation: ConversationId) -> None:
        """Its room is not there any more, and no card stands in it."""


class Traces(Protocol):
    """What cases have in common, by keyed hashes that tell nothing; `alike` finds its own, too, the oldest first."""

    def add(self, trace: Trace, form: str) -> None: ...
    def alike(self, case: CaseNumber) -> Sequence[Trace]: ...
    def erase(self, case: CaseNumber) -> None: ...


class Counts(Protocol):
    """How often what came about. It is counted and read, and never goes down."""

    def add(self, month: str, what: str, value: str) -> None:
        """One more. `month` as in 2026-01."""

    def all(self) -> Sequence[Count]:
        """By month, then by what was counted and by its value."""
