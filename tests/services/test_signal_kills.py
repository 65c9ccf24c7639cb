"""The bot on Signal dies by SIGKILL again and again in the middle of conversations, the daemon too: nothing is lost,
nothing said twice; and what cannot be known is counted.
"""

from __future__ import annotations

import asyncio
import json
import random
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from bot.demo.child import as_child
from bot.demo.shift import CASE
from bot.happenings import Invited
from tests.services.mortal import IN_HAND, SPOOLED
from tests.services.world import REQUESTER, ROOM, SHIPPED, WALK, World
from tests.signald.handle import Signald
from tests.signald.person import Person

MORTAL = str(Path(__file__).with_name("mortal.py"))
LIFE = (15, 100)  # steps; a start takes some 12
KILLS = 14  # at most: a conversation may be over before
DOUBLED = "sent again, perhaps twice"
LONG = 120.0  # seconds for an answer: after each death a send that failed waits longer
PHONE = 0.1  # seconds until a phone says that something reached it: the bot is dead by then
LATER = ("one thing more", "and another", "thank you")
ENGLISH = (*WALK, *LATER)
SPANISH = (WALK[0], "2", *WALK[2:], *LATER)


class Bot:
    """The bot's process, started anew whenever it dies."""

    def __init__(self, signald: Signald, folder: Path, lives: list[str]) -> None:
        self._signald = signald
        self._folder = folder
        self._lives = lives
        self._process: asyncio.subprocess.Process | None = None
        self._stopping = False
        self.deaths = 0
        self.counts: dict[str, int] = {}

    async def live(self) -> None:
        """One life after the other, until it is stopped."""
        await asyncio.to_thread(self._folder.mkdir, mode=0o700, exist_ok=True)
        while not self._stopping:
            how = self._lives.pop(0) if self._lives else "0"
            arguments = (how, str(self._folder), str(self._signald.socket), self._signald.account)
            with (self._folder / "log").open("ab") as log:
                self._process = await asyncio.create_subprocess_exec(
                    *(sys.executable, *as_child(MORTAL), *arguments),
                    cwd=SHIPPED,
                    stdout=asyncio.subprocess.PIPE,
                    stderr=log,
                )
            said, _ = await self._process.communicate()
            if self._stopping:
                self.counts = json.loads(said) if said else {}
                return
            assert self._process.returncode == -signal.SIGKILL, (self._folder / "log").read_text()[-3000:]
            self.deaths += 1

    async def stop(self) -> None:
        """In order."""
        self._stopping = True
        if self._process is not None and self._process.returncode is None:
            self._process.send_signal(signal.SIGTERM)

    def spooled(self) -> set[int]:
        """The timestamps of the messages that its lives brought to disk."""
        path = self._folder / SPOOLED
        return {int(line) for line in path.read_text().split()} if path.exists() else set()

    async def kill(self) -> None:
        """Now."""
        assert self._process is not None
        self._process.kill()


@dataclass(frozen=True)
class Script:
    """What a person writes, and how much they have heard in all when that is answered."""

    answers: tuple[str, ...]
    heard: tuple[int, ...]
    texts: tuple[str, ...]


async def script_of(answers: tuple[str, ...]) -> Script:
    """What is heard where nothing dies: on memory."""
    async with World() as world:
        await world.happen(ROOM, REQUESTER, Invited())
        heard = []
        for answer in answers:
            await world.write(ROOM, REQUESTER, answer)
            heard.append(len(world.said(ROOM)))
        return Script(answers, tuple(heard), tuple(without_case(world.said(ROOM))))


def without_case(texts: Sequence[str]) -> list[str]:
    """The same without the numbers of cases."""
    return [CASE.sub("####", text) for text in texts]


class Talk:
    """Two who talk, one of them a bot that dies."""

    def __init__(self, signald: Signald, bot: Bot, person: Person) -> None:
        self._signald = signald
        self._bot = bot
        self._person = person
        self.lost = 0

    async def walk(self, script: Script) -> None:
        """They answer to the end, each time when the bot has said all that it says."""
        for answer, heard in zip(script.answers, script.heard, strict=True):
            await self._answer(answer, heard)

    async def _answer(self, text: str, heard: int) -> None:
        """Written again where the bot died with it: that it was handed over is all that the daemon knows."""
        while True:
            stamp = await self._person.writes(text)
            await self._person.until(lambda stamp=stamp: self._is_taken(stamp, heard) or self._is_lost(stamp), LONG)
            if not self._is_lost(stamp):
                return
            self.lost += 1

    def _is_taken(self, stamp: int, heard: int) -> bool:
        return len(self._person.heard) >= heard and stamp in self._bot.spooled()

    def _is_lost(self, stamp: int) -> bool:
        """The daemon has handed it over, to a life of the bot's that ended before it was on disk."""
        return self._signald.handed_earlier(stamp) and stamp not in self._bot.spooled()


@asynccontextmanager
async def living(signald: Signald, folder: Path, lives: list[str]) -> AsyncIterator[Bot]:
    """A bot with these lives, and then one that lasts."""
    bot = Bot(signald, folder, lives)
    task = asyncio.create_task(bot.live())
    try:
        yield bot
        await bot.stop()
        await asyncio.wait_for(task, 60)
    finally:
        task.cancel()


def once(texts: Sequence[str]) -> list[str]:
    """The same without what was said again at once."""
    return [text for place, text in enumerate(texts) if place == 0 or text != texts[place - 1]]


async def scripts() -> list[Script]:
    return [await script_of(ENGLISH), await script_of(SPANISH)]


async def talk_all(signald: Signald, bot: Bot) -> tuple[list[Person], int]:
    """Two people walk at the same time: they, and how often they had to write again."""
    people = [await signald.person("Amal"), await signald.person("Badr")]
    talks = [Talk(signald, bot, person) for person in people]
    await asyncio.gather(*(talk.walk(script) for talk, script in zip(talks, await scripts(), strict=True)))
    return people, sum(talk.lost for talk in talks)


@pytest.mark.parametrize("seed", [1, *(pytest.param(seed, marks=pytest.mark.soak) for seed in range(2, 33))])
async def test_a_bot_that_is_killed_again_and_again_loses_nothing_that_it_has_and_counts_what_it_may_say_twice(
    seed: int, tmp_path: Path
) -> None:
    chance = random.Random(seed)
    lives = [str(chance.randrange(*LIFE)) for _ in range(KILLS)]
    async with Signald(tmp_path) as signald, living(signald, tmp_path / "bot", lives) as bot:
        await signald.receipts_after(PHONE)
        people, lost = await talk_all(signald, bot)
    heard = [without_case(person.texts) for person in people]
    expected = [list(script.texts) for script in await scripts()]
    assert [once(texts) for texts in heard] == expected
    doubled = sum(map(len, heard)) - sum(map(len, expected))
    # the receipt of a send may be what the bot died with: then nothing tells that it was sent
    assert doubled <= bot.counts.get(DOUBLED, 0) <= bot.deaths
    assert lost <= 2 * bot.deaths
    assert bot.deaths >= KILLS // 2
    print(f"\n{bot.deaths} deaths: {lost} were lost on the way to the disk, {doubled} said twice", file=sys.stderr)


async def test_what_a_bot_dies_with_before_it_is_on_disk_is_all_that_is_lost(tmp_path: Path) -> None:
    async with Signald(tmp_path) as signald, living(signald, tmp_path / "bot", [IN_HAND, IN_HAND]) as bot:
        people, lost = await talk_all(signald, bot)
    assert [without_case(person.texts) for person in people] == [list(script.texts) for script in await scripts()]
    assert bot.deaths == 2
    assert 2 <= lost <= 4
    assert bot.counts.get(DOUBLED, 0) == 0


@pytest.mark.parametrize("seed", [1, *(pytest.param(seed, marks=pytest.mark.soak) for seed in range(2, 9))])
async def test_a_daemon_that_dies_again_and_again_costs_nobody_a_word(seed: int, tmp_path: Path) -> None:
    chance = random.Random(seed)
    async with Signald(tmp_path) as signald, living(signald, tmp_path / "bot", []) as bot:
        await signald.receipts_after(PHONE)

        async def die() -> None:
            while True:
                await signald.dies(
                    chance.choice(["send", "*"]), done=chance.random() < 0.5, after=chance.randrange(1, 12)
                )
                await signald.ended()
                await signald.start()

        dying = asyncio.create_task(die())
        people, lost = await talk_all(signald, bot)
        dying.cancel()
        await asyncio.gather(dying, return_exceptions=True)
    assert [without_case(person.texts) for person in people] == [list(script.texts) for script in await scripts()]
    # what it counts is what might have been said twice: here the daemon died before it was said the first time
    assert (lost, bot.deaths) == (0, 0)


@pytest.mark.parametrize("online", [True, False], ids=["phone on", "phone off"])
async def test_a_send_without_an_answer_is_made_again_only_where_no_receipt_tells_of_it(
    online: bool, tmp_path: Path
) -> None:
    async with Signald(tmp_path) as signald, living(signald, tmp_path / "bot", []) as bot:
        amal = await signald.person("Amal")
        await amal.goes_offline(not online)
        await signald.loses_answer("send")
        script = await script_of(WALK)
        talk = Talk(signald, bot, amal)
        await amal.writes(WALK[0])
        await amal.hears(1 if online else 2, LONG)
        await talk.walk(Script(WALK[1:], tuple(count + (not online) for count in script.heard[1:]), ()))
    assert once(without_case(amal.texts)) == list(script.texts)
    assert len(amal.texts) - len(script.texts) == bot.counts.get(DOUBLED, 0) == (0 if online else 1)
