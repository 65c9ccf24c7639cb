"""What is done beside the answers, and lost without harm: read receipts, and news of who is writing.

A receipt is sent only for what is kept (law 1). Nobody waits for any of it, and it carries no words (law 5).
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Iterable
from contextlib import suppress
from typing import Generic, TypeVar

from bot.errors import WorldError
from bot.happenings import Typing
from bot.ports import Inbox

RECEIPT_SECONDS = 1.0  # an answer goes first, and one receipt stands for all messages of a room until then

M = TypeVar("M")  # what an adapter must know of the messages of a room that were read


class Courtesy(ABC, Generic[M]):
    """Receipts that wait to be sent, by room, and the newest news of who is writing in each."""

    def __init__(self) -> None:
        self._unsent: dict[str, M] = {}
        self._typing: dict[str, Typing] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}

    @abstractmethod
    async def send(self, room: str, read: M) -> None:
        """Let them see that this was read. Raises WorldError."""

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

    def _send_soon(self) -> None:
        if self._unsent and "read" not in self._tasks:
            self._tasks["read"] = asyncio.create_task(self._send_receipts())

    async def _send_receipts(self) -> None:
        await asyncio.sleep(RECEIPT_SECONDS)
        while self._unsent:
            room, read = self._unsent.popitem()
            with suppress(WorldError):
                await self.send(room, read)
        del self._tasks["read"]

    async def _tell(self, inbox: Inbox) -> None:
        while self._typing:
            _, news = self._typing.popitem()
            await inbox.typing(news)
        del self._tasks["typing"]
