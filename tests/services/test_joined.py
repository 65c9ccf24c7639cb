"""What holds in both conversations of a joined case: safety, forgetting, identities, haste, how long all is kept."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from bot.deeds import Accept
from bot.domain import CaseStatus, Owner
from bot.happenings import Cause, Danger, Endangered, Joined, Left, Unreadable, Wrote
from bot.services import keeping, sayings
from bot.services.work import Work
from tests.services.test_casework import staff_text
from tests.services.test_joining import SECOND, Two
from tests.services.test_keeping import CASE_KEPT, DAY, kept, standing
from tests.services.test_scheduler import later
from tests.services.world import CLAIMER, OTHER, OTHER_ROOM, QUEUE, REQUESTER, ROOM, STORY, World


async def joined(world: World) -> Two:
    two = await Two(world).claimed()
    await two.join()
    return two


async def test_an_unsafe_conversation_leaves_the_other_one_to_people() -> None:
    async with World() as world:
        two = await joined(world)
        await world.write(OTHER_ROOM, OTHER, SECOND)
        await world.happen(OTHER_ROOM, OTHER, Endangered(Danger.THIRD_MEMBER))
        channel = world.server.name.capitalize()
        assert world.said(two.relay)[-1] == staff_text("room_unsafe_one", case=two.first, channel=channel)
        assert (await world.owner(OTHER_ROOM), await world.owner(ROOM)) == (Owner.NOBODY, Owner.SPECIALIST)
        await world.write(two.relay, CLAIMER, "still here", signed=True)
        assert world.said(ROOM)[-1] == "still here"
        await world.happen(ROOM, REQUESTER, Endangered(Danger.THIRD_MEMBER))
        assert (await world.get_case(two.first)).status is CaseStatus.CLOSED
        assert world.said(two.relay)[-1] == staff_text("room_unsafe", case=two.first)


async def test_forgetting_in_either_conversation_erases_both_cases() -> None:
    for room, who in ((ROOM, REQUESTER), (OTHER_ROOM, OTHER)):
        async with World() as world:
            two = await joined(world)
            await world.command(f"!close {two.first}", CLAIMER)
            for text in ("hello", "forget", "1"):
                await world.write(room, who, text)
            assert [case.answers for case in await two.cases()] == [(), ()]
            assert world.said(QUEUE)[-1] == staff_text("earlier_forgotten", case=two.first)


async def test_forgetting_where_it_was_unsafe_is_asked_of_those_who_go_on_elsewhere() -> None:
    async with World() as world:
        two = await joined(world)
        await world.happen(ROOM, REQUESTER, Endangered(Danger.THIRD_MEMBER))
        for text in ("hello", "forget", "1"):
            await world.write(ROOM, REQUESTER, text)
        first, _ = await two.cases()
        assert (first.status, first.answers != ()) == (CaseStatus.CLAIMED, True)
        assert world.said(two.relay)[-1] == staff_text("asks_to_forget", case=two.first)
        assert staff_text("earlier_forgotten", case=two.first) not in world.said(QUEUE)


async def test_a_new_identity_is_accepted_in_the_conversation_in_which_it_waits() -> None:
    for before_join in (True, False):
        async with World() as world:
            two = await Two(world).claimed()
            if not before_join:
                await two.join()
            await world.happen(OTHER_ROOM, OTHER, Unreadable(Cause.CHANGED))
            if before_join:
                await two.join()
            await world.command(f"!trust {two.first}", CLAIMER)
            accepted = [at.room for at, message in world.server.delivered if isinstance(message.deed, Accept)]
            assert accepted == [OTHER_ROOM]


async def test_parting_words_turn_no_answer_to_the_device_that_was_left() -> None:
    async with World() as world:
        two = await joined(world)
        for word in ("exit", "stop"):
            await world.write(OTHER_ROOM, OTHER, word)
            await world.write(two.relay, CLAIMER, f"after {word}", signed=True)
            assert (world.said(ROOM)[-1], f"after {word}" in world.said(OTHER_ROOM)) == (f"after {word}", False)


async def test_answers_turn_away_from_a_conversation_that_is_left_in_haste() -> None:
    async with World() as world:
        two = await joined(world)
        await world.write(OTHER_ROOM, OTHER, SECOND)
        await world.write(OTHER_ROOM, OTHER, "exit")
        await world.write(two.relay, CLAIMER, "not there", signed=True)
        assert (world.said(ROOM)[-1], "not there" in world.said(OTHER_ROOM)) == ("not there", False)


async def test_what_is_kept_of_the_second_case_lasts_as_long_as_the_first() -> None:
    async with World() as world:
        two = await joined(world)
        await later(world, CASE_KEPT)
        _, second = await two.cases()
        assert second.answers
        await world.command(f"!close {two.first}", CLAIMER)
        await later(world, CASE_KEPT)
        assert [case.answers for case in await two.cases()] == [(), ()]
        assert STORY not in standing(world, two.notes) + standing(world, two.other_notes)


async def test_it_lasts_no_longer_where_the_first_is_declined() -> None:
    async with World() as world:
        two = await joined(world)
        await world.command(f"!decline {two.first} legal", CLAIMER)
        await later(world, CASE_KEPT)
        assert [case.answers for case in await two.cases()] == [(), ()]


async def test_who_comes_again_into_the_notes_room_reads_of_both_cases() -> None:
    async with World() as world:
        two = await joined(world)
        await world.happen(two.notes, CLAIMER, Left())
        before = len(world.said(two.notes))
        await world.happen(two.notes, CLAIMER, Joined())
        title = staff_text("summary_title", case=two.second)
        assert any(text.startswith(title) for text in world.said(two.notes)[before:])


async def test_the_relay_room_hears_what_holds_where_they_write_now() -> None:
    async with World() as world:
        two = await Two(world).claimed()
        await world.happen(OTHER_ROOM, OTHER, Wrote("words", identity="", expires=DAY))
        await two.join()
        await world.write(OTHER_ROOM, OTHER, SECOND)
        elsewhere = staff_text("writes_elsewhere", case=two.first, channel=world.server.name.capitalize())
        none, expiry = staff_text("identity_none"), world.releases.latest.render.expiry(DAY)
        assert world.said(two.relay)[-4:] == [elsewhere, none, expiry, SECOND]


async def test_kept_words_that_are_joined_go_in_their_time() -> None:
    async with World() as world:
        two = await Two(world).claimed()
        await world.step_out(two.second, two.other_relay)
        await world.happen(OTHER_ROOM, OTHER, Wrote("short lived", expires=DAY))
        await world.step_out(two.first, two.relay)
        first = await world.get_case(two.first)
        unread = tuple(told for told in first.told if told != sayings.NOTES_INTRO)
        await world.memory.transact(lambda tx: tx.cases.save(replace(first, told=unread)))
        await two.join()
        assert await kept(world, two.first) == ["short lived"]
        await later(world, 2 * DAY)
        assert await kept(world, two.first) == []


async def test_what_waits_for_a_room_is_withheld_of_the_case_it_is_of_alone() -> None:
    async with World() as world:
        two = await Two(world).claimed()
        world.server.slow[two.notes] = asyncio.Event()
        await two.join()
        notes = await world.conversation(two.notes)
        first, second = await two.cases()

        def waiting(tx) -> str:
            head = tx.outbox.head(notes.id)
            return head.hold.case if head is not None and head.hold is not None else ""

        def erase(case):
            return lambda tx: keeping.erase(Work(tx, world.desk._kit), case)

        assert await world.memory.transact(waiting) == two.second
        await world.memory.transact(erase(first))
        assert await world.memory.transact(waiting) == two.second
        await world.memory.transact(erase(second))
        assert await world.memory.transact(waiting) == ""
        world.server.slow.pop(two.notes).set()
