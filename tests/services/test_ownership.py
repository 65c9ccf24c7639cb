"""Whose a case is: released, handed over, helped with, and never somebody's who is gone."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from functools import partial

import pytest

from bot.deeds import Invite
from bot.domain import CaseNumber, CaseStatus, Owner
from bot.happenings import Attached, Joined, Left, Wrote
from bot.ports import Failure, SendError
from tests.services.world import (
    CLAIMER,
    FILE,
    LEAD,
    QUEUE,
    REQUESTER,
    ROOM,
    STORY,
    TEXTS,
    VETTER,
    World,
)

TWIN = "@carol:other.example"


def staff_text(name: str, **params: str) -> str:
    return TEXTS.say(f"staff.{name}", "en", params)


def led(*others: str, **more: bool) -> World:
    return World(leads=frozenset({LEAD, *others}), **more)


async def arrived(world: World) -> CaseNumber:
    await world.walk()
    return (await world.case()).number


def asked_in(world: World, who: str) -> int:
    return sum(message.deed == Invite(who) for _, message in world.server.delivered)


async def steps(world: World, number: CaseNumber) -> list[tuple[str, str, str | None]]:
    changes = await world.memory.transact(lambda tx: tx.cases.changes(number))
    return [(change.step, change.who, change.claimer) for change in changes]


# released


@pytest.mark.parametrize("who", [CLAIMER, LEAD])
async def test_a_released_case_waits_again_its_rooms_hear_of_it_and_the_requester_does_not(who: str) -> None:
    async with led() as world:
        number = await world.claimed()
        heard, told = world.said(ROOM), staff_text("release_done", case=number, who=who)
        assert await world.command(f"!release {number}", who) == [told]
        assert world.said(world.relay)[-1] == told
        case = await world.get_case(number)
        assert (case.status, case.claimed_by, await world.owner()) == (CaseStatus.WAITING, None, Owner.QUEUE)
        assert world.said(ROOM) == heard
        assert (await steps(world, number))[-1] == ("release", who, None)


async def test_after_a_release_words_are_kept_for_the_next_claimer_and_nothing_passes_from_the_old_room() -> None:
    async with led() as world:
        number = await world.claimed()
        await world.command("!release", CLAIMER, world.relay)
        await world.write(ROOM, REQUESTER, "are you there")
        await world.happen(ROOM, REQUESTER, Attached(FILE))
        heard = world.said(ROOM)
        await world.write(world.relay, CLAIMER, "I still write", signed=True)
        assert world.said(world.relay)[-1] == staff_text("relay_unclaimed", case=number)
        assert world.said(ROOM) == heard
        before = len(world.said(world.notes))
        await world.command(f"!claim {number}", VETTER)
        assert world.said(world.relay)[-3:-1] == [staff_text("relay_intro", case=number), "are you there"]
        assert world.files(world.relay) == [FILE]
        assert STORY in "".join(world.said(world.notes)[before:])


async def test_who_releases_a_case_and_claims_it_again_reads_at_once_what_was_kept() -> None:
    async with led() as world:
        number = await world.claimed()
        await world.command(f"!release {number}", CLAIMER)
        await world.write(ROOM, REQUESTER, "are you there")
        assert "are you there" not in world.said(world.relay)
        await world.command(f"!claim {number}", CLAIMER)
        assert world.said(world.relay)[-2:] == ["are you there", staff_text("claim_done", case=number, who=CLAIMER)]


async def test_what_was_not_posted_before_a_release_is_kept_for_the_next_claimer() -> None:
    async with led() as world:
        number = await world.claimed()
        relay = world.relay
        world.server.broken[relay] = SendError(Failure.AWAY)
        await world.write(ROOM, REQUESTER, "on its way")
        await world.command(f"!release {number}", CLAIMER)
        del world.server.broken[relay]
        world.clock.advance(timedelta(minutes=2))
        world.desk.look_again()
        await world.quiet()
        assert "on its way" not in world.said(relay)
        await world.command(f"!claim {number}", VETTER)
        assert world.said(relay)[-1] == "on its way"


async def test_whoever_was_not_asked_in_yet_is_not_after_a_release() -> None:
    async with led() as world:
        number = await arrived(world)
        await world.command(f"!vet passed {number}")
        world.server.fails_at[Invite] = SendError(Failure.AWAY)
        await world.command(f"!claim {number}", CLAIMER)
        await world.command(f"!release {number}", CLAIMER)
        world.server.fails_at.clear()
        world.clock.advance(timedelta(minutes=2))
        world.desk.look_again()
        await world.quiet()
        assert asked_in(world, CLAIMER) == 0


# handed over


@pytest.mark.parametrize("named", [VETTER, "vera", "@VERA", "Vera:", f"\u2068{VETTER}\u2069"])
async def test_a_case_is_handed_over_by_a_name_that_is_written_somehow(named: str) -> None:
    async with led() as world:
        number = await world.claimed()
        told = staff_text("assign_done", case=number, who=CLAIMER, other=VETTER)
        assert await world.command(f"!assign {number} {named}", CLAIMER) == [told]
        assert world.said(world.relay)[1:] == [told, staff_text("relay_intro", case=number)]
        case = await world.get_case(number)
        assert (case.claimed_by, await world.owner()) == (VETTER, Owner.SPECIALIST)
        assert (await steps(world, number))[-1] == ("assign", CLAIMER, VETTER)
        assert asked_in(world, VETTER) == 2
        assert STORY in "".join(world.said(world.notes)[3:])


async def test_until_the_new_owner_is_there_words_are_kept_and_then_they_are_shown() -> None:
    async with led() as world:
        number = await world.claimed()
        relay = world.relay
        world.server.hesitant.add(VETTER)
        await world.command("!assign vera", CLAIMER, relay)
        await world.write(ROOM, REQUESTER, "who is there")
        assert "who is there" not in world.said(relay)
        await world.happen(relay, VETTER, Joined())
        assert world.said(relay)[-1] == "who is there"
        await world.write(relay, VETTER, "I am", signed=True)
        assert world.said(ROOM)[-1] == "I am"
        assert (await world.get_case(number)).status is CaseStatus.ON_REQUESTER


async def test_a_new_owner_who_is_in_the_room_already_misses_nothing() -> None:
    async with led() as world:
        number = await world.claimed()
        await world.command("!help-me vera", CLAIMER, world.relay)
        await world.command("!assign vera", CLAIMER, world.relay)
        await world.write(ROOM, REQUESTER, "go on")
        assert world.said(world.relay)[-1] == "go on"
        assert (await world.get_case(number)).relay_open


async def test_a_lead_gives_an_unclaimed_case_to_somebody_once_it_may_be_claimed() -> None:
    async with led() as world:
        number = await arrived(world)
        refused = [staff_text("claim_refused_vetting", case=number)]
        assert await world.command(f"!assign {number} carol", LEAD) == refused
        await world.command(f"!vet passed {number}")
        assert await world.command(f"!assign {number} carol", VETTER) == [staff_text("not_yours", case=number)]
        told = staff_text("assign_done", case=number, who=LEAD, other=CLAIMER)
        assert await world.command(f"!assign {number} carol", LEAD) == [told]
        assert world.said(world.relay) == [staff_text("relay_intro", case=number)]
        assert (await world.get_case(number)).claimed_by == CLAIMER


async def test_nobody_is_let_into_a_case_by_a_guess() -> None:
    async with led(TWIN) as world:
        number = await world.claimed()
        before = await world.get_case(number)
        for named, answer in {
            "": staff_text("name_unknown"),
            "nobody": staff_text("name_unknown"),
            REQUESTER: staff_text("name_unknown"),
            "carol": staff_text("name_unclear", other=f"{CLAIMER}, {TWIN}"),
            "verra": staff_text("name_unclear", other=VETTER),
        }.items():
            for command in ("!assign", *(["!help-me"] if named else [])):
                assert await world.command(f"{command} {number} {named}", CLAIMER) == [answer]
        assert await world.get_case(number) == before


# helped with


async def test_whoever_comes_to_help_is_in_both_rooms_and_owns_nothing() -> None:
    async with led() as world:
        number = await world.claimed()
        wanted = staff_text("help_wanted", case=number, who=CLAIMER)
        assert await world.command("!help-me", CLAIMER, world.notes) == [wanted]
        assert world.said(QUEUE)[-1] == wanted
        comes = staff_text("helper_invited", case=number, other=VETTER)
        assert await world.command(f"!claim {number}", VETTER) == [comes]
        assert asked_in(world, VETTER) == 2
        assert (await world.get_case(number)).claimed_by == CLAIMER
        heard = world.said(ROOM)
        await world.write(world.relay, VETTER, "from the one", signed=True)
        await world.write(world.relay, CLAIMER, "from the other", signed=True)
        assert world.said(ROOM) == [*heard, "from the one", "from the other"]
        assert await world.command("!close", VETTER, world.notes) == [staff_text("close_refused", case=number)]
        await world.happen(world.relay, VETTER, Left())
        assert (await world.get_case(number)).is_claimed


async def test_who_is_named_is_asked_in_at_once_and_nobody_else_may_come() -> None:
    async with led() as world:
        number = await world.claimed()
        told = staff_text("helper_invited", case=number, other=VETTER)
        assert await world.command(f"!help-me {number} @vera", CLAIMER) == [told]
        assert asked_in(world, VETTER) == 2
        taken = staff_text("claim_refused_taken", case=number, other=CLAIMER)
        assert await world.command(f"!claim {number}", LEAD) == [taken]


@pytest.mark.parametrize("end", ["!release", "!assign lea", "!close"])
async def test_help_is_not_wanted_any_more_once_the_case_is_given_away(end: str) -> None:
    async with led() as world:
        number = await world.claimed()
        await world.command("!help-me", CLAIMER, world.notes)
        await world.command(end, CLAIMER, world.notes)
        await world.command(f"!claim {number}", VETTER)
        case = await world.get_case(number)
        assert (case.claimed_by, case.is_claimed) == {
            "!release": (VETTER, True),
            "!assign lea": (LEAD, True),
            "!close": (CLAIMER, False),
        }[end]


# gone


async def test_a_claimer_who_leaves_the_relay_room_so_releases_the_case() -> None:
    async with led() as world:
        number = await world.claimed()
        await world.happen(world.relay, CLAIMER, Left())
        assert world.said(QUEUE)[-1] == staff_text("claimer_left", case=number, who=CLAIMER)
        assert (await steps(world, number))[-1] == ("release", CLAIMER, None)
        await world.write(ROOM, REQUESTER, "are you there")
        await world.command(f"!claim {number}", VETTER)
        assert world.said(world.relay)[-1] == "are you there"


async def test_an_invitation_that_is_declined_releases_the_case() -> None:
    async with led() as world:
        number = await arrived(world)
        await world.command(f"!vet passed {number}")
        world.server.hesitant.add(CLAIMER)
        await world.command(f"!claim {number}", CLAIMER)
        await world.happen(world.notes, CLAIMER, Left())
        assert (await world.get_case(number)).is_claimed
        await world.happen(world.relay, CLAIMER, Left())
        assert (await world.get_case(number)).status is CaseStatus.WAITING


async def test_leaving_the_notes_room_releases_nothing() -> None:
    async with led() as world:
        number = await world.claimed()
        await world.happen(world.notes, CLAIMER, Left())
        assert (await world.get_case(number)).claimed_by == CLAIMER


async def test_an_invitation_that_the_server_refuses_releases_the_case() -> None:
    async with led() as world:
        number = await arrived(world)
        await world.command(f"!vet passed {number}")
        world.server.refuse_invites = True
        await world.command(f"!claim {number}", CLAIMER)
        assert staff_text("claimer_not_invited", case=number, who=CLAIMER) in world.said(QUEUE)
        assert ((await world.get_case(number)).status, await world.owner()) == (CaseStatus.WAITING, Owner.QUEUE)


async def test_an_invitation_of_a_helper_that_is_refused_releases_nothing() -> None:
    async with led() as world:
        number = await world.claimed()
        world.server.refuse_invites = True
        await world.command("!help-me vera", CLAIMER, world.notes)
        assert world.said(QUEUE)[-1] == staff_text("invite_failed", case=number)
        assert (await world.get_case(number)).claimed_by == CLAIMER


async def test_a_leaving_that_is_looked_at_after_the_claim_that_answers_it_costs_nobody_the_case() -> None:
    """Rooms are looked at side by side: the claim is in the queue room, and the leaving in the relay room."""
    for answered in ("claimed already", "released before"):
        async with led() as world:
            number = await world.claimed()
            relay = world.relay
            if answered == "released before":
                await world.command(f"!release {number}", CLAIMER)
            intake = world.desk.inbox
            step = intake._step
            held = asyncio.Event()
            relay_id = (await world.get_case(number)).relay

            def hold(conversation, rows, tx, step=step, held=held, relay_id=relay_id):
                if conversation == relay_id and not held.is_set():
                    raise LookupError("another room is answered first")
                return step(conversation, rows, tx)

            intake._step = hold
            world.server.happen(relay, CLAIMER, Left())
            world.server.happen(QUEUE, CLAIMER, Wrote(f"!claim {number}", signed=True))
            await world.until(partial(_claims, world, number))
            held.set()
            world.desk.look_again()
            await world.desk.stop()
            intake._step = step
            await world.restart()
            await world.quiet()
            case = await world.get_case(number)
            assert (case.claimed_by, case.relay_open, case.left) == (CLAIMER, True, None)
            await world.write(ROOM, REQUESTER, "go on")
            assert world.said(relay)[-1] == "go on"
            await world.happen(relay, CLAIMER, Left())
            assert (await world.get_case(number)).claimed_by is None, "and the next one counts"


async def _claims(world: World, number: CaseNumber) -> bool:
    return (await world.get_case(number)).left is not None
