"""The main job, whole, for somebody on Signal: the daemon's stand-in on their side, real encryption on the staff's."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from bot.demo.helpline import Helpline
from bot.demo.walk import WHOLE, Walk
from tests.live.both import converse_on_both, on_both


@pytest.mark.parametrize("walk", WHOLE[:2], ids=lambda walk: walk.locale)
async def test_the_whole_way(walk: Walk, tmp_path: Path) -> None:
    async with on_both(tmp_path, lambda settings: Helpline(settings=settings)) as (helpline, signald):
        person = await signald.person("Amal")
        seen = await converse_on_both(helpline, person, walk)
        print(*seen, sep="\n")
        log = helpline.log.read_text()
        print(log[-3000:])
