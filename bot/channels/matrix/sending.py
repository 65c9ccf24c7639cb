"""Doing deeds on Matrix: encrypted messages, ticks, rooms. Each may be done again without harm (law 2).

Nothing leaves in clear but the fixed notice of `Decline` (law 5), and keys go only to devices that may read (law 10).
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, assert_never
from uuid import uuid4
from weakref import WeakValueDictionary

from bot.channels.matrix import NAME
from bot.channels.matrix.guard import Guard
from bot.channels.matrix.homeserver import AnswerTooLargeError, Homeserver, HomeserverError, chunk_of
from bot.channels.matrix.machine import CannotRead
from bot.channels.matrix.marks import FORMAT, in_html
from bot.channels.matrix.media import Media
from bot.channels.matrix.people import People
from bot.channels.matrix.rooms import Rooms
from bot.channels.matrix.signing import Device
from bot.channels.matrix.sync import usable
from bot.deeds import (
    Accept,
    Decline,
    Discard,
    EditText,
    Enter,
    Erase,
    Follow,
    Identify,
    Invite,
    Leave,
    MakeRoom,
    OutgoingMessage,
    Restore,
    SendFile,
    SendText,
    Tick,
)
from bot.domain import Attachment, Conversation, Place, Style
from bot.ports import Entered, Failure, Files, SendError

Content = Mapping[str, Any]
InRoom = SendText | EditText | Erase | Tick | Enter | Decline | Follow | Restore | Identify | Invite | Accept | Leave
OWN_ID = "org.vestibule.id"  # where an outbox row's id stands inside the encrypted content
LONGEST = 7_000  # bytes; an event holds 64 KiB, and in JSON, sealed and in base64 a byte takes at most 8 of it
TICK = "✓"
RELATION = "m.relates_to"
REMEMBERED = timedelta(hours=20)  # a homeserver forgets transaction ids after 24 hours; clocks differ
LOOK_BACK_PAGES = 20  # of 100 messages of ours: how far back one of them is looked for
PATIENCE = 8  # attempts at a room that took another's place: whoever moved may ask us in only after they said so


@dataclass(frozen=True, slots=True)
class Result:
    """What a deed brought (`ports.Done`)."""

    event_id: str | None = None
    room: str | None = field(default=None, repr=False)
    entered: Entered | None = None
    identity: str | None = field(default=None, repr=False)


class Sender:
    """Does one deed at a time in a room; different rooms do not wait for each other."""

    def __init__(
        self, homeserver: Homeserver, guard: Guard, people: People, rooms: Rooms, now: Callable[[], datetime]
    ) -> None:
        self._homeserver = homeserver
        self._guard = guard
        self._people = people
        self._rooms = rooms
        self._media = Media(homeserver)
        self._now = now
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def perform(self, conversation: Conversation, message: OutgoingMessage, files: Files) -> Result:
        """Do one deed. Raises SendError."""
        try:
            return await self._do(conversation, message, files)
        except HomeserverError as error:
            if error.failure is Failure.GONE and conversation.room is not None:
                self._rooms.forget(conversation.room)
            raise SendError(error.failure, retry_after=error.retry_after) from error

    def open(self, attachment: Attachment) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        """A file that came by Matrix, for another channel."""
        return self._media.open(attachment)

    async def _do(self, conversation: Conversation, message: OutgoingMessage, files: Files) -> Result:
        deed = message.deed
        if isinstance(deed, Discard):
            return Result()  # it lies where its sender put it, and is theirs
        if isinstance(deed, MakeRoom):
            return Result(room=await self._rooms.make(deed.alias, deed.name))
        if conversation.room is None:
            raise SendError(Failure.AWAY)
        async with self._turns.setdefault(conversation.room, asyncio.Lock()):
            if isinstance(deed, SendFile):
                return await self._pass_on(conversation.room, conversation.place, message, deed, files)
            return await self._do_in(conversation.room, conversation, message, deed)

    async def _do_in(self, room: str, lane: Conversation, message: OutgoingMessage, deed: InRoom) -> Result:
        match deed:
            case SendText(text, styles, mentions):
                return await self._say(room, lane.place, message, {**_words(text, styles), **_calling(mentions)})
            case EditText(event_id, text):
                return await self._say(room, lane.place, message, _change(event_id, text))
            case Erase(event_id):
                return await self._erase(room, event_id, message)
            case Tick(event_id):
                return await self._tick(room, event_id, message)
            case Enter():
                return await self._enter(room, lane)
            case Follow(following):
                return await self._follow(following, lane, message.attempts)
            case Restore():
                await self._restore(room)
                return Result()
            case Identify(contact):
                return await self._identify(contact)
            case Decline(notice):
                return await self._decline(room, message, notice)
            case Invite(contact):
                await self._invite(room, contact)
                return Result()
            case Accept():
                return Result()  # an identity that is new holds nothing up here: staff are told of it
            case Leave(why):
                await self._leave(room, message, why)
                return Result()
            case _:
                assert_never(deed)

    async def _say(self, room: str, place: Place, message: OutgoingMessage, content: Content) -> Result:
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
        before = await self._said_before(room, message)
        if before is not None:
            return Result(event_id=before)
        await self._people.learn({*members.joined, self._guard.user_id})
        if staff:
            return await self._speak(room, members.joined, message, content, staff=True)
        (contact,) = others
        identity = self._people.identity_of(contact)
        if identity is None:
            # their server does not tell their devices: nobody could read what is said now
            raise SendError(Failure.AWAY)
        said = await self._speak(room, members.joined, message, content, staff=False, contact=contact)
        return replace(said, identity=identity)

    async def _pass_on(self, room: str, place: Place, message: OutgoingMessage, deed: SendFile, files: Files) -> Result:
        before = await self._said_before(room, message)
        if before is not None:
            return Result(event_id=before)
        # who is in the room, and who may read, is looked at only then: the copying may take minutes
        if deed.attachment.channel == NAME:
            content = await self._media.copy(deed.attachment, message.attempts)
        else:
            content = await self._media.seal(deed.attachment, files)
        return await self._say(room, place, message, content)

    async def _leave(self, room: str, message: OutgoingMessage, why: str) -> None:
        """Whoever else is in the room may read why: it is encrypted for all of them, and nothing follows it."""
        try:
            joined = (await self._rooms.members(room)).joined
            if self._guard.user_id in joined and await self._said_before(room, message) is None:
                await self._people.learn({*joined, self._guard.user_id})
                await self._speak(room, joined, message, _words(why), staff=False)
        except HomeserverError as error:
            if error.failure in (Failure.AWAY, Failure.LIMITED):
                raise
            # put out already: leaving is what counts
        await self._rooms.leave(room)

    async def _speak(
        self,
        room: str,
        joined: set[str],
        message: OutgoingMessage,
        content: Content,
        *,
        staff: bool,
        contact: str | None = None,
    ) -> Result:
        """Send it, encrypted, with its key to everyone joined who may read it and does not have it.

        It waits while this contact has devices to read it on, and none of them can be given the key.
        """
        readers = self._people.readers({*joined, self._guard.user_id}, staff=staff)
        missing = self._guard.missing_key(room, readers)
        if missing:
            reached = await self._share(room, missing)
            theirs = {device for device in readers if device.user_id == contact}
            if theirs and theirs <= set(missing) and contact not in reached:
                raise SendError(Failure.AWAY)
        sealed = self._guard.encrypt(room, "m.room.message", {**content, OWN_ID: message.id})
        if RELATION in content:
            # homeservers serve the newest words of a message, and look for what they relate to outside the ciphertext
            sealed[RELATION] = content[RELATION]
        return await self._send(room, "m.room.encrypted", message.id, sealed)

    async def _tick(self, room: str, event_id: str, message: OutgoingMessage) -> Result:
        relation = {"rel_type": "m.annotation", "event_id": event_id, "key": TICK}
        try:
            return await self._send(room, "m.reaction", message.id, {RELATION: relation})
        except HomeserverError as error:
            if error.errcode != "M_DUPLICATE_ANNOTATION":
                raise
            return Result()  # ticked before; the homeserver has forgotten the transaction id since

    async def _erase(self, room: str, event_id: str, message: OutgoingMessage) -> Result:
        try:
            await self._homeserver.call("PUT", "rooms", room, "redact", event_id, message.id, body={})
        except HomeserverError as error:
            if error.failure is Failure.GONE:  # it is the message that is not there, or not ours to take back
                raise SendError(Failure.REFUSED) from error
            raise
        return Result()

    async def _share(self, room: str, devices: list[Device]) -> set[str]:
        """Give these devices the room's present key; whose devices got it."""
        strangers = self._guard.without_session(devices)
        if strangers:
            self._guard.start_sessions(strangers, await self._people.claim(strangers))
        messages = self._guard.share_key(room, devices)
        if messages:
            await self._homeserver.call(
                "PUT", "sendToDevice", "m.room.encrypted", uuid4().hex, body={"messages": messages}
            )
            self._guard.key_shared(room, messages, devices)
        return set(messages)

    async def _send(self, room: str, kind: str, transaction: str, content: dict[str, Any]) -> Result:
        answer = await self._homeserver.call("PUT", "rooms", room, "send", kind, transaction, body=content)
        event_id = answer.get("event_id")
        if not isinstance(event_id, str):
            raise HomeserverError(0)  # something before the homeserver answered: it may not have heard of this
        return Result(event_id=event_id)

    async def _said_before(self, room: str, message: OutgoingMessage) -> str | None:
        """The event of this message, if the room holds it and the homeserver may not know (law 2, second half)."""
        if message.tried_at is None:
            return None
        same_device = message.tried_from in (None, self._guard.device_id)
        if same_device and self._now() - message.tried_at < REMEMBERED:
            return None
        ours = json.dumps({"senders": [self._guard.user_id], "types": ["m.room.encrypted"]})
        query = {"dir": "b", "limit": "100", "filter": ours}
        for _ in range(LOOK_BACK_PAGES):
            answer = await self._homeserver.call("GET", "rooms", room, "messages", query=query, events=True)
            end = answer.get("end")
            for event in usable(chunk_of(answer)):
                if event["sender"] == self._guard.user_id and self._own_id(room, event) == message.id:
                    return str(event["event_id"])
            if not isinstance(end, str) or end == query.get("from"):
                break
            query["from"] = end
        return None

    def _own_id(self, room: str, event: Mapping[str, Any]) -> object:
        try:
            content = self._guard.decrypt(room, event).payload.get("content")
        except CannotRead:
            return None
        return content.get(OWN_ID) if isinstance(content, dict) else None

    async def _enter(self, room: str, lane: Conversation) -> Result:
        try:
            await self._rooms.enter(room, lane.contact)
        except HomeserverError as error:
            # a federated invitation may need hours to get through; at the door of a queue room the outbox waits
            if error.status == 404 and lane.place is not Place.QUEUE:
                raise SendError(Failure.AWAY) from error
            raise
        if lane.place is Place.REQUESTER and not await self._is_safe(room):
            return Result(room=room, entered=Entered.UNSAFE)
        return Result(room=room, entered=Entered.SAFE)

    async def _follow(self, room: str, lane: Conversation, attempts: int) -> Result:
        """Anybody who rules the old room can name any other: it must be as safe, and of the same people."""
        known = await self._rooms.is_in(room)
        try:
            await self._rooms.enter(room, lane.room, lane.contact)
        except HomeserverError as error:
            if error.status == 404 or (error.status == 403 and attempts < PATIENCE):
                raise SendError(Failure.AWAY) from error
            raise
        if lane.place is not Place.REQUESTER:
            safe = await self._rooms.is_encrypted(room)
        else:
            safe = await self._is_safe(room) and await self._rooms.is_of_two(room, lane.contact or "")
        if not safe and not known:
            await self._rooms.leave(room)  # where we were before, another conversation is held
        return Result(room=room, entered=Entered.SAFE if safe else Entered.UNSAFE)

    async def _restore(self, room: str) -> None:
        try:
            await self._rooms.restore(room)
        except HomeserverError as error:
            if error.failure is Failure.GONE:  # somebody rules there beside us; the room is still there
                raise SendError(Failure.REFUSED) from error
            raise

    async def _invite(self, room: str, contact: str) -> None:
        try:
            await self._rooms.invite(room, contact)
        except HomeserverError as error:
            if error.failure is Failure.GONE and await self._rooms.is_in(room):
                raise SendError(Failure.REFUSED) from error  # it is this person who cannot be asked in
            raise

    async def _identify(self, contact: str) -> Result:
        await self._people.learn({contact}, again=True)
        identity = self._people.identity_of(contact)
        if identity is None:
            raise SendError(Failure.AWAY)
        return Result(identity=identity)

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


def _words(text: str, styles: tuple[Style, ...] = ()) -> dict[str, Any]:
    words = {"msgtype": "m.text", "body": text}
    return {**words, "format": FORMAT, "formatted_body": in_html(text, styles)} if styles else words


def _calling(mentions: tuple[str, ...]) -> dict[str, Any]:
    """What makes their clients ring (Matrix 1.7, intentional mentions); inside the ciphertext, like the words."""
    return {"m.mentions": {"user_ids": [*mentions]}} if mentions else {}


def _change(event_id: str, text: str) -> dict[str, Any]:
    """What takes the place of an earlier message; the words with the star are for clients that know no changes."""
    relation = {"rel_type": "m.replace", "event_id": event_id}
    return {**_words(f"* {text}"), "m.new_content": _words(text), RELATION: relation}
