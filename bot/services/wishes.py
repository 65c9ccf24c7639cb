"""What a requester wishes for what was passed on before: to take back their agreement, or to have it all erased."""

from __future__ import annotations

from dataclasses import replace

from bot.domain import CaseNumber, Conversation, TextId
from bot.services import casework, keeping, relay, sayings, stalled
from bot.services.work import Work

_STILL_OPEN = {
    sayings.EARLIER_WITHDRAWN: sayings.ASKS_TO_WITHDRAW,
    sayings.EARLIER_FORGOTTEN: sayings.ASKS_TO_FORGET,
}


def pass_on(work: Work, number: CaseNumber, wish: TextId) -> None:
    """Of a case that people go on with, in another conversation, the wish is theirs to answer."""
    case = work.tx.cases.get(number)
    if case is None or case.is_over:
        work.say(work.queue() if case is None else work.queue_of(case), work.kit.render.staff(wish, case=number))
        return
    casework.tell_staff(work, case, _STILL_OPEN[wish])


def forget(work: Work, conversation: Conversation) -> Conversation:
    """Erase what waits to be said here, what earlier cases still hold of their requester, and whose account it was.

    The case itself, who of the staff worked on it and when, stays with the helpline. The room and the contact stay
    while the bot is in the room: without them it could neither answer nor notice a third person.
    """
    conversation = stalled.gone(work, conversation)
    for message in work.drop_lane(conversation):
        relay.not_delivered(work, message)
    for case in keeping.of_person(work, conversation):
        work.tx.traces.erase(case.number)
        if case.is_over:
            keeping.erase(work, case)
        elif case.number != conversation.case:  # people go on with them elsewhere: it is theirs to see to
            casework.tell_staff(work, case, sayings.ASKS_TO_FORGET)
    conversation = replace(conversation, case=None, identity=None)
    work.tx.conversations.save(conversation)
    return conversation
