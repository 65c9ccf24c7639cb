"""Long silence on either side is told, once until the next word: to whoever has the case, or to all in the queue room.

A requester's silence counts from the last word of staff; that of staff from the first word that they have not answered.
"""

from __future__ import annotations

from bot.cldr import length_of_time
from bot.domain import Case, CaseStatus, Timer
from bot.services import casework, sayings
from bot.services.work import Work

REQUESTER, STAFF = "silent_requester", "silent_staff"  # kinds of timers; each before the number of a case
KINDS = (REQUESTER, STAFF)


def is_due(timer: Timer) -> bool:
    """Whether this timer is one of ours."""
    return timer.what in KINDS


def heard(work: Work, case: Case) -> None:
    """The requester wrote: it is for staff to answer."""
    work.tx.timers.cancel(case.requester, case.kind_of_timer(REQUESTER))
    if work.tx.timers.get(case.requester, case.kind_of_timer(STAFF)) is None:
        work.set_due(case.requester, case.kind_of_timer(STAFF), work.now + work.kit.silence.staff)


def spoke(work: Work, case: Case) -> None:
    """Staff wrote: it is for the requester to answer."""
    work.tx.timers.cancel(case.requester, case.kind_of_timer(STAFF))
    work.set_due(case.requester, case.kind_of_timer(REQUESTER), work.now + work.kit.silence.requester)


def joined(work: Work, case: Case, other: Case) -> None:
    """What nobody has answered in the other case is to be answered in this one, and has waited since then."""
    theirs = work.tx.timers.get(other.requester, other.kind_of_timer(STAFF))
    if theirs is None:
        return
    work.tx.timers.cancel(case.requester, case.kind_of_timer(REQUESTER))
    ours = work.tx.timers.get(case.requester, case.kind_of_timer(STAFF)) or theirs
    work.set_due(case.requester, case.kind_of_timer(STAFF), min(theirs, ours))


def reopened(work: Work, case: Case) -> None:
    """Of what was said before its end, nobody owes an answer any more."""
    for kind in KINDS:
        work.tx.timers.cancel(case.requester, case.kind_of_timer(kind))


def ring(work: Work, timer: Timer) -> None:
    """One of our timers has run out."""
    case = work.tx.cases.get(timer.case)
    if case is None or case.is_over:
        return
    first = work.kit.render.staff_locale
    if timer.what == STAFF:
        time = length_of_time(work.kit.silence.staff, first)
        work.say(work.queue_of(case), work.kit.render.staff(sayings.SILENT_STAFF, case=case.number, time=time))
    elif case.status is CaseStatus.ON_REQUESTER:
        casework.tell_staff(
            work, case, sayings.SILENT_REQUESTER, time=length_of_time(work.kit.silence.requester, first)
        )
