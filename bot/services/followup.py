"""Flows that a specialist has asked: their questions are put to the requester, one at a time, while people are there.

People have the conversation (law 4): the bot says what its owner asked for. Nothing that the requester writes meanwhile
is lost: it answers a question, or it goes to the relay room as always.
"""

from __future__ import annotations

from bot.domain import Case, CaseNumber, Conversation
from bot.flow.events import Answered, Begun, CancelTimer, Edited, Event, PassOn, Replied, Sent, SetTimer, TimedOut
from bot.flow.model import Flow
from bot.flow.phrases import Command
from bot.flow.session import Session
from bot.flow.sorts import Entry
from bot.happenings import Attached, Wrote
from bot.life import Step
from bot.services import answers, progress, relay, sayings
from bot.services.casework import Told
from bot.services.commands import like
from bot.services.timed import timed
from bot.services.work import Work

_LEAVING = (Command.EXIT, Command.WITHDRAW, Command.FORGET)


def ask(work: Work, case: Case, name: str, who: str) -> Told:
    """Have this flow asked; without a name, say which there are."""
    flows = {flow.name: flow for flow in work.kit.releases.latest.content.library.flows.values()}
    known = {name: flow for name, flow in flows.items() if flow.entry is Entry.ASKED}
    if not name:
        return Told(sayings.ASK_LIST, other="\n".join(map(_line, known.values())))
    reached = relay.reached(work, case) if case.claimed_by == who else None
    if reached is None:
        return Told(sayings.ASK_REFUSED)
    if any(answers.asking(work, each) for each in work.tx.conversations.of_requester(case.number)):
        return Told(sayings.ASK_REFUSED_RUNNING)
    if name not in known:
        meant = like(name, tuple(known), "!ask ")
        return Told(sayings.DID_YOU_MEAN, command=meant) if meant else Told(sayings.ASK_UNKNOWN)
    _step(work, reached, case, None, Begun(name, case.locale))
    return Told(sayings.ASK_BEGUN)


def hear(
    work: Work,
    conversation: Conversation,
    case: Case,
    event_id: str,
    what: Wrote | Attached,
    command: Command | None = None,
) -> Case | None:
    """Take what a requester sent as an answer, or else pass it on; the case where nothing is asked (any more)."""
    session = answers.asking(work, conversation)
    if session is None:
        return case
    if command in _LEAVING:
        return halt(work, case)
    match what:
        case Attached(file):
            event: Event = Sent(file, event_id)
        case Wrote(text, edits=None):
            event = Replied(text, event_id)
        case Wrote(text, edits=edited):
            event = Edited(text, edited or event_id)
    _step(work, conversation, case, session, event, (event_id, what))
    return None


def halt(work: Work, case: Case) -> Case:
    """Ask no more, of a requester who may not be the same any more or wants to leave; what they answered is kept."""
    return _pass_on_files(work, answers.halt(work, case))


def time_out(work: Work, conversation: Conversation, case: Case, kind: str) -> None:
    """A question has waited for long."""
    session = answers.asking(work, conversation)
    if session is not None:
        _step(work, conversation, case, session, TimedOut(kind))


def _step(
    work: Work,
    conversation: Conversation,
    case: Case,
    before: Session | None,
    event: Event,
    sent: tuple[str, Wrote | Attached] | None = None,
) -> None:
    """One step of the engine. `sent`: what is passed on where it answers nothing."""
    step = work.kit.releases.step(work.tx, before, event)
    session, effects = step.session, step.effects
    if sent is not None and sent[1].expires is not None:
        session, effects = timed(before, session, effects, sent[1].expires)
    if session is not None:
        work.tx.sessions.save(conversation.id, session)
    work.say(conversation, step.words(case.locale, case.number, None))
    for effect in effects:
        match effect:
            case SetTimer(kind, after):
                work.set_timer(conversation, kind, after)
            case CancelTimer(kind):
                work.tx.timers.cancel(conversation.id, kind)
            case PassOn() if sent is not None:
                relay.from_requester(work, conversation, case, *sent)
            case Answered() if before is not None:
                _over(work, conversation, case.number, before, effect)
            case _:
                pass


def _over(work: Work, conversation: Conversation, number: CaseNumber, before: Session, answered: Answered) -> None:
    case = work.tx.cases.get(number)
    if case is None:
        return
    case = answers.over(work, conversation, case, before, answered)
    _pass_on_files(work, progress.move(work, case, Step.HEAR) or case)


def _pass_on_files(work: Work, case: Case) -> Case:
    """The files that they sent for answers are posted where somebody reads them."""
    if case.relay_open:
        relay.pass_on_kept(work, case)
    return case


def _line(flow: Flow) -> str:
    return f"!ask {flow.name} - {flow.about}" if flow.about else f"!ask {flow.name}"
