"""From a sync to arrivals: events opened, bound to their senders, and told in our own words.

Whatever one room brings, the others get through: what cannot be read or bound is said to be so, not raised (law 7).
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from bot.channels.matrix import NAME
from bot.channels.matrix.guard import Guard, Plain
from bot.channels.matrix.homeserver import Homeserver, HomeserverError, chunk_of, pause
from bot.channels.matrix.machine import CannotRead
from bot.channels.matrix.people import People
from bot.channels.matrix.reading import read_message, removed_by, sent_at
from bot.channels.matrix.rooms import Rooms, membership_of, was_widened
from bot.channels.matrix.sync import TIMELINE_LIMIT, Synced, Timeline, is_id, lean_filter, usable
from bot.channels.matrix.waiting import Missing
from bot.happenings import (
    LATE,
    Alarm,
    Alarmed,
    Arrival,
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
    Typing,
    Unreadable,
)
from bot.ports import Failure

log = logging.getLogger(__name__)

SETTINGS = {
    "m.room.join_rules": Setting.JOIN_RULES,
    "m.room.guest_access": Setting.GUESTS,
    "m.room.history_visibility": Setting.HISTORY,
    "m.room.power_levels": Setting.POWER,
    "m.room.encryption": Setting.ENCRYPTION,
}
AT_ONCE = 100  # events opened or told in one go, in 10 ms: after an outage there are many, and others have work to do
CROWDED = 100  # to-device events in one sync, from which on more may wait: homeservers hand them out in portions
PATIENCE = timedelta(minutes=2)  # with a key that may be among them; nobody is left without an answer for longer
GAP_PAGES = 50  # of 100 events: how far back a gap is filled, and how much work one room can cause


@dataclass(frozen=True, slots=True)
class Opened:
    """An event of a room; with what stood in it, or why that cannot be read, if it was encrypted."""

    room: str = field(repr=False)
    event: Mapping[str, Any] = field(repr=False)
    plain: Plain | CannotRead | None = field(repr=False)
    late: bool = False  # its key came after it: that it could not be read was told under its own id


class Reader:
    """Reads syncs. `arrivals` may be called again for the same sync; `accepted` says that they are kept.

    `made_at`: when our device was made. What was encrypted before, for another one, is history and told to nobody.
    """

    def __init__(
        self, homeserver: Homeserver, guard: Guard, people: People, rooms: Rooms, made_at: datetime | None = None
    ) -> None:
        self._homeserver = homeserver
        self._guard = guard
        self._people = people
        self._rooms = rooms
        self._made_at = made_at
        self._opened_late: list[int] = []
        self._without_key: list[Missing] = []  # of the sync that is being read
        self._told_late: list[int] = []
        self._keys_follow = False

    def begin_anew(self) -> None:
        """The homeserver is on an earlier state than it was: nothing that it told us before counts."""
        self._rooms.forget_all()
        self._people.all_changed()
        self._guard.renew_room_keys()

    async def arrivals(self, synced: Synced, since: str | None, *, patient: bool, anew: bool = False) -> list[Arrival]:
        """What happened, in order. Raises HomeserverError.

        Not `patient`: what cannot be had for one room or person is given up; it failed too often. `anew`: the
        homeserver was put back, and this is all that it has, not only what came after `since`; what was taken before is
        there again, under the same ids.
        """
        self._guard.receive(synced.to_device)
        self._keys_follow = len(synced.to_device) >= CROWDED
        self._people.changed(synced.changed)
        now = datetime.now(UTC)
        found = [
            Arrival(NAME, "", event_id, alarmed.who or "", now, alarmed)
            for event_id, alarmed in await self._people.watch(synced.changed)
        ]
        found += [
            Arrival(NAME, room, f"invite/{room}/{since or ''}", asked_by, now, Invited())
            for room, asked_by in synced.invited
        ]
        for room in synced.left:
            self._rooms.forget(room)
            self._guard.forget_room(room)
            found.append(Arrival(NAME, room, f"left/{room}/{since or ''}", self._guard.user_id, now, Left()))
        if anew:
            found.append(Arrival(NAME, "", f"went-back/{since}", "", now, Alarmed(Alarm.SERVER_WENT_BACK)))
        if since is None:
            # before the first sync this device was in no room: what stands there is history
            return found
        kept = self._guard.waiting.ready()
        self._opened_late = [waited.row for waited in kept]
        found += self._untold(now)
        opened = [replace(self._open(waited.room, waited.event), late=True) for waited in kept]
        for timeline in synced.timelines:
            for event in await self._to_us(timeline, None if anew else since, patient=patient):
                if self._matters(event) and not (anew and self._is_history(event)):
                    opened.append(self._open(timeline.room, event))
                    await _breathe(len(opened))
        await self._learn_authors(opened, patient=patient)
        self._without_key = []
        for number, one in enumerate(opened):
            found += await self._told(one)
            await _breathe(number)
        # in one transaction: somebody may send many
        self._guard.waiting.keep(self._without_key, now)
        return found

    def accepted(self) -> None:
        """The last arrivals are journaled: what only waited for that is let go."""
        self._guard.waiting.drop(self._opened_late)
        self._guard.waiting.told(self._told_late)
        self._opened_late, self._told_late = [], []
        self._people.heard()

    def typing(self, synced: Synced) -> list[Typing]:
        """Who is writing, where that has changed; not we ourselves."""
        return [
            Typing(NAME, timeline.room, timeline.typing - {self._guard.user_id})
            for timeline in synced.timelines
            if timeline.typing is not None
        ]

    async def _to_us(self, timeline: Timeline, since: str | None, *, patient: bool) -> list[Mapping[str, Any]]:
        """What was said since we were asked in: in a room that is older than that, the rest is others' history."""
        events = list(timeline.events)
        if timeline.gap is not None:
            self._rooms.forget(timeline.room)
            if not any(self._asks_us_in(event) for event in events):
                events = [*await self._missed(timeline.room, timeline.gap, since, patient=patient), *events]
        asked = [place for place, event in enumerate(events) if self._asks_us_in(event)]
        return events[asked[-1] :] if asked else events

    def _asks_us_in(self, event: Mapping[str, Any]) -> bool:
        return (
            event["type"] == "m.room.member"
            and event.get("state_key") == self._guard.user_id
            and membership_of(event.get("content")) == "invite"
        )

    def _matters(self, event: Mapping[str, Any]) -> bool:
        """Not our own, and not taken back: what was redacted has lost its content."""
        is_there = bool(event.get("content")) or event["type"] == "m.room.redaction"
        return event["sender"] != self._guard.user_id and is_there

    async def _missed(self, room: str, gap: str, since: str | None, *, patient: bool) -> list[Mapping[str, Any]]:
        """The events between the last sync, or when we were asked in, and a limited timeline, in order.

        Where nothing says where the last sync was, one page of them.
        """
        pages: list[Mapping[str, Any]] = []
        position: str | None = gap
        most = GAP_PAGES if since is not None else 1
        for _ in range(most):
            if position is None:
                break
            query = {
                "dir": "b",
                "from": position,
                **({} if since is None else {"to": since}),
                "limit": str(TIMELINE_LIMIT),
                "filter": json.dumps(lean_filter(self._guard.user_id)["room"]["timeline"]),
            }
            try:
                answer = await self._homeserver.call("GET", "rooms", room, "messages", query=query, events=True)
                page = list(usable(chunk_of(answer)))
            except HomeserverError as error:
                if error.failure is Failure.LIMITED:
                    await asyncio.sleep(pause(0, error.retry_after))
                    continue
                if error.failure is Failure.AWAY and patient:
                    raise
                log.warning("a gap in a room could not be filled: %s", error)
                break
            end = answer.get("end")
            pages += page
            # a page may be empty and not the last: what the filter left out stood on it
            more = isinstance(end, str) and end != position and not any(self._asks_us_in(event) for event in page)
            position = end if more else None
        else:
            if position is not None and since is not None:
                log.warning("a gap in a room is longer than %d pages: what lies before them is not read", GAP_PAGES)
        return pages[::-1]

    def _open(self, room: str, event: Mapping[str, Any]) -> Opened:
        if event["type"] != "m.room.encrypted":
            return Opened(room, event, None)
        try:
            return Opened(room, event, self._guard.decrypt(room, event))
        except CannotRead as error:
            return Opened(room, event, error)

    async def _learn_authors(self, opened: list[Opened], *, patient: bool) -> None:
        """Learn whose devices wrote; of those that nobody seems to own, ask once more: they may be new."""
        said = [(str(one.event["sender"]), one.plain) for one in opened if isinstance(one.plain, Plain)]
        try:
            await self._people.learn({sender for sender, _ in said})
            await self._people.learn({sender for sender, plain in said if not self._wrote(sender, plain)}, again=True)
        except HomeserverError as error:
            if error.failure in (Failure.AWAY, Failure.LIMITED) and patient:
                raise
            log.warning("not all devices could be asked for: %s", error)

    def _wrote(self, sender: str, plain: Plain) -> bool:
        try:
            self._people.author(sender, plain)
        except CannotRead:
            return False
        return True

    async def _told(self, one: Opened) -> list[Arrival]:
        """What the event says happened: nothing, one thing, or a newcomer and the danger that comes with them."""
        event = one.event
        person = str(event["sender"])
        whats: Sequence[Happening | None] = ()
        if isinstance(one.plain, CannotRead):
            whats = self._unread(one, one.plain)
        elif one.plain is not None:
            whats = [self._said(person, one.plain)]
        elif event["type"] == "m.room.message":
            # in clear: never an answer, never a command (law 5)
            whats = [Unreadable(Cause.PLAIN)]
        elif event["type"] == "m.room.member" and is_id(event.get("state_key")):
            # the person it is about: who invited or removed them does not matter here
            person = event["state_key"]
            whats = await self._membership(one.room, person, event)
        elif event["type"] == "m.room.redaction":
            removed = removed_by(event)
            whats = [] if removed is None else [Removed(removed)]
        elif event.get("state_key") == "":
            whats = _changed_room(event)
        once = one.plain.once if isinstance(one.plain, Plain) else None
        event_id = f"{event['event_id']}{LATE if one.late else ''}"
        return [
            Arrival(NAME, one.room, f"{event_id}{'/2' * n}", person, sent_at(event), what, once)
            for n, what in enumerate(what for what in whats if what is not None)
        ]

    def _unread(self, one: Opened, why: CannotRead) -> Sequence[Happening]:
        """Why this could not be read; where only its key is missing, it is kept until that comes."""
        session = self._guard.lacks_key(one.room, one.event)
        if one.late or session is None:
            return [Unreadable(why.cause)]
        if self._is_history(one.event):
            return []
        self._without_key.append(Missing(one.room, session, one.event, untold=self._keys_follow))
        return [] if self._keys_follow else [self._no_key(one.room, session)]

    def _no_key(self, room: str, session: str) -> Unreadable:
        return Unreadable(Cause.WITHHELD if self._guard.is_withheld(room, session) else Cause.NO_KEY)

    def _untold(self, now: datetime) -> list[Arrival]:
        """What was to be told only if its key did not come with all that was still to come: now it is due."""
        due = self._guard.waiting.untold(now - PATIENCE if self._keys_follow else now)
        self._told_late = [kept.row for kept in due]
        return [
            Arrival(NAME, kept.room, str(kept.event["event_id"]), str(kept.event["sender"]), sent_at(kept.event), what)
            for kept in due
            if kept.row not in self._opened_late
            for what in [self._no_key(kept.room, str(kept.event["content"]["session_id"]))]
        ]

    def _is_history(self, event: Mapping[str, Any]) -> bool:
        return self._made_at is not None and sent_at(event) < self._made_at

    def _said(self, sender: str, plain: Plain) -> Happening | None:
        try:
            device = self._people.author(sender, plain)
        except CannotRead as error:
            return Unreadable(error.cause)
        signed, identity = self._people.is_pinned(device), self._people.identity_of(sender)
        return read_message(plain.payload, signed=signed, identity=identity)

    async def _membership(self, room: str, person: str, event: Mapping[str, Any]) -> list[Happening | None]:
        membership = membership_of(event.get("content"))
        if person == self._guard.user_id:
            return []
        unsigned = event.get("unsigned")
        before = membership_of(unsigned.get("prev_content")) if isinstance(unsigned, dict) else None
        self._rooms.follow(room, event)
        if membership in ("leave", "ban"):
            return [Left()]
        if membership not in ("join", "invite") or before == membership:
            return []
        whats: list[Happening | None] = [Joined()] if membership == "join" else []
        try:
            members = await self._rooms.members(room)
        except HomeserverError:
            return whats  # whoever is there is counted again before anything is sent
        members.apply(event)  # what we asked for may be older than the event, or newer: a third one was there
        if len(members.all) > 2:
            whats.append(Endangered(Danger.THIRD_MEMBER))
        return whats


async def _breathe(number: int) -> None:
    """Let everyone else have their turn, now and then."""
    if number % AT_ONCE == 0:
        await asyncio.sleep(0)


def _changed_room(event: Mapping[str, Any]) -> list[Happening]:
    """What a state event says of the room itself. Only a server vouches for it."""
    kind = event["type"]
    if kind == "m.room.tombstone":
        content = event.get("content")
        room = content.get("replacement_room") if isinstance(content, dict) else None
        return [Moved(room)] if is_id(room) and room.startswith("!") else []
    found: list[Happening] = []
    if kind == "m.room.history_visibility" and was_widened(event):
        found.append(Endangered(Danger.HISTORY_OPENED))
    if kind in SETTINGS:
        found.append(SettingsChanged(SETTINGS[kind]))
    return found
