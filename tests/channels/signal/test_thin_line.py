"""The thin line, on the stand-in: text in, text out, a restart."""

from __future__ import annotations

from pathlib import Path

from bot.deeds import Enter, Leave, SendText
from bot.happenings import Invited, Wrote
from bot.ports import Entered
from tests.channels.signal.running import Bot
from tests.signald.handle import Signald


async def test_a_stranger_writes_and_is_answered(tmp_path: Path) -> None:
    async with Signald(tmp_path) as signald:
        amal = await signald.person("Amal")
        bot = Bot(signald, tmp_path / "bot")
        await bot.start()
        stamp = await amal.writes("hello")
        asked, _ = await bot.box.next(Invited)
        wrote, what = await bot.box.next(Wrote)
        assert (asked.room, wrote.room, wrote.sender) == (amal.uuid, amal.uuid, amal.uuid)
        assert (wrote.event_id, what.text) == (f"{amal.uuid}/{stamp}", "hello")
        assert (await bot.do(amal.uuid, Enter())).entered is Entered.SAFE
        said = await bot.do(amal.uuid, SendText("Hello, Amal."))
        assert await amal.hears(1) == ["Hello, Amal."]
        assert said.event_id == f"self/{amal.heard[0].timestamp}"
        assert said.identity == what.identity
        assert what.identity
        await bot.do(amal.uuid, Leave("good bye"))
        assert await amal.hears(2) == ["Hello, Amal.", "good bye"]
        await amal.until(lambda: stamp in amal.read)
        await bot.stop()


async def test_what_comes_while_the_bot_is_away_comes_after_its_start_and_nothing_twice(tmp_path: Path) -> None:
    async with Signald(tmp_path) as signald:
        amal = await signald.person("Amal")
        bot = Bot(signald, tmp_path / "bot")
        await bot.start()
        await amal.writes("before")
        await bot.box.next(Wrote)
        await bot.stop()
        await amal.writes("meanwhile")
        await bot.start()
        await amal.writes("after")
        await bot.until(lambda: len(bot.brought(Wrote)) == 3)
        assert [arrival.what.text for arrival in bot.brought(Wrote)] == ["before", "meanwhile", "after"]
        assert len(bot.brought(Invited)) == 1
        await bot.stop()
