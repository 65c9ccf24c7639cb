"""What staff must hear of the channel: kept until the inbox has taken it, each under an id that makes it heard once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime

from bot.happenings import Alarm, Alarmed, Arrival

NAME = "signal"


class Alarms:
    """The alarms that wait to be told, and `news` for whoever tells them."""

    def __init__(self, now: Callable[[], datetime], news: asyncio.Event) -> None:
        self._now = now
        self._news = news
        self._waiting: dict[str, Arrival] = {}
        self._told: set[str] = set()

    def tell(self, alarm: Alarm, occasion: str, detail: str = "") -> None:
        """Let staff hear of this, once for an occasion."""
        event_id = f"{alarm.value}/{occasion}"
        if event_id not in self._told:
            self._told.add(event_id)
            what = Alarmed(alarm, channel=NAME, detail=detail)
            self._waiting[event_id] = Arrival(NAME, "", event_id, "", self._now(), what)
            self._news.set()

    def waiting(self) -> Sequence[Arrival]:
        """Those that the inbox has not taken yet."""
        return tuple(self._waiting.values())

    def heard(self, arrivals: Sequence[Arrival]) -> None:
        """It has taken these."""
        for arrival in arrivals:
            del self._waiting[arrival.event_id]
