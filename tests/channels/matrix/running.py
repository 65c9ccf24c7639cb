"""The Matrix adapter at work on a real homeserver: an account, its identity, its channel, and an inbox."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self, TypeVar

from bot.channels.matrix.channel import MatrixChannel, open_channel
from bot.channels.matrix.guard import Guard
from bot.channels.matrix.homeserver import Homeserver
from bot.channels.matrix.identity import Own, establish
from bot.channels.matrix.sending import Result
from bot.channels.matrix.signin import Credential, sign_in
from bot.deeds import Deed, OutgoingMessage
from bot.demo.synapse import Account, Synapse
from bot.domain import Conversation, ConversationId, Place
from bot.happenings import Arrival, Batch, Typing
from bot.ports import SendError
from bot.testing import MemoryChannel

H = TypeVar("H")
PATIENCE_SECONDS = 90.0  # for what should happen at once; a busy machine gets time
KEY = bytes(range(32))


class MemoryRecord:
    """A `ports.Record` that outlives the objects that use it, as a file outlives a process."""

    def __init__(self) -> None:
        self.kept: dict[str, Any] | None = None

    def read(self) -> dict[str, Any] | None:
        return self.kept

    def write(self, content: Mapping[str, Any]) -> None:
        self.kept = dict(content)


class Box:
    """A `ports.Inbox` that takes each event once."""

    def __init__(self) -> None:
        self.kept: str | None = None
        self.arrivals: list[Arrival] = []
        self.typings: list[Typing] = []
        self._fresh: deque[Arrival] = deque()
        self._taken: set[tuple[str, str]] = set()
        self._changed = asyncio.Condition()

    async def token(self, channel: str) -> str | None:
        return self.kept

    async def accept(self, batch: Batch) -> None:
        async with self._changed:
            for arrival in batch.arrivals:
                if (arrival.room, arrival.event_id) not in self._taken:
                    self._taken.add((arrival.room, arrival.event_id))
                    self.arrivals.append(arrival)
                    self._fresh.append(arrival)
            self.kept = batch.token
            self._changed.notify_all()

    async def typing(self, typing: Typing) -> None:
        async with self._changed:
            self.typings.append(typing)
            self._changed.notify_all()

    async def next(self, kind: type[H], room: str | None = None) -> tuple[Arrival, H]:
        """The next arrival of this kind; what came before it is passed over."""
        async with asyncio.timeout(PATIENCE_SECONDS), self._changed:
            while True:
                while self._fresh:
                    arrival = self._fresh.popleft()
                    if isinstance(arrival.what, kind) and room in (None, arrival.room):
                        return arrival, arrival.what
                await self._changed.wait()

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until this holds, looking after each batch."""
        async with asyncio.timeout(PATIENCE_SECONDS), self._changed:
            await self._changed.wait_for(condition)


class Bot:
    """One bot account. `start` and `stop` may be repeated: what a restart keeps, it keeps."""

    def __init__(self, url: str, account: Account, folder: Path, pins: Mapping[str, str]) -> None:
        self.url = url
        self.user_id = account.user_id
        self.password = account.password
        self.folder = folder
        self.pins = pins
        self.record = MemoryRecord()
        self.box = Box()
        self.recovery_keys: list[str] = []
        self.clock: Callable[[], datetime] = lambda: datetime.now(UTC)
        self._channel: MatrixChannel | None = None
        self._listening: asyncio.Task[None] | None = None
        self.elsewhere = MemoryChannel("elsewhere")  # where other files come from
        self._sent = 0

    @classmethod
    async def make(cls, synapse: Synapse, folder: Path, pins: Mapping[str, str] | None = None) -> Self:
        """A new account with its identity, listening."""
        bot = cls(synapse.url, await synapse.register(), folder, pins or {})
        await bot.set_up()
        await bot.start()
        return bot

    async def set_up(self) -> Own:
        """What `vestibule setup` does for the account."""
        homeserver = Homeserver(self.url)
        try:
            own = await sign_in(homeserver, self.record, self.user_id, Credential(password=self.password))
            with guarded(self.folder, own) as guard:
                return await establish(homeserver, guard, self.record, own, self.password, self.recovery_keys.append)
        finally:
            await homeserver.close()

    async def start(self) -> None:
        """Open the channel and listen."""
        await self.open()
        self._listening = asyncio.create_task(self.channel.listen(self.box))
        # the first sync says what is history: what people do from here on is news
        await self.box.until(lambda: self.box.kept is not None)

    async def open(self) -> None:
        """Open the channel without listening."""
        self._channel = await open_channel(
            self.url, self.folder, self.record, KEY, self.user_id, self.pins, lambda: self.clock()
        )

    async def stop(self) -> None:
        """Stop as a process does."""
        if self._listening is not None:
            self._listening.cancel()
            await asyncio.gather(self._listening, return_exceptions=True)
            self._listening = None
        if self._channel is not None:
            await self._channel.close()
            self._channel = None

    @property
    def channel(self) -> MatrixChannel:
        assert self._channel is not None
        return self._channel

    @property
    def listening(self) -> asyncio.Task[None]:
        assert self._listening is not None
        return self._listening

    async def do(
        self,
        room: str | None,
        deed: Deed,
        place: Place = Place.REQUESTER,
        *,
        row: str | None = None,
        contact: str | None = None,
        **tried: Any,
    ) -> Result:
        """Do one deed, with a new id unless one is given."""
        self._sent += 1
        lane = ConversationId(f"conversation-{room}")
        message = OutgoingMessage(row or f"{self.channel.device}-{self._sent}", lane, deed, **tried)
        conversation = Conversation(lane, "matrix", place, lane, room=room, contact=contact)
        return await self.channel.perform(conversation, message, self.elsewhere)

    async def fails(self, room: str | None, deed: Deed, place: Place = Place.REQUESTER) -> SendError:
        """The error of a deed that cannot be done."""
        try:
            await self.do(room, deed, place)
        except SendError as error:
            return error
        raise AssertionError("this deed was to fail")


@contextmanager
def guarded(folder: Path, own: Own) -> Iterator[Guard]:
    """The guard of an account that does not listen."""
    guard = Guard(own.user_id, own.device_id, folder, KEY)
    try:
        yield guard
    finally:
        guard.close()
