"""The life of a case: each step is taken here, where the machine allows it; it is recorded, and the owner follows."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from bot.domain import Case, Change, Owner
from bot.life import OWNERS, Step, after
from bot.services import answers, cards, promise, stats
from bot.services.work import Work

HUMAN = (Owner.QUEUE, Owner.SPECIALIST)


def begin(work: Work, case: Case) -> None:
    """A case is there."""
    work.tx.cases.add(case)
    work.tx.cases.change(case.number, Change(work.now, Step.OPEN, "", None, case.status))
    if case.bare is None:  # otherwise it is counted when people have somebody's words, or speak with them
        stats.arrived(work, case)


def note(work: Work, case: Case, step: Step, who: str) -> None:
    """Put on record what moves the case nowhere."""
    work.tx.cases.change(case.number, Change(work.now, step, who, case.status, case.status, case.claimed_by))


def move(work: Work, case: Case, step: Step, who: str = "", *, free: bool = False, **with_it: Any) -> Case | None:
    """Take a step, and change these fields of the case with it; None, and nothing changed, where it must not be taken.

    `who` took it, empty for the bot itself; `free` as in `life.after`. What of the requester's conversations people
    have goes to the owner that the step leads to.
    """
    # there is nothing to vet about a case without content: it is how a person takes over
    status = after(case.status, case.vetting, step, free=free or case.bare is not None)
    if status is None:
        return None
    before, case = case, replace(case, status=status, **with_it)
    if case != before:
        work.tx.cases.save(case)
    if step is Step.SPEAK or case.is_over:
        promise.kept(work, case)
    if case.bare is not None and (case.is_claimed or case.is_over):
        _take_from_bot(work, case)
    if before.is_claimed and (not case.is_claimed or case.claimed_by != before.claimed_by):
        case = answers.halt(work, case)  # whoever asked is not there any more
    if status is before.status and case.claimed_by == before.claimed_by and case.vetting is before.vetting:
        return case
    work.tx.cases.change(case.number, Change(work.now, step, who, before.status, status, case.claimed_by))
    _count(work, before, case, step)
    if OWNERS[status] is not OWNERS[before.status]:
        for each in work.tx.conversations.of_requester(case.number):
            if each.owner in HUMAN:
                work.tx.conversations.save(replace(each, owner=OWNERS[status]))
    cards.refresh(work, case)
    return case


def _take_from_bot(work: Work, case: Case) -> None:
    """A case without content is claimed: people answer where the bot did (law 4), and its answers are erased (law 3).

    Where it is over, the bot goes on, and nobody is owed an answer for what was said so far.
    """
    conversation = work.tx.conversations.get(case.requester)
    if conversation.stalled != case.number:
        return
    conversation = replace(conversation, stalled=None, heard_at=None, unread=0)
    if case.is_claimed:
        stats.arrived(work, case)
        work.end_session(conversation)
        conversation = replace(conversation, owner=OWNERS[case.status], case=case.number)
    work.tx.conversations.save(conversation)


def _count(work: Work, before: Case, case: Case, step: Step) -> None:
    if step is Step.SPEAK and not _has_been_answered(work, case):
        stats.answered(work, work.now - (case.heard_at or case.opened_at))
    if case.is_over and not before.is_over and _was_with_people(work, case):
        stats.count(work, stats.OUTCOME, case.status)


def _has_been_answered(work: Work, case: Case) -> bool:
    spoken = [change for change in work.tx.cases.changes(case.number) if change.step == Step.SPEAK]
    return len(spoken) > 1  # the one just recorded is among them


def _was_with_people(work: Work, case: Case) -> bool:
    return case.bare is None or any(change.claimer for change in work.tx.cases.changes(case.number))
