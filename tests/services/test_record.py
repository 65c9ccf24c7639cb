"""What was said before somebody came into a relay room, and what changes while nobody can read it there."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

from bot.deeds import SendFile
from bot.domain import CaseNumber
from bot.entries import Entry
from bot.happenings import Attached, Joined, Left, Removed, TimerSet, Wrote
from bot.ports import Failure, SendError
from tests.services.test_joining import Two
from tests.services.test_keeping import CASE_KEPT, standing, taken_back
from tests.services.test_relay import LONG, bot_text, staff_text
from tests.services.test_scheduler import later
from tests.services.world import CLAIMER, FILE, LEAD, NEW, OTHER, OTHER_ROOM, QUEUE, REQUESTER, ROOM, VETTER, World

HOUR, MOMENT = timedelta(hours=1), timedelta(seconds=1)
NINE = "2026-01-05 09:00 UTC"


async def entries(here: World, number: CaseNumber) -> list[Entry]:
    return list(await here.memory.transact(lambda tx: tx.entries.of(number)))


async def said_to(here: World, who: str, room: str | None = None) -> list[str]:
    """Somebody comes into the relay room: what is said there, behind what is said to everybody who comes."""
    room = room or here.relay
    before = len(here.said(room))
    await here.happen(room, who, Joined())
    intro, *said = here.said(room)[before:]
    assert intro.startswith(staff_text("relay_intro", case=(await here.case()).number)[:40])
    return said


def again(who: str, *groups: str) -> list[str]:
    return [staff_text("earlier", who=who), *groups]


def requester(words: str, time: str = NINE) -> str:
    return staff_text("earlier_requester", time=time, words=words)


def helpline(words: str, time: str = NINE) -> str:
    return staff_text("earlier_staff", time=time, words=words)


# --- posted again


async def test_whoever_comes_later_is_shown_once_what_was_said_before_with_who_and_when() -> None:
    async with World() as here:
        await here.claimed()
        await here.write(ROOM, REQUESTER, "they are at the door")
        here.clock.advance(HOUR)
        await here.write(here.relay, CLAIMER, "do not open", signed=True)
        requesters, ticks = here.said(ROOM), here.server.ticked()
        ten = NINE.replace("09:", "10:")
        lines = requester("they are at the door"), helpline("do not open", ten)
        assert await said_to(here, VETTER) == again(VETTER, "\n\n".join(lines))
        assert (here.said(ROOM), here.server.ticked()) == (requesters, ticks), "the requester sees nothing of it"
        await here.restart()
        assert await said_to(here, VETTER) == []


async def test_where_nothing_was_said_nothing_is_posted_again() -> None:
    async with World() as here:
        await here.claimed()
        assert await said_to(here, VETTER) == []


async def test_whoever_left_and_came_back_is_shown_what_they_missed_and_no_more() -> None:
    async with World() as here:
        await here.claimed()
        await here.happen(here.relay, VETTER, Joined())
        theirs = await here.write(ROOM, REQUESTER, "read by both")
        await here.happen(here.relay, VETTER, Left())
        assert await said_to(here, VETTER) == [], "nothing was said meanwhile"
        await here.happen(here.relay, VETTER, Left())
        await here.write(ROOM, REQUESTER, "missed")
        await here.happen(ROOM, REQUESTER, Wrote("read by both, and changed since", edits=theirs))
        changed, missed = requester("read by both, and changed since"), requester("missed")
        assert await said_to(here, VETTER) == again(VETTER, f"{changed}\n\n{missed}")
        assert await said_to(here, VETTER) == []


async def test_what_still_waits_is_shown_as_what_is_new_and_what_was_read_as_earlier() -> None:
    async with World(leads=frozenset({LEAD})) as here:
        await here.claimed()
        await here.write(ROOM, REQUESTER, "read by the claimer")
        await here.happen(here.relay, CLAIMER, Left())
        await here.write(ROOM, REQUESTER, "waits for the claimer")
        assert await said_to(here, LEAD) == again(LEAD, requester("read by the claimer"))
        assert await said_to(here, CLAIMER) == ["waits for the claimer"]
        both = requester("read by the claimer"), requester("waits for the claimer")
        assert await said_to(here, VETTER) == again(VETTER, "\n\n".join(both))


async def test_whoever_left_before_it_was_posted_is_shown_what_waited_when_they_were_there() -> None:
    async with World(leads=frozenset({LEAD})) as here:
        await here.claimed()
        await here.happen(here.relay, LEAD, Joined())
        await here.happen(here.relay, CLAIMER, Left())
        await here.write(ROOM, REQUESTER, "waits for the claimer")
        await here.happen(here.relay, LEAD, Left())
        await here.happen(here.relay, CLAIMER, Joined())
        assert await said_to(here, LEAD) == again(LEAD, requester("waits for the claimer"))


async def test_one_who_was_not_listed_for_a_while_is_shown_what_was_said_meanwhile() -> None:
    async with World(leads=frozenset({LEAD})) as here:
        await here.claimed()
        await here.command(f"!staff add {NEW} {'A' * 43}", LEAD)
        await here.happen(here.relay, NEW, Joined())
        await here.command(f"!staff remove {NEW}", LEAD)
        await here.write(ROOM, REQUESTER, "not for them")
        await here.command(f"!staff add {NEW} {'A' * 43}", LEAD)
        await here.write(here.relay, NEW, "I am back", signed=True)
        assert here.said(here.relay)[-2:] == again(NEW, requester("not for them"))
        await here.write(here.relay, NEW, "and write on", signed=True)
        assert here.said(here.relay)[-2:] == again(NEW, requester("not for them")), "once"


async def test_a_long_conversation_is_posted_again_in_few_messages_and_nothing_of_it_is_lost() -> None:
    async with World() as here:
        await here.claimed()
        words = [f"{number} {'word ' * 100}".strip() for number in range(30)]
        for number, text in enumerate(words):
            room, who = (ROOM, REQUESTER) if number % 2 else (here.relay, CLAIMER)
            await here.write(room, who, text, signed=True)
        said = await said_to(here, VETTER)
        assert len(said) == 4
        assert [text for text in words if text in "\n\n".join(said)] == words


async def test_files_of_both_sides_are_posted_again_each_behind_its_line() -> None:
    async with World() as here:
        await here.claimed()
        ours = replace(FILE, name="advice.pdf", place="ours")
        await here.happen(ROOM, REQUESTER, Attached(FILE))
        await here.happen(here.relay, CLAIMER, Attached(ours, signed=True))
        said = await said_to(here, VETTER)
        from_us = helpline(staff_text("earlier_file", file=ours.name))
        assert said == again(VETTER, requester(staff_text("file_follows", file=FILE.name)), from_us)
        assert here.files(here.relay) == [FILE, FILE, ours]
        assert here.files(ROOM) == [ours], "and the requester gets nothing again"
        assert here.server.discarded == []


async def test_what_is_in_the_lane_when_somebody_comes_is_read_by_them_once() -> None:
    async with World() as here:
        await here.claimed()
        await here.write(ROOM, REQUESTER, "sent before")
        here.server.broken[here.relay] = SendError(Failure.AWAY)
        for text in ("perhaps on its way", "sent afterwards"):
            await here.write(ROOM, REQUESTER, text)
        here.server.happen(here.relay, VETTER, Joined())
        await here.quiet()
        del here.server.broken[here.relay]
        await later(here, timedelta(minutes=2))
        missed = requester("sent before"), requester("perhaps on its way")
        assert here.said(here.relay)[-2:] == again(VETTER, "\n\n".join(missed))
        assert here.said(here.relay).count("sent afterwards") == 1


async def test_what_could_not_be_posted_again_is_posted_for_whoever_comes_next() -> None:
    async with World() as here:
        number = await here.claimed()
        await here.write(ROOM, REQUESTER, "they are at the door")
        here.server.fail(None, None, SendError(Failure.REFUSED))
        await here.happen(here.relay, VETTER, Joined())
        assert here.said(QUEUE)[-1] == staff_text("relay_lost", case=number)
        assert await said_to(here, VETTER) == again(VETTER, requester("they are at the door"))


async def test_in_a_room_that_is_made_anew_everything_is_posted_again() -> None:
    async with World() as here:
        number = await here.claimed()
        await here.write(ROOM, REQUESTER, "they are at the door")
        old = here.relay
        here.server.broken[old] = SendError(Failure.GONE)
        await here.command(f"!claim {number}", CLAIMER)
        assert here.relay != old
        assert here.said(here.relay)[1:] == again(CLAIMER, requester("they are at the door"))


async def test_the_conversation_of_a_case_that_was_joined_is_shown_to_whoever_could_not_read_it() -> None:
    async with World() as here:
        two = await Two(here).claimed()
        await here.write(OTHER_ROOM, OTHER, "from the second place")
        await here.write(ROOM, REQUESTER, "from the first place")
        await here.happen(two.relay, VETTER, Joined())
        await here.happen(two.relay, VETTER, Left())
        await two.join()
        before = len(here.said(two.relay))
        await here.happen(two.relay, VETTER, Joined())
        both = requester("from the first place"), requester("from the second place")
        assert set("\n\n".join(here.said(two.relay)[before + 2 :]).split("\n\n")) == set(both)


async def test_notes_and_commands_are_no_part_of_the_conversation() -> None:
    async with World() as here:
        number = await here.claimed()
        await here.write(here.notes, CLAIMER, "between ourselves", signed=True)
        await here.write(here.relay, CLAIMER, "!help", signed=True)
        await here.write(here.relay, CLAIMER, "unsigned")
        assert await entries(here, number) == []


# --- how long it is kept


async def test_what_was_posted_again_is_taken_back_with_its_case_and_so_is_what_is_stored() -> None:
    async with World() as here:
        number = await here.claimed()
        await here.write(ROOM, REQUESTER, "they are at the door")
        await here.write(here.relay, CLAIMER, "do not open", signed=True)
        await here.happen(ROOM, REQUESTER, Attached(FILE))
        await here.happen(here.relay, VETTER, Joined())
        await here.command("!close", CLAIMER, here.notes)
        await later(here, CASE_KEPT - MOMENT)
        assert len(await entries(here, number)) == 3
        assert here.server.discarded == []
        await later(here, MOMENT)
        assert await entries(here, number) == []
        for text in ("at the door", "do not open", FILE.name):
            assert text not in standing(here, here.relay)
        events = taken_back(here, here.relay)
        assert len(events) == len(set(events))
        assert here.server.discarded == [FILE]


async def test_what_disappears_is_posted_again_apart_and_goes_at_its_own_time() -> None:
    async with World() as here:
        number = await here.claimed()
        await here.happen(ROOM, REQUESTER, Wrote("for an hour", expires=HOUR))
        await here.write(here.relay, CLAIMER, "answered within it", signed=True)
        here.clock.advance(HOUR / 2)
        await here.happen(ROOM, REQUESTER, Wrote("for an hour, later", expires=HOUR))
        said = await said_to(here, VETTER)
        assert len(said) == 3
        await later(here, HOUR / 2 - MOMENT)
        assert standing(here, here.relay).count("for an hour") == 4
        await later(here, MOMENT)
        left = standing(here, here.relay)
        assert left.count("for an hour, later") == 2
        assert left.count("for an hour") == 2
        assert "answered within it" not in left
        assert [entry.said for entry in await entries(here, number)] == ["for an hour, later"]
        await later(here, HOUR / 2)
        assert "for an hour" not in standing(here, here.relay)
        assert await entries(here, number) == []
        await here.happen(here.relay, VETTER, Left())
        assert await said_to(here, VETTER) == []


async def test_the_event_of_a_correction_disappears_as_what_it_corrected_does() -> None:
    async with World() as here:
        await here.claimed()
        await here.happen(ROOM, REQUESTER, Wrote("hello", expires=HOUR))
        ours = await here.write(here.relay, CLAIMER, "call at noon", signed=True)
        here.clock.advance(HOUR / 2)
        edit = await here.happen(here.relay, CLAIMER, Wrote("call at one", signed=True, edits=ours))
        longer = await here.happen(here.relay, CLAIMER, Wrote(LONG, signed=True, edits=ours))
        await later(here, HOUR / 2)
        assert ours in taken_back(here, here.relay)
        assert edit not in taken_back(here, here.relay)
        await later(here, HOUR / 2)
        assert {edit, longer} <= set(taken_back(here, here.relay))


async def test_a_file_that_disappears_is_erased_where_it_came_from() -> None:
    async with World() as here:
        await here.claimed()
        await here.happen(ROOM, REQUESTER, Attached(FILE, expires=HOUR))
        await later(here, HOUR - MOMENT)
        assert here.server.discarded == []
        await later(here, MOMENT)
        assert here.server.discarded == [FILE]


async def test_what_staff_wrote_before_the_timer_was_set_disappears_from_when_it_reached_the_requester() -> None:
    async with World() as here:
        number = await here.claimed()
        here.server.broken[ROOM] = SendError(Failure.AWAY)
        await here.write(here.relay, CLAIMER, "call at noon", signed=True)
        await here.happen(ROOM, REQUESTER, TimerSet(HOUR))
        await later(here, 2 * HOUR)
        assert [entry.said for entry in await entries(here, number)] == ["call at noon"]
        del here.server.broken[ROOM]
        await later(here, timedelta(minutes=2))
        assert here.said(ROOM)[-1] == "call at noon"
        await later(here, HOUR)
        assert await entries(here, number) == []


# --- changed and removed


async def test_what_waits_is_shown_as_its_writer_changed_it() -> None:
    async with World() as here:
        number = await here.claimed()
        await here.happen(here.relay, CLAIMER, Left())
        theirs = await here.write(ROOM, REQUESTER, "on Tuesday")
        notes = here.event(staff_text("words_kept", words="on Tuesday"))
        await here.happen(ROOM, REQUESTER, Wrote("on Wednesday", edits=theirs))
        assert here.changes(here.notes) == [(notes, staff_text("words_kept", words="on Wednesday"))]
        assert [entry.said for entry in await entries(here, number)] == ["on Wednesday"]
        assert await said_to(here, CLAIMER) == ["on Wednesday"]
        await here.happen(ROOM, REQUESTER, Wrote("on Thursday", edits=theirs))
        assert here.changes(here.relay) == [(here.event("on Wednesday"), "on Thursday")]


async def test_what_was_removed_while_it_waited_is_shown_to_nobody() -> None:
    async with World() as here:
        number = await here.claimed()
        await here.happen(here.relay, CLAIMER, Left())
        theirs = await here.write(ROOM, REQUESTER, "my name is Amira")
        file = await here.happen(ROOM, REQUESTER, Attached(FILE))
        for removed in (theirs, file):
            await here.happen(ROOM, REQUESTER, Removed(removed))
        assert [text for _, text in here.changes(here.notes)] == [staff_text("removed")] * 2
        assert [entry.said for entry in await entries(here, number)] == [None, None]
        assert here.server.discarded == [FILE]
        assert await said_to(here, CLAIMER) == [staff_text("removed")] * 2, "that something was is not kept from them"
        assert here.files(here.relay) == []
        assert "Amira" not in standing(here, here.relay)


async def test_what_was_removed_or_changed_is_so_for_whoever_comes_later() -> None:
    async with World() as here:
        number = await here.claimed()
        theirs = await here.write(ROOM, REQUESTER, "my name is Amira")
        ours = await here.write(here.relay, CLAIMER, "call at noon", signed=True)
        await here.happen(ROOM, REQUESTER, Removed(theirs))
        await here.happen(here.relay, CLAIMER, Wrote("call at one", signed=True, edits=ours))
        both = requester(staff_text("removed")), helpline("call at one")
        assert await said_to(here, VETTER) == again(VETTER, "\n\n".join(both))
        await here.happen(here.relay, CLAIMER, Removed(ours))
        assert [entry.said for entry in await entries(here, number)] == [None, None]


async def test_what_was_posted_again_is_changed_and_removed_as_the_first_was() -> None:
    async with World() as here:
        await here.claimed()
        theirs = await here.write(ROOM, REQUESTER, "my name is Amira")
        ours = await here.write(here.relay, CLAIMER, "call at noon", signed=True)
        file = await here.happen(ROOM, REQUESTER, Attached(FILE))
        await here.happen(here.relay, VETTER, Joined())
        said_again = here.event(f"{requester('my name is Amira')}\n\n{helpline('call at noon')}")
        await here.happen(ROOM, REQUESTER, Wrote("my name is Bilal", edits=theirs))
        await here.happen(here.relay, CLAIMER, Wrote("call at one", signed=True, edits=ours))
        for room, who, event in ((ROOM, REQUESTER, theirs), (here.relay, CLAIMER, ours), (ROOM, REQUESTER, file)):
            await here.happen(room, who, Removed(event))
        removed = staff_text("removed")
        assert [text for event, text in here.changes(here.relay) if event == said_again] == [
            f"{requester('my name is Bilal')}\n\n{helpline('call at noon')}",
            f"{requester('my name is Bilal')}\n\n{helpline('call at one')}",
            f"{requester(removed)}\n\n{helpline('call at one')}",
            f"{requester(removed)}\n\n{helpline(removed)}",
        ]
        sent = [f"${message.id}" for _, message in here.server.delivered if message.deed == SendFile(FILE)]
        assert len(sent) == 2
        assert {(event, removed) for event in sent} <= set(here.changes(here.relay))


async def test_what_is_removed_before_it_is_posted_again_is_not() -> None:
    async with World() as here:
        await here.claimed()
        theirs = await here.write(ROOM, REQUESTER, "my name is Amira")
        await here.write(ROOM, REQUESTER, "help me")
        here.server.broken[here.relay] = SendError(Failure.AWAY)
        here.server.happen(here.relay, VETTER, Joined())
        await here.quiet()
        await here.happen(ROOM, REQUESTER, Removed(theirs))
        del here.server.broken[here.relay]
        await later(here, timedelta(minutes=2))
        both = requester(staff_text("removed")), requester("help me")
        assert here.said(here.relay)[-2:] == again(VETTER, "\n\n".join(both))


async def test_a_change_of_what_was_read_waits_as_a_change_once() -> None:
    async with World() as here:
        number = await here.claimed()
        theirs = await here.write(ROOM, REQUESTER, "on Tuesday")
        await here.happen(here.relay, CLAIMER, Left())
        for text in ("on Wednesday", "on Thursday"):
            await here.happen(ROOM, REQUESTER, Wrote(text, edits=theirs))
        assert len(await entries(here, number)) == 1
        assert await said_to(here, CLAIMER) == [staff_text("requester_changed", words="on Thursday")]


async def test_what_staff_take_back_before_it_went_out_is_not_said() -> None:
    async with World() as here:
        await here.claimed()
        here.server.broken[ROOM] = SendError(Failure.AWAY)
        first = await here.write(here.relay, CLAIMER, "first", signed=True)
        second = await here.write(here.relay, CLAIMER, "second", signed=True)
        for removed in (first, second):
            await here.happen(here.relay, CLAIMER, Removed(removed))
        del here.server.broken[ROOM]
        before = here.said(ROOM)
        await later(here, timedelta(minutes=2))
        assert here.said(ROOM) == before
        assert here.server.ticked() == []


async def changed(here: World) -> bool:
    return bool(here.changes(ROOM))


async def test_what_staff_take_back_while_it_is_on_its_way_is_hidden_when_it_has_arrived() -> None:
    async with World() as here:
        await here.claimed()
        here.server.slow[ROOM] = gate = asyncio.Event()
        ours = await here.write(here.relay, CLAIMER, "call at noon", signed=True)
        await here.happen(here.relay, CLAIMER, Removed(ours))
        del here.server.slow[ROOM]
        gate.set()
        await here.until(lambda: changed(here))
        assert here.changes(ROOM) == [(here.event("call at noon"), bot_text("removed"))]


async def test_what_the_requester_takes_back_before_it_is_posted_is_not_posted() -> None:
    async with World() as here:
        await here.claimed()
        here.server.broken[here.relay] = SendError(Failure.AWAY)
        theirs = await here.write(ROOM, REQUESTER, "my name is Amira")
        file = await here.happen(ROOM, REQUESTER, Attached(FILE))
        before = len(here.said(here.relay))
        for removed in (theirs, file):
            await here.happen(ROOM, REQUESTER, Removed(removed))
        del here.server.broken[here.relay]
        await later(here, timedelta(minutes=2))
        assert here.said(here.relay)[before:] == [staff_text("removed")] * 2
        assert (here.files(here.relay), here.server.discarded) == ([], [FILE])


async def test_what_did_not_reach_the_requester_was_not_said_to_them() -> None:
    async with World() as here:
        number = await here.claimed()
        here.server.fail(SendError(Failure.REFUSED), None, SendError(Failure.REFUSED))
        await here.write(here.relay, CLAIMER, "call at noon", signed=True)
        await here.happen(here.relay, CLAIMER, Attached(FILE, signed=True))
        assert await entries(here, number) == []
        assert here.server.discarded == [FILE]
