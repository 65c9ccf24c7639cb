"""What is done beside the answers, and lost without harm: read receipts, and news of who is writing.

The daemon tells a sender that a message was delivered whether we have it or not. That it was read is said only of what
is kept (law 1).
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from contextlib import suppress

from bot.channels.signal.caller import Caller
from bot.errors import WorldError
from bot.happenings import Typing
from bot.ports import Inbox

RECEIPT_SECONDS = 1.0  # an answer goes first, and one receipt stands for all messages of a person until then


class Courtesy:
    """Receipts that wait to be sent, and the newest news of who is writing."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller
        self._read: dict[str, list[int]] = {}  # contact → timestamps
        self._typing: dict[str, Typing] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def read(self, messages: Iterable[tuple[str, int]]) -> None:
        """These, by contact and timestamp, are kept: let their senders see it."""
        for contact, timestamp in messages:
            self._read.setdefault(contact, []).append(timestamp)
        if self._read and "read" not in self._tasks:
            self._tasks["read"] = asyncio.create_task(self._send_receipts())

    def tell(self, inbox: Inbox, typing: Iterable[Typing]) -> None:
        """Let the inbox know who is writing."""
        self._typing |= {news.room: news for news in typing}
        if self._typing and "typing" not in self._tasks:
            self._tasks["typing"] = asyncio.create_task(self._tell(inbox))

    async def stop(self) -> None:
        """Let go of what is under way."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._tasks.clear()

    async def _send_receipts(self) -> None:
        await asyncio.sleep(RECEIPT_SECONDS)
        while self._read:
            contact, timestamps = self._read.popitem()
            with suppress(WorldError):
                await self._caller.ask("sendReceipt", recipient=contact, targetTimestamp=timestamps, type="read")
        del self._tasks["read"]

    async def _tell(self, inbox: Inbox) -> None:
        while self._typing:
            _, news = self._typing.popitem()
            await inbox.typing(news)
        del self._tasks["typing"]
