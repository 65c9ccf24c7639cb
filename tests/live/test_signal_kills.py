"""The bot dies by SIGKILL again and again in conversations between Signal and Matrix: nothing that it has is lost, and
what it may say twice is counted.
"""

from __future__ import annotations

import asyncio
import random
import signal
import sys
from pathlib import Path

import pytest

from bot.demo.helpline import Helpline
from bot.demo.walk import WHOLE, Walk
from tests.live.both import Requester, converse_on_both, on_both, once
from tests.services.mortal import SPOOLED

KILLER = str(Path(__file__).with_name("signal_killer.py"))
FEWEST_KILLS = 10
LIFE = (30, 170)  # steps, each counted before and after it; a start takes about 80, with the self-check beside it


class Mortal(Helpline):
    """A helpline whose bot is started anew whenever it dies; each life is some steps long."""

    def __init__(self, seed: int, settings: str) -> None:
        super().__init__(settings=settings)
        self._random = random.Random(seed)
        self.deaths = 0

    def spooled(self) -> set[int]:
        """The timestamps of what came to the bot's disk from Signal."""
        path = self.folder / SPOOLED
        return {int(line) for line in path.read_text().split()} if path.exists() else set()

    async def live_dangerously(self) -> None:
        """The bot dies of what it does, and is started again."""
        while True:
            left = str(self._random.randrange(*LIFE))
            process = await self.launch_bot(KILLER, left, str(self.folder / SPOOLED))
            code = await process.wait()
            assert code == -signal.SIGKILL, f"the bot ended by itself: {code}"
            self.deaths += 1


async def undisturbed(walk: Walk, folder: Path) -> tuple[list[str], list[str]]:
    """What people see where nothing goes wrong."""
    async with on_both(folder, lambda settings: Helpline(settings=settings)) as (helpline, signald):
        return await converse_on_both(helpline, Requester(signald, await signald.person("Amal")), walk)


@pytest.mark.parametrize("walk", WHOLE[:2], ids=lambda walk: walk.locale)
async def test_killed_at_ten_points_of_one_conversation_nothing_is_lost_and_what_is_doubled_is_counted(
    walk: Walk, tmp_path: Path
) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    theirs, relay = await undisturbed(walk, tmp_path / "a")
    async with on_both(tmp_path / "b", lambda settings: Mortal(1, settings)) as (helpline, signald):
        requester = Requester(signald, await signald.person("Amal"), helpline.spooled)
        # this life tells nobody what came to its disk: nothing may be handed to it
        await helpline.stop_bot(kill=True)
        await signald.until(lambda: not signald.subscribed)
        dying = asyncio.create_task(helpline.live_dangerously())
        try:
            seen, seen_relay = await converse_on_both(helpline, requester, walk)
        finally:
            dying.cancel()
        log = helpline.log.read_text()
    doubled = len(seen) - len(once(seen))
    told = log.count("a message was sent again: whether it was sent before, nothing can tell")
    print(
        f"\nkilled {helpline.deaths} times; {requester.lost} lost on the way to the disk, {doubled} said twice",
        file=sys.stderr,
    )
    assert helpline.deaths >= FEWEST_KILLS
    assert once(seen) == theirs
    assert seen_relay == relay
    assert doubled <= told
    assert "Traceback" not in log
