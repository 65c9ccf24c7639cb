"""The promise of a first answer, as a ladder: who is called when nobody has answered yet, and which shift it is. Pure.

Moments are counted from the requester's first message. A rung that was missed is not made up for: the highest counts.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta, tzinfo
from enum import StrEnum

WEEK = frozenset(range(7))
_NOT_YET = timedelta(0)


class Call(StrEnum):
    """Whom a rung calls."""

    SHIFT_LEADS = "shift_leads"  # the leads of the shift at that moment
    LEADS = "leads"
    DIRECTORS = "directors"
    EVERYONE = "everyone"


@dataclass(frozen=True, slots=True)
class Rung:
    """So long after the first message, these are called if nobody has answered."""

    after: timedelta
    call: tuple[Call, ...]


@dataclass(frozen=True, slots=True)
class Shift:
    """Who leads at which hours, by the wall clock there. It may end on the day after that on which it begins.

    `days` are those on which it begins, Monday being 0. What begins and ends at one hour lasts a whole day.
    """

    begins: time
    ends: time
    leads: frozenset[str] = field(repr=False)
    days: frozenset[int] = WEEK

    def holds(self, at: datetime) -> bool:
        """Whether this moment, by the wall clock there, is in it."""
        today, yesterday = at.weekday(), (at.weekday() - 1) % 7
        if self.begins < self.ends:
            return today in self.days and self.begins <= at.time() < self.ends
        return (today in self.days and at.time() >= self.begins) or (yesterday in self.days and at.time() < self.ends)


def usual(first_response: timedelta) -> tuple[Rung, ...]:
    """The ladder of a helpline that names none: half-way, after three quarters, and when the promise is missed."""
    return (
        Rung(first_response / 2, (Call.SHIFT_LEADS,)),
        Rung(first_response * 3 / 4, (Call.LEADS, Call.DIRECTORS)),
        Rung(first_response, (Call.EVERYONE,)),
    )


TWO_HOURS = timedelta(hours=2)


@dataclass(frozen=True, slots=True)
class Promise:
    """Within what time a person answers, who is called before and after, the shifts, and where their clock hangs.

    The ladder has one rung at least, the lowest first.
    """

    first_response: timedelta = TWO_HOURS
    ladder: tuple[Rung, ...] = usual(TWO_HOURS)
    shifts: tuple[Shift, ...] = ()
    zone: tzinfo = UTC

    @property
    def stalls_after(self) -> timedelta:
        """When an intake that is not finished is shown to people: with the first rung."""
        return self.ladder[0].after

    def due(self, waited: timedelta, called: timedelta = _NOT_YET) -> Rung | None:
        """The highest rung reached, where it lies above what was called for last."""
        reached = [rung for rung in self.ladder if called < rung.after <= waited]
        return reached[-1] if reached else None

    def coming(self, waited: timedelta) -> timedelta | None:
        """The next moment at which something has to be said; None where all has been."""
        moments = {self.first_response, *(rung.after for rung in self.ladder)}
        return min((moment for moment in moments if moment > waited), default=None)

    def shift_leads(self, at: datetime) -> frozenset[str]:
        """Who leads at this moment; nobody where no shift says it."""
        there = at.astimezone(self.zone)
        return frozenset(lead for shift in self.shifts if shift.holds(there) for lead in shift.leads)

    def called(
        self, rung: Rung, at: datetime, *, leads: Collection[str], directors: Collection[str], everyone: Sequence[str]
    ) -> tuple[str, ...]:
        """Whom this rung calls, of `everyone`; where that is nobody, everyone: it must be somebody."""
        groups = {
            Call.SHIFT_LEADS: self.shift_leads(at).intersection(everyone) or leads,
            Call.LEADS: leads,
            Call.DIRECTORS: directors,
            Call.EVERYONE: everyone,
        }
        meant = {who for call in rung.call for who in groups[call]}
        return tuple(who for who in everyone if who in meant) or tuple(everyone)


PROMISE = Promise()
"""That of a helpline that says nothing of it."""
