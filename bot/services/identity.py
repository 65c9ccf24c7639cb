"""The requester's identity: what stays the same while their account does, and what staff hear when it does not."""

from __future__ import annotations

from dataclasses import replace

from bot.domain import Conversation
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
