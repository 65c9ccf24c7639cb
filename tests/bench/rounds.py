"""The measuring: every bot in every round, one after the other, with the same words from the same requesters."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Sequence
from itertools import chain, cycle

from bot.demo.synapse import Synapse
from bot.demo.walk import WHOLE
from tests.bench.bots import Bot, Name
from tests.bench.figures import Measured, Phase
from tests.bench.outside import Memory, cpu_seconds, memory
from tests.bench.requester import Requester

SETTLE_SECONDS = 0.3  # after the last reply: what a bot still does then was caused by it
ALONE = 3  # walks in a row of the one requester: the replies of one alone are few to compare

Visit = tuple[str, Requester, Sequence[str]]  # a room, who writes in it, and what


async def measure(
    synapse: Synapse,
    bots: Sequence[Bot],
    requesters: Sequence[Requester],
    rounds: int,
    until: float,
    tell: Callable[[str], None],
) -> dict[Name, Measured]:
    """All bots in so many rounds, or as many as begin before `until` (of `time.monotonic`), but at least one.

    Each round begins with another bot, so that none always follows the same one.
    """
    one: dict[Name, list[Phase]] = {bot.name: [] for bot in bots}
    many: dict[Name, list[Phase]] = {bot.name: [] for bot in bots}
    held: dict[Name, list[Memory]] = {bot.name: [] for bot in bots}
    for number in range(rounds):
        if number and time.monotonic() > until:
            tell(f"time is up after {number} of {rounds} rounds")
            break
        tell(f"round {number + 1} of {rounds}")
        first = number % len(bots)
        for bot in (*bots[first:], *bots[:first]):
            one[bot.name].append(await _phase(synapse, bot, requesters[:1], ALONE))
            many[bot.name].append(await _phase(synapse, bot, requesters, 1))
            held[bot.name].append(memory(bot.pid))
    return {
        bot.name: Measured(
            tuple(one[bot.name]),
            tuple(many[bot.name]),
            max(each.rss for each in held[bot.name]),
            max(each.pss for each in held[bot.name]),
        )
        for bot in bots
    }


async def _phase(synapse: Synapse, bot: Bot, requesters: Sequence[Requester], walks: int) -> Phase:
    """Everyone goes through the whole intake so many times, each time in a new room; echoes are told the same words."""
    everyone = [
        [(await requester.open(bot.user_id, encrypted=bot.encrypted), requester, words) for _ in range(walks)]
        for requester, words in zip(requesters, cycle(walk.answers for walk in WHOLE), strict=False)
    ]
    await asyncio.sleep(SETTLE_SECONDS)
    first = await asyncio.gather(*(_greet(visits) for visits in everyone))
    await asyncio.sleep(SETTLE_SECONDS)
    before = _computed(bot, synapse)
    found = await asyncio.gather(*(_answer(visits) for visits in everyone))
    await asyncio.sleep(SETTLE_SECONDS)
    after = _computed(bot, synapse)
    answers = tuple(chain.from_iterable(found))
    cost = [(now - then) / len(answers) for now, then in zip(after, before, strict=True)]
    return Phase(tuple(chain.from_iterable(first)), answers, *cost)


async def _greet(visits: Sequence[Visit]) -> list[float]:
    return [await requester.say(room, words[0]) for room, requester, words in visits]


async def _answer(visits: Sequence[Visit]) -> list[float]:
    return [await requester.say(room, text) for room, requester, words in visits for text in words[1:]]


def _computed(bot: Bot, synapse: Synapse) -> tuple[float, float, float]:
    if synapse.pid is None:
        raise RuntimeError("the homeserver is gone")
    return cpu_seconds(bot.pid), cpu_seconds(synapse.pid), cpu_seconds(os.getpid())
