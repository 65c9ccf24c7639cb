"""Coming back: whoever writes again after their case was closed is asked whether it is about the same matter.

Whoever may be somebody else is not: they must not learn that there was a case.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta

from bot.domain import Answer, Attachment, Case, CaseStatus, Conversation
from bot.flow import phrases
from bot.flow.events import Begun, Edited, Effect, Event, Missed, PassOn, Replied, Sent
from bot.flow.session import Held, Session
from bot.flow.sorts import Entry
from bot.happenings import Attached, Wrote
from bot.life import OWNERS
from bot.services import casework, keeping, relay, sayings, silence, stalled
from bot.services.answers import show
from bot.services.work import Work


def begun(work: Work, conversation: Conversation, event: Replied | Edited | Sent | Missed) -> Begun | None:
    """How the conversation begins for whoever may be coming back with this; None where it does as for everyone.

    A command means what it always does.
    """
    case = _closed(work, conversation)
    entrances = work.kit.releases.latest.content.compiled.entrances.items()
    flow = next((name for name, entrance in entrances if entrance.entry is Entry.RETURNING), None)
    if case is None or flow is None or case.locale not in work.kit.releases.latest.content.compiled.locales:
        return None
    match event:
        case Replied(text) if work.kit.engine.command(text, case.locale) is not None:
            return None
        case Missed():
            return None  # whose account it comes from is not known before something can be read
        case Edited():
            return Begun(flow, case.locale, phrases.CANNOT_TAKE_CHANGE)
        case _:
            return Begun(flow, case.locale)


def said(event: Event, expires: timedelta | None) -> Held | None:
    """What was sent, as it is held until it is known what it is about."""
    match event:
        case Replied(text, ref):
            return Held(text, ref, expires)
        case Sent(file, ref):
            return Held(file, ref, expires)
        case _:
            return None


def held(session: Session | None, event: Event, effects: Iterable[Effect], what: Held | None) -> Session | None:
    """The session of whoever comes back, with this, if it is for people to read."""
    if session is None or what is None or session.entry is not Entry.RETURNING:
        return session
    for_people = isinstance(event, Begun) or any(isinstance(effect, PassOn) for effect in effects)
    return replace(session, held=(*session.held, what)) if for_people else session


def reopen(
    work: Work, conversation: Conversation, session: Session, answers: tuple[Answer, ...]
) -> Conversation | None:
    """It is the same matter: people have the conversation again, and all that was written since is theirs.

    None where the case is not there any more.
    """
    case = _last(work, conversation)
    if case is None or not _may_be_spoken_of(conversation, case):
        return None
    conversation = replace(conversation, case=case.number)
    work.tx.conversations.save(conversation)
    reopened = _again(work, case, conversation) if case.is_over else _follow(work, case, conversation)
    if reopened is None:
        return None
    given = tuple(replace(answer, file=None) for answer in answers)
    reopened = replace(reopened, answers=(*reopened.answers, *given))
    work.tx.cases.save(reopened)
    if sayings.NOTES_INTRO in reopened.told:  # whoever comes in later reads it in the summary
        show(work, reopened, given, session)
    keeping.keep_files(work, reopened, answers)
    conversation = work.tx.conversations.get(conversation.id)
    for each in session.held:
        what = Attached(each.said) if isinstance(each.said, Attachment) else Wrote(each.said)
        said = replace(what, expires=each.expires)
        relay.from_requester(work, conversation, reopened, each.ref or relay.NO_EVENT, said)
    return conversation


def _again(work: Work, case: Case, conversation: Conversation) -> Case | None:
    silence.reopened(work, case)
    return casework.reopen(work, case, conversation)


def _follow(work: Work, case: Case, conversation: Conversation) -> Case:
    """They have said so in another of their conversations already: people have this one, too."""
    work.end_session(conversation)
    work.tx.conversations.save(replace(stalled.gone(work, conversation), owner=OWNERS[case.status]))
    return case


def never_mind(work: Work, conversation: Conversation) -> None:
    """Whoever writes here next may be somebody else."""
    case, mark = _last(work, conversation), casework.given_up_in(conversation)
    if case is not None and mark not in case.told:
        work.tx.cases.save(replace(case, told=(*case.told, mark)))


def _closed(work: Work, conversation: Conversation) -> Case | None:
    """The case to which they may be coming back: closed, and not erased."""
    case = _last(work, conversation)
    closed = case is not None and case.status is CaseStatus.CLOSED and _may_be_spoken_of(conversation, case)
    return case if closed else None


def _may_be_spoken_of(conversation: Conversation, case: Case) -> bool:
    """Whether there is something to come back to, and nobody but they can be writing here."""
    left = {phrases.EXITED, casework.given_up_in(conversation)}
    return case.status is not CaseStatus.DECLINED and bool(case.answers) and not left.intersection(case.told)


def _last(work: Work, conversation: Conversation) -> Case | None:
    """Their last case, or the one that it was joined to."""
    case = work.tx.cases.get(conversation.case) if conversation.case is not None else None
    return work.tx.cases.get(case.joined_to) if case is not None and case.joined_to is not None else case
