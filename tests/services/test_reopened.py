"""A requester who comes back with the same matter: their case waits again, in its rooms, for whoever had it last."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bot.domain import CaseNumber, CaseStatus, Keep, Owner, Vetting
from bot.happenings import Attached
from bot.services.work import USUAL
from tests.services.lives import brought_to, reopen
from tests.services.test_joining import Two
from tests.services.world import (
    CLAIMER,
    FILE,
    LEAD,
    NEW,
    OTHER,
    OTHER_ROOM,
    QUEUE,
    REQUESTER,
    ROOM,
    TEXTS,
    VETTER,
    WALK,
    World,
    pin,
)


def staff_text(name: str, **params: str) -> str:
    return TEXTS.say(f"staff.{name}", "en", params)


async def owed(world: World, number: CaseNumber) -> dict[str, timedelta]:
    """What is to be erased of a case, and in how long."""
    kinds = {*Keep, "expiring"}
    timers = await world.memory.transact(lambda tx: tx.timers.due(world.clock.now() + timedelta(days=9_999)))
    return {
        timer.kind.partition(" ")[0]: timer.due - world.clock.now()
        for timer in timers
        if timer.kind.endswith(f" {number}") and timer.kind.partition(" ")[0] in kinds
    }


async def test_a_case_that_is_reopened_waits_for_whoever_had_it_last_in_the_same_rooms() -> None:
    async with World() as world:
        number = await world.claimed()
        relay, before = world.relay, await world.get_case(number)
        await world.command(f"!close {number}", CLAIMER)
        heard = world.said(ROOM)
        assert await reopen(world, number) == await world.get_case(number)
        assert world.said(QUEUE)[-1] == staff_text("reopened_last", case=number, who=CLAIMER)
        case = await world.get_case(number)
        assert (case.status, case.claimed_by, case.vetting) == (CaseStatus.REOPENED, None, Vetting.PASSED)
        assert (case.relay, case.notes) == (before.relay, before.notes)
        assert (await world.owner(), world.said(ROOM)) == (Owner.QUEUE, heard)
        await world.write(ROOM, REQUESTER, "it happened again")
        assert "it happened again" not in world.said(relay)
        await world.command(f"!claim {number}", CLAIMER)
        assert world.relay == relay
        assert world.said(relay)[-2] == "it happened again"
        changes = await world.memory.transact(lambda tx: tx.cases.changes(number))
        assert [(change.step, change.claimer) for change in changes][-2:] == [("reopen", None), ("claim", CLAIMER)]


async def test_whoever_is_not_listed_any_more_is_not_named_and_not_in_its_rooms() -> None:
    async with World(leads=frozenset({LEAD})) as world:
        await world.command(f"!staff add {NEW} {pin(NEW)}", LEAD)
        await world.walk()
        number = (await world.case()).number
        await world.command(f"!vet passed {number}")
        await world.command(f"!claim {number}", NEW)
        relay = world.relay
        await world.command(f"!close {number}", NEW)
        await world.command(f"!staff remove {NEW}", LEAD)
        await reopen(world, number)
        assert world.said(QUEUE)[-1] == staff_text("reopened", case=number)
        await world.command(f"!claim {number}", CLAIMER)
        assert world.relay != relay


@pytest.mark.parametrize("at", [at for at in CaseStatus if at is not CaseStatus.CLOSED], ids=str)
async def test_what_is_not_closed_is_not_reopened(at: CaseStatus) -> None:
    async with World() as world:
        number = await brought_to(world, at)
        before, owner, said = await world.get_case(number), await world.owner(), world.said(QUEUE)
        assert await reopen(world, number) is None
        assert (await world.get_case(number), await world.owner(), world.said(QUEUE)) == (before, owner, said)


async def test_a_case_whose_conversation_another_case_has_is_not_reopened() -> None:
    async with World() as world:
        number = await world.claimed()
        await world.command(f"!close {number}", CLAIMER)
        await world.walk(("hello", *WALK[2:]))  # their language is known
        assert (await world.case()).number != number
        assert await reopen(world, number) is None
    async with World() as world:
        two = await Two(world).claimed()
        await two.join()
        await world.command(f"!close {two.first}", CLAIMER)
        assert await reopen(world, two.second) is None, "it goes on in the first"


async def test_the_time_of_a_case_begins_anew_at_its_next_end() -> None:
    async with World() as world:
        number = await world.claimed()
        await world.command(f"!close {number}", CLAIMER)
        world.clock.advance(USUAL.case - timedelta(days=1))
        assert (await owed(world, number))["case"] == timedelta(days=1)
        await reopen(world, number)
        assert "case" not in await owed(world, number)
        world.clock.advance(timedelta(days=30))
        world.desk.look_again()
        await world.quiet()
        assert (await world.get_case(number)).answers != ()
        await world.command(f"!close {number}", VETTER)
        assert (await owed(world, number))["case"] == USUAL.case


async def test_what_was_never_vetted_is_owed_nothing_while_it_is_open_again() -> None:
    async with World() as world:
        await world.walk()
        number = (await world.case()).number
        await world.command(f"!close {number}", CLAIMER)
        assert set(await owed(world, number)) == {"case", "vetting"}
        await reopen(world, number)
        assert await owed(world, number) == {}
        refused = [staff_text("claim_refused_vetting", case=number)]
        assert await world.command(f"!claim {number}", CLAIMER) == refused
        await world.command(f"!vet passed {number}")
        await world.command(f"!claim {number}", CLAIMER)
        assert (await world.get_case(number)).claimed_by == CLAIMER


async def test_two_joined_conversations_come_back_together_and_are_answered_where_the_bot_spoke_last() -> None:
    async with World() as world:
        two = await Two(world).claimed()
        await two.join()
        await world.write(OTHER_ROOM, OTHER, "from there")
        await world.command(f"!close {two.first}", CLAIMER)
        await world.write(ROOM, REQUESTER, "hello again")
        assert await world.owner(ROOM) is Owner.BOT
        await reopen(world, two.first)
        assert (await world.owner(ROOM), await world.owner(OTHER_ROOM)) == (Owner.QUEUE, Owner.QUEUE)
        assert await owed(world, two.second) == await owed(world, two.first) == {"vetting": USUAL.vetting}
        await world.happen(OTHER_ROOM, OTHER, Attached(FILE))
        await world.write(ROOM, REQUESTER, "and from here")
        await world.command(f"!claim {two.first}", CLAIMER)
        assert (world.files(two.relay), world.said(two.relay)[-2]) == ([FILE], "and from here")
        await world.write(two.relay, CLAIMER, "welcome back", signed=True)
        assert (world.said(ROOM)[-1], world.said(OTHER_ROOM)[-1] != "welcome back") == ("welcome back", True)
