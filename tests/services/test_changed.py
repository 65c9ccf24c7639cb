"""A requester with a new identity: people accept it before anything goes on; with the bot all begins anew."""

from __future__ import annotations

from datetime import timedelta

from bot.deeds import Accept
from bot.domain import Owner
from bot.happenings import Cause, Invited, Unreadable, Wrote
from bot.ports import Failure, SendError
from bot.services.outbox import UNACCEPTED_WAIT
from tests.services.test_alarms import staff_text
from tests.services.world import CLAIMER, QUEUE, REQUESTER, ROOM, STORY, STRANGER, VETTER, WALK, World


def accepted(world: World) -> int:
    return sum(isinstance(message.deed, Accept) for _, message in world.server.delivered)


async def claimed_and_changed(world: World) -> str:
    """A claimed case whose requester cannot be written to any more; its number."""
    await world.claimed()
    world.server.broken[ROOM] = SendError(Failure.CHANGED)
    for text in ("are you there", "we are here"):
        await world.write(world.relay, CLAIMER, text, signed=True)
    case = await world.case()
    return case.number


async def test_what_is_said_to_a_new_identity_waits_and_staff_are_told_once() -> None:
    async with World() as world:
        case = await claimed_and_changed(world)
        told = staff_text("identity_waits", case=case)
        assert world.said(world.relay).count(told) == 1
        assert "are you there" not in world.said(ROOM)
        await world.happen(ROOM, REQUESTER, Unreadable(Cause.CHANGED))
        assert world.said(world.relay).count(told) == 1
        assert accepted(world) == 0


async def test_one_of_the_staff_accepts_it_and_what_waited_is_said_in_order() -> None:
    async with World() as world:
        case = await claimed_and_changed(world)
        del world.server.broken[ROOM]
        await world.write(QUEUE, VETTER, f"!trust {case}", signed=True)
        assert world.said(QUEUE)[-1] == staff_text("trust_done", case=case)
        assert world.said(ROOM)[-2:] == ["are you there", "we are here"]
        deeds = [message.deed for at, message in world.server.delivered if at.room == ROOM]
        assert isinstance(deeds[-3], Accept)
        world.server.broken[ROOM] = SendError(Failure.CHANGED)  # again: it is news again
        await world.write(world.relay, CLAIMER, "and now", signed=True)
        assert world.said(world.relay).count(staff_text("identity_waits", case=case)) == 2


async def test_only_staff_can_accept_it_and_only_where_there_is_one() -> None:
    async with World() as world:
        case = await claimed_and_changed(world)
        await world.write(QUEUE, STRANGER, f"!trust {case}", signed=True)
        await world.write(QUEUE, VETTER, f"!trust {case}")
        assert accepted(world) == 0
        del world.server.broken[ROOM]
        await world.write(world.notes, CLAIMER, "!trust", signed=True)
        await world.write(world.notes, CLAIMER, "!trust", signed=True)
        assert world.said(world.notes)[-1] == staff_text("trust_refused", case=case)
        assert accepted(world) == 1


async def test_what_waits_is_tried_again_for_somebody_may_have_accepted_it_elsewhere() -> None:
    async with World() as world:
        await claimed_and_changed(world)
        del world.server.broken[ROOM]
        world.clock.advance(timedelta(seconds=UNACCEPTED_WAIT))
        world.desk.look_again()
        await world.quiet()
        assert world.said(ROOM)[-2:] == ["are you there", "we are here"]


async def test_with_the_bot_alone_everything_begins_anew_and_nothing_is_told_of_before() -> None:
    async with World() as world:
        await world.walk(WALK[:6])
        before = len(world.said(ROOM))
        await world.happen(ROOM, REQUESTER, Unreadable(Cause.CHANGED))
        assert accepted(world) == 1
        assert len(world.said(ROOM)) == before
        assert await world.owner() is Owner.NOBODY
        requester = (await world.conversation()).id
        assert await world.memory.transact(lambda tx: tx.sessions.load(requester)) is None
        await world.write(ROOM, REQUESTER, "hello")
        assert world.said(ROOM)[before:] == world.said(ROOM)[:1]


async def test_what_could_not_be_said_to_a_new_identity_is_let_go_where_the_bot_is_alone() -> None:
    async with World() as world:
        await world.walk(WALK[:2])
        world.server.fail(SendError(Failure.CHANGED))
        await world.write(ROOM, REQUESTER, "1")
        assert accepted(world) == 1
        assert await world.owner() is Owner.NOBODY


async def test_what_waits_for_a_new_identity_when_the_case_is_closed_is_told_to_be_undelivered() -> None:
    async with World() as world:
        case = await claimed_and_changed(world)
        await world.command(f"!close {case}", CLAIMER)
        del world.server.broken[ROOM]
        await world.happen(ROOM, REQUESTER, Unreadable(Cause.CHANGED))
        undelivered = staff_text("not_delivered")
        told = [text for text in world.said(world.relay) if text.startswith(undelivered)]
        assert ["are you there" in told[0], "we are here" in told[1]] == [True, True]


async def test_an_identity_that_is_accepted_unasked_is_shown_nothing_of_the_intake_before() -> None:
    async with World() as world:
        await world.happen(ROOM, REQUESTER, Invited())
        for text in WALK[:6]:
            await world.happen(ROOM, REQUESTER, Wrote(text, identity="OLD"))
        before = len(world.said(ROOM))
        await world.happen(ROOM, REQUESTER, Wrote("hello", identity="NEW"))
        assert world.said(ROOM)[before:] == world.said(ROOM)[:1]
        assert not any(STORY in text for text in world.said(ROOM))


async def test_an_account_that_gets_its_first_identity_goes_on_with_its_intake() -> None:
    async with World() as world:
        await world.happen(ROOM, REQUESTER, Invited())
        for at, text in enumerate(WALK[:7]):
            await world.happen(ROOM, REQUESTER, Wrote(text, identity="" if at < 4 else "FIRST"))
        assert STORY in world.said(ROOM)[-1]
