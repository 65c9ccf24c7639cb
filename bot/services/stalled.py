"""Whoever waits for people without having been handed over to them: the clock before there is a case, and its card.

The clock starts with the first message of a session, and goes with the session. When the first rung of the ladder is
reached, and they have been quiet for a little, people get a card without content where somebody has stopped in the
middle of the questions, or nothing that they write can be decrypted. Otherwise nobody is owed an answer, and the clock
stops until they write again: they have read answers of the FAQ, or chosen nothing yet.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from bot.domain import Bare, Case, CaseStatus, Conversation, Owner, Timer
from bot.flow.inside import is_inside, is_parting
from bot.flow.session import Session
from bot.happenings import Cause
from bot.life import Step
from bot.services import cards, progress, promise, sayings
from bot.services.work import Work

KIND = "stalled"  # of a timer
QUIET = timedelta(minutes=5)  # whoever has written so lately has not stopped
UNREAD = 2  # messages in a row that could not be decrypted: one may have been lost
UNDECRYPTED = frozenset({Cause.NO_KEY, Cause.WITHHELD, Cause.UNBOUND})


def is_due(timer: Timer) -> bool:
    """Whether this timer is ours."""
    return timer.kind == KIND


def heard(work: Work, conversation: Conversation, *, readable: bool = True) -> Conversation:
    """Something came from a requester whose conversation people do not have."""
    began = conversation.heard_at
    unread = 0 if readable else conversation.unread + 1
    before, conversation = conversation, replace(conversation, heard_at=began or work.now, unread=unread)
    if conversation != before:
        work.tx.conversations.save(conversation)
    due = (began or work.now) + work.kit.promise.stalls_after
    if began is None or due < work.now + QUIET:
        work.set_due(conversation.id, KIND, max(due, work.now + QUIET))
    return conversation


def ring(work: Work, conversation: Conversation) -> None:
    """So long after their first message nothing was handed over: tell people, where that is owed."""
    if conversation.owner is not Owner.BOT or conversation.heard_at is None or conversation.stalled is not None:
        return
    session = work.tx.sessions.load(conversation.id)
    bare = _why(work, conversation, session)
    if bare is None:
        work.tx.conversations.save(replace(conversation, heard_at=None, unread=0))
        return
    locale = (session.locale if session else None) or work.kit.render.first_locale
    case = Case(work.new_case_number(), CaseStatus.ARRIVED, conversation.id, work.now, locale, (), bare=bare)
    progress.begin(work, case)
    work.tx.conversations.save(replace(conversation, stalled=case.number))
    promise.made(work, case, conversation.heard_at)
    cards.show(work, case)


def card_of(work: Work, conversation: Conversation) -> Case | None:
    """The case without content that waits for somebody who is with the bot still."""
    case = work.tx.cases.get(conversation.stalled) if conversation.stalled is not None else None
    return None if case is None or case.is_over else case


def handed_over(work: Work, conversation: Conversation) -> Conversation:
    """From now on the clock is the case's."""
    work.tx.timers.cancel(conversation.id, KIND)
    return replace(conversation, heard_at=None, unread=0, stalled=None)


def moved(work: Work, conversation: Conversation, session: Session) -> Conversation:
    """They have gone on: whoever is out of the questions again has no need of people any more."""
    case = card_of(work, conversation)
    if case is None or case.bare is not Bare.STALLED or _is_inside(work, session):
        return conversation
    conversation = replace(conversation, stalled=None)
    work.tx.conversations.save(conversation)
    _close(work, case)
    return conversation


def gone(work: Work, conversation: Conversation) -> Conversation:
    """The session is over, and nothing of it was handed over: nobody is owed an answer."""
    number = conversation.stalled
    conversation = handed_over(work, conversation)
    work.tx.conversations.save(conversation)
    case = work.tx.cases.get(number) if number is not None else None
    if case is not None and not case.is_over:
        _close(work, case)
    return conversation


def set_back(work: Work, timers: Sequence[Timer], by: timedelta) -> None:
    """As `promise.set_back`."""
    for timer in filter(is_due, timers):
        conversation = work.tx.conversations.get(timer.conversation)
        if conversation.heard_at is not None:
            work.tx.conversations.save(replace(conversation, heard_at=conversation.heard_at - by))
            work.set_due(timer.conversation, timer.kind, timer.due - by)


def _why(work: Work, conversation: Conversation, session: Session | None) -> Bare | None:
    if conversation.unread >= UNREAD:
        return Bare.UNREADABLE
    if session is not None and _is_inside(work, session) and not is_parting(session):
        return Bare.STALLED
    return None


def _is_inside(work: Work, session: Session) -> bool:
    return is_inside(work.kit.releases.of(session.release, work.tx).content.compiled, session)


def _close(work: Work, case: Case) -> None:
    progress.move(work, case, Step.CLOSE)
    work.say(work.queue_of(case), work.kit.render.staff(sayings.BARE_GONE, case=case.number))
