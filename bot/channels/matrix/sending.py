"""Doing deeds on Matrix: encrypted messages, ticks, rooms. Each may be done again without harm (law 2).

Nothing leaves in clear but the fixed notice of `Decline` (law 5), and keys go only to devices that may read (law 10).
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, assert_never
from uuid import uuid4
from weakref import WeakValueDictionary

from bot.channels.matrix.guard import Guard
from bot.channels.matrix.homeserver import AnswerTooLargeError, Homeserver, HomeserverError
from bot.channels.matrix.machine import CannotRead
from bot.channels.matrix.people import People
from bot.channels.matrix.rooms import Rooms
from bot.channels.matrix.signing import Device
from bot.channels.matrix.sync import usable
from bot.domain import (
    Conversation,
    Decline,
    Enter,
    Invite,
    Leave,
    MakeRoom,
    OutgoingMessage,
    Place,
    SendText,
    Tick,
)
from bot.ports import Entered, Failure, SendError

InRoom = SendText | Tick | Enter | Decline | Invite | Leave
OWN_ID = "org.vestibule.id"  # where an outbox row's id stands inside the encrypted content
TICK = "✓"
REMEMBERED = timedelta(hours=20)  # a homeserver forgets transaction ids after 24 hours; clocks differ
LOOK_BACK_PAGES = 20  # of 100 messages of ours: how far back one of them is looked for


@dataclass(frozen=True, slots=True)
class Result:
    """What a deed brought (`ports.Done`)."""

    event_id: str | None = None
    room: str | None = field(default=None, repr=False)
    entered: Entered | None = None


class Sender:
    """Does one deed at a time in a room; different rooms do not wait for each other."""

    def __init__(
        self, homeserver: Homeserver, guard: Guard, people: People, rooms: Rooms, now: Callable[[], datetime]
    ) -> None:
        self._homeserver = homeserver
        self._guard = guard
        self._people = people
        self._rooms = rooms
        self._now = now
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def perform(self, conversation: Conversation, message: OutgoingMessage) -> Result:
        """Do one deed. Raises SendError."""
        try:
            return await self._do(conversation, message)
        except HomeserverError as error:
            if error.failure is Failure.GONE and conversation.room is not None:
                self._rooms.forget(conversation.room)
            raise SendError(error.failure, retry_after=error.retry_after) from error

    async def _do(self, conversation: Conversation, message: OutgoingMessage) -> Result:
        deed = message.deed
        if isinstance(deed, MakeRoom):
            return Result(room=await self._rooms.make(deed.alias, deed.name))
        if conversation.room is None:
            raise SendError(Failure.AWAY)
        async with self._turns.setdefault(conversation.room, asyncio.Lock()):
            return await self._do_in(conversation.room, conversation.place, message, deed)

    async def _do_in(self, room: str, place: Place, message: OutgoingMessage, deed: InRoom) -> Result:
        match deed:
            case SendText(text):
                return await self._say(room, place, message, text)
            case Tick(event_id):
                return await self._tick(room, event_id, message)
            case Enter():
                return await self._enter(room, place)
            case Decline(notice):
                return await self._decline(room, message, notice)
            case Invite(contact):
                await self._rooms.invite(room, contact)
                return Result()
            case Leave(why):
                await self._leave(room, message, why)
                return Result()
            case _:
                assert_never(deed)

    async def _say(self, room: str, place: Place, message: OutgoingMessage, text: str) -> Result:
        staff = place is not Place.REQUESTER
        members = await self._rooms.members(room)
        if members.crowded:
            raise SendError(Failure.REFUSED if staff else Failure.UNSAFE)
        others = members.joined - {self._guard.user_id}
        if self._guard.user_id not in members.joined or (not staff and not others):
            # what we know may be old: the next look asks again
            self._rooms.forget(room)
            raise SendError(Failure.GONE)
        if not staff and len(members.all) > 2:
            raise SendError(Failure.UNSAFE)
        if await self._already_said(room, message):
            return Result()
        await self._people.learn({*members.joined, self._guard.user_id})
        if not staff and not all(self._people.knows(person) for person in others):
            # their server does not tell their devices: nobody could read what is said now
            raise SendError(Failure.AWAY)
        return await self._speak(room, members.joined, message, text, staff=staff)

    async def _leave(self, room: str, message: OutgoingMessage, why: str) -> None:
        """Whoever else is in the room may read why: it is encrypted for all of them, and nothing follows it."""
        try:
            joined = (await self._rooms.members(room)).joined
            if self._guard.user_id in joined and not await self._already_said(room, message):
                await self._people.learn({*joined, self._guard.user_id})
                await self._speak(room, joined, message, why, staff=False)
        except HomeserverError as error:
            if error.failure in (Failure.AWAY, Failure.LIMITED):
                raise
            # put out already: leaving is what counts
        await self._rooms.leave(room)

    async def _speak(self, room: str, joined: set[str], message: OutgoingMessage, text: str, *, staff: bool) -> Result:
        """Send the text, encrypted, with its key to everyone joined who may read it and does not have it."""
        readers = self._people.readers({*joined, self._guard.user_id}, staff=staff)
        missing = self._guard.missing_key(room, readers)
        if missing:
            await self._share(room, missing)
        content = {"msgtype": "m.text", "body": text, OWN_ID: message.id}
        sealed = self._guard.encrypt(room, "m.room.message", content)
        return await self._send(room, "m.room.encrypted", message.id, sealed)

    async def _tick(self, room: str, event_id: str, message: OutgoingMessage) -> Result:
        relation = {"rel_type": "m.annotation", "event_id": event_id, "key": TICK}
        try:
            return await self._send(room, "m.reaction", message.id, {"m.relates_to": relation})
        except HomeserverError as error:
            if error.errcode != "M_DUPLICATE_ANNOTATION":
                raise
            return Result()  # ticked before; the homeserver has forgotten the transaction id since

    async def _share(self, room: str, devices: list[Device]) -> None:
        strangers = self._guard.without_session(devices)
        if strangers:
            self._guard.start_sessions(strangers, await self._people.claim(strangers))
        messages = self._guard.share_key(room, devices)
        if messages:
            await self._homeserver.call(
                "PUT", "sendToDevice", "m.room.encrypted", uuid4().hex, body={"messages": messages}
            )
            self._guard.key_shared(room, messages, devices)

    async def _send(self, room: str, kind: str, transaction: str, content: dict[str, Any]) -> Result:
        answer = await self._homeserver.call("PUT", "rooms", room, "send", kind, transaction, body=content)
        event_id = answer.get("event_id")
        return Result(event_id=event_id if isinstance(event_id, str) else None)

    async def _already_said(self, room: str, message: OutgoingMessage) -> bool:
        """Whether the room holds this message already, where the homeserver could not know (law 2, second half)."""
        if message.tried_at is None:
            return False
        same_device = message.tried_from in (None, self._guard.device_id)
        if same_device and self._now() - message.tried_at < REMEMBERED:
            return False
        ours = json.dumps({"senders": [self._guard.user_id], "types": ["m.room.encrypted"]})
        query = {"dir": "b", "limit": "100", "filter": ours}
        for _ in range(LOOK_BACK_PAGES):
            answer = await self._homeserver.call("GET", "rooms", room, "messages", query=query, events=True)
            chunk, end = answer.get("chunk"), answer.get("end")
            for event in usable(chunk if isinstance(chunk, list) else []):
                if event["sender"] == self._guard.user_id and self._own_id(room, event) == message.id:
                    return True
            if not isinstance(end, str) or end == query.get("from"):
                break
            query["from"] = end
        return False

    def _own_id(self, room: str, event: Mapping[str, Any]) -> object:
        try:
            content = self._guard.decrypt(room, event).payload.get("content")
        except CannotRead:
            return None
        return content.get(OWN_ID) if isinstance(content, dict) else None

    async def _enter(self, room: str, place: Place) -> Result:
        try:
            await self._rooms.enter(room)
        except HomeserverError as error:
            # the queue room's invitation may still come; a federated one may need hours to get through
            if error.status == 404 or (error.status == 403 and place is Place.QUEUE):
                raise SendError(Failure.AWAY) from error
            raise
        if place is Place.REQUESTER and not await self._is_safe(room):
            return Result(room=room, entered=Entered.UNSAFE)
        return Result(room=room, entered=Entered.SAFE)

    async def _is_safe(self, room: str) -> bool:
        try:
            return await self._rooms.look(room)
        except AnswerTooLargeError:
            return False  # whoever made it so will not let us see more

    async def _decline(self, room: str, message: OutgoingMessage, notice: str) -> Result:
        try:
            content: dict[str, Any] = {"msgtype": "m.notice", "body": notice}
            await self._send(room, "m.room.message", message.id, content)
        except HomeserverError as error:
            if error.failure in (Failure.AWAY, Failure.LIMITED):
                raise
            # not allowed to speak here: leaving is what counts
        await self._rooms.leave(room)
        return Result()
