"""A requester whose account is on another homeserver, which may be away when it is needed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from bot.demo.helpline import Helpline
from bot.demo.person import PATIENCE_SECONDS, Person
from bot.demo.walk import WHOLE
from tests.live.federating import Federating
from tests.live.walking import Seen, converse

pytestmark = pytest.mark.asyncio(loop_scope="module")

WALK = WHOLE[0].answers


class Federated(Helpline):
    """A helpline on one homeserver, and another homeserver that knows it."""

    def __init__(self) -> None:
        super().__init__()
        self.synapse = Federating()
        self.elsewhere = Federating()

    async def _start(self) -> None:
        await self.elsewhere.start()
        await super()._start()

    async def _end(self) -> None:
        await super()._end()
        await self.elsewhere.__aexit__(None, None, None)

    async def stranger(self) -> Person:
        """Somebody on the other homeserver."""
        account = await self.elsewhere.register()
        person = await Person.login(self.elsewhere.url, account.user_id, account.password)
        self._people.append(person)
        return person


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def helpline() -> AsyncIterator[Federated]:
    async with Federated() as helpline:
        yield helpline


async def test_somebody_from_another_homeserver_goes_the_whole_way(helpline: Federated, undisturbed: Seen) -> None:
    assert await converse(helpline, await helpline.stranger()) == undisturbed


async def test_whose_homeserver_is_away_is_entered_when_it_is_back_and_holds_up_nobody(helpline: Federated) -> None:
    await helpline.stop_bot()
    stranger, local = await helpline.stranger(), await helpline.person()
    room = await stranger.invite_to_new_room(helpline.bot_id)
    await helpline.elsewhere.kill()
    await helpline.start_bot()
    near = await local.invite_to_new_room(helpline.bot_id)
    for word in WALK[:3]:
        await local.send(near, word)
        await local.next_message(near)
    async with asyncio.timeout(PATIENCE_SECONDS):
        while "Enter failed: away" not in helpline.log.read_text():
            await local.send(near, "help")
            await local.next_message(near)
    await helpline.elsewhere.start()
    await stranger.joined(room, helpline.bot_id)
    await stranger.send(room, WALK[0])
    await stranger.next_message(room)
