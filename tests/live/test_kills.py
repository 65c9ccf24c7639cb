"""The bot dies by SIGKILL again and again in the middle of one conversation: nothing is lost, nothing said twice."""

import asyncio
import random
import signal
import sys
from pathlib import Path

import pytest

from bot.demo.helpline import Helpline
from tests.live.walking import Seen, converse

KILLER = str(Path(__file__).with_name("killer.py"))
FEWEST_KILLS = 10
LIFE = (20, 150)  # steps, each counted before and after it; a start takes about 70, with the self-check beside it


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
            process = await self.launch_bot(KILLER, str(self._random.randrange(*LIFE)))
            code = await process.wait()
            assert code == -signal.SIGKILL, f"the bot ended by itself: {code}"
            self.deaths += 1


@pytest.mark.parametrize("seed", [1])
async def test_killed_at_ten_points_of_one_conversation_nothing_is_lost_or_doubled(
    seed: int, undisturbed: Seen
) -> None:
    async with Mortal(seed) as helpline:
        dying = asyncio.create_task(helpline.live_dangerously())
        try:
            seen = await converse(helpline)
        finally:
            dying.cancel()
        log = helpline.log.read_text()
    print(f"\nkilled {helpline.deaths} times", file=sys.stderr)
    assert helpline.deaths >= FEWEST_KILLS
    assert seen == undisturbed
    assert "Traceback" not in log
