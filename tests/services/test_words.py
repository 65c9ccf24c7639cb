"""What requesters ask of the bot with one word, and the files that they send, before and after the handoff."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bot.domain import CaseStatus, Owner
from bot.flow.events import TimedOut
from bot.happenings import Attached
from tests.services.test_requester import bot_text
from tests.services.test_scheduler import later, session
from tests.services.world import (
    CLAIMER,
    FILE,
    MAIN,
    QUEUE,
    REQUESTER,
    ROOM,
    STORY,
    TEXTS,
    VETTER,
    WALK,
    World,
    content,
)

WITH_FILE = MAIN.replace(
    "  - choose: urgency\n",
    """  - attach: proof
    text: Do you have a picture of it?
    label: Proof
    remind_after: 2 hours
    expire_after: 2 days
  - several: ways
    text: How may we reach you?
    label: Ways
    options: {email: By email, phone: By phone, none: Not at all}
    alone: none
  - choose: urgency
""",
)
TO_FILE = WALK[:6]
PARTING = [
    ("withdraw", "waiting_withdraw", "asks_to_withdraw"),
    ("forget", "waiting_forget", "asks_to_forget"),
    ("exit", "exited", "left_in_haste"),
]


def staff_text(name: str, **params: str) -> str:
    return TEXTS.say(f"staff.{name}", "en", params)


def with_file() -> World:
    engine, texts = content(main=WITH_FILE)
    return World(engine=engine, texts=texts)


# words


@pytest.mark.parametrize(("word", "answer", "wish"), PARTING)
async def test_a_wish_to_part_is_told_to_the_queue_and_answered_once(word: str, answer: str, wish: str) -> None:
    async with World() as world:
        await world.walk()
        number = (await world.case()).number
        before, queue = len(world.said(ROOM)), len(world.said(QUEUE))
        for text in (word, word.upper()):
            await world.write(ROOM, REQUESTER, text)
        assert world.said(ROOM)[before:] == [bot_text(answer, case=number)]
        assert world.said(QUEUE)[queue:] == [staff_text(wish, case=number)]
        case = await world.case()
        assert case.answers  # it is the team's to decide what becomes of it


@pytest.mark.parametrize(("word", "answer", "wish"), PARTING)
async def test_a_wish_to_part_is_told_to_the_specialist_who_has_the_case(word: str, answer: str, wish: str) -> None:
    async with World() as world:
        number = await world.claimed()
        before, queue, relay = len(world.said(ROOM)), len(world.said(QUEUE)), len(world.said(world.relay))
        for _ in range(2):
            await world.write(ROOM, REQUESTER, word)
        assert world.said(ROOM)[before:] == [bot_text(answer, case=number)]
        assert world.said(world.relay)[relay:] == [word, staff_text(wish, case=number), word]
        assert world.said(QUEUE)[queue:] == []


async def test_privacy_is_told_while_people_are_waited_for_and_left_to_them_afterwards() -> None:
    async with World() as world:
        await world.walk()
        await world.write(ROOM, REQUESTER, "privacy")
        assert world.said(ROOM)[-1] == bot_text("privacy")
    async with World() as world:
        await world.claimed()
        before = len(world.said(ROOM))
        await world.write(ROOM, REQUESTER, "privacy")
        assert len(world.said(ROOM)) == before
        assert world.said(world.relay)[-1] == "privacy"


async def test_the_quick_exit_erases_at_once_and_says_one_harmless_sentence() -> None:
    async with World() as world:
        await world.walk(WALK[:6])
        await world.write(ROOM, REQUESTER, "exit")
        assert world.said(ROOM)[-1] == bot_text("exited")
        assert await session(world) is None
        assert await world.owner() is Owner.NOBODY


@pytest.mark.parametrize(("word", "answer"), [("withdraw", "withdrawn"), ("forget", "forgotten")])
async def test_what_was_answered_is_gone_after_one_yes(word: str, answer: str) -> None:
    async with World() as world:
        await world.walk([*WALK[:6], word])
        assert world.said(ROOM)[-1].startswith(bot_text(f"{word}_confirm"))
        assert STORY in repr((await session(world)).path[-1].answer.words)
        await world.write(ROOM, REQUESTER, "yes")
        assert world.said(ROOM)[-1] == bot_text(answer)
        assert await session(world) is None
        assert await world.owner() is Owner.NOBODY


@pytest.mark.parametrize(("word", "wish"), [("withdraw", "earlier_withdrawn"), ("forget", "earlier_forgotten")])
async def test_what_was_passed_on_before_is_told_to_the_team_and_nothing_else_is_claimed(word: str, wish: str) -> None:
    async with World() as world:
        number = await world.claimed()
        await world.command("!close", CLAIMER, world.notes)
        await world.write(ROOM, REQUESTER, word)
        before, queue = len(world.said(ROOM)), len(world.said(QUEUE))
        await world.write(ROOM, REQUESTER, "yes")
        done = bot_text({"withdraw": "withdrawn", "forget": "forgotten"}[word])
        assert world.said(ROOM)[before:] == [done, bot_text("earlier_case", case=number)]
        assert world.said(QUEUE)[queue:] == [staff_text(wish, case=number)]


async def test_forgetting_reaches_what_an_earlier_case_still_holds() -> None:
    async with World() as world:
        number = await world.claimed()
        await world.command("!close", CLAIMER, world.notes)
        await world.write(ROOM, REQUESTER, "forget")
        await world.write(ROOM, REQUESTER, "yes")
        case, conversation = await world.get_case(number), await world.conversation()
        assert (case.status, case.answers, case.topic, case.urgency, case.note) == (
            CaseStatus.CLOSED,
            (),
            None,
            None,
            None,
        )
        assert (conversation.case, conversation.identity) == (None, None)
        assert list(await world.memory.transact(lambda tx: tx.entries.of(number))) == []


async def test_whoever_was_forgotten_begins_anew() -> None:
    async with World() as world:
        await world.walk([*WALK[:2], "forget", "yes", "hello"])
        assert world.said(ROOM)[-1].startswith("Which language?")


# files


async def test_a_file_that_was_asked_for_waits_for_whoever_may_read_it() -> None:
    async with with_file() as world:
        await world.walk(TO_FILE)
        assert world.said(ROOM)[-1].startswith(bot_text("attach_advice"))
        await world.happen(ROOM, REQUESTER, Attached(FILE))
        for text in ("1 and 2", "2"):
            await world.write(ROOM, REQUESTER, text)
        assert "Proof: letter.jpg\n" in world.said(ROOM)[-1]
        assert "Ways: By email / By phone\n" in world.said(ROOM)[-1]
        await world.write(ROOM, REQUESTER, "1")
        number = (await world.case()).number
        (card,) = world.said(QUEUE)
        assert "letter" not in card
        await world.command(f"!vet pending {number}", VETTER)
        assert any("Proof: letter.jpg" in said for said in world.said(world.notes))
        assert any("Ways: By email / By phone" in said for said in world.said(world.notes))
        assert staff_text("file_kept", file="letter.jpg") in world.said(world.notes)
        await world.command(f"!vet passed {number}", VETTER)
        await world.command(f"!claim {number}", CLAIMER)
        assert world.files(world.relay) == [FILE]
        assert all(answer.file is None for answer in (await world.case()).answers)


async def test_a_file_that_nobody_asked_for_is_not_kept_and_declined_once() -> None:
    async with with_file() as world:
        await world.walk(WALK[:2])
        before = len(world.said(ROOM))
        for _ in range(3):
            await world.happen(ROOM, REQUESTER, Attached(FILE))
        (declined,) = world.said(ROOM)[before:]
        assert declined.startswith(bot_text("file_not_now"))
        assert "letter" not in repr(await session(world))
        await world.write(ROOM, REQUESTER, "1")
        await world.happen(ROOM, REQUESTER, Attached(FILE))
        assert world.said(ROOM)[-1].startswith(bot_text("file_not_now"))


async def test_a_question_that_waits_is_reminded_of_once_and_ends_in_its_own_time() -> None:
    async with with_file() as world:
        await world.walk(TO_FILE)
        await later(world, timedelta(hours=2))
        reminded, missed = world.said(ROOM)[-2:]
        assert reminded.startswith(bot_text("reminder"))
        assert missed == bot_text("promise_missed")
        said = len(world.said(ROOM))
        await later(world, timedelta(hours=45))
        assert len(world.said(ROOM)) == said
        assert await session(world) is not None
        await later(world, timedelta(hours=1))
        assert await session(world) is None
        assert world.said(ROOM)[-1] == bot_text("expired")


class Stuck:
    """An engine that cannot remind anybody."""

    def __init__(self, engine):
        self.engine = engine

    def step(self, session, event):
        if isinstance(event, TimedOut):
            raise ZeroDivisionError("secret")
        return self.engine.step(session, event)


async def test_a_reminder_that_cannot_be_said_costs_nobody_their_answers() -> None:
    engine, texts = content(main=WITH_FILE)
    async with World(engine=Stuck(engine), texts=texts) as world:
        await world.walk(TO_FILE)
        before = await session(world)
        await later(world, timedelta(hours=2))
        assert await session(world) == before
        assert await world.owner() is Owner.BOT
