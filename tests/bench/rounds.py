"""The measuring: every bot in every round, one after the other, with the same words from the same requesters."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Sequence

from bot.demo.synapse import Synapse
from bot.demo.walk import WHOLE
from tests.bench.bots import Bot, Name
from tests.bench.figures import Measured, Phase
from tests.bench.outside import Memory, cpu_seconds, memory
from tests.bench.requester import Requester

SETTLE_SECONDS = 0.3  # after the last reply: what a bot still does then was caused by it


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
            one[bot.name].append(await _phase(synapse, bot, requesters[:1]))
            many[bot.name].append(await _phase(synapse, bot, requesters))
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


async def _phase(synapse: Synapse, bot: Bot, requesters: Sequence[Requester]) -> Phase:
    """The whole way through the intake, each requester in a new room; echoes are told the same words."""
    walks = [WHOLE[number % len(WHOLE)].answers for number in range(len(requesters))]
    rooms = [await requester.open(bot.user_id, encrypted=bot.encrypted) for requester in requesters]
    everyone = list(zip(requesters, rooms, walks, strict=True))
    await asyncio.sleep(SETTLE_SECONDS)
    first = await asyncio.gather(*(requester.say(room, words[0]) for requester, room, words in everyone))
    await asyncio.sleep(SETTLE_SECONDS)
    before = _computed(bot, synapse)
    found = await asyncio.gather(*(_walk(requester, room, words[1:]) for requester, room, words in everyone))
    answers = tuple(seconds for walk in found for seconds in walk)
    await asyncio.sleep(SETTLE_SECONDS)
    bot_cpu, server_cpu, client_cpu = (
        (now - then) / len(answers) for now, then in zip(_computed(bot, synapse), before, strict=True)
    )
    return Phase(tuple(first), answers, bot_cpu, server_cpu, client_cpu)


async def _walk(requester: Requester, room: str, words: Sequence[str]) -> list[float]:
    return [await requester.say(room, text) for text in words]


def _computed(bot: Bot, synapse: Synapse) -> tuple[float, float, float]:
    if synapse.pid is None:
        raise RuntimeError("the homeserver is gone")
    return cpu_seconds(bot.pid), cpu_seconds(synapse.pid), cpu_seconds(os.getpid())
