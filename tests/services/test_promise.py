"""The promise of a first answer, on a fixed clock: at every minute what must have been said has been said, once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import time, timedelta
from zoneinfo import ZoneInfo

import pytest

from bot.deeds import OutgoingMessage, SendText
from bot.domain import Case, CaseNumber, CaseStatus, Conversation, ConversationId, Owner, Place
from bot.ladder import PROMISE, Call, Promise, Rung, Shift
from bot.life import Step
from bot.ports import Failure, SendError
from bot.services import progress, promise
from bot.services.scheduler import EVER
from bot.services.work import Work
from tests.services.world import (
    CLAIMER,
    LEAD,
    QUEUE,
    REQUESTER,
    ROOM,
    STORY,
    TEXTS,
    VETTER,
    WALK,
    World,
)

MINUTE = timedelta(minutes=1)
DIRECTOR, SECOND_LEAD = "@dora:staff.example", "@leo:staff.example"
MISSED, UNREACHED = TEXTS.say("bot.promise_missed", "en"), TEXTS.say("bot.team_unreached", "en")
EVERYONE = (VETTER, CLAIMER, LEAD, DIRECTOR)

Called = tuple[int, tuple[str, ...]]


def helpline(promised: Promise = PROMISE, leads: Sequence[str] = (LEAD,)) -> World:
    return World(leads=frozenset(leads), directors=frozenset({DIRECTOR}), promise=promised)


class Watch:
    """Looks at a helpline minute by minute, from the requester's first message on."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.minute = 0
        self.calls: list[Called] = []
        self.told: list[int] = []
        self._seen = len(world.server.delivered)
        self.look()

    async def go(self, minutes: int) -> None:
        for _ in range(minutes):
            await self.world.later(MINUTE)
            self.minute += 1
            self.look()

    def look(self) -> None:
        for conversation, message in self.world.server.delivered[self._seen :]:
            if isinstance(message.deed, SendText) and message.deed.mentions:
                assert conversation.room == QUEUE
                self.calls.append((self.minute, message.deed.mentions))
            elif message.deed == SendText(MISSED):
                assert conversation.room == ROOM
                self.told.append(self.minute)
        self._seen = len(self.world.server.delivered)


LADDER: list[Called] = [(60, (LEAD,)), (90, (LEAD, DIRECTOR)), (120, EVERYONE)]


async def test_the_ladder_is_climbed_minute_by_minute_and_the_requester_is_told_the_truth_once() -> None:
    async with helpline() as world:
        await world.walk()
        watch = Watch(world)
        await watch.go(300)
    assert watch.calls == LADDER
    assert watch.told == [120]


async def test_it_counts_from_the_first_message_and_not_from_the_handover() -> None:
    async with helpline() as world:
        await world.walk(WALK[:3])
        watch = Watch(world)
        await watch.go(30)
        await world.walk(WALK[3:])
        await watch.go(100)
        case = await world.case()
    assert watch.calls == LADDER
    assert watch.told == [120]
    assert (case.opened_at - case.heard_at) / MINUTE == 30


async def test_a_call_has_the_number_the_minutes_and_the_state_and_nothing_of_the_requester() -> None:
    async with helpline() as world:
        await world.walk()
        number = (await world.case()).number
        await world.later(61 * MINUTE)
        said = world.said(QUEUE)[-1]
    assert said == f"{number} has waited 61 minutes for a first answer. Waiting for vetting. I call {LEAD}."
    assert STORY not in said
    assert REQUESTER not in said


async def test_the_truth_is_told_in_the_language_of_the_requester() -> None:
    async with helpline() as world:
        await world.walk(("hola", "2", *WALK[2:]))
        assert (await world.case()).locale == "es"
        await world.later(120 * MINUTE)
        assert world.said(ROOM)[-1] == TEXTS.say("bot.promise_missed", "es")


@pytest.mark.parametrize("away_at", range(0, 150, 10))
async def test_a_bot_that_was_away_says_the_highest_rung_alone_at_its_start(away_at: int) -> None:
    world = helpline()
    async with world:
        await world.walk()
        watch = Watch(world)
        await watch.go(away_at)
    world.clock.advance(40 * MINUTE)
    watch.minute += 40
    async with world:
        await world.later(0 * MINUTE)
        watch.look()
        await watch.go(max(200 - watch.minute, 0))
    back = away_at + 40
    before = [call for call in LADDER if call[0] <= away_at]
    missed = [call for call in LADDER if away_at < call[0] <= back][-1:]
    after = [call for call in LADDER if call[0] > back]
    assert watch.calls == [*before, *((back, who) for _, who in missed), *after]
    assert watch.told == [120 if not away_at < 120 <= back else back]


async def test_a_bot_that_is_started_again_and_again_says_everything_once() -> None:
    world = helpline()
    async with world:
        await world.walk()
        watch = Watch(world)
        for _ in range(50):
            await watch.go(3)
            await world.restart()
            await world.later(0 * MINUTE)
            watch.look()
    assert watch.calls == LADDER
    assert watch.told == [120]


@pytest.mark.parametrize("at", [1, 30, 59, 60, 61, 95, 119])
@pytest.mark.parametrize("by", [1, 45, 600, 60 * 24 * 365])
async def test_a_clock_that_is_set_back_makes_nobody_wait_longer(at: int, by: int) -> None:
    async with helpline() as world:
        await world.walk()
        watch = Watch(world)
        await watch.go(at)
        await world.later(-by * MINUTE)
        watch.look()
        await watch.go(200 - at)
    assert watch.calls == LADDER
    assert watch.told == [120]


async def test_a_clock_that_is_set_forth_and_back_says_nothing_twice() -> None:
    async with helpline() as world:
        await world.walk()
        watch = Watch(world)
        await watch.go(50)
        await world.later(45 * MINUTE)
        watch.look()
        await world.later(-45 * MINUTE)
        watch.look()
        await watch.go(150)
    # the clock said 95 minutes for a moment: the second rung, without the first; and that time has passed
    assert watch.calls == [(50, (LEAD, DIRECTOR)), (75, EVERYONE)]
    assert watch.told == [75]


async def test_the_shift_is_the_one_at_that_moment() -> None:
    # the fixed clock begins at nine, which is ten there: the first rung is at eleven
    shifts = (Shift(time(6), time(11), frozenset({LEAD})), Shift(time(11), time(19), frozenset({SECOND_LEAD})))
    promised = Promise(shifts=shifts, zone=ZoneInfo("Europe/Berlin"))
    async with helpline(promised, leads=(LEAD, SECOND_LEAD)) as world:
        await world.walk()
        watch = Watch(world)
        await watch.go(95)
    assert watch.calls == [(60, (SECOND_LEAD,)), (90, tuple(world.staff.members)[2:])]


async def test_a_lead_who_is_listed_while_the_bot_runs_is_called_too() -> None:
    async with helpline() as world:
        await world.desk.add_staff(SECOND_LEAD, world.staff.members[LEAD], lead=True)
        await world.walk()
        watch = Watch(world)
        await watch.go(60)
    assert watch.calls == [(60, (LEAD, SECOND_LEAD))]


async def test_a_missed_promise_between_two_rungs_calls_nobody_again() -> None:
    rungs = (Rung(30 * MINUTE, (Call.SHIFT_LEADS,)), Rung(150 * MINUTE, (Call.EVERYONE,)))
    async with helpline(Promise(ladder=rungs)) as world:
        await world.walk()
        watch = Watch(world)
        await watch.go(200)
    assert watch.calls == [(30, (LEAD,)), (150, EVERYONE)]
    assert watch.told == [120]


async def owed(world: World) -> list[str]:
    """The timers of promises that run."""
    timers = await world.memory.transact(lambda tx: tx.timers.due(EVER))
    return [timer.kind for timer in timers if promise.is_due(timer)]


async def answered(world: World, number: CaseNumber) -> None:
    await world.command(f"!vet passed {number}")
    await world.command(f"!claim {number}", CLAIMER)
    await world.write(world.relay, CLAIMER, "I am here", signed=True)


@pytest.mark.parametrize("at", [0, 59, 60, 119])
async def test_the_first_words_of_a_person_end_it(at: int) -> None:
    async with helpline() as world:
        await world.walk()
        watch = Watch(world)
        await watch.go(at)
        number = (await world.case()).number
        await answered(world, number)
        assert await owed(world) == []
        watch.look()
        await watch.go(200)
        case, changes = await world.memory.transact(lambda tx: (tx.cases.get(number), tx.cases.changes(number)))
    assert watch.calls == [call for call in LADDER if call[0] <= at]
    assert watch.told == []
    assert promise.answered_after(case, changes) == at


async def test_a_claim_without_a_word_ends_nothing() -> None:
    async with helpline() as world:
        await world.claimed()
        watch = Watch(world)
        await watch.go(130)
        assert f"Claimed by {CLAIMER}, not answered yet" in world.said(QUEUE)[-1]
    assert watch.calls == LADDER
    assert watch.told == [120]


async def test_a_note_is_no_answer() -> None:
    async with helpline() as world:
        await world.claimed()
        watch = Watch(world)
        await world.write(world.notes, CLAIMER, "somebody should answer them", signed=True)
        await watch.go(130)
    assert watch.calls == LADDER


@pytest.mark.parametrize("command", ["!vet declined", "!close"])
async def test_of_a_case_that_is_over_nobody_is_called(command: str) -> None:
    async with helpline() as world:
        await world.walk()
        assert len(await owed(world)) == 1
        await world.command(f"{command} {(await world.case()).number}")
        assert await owed(world) == []
        watch = Watch(world)
        await watch.go(130)
    assert watch.calls == []
    assert watch.told == []


async def test_whoever_left_in_haste_is_not_written_to_until_they_write_again() -> None:
    async with helpline() as world:
        await world.walk()
        watch = Watch(world)
        await world.write(ROOM, REQUESTER, "exit")
        await watch.go(150)
        assert watch.calls == LADDER
        assert watch.told == []
        await world.write(ROOM, REQUESTER, "I am back")
        await world.later(0 * MINUTE)
        watch.look()
        await watch.go(10)
    assert watch.told == [150]


async def test_whoever_asked_to_stop_is_not_told_that_they_still_wait() -> None:
    async with helpline() as world:
        await world.walk()
        watch = Watch(world)
        await world.write(ROOM, REQUESTER, "stop")
        await watch.go(150)
    assert watch.told == []
    assert watch.calls == LADDER


# --- nobody can be reached


GONE, AWAY = SendError(Failure.GONE), SendError(Failure.AWAY)


@pytest.mark.parametrize("failure", [Failure.GONE, Failure.REFUSED, Failure.UNSAFE])
async def test_where_no_card_can_be_shown_the_requester_is_told_once_and_the_administrator_too(
    failure: Failure, caplog: pytest.LogCaptureFixture
) -> None:
    async with helpline() as world:
        world.server.broken[QUEUE] = SendError(failure)
        await world.walk()
        for _ in range(150):
            await world.later(MINUTE)
        assert world.said(ROOM).count(UNREACHED) == 1
        assert MISSED not in world.said(ROOM), "nobody has been told that they wait"
        assert world.desk.unreached == 1
        del world.server.broken[QUEUE]
        await world.later(MINUTE)
        await world.until(lambda: reached(world))
        assert (await world.case()).number in world.said(QUEUE)[0]
        for _ in range(60):
            await world.later(MINUTE)
        assert world.said(ROOM).count(UNREACHED) == 1
        assert world.desk.unreached == 0
    alarms = [record.getMessage() for record in caplog.records if record.levelname == "ERROR"]
    assert len(alarms) == 1
    assert STORY not in caplog.text
    assert REQUESTER not in caplog.text


async def entered(world: World) -> bool:
    return any(conversation.room == QUEUE for conversation, _ in world.server.delivered)


async def reached(world: World) -> bool:
    return bool(world.said(QUEUE)) and world.desk.unreached == 0


async def test_it_is_told_across_restarts_once() -> None:
    world = helpline()
    world.server.broken[QUEUE] = GONE
    async with world:
        await world.walk()
        for _ in range(10):
            await world.later(MINUTE)
            await world.restart()
            for _ in range(6):
                await world.later(MINUTE)
        assert world.said(ROOM).count(UNREACHED) == 1


async def test_a_room_that_takes_the_bot_in_again_soon_alarms_nobody() -> None:
    async with helpline() as world:
        await world.walk(WALK[:-1])
        await world.until(lambda: entered(world))
        world.server.broken[QUEUE] = GONE
        await world.write(ROOM, REQUESTER, WALK[-1])
        del world.server.broken[QUEUE]
        await world.later(MINUTE)
        await world.until(lambda: reached(world))
        await world.later(5 * MINUTE)
        assert UNREACHED not in world.said(ROOM)


async def test_a_homeserver_that_is_away_is_not_told_of_to_people_who_are_on_it() -> None:
    async with helpline() as world:
        world.server.broken[QUEUE] = AWAY
        await world.walk()
        for _ in range(30):
            await world.later(MINUTE)
        assert UNREACHED not in world.said(ROOM), "they hear of it only when it is not true any more"
        assert world.desk.unreached == 1


async def test_a_claimed_case_is_not_said_to_be_read_by_nobody() -> None:
    async with helpline() as world:
        await world.claimed()
        world.server.broken[QUEUE] = GONE
        for _ in range(70):
            await world.later(MINUTE)
        assert UNREACHED not in world.said(ROOM)


async def test_only_people_elsewhere_hear_of_a_server_that_is_away() -> None:
    async with helpline() as world:
        await world.walk()
        room = ConversationId("elsewhere")
        theirs = Conversation(room, "signal", Place.REQUESTER, room, "+1", "+1", Owner.QUEUE, CaseNumber("9Z9Z"))

        def decision(work: Work) -> list[OutgoingMessage | None]:
            work.tx.conversations.add(theirs)
            case = Case(CaseNumber("9Z9Z"), CaseStatus.ARRIVED, room, work.now, "en", ())
            progress.begin(work, case)
            promise.made(work, case, work.now)
            promise.unreached(work, work.queue(), away=True)
            here = work.tx.conversations.find(world.server.name, ROOM)
            return [work.tx.outbox.head(each) for each in (room, here.id)]

        there, here = await world.memory.transact(lambda tx: decision(Work(tx, world.desk._kit)))
    assert (there.deed, here) == (SendText(UNREACHED), None)


# --- once it was kept


async def test_a_released_case_was_answered_once() -> None:
    async with helpline() as world:
        await world.walk()
        number = (await world.case()).number
        await answered(world, number)
        case = await world.get_case(number)
        await world.decide(lambda work: progress.move(work, case, Step.RELEASE, CLAIMER, claimed_by=None))
        watch = Watch(world)
        await watch.go(200)
    assert (watch.calls, watch.told) == ([], [])


@pytest.mark.parametrize("was_missed", [False, True])
async def test_for_a_reopened_case_the_clock_starts_anew(was_missed: bool) -> None:
    async with helpline() as world:
        await world.walk()
        await world.later(121 * MINUTE if was_missed else MINUTE)
        number = (await world.case()).number
        await answered(world, number)
        await world.command(f"!close {number}", CLAIMER)

        def reopen(work: Work) -> None:
            case = progress.move(work, work.tx.cases.get(number), Step.REOPEN, claimed_by=None)
            conversation = work.tx.conversations.get(case.requester)
            work.tx.conversations.save(replace(conversation, owner=Owner.QUEUE))
            promise.made(work, case, work.now)

        await world.later(1000 * MINUTE)
        await world.decide(reopen)
        watch = Watch(world)
        await watch.go(130)
        await world.command(f"!claim {number}", CLAIMER)
        await world.write(world.relay, CLAIMER, "here again", signed=True)
        case, changes = await world.memory.transact(lambda tx: (tx.cases.get(number), tx.cases.changes(number)))
    assert (watch.calls, watch.told) == (LADDER, [120])
    assert promise.answered_after(case, changes) == 130
