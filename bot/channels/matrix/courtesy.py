"""What is done beside the answers, and lost without harm: read receipts, and news of who is writing.

A receipt is sent only for what is kept (law 1). Nobody waits for any of it, and it carries no words (law 5).
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from contextlib import suppress

from bot.channels.matrix.homeserver import Homeserver, HomeserverError
from bot.happenings import LATE, Arrival, Attached, Typing, Wrote
from bot.ports import Inbox

RECEIPT_SECONDS = 1.0  # an answer goes first, and one receipt stands for all messages before it


class Courtesy:
    """Receipts of one device, and the typing that it hears of. The newest of each room is all that counts."""

    def __init__(self, homeserver: Homeserver) -> None:
        self._homeserver = homeserver
        self._read: dict[str, str] = {}  # room → event
        self._typing: dict[str, Typing] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def read(self, arrivals: Iterable[Arrival]) -> None:
        """These are kept: let their senders see it."""
        for arrival in arrivals:
            if isinstance(arrival.what, Wrote | Attached):
                self._read[arrival.room] = arrival.event_id.removesuffix(LATE)
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
            room, event_id = self._read.popitem()
            with suppress(HomeserverError):
                await self._homeserver.call("POST", "rooms", room, "receipt", "m.read", event_id, body={})
        del self._tasks["read"]

    async def _tell(self, inbox: Inbox) -> None:
        while self._typing:
            _, news = self._typing.popitem()
            await inbox.typing(news)
        del self._tasks["typing"]
