"""A channel that only records, and fails as it is told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TypeVar

from bot.deeds import (
    Discard,
    EditText,
    Enter,
    Follow,
    Identify,
    MakeRoom,
    OutgoingMessage,
    SendFile,
    SendText,
    Tick,
)
from bot.domain import Attachment, Conversation, Place
from bot.happenings import Arrival, Batch
from bot.ports import Entered, Failure, Files, Inbox, SendError

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class MemoryDone:
    """What a deed brought."""

    event_id: str | None = None
    room: str | None = None
    entered: Entered | None = None
    identity: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class _Fault:
    error: SendError
    after: bool


class MemoryChannel:
    """A `ports.Channel` that records deeds and fails as it is told.

    `attempts` holds every call. `delivered` holds what reached people: once for an id, as a homeserver drops a resend
    under the same transaction id from the same device.
    """

    def __init__(self, name: str = "memory", device: str = "DEVICE1") -> None:
        self.name = name
        self.device = device
        self.longest = 7_000
        self.key = "MEMO RYKE Y"
        self.entering = Entered.SAFE
        self.identities: dict[str, str] = {}
        self.pins: dict[str, str] = {}
        self.typing: list[tuple[Conversation, bool]] = []
        self.attempts: list[tuple[Conversation, OutgoingMessage]] = []
        self.delivered: list[tuple[Conversation, OutgoingMessage]] = []
        self.files: dict[str, bytes] = {}  # by their place
        self.discarded: list[Attachment] = []
        self.read: dict[str, bytes] = {}  # what was in files of other channels, by the id of the message
        self._done: dict[str, MemoryDone] = {}
        self._faults: list[_Fault | None] = []
        self._batches: asyncio.Queue[Batch] = asyncio.Queue()
        self._brought = 0

    def fail(self, *errors: SendError | None, after: bool = False) -> None:
        """Let the coming deeds raise these, in order; None lets one succeed.

        With `after`, the deed is done and only its answer is lost: what a broken connection looks like.
        """
        self._faults += [None if error is None else _Fault(error, after) for error in errors]

    def bring(self, *arrivals: Arrival) -> Batch:
        """Let these arrive as one batch; `listen` hands it over."""
        self._brought += 1
        batch = Batch(self.name, f"token-{self._brought}", arrivals)
        self._batches.put_nowait(batch)
        return batch

    def said(self, room: str | None) -> list[str]:
        """The texts that reached a room, in order."""
        return [
            message.deed.text
            for conversation, message in self.delivered
            if conversation.room == room and isinstance(message.deed, SendText)
        ]

    def fingerprint(self, conversation: Conversation) -> str:
        return self.key

    def trust(self, pins: Mapping[str, str]) -> None:
        self.pins = dict(pins)

    async def show_typing(self, conversation: Conversation, *, on: bool) -> None:
        self.typing.append((conversation, on))

    async def listen(self, inbox: Inbox) -> None:
        while True:
            await inbox.accept(await self._batches.get())

    @asynccontextmanager
    async def open(self, attachment: Attachment) -> AsyncIterator[AsyncIterator[bytes]]:
        await asyncio.sleep(0)  # it is fetched: a test may cancel here
        content = self.files.get(attachment.place)
        if content is None or self._is_discarded(attachment):
            raise SendError(Failure.REFUSED)
        yield _each(content)

    async def perform(self, conversation: Conversation, message: OutgoingMessage, files: Files) -> MemoryDone:
        self.attempts.append((conversation, message))
        await asyncio.sleep(0)  # a request is on its way: a test may cancel here
        fault = self._faults.pop(0) if self._faults else None
        if fault is not None and not fault.after:
            raise fault.error
        if isinstance(message.deed, SendFile) and message.id not in self._done:
            await self._fetch(message.id, message.deed.attachment, files)
        done = self._do(conversation, message)
        await asyncio.sleep(0)  # done, and its answer on the way back
        if fault is not None:
            raise fault.error
        return done

    async def _fetch(self, message: str, attachment: Attachment, files: Files) -> None:
        if attachment.channel != self.name:
            async with files.open(attachment) as pieces:
                self.read[message] = b"".join([piece async for piece in pieces])
        elif self._is_discarded(attachment):
            raise SendError(Failure.REFUSED)

    def _is_discarded(self, attachment: Attachment) -> bool:
        return attachment.place in (discarded.place for discarded in self.discarded)

    def _do(self, conversation: Conversation, message: OutgoingMessage) -> MemoryDone:
        if message.id in self._done:
            return self._done[message.id]
        if isinstance(message.deed, Identify) and message.deed.contact not in self.identities:
            raise SendError(Failure.AWAY)  # their server does not tell who they are
        if isinstance(message.deed, Discard):
            self.discarded.append(message.deed.attachment)
        else:
            self.delivered.append((conversation, message))
        self._done[message.id] = self._answer(conversation, message)
        return self._done[message.id]

    def _answer(self, conversation: Conversation, message: OutgoingMessage) -> MemoryDone:
        deed = message.deed
        if isinstance(deed, MakeRoom):
            return MemoryDone(room=f"!{deed.alias}:memory")
        if isinstance(deed, Enter | Follow):
            room = deed.room if isinstance(deed, Follow) else None
            return MemoryDone(entered=self.entering, room=room)
        if isinstance(deed, Identify):
            return MemoryDone(identity=self.identities[deed.contact])
        if isinstance(deed, Tick):
            return MemoryDone(event_id=f"${message.id}")
        if isinstance(deed, SendText | EditText | SendFile):
            told = self.identities.get(conversation.contact or "") if conversation.place is Place.REQUESTER else None
            return MemoryDone(event_id=f"${message.id}", identity=told)
        return MemoryDone()


async def _each(content: bytes) -> AsyncIterator[bytes]:
    for sign in content:
        yield bytes([sign])
