"""One step of the flow engine in a requester's conversation: what it leaves is stored, what it asks for is done."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from bot.domain import Attachment, Conversation, Owner
from bot.flow import phrases
from bot.flow import session as sessions
from bot.flow.events import (
    BeginAnew,
    CancelTimer,
    End,
    Event,
    Forget,
    OpenCase,
    Reopen,
    Say,
    SetTimer,
    Started,
    Withdraw,
)
from bot.flow.session import Held, Session
from bot.services import casework, returning, sayings, stalled, wishes
from bot.services.releases import Stepped
from bot.services.timed import timed
from bot.services.work import Work


def advance(
    work: Work,
    conversation: Conversation,
    before: Session | None,
    event: Event,
    expires: timedelta | None = None,
    heard: Held | None = None,
) -> None:
    """One engine step: the session it leaves, and all that it asks for as one message.

    `expires`: what gave its newest answer is to disappear. `heard`: what of it is held of whoever comes back.
    """
    held = [*sessions.files(before), *([heard.said] if heard and isinstance(heard.said, Attachment) else [])]
    step = work.kit.releases.step(work.tx, before, event)
    if expires is not None:
        session, effects = timed(before, step.session, step.effects, expires)
        step = replace(step, session=session, effects=effects)
    step = replace(step, session=returning.held(step.session, event, step.effects, heard))
    locale = locale_of(step.session) or locale_of(before) or (event.locale if isinstance(event, Started) else None)
    if step.session is None:
        work.tx.sessions.erase(conversation.id)
    else:
        work.tx.sessions.save(conversation.id, step.session)
    handed_over, anew, wish, earlier = False, False, None, conversation.case
    reopened: Conversation | None = None
    for effect in step.effects:
        match effect:
            case OpenCase():
                first = work.kit.render.first_locale
                conversation = casework.open_case(work, conversation, locale or first, effect, step.release)
                handed_over = True
            case Reopen(answers=given) if before is not None:
                reopened = returning.reopen(work, conversation, before, given)
                conversation, anew = reopened or conversation, reopened is None
            case BeginAnew():
                anew = True
            case Say(phrases.EXITED):
                returning.never_mind(work, conversation)
            case SetTimer(kind, after):
                work.set_timer(conversation, kind, after)
            case CancelTimer(kind):
                work.tx.timers.cancel(conversation.id, kind)
            case Withdraw():
                wish = sayings.EARLIER_WITHDRAWN
            case Forget():
                wish = sayings.EARLIER_FORGOTTEN
                conversation = wishes.forget(work, conversation)
            case End() if not handed_over:
                conversation = stalled.gone(work, replace(conversation, owner=Owner.NOBODY))
            case _:
                pass  # said below, all together
    if step.session is not None:
        conversation = stalled.moved(work, conversation, step.session)
    still = {*sessions.files(step.session), *_handed_over(step, OpenCase)}
    if reopened is not None:
        still.update((*sessions.files(before), *_handed_over(step, Reopen)))
    work.let_go(conversation, *(file for file in dict.fromkeys(held) if file not in still))
    fingerprint = work.kit.fingerprint(conversation)
    if reopened is not None or not any(isinstance(effect, Reopen) for effect in step.effects):
        work.say(conversation, step.words(locale, conversation.case, fingerprint))
    if wish is not None and earlier is not None:  # what was passed on then stands in rooms of the staff
        wishes.pass_on(work, earlier, wish)
        work.say(conversation, work.kit.render.requester(sayings.EARLIER_CASE, locale, earlier))
    if anew:
        opening = before.held[0].said if before is not None and before.held else ""
        advance(work, conversation, None, Started(opening if isinstance(opening, str) else "", locale))


def _handed_over(step: Stepped, how: type[OpenCase | Reopen]) -> list[Attachment]:
    """The files that a case has now."""
    cases = [effect for effect in step.effects if isinstance(effect, how)]
    return [answer.file for case in cases for answer in case.answers if answer.file is not None]


def locale_of(session: Session | None) -> str | None:
    """The language of whoever has this session; None where it is not known."""
    return session.locale if session else None
