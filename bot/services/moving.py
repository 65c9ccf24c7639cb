"""Which conversation a room is, when one moves to another room: no room is ever two conversations."""

from __future__ import annotations

import logging
from dataclasses import replace

from bot.deeds import Follow
from bot.domain import Conversation, Owner, Place
from bot.services import stalled
from bot.services.work import Work

_log = logging.getLogger(__name__)


def move(work: Work, conversation: Conversation, room: str) -> Conversation:
    """The conversation goes on in this room; one that is another conversation's already stays that one's.

    Unless that one began only now, because we were asked into the room before we knew whose it is.
    """
    holder = work.tx.conversations.find(conversation.channel, room)
    if holder is not None and holder.id != conversation.id:
        same = conversation.place is not Place.REQUESTER or holder.contact == conversation.contact
        if holder.place is not Place.REQUESTER or holder.case is not None or not same:
            _log.warning("a conversation moved to a room that is another's")
            return conversation
        step_aside(work, holder)
    conversation = replace(conversation, room=room)
    work.tx.conversations.save(conversation)
    return conversation


def to_be_queue(work: Work, room: str | None) -> Conversation | None:
    """The queue that is about to move to this room: then the invitation to it was not a requester's."""
    for queue in work.tx.conversations.queue_rooms(work.kit.staff.channel):
        head = work.tx.outbox.head(queue.id)
        if head is not None and isinstance(head.deed, Follow) and head.deed.room == room:
            return queue
    return None


def step_aside(work: Work, conversation: Conversation) -> None:
    """The room is another conversation's: nothing is said in this one's name."""
    work.drop_lane(conversation)
    work.end_session(conversation)
    stalled.gone(work, replace(conversation, room=None, owner=Owner.NOBODY))
