"""The desk: all services together, started and stopped in order."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence

from bot.domain import Conversation, Listed
from bot.logs import describe
from bot.ports import Channel, Clock, Inbox, ListeningEnded, Store, Tx
from bot.services import outbox, roster
from bot.services.intake import Intake
from bot.services.outbox import Outbox
from bot.services.presence import Presence
from bot.services.releases import Releases
from bot.services.scheduler import Scheduler
from bot.services.work import USUAL, Kit, Retention, Staff, Work

PATIENCE = 10.0  # seconds for what is in hand at a stop; a send that takes longer is done again after the start
SHORTEST_MESSAGE = 2_000  # bytes, where no channel says
LISTEN_AGAIN = 5.0  # seconds until a channel that failed unexpectedly is listened to again

_log = logging.getLogger(__name__)


class Desk:
    """Takes what channels bring, has it answered and sends the answers.

    `chance(n)` gives n random bytes (`secrets.token_bytes`).
    """

    def __init__(
        self,
        *,
        store: Store,
        channels: Sequence[Channel],
        releases: Releases,
        staff: Staff,
        clock: Clock,
        chance: Callable[[int], bytes],
        retention: Retention = USUAL,
    ) -> None:
        self._store = store
        self._channels = {channel.name: channel for channel in channels}
        self._kit = Kit(releases, staff, clock, chance, self._device, self._fingerprint, self._longest, retention)
        self._intake = Intake(store, self._kit, Presence(store, self._channels, self._kit), self._committed)
        self._outbox = Outbox(store, self._channels, self._kit, self._committed)
        self._scheduler = Scheduler(store, clock, self._kit, self._committed)
        self._ears: list[asyncio.Task[None]] = []

    @property
    def inbox(self) -> Inbox:
        """Where channels leave what arrived."""
        return self._intake

    async def start(self) -> None:
        """Go on where the last stop left off, then listen."""
        queue, pins = await self._store.transact(self._begin)
        self._trust(pins)
        await self._outbox.start(queue)
        await self._intake.start()
        self._scheduler.wake()
        self._ears = [asyncio.create_task(self._listen(channel)) for channel in self._channels.values()]

    async def stop(self) -> None:
        """Stop listening, then finish what is in hand. What is left is stored, and goes on after the next start."""
        for ear in self._ears:
            ear.cancel()
        await asyncio.gather(*self._ears, return_exceptions=True)
        await self._intake.stop(PATIENCE)
        await self._scheduler.stop(PATIENCE)
        await self._outbox.stop(PATIENCE)

    async def listening(self) -> None:
        """Lasts as long as channels can be listened to. Raises what one of them says has ended that for good."""
        await asyncio.gather(*self._ears)

    async def staff(self) -> Sequence[roster.Member]:
        """Everybody who may read cases."""
        return await self._store.transact(lambda tx: roster.members(Work(tx, self._kit)))

    async def add_staff(self, user: str, identity: str, *, lead: bool) -> roster.Outcome:
        """Let somebody read cases, on the devices that this identity signed. The queue room is told."""
        return await self._change_staff(lambda work: roster.add(work, Listed(user, identity, lead)))

    async def remove_staff(self, user: str) -> roster.Outcome:
        """Let somebody who was added read cases no more. The queue room is told."""
        return await self._change_staff(lambda work: roster.remove(work, user))

    async def try_again(self, channel: str) -> None:
        """What this channel could not send has become possible: nothing of it waits any longer."""
        self._committed(await self._store.transact(lambda tx: self._hurry(tx, channel)))

    def look_again(self) -> None:
        """Let everything that waits for a moment look at the clock: for a clock that was set."""
        self._scheduler.wake()
        self._outbox.look_again()

    async def _listen(self, channel: Channel) -> None:
        while True:
            try:
                await channel.listen(self._intake)
            except ListeningEnded:
                raise
            except Exception as error:
                _log.error("listening on %s failed: %s", channel.name, describe(error))
            await asyncio.sleep(LISTEN_AGAIN)

    def _begin(self, tx: Tx) -> tuple[Conversation, Mapping[str, str]]:
        """Put in order what changed with the config."""
        work = Work(tx, self._kit)
        queue = work.place_queue()
        roster.release_of_the_removed(work)
        return queue, roster.pins(work)

    def _hurry(self, tx: Tx, channel: str) -> Work:
        work = Work(tx, self._kit)
        for lane in map(tx.conversations.get, tx.outbox.lanes()):
            if lane.channel == channel:
                outbox.hurry(work, lane)
        return work

    async def _change_staff(self, change: Callable[[Work], roster.Outcome]) -> roster.Outcome:
        def step(tx: Tx) -> tuple[Work, roster.Outcome]:
            work = Work(tx, self._kit)
            return work, change(work)

        work, outcome = await self._store.transact(step)
        self._committed(work)
        return outcome

    def _trust(self, pins: Mapping[str, str]) -> None:
        self._channels[self._kit.staff.channel].trust(pins)

    def _committed(self, work: Work) -> None:
        """A step is stored: wake whoever has something to do because of it. Losing this only delays."""
        if work.pins is not None:
            self._trust(work.pins)
        for lane in work.lanes:
            self._outbox.wake(lane)
        if work.earliest is not None:
            self._scheduler.expect(work.earliest)

    # of a channel that was taken out of the config, conversations and cases are there still

    def _device(self, channel: str) -> str:
        return self._channels[channel].device if channel in self._channels else ""

    def _fingerprint(self, conversation: Conversation) -> str:
        channel = self._channels.get(conversation.channel)
        return channel.fingerprint(conversation) if channel else ""

    def _longest(self, channel: str) -> int:
        return self._channels[channel].longest if channel in self._channels else SHORTEST_MESSAGE
