"""Doing deeds on Signal: what is said there, to whom, and what is not done there."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, assert_never

from bot.channels.signal.caller import Caller
from bot.channels.signal.claims import CHANNEL, data_uri
from bot.channels.signal.contacts import Contacts
from bot.channels.signal.files import MAX_FILE, Vault
from bot.channels.signal.once import Once, milliseconds
from bot.channels.signal.people import People
from bot.channels.signal.rpc import MARK
from bot.channels.signal.sent import Sent
from bot.channels.signal.styles import told
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
from bot.domain import Attachment, Conversation, Kind, Place
from bot.ports import Entered, Failure, Files, SendError

LONGEST = 2_000  # bytes: of what is longer, Signal shows only the beginning
GROUP = "group:"  # begins the room of a group
OWN = "self"  # stands for our own account in event ids
TICK = "✔️"

FILE_SECONDS = 600.0  # as `Setting.seconds`, for a send that carries a file
CHANGEABLE = timedelta(hours=23)  # programs change and take back no message that is older than a day; clocks differ


@dataclass(frozen=True, slots=True)
class Result:
    """What a deed brought (`ports.Done`)."""

    event_id: str | None = None
    room: str | None = field(default=None, repr=False)
    entered: Entered | None = None
    identity: str | None = field(default=None, repr=False)


class Sender:
    """Does what a channel is asked to do. `disappear`: the timer that we set at first contact, if any."""

    def __init__(
        self,
        caller: Caller,
        once: Once,
        people: People,
        contacts: Contacts,
        sent: Sent,
        vault: Vault,
        disappear: timedelta | None,
        now: Callable[[], datetime],
    ) -> None:
        self._caller = caller
        self._once = once
        self._people = people
        self._contacts = contacts
        self._sent = sent
        self._vault = vault
        self._disappear = disappear
        self._now = now

    async def perform(self, conversation: Conversation, message: OutgoingMessage, files: Files) -> Result:
        """Do one deed. Raises SendError."""
        room, deed = conversation.room, message.deed
        if isinstance(deed, Discard):
            await self._vault.discard(deed.attachment)
            return Result()
        if (
            isinstance(deed, MakeRoom | Follow | Restore | Identify | Invite)
            or conversation.place is not Place.REQUESTER
        ):
            raise SendError(Failure.REFUSED)  # staff are not on Signal
        if room is None:
            raise SendError(Failure.AWAY)
        if room.startswith(GROUP):
            return await self._in_group(room.removeprefix(GROUP), message)
        match deed:
            case SendText(text, styles):
                return await self._say(room, message, {"message": text, "textStyle": told(text, styles)})
            case EditText(event_id, text):
                return await self._change(room, message, event_id, text)
            case SendFile(attachment):
                return await self._pass_on(room, message, attachment, files)
            case Erase(event_id):
                await self._erase(room, event_id)
                return Result()
            case Tick(event_id):
                await self._tick(room, event_id)
                return Result()
            case Enter():
                await self._people.identity(room)  # from here on it can be compared
                await self._set_timer(room)
                return Result(entered=Entered.SAFE)
            case Accept():
                return Result(identity=await self._once.asked(self._people.accept(room)))
            case Decline(words) | Leave(words):
                return await self._say(room, message, {"message": words})  # in a room of two there is none to leave
            case _:
                assert_never(deed)

    # --- what is said

    async def _say(self, contact: str, message: OutgoingMessage, params: Mapping[str, Any]) -> Result:
        stamp = await self._once.send(contact, message, {"recipient": contact, **params})
        return Result(event_id=f"{OWN}/{stamp}", identity=await self._people.identity(contact))

    async def _pass_on(self, contact: str, message: OutgoingMessage, attachment: Attachment, files: Files) -> Result:
        """The file travels inside the request: in clear it lies on no disk."""
        if attachment.size > MAX_FILE:
            raise SendError(Failure.REFUSED)
        source = self._vault if attachment.channel == CHANNEL else files

        async def pieces() -> AsyncIterator[bytes]:
            async with source.open(attachment) as opened:
                async for piece in data_uri(attachment, opened):
                    yield piece

        params = {
            "recipient": contact,
            "message": attachment.caption,
            "voiceNote": attachment.kind is Kind.VOICE,
            "attachments": [MARK],
        }
        stamp = await self._once.send(contact, message, params, pieces, FILE_SECONDS)
        return Result(event_id=f"{OWN}/{stamp}", identity=await self._people.identity(contact))

    async def _change(self, contact: str, message: OutgoingMessage, event_id: str, text: str) -> Result:
        """Done twice, it is as it was: nothing has to be known of the times before."""
        author, _, stamp = event_id.rpartition("/")
        if author != OWN or not stamp.isdecimal():
            raise SendError(Failure.REFUSED)
        if int(stamp) < milliseconds(self._now() - CHANGEABLE):
            raise SendError(Failure.REFUSED)
        return await self._say(contact, message, {"message": text, "editTimestamp": int(stamp)})

    async def _erase(self, contact: str, event_id: str) -> None:
        """Programs let a message be taken back by its author only, and for a day."""
        author, _, stamp = event_id.rpartition("/")
        if author != OWN or not stamp.isdecimal() or int(stamp) < milliseconds(self._now() - CHANGEABLE):
            return
        await self._ask(contact, self._caller.ask("remoteDelete", recipient=contact, targetTimestamp=int(stamp)))

    async def _tick(self, contact: str, event_id: str) -> None:
        author, _, stamp = event_id.rpartition("/")
        if not stamp.isdecimal():
            raise SendError(Failure.REFUSED)
        target = contact if author == OWN else author
        marked = self._caller.ask(
            "sendReaction", recipient=contact, emoji=TICK, targetAuthor=target, targetTimestamp=int(stamp)
        )
        await self._ask(contact, marked)

    async def _set_timer(self, contact: str) -> None:
        """Ours is set once, and only where they set none."""
        timer = self._disappear
        if timer is None or not self._contacts.wants_timer(contact):
            return
        await self._ask(
            contact, self._caller.ask("updateContact", recipient=contact, expiration=int(timer.total_seconds()))
        )
        self._contacts.timer_is_set(contact)

    async def _ask(self, contact: str, asking: Awaitable[Any]) -> None:
        """What is sent so is received, too: its receipt is not to be taken for that of words whose answer was lost."""
        began, answer = milliseconds(self._now()), None
        try:
            answer = await self._once.asked(asking)
        finally:
            stamp = answer.get("timestamp") if isinstance(answer, dict) else None
            if isinstance(stamp, int):
                self._sent.untold(contact, stamp, stamp)
            else:
                self._sent.untold(contact, began, milliseconds(self._now()))

    async def _in_group(self, group: str, message: OutgoingMessage) -> Result:
        """Nothing is said in a group but why we leave it."""
        match message.deed:
            case Enter():
                return Result(entered=Entered.UNSAFE)
            case Decline(words) | Leave(words):
                await self._leave_group(group, message, words)
                return Result()
            case _:
                raise SendError(Failure.UNSAFE)

    async def _leave_group(self, group: str, message: OutgoingMessage, words: str) -> None:
        try:
            await self._once.send(GROUP + group, message, {"groupId": group, "message": words})
        except SendError as error:
            if error.failure in (Failure.AWAY, Failure.LIMITED):
                raise
            # asked into it and not in it, or not allowed to write there: leaving is what counts
        try:
            await self._once.asked(self._caller.ask("quitGroup", groupId=group, delete=True))
        except SendError as error:
            if error.failure in (Failure.AWAY, Failure.LIMITED):
                raise
        self._contacts.group_left(group)
