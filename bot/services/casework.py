"""The life of a case: opened, vetted, claimed, closed, and the rooms that it gets.

Humans vet (law 8): a person signs off, and by default nobody claims before that. A claim is one person's alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest

from bot.deeds import Hold, Invite, MakeRoom, OutgoingMessage
from bot.domain import Case, CaseStatus, Conversation, ConversationId, Owner, Place, TextId, Vetting
from bot.flow import phrases
from bot.flow.events import OpenCase
from bot.life import Step
from bot.services import cards, history, keeping, progress, promise, sayings, stalled, stats
from bot.services.commands import Verdict
from bot.services.work import Work

SIGNED = {
    Verdict.PASSED: (Step.SIGN_OFF, Vetting.PASSED),
    Verdict.DECLINED: (Step.DECLINE, Vetting.DECLINED),
}


@dataclass(frozen=True, slots=True)
class Told:
    """What is answered to a command; news concerns the queue room too, and the rooms of the case where it says so.

    `other`: the second case, or the other person, that it names; `command`: what was perhaps meant.
    """

    text: TextId
    news: bool = False
    other: str = ""
    in_relay: bool = False
    in_notes: bool = False
    command: str = ""


def open_case(work: Work, conversation: Conversation, locale: str, effect: OpenCase, release: int) -> Conversation:
    """Hand the conversation over to the queue, with the answers of the path and nothing else. It keeps its card.

    `release`: of the flows whose answers they are.
    """
    shown = stalled.card_of(work, conversation)
    arrived = shown or Case(work.new_case_number(), CaseStatus.ARRIVED, conversation.id, work.now, locale, ())
    answers = tuple(
        replace(answer, file=None, ref=ref)
        for answer, ref in zip_longest(effect.answers, effect.refs[: len(effect.answers)])
    )
    case = replace(arrived, locale=locale, answers=answers, topic=effect.topic, urgency=effect.urgency)
    case = replace(case, release=release, bare=None)
    if shown is None:
        progress.begin(work, case)
        case = promise.made(work, case, conversation.heard_at or work.now)
    else:
        work.tx.cases.save(case)
        stats.arrived(work, case)
    history.leave(work, case, conversation)
    keeping.keep_files(work, case, effect.answers)
    conversation = replace(stalled.handed_over(work, conversation), owner=Owner.QUEUE, case=case.number)
    work.tx.conversations.save(conversation)
    cards.refresh(work, case)  # whoever had stopped in the middle of the questions has one
    return conversation


def human_case(work: Work, conversation: Conversation) -> Case | None:
    """The case of a requester's conversation that people own; None where nobody or the bot does."""
    if conversation.owner not in progress.HUMAN or conversation.case is None:
        return None
    return work.tx.cases.get(conversation.case)


def vet(work: Work, case: Case, verdict: Verdict, note: str, who: str) -> Told:
    """A person looks into a case, claimed before that or not, or signs it off; which is never undone."""
    if case.bare is not None and not case.is_claimed and not case.is_over:
        return Told(sayings.VET_REFUSED_BARE)
    if case.status is CaseStatus.CLOSED:
        return Told(sayings.VET_REFUSED_CLOSED)
    if case.status is CaseStatus.DECLINED or case.vetting in (Vetting.PASSED, Vetting.DECLINED):
        return Told(sayings.VET_REFUSED_DECIDED)
    if verdict is Verdict.PENDING:
        notes = _room(work, case, case.notes, Place.NOTES)
        if progress.move(work, case, Step.VET, who, vetting=Vetting.PENDING, notes=notes) is None:
            return Told(sayings.VET_REFUSED_DECIDED)
        if case.vetting is Vetting.PENDING:  # somebody else looks into it, too
            progress.note(work, case, Step.VET, who)
        _invite(work, notes, who)
        return Told(sayings.VET_PENDING_DONE, news=True)
    step, vetting = SIGNED[verdict]
    reached = _reached(work, case)
    decided = progress.move(work, case, step, who, vetting=vetting, vetted_by=who, note=note or None)
    if decided is None:
        return Told(sayings.VET_REFUSED_DECIDED)
    keeping.decided(work, decided)
    if verdict is Verdict.PASSED:
        signed = sayings.VET_DONE_SIGNED if case.is_claimed else sayings.VET_DONE_PASSED
        return Told(signed, news=True, in_notes=case.is_claimed)
    _part(work, decided, reached, sayings.CASE_DECLINED)
    return Told(sayings.VET_DONE_DECLINED, news=True, in_notes=case.is_claimed)


def claim(work: Work, case: Case, who: str, *, emergency: bool = False) -> Told:
    """One of the staff takes a case: theirs alone from now on. An emergency does not wait for a sign-off."""
    if case.status is CaseStatus.CLOSED:
        return Told(sayings.CLAIM_REFUSED_CLOSED)
    if case.is_claimed and case.claimed_by == who:
        invite(work, case, who)  # only the bot may: whoever left or declined comes back by this alone
        return Told(sayings.CLAIM_AGAIN)
    if case.is_claimed:
        return Told(sayings.CLAIM_REFUSED_TAKEN, other=case.claimed_by or "")
    if case.status is CaseStatus.DECLINED:
        return Told(sayings.CLAIM_REFUSED_DECLINED)
    before_claim = work.kit.staff.before_claim
    claimed = progress.move(work, case, Step.CLAIM, who, free=emergency or not before_claim, claimed_by=who)
    if claimed is None:
        return Told(sayings.CLAIM_REFUSED_VETTING)
    furnish(work, claimed, who)
    went_first = claimed.is_emergency and before_claim
    return Told(sayings.CLAIM_DONE_EMERGENCY if went_first else sayings.CLAIM_DONE, news=True)


def close(work: Work, case: Case, who: str) -> Told:
    """End a case. A claimed one is its claimer's to end, or a lead's: claimers can be taken ill."""
    if case.is_over:
        return Told(sayings.CLOSE_REFUSED_CLOSED)
    if case.is_claimed and who != case.claimed_by and not work.is_lead(who):
        return Told(sayings.CLOSE_REFUSED)
    reached = _reached(work, case)
    _part(work, end(work, case, who), reached, sayings.CASE_CLOSED)
    return Told(sayings.CLOSED_DONE if case.bare is None or reached else sayings.BARE_CLOSED, news=True)


def decline(work: Work, case: Case, who: str, words: str) -> Told:
    """Turn a case away with these words. A claimed one is its claimer's to decline, or a lead's."""
    if case.is_over:
        return Told(sayings.CLOSE_REFUSED_CLOSED)
    if case.bare is not None and not case.is_claimed:
        return Told(sayings.VET_REFUSED_BARE)
    if case.is_claimed and who != case.claimed_by and not work.is_lead(who):
        return Told(sayings.CLOSE_REFUSED)
    reached = _reached(work, case)
    declined = progress.move(work, case, Step.DECLINE, who)
    if declined is None:
        return Told(sayings.CLOSE_REFUSED)
    if reached is not None:
        work.say(reached, words)
    _part(work, declined, reached, sayings.CASE_CLOSED)
    return Told(sayings.DECLINED_DONE, news=True)


def reopen(work: Work, case: Case, here: Conversation) -> Case | None:
    """The requester has come back with the same matter: the queue has it again, and whoever had it last is named.

    None where it is not closed, or where `here`, in which they say so, is another case's. What they write in any other
    of theirs is the case's again too, unless they are with the bot there, or it was given up.
    """
    last, given_up = case.claimed_by, [text for text in case.told if _is_given_up(text)]
    if here.case != case.number:
        return None
    reopened = progress.move(
        work,
        case,
        Step.REOPEN,
        claimed_by=None,
        relay_open=False,
        help_wanted=False,
        left=None,
        told=tuple(text for text in case.told if text == sayings.NOTES_INTRO or text in given_up),
        writes_from=here.id,
    )
    if reopened is None:
        return None
    reopened = promise.made(work, reopened, here.heard_at or work.now)
    for one in (reopened, *work.tx.cases.joined(case.number)):
        keeping.goes_on(work, one)
    work.end_session(here)
    work.tx.conversations.save(replace(stalled.gone(work, here), owner=Owner.QUEUE))
    for each in work.tx.conversations.of_requester(case.number):
        if each.owner is Owner.NOBODY and given_up_in(each) not in given_up:
            work.tx.conversations.save(replace(each, owner=Owner.QUEUE))
    had = last is not None and work.lists(last)
    told = work.kit.render.staff(sayings.REOPENED_LAST if had else sayings.REOPENED, case=case.number, who=last or "")
    work.say(work.queue_of(reopened), told)
    return reopened


def given_up_in(conversation: Conversation) -> TextId:
    """Stands among what was told: whoever writes in this one of a requester's conversations may be somebody else."""
    return TextId(f"{phrases.EXITED} {conversation.id}")


def _is_given_up(text: TextId) -> bool:
    return text.startswith(f"{phrases.EXITED} ")


def break_off(work: Work, case: Case, unsafe: Conversation) -> None:
    """A room of the requester's is not safe any more: tell staff (law 5). Reached elsewhere, they keep the case."""
    elsewhere = others(work, case, unsafe)
    if not elsewhere:
        tell_staff(work, case, sayings.ROOM_UNSAFE)
        end(work, case)
        return
    partner = elsewhere[0].id if case.partner == unsafe.id else case.writes_from
    case = replace(case, writes_from=partner, told=(*case.told, given_up_in(unsafe)))
    work.tx.cases.save(case)
    reached = work.tx.conversations.get(case.partner)
    tell_staff(work, case, sayings.ROOM_UNSAFE_ONE, channel=work.kit.render.channel(reached.channel))


def others(work: Work, case: Case, conversation: Conversation) -> list[Conversation]:
    """The other conversations of its requester that people have."""
    found = work.tx.conversations.of_requester(case.number)
    return [each for each in found if each.id != conversation.id and each.owner in progress.HUMAN]


def summarize(work: Work, notes: Conversation, case: Case, reader: str = "") -> None:
    """Say in a notes room what the case is about, in the language of whoever reads it.

    What goes at another time than the rest is a message of its own.
    """
    requester = work.tx.conversations.get(case.partner)
    parts = work.render_of(case).summary(
        case,
        requester.channel,
        before_claim=work.kit.staff.before_claim,
        identity=requester.identity,
        expires=requester.expires,
        changes=work.tx.cases.changes(case.number),
        locale=work.kit.staff.languages.get(reader),
    )
    for part in parts:
        work.say(notes, part.text, hold=Hold(case.number, part.keep, part.expires, part.due))


def tell_staff(work: Work, case: Case, text: TextId, **params: str) -> None:
    """Tell whoever has the case: in its relay room while the claimer is there, or else in the queue room."""
    at = work.tx.conversations.get(case.relay) if case.relay and case.relay_open else work.queue_of(case)
    work.say(at, work.kit.render.staff(text, case=case.number, **params))


def tell_once(work: Work, case: Case, text: TextId) -> None:
    """Tell everybody in the queue room, once in the life of a case."""
    if text not in case.told:
        work.tx.cases.save(replace(case, told=(*case.told, text)))
        work.say(work.queue_of(case), work.kit.render.staff(text, case=case.number))


def end(work: Work, case: Case, who: str = "") -> Case:
    """Nobody works on it any more."""
    if not case.is_over:
        for each in (case, *work.tx.cases.joined(case.number)):
            keeping.over(work, each)
    return progress.move(work, case, Step.CLOSE, who) or case


def _reached(work: Work, case: Case) -> Conversation | None:
    """Where people reach the requester now."""
    partner = work.tx.conversations.get(case.partner)
    return partner if partner.owner in progress.HUMAN and partner.case == case.number else None


def _part(work: Work, case: Case, reached: Conversation | None, text: TextId) -> None:
    """People are done: tell the requester, where they were reached."""
    if reached is not None:
        work.say(reached, work.kit.render.requester(text, case.locale, case.number))
    if case.status is CaseStatus.DECLINED:
        for each in (case, *work.tx.cases.joined(case.number)):
            keeping.over(work, each)
        keeping.erase_waiting(work, case)  # nobody will claim it


def furnish(work: Work, case: Case, who: str) -> None:
    """Whoever has a case now is asked into its rooms: into others where somebody is who may not read any more.

    What people write there, their own apps encrypt for everybody in the room.
    """
    if not all(work.lists(reader.who) for reader in case.readers):  # whether they ever left it, nobody may have told
        if case.notes is not None:  # what waits to be said there is said again
            work.withhold(work.tx.conversations.get(case.notes), lambda message: keeping.holds(message, case))
        told = tuple(text for text in case.told if text != sayings.NOTES_INTRO)
        case = replace(case, relay=None, notes=None, relay_open=False, readers=(), told=told)
    relay, notes = _room(work, case, case.relay, Place.RELAY), _room(work, case, case.notes, Place.NOTES)
    case = replace(case, relay=relay, notes=notes)
    work.tx.cases.save(case)
    invite(work, case, who)


def invite(work: Work, case: Case, who: str) -> None:
    """Ask one of the staff into both rooms."""
    _invite(work, case.relay, who)
    _invite(work, case.notes, who)


def _room(work: Work, case: Case, made: ConversationId | None, place: Place) -> ConversationId:
    """The case's relay or notes room: the one it has, or one that the outbox will make."""
    if made is not None:
        return made
    requester = work.tx.conversations.get(case.requester)
    room = Conversation(
        ConversationId(work.new_id()),
        work.kit.staff.channel,
        place,
        key=requester.key,
        owner=Owner.SPECIALIST,
        case=case.number,
    )
    work.tx.conversations.add(room)
    _make(work, case, room)
    return room.id


def make_anew(work: Work, case: Case, gone: Conversation, undone: Sequence[OutgoingMessage]) -> None:
    """A room of the case's is not there any more, or the bot is out of it: make another, and ask the same into that."""
    room = replace(gone, room=None)
    work.tx.conversations.save(room)
    _make(work, case, room)
    for message in undone:
        if isinstance(message.deed, Invite):
            work.post(room, message.deed)
    work.say(work.queue_of(case), work.kit.render.staff(sayings.ROOM_MADE_ANEW, case=case.number))


def _make(work: Work, case: Case, room: Conversation) -> None:
    work.post(room, MakeRoom(work.new_id(), work.kit.render.staff(sayings.NAMES[room.place], case=case.number)))


def _invite(work: Work, room: ConversationId | None, who: str) -> None:
    if room is not None:
        work.post(work.tx.conversations.get(room), Invite(who))
