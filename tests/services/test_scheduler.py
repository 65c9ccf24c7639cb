"""Timers on a clock that is moved by hand."""

from datetime import timedelta

from bot.domain import Owner, Timer
from bot.flow.events import TimedOut
from tests.services.world import ENGINE, REQUESTER, ROOM, TEXTS, WALK, World

SECOND, DAY, WEEK = timedelta(seconds=1), timedelta(days=1), timedelta(days=7)


async def later(world: World, by: timedelta) -> None:
    await world.later(by)


async def session(world: World):
    conversation = await world.conversation()
    return await world.memory.transact(lambda tx: tx.sessions.load(conversation.id))


async def test_choices_before_consent_are_erased_after_a_day_in_silence() -> None:
    async with World() as world:
        await world.walk(WALK[:4])
        await later(world, DAY - SECOND)
        before = world.said(ROOM)
        assert await session(world) is not None
        await later(world, SECOND)
        assert await session(world) is None
        assert world.said(ROOM) == before
        assert await world.owner() is Owner.NOBODY


async def test_every_answer_begins_the_time_anew() -> None:
    async with World() as world:
        await world.walk(WALK[:2])
        await later(world, DAY - SECOND)
        await world.write(ROOM, REQUESTER, "1")
        await later(world, DAY - SECOND)
        assert await session(world) is not None


async def test_after_consent_a_session_is_kept_longer_and_its_end_is_said() -> None:
    async with World() as world:
        await world.walk(WALK[:6])
        await later(world, WEEK - SECOND)
        assert await session(world) is not None
        await later(world, SECOND)
        assert world.said(ROOM)[-1] == TEXTS.say("bot.expired", "en")
        assert await session(world) is None


async def test_a_timer_that_ran_out_while_the_bot_was_away_rings_at_the_start() -> None:
    world = World()
    async with world:
        await world.walk(WALK[:4])
    world.clock.advance(DAY)
    async with world:
        await later(world, timedelta(0))
        assert await session(world) is None


async def test_a_case_is_not_touched_by_the_time_of_its_session() -> None:
    async with World() as world:
        await world.walk()
        await later(world, 2 * WEEK)
        assert await world.owner() is Owner.QUEUE


async def test_a_timer_of_a_session_that_is_gone_rings_for_nobody() -> None:
    async with World() as world:
        await world.walk()
        conversation = await world.conversation()
        await world.memory.transact(lambda tx: tx.timers.set(Timer(conversation.id, "idle", world.clock.now())))
        before = world.said(ROOM)
        await later(world, SECOND)
        assert world.said(ROOM) == before
        assert await world.owner() is Owner.QUEUE


class Stuck:
    """An engine that cannot say good-bye."""

    def step(self, session, event):
        if isinstance(event, TimedOut):
            raise ZeroDivisionError("secret")
        return ENGINE.step(session, event)


async def test_what_cannot_be_timed_out_in_words_is_erased_all_the_same() -> None:
    async with World(engine=Stuck()) as world:
        await world.walk(WALK[:6])
        await later(world, WEEK)
        assert await session(world) is None
        assert await world.owner() is Owner.NOBODY
