"""The way into sealed bytes and back: arrivals, deeds, answers and what stands in a case, as JSON.

The unions are closed: a member that is added to one and forgotten here does not pass mypy. JSON is written in ASCII,
so that half a surrogate pair from outside comes back as it came. Reading raises ValueError, KeyError or TypeError for
whatever is not what we write; the caller names it without quoting it.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, assert_never

from bot.deeds import (
    Accept,
    Decline,
    Deed,
    Discard,
    EditText,
    Enter,
    Erase,
    Follow,
    Hold,
    Identify,
    Invite,
    Leave,
    MakeRoom,
    Origin,
    Restore,
    SendFile,
    SendText,
    Tick,
)
from bot.domain import Answer, CaseNumber, ConversationId, Listed, Look, Style, TextId
from bot.flow import rows
from bot.happenings import (
    Alarm,
    Alarmed,
    Arrival,
    AsksToVerify,
    Attached,
    Cause,
    Danger,
    Endangered,
    Happening,
    Invited,
    Joined,
    Left,
    Moved,
    Removed,
    Setting,
    SettingsChanged,
    TimerSet,
    Unreadable,
    Wrote,
)
from bot.ports import Said

Fields = dict[str, Any]
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
NUL = "\0"


@dataclass(frozen=True, slots=True)
class About:
    """What of a case is chosen, not written: language, topic, urgency, and which texts the requester was told."""

    locale: str
    topic: TextId | None
    urgency: TextId | None
    told: tuple[TextId, ...]


@dataclass(frozen=True, slots=True)
class Staff:
    """Who took a step in the life of a case, and whose it is after it."""

    acted: str | None = field(repr=False)
    claimed_by: str | None = field(repr=False)


def moment_to_number(moment: datetime) -> int:
    """Microseconds since 1970: exact, and the same in every database. Raises TypeError without a time zone."""
    return (moment - EPOCH) // MICROSECOND


def number_to_moment(number: int) -> datetime:
    return EPOCH + number * MICROSECOND


def arrival_to_json(arrival: Arrival) -> str:
    return json.dumps(
        {
            "channel": arrival.channel,
            "room": arrival.room,
            "event_id": arrival.event_id,
            "sender": arrival.sender,
            "at": moment_to_number(arrival.at),
            "what": _happening_fields(arrival.what),
            "once": arrival.once,
        }
    )


def arrival_from_json(text: str) -> Arrival:
    fields: Fields = json.loads(text)
    return Arrival(
        channel=_text(fields["channel"]),
        room=_text(fields["room"]),
        event_id=_text(fields["event_id"]),
        sender=_text(fields["sender"]),
        at=number_to_moment(fields["at"]),
        what=_happening(fields["what"]),
        once=_text_or_none(fields.get("once")),
    )


def message_to_json(deed: Deed, origin: Origin | None, hold: Hold | None) -> str:
    """What of an outbox row is sealed: the deed, where it came from, what it holds."""
    fields: Fields = {"deed": _deed_fields(deed)}
    if origin is not None:
        fields["origin"] = {"conversation": origin.conversation, "event_id": origin.event_id}
    if hold is not None:
        due = None if hold.due is None else moment_to_number(hold.due)
        fields["hold"] = [hold.case, hold.keep.value, rows.seconds(hold.expires), due, hold.kept]
    return json.dumps(fields)


def message_from_json(text: str) -> tuple[Deed, Origin | None, Hold | None]:
    fields: Fields = json.loads(text)
    origin, hold = fields.get("origin"), fields.get("hold")
    return _deed(fields["deed"]), _origin(origin) if origin else None, _hold(*hold) if hold else None


def _origin(fields: Fields) -> Origin:
    return Origin(ConversationId(_text(fields["conversation"])), _text(fields["event_id"]))


def _hold(case: object, keep: object, expires: object, due: int | None, kept: object) -> Hold:
    return Hold(
        CaseNumber(_text(case)),
        rows.keeping(keep),
        rows.span(expires),
        None if due is None else number_to_moment(due),
        None if kept is None else rows.whole(kept),
    )


def answers_to_json(answers: tuple[Answer, ...]) -> str:
    return json.dumps([rows.answer_row(answer) for answer in answers])


def answers_from_json(text: str) -> tuple[Answer, ...]:
    return tuple(rows.answer(row) for row in json.loads(text))


def about_to_json(about: About) -> str:
    return json.dumps([about.locale, about.topic, about.urgency, about.told])


def about_from_json(text: str) -> About:
    locale, topic, urgency, told = json.loads(text)
    return About(
        _text(locale), _text_id_or_none(topic), _text_id_or_none(urgency), tuple(TextId(_text(name)) for name in told)
    )


def staff_to_json(staff: Staff) -> str:
    return json.dumps([staff.acted, staff.claimed_by])


def staff_from_json(text: str) -> Staff:
    acted, claimed_by = json.loads(text)
    return Staff(_text_or_none(acted), _text_or_none(claimed_by))


def said_to_text(said: Said) -> str:
    """Words stand as they are; a NUL stands before the JSON of what is none, and of words that begin with one."""
    if isinstance(said, str) and not said.startswith(NUL):
        return said
    return NUL + json.dumps(said if isinstance(said, str) else rows.attachment_row(said))


def said_from_text(text: str) -> Said:
    if not text.startswith(NUL):
        return text
    said = json.loads(text[1:])
    return said if isinstance(said, str) else rows.attachment(said)


def listed_to_json(listed: Listed) -> str:
    return json.dumps([listed.user, listed.identity, listed.lead, listed.added_by])


def listed_from_json(text: str) -> Listed:
    user, identity, lead, added_by = json.loads(text)
    return Listed(_text(user), _text(identity), _flag(lead), _text(added_by))


def _happening_fields(what: Happening) -> Fields:
    match what:
        case Wrote(text, signed, edits, identity, expires, quotes) as wrote:
            told = {"kind": "wrote", "text": text, "signed": signed, "edits": edits, "identity": identity}
            told |= {"expires": _seconds(expires), "quotes": quotes}
            return {**told, "plain": wrote.plain, "styles": _style_rows(wrote.styles)} if wrote.styles else told
        case Attached(attachment, signed, identity, expires):
            sent = {"kind": "attached", "file": rows.attachment_row(attachment), "signed": signed, "identity": identity}
            return {**sent, "expires": _seconds(expires)}
        case TimerSet(expires):
            return {"kind": "timer_set", "expires": _seconds(expires)}
        case Removed(event_id):
            return {"kind": "removed", "event_id": event_id}
        case Invited():
            return {"kind": "invited"}
        case Joined():
            return {"kind": "joined"}
        case Left():
            return {"kind": "left"}
        case Unreadable(cause):
            return {"kind": "unreadable", "cause": cause.value}
        case Endangered(danger):
            return {"kind": "endangered", "danger": danger.value}
        case Moved(room):
            return {"kind": "moved", "room": room}
        case AsksToVerify():
            return {"kind": "asks_to_verify"}
        case SettingsChanged(setting):
            return {"kind": "settings_changed", "setting": setting.value}
        case Alarmed(alarm, who, device, channel, detail, link):
            about = {"who": who, "device": device, "channel": channel, "detail": detail, "link": link}
            return {"kind": "alarmed", "alarm": alarm.value, **about}
        case _:
            assert_never(what)


_HAPPENINGS: dict[str, Callable[[Fields], Happening]] = {
    "wrote": lambda fields: Wrote(
        _text(fields["text"]),
        _flag(fields["signed"]),
        _text_or_none(fields.get("edits", "" if fields.get("edited") else None)),  # earlier rows say only whether
        _text_or_none(fields.get("identity")),
        _time(fields.get("expires")),
        _text(fields.get("quotes", "")),  # earlier rows have none
        plain=_text_or_none(fields.get("plain")),
        styles=_styles(fields),
    ),
    "attached": lambda fields: Attached(
        rows.attachment(fields["file"]),
        _flag(fields["signed"]),
        _text_or_none(fields["identity"]),
        _time(fields.get("expires")),
    ),
    "removed": lambda fields: Removed(_text(fields["event_id"])),
    "invited": lambda _: Invited(),
    "joined": lambda _: Joined(),
    "left": lambda _: Left(),
    "unreadable": lambda fields: Unreadable(Cause(fields["cause"])),
    "endangered": lambda fields: Endangered(Danger(fields["danger"])),
    "moved": lambda fields: Moved(_text(fields["room"])),
    "asks_to_verify": lambda _: AsksToVerify(),
    "settings_changed": lambda fields: SettingsChanged(Setting(fields["setting"])),
    "alarmed": lambda fields: Alarmed(
        Alarm(fields["alarm"]),
        _text_or_none(fields["who"]),
        _text_or_none(fields["device"]),
        _text(fields.get("channel", "")),  # earlier rows have none of these
        _text(fields.get("detail", "")),
        _text(fields.get("link", "")),
    ),
    "timer_set": lambda fields: TimerSet(_time(fields["expires"])),
}


def _happening(fields: Fields) -> Happening:
    return _HAPPENINGS[fields["kind"]](fields)


def _deed_fields(deed: Deed) -> Fields:
    match deed:
        case SendText(text, styles):
            said = {"kind": "send_text", "text": text}
            return {**said, "styles": _style_rows(styles)} if styles else said
        case EditText(event_id, text):
            return {"kind": "edit_text", "event_id": event_id, "text": text}
        case SendFile(attachment):
            return {"kind": "send_file", "file": rows.attachment_row(attachment)}
        case Erase(event_id):
            return {"kind": "erase", "event_id": event_id}
        case Discard(attachment):
            return {"kind": "discard", "file": rows.attachment_row(attachment)}
        case Tick(event_id):
            return {"kind": "tick", "event_id": event_id}
        case Enter():
            return {"kind": "enter"}
        case Decline(notice):
            return {"kind": "decline", "notice": notice}
        case MakeRoom(alias, name):
            return {"kind": "make_room", "alias": alias, "name": name}
        case Follow(room):
            return {"kind": "follow", "room": room}
        case Restore():
            return {"kind": "restore"}
        case Identify(contact, lead):
            return {"kind": "identify", "contact": contact, "lead": lead}
        case Invite(contact):
            return {"kind": "invite", "contact": contact}
        case Accept():
            return {"kind": "accept"}
        case Leave(why):
            return {"kind": "leave", "why": why}
        case _:
            assert_never(deed)


_DEEDS: dict[str, Callable[[Fields], Deed]] = {
    "send_text": lambda fields: SendText(_text(fields["text"]), _styles(fields)),
    "edit_text": lambda fields: EditText(_text(fields["event_id"]), _text(fields["text"])),
    "send_file": lambda fields: SendFile(rows.attachment(fields["file"])),
    "erase": lambda fields: Erase(_text(fields["event_id"])),
    "discard": lambda fields: Discard(rows.attachment(fields["file"])),
    "tick": lambda fields: Tick(_text(fields["event_id"])),
    "enter": lambda _: Enter(),
    "decline": lambda fields: Decline(_text(fields["notice"])),
    "make_room": lambda fields: MakeRoom(_text(fields["alias"]), _text(fields["name"])),
    "follow": lambda fields: Follow(_text(fields["room"])),
    "restore": lambda _: Restore(),
    "identify": lambda fields: Identify(_text(fields["contact"]), _flag(fields["lead"])),
    "invite": lambda fields: Invite(_text(fields["contact"])),
    "accept": lambda _: Accept(),
    "leave": lambda fields: Leave(_text(fields["why"])),
}


def _deed(fields: Fields) -> Deed:
    return _DEEDS[fields["kind"]](fields)


def _style_rows(styles: tuple[Style, ...]) -> list[list[Any]]:
    return [[style.look.value, style.start, style.length] for style in styles]


def _styles(fields: Fields) -> tuple[Style, ...]:
    """Few texts have any, and those that were stored before they could have none."""
    told = fields.get("styles", ())
    return tuple(Style(Look(look), rows.whole(start), rows.whole(length)) for look, start, length in told)


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("expected a text")
    return value


def _seconds(time: timedelta | None) -> int | None:
    return None if time is None else int(time.total_seconds())


def _time(seconds: object) -> timedelta | None:
    if seconds is None:
        return None
    if not isinstance(seconds, int) or isinstance(seconds, bool):
        raise TypeError("expected seconds")
    return timedelta(seconds=seconds)


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise TypeError("expected true or false")
    return value


def _text_or_none(value: object) -> str | None:
    return None if value is None else _text(value)


def _text_id_or_none(value: object) -> TextId | None:
    return None if value is None else TextId(_text(value))
