"""A channel that was told to wait for hours, until a person solved a puzzle."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from bot.admin import control, verbs
from bot.errors import WorldError
from bot.ports import Failure, SendError
from tests.services.world import REQUESTER, ROOM, World


class Puzzled:
    """A channel that takes one solution of one puzzle."""

    name = "memory"

    async def answer_puzzle(self, token: str, answer: str) -> None:
        if (token, answer) != ("token", "signalcaptcha://right"):
            raise WorldError("the solution was not taken; solve a new puzzle")


async def hand_in(data_dir: Path, answer: str) -> None:
    await asyncio.to_thread(control.ask, data_dir, verbs.CHALLENGE, {"token": "token", "answer": answer})


async def test_what_waited_is_sent_when_the_solution_is_taken_and_not_before(tmp_path: Path) -> None:
    async with World() as world:
        assert world.desk is not None
        world.server.broken[ROOM] = SendError(Failure.LIMITED, retry_after=86_400.0)
        await world.walk(["hello"])
        world.server.broken.clear()
        assert world.said(ROOM) == []
        async with control.listening(tmp_path, verbs.of_challenges(Puzzled(), world.desk.try_again)):
            with pytest.raises(control.BotFailed, match="solve a new puzzle"):
                await hand_in(tmp_path, "signalcaptcha://wrong")
            await world.quiet()
            assert world.said(ROOM) == []
            await hand_in(tmp_path, "signalcaptcha://right")
            await world.quiet()
        assert len(world.said(ROOM)) == 1


async def test_another_channel_waits_on() -> None:
    async with World() as world:
        assert world.desk is not None
        world.server.broken[ROOM] = SendError(Failure.LIMITED, retry_after=86_400.0)
        await world.walk(["hello"], ROOM, REQUESTER)
        world.server.broken.clear()
        await world.desk.try_again("other")
        await world.quiet()
        assert world.said(ROOM) == []
