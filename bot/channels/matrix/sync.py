"""What a sync brought, read from untrusted JSON into values of ours. Pure; a malformed part is left out (law 7)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeGuard

# what the bot never looks at is not sent to it: its own events, receipts, presence, reactions would wake it
TIMELINE = (
    "m.room.encrypted",
    "m.room.message",
    "m.room.redaction",
    "m.room.member",
    "m.room.history_visibility",
    "m.room.join_rules",
    "m.room.guest_access",
    "m.room.power_levels",
    "m.room.encryption",
    "m.room.tombstone",
)
TIMELINE_LIMIT = 100  # events a room; a longer gap is filled from /messages
POSITION = re.compile(r"[sm]?([0-9]{1,18})(?:[_~]|$)")  # what the tokens of most homeservers begin with


def lean_filter(user_id: str, most: int = TIMELINE_LIMIT) -> dict[str, Any]:
    """The sync filter, for at most so many events a room (https://spec.matrix.org/v1.16/client-server-api/#filtering)."""
    nothing: dict[str, Any] = {"types": []}
    return {
        "presence": nothing,
        "account_data": nothing,
        "room": {
            "account_data": nothing,
            "ephemeral": {"types": ["m.typing"]},
            "state": nothing,
            "timeline": {"types": list(TIMELINE), "not_senders": [user_id], "limit": most},
        },
    }


def nothing_filter(once: str) -> dict[str, Any]:
    """The filter of a sync that is made for what stands beside the events alone.

    A homeserver may answer the same first sync from a cache for minutes: `once`, which nobody has used before, makes it
    another one.
    """
    nothing: dict[str, Any] = {"types": [], "not_types": [once]}
    return {"presence": nothing, "account_data": nothing, "room": {"rooms": []}}


def went_back(before: str, now: str) -> bool:
    """Whether the second of two sync tokens, given out later, is of an earlier state of the homeserver.

    Tokens are a homeserver's own affair: of those that do not begin with a count nobody can tell.
    """
    first, second = POSITION.match(before), POSITION.match(now)
    return first is not None and second is not None and int(second[1]) < int(first[1])


@dataclass(frozen=True, slots=True)
class Timeline:
    """The new events of one room that we are in; `gap` is where earlier ones can be asked for, if some are missing.

    `typing`: who is writing at this moment, where that has changed.
    """

    room: str = field(repr=False)
    events: tuple[Mapping[str, Any], ...] = field(repr=False)
    gap: str | None = None
    typing: frozenset[str] | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Synced:
    """One answer of `/sync`."""

    token: str
    to_device: tuple[object, ...] = field(repr=False)
    changed: tuple[str, ...] = field(repr=False)
    counts: Mapping[str, Any]
    unused_fallback: object
    timelines: tuple[Timeline, ...] = field(repr=False)
    invited: tuple[tuple[str, str], ...] = field(repr=False)  # (room, who asked)
    left: tuple[str, ...] = field(repr=False)


def read_sync(answer: Mapping[str, Any], user_id: str) -> Synced | None:
    """None when there is not even a token to go on from."""
    token = answer.get("next_batch")
    if not isinstance(token, str) or not token:
        return None
    rooms = _dict(answer, "rooms")
    lists = _dict(answer, "device_lists")
    return Synced(
        token=token,
        to_device=tuple(_list(_dict(answer, "to_device"), "events")),
        changed=tuple(user for part in ("changed", "left") for user in _list(lists, part) if is_id(user)),
        counts=_dict(answer, "device_one_time_keys_count"),
        unused_fallback=answer.get("device_unused_fallback_key_types"),
        timelines=tuple(_timelines(_dict(rooms, "join"))),
        invited=tuple(_invitations(_dict(rooms, "invite"), user_id)),
        left=tuple(room for room in _dict(rooms, "leave") if is_id(room)),
    )


def usable(events: list[Any]) -> Iterator[Mapping[str, Any]]:
    """The events that have what every event must have."""
    for event in events:
        if isinstance(event, dict) and all(is_id(event.get(part)) for part in ("event_id", "sender", "type")):
            yield event


def is_id(value: object) -> TypeGuard[str]:
    """Whether this can be an id: at most 255 bytes (https://spec.matrix.org/v1.16/appendices/#identifier-grammar)."""
    try:
        return isinstance(value, str) and 0 < len(value.encode()) <= 255
    except UnicodeEncodeError:  # half of a surrogate pair
        return False


def _timelines(rooms: Mapping[str, Any]) -> Iterator[Timeline]:
    for room, update in rooms.items():
        if not is_id(room):
            continue
        timeline = _dict(update, "timeline")
        before = timeline.get("prev_batch")
        gap = before if timeline.get("limited") is True and isinstance(before, str) else None
        yield Timeline(room, tuple(usable(_list(timeline, "events"))), gap, _typing(_dict(update, "ephemeral")))


def _typing(ephemeral: Mapping[str, Any]) -> frozenset[str] | None:
    for event in _list(ephemeral, "events"):
        if isinstance(event, dict) and event.get("type") == "m.typing":
            return frozenset(user for user in _list(_dict(event, "content"), "user_ids") if is_id(user))
    return None


def _invitations(rooms: Mapping[str, Any], user_id: str) -> Iterator[tuple[str, str]]:
    for room, update in rooms.items():
        if not is_id(room):
            continue
        asked_by = ""
        for event in _list(_dict(update, "invite_state"), "events"):
            if isinstance(event, dict) and event.get("type") == "m.room.member" and event.get("state_key") == user_id:
                sender = event.get("sender")
                asked_by = str(sender) if is_id(sender) else ""
        yield room, asked_by


def _dict(value: object, part: str) -> dict[str, Any]:
    found = value.get(part) if isinstance(value, dict) else None
    return found if isinstance(found, dict) else {}


def _list(value: object, part: str) -> list[Any]:
    found = value.get(part) if isinstance(value, dict) else None
    return found if isinstance(found, list) else []
