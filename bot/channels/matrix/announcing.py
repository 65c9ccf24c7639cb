"""Staff hear once that the bot had to begin again with a new device: beside the first batch that is accepted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from bot.channels.matrix import NAME
from bot.channels.matrix.identity import keep, read_own
from bot.happenings import Alarm, Alarmed, Arrival, Batch, Typing
from bot.ports import Inbox, Record


def announcing(inbox: Inbox, record: Record, now: Callable[[], datetime]) -> Inbox:
    """The inbox itself where there is nothing to tell."""
    own = read_own(record)
    if own is None or not own.unannounced:
        return inbox
    told = Arrival(NAME, "", f"device/{own.device_id}", own.user_id, now(), Alarmed(Alarm.NEW_DEVICE))
    return _Announcing(inbox, record, told)


class _Announcing:
    def __init__(self, inbox: Inbox, record: Record, told: Arrival) -> None:
        self._inbox = inbox
        self._record = record
        self._told: Arrival | None = told

    async def accept(self, batch: Batch) -> None:
        """Hand over the batch; the first one with the news. Heard twice after a crash, the journal takes it once."""
        if self._told is None:
            await self._inbox.accept(batch)
            return
        await self._inbox.accept(replace(batch, arrivals=(self._told, *batch.arrivals)))
        self._told = None
        own = read_own(self._record)
        if own is not None:
            keep(self._record, replace(own, unannounced=False))

    async def token(self, channel: str) -> str | None:
        """The inbox's own."""
        return await self._inbox.token(channel)

    async def typing(self, typing: Typing) -> None:
        """Handed on."""
        await self._inbox.typing(typing)
