"""A helpline on Matrix and on Signal: the specialists on a real homeserver, the requester on the stand-in of Signal."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar

from bot.demo.helpline import Helpline
from bot.demo.shift import CASE, Shift
from bot.demo.walk import Walk
from tests.live.walking import Seen, said, take
from tests.signald.handle import Signald
from tests.signald.patience import PATIENCE
from tests.signald.person import Person

H = TypeVar("H", bound=Helpline)
PHONE = 0.1  # seconds until a phone says that something reached it
LONG = 240.0  # seconds for an answer of a bot that is killed again and again: a send that failed waits longer each time
WORDS = ("word 0", "word 1", "word 2")


@asynccontextmanager
async def on_both(folder: Path, make: Callable[[str], H]) -> AsyncIterator[tuple[H, Signald]]:
    """The daemon first, then the helpline that `make` makes with these settings."""
    async with Signald(folder) as signald:
        await signald.receipts_after(PHONE)
        settings = f"""
[signal]
socket = "{signald.socket}"
account = "{signald.account}"
attachments = "{signald.data / "attachments"}"
"""
        async with make(settings) as helpline:
            yield helpline, signald


class Requester:
    """Somebody on Signal in a test where the bot may die. `spooled` tells the timestamps of what came to its disk."""

    def __init__(self, signald: Signald, person: Person, spooled: Callable[[], set[int]] | None = None) -> None:
        self._signald = signald
        self._spooled = spooled
        self.person = person
        self._patience = PATIENCE if spooled is None else LONG
        self.lost = 0

    async def say(self, text: str, done: Callable[[], bool]) -> None:
        """Write it, again where the bot died before it had it, until the answer to it is there."""
        while True:
            stamp = await self.person.writes(text)
            await self.person.until(lambda stamp=stamp: done() or self._is_lost(stamp), self._patience)
            if done():
                return
            self.lost += 1

    async def arrives(self, text: str) -> None:
        """Write what is not answered; it is at the bot."""
        if self._spooled is None:
            await self.person.writes(text)
            return
        while True:
            stamp = await self.person.writes(text)
            await self.person.until(lambda stamp=stamp: self._is_here(stamp) or self._is_lost(stamp), self._patience)
            if self._is_here(stamp):
                return
            self.lost += 1

    async def answers(self, walk: Walk) -> None:
        """They write first and answer to the end, one message of the bot's after the other."""
        for answer in walk.answers:
            before = len(once(self.person.texts))
            await self.say(answer, lambda before=before: len(once(self.person.texts)) > before)

    def _is_here(self, stamp: int) -> bool:
        return self._spooled is not None and stamp in self._spooled()

    def _is_lost(self, stamp: int) -> bool:
        return self._spooled is not None and self._signald.handed_earlier(stamp) and not self._is_here(stamp)


def once(texts: Sequence[str]) -> list[str]:
    """The same without what was said again at once."""
    return [text for place, text in enumerate(texts) if place == 0 or text != texts[place - 1]]


def without_case(texts: Sequence[str]) -> list[str]:
    """The same without the number of the case."""
    return [CASE.sub("####", text) for text in texts]


async def converse_on_both(helpline: Helpline, requester: Requester, walk: Walk) -> Seen:
    """The whole way, with words in both directions, to the close."""
    person = requester.person
    await requester.answers(walk)
    shift = Shift(helpline)
    await take(shift)
    for number, word in enumerate(WORDS):
        await shift.claimer.send(shift.relay, f"answer {number}")
        await person.hears_text(f"answer {number}", LONG)
        await requester.arrives(word)
        await shift.read_until(shift.claimer, "relay", shift.relay, word)
    relay, before = shift.relay, len(once(person.texts))
    await shift.close()
    await person.until(lambda: len(once(person.texts)) > before, LONG)
    return without_case(person.texts), said(shift.claimer, relay)
