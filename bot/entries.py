"""The conversation of a case on record: what was said in it, and what the services may ask of whatever keeps it.

Frozen data; what carries what people wrote hides it in its `repr` (law 6).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from bot.deeds import Origin
from bot.domain import Attachment, CaseNumber, Keep, Voice

Said = str | Attachment
"""What a person wrote, or the file that they sent."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that was said in the conversation of a case. `keep`, `expires` and `due` as in `Answer`.

    `said` is None once it was removed; `at`: when it came in; `origin`: by which event it is known, if by any. It
    `waits` while nobody can have read it in the relay room. The store gives it its `place` in the case, which nothing
    else ever gets, and with each change a `mark`, greater than all before it.
    """

    case: CaseNumber
    said: Said | None = field(repr=False)
    at: datetime
    voice: Voice = Voice.REQUESTER
    origin: Origin | None = None
    waits: bool = False
    keep: Keep = Keep.CASE
    expires: timedelta | None = None
    due: datetime | None = None
    place: int = 0
    mark: int = 0


class Entries(Protocol):
    """The conversation of each case: what its requester and staff said to each other, sealed, in order."""

    def add(self, entry: Entry) -> Entry:
        """The entry as it is stored, with its place and its mark."""

    def of(self, case: CaseNumber) -> Sequence[Entry]:
        """All of a case's."""

    def at(self, case: CaseNumber, place: int) -> Entry | None: ...
    def find(self, origin: Origin) -> Sequence[Entry]:
        """What came with this event, in whatever cases."""

    def change(self, entry: Entry) -> Entry:
        """Takes its own place anew, with what it says and whether it waits; nothing where it was erased."""

    def set_due(self, case: CaseNumber, place: int, due: datetime) -> None:
        """It is to be gone by then, where it had no such time yet."""

    def take_due(self, case: CaseNumber, now: datetime) -> Sequence[Entry]:
        """Those of a case that are to be gone by now; erased here."""

    def next_due(self, case: CaseNumber) -> datetime | None:
        """When the next of a case is to be gone."""

    def erase(self, entry: Entry) -> None: ...
