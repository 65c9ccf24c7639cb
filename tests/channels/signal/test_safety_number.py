"""The safety number is told where services ask for it: inside a transaction, on the store's thread."""

from __future__ import annotations

import asyncio
from pathlib import Path

from bot.domain import Conversation, ConversationId, Place
from bot.happenings import Wrote
from tests.channels.signal.running import Bot
from tests.signald.handle import Signald


async def test_a_safety_number_is_told_on_the_thread_of_the_store_and_after_a_restart(tmp_path: Path) -> None:
    async with Signald(tmp_path) as signald:
        amal = await signald.person("Amal")
        bot = Bot(signald, tmp_path / "bot")
        await bot.start()
        await amal.writes("hello")
        await bot.box.next(Wrote)
        lane = ConversationId("lane")
        conversation = Conversation(lane, "signal", Place.REQUESTER, lane, room=amal.uuid, contact=amal.uuid)
        for _ in range(2):
            told = await asyncio.to_thread(bot.channel.fingerprint, conversation)
            assert told == await signald.safety_number(amal)
            await bot.stop()
            await bot.start()
        await bot.stop()
