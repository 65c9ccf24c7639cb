"""What the outbox gave up: whoever counted on it is told, and what can be made anew is."""

from __future__ import annotations

from bot.deeds import Discard, Erase, Follow, Identify, Invite, OutgoingMessage, Restore, SendText
from bot.domain import Case, Conversation, Place
from bot.ports import Failure
from bot.services import casework, ownership, relay, sayings
from bot.services.work import Work


def given_up(work: Work, conversation: Conversation, message: OutgoingMessage, failure: Failure) -> None:
    """What cannot be done is told to whoever counted on it."""
    case = work.tx.cases.get(conversation.case) if conversation.case else None
    say = work.kit.render.staff
    if isinstance(message.deed, Discard):
        return  # nobody counts on it: its key is gone
    if isinstance(message.deed, Identify):
        work.say(work.queue(), say(sayings.IDENTIFY_FAILED, who=message.deed.contact))
    elif isinstance(message.deed, Follow | Restore) and case is not None:
        told = sayings.NOT_FOLLOWED if isinstance(message.deed, Follow) else sayings.NOT_RESTORED
        work.say(work.queue_of(case), say(told, case=case.number))
    elif conversation.place is Place.REQUESTER:
        relay.not_delivered(work, message)
    elif case is None:
        work.let_go_of(conversation, message)
    elif isinstance(message.deed, Erase):
        casework.tell_once(work, case, sayings.NOT_ERASED)
    elif isinstance(message.deed, Invite) and failure is Failure.GONE:
        _make_anew(work, conversation, case, message)
    elif isinstance(message.deed, Invite):
        ownership.not_invited(work, conversation, case, message.deed.contact)
    elif conversation.place is Place.NOTES and isinstance(message.deed, SendText):
        work.say(work.queue_of(case), say(sayings.NOTES_LOST, case=case.number))
    elif conversation.place is Place.RELAY:
        back = [message, *(work.drop_lane(conversation) if failure is Failure.GONE else ())]
        relay.take_back(work, case, back, closed=failure is Failure.GONE)


def _make_anew(work: Work, gone: Conversation, case: Case, invite: OutgoingMessage) -> None:
    """Somebody is to come into a room of the case's that is gone. What waited there is kept, or said to be lost."""
    waited = work.drop_lane(gone)
    casework.make_anew(work, case, gone, [invite, *waited])
    if gone.place is Place.RELAY:
        relay.take_back(work, case, waited, closed=True)
    elif any(isinstance(message.deed, SendText) for message in waited):
        work.say(work.queue_of(case), work.kit.render.staff(sayings.NOTES_LOST, case=case.number))
