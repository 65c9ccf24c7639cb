"""The promise of a first answer, counted from the requester's first message to the first words of a person.

It runs from `Case.heard_at` until staff write to the requester, or nobody works on the case any more, and begins anew
with the word that reopens a case. What was said of it stands in `Case.told`: so each is said once, whatever happens to
the bot or its clock meanwhile, and a bot that was away says the highest rung alone.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from bot.cldr import in_minutes
from bot.domain import Case, Change, Conversation, Owner, TextId, Timer
from bot.errors import VestibuleError
from bot.flow import phrases
from bot.ladder import Rung
from bot.life import Step
from bot.logs import describe
from bot.services import sayings
from bot.services.work import Work

KIND = "promise"  # of a timer, before the number of a case
MINUTE = timedelta(minutes=1)
TRY_AGAIN = timedelta(minutes=10)  # after a failure, which is most likely a broken record

_WITHDRAWN = frozenset({phrases.EXITED, sayings.WAITING_STOP})
"""Whoever was told this is not written to by the bot: somebody may be reading along, or they want nothing more."""

_log = logging.getLogger(__name__)


def is_due(timer: Timer) -> bool:
    """Whether this timer is one of ours."""
    return timer.what == KIND


def made(work: Work, case: Case, heard_at: datetime) -> Case:
    """An answer is owed for this case, since that message."""
    case = replace(case, heard_at=heard_at, told=tuple(text for text in case.told if not _is_of_promise(text)))
    work.tx.cases.save(case)
    _expect(work, case, timedelta(0))
    return case


def kept(work: Work, case: Case) -> None:
    """Somebody has answered, or nobody is owed an answer any more."""
    work.tx.timers.cancel(case.requester, case.kind_of_timer(KIND))


def ring(work: Work, timer: Timer) -> None:
    """Something may have to be said of a promise."""
    case = work.tx.cases.get(timer.case)
    if case is None or case.heard_at is None:
        return
    waited = work.now - case.heard_at
    rung = work.kit.promise.due(waited, _called(case))
    if rung is not None:
        case = _call(work, case, rung, waited)
    if waited >= work.kit.promise.first_response:
        _admit(work, case)
    _expect(work, case, waited)


def try_again(work: Work, timer: Timer) -> None:
    """What failed is owed still."""
    work.set_due(timer.conversation, timer.kind, work.now + TRY_AGAIN)


def is_back(work: Work, case: Case) -> Case:
    """Its requester, who had left in haste, writes again: what they were not told meanwhile can be told now."""
    if phrases.EXITED not in case.told:
        return case
    case = replace(case, told=tuple(text for text in case.told if text != phrases.EXITED))
    work.tx.cases.save(case)
    if case.heard_at is not None and not _is_answered(work, case):
        work.set_due(case.requester, case.kind_of_timer(KIND), work.now)
    return case


def unreached(work: Work, queue: Conversation, *, away: bool) -> None:
    """Nothing can be said in this room of the staff: whoever waits there must not believe that somebody reads.

    `away`: its server does not answer, so that the requesters who are there hear of it only when it is over.
    """
    head = work.tx.outbox.head(queue.id)
    if head is not None and head.attempts == 0:  # it waits behind the door, which was tried in its place
        work.tx.outbox.save(replace(head, attempts=1))
    try:
        open_cases = work.tx.cases.open()
    except VestibuleError as error:
        _log.error("who waits for staff could not be looked up: %s", describe(error))
        return
    for case in open_cases:
        if case.is_claimed or case.is_over or work.queue_of(case).id != queue.id:
            continue
        try:
            requester = _requester(work, case)
            if requester is not None and not (away and requester.channel == queue.channel):
                _tell_once(work, case, requester, sayings.TEAM_UNREACHED)
        except VestibuleError as error:  # of one whose record is broken; the others must hear of it
            _log.error("somebody could not be told that staff are not reached: %s", describe(error))


def answered_after(case: Case, changes: Sequence[Change]) -> int | None:
    """Minutes from the requester's first message to the first words of a person; None while there are none.

    Of a case that was reopened, those since then.
    """
    answer = None
    for change in changes:
        if change.step in (Step.OPEN, Step.REOPEN):
            answer = None
        elif change.step == Step.SPEAK:
            answer = answer or change.at
    if answer is None or case.heard_at is None:
        return None
    return max((answer - case.heard_at) // MINUTE, 0)


def set_back(work: Work, timers: Sequence[Timer], by: timedelta) -> None:
    """The clock was set back by so much: time that has passed is not waited for again."""
    for timer in filter(is_due, timers):
        case = work.tx.cases.get(timer.case)
        if case is not None and case.heard_at is not None:
            work.tx.cases.save(replace(case, heard_at=case.heard_at - by))
            work.set_due(timer.conversation, timer.kind, timer.due - by)


def _call(work: Work, case: Case, rung: Rung, waited: timedelta) -> Case:
    """Call them by name where the case is shown, with nothing of the requester's."""
    staff, render = work.kit.staff, work.kit.render
    everyone = list(dict.fromkeys((*staff.members, *(listed.user for listed in work.tx.roster.listed()))))
    called = work.kit.promise.called(
        rung,
        work.now,
        leads=[who for who in everyone if work.is_lead(who)],
        directors=staff.directors,
        everyone=everyone,
    )
    text = render.staff(
        sayings.PROMISE_CALL,
        case=case.number,
        time=in_minutes(waited, render.staff_locale),
        state=render.state(case, before_claim=staff.before_claim),
        who=", ".join(called),
    )
    work.say(work.queue_of(case), text, mentions=called)
    case = replace(case, told=(*case.told, TextId(f"{sayings.PROMISE_CALL} {rung.after // MINUTE}")))
    work.tx.cases.save(case)
    return case


def _admit(work: Work, case: Case) -> None:
    """Tell the requester the truth: the time is over, and nobody has answered (law 4)."""
    requester = _requester(work, case)
    if requester is None or sayings.PROMISE_MISSED in case.told:
        return
    if case.is_claimed or _is_reached(work, work.queue_of(case)):
        _tell_once(work, case, requester, sayings.PROMISE_MISSED)
    else:
        _tell_once(work, case, requester, sayings.TEAM_UNREACHED)


def _tell_once(work: Work, case: Case, requester: Conversation, text: TextId) -> None:
    if text in case.told:
        return
    work.tx.cases.save(replace(case, told=(*case.told, text)))
    locale: str | None = case.locale
    if requester.owner is Owner.BOT:  # they may not have chosen a language yet
        session = work.tx.sessions.load(requester.id)
        locale = None if session is None else session.locale
    work.say(requester, work.kit.render.requester(text, locale, case.number))


def _requester(work: Work, case: Case) -> Conversation | None:
    """Where its requester can be told something; None where there is no such place, or they have withdrawn from it."""
    conversation = work.tx.conversations.get(case.partner)
    theirs = case.number == (conversation.stalled if conversation.owner is Owner.BOT else conversation.case)
    if conversation.owner is Owner.NOBODY or not theirs or _WITHDRAWN.intersection(case.told):
        return None
    return conversation


def _is_reached(work: Work, queue: Conversation) -> bool:
    """Whether what is said in this room is not known to fail."""
    head = work.tx.outbox.head(queue.id)
    return head is None or head.attempts == 0


def _is_answered(work: Work, case: Case) -> bool:
    return answered_after(case, work.tx.cases.changes(case.number)) is not None


def _expect(work: Work, case: Case, waited: timedelta) -> None:
    coming = work.kit.promise.coming(waited)
    if coming is not None and case.heard_at is not None:
        work.set_due(case.requester, case.kind_of_timer(KIND), case.heard_at + coming)


def _called(case: Case) -> timedelta:
    """The highest rung for which somebody was called."""
    rungs = [text.rpartition(" ")[2] for text in case.told if text.startswith(f"{sayings.PROMISE_CALL} ")]
    return max((int(minutes) * MINUTE for minutes in rungs), default=timedelta(0))


def _is_of_promise(text: TextId) -> bool:
    return text in (sayings.PROMISE_MISSED, sayings.TEAM_UNREACHED) or text.startswith(f"{sayings.PROMISE_CALL} ")
