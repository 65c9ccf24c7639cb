"""What happens in a requester's room, and who answers it: exactly one owner at every moment (law 4).

The bot's conversations go to the flow engine; people's go to the case. In those the bot says only what law 4 allows.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import assert_never

from bot.deeds import Decline, Enter, Follow, Leave
from bot.domain import Case, Conversation, Owner, TextId
from bot.flow import phrases
from bot.flow.events import (
    Edited,
    Missed,
    Replied,
    Sent,
    Started,
    TimedOut,
)
from bot.flow.phrases import Command
from bot.flow.session import Session
from bot.happenings import (
    Alarmed,
    Arrival,
    AsksToVerify,
    Attached,
    Cause,
    Danger,
    Endangered,
    Invited,
    Joined,
    Left,
    Moved,
    Removed,
    SettingsChanged,
    TimerSet,
    Unreadable,
    Wrote,
)
from bot.services import (
    casework,
    changed,
    followup,
    identity,
    joining,
    promise,
    relay,
    returning,
    sayings,
    stalled,
    stepping,
)
from bot.services.work import Work

_TOLD_WHILE_WAITING = {
    Command.HELP: sayings.WAITING_HELP,
    Command.FINGERPRINT: phrases.FINGERPRINT,
    Command.PRIVACY: phrases.PRIVACY,
}
_PARTING = {  # what staff hear of it, and its writer
    Command.STOP: (sayings.ASKS_TO_STOP, sayings.WAITING_STOP),
    Command.WITHDRAW: (sayings.ASKS_TO_WITHDRAW, sayings.WAITING_WITHDRAW),
    Command.FORGET: (sayings.ASKS_TO_FORGET, sayings.WAITING_FORGET),
    Command.EXIT: (sayings.LEFT_IN_HASTE, phrases.EXITED),
}
_ANSWERED = (Wrote, Attached, Unreadable, AsksToVerify, Moved)


def take(work: Work, conversation: Conversation, arrival: Arrival) -> None:
    """Answer one arrival in a requester's room."""
    if isinstance(arrival.what, _ANSWERED) and _is_leaving(work, conversation):
        _let_go(work, conversation, arrival)
        return  # the farewell is on its way, and nothing begins anew behind it
    event_id = relay.event_of(arrival.event_id)
    if isinstance(arrival.what, Wrote | Attached | TimerSet) and not _is_stranger(conversation, arrival):
        conversation = _time(work, conversation, arrival.what)
    match arrival.what:
        case Wrote() | Attached() if _is_stranger(conversation, arrival):
            stop(work, conversation, Danger.THIRD_MEMBER)
            _let_go(work, conversation, arrival)
        case Wrote() as message:
            _wrote(work, identity.note(work, conversation, message.identity), message, event_id)
        case Attached() as message:
            _attached(work, identity.note(work, conversation, message.identity), message, event_id)
        case Removed() as removed:
            case = casework.human_case(work, conversation)
            if case is not None:
                relay.from_requester(work, conversation, case, event_id, removed)
        case Unreadable(cause):
            _unreadable(work, conversation, cause)
        case AsksToVerify():
            _asks_to_verify(work, conversation)
        case Invited():
            if _is_stranger(conversation, arrival):
                work.post(conversation, Decline(work.kit.render.notice()))  # the room belongs to another's conversation
            else:
                work.post(conversation, Enter())
        case Moved(room):
            if not _is_stranger(conversation, arrival):
                work.post(conversation, Follow(room))
        case Endangered(danger):
            stop(work, conversation, danger)
        case Left():
            case = casework.human_case(work, conversation)
            if case is not None:
                casework.tell_staff(work, case, sayings.REQUESTER_LEFT)
            elif not _is_stranger(conversation, arrival):
                stalled.gone(work, conversation)
        case Joined() | SettingsChanged() | TimerSet() | Alarmed():
            pass
        case _:
            assert_never(arrival.what)


def time_out(work: Work, conversation: Conversation, kind: str) -> None:
    """A timer of the session has run out; of a session that is gone, nothing is owed any more."""
    session = work.tx.sessions.load(conversation.id) if conversation.owner is Owner.BOT else None
    case = casework.human_case(work, conversation)
    if session is not None:
        stepping.advance(work, conversation, session, TimedOut(kind))
    elif case is not None:
        followup.time_out(work, conversation, case, kind)


def stop(work: Work, conversation: Conversation, danger: Danger) -> None:
    """The room is not safe any more: say why, end everything, leave (law 5)."""
    case = casework.human_case(work, conversation)
    locale = case.locale if case else stepping.locale_of(work.tx.sessions.load(conversation.id))
    _end(work, conversation, Leave(work.kit.render.requester(sayings.UNSAFE[danger], locale)))


def turn_away(work: Work, conversation: Conversation) -> None:
    """The room into which the bot was asked is no encrypted room of two: say how to make one, and leave (law 5)."""
    _end(work, conversation, Decline(work.kit.render.notice()))


def _end(work: Work, conversation: Conversation, farewell: Leave | Decline) -> None:
    """Take back what is not sent; nothing but the farewell is said in this room any more."""
    for message in work.drop_lane(conversation, farewell):
        relay.not_delivered(work, message)
    case = casework.human_case(work, conversation)
    if case is not None:
        casework.break_off(work, followup.halt(work, case), conversation)
    work.end_session(conversation)
    stalled.gone(work, replace(conversation, owner=Owner.NOBODY))


def _time(work: Work, conversation: Conversation, what: Wrote | Attached | TimerSet) -> Conversation:
    """How long messages stay after they are read. A message can tell of a change, too; of an end, only `TimerSet`."""
    if what.expires == conversation.expires or (what.expires is None and not isinstance(what, TimerSet)):
        return conversation
    conversation = replace(conversation, expires=what.expires)
    work.tx.conversations.save(conversation)
    case = casework.human_case(work, conversation)
    if case is not None and case.relay is not None and case.relay_open:
        work.say(work.tx.conversations.get(case.relay), work.kit.render.expiry(what.expires))
    return conversation


def _wrote(work: Work, conversation: Conversation, message: Wrote, event_id: str) -> None:
    case = casework.human_case(work, conversation)
    if case is not None:
        command = work.kit.engine.command(message.text, case.locale) if message.edits is None else None
        if message.edits is not None:
            case = changed.answer(work, conversation, case, message, message.edits)
        _to_people(work, conversation, case, message, event_id, command)
    elif message.edits is not None:
        _to_engine(work, conversation, Edited(message.text, message.edits, work.now), message.expires)
    else:
        _to_engine(work, conversation, Replied(message.text, event_id, work.now), message.expires)


def _to_people(
    work: Work, conversation: Conversation, case: Case, message: Wrote, event_id: str, command: Command | None
) -> None:
    """The conversation is theirs, but for the little that the bot still answers (law 4)."""
    if command not in (Command.EXIT, Command.STOP):  # who has left does not want an answer there
        case = joining.note(work, conversation, case)
    if command is not Command.EXIT:
        case = promise.is_back(work, case)
    unasked = followup.hear(work, conversation, case, event_id, message, command)
    if unasked is None:
        return
    case, waiting = unasked, conversation.owner is Owner.QUEUE
    if waiting and command in _TOLD_WHILE_WAITING:
        _say(work, conversation, case, _TOLD_WHILE_WAITING[command])
    else:
        case = relay.from_requester(work, conversation, case, event_id, message)
        if command is Command.EXIT:
            case = joining.leave(work, conversation, case)
        if command in _PARTING:
            _parts(work, conversation, case, *_PARTING[command])
        elif waiting:
            _tell_once(work, conversation, case, sayings.KEPT_FOR_CASE)


def _attached(work: Work, conversation: Conversation, message: Attached, event_id: str) -> None:
    case = casework.human_case(work, conversation)
    if case is None:
        _to_engine(work, conversation, Sent(message.attachment, event_id), message.expires)
        return
    case = promise.is_back(work, joining.note(work, conversation, case))
    if followup.hear(work, conversation, case, event_id, message) is None:
        return
    case = relay.from_requester(work, conversation, case, event_id, message)
    if conversation.owner is Owner.QUEUE:
        _tell_once(work, conversation, case, sayings.KEPT_FOR_CASE)


def _asks_to_verify(work: Work, conversation: Conversation) -> None:
    """Said once a session or case, and not where a specialist speaks."""
    case = casework.human_case(work, conversation)
    if conversation.owner is Owner.BOT:
        session = work.tx.sessions.load(conversation.id)
        if session is None or not session.unverified:
            _to_engine(work, conversation, Missed(sayings.CANNOT_VERIFY))
            _remember(work, conversation, lambda session: replace(session, unverified=True))
    elif case is not None and conversation.owner is Owner.QUEUE:
        _tell_once(work, conversation, case, sayings.CANNOT_VERIFY)


def _unreadable(work: Work, conversation: Conversation, cause: Cause) -> None:
    if cause is Cause.CHANGED:
        identity.changed(work, conversation)
        return
    if cause is Cause.REACTION and conversation.owner is Owner.NOBODY:
        return  # a mark on the last word said asks for nothing
    case = casework.human_case(work, conversation)
    if case is None:
        if cause in stalled.UNDECRYPTED:
            conversation = stalled.heard(work, conversation, readable=False)
        _miss(work, conversation, cause)
        return
    relay.hear(work, case, work.kit.render.staff(sayings.UNREAD_IN_RELAY))
    _tell_once(work, conversation, case, sayings.CANNOT_READ[cause])


def _miss(work: Work, conversation: Conversation, cause: Cause) -> None:
    """Said once until something can be read again: no stranger makes the bot owe an answer to each of hundreds."""
    session = work.tx.sessions.load(conversation.id)
    if session is not None and session.unread:
        return
    _to_engine(work, conversation, Missed(sayings.CANNOT_READ[cause]))
    _remember(work, conversation, lambda session: replace(session, unread=True))


def _remember(work: Work, conversation: Conversation, told: Callable[[Session], Session]) -> None:
    """Remember in the session what need not be said again."""
    session = work.tx.sessions.load(conversation.id)
    if session is not None:
        work.tx.sessions.save(conversation.id, told(session))


def _parts(work: Work, conversation: Conversation, case: Case, wish: TextId, answer: TextId) -> None:
    """The wish is the case's, as all that is written there; its writer hears that a person will read it."""
    if answer not in case.told and (conversation.owner is Owner.QUEUE or wish != sayings.ASKS_TO_STOP):
        casework.tell_staff(work, case, wish)
        changed.wish(work, case, wish)
    _tell_once(work, conversation, case, answer)


def _tell_once(work: Work, conversation: Conversation, case: Case, text: TextId) -> None:
    if text in case.told:
        return
    work.tx.cases.save(replace(case, told=(*case.told, text)))
    _say(work, conversation, case, text)


def _say(work: Work, conversation: Conversation, case: Case, text: TextId) -> None:
    fingerprint = work.kit.fingerprint(conversation)
    work.say(conversation, work.kit.render.requester(text, case.locale, case.number, fingerprint=fingerprint))


def _to_engine(
    work: Work,
    conversation: Conversation,
    event: Replied | Edited | Sent | Missed,
    expires: timedelta | None = None,
) -> None:
    """The bot owns the conversation, or takes it up again where nobody does."""
    if not isinstance(event, Missed):
        conversation = stalled.heard(work, conversation)
    session = comes = None
    if conversation.owner is Owner.BOT:
        session = work.tx.sessions.load(conversation.id)
    else:
        conversation = replace(conversation, owner=Owner.BOT)
        work.tx.conversations.save(conversation)
        comes = returning.begun(work, conversation, event)
    if session is not None or comes is not None or not isinstance(event, Replied):
        stepping.advance(work, conversation, session, comes or event, expires, returning.said(event, expires))
        return
    earlier = work.tx.cases.get(conversation.case) if conversation.case else None
    stepping.advance(work, conversation, None, Started(event.text, earlier.locale if earlier else None))


def _let_go(work: Work, conversation: Conversation, arrival: Arrival) -> None:
    if isinstance(arrival.what, Attached):
        work.let_go(conversation, arrival.what.attachment)


def _is_leaving(work: Work, conversation: Conversation) -> bool:
    """Whether the bot is about to leave the room: a farewell takes the place of all that waits, so it is the first."""
    head = work.tx.outbox.head(conversation.id) if conversation.owner is Owner.NOBODY else None
    return head is not None and isinstance(head.deed, Leave | Decline)


def _is_stranger(conversation: Conversation, arrival: Arrival) -> bool:
    return bool(conversation.contact) and arrival.sender != conversation.contact
