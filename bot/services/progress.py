"""The life of a case: each step is taken here, where the machine allows it; it is recorded, and the owner follows."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from bot.domain import Case, Change, Owner
from bot.life import OWNERS, Step, after
from bot.services.work import Work

HUMAN = (Owner.QUEUE, Owner.SPECIALIST)


def begin(work: Work, case: Case) -> None:
    """A case is there."""
    work.tx.cases.add(case)
    work.tx.cases.change(case.number, Change(work.now, Step.OPEN, "", None, case.status))


def note(work: Work, case: Case, step: Step, who: str) -> None:
    """Put on record what moves the case nowhere."""
    work.tx.cases.change(case.number, Change(work.now, step, who, case.status, case.status, case.claimed_by))


def move(work: Work, case: Case, step: Step, who: str = "", *, free: bool = False, **with_it: Any) -> Case | None:
    """Take a step, and change these fields of the case with it; None, and nothing changed, where it must not be taken.

    `who` took it, empty for the bot itself; `free` as in `life.after`. What of the requester's conversations people
    have goes to the owner that the step leads to.
    """
    status = after(case.status, case.vetting, step, free=free)
    if status is None:
        return None
    before, case = case, replace(case, status=status, **with_it)
    work.tx.cases.save(case)
    if status is before.status and case.claimed_by == before.claimed_by and case.vetting is before.vetting:
        return case
    work.tx.cases.change(case.number, Change(work.now, step, who, before.status, status, case.claimed_by))
    if OWNERS[status] is not OWNERS[before.status]:
        for each in work.tx.conversations.of_requester(case.number):
            if each.owner in HUMAN:
                work.tx.conversations.save(replace(each, owner=OWNERS[status]))
    return case
