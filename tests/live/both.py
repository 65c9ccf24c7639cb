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


async def answers(person: Person, walk: Walk, write: Callable[[str], object] | None = None) -> None:
    """They write first and answer to the end, one message of the bot's after the other."""
    for answer in walk.answers:
        before = len(person.heard)
        await person.writes(answer)
        await person.hears(before + 1, LONG)


def heard(person: Person) -> list[str]:
    """What stands on their phone, without the case number."""
    return without_case(person.texts)


def without_case(texts: Sequence[str]) -> list[str]:
    return [CASE.sub("####", text) for text in texts]


async def converse_on_both(helpline: Helpline, person: Person, walk: Walk) -> Seen:
    """The whole way, with words in both directions, to the close."""
    await answers(person, walk)
    shift = Shift(helpline)
    await take(shift)
    for number, word in enumerate(WORDS):
        await shift.claimer.send(shift.relay, f"answer {number}")
        await person.hears_text(f"answer {number}", LONG)
        await person.writes(word)
        await shift.read_until(shift.claimer, "relay", shift.relay, word)
    relay, before = shift.relay, len(person.heard)
    await shift.close()
    await person.hears(before + 1, LONG)
    return heard(person), said(shift.claimer, relay)
