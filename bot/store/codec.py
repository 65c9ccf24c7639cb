"""The way into sealed bytes and back: arrivals and deeds, as JSON; what stands in a case is in `casefile`.

The unions are closed: a member that is added to one and forgotten here does not pass mypy. JSON is written in ASCII,
so that half a surrogate pair from outside comes back as it came. Reading raises ValueError, KeyError or TypeError for
whatever is not what we write; the caller names it without quoting it.
"""

from __future__ import annotations

import json
from collections.abc import Callable
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
from bot.domain import CaseNumber, ConversationId, Look, Style
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

Fields = dict[str, Any]
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


def moment_to_number(moment: datetime) -> int:
    """Microseconds since 1970: exact, and the same in every database. Raises TypeError without a time zone."""
    return (moment - EPOCH) // MICROSECOND


def number_to_moment(number: int) -> datetime:
    return EPOCH + number * MICROSECOND


def maybe_to_number(moment: datetime | None) -> int | None:
    return None if moment is None else moment_to_number(moment)


def maybe_to_moment(number: int | None) -> datetime | None:
    return None if number is None else number_to_moment(number)


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
        channel=rows.text(fields["channel"]),
        room=rows.text(fields["room"]),
        event_id=rows.text(fields["event_id"]),
        sender=rows.text(fields["sender"]),
        at=number_to_moment(fields["at"]),
        what=_happening(fields["what"]),
        once=rows.maybe(fields.get("once")),
    )


def message_to_json(deed: Deed, origin: Origin | None, hold: Hold | None, card: CaseNumber | None) -> str:
    """What of an outbox row is sealed: the deed, where it came from, what it holds, whose card it is."""
    fields: Fields = {"deed": _deed_fields(deed)}
    if origin is not None:
        fields["origin"] = origin_fields(origin)
    if hold is not None:
        due = None if hold.due is None else moment_to_number(hold.due)
        said = hold.kept, hold.change, hold.earlier
        fields["hold"] = [hold.case, hold.keep.value, rows.seconds(hold.expires), due, *said]
    if card is not None:
        fields["card"] = card
    return json.dumps(fields)


def message_from_json(text: str) -> tuple[Deed, Origin | None, Hold | None, CaseNumber | None]:
    fields: Fields = json.loads(text)
    origin, hold, card = fields.get("origin"), fields.get("hold"), fields.get("card")
    return (
        _deed(fields["deed"]),
        origin_of(origin) if origin else None,
        _hold(*hold) if hold else None,
        None if card is None else CaseNumber(rows.text(card)),
    )


def origin_fields(origin: Origin) -> Fields:
    return {"conversation": origin.conversation, "event_id": origin.event_id}


def origin_of(fields: Fields) -> Origin:
    return Origin(ConversationId(rows.text(fields["conversation"])), rows.text(fields["event_id"]))


def _hold(case: object, keep: object, expires: object, due: int | None, *said: Any) -> Hold:
    kept, change, earlier = said if len(said) > 1 else (*said, None, ())  # earlier rows have only the first
    return Hold(
        CaseNumber(rows.text(case)),
        rows.keeping(keep),
        rows.span(expires),
        None if due is None else number_to_moment(due),
        None if kept is None else rows.whole(kept),
        rows.maybe(change),
        tuple(map(rows.whole, earlier)),
    )


def _happening_fields(what: Happening) -> Fields:
    match what:
        case Wrote(text, signed, edits, identity, expires, quotes) as wrote:
            told = {"kind": "wrote", "text": text, "signed": signed, "edits": edits, "identity": identity}
            told |= {"expires": rows.seconds(expires), "quotes": quotes}
            return {**told, "plain": wrote.plain, "styles": _style_rows(wrote.styles)} if wrote.styles else told
        case Attached(attachment, signed, identity, expires):
            sent = {"kind": "attached", "file": rows.attachment_row(attachment), "signed": signed, "identity": identity}
            return {**sent, "expires": rows.seconds(expires)}
        case TimerSet(expires):
            return {"kind": "timer_set", "expires": rows.seconds(expires)}
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
        rows.text(fields["text"]),
        flag(fields["signed"]),
        rows.maybe(fields.get("edits", "" if fields.get("edited") else None)),  # earlier rows say only whether
        rows.maybe(fields.get("identity")),
        _time(fields.get("expires")),
        rows.text(fields.get("quotes", "")),  # earlier rows have none
        plain=rows.maybe(fields.get("plain")),
        styles=_styles(fields),
    ),
    "attached": lambda fields: Attached(
        rows.attachment(fields["file"]),
        flag(fields["signed"]),
        rows.maybe(fields["identity"]),
        _time(fields.get("expires")),
    ),
    "removed": lambda fields: Removed(rows.text(fields["event_id"])),
    "invited": lambda _: Invited(),
    "joined": lambda _: Joined(),
    "left": lambda _: Left(),
    "unreadable": lambda fields: Unreadable(Cause(fields["cause"])),
    "endangered": lambda fields: Endangered(Danger(fields["danger"])),
    "moved": lambda fields: Moved(rows.text(fields["room"])),
    "asks_to_verify": lambda _: AsksToVerify(),
    "settings_changed": lambda fields: SettingsChanged(Setting(fields["setting"])),
    "alarmed": lambda fields: Alarmed(
        Alarm(fields["alarm"]),
        rows.maybe(fields["who"]),
        rows.maybe(fields["device"]),
        rows.text(fields.get("channel", "")),  # earlier rows have none of these
        rows.text(fields.get("detail", "")),
        rows.text(fields.get("link", "")),
    ),
    "timer_set": lambda fields: TimerSet(_time(fields["expires"])),
}


def _happening(fields: Fields) -> Happening:
    return _HAPPENINGS[fields["kind"]](fields)


def _deed_fields(deed: Deed) -> Fields:
    match deed:
        case SendText(text, styles, mentions):
            said: Fields = {"kind": "send_text", "text": text}
            said |= {"styles": _style_rows(styles)} if styles else {}
            return {**said, "mentions": mentions} if mentions else said
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
    "send_text": lambda fields: SendText(
        rows.text(fields["text"]), _styles(fields), tuple(map(rows.text, fields.get("mentions", ())))
    ),
    "edit_text": lambda fields: EditText(rows.text(fields["event_id"]), rows.text(fields["text"])),
    "send_file": lambda fields: SendFile(rows.attachment(fields["file"])),
    "erase": lambda fields: Erase(rows.text(fields["event_id"])),
    "discard": lambda fields: Discard(rows.attachment(fields["file"])),
    "tick": lambda fields: Tick(rows.text(fields["event_id"])),
    "enter": lambda _: Enter(),
    "decline": lambda fields: Decline(rows.text(fields["notice"])),
    "make_room": lambda fields: MakeRoom(rows.text(fields["alias"]), rows.text(fields["name"])),
    "follow": lambda fields: Follow(rows.text(fields["room"])),
    "restore": lambda _: Restore(),
    "identify": lambda fields: Identify(rows.text(fields["contact"]), flag(fields["lead"])),
    "invite": lambda fields: Invite(rows.text(fields["contact"])),
    "accept": lambda _: Accept(),
    "leave": lambda fields: Leave(rows.text(fields["why"])),
}


def _deed(fields: Fields) -> Deed:
    return _DEEDS[fields["kind"]](fields)


def _style_rows(styles: tuple[Style, ...]) -> list[list[Any]]:
    return [[style.look.value, style.start, style.length] for style in styles]


def _styles(fields: Fields) -> tuple[Style, ...]:
    """Few texts have any, and those that were stored before they could have none."""
    told = fields.get("styles", ())
    return tuple(Style(Look(look), rows.whole(start), rows.whole(length)) for look, start, length in told)


def _time(seconds: object) -> timedelta | None:
    if seconds is None:
        return None
    if not isinstance(seconds, int) or isinstance(seconds, bool):
        raise TypeError("expected seconds")
    return timedelta(seconds=seconds)


def flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise TypeError("expected true or false")
    return value
