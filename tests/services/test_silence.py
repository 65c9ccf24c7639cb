"""While people have a conversation the bot is silent in it, whatever its requester writes (law 4).

With the flows that ship, in which each of these words gets an answer as long as the conversation is the bot's own.
"""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from bot import library
from bot.domain import CaseStatus, Owner
from bot.flow.engine import Engine
from bot.flow.machine import compile_flows
from bot.flow.phrases import EVERYWHERE
from bot.flow.questions import finder
from bot.happenings import Attached, Left, Removed, Wrote
from bot.i18n import Catalogs, Texts
from bot.life import OWNERS
from tests.services.lives import brought_to, reopen
from tests.services.world import CLAIMER, FILE, LEAD, REQUESTER, ROOM, SHIPPED, TEXTS, VETTER, World

ASKS = "How can I contact the helpline?"
WORDS = ("thank you", "1", "menu", "back", ASKS, "español", "language", "person", "7F3K", "!claim")
TOLD_WITHOUT_AN_OWNER = ("help", "privacy", "fingerprint")  # who waits may ask for these; a specialist answers the rest
WALK = ("hello", "1", "person", "1")  # to the handover
KEPT = "kept_for_case"


@pytest.fixture(scope="module")
def shipped() -> tuple[Engine, Texts]:
    flows, locales = library.read(SHIPPED / "flows"), ("en", "es")
    helpline = dict.fromkeys(EVERYWHERE, "example")
    texts = Texts(flows, Catalogs.read(SHIPPED / "locales"), lambda locale: helpline, locales)
    lexicons = texts.lexicons()
    return Engine(compile_flows(flows, locales), lexicons, texts.languages(), finder(flows, lexicons)), texts


async def heard_after_words(world: World, words: Sequence[str] = WORDS) -> list[str]:
    """What of the bot's reaches the requester while they write all this."""
    before = len(world.said(ROOM))
    first = await world.write(ROOM, REQUESTER, "I have something to say")
    for text in words:
        await world.write(ROOM, REQUESTER, text)
        await world.happen(ROOM, REQUESTER, Wrote(text, edits=first))
    await world.happen(ROOM, REQUESTER, Attached(FILE))
    await world.happen(ROOM, REQUESTER, Removed(first))
    return world.said(ROOM)[before:]


async def test_each_of_the_words_is_answered_as_long_as_the_bot_has_the_conversation(
    shipped: tuple[Engine, Texts],
) -> None:
    async with World(engine=shipped[0], texts=shipped[1]) as world:
        await world.walk(WALK[:2])
        for text in (*WORDS, *TOLD_WITHOUT_AN_OWNER):
            before = len(world.said(ROOM))
            await world.write(ROOM, REQUESTER, text)
            assert len(world.said(ROOM)) > before, text


async def test_right_after_every_step_the_bot_is_silent(shipped: tuple[Engine, Texts]) -> None:
    texts = shipped[1]
    async with World(engine=shipped[0], texts=texts, leads=frozenset({LEAD})) as world:
        await world.walk(WALK)
        number = (await world.case()).number
        kept = texts.say(f"bot.{KEPT}", "en", {"case": number})
        assert await heard_after_words(world) == [kept], "once, since it is the truth of who waits"

        steps = (
            (f"!vet pending {number}", VETTER, Owner.QUEUE),
            (f"!vet passed {number}", VETTER, Owner.QUEUE),
            (f"!claim {number}", CLAIMER, Owner.SPECIALIST),
            ("words", CLAIMER, Owner.SPECIALIST),
            (f"!claim {number}", CLAIMER, Owner.SPECIALIST),
            (f"!help-me {number}", CLAIMER, Owner.SPECIALIST),
            (f"!claim {number}", VETTER, Owner.SPECIALIST),
            ("words", VETTER, Owner.SPECIALIST),
            (f"!assign {number} vera", CLAIMER, Owner.SPECIALIST),
            ("words", VETTER, Owner.SPECIALIST),
            (f"!release {number}", LEAD, Owner.QUEUE),
            (f"!assign {number} carol", LEAD, Owner.SPECIALIST),
            ("leaves", CLAIMER, Owner.QUEUE),
            (f"!claim {number}", CLAIMER, Owner.SPECIALIST),
        )
        for step, who, owner in steps:
            before = world.said(ROOM)
            if step == "words":
                await world.write(world.relay, who, "from a person", signed=True)
            elif step == "leaves":
                await world.happen(world.relay, who, Left())
            else:
                await world.command(step, who)
            assert world.said(ROOM)[len(before) :] == (["from a person"] if step == "words" else []), step
            assert await world.owner() is owner, step
            assert await heard_after_words(world) == [], step
            if owner is Owner.SPECIALIST:
                assert await heard_after_words(world, TOLD_WITHOUT_AN_OWNER) == [], step

        await world.command(f"!close {number}", CLAIMER)
        await reopen(world, number)
        assert await heard_after_words(world) == [kept], "once more, since they wait once more"
        await world.command(f"!claim {number}", CLAIMER)
        assert await heard_after_words(world) == []


@pytest.mark.parametrize("at", [at for at in CaseStatus if OWNERS[at] is not Owner.NOBODY], ids=str)
async def test_at_every_point_of_its_life_at_which_people_have_it_the_bot_is_silent(at: CaseStatus) -> None:
    async with World() as world:
        number = await brought_to(world, at)
        waits = OWNERS[at] is Owner.QUEUE
        kept = TEXTS.say(f"bot.{KEPT}", "en", {"case": number})
        assert await heard_after_words(world) == ([kept] if waits else [])
        assert await world.owner() is OWNERS[at]
        asked = await heard_after_words(world, TOLD_WITHOUT_AN_OWNER)
        assert len(asked) == (len(TOLD_WITHOUT_AN_OWNER) if waits else 0)


@pytest.mark.parametrize("at", [at for at in CaseStatus if OWNERS[at] is Owner.SPECIALIST], ids=str)
@pytest.mark.parametrize("word", ["stop", "withdraw", "forget", "exit"])
async def test_what_law_4_allows_is_answered_once(at: CaseStatus, word: str) -> None:
    async with World() as world:
        await brought_to(world, at)
        before = len(world.said(ROOM))
        for _ in range(2):
            await world.write(ROOM, REQUESTER, word)
        assert len(world.said(ROOM)) == before + 1
        assert await world.owner() is Owner.SPECIALIST
