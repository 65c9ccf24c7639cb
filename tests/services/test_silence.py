"""Long silence on either side, on a clock that is moved by hand."""

from __future__ import annotations

from datetime import timedelta

from bot.happenings import Left
from tests.services.test_joining import Two
from tests.services.test_relay import staff_text
from tests.services.test_scheduler import later
from tests.services.world import CLAIMER, OTHER, OTHER_ROOM, QUEUE, REQUESTER, ROOM, World

DAY, FOUR_HOURS, MOMENT = timedelta(days=1), timedelta(hours=4), timedelta(seconds=1)


def silent_requester(case: str) -> str:
    return staff_text("silent_requester", case=case, time="1 day")


def silent_staff(case: str) -> str:
    return staff_text("silent_staff", case=case, time="4 hours")


async def test_a_requester_who_does_not_answer_is_told_of_once_in_the_relay_room() -> None:
    async with World() as here:
        number = await here.claimed()
        await here.write(here.relay, CLAIMER, "are you safe?", signed=True)
        await later(here, DAY - MOMENT)
        await here.write(here.relay, CLAIMER, "please tell us", signed=True)
        await later(here, DAY - MOMENT)
        assert silent_requester(number) not in here.said(here.relay), "it counts from the last word"
        requesters = here.said(ROOM)
        await here.restart()
        await later(here, MOMENT)
        assert here.said(here.relay)[-1] == silent_requester(number)
        assert here.said(ROOM) == requesters
        await later(here, 10 * DAY)
        assert here.said(here.relay).count(silent_requester(number)) == 1
        await here.write(here.relay, CLAIMER, "we are still here", signed=True)
        await later(here, DAY)
        assert here.said(here.relay).count(silent_requester(number)) == 2, "after the next word it counts anew"


async def test_staff_who_do_not_answer_are_told_of_once_in_the_queue_room() -> None:
    async with World() as here:
        number = await here.claimed()
        await here.write(ROOM, REQUESTER, "they are at the door")
        await later(here, FOUR_HOURS - MOMENT)
        await here.write(ROOM, REQUESTER, "hello?")
        assert silent_staff(number) not in here.said(QUEUE)
        await here.restart()
        await later(here, MOMENT)
        assert here.said(QUEUE)[-1] == silent_staff(number), "it counts from the first word that nobody answered"
        await later(here, 2 * FOUR_HOURS)
        assert here.said(QUEUE).count(silent_staff(number)) == 1
        await here.write(ROOM, REQUESTER, "please")
        await later(here, FOUR_HOURS)
        assert here.said(QUEUE).count(silent_staff(number)) == 2


async def test_an_answer_in_time_keeps_both_silent() -> None:
    async with World() as here:
        number = await here.claimed()
        for _ in range(3):
            await here.write(ROOM, REQUESTER, "hello")
            await later(here, FOUR_HOURS - MOMENT)
            await here.write(here.relay, CLAIMER, "hello", signed=True)
            await later(here, DAY - MOMENT)
        assert silent_staff(number) not in here.said(QUEUE)
        assert silent_requester(number) not in here.said(here.relay)


async def test_nobody_is_told_of_silence_in_a_case_that_is_over() -> None:
    async with World() as here:
        number = await here.claimed()
        await here.write(ROOM, REQUESTER, "thank you")
        await here.command("!close", CLAIMER, here.notes)
        await later(here, DAY)
        assert silent_staff(number) not in here.said(QUEUE)


async def test_of_a_case_that_nobody_has_any_more_the_requester_s_silence_is_not_told() -> None:
    async with World() as here:
        number = await here.claimed()
        await here.write(here.relay, CLAIMER, "are you safe?", signed=True)
        await here.happen(here.relay, CLAIMER, Left())
        await later(here, DAY)
        assert silent_requester(number) not in here.said(QUEUE) + here.said(here.relay)


async def test_what_nobody_has_answered_when_two_cases_are_joined_is_told_of_in_the_one_that_goes_on() -> None:
    async with World() as here:
        two = await Two(here).claimed()
        await here.write(OTHER_ROOM, OTHER, "is anybody there?")
        await here.write(two.relay, CLAIMER, "are you safe?", signed=True)
        await later(here, FOUR_HOURS - MOMENT)
        await two.join()
        assert silent_staff(two.first) not in here.said(QUEUE)
        await later(here, MOMENT)
        assert here.said(QUEUE)[-1] == silent_staff(two.first)
        assert silent_staff(two.second) not in here.said(QUEUE)
