"""The Signal adapter at work on the stand-in: a channel, its database, and an inbox."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from bot.channels.signal.channel import Settings, SignalChannel, open_signal
from bot.channels.signal.listening import Pace
from bot.channels.signal.sending import Result, Setting
from bot.deeds import Deed, OutgoingMessage
from bot.domain import Conversation, ConversationId, Place
from bot.happenings import Arrival, Happening, Wrote
from bot.ports import Files, SendError
from tests.channels.matrix.running import Box
from tests.signald.handle import Signald

KEY = bytes(range(32))
BRISK = Pace(absence=0.3, longest_wait=0.1, shortest_wait=0.02, look=0.5)


class Bot:
    """One bot on Signal. `start` and `stop` may be repeated: what a restart keeps, it keeps."""

    def __init__(
        self, signald: Signald, folder: Path, *, sends: Mapping[str, Any] | None = None, **settings: Any
    ) -> None:
        folder.mkdir(mode=0o700, exist_ok=True)
        self.signald = signald
        self.folder = folder
        self.settings = Settings(
            signald.socket,
            signald.account,
            **{"attachments": signald.data / "attachments", "pace": BRISK, **settings},
            sends=Setting(**{"receipts": timedelta(0), **(sends or {})}),
        )
        self.box = Box()
        self.ahead = timedelta(0)
        self.files: Files = NoFiles()
        self._channel: SignalChannel | None = None
        self._listening: asyncio.Task[None] | None = None
        self._sent = 0
        self._marks = 0

    def now(self) -> datetime:
        """The machine's clock, and as much ahead as a test says."""
        return datetime.now(UTC) + self.ahead

    @property
    def channel(self) -> SignalChannel:
        assert self._channel is not None
        return self._channel

    def open(self) -> None:
        """Open the channel without listening."""
        self._channel = open_signal(self.settings, self.folder, KEY, self.now)

    async def start(self, *, waits: bool = True) -> None:
        """Open the channel and listen."""
        self.open()
        self.listen()
        if waits:
            await self.signald.until(lambda: self.signald.subscribed, "the bot's subscription")

    def listen(self) -> None:
        """Listen, with the token that the inbox kept."""
        self._listening = asyncio.create_task(self.channel.listen(self.box))

    async def deafen(self) -> None:
        """Listen no more."""
        if self._listening is not None:
            self._listening.cancel()
            await asyncio.gather(self._listening, return_exceptions=True)
            self._listening = None

    async def stop(self) -> None:
        """Stop as a process does."""
        await self.deafen()
        if self._channel is not None:
            await self._channel.close()
            self._channel = None

    async def dies(self) -> None:
        """What is left of it is on the disk: nothing is said to the daemon, nothing is drained."""
        if self._listening is not None:
            self._listening.cancel()
        channel, self._channel, self._listening = self._channel, None, None
        assert channel is not None
        channel._database.close()

    async def do(self, room: str | None, deed: Deed, row: str | None = None, **tried: Any) -> Result:
        """Do one deed, with a new id unless one is given."""
        self._sent += 1
        place = tried.pop("place", Place.REQUESTER)
        lane = ConversationId(f"conversation-{room}")
        message = OutgoingMessage(row or f"row-{self._sent}", lane, deed, **tried)
        conversation = Conversation(lane, "signal", place, lane, room=room, contact=room)
        return await self.channel.perform(conversation, message, self.files)

    async def fails(self, room: str | None, deed: Deed, row: str | None = None, **tried: Any) -> SendError:
        """The error of a deed that cannot be done."""
        try:
            await self.do(room, deed, row, **tried)
        except SendError as error:
            return error
        raise AssertionError("this deed was to fail")

    def brought(self, kind: type[Happening] | None = None) -> list[Arrival]:
        """What arrived, of one kind or at all."""
        return [arrival for arrival in self.box.arrivals if kind is None or isinstance(arrival.what, kind)]

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until the inbox looks like this."""
        await self.box.until(condition)

    async def catches_up(self) -> None:
        """Wait until all that waits for the bot on the server now has been taken: what comes in order behind it has."""
        self._marks += 1
        marker = await self.signald.person(f"Marker {self._marks}")
        await marker.writes("mark")
        await self.until(lambda: any(arrival.room == marker.uuid for arrival in self.brought(Wrote)))


@asynccontextmanager
async def running(folder: Path, *, signald: Mapping[str, Any] | None = None, **settings: Any) -> AsyncIterator[Bot]:
    """A stand-in, and a bot that listens to it."""
    async with Signald(folder, **(signald or {})) as daemon:
        bot = Bot(daemon, folder / "bot", **settings)
        await bot.start()
        try:
            yield bot
        finally:
            await bot.stop()


class NoFiles:
    """No other channel brought any."""

    def open(self, attachment: Any) -> Any:
        raise AssertionError("this file came by another channel")
