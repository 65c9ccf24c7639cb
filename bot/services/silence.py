"""Long silence on either side is told, once until the next word: to whoever has the case, or to all in the queue room.

A requester's silence counts from the last word of staff; that of staff from the first word that they have not answered.
"""

from __future__ import annotations

from bot.cldr import length_of_time
from bot.domain import Case, CaseNumber, CaseStatus, Timer
from bot.services import casework, sayings
from bot.services.work import Work

REQUESTER, STAFF = "silent_requester", "silent_staff"  # kinds of timers; each before the number of a case
KINDS = (REQUESTER, STAFF)


def is_due(timer: Timer) -> bool:
    """Whether this timer is one of ours."""
    return timer.kind.partition(" ")[0] in KINDS


def heard(work: Work, case: Case) -> None:
    """The requester wrote: it is for staff to answer."""
    work.tx.timers.cancel(case.requester, _kind(REQUESTER, case))
    if work.tx.timers.get(case.requester, _kind(STAFF, case)) is None:
        work.set_due(case.requester, _kind(STAFF, case), work.now + work.kit.silence.staff)


def spoke(work: Work, case: Case) -> None:
    """Staff wrote: it is for the requester to answer."""
    work.tx.timers.cancel(case.requester, _kind(STAFF, case))
    work.set_due(case.requester, _kind(REQUESTER, case), work.now + work.kit.silence.requester)


def joined(work: Work, case: Case, other: Case) -> None:
    """What nobody has answered in the other case is to be answered in this one, and has waited since then."""
    theirs = work.tx.timers.get(other.requester, _kind(STAFF, other))
    if theirs is None:
        return
    work.tx.timers.cancel(case.requester, _kind(REQUESTER, case))
    ours = work.tx.timers.get(case.requester, _kind(STAFF, case)) or theirs
    work.set_due(case.requester, _kind(STAFF, case), min(theirs, ours))


def reopened(work: Work, case: Case) -> None:
    """Of what was said before its end, nobody owes an answer any more."""
    for kind in KINDS:
        work.tx.timers.cancel(case.requester, _kind(kind, case))


def ring(work: Work, timer: Timer) -> None:
    """One of our timers has run out."""
    kind, _, number = timer.kind.partition(" ")
    case = work.tx.cases.get(CaseNumber(number))
    if case is None or case.is_over:
        return
    first = work.kit.render.staff_locale
    if kind == STAFF:
        time = length_of_time(work.kit.silence.staff, first)
        work.say(work.queue_of(case), work.kit.render.staff(sayings.SILENT_STAFF, case=case.number, time=time))
    elif case.status is CaseStatus.ON_REQUESTER:
        casework.tell_staff(
            work, case, sayings.SILENT_REQUESTER, time=length_of_time(work.kit.silence.requester, first)
        )


def _kind(kind: str, case: Case) -> str:
    return f"{kind} {case.number}"
