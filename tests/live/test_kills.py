"""The bot dies by SIGKILL again and again in the middle of one conversation: nothing is lost, nothing said twice."""

import asyncio
import random
import signal
import sys
from pathlib import Path

import pytest

from bot.demo.helpline import Helpline
from bot.demo.person import Person
from bot.demo.shift import CASE, Shift
from bot.demo.walk import WHOLE
from tests.live.walking import hand_over, take

KILLER = str(Path(__file__).with_name("killer.py"))
FEWEST_KILLS = 10


class Mortal(Helpline):
    """A helpline whose bot is started anew whenever it dies; each life is some steps long."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        self._random = random.Random(seed)
        self.deaths = 0

    async def live_dangerously(self) -> None:
        """From now on the bot dies of what it does, and is started again."""
        await self.stop_bot(kill=True)
        while True:
            process = await self.launch_bot(KILLER, str(self._random.randrange(10, 60)))
            code = await process.wait()
            assert code == -signal.SIGKILL, f"the bot ended by itself: {code}"
            self.deaths += 1


def said(person: Person, room: str) -> list[str]:
    """The bot's and the requester's messages, without the case number."""
    return [CASE.sub("####", message.body) for message in person.messages(room)]


async def converse(helpline: Helpline) -> tuple[list[str], list[str]]:
    """The whole way; what the requester and the relay room saw."""
    requester = await helpline.person()
    room = await hand_over(helpline, requester, WHOLE[0])
    shift = Shift(helpline)
    await take(shift)
    for number in range(3):
        await shift.claimer.send(shift.relay, f"answer {number}")
        await requester.next_message(room)
        await requester.send(room, f"word {number}")
        await shift.read_until(shift.claimer, "relay", shift.relay, f"word {number}")
    relay = shift.relay
    await shift.close()
    await requester.next_message(room)
    assert requester.undecrypted() == []
    return said(requester, room), said(shift.claimer, relay)


@pytest.mark.parametrize("seed", [1])
async def test_killed_at_ten_points_of_one_conversation_nothing_is_lost_or_doubled(seed: int) -> None:
    async with Helpline() as undisturbed:
        expected = await converse(undisturbed)
    async with Mortal(seed) as helpline:
        dying = asyncio.create_task(helpline.live_dangerously())
        try:
            seen = await converse(helpline)
        finally:
            dying.cancel()
        log = helpline.log.read_text()
    print(f"\nkilled {helpline.deaths} times", file=sys.stderr)
    assert helpline.deaths >= FEWEST_KILLS
    assert seen == expected
    assert "Traceback" not in log
