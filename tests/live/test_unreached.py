"""A bot that was put out of the specialists' room, on a real homeserver: nobody must believe that somebody reads."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from mautrix.api import Method, Path

from bot.demo.helpline import Helpline
from bot.demo.shift import CASE
from bot.demo.walk import WHOLE
from tests.live.walking import hand_over

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def helpline() -> AsyncIterator[Helpline]:
    async with Helpline(specialists=1) as helpline:
        yield helpline


async def test_where_the_bot_was_put_out_the_requester_and_the_doctor_are_told_until_it_is_back(
    helpline: Helpline,
) -> None:
    (specialist,), queue = helpline.specialists, helpline.queue_room
    requester = await helpline.person()
    await specialist.request(Method.POST, Path.v3.rooms[queue].kick, {"user_id": helpline.bot_id})
    room = await hand_over(helpline, requester, WHOLE[0])
    await requester.until(lambda: any("cannot reach our team" in each.body for each in requester.messages(room)))
    code, found = await helpline.command("doctor", "--config", str(helpline.config))
    assert code == 1
    assert "wrong  staff-reached" in found
    assert "staff cannot be reached" in helpline.log.read_text()

    await specialist.invite(queue, helpline.bot_id)
    await specialist.until(lambda: any(CASE.search(each.body) for each in specialist.messages(queue)))
    assert sum("cannot reach our team" in each.body for each in requester.messages(room)) == 1
    _, found = await helpline.command("doctor", "--config", str(helpline.config))
    assert "ok     staff-reached" in found
