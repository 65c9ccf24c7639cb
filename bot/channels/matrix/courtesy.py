"""Read receipts on Matrix: that of a room's newest event stands for all before it."""

from __future__ import annotations

from collections.abc import Iterable

from bot.channels import courtesy
from bot.channels.matrix.homeserver import Homeserver
from bot.happenings import LATE, Arrival, Attached, Wrote


class Courtesy(courtesy.Courtesy[str]):
    """Receipts of one device, each for an event."""

    def __init__(self, homeserver: Homeserver) -> None:
        super().__init__()
        self._homeserver = homeserver

    def read(self, arrivals: Iterable[Arrival]) -> None:
        """These are kept: let their senders see it."""
        for arrival in arrivals:
            if isinstance(arrival.what, Wrote | Attached):
                self._unsent[arrival.room] = arrival.event_id.removesuffix(LATE)
        self._send_soon()

    async def send(self, room: str, read: str) -> None:
        await self._homeserver.call("POST", "rooms", room, "receipt", "m.read", read, body={})
