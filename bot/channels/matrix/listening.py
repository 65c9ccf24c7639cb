"""The sync loop: what the homeserver brings, opened, bound to its senders and journaled, before the token moves.

The world's failures are waited out here; a batch that was not accepted is asked for again.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from bot.channels.matrix.guard import CannotRead, Guard, Plain
from bot.channels.matrix.homeserver import Homeserver, HomeserverError
from bot.channels.matrix.people import People
from bot.channels.matrix.reading import read_message, sent_at
from bot.channels.matrix.rooms import Rooms, membership_of, was_widened
from bot.channels.matrix.sync import Synced, Timeline, lean_filter, read_sync, usable
from bot.domain import Arrival, Batch, Cause, Danger, Endangered, Happening, Invited, Joined, Left, Unreadable
from bot.errors import VestibuleError
from bot.ports import Failure, Inbox

log = logging.getLogger(__name__)

NAME = "matrix"
SYNC_SECONDS = 30  # how long the homeserver may wait for something to happen
LONGEST_PAUSE = 30.0  # seconds between two tries while no homeserver answers
GAP_PAGES = 50  # of 100 events: how far back a gap is filled, and how much work one room can cause
REVIVALS = 20  # new Olm sessions a sync; strangers can cause them


class SignedOutError(VestibuleError):
    """The homeserver no longer knows this device: its session was ended from outside."""


class Listener:
    """Brings what happens on Matrix to the inbox."""

    def __init__(self, homeserver: Homeserver, guard: Guard, people: People, rooms: Rooms) -> None:
        self._homeserver = homeserver
        self._guard = guard
        self._people = people
        self._rooms = rooms

    async def listen(self, inbox: Inbox) -> None:
        """Sync until cancelled. Raises SignedOutError."""
        token = await inbox.token(NAME)
        filter_id: str | None = None
        pause = 1.0
        while True:
            try:
                filter_id = filter_id or await self._filter()
                synced = await self._sync(token, filter_id)
                await inbox.accept(Batch(NAME, synced.token, tuple(await self._arrivals(synced, token))))
                token, pause = synced.token, 1.0
                await self._look_after_keys(synced)
            except HomeserverError as error:
                if error.errcode == "M_UNKNOWN_TOKEN":
                    raise SignedOutError("the homeserver ended this device's session; run `vestibule setup`") from error
                wait = error.retry_after if error.retry_after is not None else pause
                log.warning("%s; trying again in %.0f s", error, wait)
                await asyncio.sleep(wait)
                pause = min(pause * 2, LONGEST_PAUSE)

    async def _filter(self) -> str:
        answer = await self._homeserver.call(
            "POST", "user", self._guard.user_id, "filter", body=lean_filter(self._guard.user_id)
        )
        filter_id = answer.get("filter_id")
        if not isinstance(filter_id, str):
            raise HomeserverError(0)
        return filter_id

    async def _sync(self, token: str | None, filter_id: str) -> Synced:
        query = {"filter": filter_id, "timeout": str(SYNC_SECONDS * 1000) if token else "0"}
        if token:
            query["since"] = token
        answer = await self._homeserver.call("GET", "sync", query=query, wait=SYNC_SECONDS)
        synced = read_sync(answer, self._guard.user_id)
        if synced is None:
            raise HomeserverError(0)
        return synced

    async def _arrivals(self, synced: Synced, since: str | None) -> list[Arrival]:
        self._guard.receive(synced.to_device)
        self._people.changed(synced.changed)
        found = [
            Arrival(NAME, room, f"invite/{room}/{since or ''}", asked_by, datetime.now(UTC), Invited())
            for room, asked_by in synced.invited
        ]
        for room in synced.left:
            self._forget(room)
            found.append(
                Arrival(NAME, room, f"left/{room}/{since or ''}", self._guard.user_id, datetime.now(UTC), Left())
            )
        if since is None:
            # before the first sync this device was in no room: what stands there is history
            return found
        opened = [
            (timeline.room, event, plain)
            for timeline in synced.timelines
            for event, plain in self._open(timeline.room, [*await self._missed(timeline, since), *timeline.events])
        ]
        await self._people.learn({str(event["sender"]) for _, event, plain in opened if isinstance(plain, Plain)})
        for room, event, plain in opened:
            found.extend(await self._happened(room, event, plain))
        return found

    async def _missed(self, timeline: Timeline, since: str) -> list[Mapping[str, Any]]:
        """The events between the last sync and a limited timeline, in order."""
        pages: list[Mapping[str, Any]] = []
        position = timeline.gap
        if position is not None:
            self._rooms.forget(timeline.room)
        for _ in range(GAP_PAGES):
            if position is None:
                break
            try:
                answer = await self._homeserver.call(
                    "GET",
                    "rooms",
                    timeline.room,
                    "messages",
                    query={
                        "dir": "b",
                        "from": position,
                        "to": since,
                        "limit": "100",
                        "filter": json.dumps(lean_filter(self._guard.user_id)["room"]["timeline"]),
                    },
                )
            except HomeserverError as error:
                if error.failure in (Failure.AWAY, Failure.LIMITED):
                    raise
                break
            chunk, end = answer.get("chunk"), answer.get("end")
            pages.extend(usable(chunk if isinstance(chunk, list) else []))
            position = end if isinstance(end, str) and chunk else None
        return pages[::-1]

    def _open(
        self, room: str, events: list[Mapping[str, Any]]
    ) -> list[tuple[Mapping[str, Any], Plain | CannotRead | None]]:
        opened: list[tuple[Mapping[str, Any], Plain | CannotRead | None]] = []
        for event in events:
            if event["sender"] == self._guard.user_id:
                continue
            if event["type"] != "m.room.encrypted":
                opened.append((event, None))
                continue
            try:
                opened.append((event, self._guard.decrypt(room, event)))
            except CannotRead as error:
                opened.append((event, error))
        return opened

    async def _happened(
        self, room: str, event: Mapping[str, Any], plain: Plain | CannotRead | None
    ) -> Iterator[Arrival]:
        kind, sender = event["type"], str(event["sender"])
        whats: list[Happening | None] = []
        if isinstance(plain, CannotRead):
            whats.append(Unreadable(plain.cause))
        elif plain is not None:
            whats.append(await self._said(sender, plain))
        elif kind == "m.room.message":
            # in clear: never an answer, never a command (law 5)
            whats.append(Unreadable(Cause.PLAIN))
        elif kind == "m.room.member":
            whats.extend(await self._membership(room, event))
        elif kind == "m.room.history_visibility" and was_widened(event):
            whats.append(Endangered(Danger.HISTORY_OPENED))
        return (
            Arrival(NAME, room, f"{event['event_id']}{'/2' * n}", self._person(event), sent_at(event), what)
            for n, what in enumerate(found for found in whats if found is not None)
        )

    @staticmethod
    def _person(event: Mapping[str, Any]) -> str:
        # of a membership, the person it is about: who invited or removed them does not matter here
        about = event.get("state_key") if event["type"] == "m.room.member" else event["sender"]
        return str(about)

    async def _said(self, sender: str, plain: Plain) -> Happening | None:
        try:
            try:
                device = self._people.author(sender, plain)
            except CannotRead:
                await self._people.learn({sender}, again=True)
                device = self._people.author(sender, plain)
        except CannotRead as error:
            return Unreadable(error.cause)
        return read_message(plain.payload, signed=self._people.is_pinned(device))

    async def _membership(self, room: str, event: Mapping[str, Any]) -> list[Happening]:
        person, membership = event.get("state_key"), membership_of(event.get("content"))
        if not isinstance(person, str) or person == self._guard.user_id:
            return []
        unsigned = event.get("unsigned")
        before = membership_of(unsigned.get("prev_content")) if isinstance(unsigned, dict) else None
        self._rooms.follow(room, event)
        if membership in ("leave", "ban"):
            return [Left()]
        if membership not in ("join", "invite") or before == membership:
            return []
        whats: list[Happening] = [Joined()] if membership == "join" else []
        try:
            if len((await self._rooms.members(room)).all) > 2:
                whats.append(Endangered(Danger.THIRD_MEMBER))
        except HomeserverError:
            pass  # whoever is there is counted again before anything is sent
        return whats

    async def _look_after_keys(self, synced: Synced) -> None:
        try:
            body = self._guard.keys_to_upload(synced.counts, synced.unused_fallback)
            if body:
                await self._homeserver.call("POST", "keys", "upload", body=body)
                self._guard.keys_uploaded()
            await self._revive()
        except HomeserverError as error:
            # the next sync asks for it again
            log.warning("keys could not be looked after: %s", error)

    async def _revive(self) -> None:
        """Give devices whose Olm messages do not decrypt a new session, as the specification's unwedging asks."""
        pairs = self._guard.to_revive(datetime.now(UTC), REVIVALS)
        if not pairs:
            return
        await self._people.learn({person for person, _ in pairs})
        devices = self._people.devices(pairs)
        if not devices:
            return
        self._guard.start_sessions(devices, await self._people.claim(devices))
        messages = self._guard.dummies(devices)
        if messages:
            await self._homeserver.call(
                "PUT", "sendToDevice", "m.room.encrypted", uuid4().hex, body={"messages": messages}
            )

    def _forget(self, room: str) -> None:
        self._rooms.forget(room)
        self._guard.forget_room(room)
