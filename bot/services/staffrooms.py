"""What happens in the specialists' rooms: commands, and the relay.

The room decides, nothing else (law 11): what staff write in a case's relay room reaches the requester, what they write
anywhere else does not. Only encrypted messages of listed people on signed devices count (laws 9 and 10).
"""

from __future__ import annotations

from dataclasses import replace
from typing import assert_never

from bot.deeds import Enter, Follow, Restore
from bot.domain import Case, Conversation, Place, TextId
from bot.happenings import (
    Alarmed,
    Arrival,
    AsksToVerify,
    Attached,
    Cause,
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
from bot.services import casework, obeying, ownership, relay, sayings
from bot.services.commands import is_command, parse
from bot.services.work import Work

MAX_NAME = 255  # characters: no name on Matrix is longer


def take(work: Work, conversation: Conversation, arrival: Arrival) -> None:
    """Answer one arrival in a staff room."""
    match arrival.what:
        case Wrote(_, signed) as message:
            if conversation.place is Place.RELAY or is_command(message.shown):
                _wrote(work, conversation, arrival, message, trusted=signed and work.lists(arrival.sender))
        case Attached(_, signed) as message if conversation.place is Place.RELAY:
            _wrote(work, conversation, arrival, message, trusted=signed and work.lists(arrival.sender))
        case Removed() as removed if conversation.place is Place.RELAY:
            if work.lists(arrival.sender):
                relay.from_staff(work, conversation, arrival.sender, relay.event_of(arrival.event_id), removed)
        case Joined():
            if work.lists(arrival.sender):
                _joined(work, conversation, arrival.sender)
            else:
                _tell_queue(work, conversation, sayings.UNLISTED_CAME[conversation.place], who=arrival.sender)
        case Left():
            _left(work, conversation, arrival)
        case Unreadable(cause):
            _unreadable(work, conversation, arrival.sender, cause)
        case Invited():
            work.post(conversation, Enter())
        case Moved(room):
            work.post(conversation, Follow(room))
        case SettingsChanged(setting):
            what = work.kit.render.staff(sayings.SETTINGS[setting])
            changed = sayings.SETTING_CHANGED[conversation.place]
            _tell_queue(work, conversation, changed, who=arrival.sender, setting=what)
            if conversation.place is not Place.QUEUE:
                work.post(conversation, Restore())
        case Alarmed(alarm, who, device, channel, detail, link):
            own = sayings.OWN_ALARMS.get(alarm) if who == work.kit.staff.bot else None
            called = work.kit.render.channel(channel)
            about = {"device": device or "", "channel": called, "detail": detail, "link": link}
            _tell_queue(work, conversation, own or sayings.ALARMS[alarm], who=who or "", **about)
        case AsksToVerify():
            if work.lists(arrival.sender):
                fingerprint = work.kit.fingerprint(conversation)
                work.say(conversation, work.kit.render.staff(sayings.CANNOT_VERIFY_HERE, fingerprint=fingerprint))
        case Attached() as message:
            _let_go(work, conversation, message)  # staff among themselves
        case Removed() | TimerSet():
            pass
        case Endangered():
            pass  # staff rooms hold more than two; what is said there is sealed for listed devices alone (law 10)
        case _:
            assert_never(arrival.what)


def _wrote(
    work: Work, conversation: Conversation, arrival: Arrival, message: Wrote | Attached, *, trusted: bool
) -> None:
    if not trusted:
        _refuse(work, conversation, arrival.sender)
        _let_go(work, conversation, message)
        return
    _heard(work, conversation, arrival)
    event_id = relay.event_of(arrival.event_id)
    if isinstance(message, Wrote) and is_command(message.shown):
        obeying.obey(work, conversation, arrival.sender, parse(message.shown, conversation.case), event_id)
    elif not relay.from_staff(work, conversation, arrival.sender, event_id, message):
        _answer(work, conversation, _speaks_with_nobody(work, conversation), obeying.find(work, conversation.case))
        _let_go(work, conversation, message)


def _let_go(work: Work, conversation: Conversation, message: Wrote | Attached) -> None:
    if isinstance(message, Attached):
        work.let_go(conversation, message.attachment)


def _unreadable(work: Work, conversation: Conversation, who: str, cause: Cause) -> None:
    if conversation.place is not Place.RELAY and not work.lists(who):
        return
    if cause is Cause.UNBOUND:  # from a device that their own account has not signed
        _refuse(work, conversation, who)
    else:
        _answer(work, conversation, sayings.NOT_READ if conversation.place is Place.RELAY else sayings.NOT_READ_HERE)


def _refuse(work: Work, conversation: Conversation, who: str) -> None:
    """Say so where it was written; of a case's rooms the others hear too, once until one of the staff writes there."""
    _answer(work, conversation, sayings.NOT_ALLOWED)
    case = obeying.find(work, conversation.case)
    refused = sayings.REFUSED.get(conversation.place)
    if case is not None and refused is not None and refused not in case.told:
        work.tx.cases.save(replace(case, told=(*case.told, refused)))
        _tell_queue(work, conversation, refused, who=who)


def _heard(work: Work, conversation: Conversation, arrival: Arrival) -> None:
    """One of the staff is in the room: whatever is refused there after this is news again.

    Whoever was listed anew is in the relay room without having come in: what they could not read is shown now. Words
    whose key came late tell nothing of that: they may be from before their writer left.
    """
    case = obeying.find(work, conversation.case)
    if case is None:
        return
    refused = sayings.REFUSED[conversation.place]
    if refused in case.told:
        case = replace(case, told=tuple(told for told in case.told if told != refused))
        work.tx.cases.save(case)
    is_now = relay.event_of(arrival.event_id) == arrival.event_id
    if conversation.id == case.relay and is_now:
        relay.is_there(work, conversation, case, arrival.sender)


def _joined(work: Work, conversation: Conversation, who: str) -> None:
    """Somebody who may read came in. History is `joined`, so what they need is said again."""
    case = obeying.find(work, conversation.case)
    if case is None:
        return
    if conversation.place is Place.NOTES:
        _answer(work, conversation, sayings.NOTES_INTRO, case)
        for each in (case, *work.tx.cases.joined(case.number)):
            casework.summarize(work, conversation, each, who)
        relay.show_kept(work, case, conversation)
    elif conversation.place is Place.RELAY:
        work.say(conversation, _relay_intro(work, conversation, case))
        if conversation.id == case.relay:
            relay.came(work, conversation, case, who)


def _relay_intro(work: Work, conversation: Conversation, case: Case) -> str:
    """All that must be known before the first word is written there, as one message: nothing comes in between."""
    say = work.kit.render.staff
    if not case.is_claimed or conversation.id != case.relay:
        return say(_speaks_with_nobody(work, conversation), case=case.number)
    requester = work.tx.conversations.get(case.partner)
    parts = [say(sayings.RELAY_INTRO, case=case.number)]
    if requester.identity == "":
        parts.append(say(sayings.IDENTITY_NONE))
    if requester.expires is not None:
        parts.append(work.kit.render.expiry(requester.expires))
    return "\n\n".join(parts)


def _speaks_with_nobody(work: Work, relay: Conversation) -> TextId:
    """Why what is written in this relay room reaches nobody."""
    case = obeying.find(work, relay.case)
    return sayings.RELAY_UNCLAIMED if case is not None and not case.is_over else sayings.RELAY_CLOSED


def _left(work: Work, conversation: Conversation, arrival: Arrival) -> None:
    """Of the notes room, leaving means nothing."""
    case = obeying.find(work, conversation.case)
    if case is not None and conversation.id == case.relay:
        ownership.left(work, case, arrival.sender, arrival.event_id)


def _tell_queue(
    work: Work, conversation: Conversation, text: TextId, *, who: str, device: str = "", **params: str
) -> None:
    """Tell all staff of what happened in one of their rooms: in that of the case, or in the queue room that it is."""
    case, say = obeying.find(work, conversation.case), work.kit.render.staff
    at = conversation if conversation.place is Place.QUEUE else work.queue()
    number = conversation.case or ""
    told = say(text, case=number, who=_shown(who), device=_shown(device), **params)
    work.say(at if case is None else work.queue_of(case), told)


def _shown(name: str) -> str:
    """A name that a stranger has chosen: it must be seen to be one, and must not speak in our voice."""
    return "".join(sign if sign.isprintable() and sign != " " else "_" for sign in name[:MAX_NAME])


def _answer(work: Work, conversation: Conversation, text: TextId, case: Case | None = None) -> None:
    params = {"case": case.number} if case else {}
    work.say(conversation, work.kit.render.staff(text, **params))
