"""What a specialist had asked is over: the answers go into the case and its notes room, and the relay room is told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from bot.deeds import Hold
from bot.domain import Answer, Case, Conversation, Keep, Vetting
from bot.flow import session as sessions
from bot.flow.engine import IDLE, REMIND
from bot.flow.events import Answered, Halted
from bot.flow.session import Session
from bot.flow.sorts import Entry
from bot.services import keeping, sayings
from bot.services.work import Work


def asking(work: Work, conversation: Conversation) -> Session | None:
    """Where the requester stands in what they are asked by staff; None where they are asked nothing."""
    session = work.tx.sessions.load(conversation.id)
    return session if session is not None and session.entry is Entry.ASKED else None


def halt(work: Work, case: Case) -> Case:
    """Ask no more in any conversation of this case, and say nothing of it there."""
    for conversation in work.tx.conversations.of_requester(case.number):
        session = asking(work, conversation)
        if session is None:
            continue
        step = work.kit.releases.step(work.tx, session, Halted())
        for effect in step.effects:
            if isinstance(effect, Answered):
                case = over(work, conversation, case, session, effect)
    return case


def over(work: Work, conversation: Conversation, case: Case, session: Session, answered: Answered) -> Case:
    """Erase where the requester stood, and take what they answered into the case."""
    work.tx.sessions.erase(conversation.id)
    for kind in (IDLE, REMIND):
        work.tx.timers.cancel(conversation.id, kind)
    given = {answer.file for answer in answered.answers}
    work.let_go(conversation, *(file for file in dict.fromkeys(sessions.files(session)) if file not in given))
    keeping.keep_files(work, case, answered.answers)
    answers = tuple(replace(answer, file=None) for answer in answered.answers)
    case = replace(case, answers=(*case.answers, *answers))
    work.tx.cases.save(case)
    if case.vetting in (Vetting.PASSED, Vetting.DECLINED) and any(answer.keep is Keep.VETTING for answer in answers):
        keeping.decided_before(work, case)
    show(work, case, answers, session)
    if case.relay is not None:
        told = work.kit.render.staff(sayings.ASKED_OVER[answered.why], case=case.number)
        work.say(work.tx.conversations.get(case.relay), told)
    return case


def show(work: Work, case: Case, answers: Sequence[Answer], session: Session) -> None:
    """Say in the notes room what was answered in this session, after the case was handed over."""
    if case.notes is None:
        return
    notes = work.tx.conversations.get(case.notes)
    for part in work.kit.releases.of(session.release, work.tx).render.later(case, answers):
        work.say(notes, part.text, hold=Hold(case.number, part.keep, part.expires, part.due))
