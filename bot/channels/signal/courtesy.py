"""Read receipts on Signal: the daemon tells a sender that a message was delivered whether we have it or not."""

from __future__ import annotations

from collections.abc import Iterable

from bot.channels import courtesy
from bot.channels.signal.caller import Caller


class Courtesy(courtesy.Courtesy[list[int]]):
    """Receipts name the timestamps of all that a contact sent."""

    def __init__(self, caller: Caller) -> None:
        super().__init__()
        self._caller = caller

    def read(self, messages: Iterable[tuple[str, int]]) -> None:
        """These, by contact and timestamp, are kept: let their senders see it."""
        for contact, timestamp in messages:
            self._unsent.setdefault(contact, []).append(timestamp)
        self._send_soon()

    async def send(self, room: str, read: list[int]) -> None:
        await self._caller.ask("sendReceipt", recipient=room, targetTimestamp=read, type="read")
