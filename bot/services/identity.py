"""The requester's identity: what stays the same while their account does, and what staff hear when it does not."""

from __future__ import annotations

from dataclasses import replace

from bot.deeds import Accept
from bot.domain import Case, Conversation, Owner, TextId
from bot.services import casework, followup, progress, relay, returning, sayings, stalled
from bot.services.work import Work


def note(work: Work, conversation: Conversation, seen: str | None) -> Conversation:
    """Remember the identity that was seen in a requester's room. Of a change staff are told, the requester never.

    With the bot alone everything begins anew.
    """
    before = conversation.identity
    if seen is None or seen == before:
        return conversation
    conversation = replace(conversation, identity=seen)
    work.tx.conversations.save(conversation)
    case = casework.human_case(work, conversation) if before is not None else None
    if case is not None:
        case = followup.halt(work, case)
        casework.tell_staff(work, case, sayings.IDENTITY_CHANGED if seen else sayings.IDENTITY_GONE)
    elif before and conversation.owner is Owner.BOT:
        conversation = _begin_anew(work, conversation)
    elif before:
        returning.never_mind(work, conversation)
    return conversation


def changed(work: Work, conversation: Conversation) -> None:
    """The contact has a new identity that nobody has accepted: with people, it waits for one of them.

    With the bot alone it is accepted, and everything begins anew: whoever it is now, they are told nothing of what was
    said before.
    """
    case = casework.human_case(work, conversation)
    if case is None:
        _begin_anew(work, conversation, Accept())
    elif _waits(conversation) not in case.told:
        case = followup.halt(work, case)
        work.tx.cases.save(replace(case, told=(*case.told, _waits(conversation))))
        casework.tell_staff(work, case, sayings.IDENTITY_WAITS)


def accept(work: Work, case: Case) -> casework.Told:
    """One of the staff says that it is they: what waits is said after this."""
    theirs = work.tx.conversations.of_requester(case.number)
    waiting = [each for each in theirs if each.owner in progress.HUMAN and _waits(each) in case.told]
    if not waiting:
        return casework.Told(sayings.TRUST_REFUSED)
    over = {_waits(each) for each in waiting}
    work.tx.cases.save(replace(case, told=tuple(told for told in case.told if told not in over)))
    for each in waiting:
        work.post_first(each, Accept())
    return casework.Told(sayings.TRUST_DONE, news=True)


def accepted(work: Work, conversation: Conversation, seen: str | None) -> None:
    """The identity is the new one, of which nobody has to be told any more."""
    work.tx.conversations.save(replace(conversation, identity=seen))


def still_waits(work: Work, case: Case, other: Case) -> Case:
    """What waits in a conversation of the other case waits in this one now."""
    theirs = work.tx.conversations.of_requester(other.number)
    told = tuple(_waits(each) for each in theirs if _waits(each) in other.told)
    if told:
        case = replace(case, told=(*case.told, *told))
        work.tx.cases.save(case)
    return case


def _begin_anew(work: Work, conversation: Conversation, first: Accept | None = None) -> Conversation:
    """Whoever it is now, they are told nothing of what was said before."""
    for message in work.drop_lane(conversation, first):
        relay.not_delivered(work, message)
    work.end_session(conversation)
    returning.never_mind(work, conversation)
    return stalled.gone(work, replace(conversation, owner=Owner.NOBODY))


def _waits(conversation: Conversation) -> TextId:
    """Stands among what a case's staff were told: one person may write in two conversations."""
    return TextId(f"{sayings.IDENTITY_WAITS} {conversation.id}")
