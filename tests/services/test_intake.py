"""What arrives is journaled, answered in order, and a step that fails stops nobody."""

import asyncio
import dataclasses

import pytest

from bot.deeds import Leave
from bot.domain import Owner
from bot.errors import VestibuleError
from bot.happenings import Arrival, Attached, Batch, Danger, Endangered, Invited, Joined, Left, Wrote
from bot.ports import ListeningEnded
from bot.services import crew, desk, intake
from bot.services.sayings import ALL
from bot.testing.memory import _Conversations
from tests.services.world import (
    CLAIMER,
    ENGINE,
    FILE,
    OTHER,
    OTHER_ROOM,
    REQUESTER,
    ROOM,
    STORY,
    TEXTS,
    WALK,
    World,
    library,
)


def arrival(world: World, event_id: str, what, room: str = ROOM) -> Arrival:
    return Arrival(world.server.name, room, event_id, REQUESTER, world.clock.now(), what)


async def test_a_redelivered_message_is_answered_once() -> None:
    async with World() as world:
        batch = Batch("memory", "1", (arrival(world, "$a", Invited()), arrival(world, "$b", Wrote("hello"))))
        await world.desk.inbox.accept(batch)
        await world.desk.inbox.accept(dataclasses.replace(batch, token="2"))
        await world.until(lambda: _said(world, ROOM, 1))
        await asyncio.sleep(0.01)
        assert len(world.said(ROOM)) == 1
        assert await world.desk.inbox.token("memory") == "2"


async def _said(world: World, room: str, count: int) -> bool:
    return len(world.said(room)) >= count


async def test_what_came_before_a_stop_is_answered_after_the_start() -> None:
    world = World()
    stopped = world.build()
    await stopped.inbox.accept(
        Batch("memory", "0", (arrival(world, "$a", Invited()), arrival(world, "$b", Wrote("hi"))))
    )
    await stopped.stop()
    assert world.said(ROOM) == []
    async with world:
        await world.until(lambda: _said(world, ROOM, 1))


async def test_a_burst_is_answered_in_its_order() -> None:
    async with World() as world:
        world.server.happen(ROOM, REQUESTER, Invited())
        for text in WALK:
            world.server.happen(ROOM, REQUESTER, Wrote(text))
        await world.quiet()
        assert len(world.said(ROOM)) == len(WALK)
        assert await world.owner() is Owner.QUEUE


async def test_who_comes_and_goes_in_a_room_that_we_do_not_know_makes_no_conversation() -> None:
    async with World() as world:
        for what in (Joined(), Left(), Endangered(Danger.THIRD_MEMBER)):
            await world.happen(OTHER_ROOM, OTHER, what)
        assert await world.memory.transact(lambda tx: tx.conversations.find("memory", OTHER_ROOM)) is None


async def test_a_file_is_a_first_sign_like_words() -> None:
    async with World() as world:
        await world.happen(OTHER_ROOM, OTHER, Attached(FILE))
        assert world.said(OTHER_ROOM)[0].startswith(TEXTS.say("bot.file_not_now", "en"))


async def test_a_file_whose_step_fails_is_told_in_its_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intake, "RETRY_SECONDS", 0.001)
    async with World() as world:
        await world.claimed()
        monkeypatch.setattr(intake.reception, "take", lambda *_: 1 / 0)
        await world.happen(ROOM, REQUESTER, Attached(FILE))
        assert TEXTS.say("bot.not_taken", "en") in world.said(ROOM)[-1]


class Poisoned:
    """An engine that one word breaks."""

    def step(self, session, event):
        if getattr(event, "text", "") == "poison":
            raise ZeroDivisionError(f"{event.text} {REQUESTER}")
        return ENGINE.step(session, event)


async def test_a_step_that_fails_is_told_kindly_and_holds_up_nothing(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(intake, "RETRY_SECONDS", 0.001)
    caplog.set_level("DEBUG", "bot")
    async with World(engine=Poisoned()) as world:
        await world.walk(WALK[:2])
        for text in ("poison", "1"):
            world.server.happen(ROOM, REQUESTER, Wrote(text))
        await world.walk(["hola", "2"], OTHER_ROOM, OTHER)
        await world.quiet()
        assert TEXTS.say("bot.not_taken", "en") in world.said(ROOM)[2]
        assert TEXTS.say("bot.not_taken", "es") in world.said(ROOM)[2]
        assert "What is it about?" in world.said(ROOM)[3]
        assert len(world.said(OTHER_ROOM)) == 2
    assert sum("a step failed" in line for line in caplog.messages) == intake.MAX_TRIES
    assert "poison" not in caplog.text
    assert REQUESTER not in caplog.text


class Unsteady:
    """A store that fails for a while."""

    def __init__(self, store) -> None:
        self.store, self.broken = store, False

    async def transact(self, work):
        if self.broken:
            await asyncio.sleep(0)
            raise OSError("disk full")
        return await self.store.transact(work)


async def test_while_the_store_fails_nothing_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intake, "RETRY_SECONDS", 0.001)
    monkeypatch.setattr(crew, "LONGEST_PAUSE", 0.001)
    world = World()
    store = Unsteady(world.memory)
    world.desk = world.build(store=store)
    await world.desk.start()
    world.server.happen(ROOM, REQUESTER, Invited())
    await world.quiet()
    accepted = Batch("memory", "1", (arrival(world, "$x", Wrote("hello")),))
    await world.desk.inbox.accept(accepted)
    store.broken = True
    await asyncio.sleep(0.05)
    store.broken = False
    await world.until(lambda: _said(world, ROOM, 1))
    assert world.said(ROOM)[0].startswith("Which language?")
    await world.desk.stop()


async def test_a_danger_whose_step_fails_ends_the_conversation_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intake, "RETRY_SECONDS", 0.001)
    async with World() as world:
        await world.walk(WALK[:4])
        monkeypatch.setattr(intake.reception, "stop", lambda *_: 1 / 0)
        await world.happen(ROOM, OTHER, Endangered(Danger.THIRD_MEMBER))
        leave = world.server.delivered[-1][1].deed
        assert isinstance(leave, Leave)
        assert TEXTS.say("bot.room_unsafe_third", "es") in leave.why


async def test_a_command_whose_step_fails_is_told_in_its_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intake, "RETRY_SECONDS", 0.001)
    async with World() as world:
        await world.claimed()
        monkeypatch.setattr(intake.staffrooms, "take", lambda *_: 1 / 0)
        await world.write(world.relay, CLAIMER, "did this go out", signed=True)
        assert world.said(world.relay)[-1] == TEXTS.say("staff.not_taken", "en")
        assert "did this go out" not in world.said(ROOM)


async def test_a_record_that_cannot_be_read_ends_nothing_for_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    async with World() as world:
        await world.walk(WALK[:1])
        find = _Conversations.find

        def broken(self, channel, room):
            if room == ROOM:
                raise VestibuleError("a record cannot be read")
            return find(self, channel, room)

        monkeypatch.setattr(_Conversations, "find", broken)
        world.server.happen(ROOM, REQUESTER, Wrote("1"))
        await world.walk(WALK[:1], OTHER_ROOM, OTHER)
        assert len(world.said(OTHER_ROOM)) == 1
        assert len(world.said(ROOM)) == 1
        assert not any(ear.done() for ear in world.desk._ears)


class Deaf:
    """A channel that cannot be listened to."""

    name, device = "memory", "D"

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)

    def trust(self, pins) -> None:
        pass

    async def listen(self, inbox) -> None:
        if self.errors:
            raise self.errors.pop(0)
        await asyncio.Future()


async def test_a_channel_that_fails_is_listened_to_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(desk, "LISTEN_AGAIN", 0.001)
    world = World()
    deaf = Deaf(ValueError(STORY), VestibuleError("a record cannot be read"))
    reception = world.build(channel=deaf)
    await reception.start()
    await asyncio.sleep(0.05)
    assert deaf.errors == []
    await reception.stop()


async def test_a_channel_that_has_ended_for_good_says_so_to_whoever_runs_the_desk() -> None:
    world = World()
    reception = world.build(channel=Deaf(ListeningEnded("signed out")))
    await reception.start()
    with pytest.raises(ListeningEnded, match="signed out"):
        await reception.listening()
    await reception.stop()


async def test_a_stop_finishes_what_is_in_hand() -> None:
    async with World() as world:
        await world.walk(WALK[:1])
        world.server.slow[ROOM] = gate = asyncio.Event()
        world.server.happen(ROOM, REQUESTER, Wrote("1"))
        await world.until(world.is_quiet)
        stopping = asyncio.create_task(world.desk.stop())
        await asyncio.sleep(0.01)
        assert not stopping.done()
        del world.server.slow[ROOM]
        gate.set()
        await stopping
        assert len(world.said(ROOM)) == 2


def test_every_text_that_the_services_say_is_in_the_flow_files() -> None:
    assert set(library().sources) >= ALL
