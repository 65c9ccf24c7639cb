"""What must be done is done in order, once, and nobody waits for another's server."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.deeds import Copy, Deed, Enter, Follow, Identify, MakeRoom, Origin, OutgoingMessage, Restore, SendText
from bot.domain import Keep
from bot.happenings import Invited, Joined
from bot.ports import Failure, SendError
from bot.services.outbox import LONGEST_LIMIT, LONGEST_WAIT, MAX_ERRANDS, MAX_SURPRISES, next_attempt
from bot.testing import MemoryChannel
from tests.services.world import CLAIMER, OTHER, OTHER_ROOM, QUEUE, REQUESTER, ROOM, TEXTS, WALK, World

NOW = datetime(2026, 1, 5, tzinfo=UTC)


@pytest.mark.parametrize("failure", [Failure.GONE, Failure.REFUSED, Failure.UNSAFE])
def test_what_is_impossible_is_given_up_at_once(failure: Failure) -> None:
    assert next_attempt(failure, 0, NOW, None) is None
    assert next_attempt(failure, 0, NOW, 5.0) is None


@given(st.integers(0, 10_000))
def test_a_server_that_is_away_is_waited_for_without_end_but_never_long(attempts: int) -> None:
    again = next_attempt(Failure.AWAY, attempts, NOW, None)
    assert again is not None
    assert NOW < again <= NOW + timedelta(seconds=LONGEST_WAIT)


def test_waits_grow() -> None:
    waits = [next_attempt(Failure.AWAY, attempts, NOW, None) for attempts in range(12)]
    assert waits == sorted(waits)
    assert waits[0] == NOW + timedelta(seconds=0.5)


@given(st.floats() | st.none())
def test_a_limit_is_kept_as_long_as_it_makes_sense(asked: float | None) -> None:
    again = next_attempt(Failure.LIMITED, 3, NOW, asked)
    assert again is not None
    assert NOW < again <= NOW + timedelta(seconds=LONGEST_LIMIT)
    if asked is not None and 0.1 <= asked <= LONGEST_LIMIT:
        assert again == NOW + timedelta(seconds=asked)


async def test_one_slow_conversation_holds_up_no_other() -> None:
    async with World() as world:
        await world.walk(WALK[:2])
        world.server.slow[ROOM] = gate = asyncio.Event()
        for _ in range(3):
            await world.write(ROOM, REQUESTER, "help")
        await world.walk(["hola", "2"], OTHER_ROOM, OTHER)
        assert len(world.said(OTHER_ROOM)) == 2
        assert len(world.said(ROOM)) == 2
        del world.server.slow[ROOM]
        gate.set()
        await world.quiet()
        assert len(world.said(ROOM)) == 5


async def test_a_failed_deed_is_tried_again_under_the_same_id_and_nothing_overtakes_it() -> None:
    async with World() as world:
        await world.walk([])
        world.server.fail(SendError(Failure.AWAY), SendError(Failure.LIMITED, retry_after=90))
        await world.write(ROOM, REQUESTER, "hello")
        await world.write(ROOM, REQUESTER, "1")
        assert world.said(ROOM) == []
        world.clock.advance(timedelta(seconds=1))
        world.desk.look_again()
        await world.quiet()
        world.clock.advance(timedelta(seconds=60))
        world.desk.look_again()
        await world.quiet()
        assert world.said(ROOM) == []
        world.clock.advance(timedelta(seconds=31))
        world.desk.look_again()
        await world.quiet()
        assert [text.split("\n")[0] for text in world.said(ROOM)] == ["Which language?", "Welcome to example."]
        ids = [message.id for _, message in world.server.attempts if isinstance(message.deed, SendText)]
        assert ids[0] == ids[1] == ids[2] != ids[3]


async def test_an_answer_that_was_lost_on_the_way_back_is_not_said_twice() -> None:
    async with World() as world:
        await world.walk([])
        world.server.fail(SendError(Failure.AWAY), after=True)
        await world.write(ROOM, REQUESTER, "hello")
        world.clock.advance(timedelta(seconds=1))
        world.desk.look_again()
        await world.quiet()
        assert len(world.said(ROOM)) == 1
        assert len([m for _, m in world.server.attempts if isinstance(m.deed, SendText)]) == 2


async def test_the_first_attempt_is_dated_when_the_row_is_stored() -> None:
    async with World() as world:
        await world.walk(WALK[:1])
        message = world.server.delivered[-1][1]
        assert (message.tried_at, message.tried_from) == (world.clock.now(), world.server.device)


async def test_after_a_change_of_device_the_channel_always_looks_before_it_sends() -> None:
    world = World()
    async with world:
        await world.walk([])
        world.server.fail(SendError(Failure.AWAY))
        await world.write(ROOM, REQUESTER, "hello")
    world.server.device = "DEVICE2"
    world.clock.advance(timedelta(seconds=1))
    world.server.fail(None, SendError(Failure.AWAY))  # the queue room is entered, then this fails too
    async with world:
        await world.quiet()
    world.server.device = "DEVICE1"
    world.clock.advance(timedelta(seconds=5))
    async with world:
        await world.quiet()
    tries = [message for _, message in world.server.attempts if isinstance(message.deed, SendText)]
    assert len(tries) == 3
    assert tries[0].tried_from == "DEVICE1"
    assert all(message.tried_from not in ("DEVICE1", "DEVICE2") for message in tries[1:])


class Faulty(MemoryChannel):
    """A channel with a fault of its own."""

    async def perform(self, conversation, message, files):
        if conversation.room == ROOM and isinstance(message.deed, SendText):
            self.attempts.append((conversation, message))
            raise ZeroDivisionError(f"{message.deed.text} to {conversation.contact}")
        return await super().perform(conversation, message, files)


async def test_a_fault_in_a_channel_stops_nobody_else_and_not_for_ever(caplog: pytest.LogCaptureFixture) -> None:
    world = World()
    faulty = Faulty()
    world.desk = world.build(channel=faulty)
    await world.desk.start()
    await world.desk.inbox.accept(_batch(world, "1", ROOM, REQUESTER))
    await world.desk.inbox.accept(_batch(world, "2", OTHER_ROOM, OTHER))
    await world.until(lambda: _true(len(faulty.said(OTHER_ROOM)) == 1))
    for _ in range(MAX_SURPRISES + 2):
        await asyncio.sleep(0.01)
        world.clock.advance(timedelta(minutes=2))
        world.desk.look_again()
    await world.until(lambda: _empty(world))
    await world.desk.stop()
    assert len([m for c, m in faulty.attempts if c.room == ROOM and isinstance(m.deed, SendText)]) == MAX_SURPRISES + 1
    assert "Which language" not in caplog.text
    assert REQUESTER not in caplog.text


def _batch(world: World, token: str, room: str, sender: str):
    from bot.happenings import Arrival, Batch, Wrote

    arrivals = [
        Arrival("memory", room, f"${token}{n}", sender, world.clock.now(), what)
        for n, what in enumerate((Invited(), Wrote("hello")))
    ]
    return Batch("memory", token, tuple(arrivals))


async def _true(value: bool) -> bool:
    return value


async def _empty(world: World) -> bool:
    return not await world.memory.transact(lambda tx: tx.outbox.lanes())


async def test_the_queue_room_is_entered_at_every_start() -> None:
    world = World()
    for _ in range(2):
        async with world:
            await world.until(lambda: _true(bool(world.server.attempts)))
    doors = [message for conversation, message in world.server.attempts if conversation.room == QUEUE]
    assert [type(message.deed) for message in doors] == [Enter, Enter]


async def test_cards_wait_until_the_queue_room_can_be_entered() -> None:
    world = World()
    world.server.broken[QUEUE] = SendError(Failure.REFUSED)
    async with world:
        await world.walk()
        assert world.said(QUEUE) == []
        del world.server.broken[QUEUE]
        world.server.happen(QUEUE, CLAIMER, Invited())
        world.clock.advance(timedelta(minutes=2))
        world.desk.look_again()
        await world.quiet()
        assert len(world.said(QUEUE)) == 1


async def test_a_card_is_not_lost_when_the_bot_is_put_out_of_the_queue_room() -> None:
    async with World() as world:
        await world.quiet()
        world.server.broken[QUEUE] = SendError(Failure.GONE)
        await world.walk()
        for _ in range(5):
            world.clock.advance(timedelta(minutes=2))
            world.desk.look_again()
            await world.quiet()
        assert world.said(QUEUE) == []
        del world.server.broken[QUEUE]
        world.clock.advance(timedelta(minutes=2))
        world.desk.look_again()
        await world.quiet()
        assert len(world.said(QUEUE)) == 1


async def test_a_queue_room_that_is_not_known_yet_waits_and_is_found_at_the_next_start() -> None:
    from dataclasses import replace

    world = World()
    known = world.staff
    world.staff = replace(known, room=None)
    async with world:
        await world.walk()
        assert world.said(QUEUE) == []
    world.staff = known
    async with world:
        await world.until(lambda: _true(len(world.said(QUEUE)) == 1))


async def test_the_queue_room_may_be_one_that_the_bot_was_asked_into_before() -> None:
    from dataclasses import replace

    world = World()
    world.staff = replace(world.staff, room=ROOM)
    async with World() as elsewhere:
        await elsewhere.walk(WALK[:2])
        memory, server = elsewhere.memory, elsewhere.server
    world.memory, world.server = memory, server
    async with world:
        queue = await world.conversation(ROOM)
        assert queue.place.value == "queue"


async def test_a_room_that_cannot_be_made_is_made_later() -> None:
    async with World() as world:
        await world.walk()
        number = (await world.case()).number
        world.server.fail(SendError(Failure.REFUSED), SendError(Failure.REFUSED))
        await world.command(f"!vet pending {number}")
        for _ in range(3):
            world.clock.advance(timedelta(minutes=2))
            world.desk.look_again()
            await world.quiet()
        made = [message for _, message in world.server.delivered if isinstance(message.deed, MakeRoom)]
        assert len(made) == 1
        assert len(world.said(world.notes)) == 2


# errands


async def post(world: World, room: str, deed: Deed, failure: Failure) -> None:
    """The services ask for this in a room, where it fails."""
    conversation = await world.conversation(room)
    await world.memory.transact(lambda tx: tx.outbox.add(OutgoingMessage("errand", conversation.id, deed)))
    world.server.fails_at[type(deed)] = SendError(failure)
    await world.restart()
    await world.quiet()


async def test_an_identity_that_cannot_be_found_is_told_and_holds_up_nothing() -> None:
    async with World() as world:
        await world.walk()
        await post(world, QUEUE, Identify("@nobody:example.org"), Failure.GONE)
        assert world.said(QUEUE)[-1] == TEXTS.say("staff.identify_failed", "en", {"who": "@nobody:example.org"})


async def test_an_errand_holds_up_the_queue_room_only_so_long() -> None:
    async with World() as world:
        await world.walk()
        await post(world, QUEUE, Identify("@nobody:example.org"), Failure.AWAY)
        for _ in range(2 * MAX_ERRANDS):
            world.clock.advance(timedelta(minutes=2))
            world.desk.look_again()
            await world.quiet()
        tried = [message for _, message in world.server.attempts if isinstance(message.deed, Identify)]
        assert len(tried) == MAX_ERRANDS + 1
        assert "@nobody:example.org" in world.said(QUEUE)[-1]


@pytest.mark.parametrize(("deed", "told"), [(Follow("!next:memory"), "not_followed"), (Restore(), "not_restored")])
async def test_settings_that_stay_and_rooms_that_cannot_be_followed_are_told(deed: Deed, told: str) -> None:
    async with World() as world:
        number = await world.claimed()
        relay = world.relay
        await post(world, relay, deed, Failure.REFUSED)
        assert world.said(QUEUE)[-1] == TEXTS.say(f"staff.{told}", "en", {"case": number})
        assert (await world.conversation(relay)).case == number


async def test_what_passes_something_on_is_remembered_and_nothing_else_is() -> None:
    async with World() as world:
        number = await world.claimed()
        theirs = await world.write(ROOM, REQUESTER, "on Tuesday")
        home, relay = await world.conversation(ROOM), await world.conversation(world.relay)
        copies = await world.memory.transact(lambda tx: tx.copies.of(Origin(home.id, theirs)))
        assert list(copies) == [Copy(relay.id, world.event("on Tuesday"), number, Keep.CASE)]
        await world.step_out(number, world.relay)
        await world.write(ROOM, REQUESTER, "kept")
        await world.happen(world.relay, CLAIMER, Joined())
        assert world.said(world.relay)[-1] == "kept"
        case = await world.get_case(number)
        assert list(await world.memory.transact(lambda tx: tx.copies.of(Origin(case.requester, "")))) == []
