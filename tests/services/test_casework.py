"""The specialists' side: vetting, claim, rooms, relay, close."""

from datetime import timedelta
from functools import partial

import pytest

from bot.domain import CaseStatus, Owner
from bot.happenings import Cause, Joined, Unreadable, Wrote
from bot.ports import Failure, SendError
from tests.services.world import (
    CLAIMER,
    LEAD,
    OTHER,
    OTHER_ROOM,
    QUEUE,
    REQUESTER,
    ROOM,
    STORY,
    STRANGER,
    TEXTS,
    VETTER,
    WALK,
    World,
)


def staff_text(name: str, **params: str) -> str:
    return TEXTS.say(f"staff.{name}", "en", params)


async def arrived(world: World) -> str:
    await world.walk()
    return (await world.case()).number


async def test_vetting_makes_a_notes_room_with_the_whole_summary() -> None:
    async with World() as world:
        number = await arrived(world)
        assert await world.command(f"!vet pending {number}") == [staff_text("vet_pending_done", case=number)]
        intro, summary = world.said(world.notes)
        assert intro == staff_text("notes_intro", case=number)
        assert f"Story [English]: {STORY}" in summary
        assert "Urgency: It can wait" in summary
        assert (await world.get_case(number)).status is CaseStatus.VETTING


async def test_a_claim_before_vetting_is_refused() -> None:
    async with World() as world:
        number = await arrived(world)
        refused = [staff_text("claim_refused_vetting", case=number)]
        assert await world.command(f"!claim {number}", CLAIMER) == refused
        await world.command(f"!vet pending {number}")
        assert await world.command(f"!claim {number}", CLAIMER) == refused
        assert await world.owner() is Owner.QUEUE


async def test_without_vetting_before_the_claim_it_comes_at_once() -> None:
    async with World(before_claim=False) as world:
        number = await arrived(world)
        assert staff_text("state_waiting") in world.said(QUEUE)[0]
        await world.command(f"!claim {number}", CLAIMER)
        assert await world.owner() is Owner.SPECIALIST


async def test_the_claimer_gets_both_rooms_the_summary_and_the_intro() -> None:
    async with World() as world:
        number = await arrived(world)
        await world.command(f"!vet passed {number}")
        answer = await world.command(f"!claim {number}", CLAIMER)
        assert answer == [staff_text("claim_done", case=number, who=CLAIMER)]
        assert world.said(world.relay) == [staff_text("relay_intro", case=number)]
        assert STORY in world.said(world.notes)[1]
        names = [deed.name for _, m in world.server.delivered if (deed := m.deed).__class__.__name__ == "MakeRoom"]
        assert sorted(names) == [f"Notes {number}", f"To requester {number}"]


async def test_a_second_claim_is_refused_and_hears_who_has_the_case() -> None:
    async with World() as world:
        number = await world.claimed()
        answer = staff_text("claim_refused_taken", case=number, other=CLAIMER)
        assert await world.command(f"!claim {number}", VETTER) == [answer]
        assert CLAIMER in answer
        assert (await world.get_case(number)).claimed_by == CLAIMER


async def test_a_declined_case_is_told_to_the_requester_and_cannot_be_claimed() -> None:
    async with World() as world:
        number = await arrived(world)
        await world.command(f"!vet declined {number}")
        assert world.said(ROOM)[-1] == TEXTS.say("bot.case_declined", "en", {"case": number})
        assert await world.owner() is Owner.NOBODY
        assert await world.command(f"!claim {number}") == [staff_text("claim_refused_declined", case=number)]


async def test_a_case_is_signed_off_once() -> None:
    async with World() as world:
        number = await arrived(world)
        await world.command(f"!vet passed {number} known to us")
        case = await world.get_case(number)
        assert (case.vetted_by, case.note) == (VETTER, "known to us")
        for verdict in ("pending", "passed", "declined"):
            answer = await world.command(f"!vet {verdict} {number}", CLAIMER)
            assert answer == [staff_text("vet_refused_decided", case=number)]
        assert await world.get_case(number) == case
        await world.command(f"!claim {number}", CLAIMER)
        assert "known to us" in world.said(world.notes)[2]
        assert await world.command(f"!vet declined {number}") == [staff_text("vet_refused_decided", case=number)]


async def test_the_summary_is_posted_again_for_everyone_who_joins() -> None:
    async with World() as world:
        number = await arrived(world)
        await world.command(f"!vet pending {number}")
        await world.command("!vet passed", VETTER, world.notes)
        assert world.said(QUEUE)[-1] == staff_text("vet_done_passed", case=number)
        await world.command(f"!claim {number}", CLAIMER)
        assert sum(STORY in text for text in world.said(world.notes)) == 2


async def test_who_is_not_listed_gets_no_summary_however_they_came_in() -> None:
    async with World() as world:
        await world.claimed()
        before = world.said(world.notes), world.said(world.relay)
        await world.happen(world.notes, STRANGER, Joined())
        await world.happen(world.relay, STRANGER, Joined())
        assert (world.said(world.notes), world.said(world.relay)) == before


@pytest.mark.parametrize(("sender", "signed"), [(VETTER, False), (STRANGER, True), (REQUESTER, True)])
async def test_a_command_counts_only_from_listed_staff_on_a_signed_device(sender: str, signed: bool) -> None:
    async with World() as world:
        number = await arrived(world)
        before = await world.get_case(number)
        for text in (f"!vet passed {number}", f"!claim {number}", f"!close {number}", "!help"):
            asked = len(world.said(QUEUE))
            await world.write(QUEUE, sender, text, signed=signed)
            assert world.said(QUEUE)[asked:] == [staff_text("not_allowed")]
        assert await world.get_case(number) == before
        assert await world.owner() is Owner.QUEUE


@pytest.mark.parametrize(("sender", "signed"), [(CLAIMER, False), (STRANGER, True)])
async def test_relay_text_counts_only_from_listed_staff_on_a_signed_device(sender: str, signed: bool) -> None:
    async with World() as world:
        await world.claimed()
        before = world.said(ROOM)
        await world.write(world.relay, sender, "send me your password", signed=signed)
        assert world.said(ROOM) == before
        assert world.said(world.relay)[-1] == staff_text("not_allowed")


async def test_commands_that_lack_something_ask_back() -> None:
    async with World() as world:
        number = await arrived(world)
        assert await world.command("!claim") == [staff_text("case_missing")]
        assert await world.command("!claim 0000") == [staff_text("no_such_case")]
        assert await world.command("!help") == [staff_text("help")]
        (answer,) = await world.command(f"!clame {number}")
        assert answer == f"{staff_text('unknown_command')}\n\n{staff_text('did_you_mean', command='!claim')}"
        assert await world.command("just talking among ourselves") == []


async def test_relay_text_reaches_the_requester_word_for_word_and_is_ticked() -> None:
    async with World() as world:
        await world.claimed()
        event = await world.write(world.relay, CLAIMER, "We are here.\n\nCall us.", signed=True)
        assert world.said(ROOM)[-1] == "We are here.\n\nCall us."
        assert world.server.ticked() == [event]


async def test_a_long_message_is_ticked_once_when_all_of_it_is_delivered() -> None:
    async with World() as world:
        await world.claimed()
        event = await world.write(world.relay, CLAIMER, "a paragraph\n\n" * 1_500, signed=True)
        assert len([text for text in world.said(ROOM) if text.startswith("a paragraph")]) == 3
        assert world.server.ticked() == [event]


async def test_what_is_not_delivered_is_told_and_not_ticked() -> None:
    async with World() as world:
        await world.claimed()
        world.server.broken[ROOM] = SendError(Failure.GONE)
        await world.write(world.relay, CLAIMER, "can you hear us", signed=True)
        assert world.said(world.relay)[-1] == f"{staff_text('not_delivered')}\n\n> can you hear us"
        assert world.server.ticked() == []


async def test_commands_in_the_relay_room_are_never_relayed() -> None:
    async with World() as world:
        await world.claimed()
        before = world.said(ROOM)
        (answer,) = await world.command("!clsoe", CLAIMER, world.relay)
        assert answer.startswith(staff_text("command_in_relay"))
        assert staff_text("did_you_mean", command="!close") in answer
        assert await world.command("\u200b!what", CLAIMER, world.relay) != []
        assert world.said(ROOM) == before


async def test_a_picture_in_the_relay_room_is_not_passed_over_in_silence() -> None:
    async with World() as world:
        await world.claimed()
        await world.happen(world.relay, CLAIMER, Unreadable(Cause.NOT_TEXT))
        assert world.said(world.relay)[-1] == staff_text("not_read")


@pytest.mark.parametrize("where", ["relay", "notes", "queue"])
async def test_close_tells_the_requester_and_ends_it(where: str) -> None:
    async with World() as world:
        number = await world.claimed()
        room = {"relay": world.relay, "notes": world.notes, "queue": QUEUE}[where]
        answer = await world.command(f"!close {number}", CLAIMER, room)
        assert answer == [staff_text("closed_done", case=number)]
        assert world.said(QUEUE)[-1] == staff_text("closed_done", case=number)
        assert world.said(ROOM)[-1] == TEXTS.say("bot.case_closed", "en", {"case": number})
        assert await world.owner() is Owner.NOBODY
        for text in ("one more thing", "!close"):
            before = world.said(ROOM)
            await world.command(text, CLAIMER, world.relay)
            assert world.said(ROOM) == before
        assert await world.command(f"!claim {number}") == [staff_text("claim_refused_closed", case=number)]
        assert await world.command(f"!vet passed {number}") == [staff_text("vet_refused_closed", case=number)]


async def test_only_the_claimer_or_a_lead_closes_a_claimed_case() -> None:
    async with World(leads=frozenset({LEAD})) as world:
        number = await world.claimed()
        assert await world.command("!close", VETTER, world.notes) == [staff_text("close_refused", case=number)]
        assert await world.owner() is Owner.SPECIALIST
        assert await world.command(f"!close {number}", LEAD) == [staff_text("closed_done", case=number)]


async def test_closing_a_declined_case_leaves_a_later_session_alone() -> None:
    async with World() as world:
        number = await arrived(world)
        await world.command(f"!vet declined {number}")
        await world.write(ROOM, REQUESTER, "hello again")
        before = world.said(ROOM)
        await world.command(f"!close {number}")
        assert world.said(ROOM) == before
        assert await world.owner() is Owner.BOT


async def test_while_the_claimer_is_out_of_the_relay_room_words_are_kept() -> None:
    async with World() as world:
        await world.step_out(await world.claimed(), world.relay)
        await world.write(ROOM, REQUESTER, "are you there")
        await world.write(world.relay, VETTER, "they are out", signed=True)
        assert "are you there" not in world.said(world.relay)
        await world.happen(world.relay, CLAIMER, Joined())
        assert world.said(world.relay)[-1] == "are you there"


async def test_words_are_kept_when_the_relay_room_is_gone_and_staff_are_told() -> None:
    async with World() as world:
        number = await world.claimed()
        relay = world.relay
        world.server.broken[relay] = SendError(Failure.GONE)
        for text in ("one", "two"):
            await world.write(ROOM, REQUESTER, text)
        assert world.said(QUEUE)[-1] == staff_text("relay_lost", case=number)
        del world.server.broken[relay]
        await world.happen(relay, CLAIMER, Joined())
        assert world.said(relay)[-2:] == ["one", "two"]


async def test_rooms_that_are_gone_are_made_anew_for_whoever_claims_again() -> None:
    async with World() as world:
        number = await world.claimed()
        gone = [world.relay, world.notes]
        for room in gone:
            world.server.broken[room] = SendError(Failure.GONE)
        await world.write(ROOM, REQUESTER, "are you there?")
        await world.command(f"!claim {number}", CLAIMER)
        assert world.said(QUEUE).count(staff_text("room_made_anew", case=number)) == 2
        case = await world.get_case(number)
        relay, notes = [await world.memory.transact(partial(_at, name)) for name in (case.relay, case.notes)]
        assert relay.room not in (None, *gone)
        assert world.said(relay.room)[-1] == "are you there?"
        assert staff_text("notes_intro", case=number) in world.said(notes.room)
        await world.write(relay.room, CLAIMER, "I am", signed=True)
        assert world.said(ROOM)[-1] == "I am"


async def test_what_waited_in_a_room_that_is_gone_is_shown_in_the_one_made_anew() -> None:
    async with World() as world:
        number = await world.claimed()
        world.server.broken[world.relay] = SendError(Failure.AWAY)
        await world.command(f"!claim {number}", CLAIMER)
        await world.write(ROOM, REQUESTER, "behind the invitation")
        world.server.broken[world.relay] = SendError(Failure.GONE)
        world.clock.advance(timedelta(minutes=2))
        world.desk.look_again()
        await world.quiet()
        relay = await world.memory.transact(partial(_at, (await world.get_case(number)).relay))
        assert world.said(relay.room)[-1] == "behind the invitation"


def _at(name, tx):
    return tx.conversations.get(name)


async def test_a_message_that_the_server_refuses_does_not_close_the_relay() -> None:
    async with World() as world:
        number = await world.claimed()
        world.server.fail(SendError(Failure.REFUSED))
        await world.write(ROOM, REQUESTER, "refused by the server")
        assert world.said(QUEUE)[-1] == staff_text("relay_lost", case=number)
        await world.write(ROOM, REQUESTER, "the next one")
        assert world.said(world.relay)[-1] == "the next one"


async def test_an_invitation_that_fails_is_told_in_the_queue_room() -> None:
    async with World() as world:
        number = await arrived(world)
        # the answer in the queue room, and the room being made, come before it
        world.server.refuse_invites = True
        await world.command(f"!vet pending {number}")
        assert staff_text("invite_failed", case=number) in world.said(QUEUE)


async def test_notes_of_one_case_do_not_command_another() -> None:
    async with World() as world:
        number = await world.claimed()
        await world.walk(WALK, OTHER_ROOM, OTHER)
        other = (await world.case(OTHER_ROOM)).number
        assert other != number
        assert await world.command(f"!vet passed {other}", CLAIMER, world.notes) == [staff_text("case_missing")]
        assert (await world.get_case(other)).status is CaseStatus.ARRIVED


@pytest.mark.parametrize("where", ["queue", "notes"])
async def test_listed_staff_hear_why_they_were_not_read_and_nobody_else_does(where: str) -> None:
    async with World() as world:
        await world.claimed()
        room = {"queue": QUEUE, "notes": world.notes}[where]
        before = len(world.said(room))
        for sender in (CLAIMER, STRANGER):
            for cause in (Cause.UNBOUND, Cause.NO_KEY):
                await world.happen(room, sender, Unreadable(cause))
        assert world.said(room)[before:] == [staff_text("not_allowed"), staff_text("not_read_here")]


async def test_who_vets_reads_what_the_requester_writes_while_waiting() -> None:
    async with World() as world:
        number = await arrived(world)
        await world.write(ROOM, REQUESTER, "before")
        await world.command(f"!vet pending {number}")
        await world.write(ROOM, REQUESTER, "after")
        assert world.said(world.notes)[2:] == [staff_text("words_kept", words=words) for words in ("before", "after")]
        await world.command(f"!vet passed {number}")
        await world.command(f"!claim {number}", CLAIMER)
        assert world.said(world.relay)[1:] == ["before", "after"]


async def test_what_was_kept_for_a_declined_case_is_erased() -> None:
    async with World() as world:
        number = await arrived(world)
        await world.write(ROOM, REQUESTER, "one more thing")
        await world.command(f"!vet declined {number}")
        assert list(await world.memory.transact(lambda tx: tx.entries.of(number))) == []


async def test_what_cannot_be_shown_in_the_notes_room_is_told_in_the_queue_room() -> None:
    async with World() as world:
        number = await world.claimed()
        world.server.broken[world.notes] = SendError(Failure.REFUSED)
        await world.command("!help", CLAIMER, world.notes)
        assert world.said(QUEUE)[-1] == staff_text("notes_lost", case=number)


async def test_a_change_of_relayed_words_reaches_the_requester_as_one() -> None:
    async with World() as world:
        await world.claimed()
        await world.happen(world.relay, CLAIMER, Wrote("at noon", signed=True, edits=""))
        assert world.said(ROOM)[-1] == TEXTS.say("bot.corrected", "en", {"words": "at noon"})
