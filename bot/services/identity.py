"""The requester's identity: what stays the same while their account does, and what staff hear when it does not."""

from __future__ import annotations

from dataclasses import replace

from bot.deeds import Accept
from bot.domain import Case, Conversation, Owner
from bot.services import casework, sayings
from bot.services.work import Work


def note(work: Work, conversation: Conversation, seen: str | None) -> Conversation:
    """Remember the identity that was seen in a requester's room. Of a change staff are told, the requester never."""
    before = conversation.identity
    if seen is None or seen == before:
        return conversation
    conversation = replace(conversation, identity=seen)
    work.tx.conversations.save(conversation)
    case = casework.human_case(work, conversation) if before is not None else None
    if case is not None:
        casework.tell_staff(work, case, sayings.IDENTITY_CHANGED if seen else sayings.IDENTITY_GONE)
    return conversation


def changed(work: Work, conversation: Conversation) -> None:
    """The contact has a new identity that nobody has accepted: with people, it waits for one of them.

    With the bot alone it is accepted, and everything begins anew: whoever it is now, they are told nothing of what was
    said before.
    """
    case = casework.human_case(work, conversation)
    if case is None:
        work.drop_lane(conversation, Accept())
        work.end_session(conversation)
        work.tx.conversations.save(replace(conversation, owner=Owner.NOBODY))
    elif sayings.IDENTITY_WAITS not in case.told:
        work.tx.cases.save(replace(case, told=(*case.told, sayings.IDENTITY_WAITS)))
        casework.tell_staff(work, case, sayings.IDENTITY_WAITS)


def accept(work: Work, case: Case) -> casework.Told:
    """One of the staff says that it is they: what waits is said after this."""
    if sayings.IDENTITY_WAITS not in case.told:
        return casework.Told(sayings.TRUST_REFUSED)
    told = tuple(told for told in case.told if told != sayings.IDENTITY_WAITS)
    work.tx.cases.save(replace(case, told=told))
    work.post_first(work.tx.conversations.get(case.partner), Accept())
    return casework.Told(sayings.TRUST_DONE, news=True)


def accepted(work: Work, conversation: Conversation, seen: str | None) -> None:
    """The identity is the new one, of which nobody has to be told any more."""
    work.tx.conversations.save(replace(conversation, identity=seen))
