"""One person on two channels: a specialist joins their cases, and nobody else ever does."""

from __future__ import annotations

from bot.domain import Case, CaseStatus, Owner
from tests.services.test_casework import staff_text
from tests.services.world import CLAIMER, OTHER, OTHER_ROOM, QUEUE, REQUESTER, ROOM, VETTER, World

FIRST, SECOND = "from the first place", "from the second place"


class Two:
    """Two cases, claimed, with their rooms as they were made."""

    def __init__(self, world: World) -> None:
        self.world = world

    async def claimed(self, *, second_by: str = CLAIMER) -> Two:
        world = self.world
        self.first = await world.claimed()
        self.relay, self.notes = world.relay, world.notes
        await world.walk(room=OTHER_ROOM, sender=OTHER)
        self.second = (await world.case(OTHER_ROOM)).number
        await world.command(f"!vet passed {self.second}")
        await world.command(f"!claim {self.second}", second_by)
        self.other_relay, self.other_notes = world.relay, world.notes
        return self

    async def join(self) -> list[str]:
        return await self.world.command(f"!join {self.first} {self.second}", CLAIMER)

    async def cases(self) -> tuple[Case, Case]:
        return await self.world.get_case(self.first), await self.world.get_case(self.second)


async def test_what_is_written_in_either_place_appears_in_one_room_and_is_answered_where_it_was_written() -> None:
    async with World() as world:
        two = await Two(world).claimed()
        assert await two.join() == [staff_text("join_done", case=two.first, other=two.second)]
        await world.write(OTHER_ROOM, OTHER, SECOND)
        switched = staff_text("writes_elsewhere", case=two.first, channel=world.server.name.capitalize())
        assert world.said(two.relay)[-2:] == [switched, SECOND]
        await world.write(two.relay, CLAIMER, "and the answer", signed=True)
        assert (world.said(OTHER_ROOM)[-1], world.said(ROOM)[-1] != "and the answer") == ("and the answer", True)
        await world.write(ROOM, REQUESTER, FIRST)
        assert world.said(two.relay)[-2:] == [switched, FIRST]
        await world.write(two.relay, CLAIMER, "back here", signed=True)
        assert (world.said(ROOM)[-1], world.said(OTHER_ROOM)[-1]) == ("back here", "and the answer")


async def test_nothing_but_the_command_joins_two_cases() -> None:
    async with World() as world:
        two = await Two(world).claimed()
        await world.write(OTHER_ROOM, OTHER, f"I am the same person as in {two.first}")
        await world.write(two.relay, CLAIMER, "for the first alone", signed=True)
        assert "for the first alone" not in world.said(OTHER_ROOM)
        assert SECOND not in world.said(two.relay)


async def test_the_second_case_ends_and_its_summary_stands_with_the_first() -> None:
    async with World() as world:
        two = await Two(world).claimed()
        await two.join()
        first, second = await two.cases()
        assert (first.status, second.status) == (CaseStatus.CLAIMED, CaseStatus.CLOSED)
        assert world.said(two.notes)[-1].startswith(staff_text("summary_title", case=two.second))
        for room in (two.other_relay, two.other_notes):
            assert world.said(room)[-1] == staff_text("joined_to", case=two.second, other=two.first)
        await world.write(two.other_relay, CLAIMER, "to nobody", signed=True)
        assert "to nobody" not in world.said(OTHER_ROOM) + world.said(ROOM)


async def test_what_waited_for_the_second_case_is_not_lost() -> None:
    async with World() as world:
        two = await Two(world).claimed()
        await world.step_out(two.second, two.other_relay)
        await world.write(OTHER_ROOM, OTHER, SECOND)
        assert SECOND not in world.said(two.other_relay)
        await two.join()
        assert SECOND in world.said(two.relay)


async def test_closing_ends_both_conversations_and_is_said_where_they_wrote_last() -> None:
    async with World() as world:
        two = await Two(world).claimed()
        await two.join()
        await world.write(OTHER_ROOM, OTHER, SECOND)
        before = len(world.said(ROOM))
        await world.command("!close", CLAIMER, two.notes)
        assert (await world.owner(ROOM), await world.owner(OTHER_ROOM)) == (Owner.NOBODY, Owner.NOBODY)
        assert len(world.said(ROOM)) == before
        assert world.said(OTHER_ROOM)[-1] != SECOND


async def test_only_whoever_has_claimed_both_can_join_them() -> None:
    refused = [staff_text("join_refused")]
    async with World() as world:
        two = await Two(world).claimed(second_by=VETTER)
        assert await two.join() == refused
        assert await world.command(f"!join {two.first} {two.first}", CLAIMER) == refused
        assert await world.command(f"!join {two.second} {two.first}", VETTER) == refused
        first, second = await two.cases()
        assert (first.status, second.status) == (CaseStatus.CLAIMED, CaseStatus.CLAIMED)
        await world.write(OTHER_ROOM, OTHER, SECOND)
        assert SECOND not in world.said(two.relay)


async def test_in_the_room_of_a_case_one_number_is_enough_and_a_wrong_one_is_asked_back() -> None:
    async with World() as world:
        two = await Two(world).claimed()
        missing = [staff_text("case_missing")]
        assert await world.command("!join", CLAIMER, two.notes) == missing
        assert await world.command(f"!join {two.second}", CLAIMER, QUEUE) == missing
        assert await world.command(f"!join {two.second} {two.first}", CLAIMER, two.notes) == missing
        assert await world.command("!join 00Z9", CLAIMER, two.notes) == [staff_text("no_such_case")]
        done = staff_text("join_done", case=two.first, other=two.second)
        assert (await world.command(f"!join {two.second.lower()}", CLAIMER, two.notes))[0] != missing[0]
        assert world.said(QUEUE)[-1] == done
