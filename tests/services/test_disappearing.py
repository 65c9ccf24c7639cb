"""Messages that disappear, where their requester set them to: in the store and in the rooms of the staff, both ways."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bot.deeds import Erase
from bot.domain import CaseNumber, Place
from bot.happenings import Attached, Invited, Joined, TimerSet, Wrote
from bot.ports import Failure, SendError
from tests.services.test_keeping import CASE_KEPT, kept, standing, taken_back
from tests.services.test_scheduler import later
from tests.services.world import (
    CLAIMER,
    FILE,
    OTHER,
    QUEUE,
    REQUESTER,
    ROOM,
    STORY,
    TEXTS,
    VETTER,
    WALK,
    World,
)

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
MOMENT = timedelta(seconds=1)
EXPIRES = TEXTS.say("staff.expires", "en", {"time": "1 day"})


async def arrived(here: World, expires: timedelta | None = DAY) -> CaseNumber:
    """A case whose requester wrote everything in messages that disappear."""
    await here.happen(ROOM, REQUESTER, Invited())
    for answer in WALK:
        await here.happen(ROOM, REQUESTER, Wrote(answer, expires=expires))
    return (await here.case()).number


async def claimed(here: World, expires: timedelta | None = DAY) -> CaseNumber:
    number = await arrived(here, expires)
    await here.command(f"!vet passed {number}")
    await here.command(f"!claim {number}", CLAIMER)
    return number


async def words(here: World, number: CaseNumber) -> list[str]:
    return [answer.words for answer in (await here.get_case(number)).answers if answer.words]


async def test_what_was_passed_on_disappears_so_long_after_a_specialist_could_read_it() -> None:
    async with World() as here:
        await claimed(here)
        await here.happen(ROOM, REQUESTER, Wrote("on Tuesday", expires=HOUR))
        await here.happen(ROOM, REQUESTER, Attached(FILE, expires=HOUR))
        await later(here, HOUR - MOMENT)
        assert "on Tuesday" in standing(here, here.relay)
        await later(here, MOMENT)
        for text in ("on Tuesday", FILE.name):
            assert text not in standing(here, here.relay)
        before = taken_back(here, here.relay)
        await later(here, DAY)
        assert taken_back(here, here.relay) == before, "and is taken back once"


async def test_a_message_keeps_its_own_time_when_the_timer_is_changed() -> None:
    async with World() as here:
        await claimed(here)
        await here.happen(ROOM, REQUESTER, Wrote("for an hour", expires=HOUR))
        await here.happen(ROOM, REQUESTER, TimerSet(None))
        await here.happen(ROOM, REQUESTER, Wrote("for good"))
        await later(here, HOUR)
        assert "for an hour" not in standing(here, here.relay)
        assert "for good" in standing(here, here.relay)


async def test_a_changed_message_disappears_with_its_first_words() -> None:
    async with World() as here:
        await claimed(here)
        theirs = await here.happen(ROOM, REQUESTER, Wrote("at nine", expires=HOUR))
        await here.happen(ROOM, REQUESTER, Wrote("at ten", edits=theirs, expires=HOUR))
        await later(here, HOUR)
        assert "at nine" not in standing(here, here.relay)
        assert "at ten" not in standing(here, here.relay)


async def test_what_a_specialist_writes_disappears_too_counted_from_when_it_was_sent() -> None:
    async with World() as here:
        await claimed(here)
        here.server.broken[ROOM] = SendError(Failure.AWAY)
        here.server.happen(here.relay, CLAIMER, Wrote("we will call you", signed=True), "$theirs")
        home = await here.conversation()
        await here.until(lambda: waits(here, home.id))
        await later_in(here, DAY)
        assert taken_back(here, here.relay) == []
        del here.server.broken[ROOM]
        await later(here, timedelta(minutes=2))
        assert here.said(ROOM)[-1] == "we will call you"
        await later(here, DAY - MOMENT)
        assert "$theirs" not in taken_back(here, here.relay)
        await later(here, MOMENT)
        assert "$theirs" in taken_back(here, here.relay)
        assert taken_back(here, ROOM) == [], "over there it is their own device's to do"


async def waits(here: World, lane: str) -> bool:
    return await here.memory.transact(lambda tx: tx.outbox.head(lane)) is not None


async def later_in(here: World, by: timedelta) -> None:
    """Time passes while a lane waits."""
    here.clock.advance(by)
    here.desk.look_again()
    await here.until(lambda: no_timer_is_due(here))


async def no_timer_is_due(here: World) -> bool:
    return not await here.memory.transact(lambda tx: tx.timers.due(here.clock.now()))


async def test_answers_wait_until_somebody_could_read_them() -> None:
    async with World() as here:
        number = await arrived(here)
        await later(here, 5 * DAY)
        assert await words(here, number) == [STORY]
        await here.command(f"!vet pending {number}")
        assert STORY in standing(here, here.notes)
        await later(here, DAY - MOMENT)
        assert STORY in standing(here, here.notes)
        assert await words(here, number) == [STORY]
        await later(here, MOMENT)
        assert STORY not in standing(here, here.notes)
        case = await here.get_case(number)
        assert (case.answers, case.topic, case.urgency) == ((), None, None)


async def test_an_answer_that_does_not_disappear_stays() -> None:
    async with World() as here:
        await here.walk(WALK[:5])
        await here.happen(ROOM, REQUESTER, Wrote(STORY, expires=DAY))
        for answer in WALK[6:]:
            await here.write(ROOM, REQUESTER, answer)
        number = (await here.case()).number
        await here.command(f"!vet pending {number}")
        await later(here, DAY)
        assert STORY not in standing(here, here.notes)
        assert "A phone" in standing(here, here.notes)
        steps = [answer.step for answer in (await here.get_case(number)).answers]
        assert steps == ["main.problem", "consent.consent", "main.urgency"]


async def test_a_changed_answer_disappears_as_its_last_message_does() -> None:
    async with World() as here:
        await here.walk(WALK[:5])
        theirs = await here.write(ROOM, REQUESTER, STORY)
        await here.happen(ROOM, REQUESTER, Wrote("They took it on Wednesday", edits=theirs, expires=DAY))
        for answer in ("yes", *WALK[6:]):
            await here.write(ROOM, REQUESTER, answer)
        number = (await here.case()).number
        assert await words(here, number) == ["They took it on Wednesday"]
        await here.command(f"!vet pending {number}")
        await later(here, DAY)
        assert await words(here, number) == []


async def test_what_was_kept_waits_until_somebody_could_read_it() -> None:
    async with World() as here:
        number = await arrived(here)
        await here.happen(ROOM, REQUESTER, Wrote("they are at the door", expires=HOUR))
        await later(here, 5 * DAY)
        assert await kept(here, number) == ["they are at the door"]
        await here.command(f"!vet pending {number}")
        assert "they are at the door" in standing(here, here.notes)
        await later(here, HOUR)
        assert await kept(here, number) == []
        assert "they are at the door" not in standing(here, here.notes)


async def test_what_was_read_in_the_notes_room_has_no_new_time_in_the_relay_room() -> None:
    async with World() as here:
        number = await arrived(here)
        await here.happen(ROOM, REQUESTER, Wrote("they are at the door", expires=DAY))
        await here.command(f"!vet pending {number}")
        await later(here, DAY - HOUR)
        await here.command(f"!vet passed {number}")
        await here.command(f"!claim {number}", CLAIMER)
        assert "they are at the door" in standing(here, here.relay)
        await later(here, HOUR)
        assert "they are at the door" not in standing(here, here.relay) + standing(here, here.notes)


async def test_what_nobody_ever_reads_goes_with_its_case() -> None:
    async with World() as here:
        number = await claimed(here)
        await here.step_out(number, here.relay)
        home = await here.conversation(here.notes)
        here.server.broken[home.room] = SendError(Failure.AWAY)
        here.server.happen(ROOM, REQUESTER, Wrote("are you there?", expires=HOUR))
        await here.until(lambda: waits(here, home.id))
        here.server.happen(QUEUE, CLAIMER, Wrote(f"!close {number}", signed=True))
        await here.until(lambda: is_over(here, number))
        await later_in(here, CASE_KEPT - MOMENT)
        assert await kept(here, number) == ["are you there?"]
        await later_in(here, MOMENT)
        assert await kept(here, number) == []
        del here.server.broken[home.room]
        await later(here, timedelta(minutes=2))
        assert "are you there?" not in standing(here, here.notes), "nor does it wait to be shown"


async def is_over(here: World, number: CaseNumber) -> bool:
    return (await here.get_case(number)).is_over


async def test_the_time_goes_on_while_the_bot_is_away() -> None:
    async with World() as here:
        await claimed(here)
        await here.happen(ROOM, REQUESTER, Wrote("on Tuesday", expires=HOUR))
        await here.desk.stop()
        here.clock.advance(HOUR)
        await here.__aenter__()
        await later(here, timedelta())
        assert "on Tuesday" not in standing(here, here.relay)


async def test_a_clock_that_jumps_back_only_delays() -> None:
    async with World() as here:
        await claimed(here)
        await here.happen(ROOM, REQUESTER, Wrote("on Tuesday", expires=HOUR))
        await later(here, -DAY)
        assert "on Tuesday" in standing(here, here.relay)
        await later(here, DAY + HOUR)
        assert "on Tuesday" not in standing(here, here.relay)


async def test_specialists_see_that_messages_disappear_and_when_that_changes() -> None:
    async with World() as here:
        await claimed(here)
        assert EXPIRES in here.said(here.notes)[1]
        assert here.said(here.relay)[-1].endswith(EXPIRES)
        before = len(here.said(here.relay))
        await here.happen(ROOM, REQUESTER, TimerSet(DAY))
        await here.happen(ROOM, REQUESTER, TimerSet(4 * 7 * DAY))
        await here.happen(ROOM, REQUESTER, Wrote("hello", expires=30 * MOMENT))
        await here.happen(ROOM, REQUESTER, Wrote("hello again"))
        await here.happen(ROOM, REQUESTER, TimerSet(None))
        assert here.said(here.relay)[before:] == [
            TEXTS.say("staff.expires", "en", {"time": "4 weeks"}),
            TEXTS.say("staff.expires", "en", {"time": "30 seconds"}),
            "hello",
            "hello again",
            TEXTS.say("staff.expires_no_more", "en"),
        ]


async def test_a_third_person_sets_no_timer() -> None:
    async with World() as here:
        await claimed(here, None)
        await here.happen(ROOM, OTHER, TimerSet(MOMENT))
        assert (await here.conversation()).expires is None


async def test_the_timer_is_remembered_from_one_case_to_the_next() -> None:
    async with World() as here:
        await here.happen(ROOM, REQUESTER, Invited())
        await here.happen(ROOM, REQUESTER, TimerSet(DAY))
        assert here.said(ROOM) == []
        assert (await here.conversation()).expires == DAY
        await here.restart()
        for answer in WALK:
            await here.write(ROOM, REQUESTER, answer)
        number = (await here.case()).number
        await here.command(f"!vet pending {number}")
        assert EXPIRES in standing(here, here.notes)


@pytest.mark.parametrize("room", ["relay", "notes"])
async def test_where_nothing_disappears_nothing_is_taken_back(room: str) -> None:
    async with World() as here:
        await claimed(here, None)
        await here.write(ROOM, REQUESTER, "on Tuesday")
        await here.write(here.relay, CLAIMER, "yes", signed=True)
        await later(here, 10 * DAY)
        assert taken_back(here, getattr(here, room)) == []
        assert not [m for c, m in here.server.attempts if isinstance(m.deed, Erase) and c.place is not Place.QUEUE]


async def test_whoever_comes_into_the_notes_later_begins_no_new_time() -> None:
    async with World() as here:
        number = await arrived(here)
        await here.command(f"!vet pending {number}")
        await later(here, DAY - HOUR)
        await here.happen(here.notes, VETTER, Joined())
        await later(here, HOUR)
        assert await words(here, number) == []
        assert STORY not in standing(here, here.notes)
