"""Whoever waits for people without having been handed over: a card without content, and how a person takes over."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bot.deeds import SendText
from bot.domain import Bare, CaseStatus, Owner, Vetting
from bot.happenings import Cause, Danger, Endangered, Invited, Left, Unreadable, Wrote
from bot.life import Step
from bot.ports import Failure, SendError
from bot.services import progress, stats
from tests.services.world import CLAIMER, OTHER, OTHER_ROOM, QUEUE, REQUESTER, ROOM, STORY, TEXTS, VETTER, WALK, World

MINUTE = timedelta(minutes=1)
HOUR = 60 * MINUTE
STALLED, UNREADABLE = TEXTS.say("staff.state_stalled", "en"), TEXTS.say("staff.state_unreadable", "en")
MISSED = TEXTS.say("bot.promise_missed", "en")
TO_PROBLEM, TO_STORY = WALK[:3], WALK[:6]
NO_KEY = Unreadable(Cause.NO_KEY)


async def card(world: World):
    """The case without content of the requester."""
    number = (await world.conversation()).stalled
    return None if number is None else await world.get_case(number)


async def cases(world: World):
    conversation = await world.conversation()
    return await world.memory.transact(lambda tx: tx.cases.of(conversation.id))


async def session(world: World):
    conversation = await world.conversation()
    return await world.memory.transact(lambda tx: tx.sessions.load(conversation.id))


async def stalled(world: World, answers=TO_STORY):
    """Somebody has stopped there, an hour ago; their card."""
    await world.walk(answers)
    await world.later(HOUR)
    case = await card(world)
    assert case is not None
    return case


@pytest.mark.parametrize("answers", [WALK[:length] for length in range(3, 8)])
async def test_whoever_stops_in_the_middle_of_the_questions_is_shown_after_an_hour(answers: tuple[str, ...]) -> None:
    async with World() as world:
        await world.walk(answers)
        await world.later(59 * MINUTE)
        assert world.said(QUEUE) == []
        await world.later(MINUTE)
        case = await card(world)
        said = world.said(QUEUE)
        assert case.bare is Bare.STALLED
        assert await world.owner() is Owner.BOT
    assert said[0] == f"{case.number} · English · Topic not known · Urgency not known\n{STALLED}"
    assert "has waited 60 minutes" in said[1]
    assert (len(said), case.answers) == (2, ())


async def test_the_card_has_nothing_of_what_they_answered() -> None:
    async with World() as world:
        case = await stalled(world, WALK[:7])
        assert STORY not in " ".join(world.said(QUEUE))
        assert (case.answers, case.topic, case.urgency) == ((), None, None)


@pytest.mark.parametrize("answers", [WALK[:1], WALK[:2]])
async def test_whoever_has_chosen_nothing_yet_owes_nobody_an_answer(answers: tuple[str, ...]) -> None:
    async with World() as world:
        await world.walk(answers)
        await world.later(10 * HOUR)
        assert world.said(QUEUE) == []
        assert MISSED not in world.said(ROOM)
        assert (await world.conversation()).heard_at is None


@pytest.mark.parametrize("last", [("stop", "1"), ("exit",), ("forget", "1"), ("menu", "2"), ("menu",), ("stop",)])
async def test_whoever_left_before_the_hour_is_not_shown(last: tuple[str, ...]) -> None:
    async with World() as world:
        await world.walk((*TO_STORY, *last))
        await world.later(3 * HOUR)
        assert world.said(QUEUE) == []


async def test_whoever_has_written_just_now_has_not_stopped() -> None:
    async with World() as world:
        await world.walk(TO_PROBLEM)
        for _ in range(20):
            await world.later(4 * MINUTE)
            await world.write(ROOM, REQUESTER, "help")
        assert world.said(QUEUE) == []
        await world.later(5 * MINUTE)
        assert (await card(world)).heard_at == world.clock.now() - 85 * MINUTE


async def test_after_a_pause_outside_of_the_questions_the_clock_starts_anew() -> None:
    async with World() as world:
        await world.walk(WALK[:2])
        await world.later(5 * HOUR)
        await world.write(ROOM, REQUESTER, "1")
        await world.later(59 * MINUTE)
        assert world.said(QUEUE) == []
        await world.later(MINUTE)
        assert len(world.said(QUEUE)) == 2


async def test_a_bot_that_was_away_shows_them_at_its_start_once() -> None:
    world = World()
    async with world:
        await world.walk(TO_STORY)
    world.clock.advance(100 * MINUTE)
    for _ in range(3):
        async with world:
            await world.later(0 * MINUTE)
    said = world.said(QUEUE)
    assert len(said) == 2
    assert "has waited 100 minutes" in said[1]


@pytest.mark.parametrize("at", [5, 30, 59])
async def test_a_clock_that_is_set_back_delays_no_card(at: int) -> None:
    async with World() as world:
        await world.walk(TO_STORY)
        await world.later(at * MINUTE)
        await world.later(-3 * HOUR)
        await world.later((60 - at) * MINUTE)
        assert len(world.said(QUEUE)) == 2


# --- they go on


async def test_the_handover_fills_the_card_that_is_there() -> None:
    async with World() as world:
        shown = await stalled(world)
        for answer in WALK[6:]:
            await world.write(ROOM, REQUESTER, answer)
        case = await world.case()
        assert case.number == shown.number
        assert len(await cases(world)) == 1
        assert (case.bare, case.heard_at) == (None, shown.heard_at)
        assert [answer.outcome for answer in case.answers][-1] == "later"
        assert await world.owner() is Owner.QUEUE
        assert all(said.startswith(case.number) for said in world.said(QUEUE))
        assert (await world.command(f"!vet passed {case.number}"))[0].startswith(f"{case.number} has passed")
        await world.later(HOUR)
        assert world.said(ROOM).count(MISSED) == 1


async def test_the_promise_goes_on_while_they_are_with_the_bot() -> None:
    async with World() as world:
        await stalled(world)
        asked = world.said(ROOM)[-1]
        await world.later(HOUR)
        assert world.said(ROOM)[-2:] == [asked, MISSED]
        await world.write(ROOM, REQUESTER, STORY)
        assert "How urgent is it?" in world.said(ROOM)[-1], "the bot goes on where it was"
        await world.later(5 * HOUR)
        assert world.said(ROOM).count(MISSED) == 1


@pytest.mark.parametrize("last", [("stop", "1"), ("exit",), ("forget", "1"), ("menu",), ("menu", "2")])
async def test_whoever_leaves_closes_the_card(last: tuple[str, ...]) -> None:
    async with World() as world:
        number = (await stalled(world)).number
        for word in last:
            await world.write(ROOM, REQUESTER, word)
        assert (await world.get_case(number)).status is CaseStatus.CLOSED
        assert world.said(QUEUE)[-1] == TEXTS.say("staff.bare_gone", "en", {"case": number})
        told, shown = world.said(ROOM), world.said(QUEUE)
        assert len(shown) == 3, "the card, the call, the end: nobody is asked to see to it"
        await world.later(5 * HOUR)
        assert (world.said(ROOM), world.said(QUEUE)) == (told, shown)


async def test_forgetting_says_nothing_of_a_case_that_they_never_heard_of() -> None:
    async with World() as world:
        number = (await stalled(world)).number
        await world.write(ROOM, REQUESTER, "withdraw")
        await world.write(ROOM, REQUESTER, "1")
        assert number not in " ".join(world.said(ROOM))
        assert len([said for said in world.said(QUEUE) if "agreement" in said]) == 0


async def test_silence_closes_the_card_when_the_session_expires() -> None:
    async with World() as world:
        number = (await stalled(world)).number
        await world.later(timedelta(days=7))
        assert (await world.get_case(number)).status is CaseStatus.CLOSED
        assert world.said(QUEUE)[-1] == TEXTS.say("staff.bare_gone", "en", {"case": number})
        assert await world.owner() is Owner.NOBODY


async def test_an_unsafe_room_closes_the_card() -> None:
    async with World() as world:
        number = (await stalled(world)).number
        await world.happen(ROOM, REQUESTER, Endangered(Danger.THIRD_MEMBER))
        assert (await world.get_case(number)).status is CaseStatus.CLOSED


async def test_whoever_leaves_the_room_closes_the_card() -> None:
    async with World() as world:
        number = (await stalled(world)).number
        await world.happen(ROOM, REQUESTER, Left())
        assert (await world.get_case(number)).status is CaseStatus.CLOSED


async def test_another_person_on_the_account_closes_the_card() -> None:
    async with World() as world:
        await world.happen(ROOM, REQUESTER, Invited())
        for answer in TO_STORY:
            await world.happen(ROOM, REQUESTER, Wrote(answer, identity="before"))
        await world.later(HOUR)
        number = (await card(world)).number
        await world.happen(ROOM, REQUESTER, Wrote("hello", identity="after"))
        assert (await world.get_case(number)).status is CaseStatus.CLOSED
        assert (await world.conversation()).heard_at == world.clock.now()


# --- a person takes over


async def test_it_cannot_be_vetted() -> None:
    async with World() as world:
        number = (await stalled(world)).number
        refused = [TEXTS.say("staff.vet_refused_bare", "en", {"case": number})]
        for verdict in ("pending", "passed", "declined"):
            assert await world.command(f"!vet {verdict} {number}") == refused
        assert (await world.get_case(number)).vetting is Vetting.NONE


async def test_whoever_claims_it_writes_with_them_instead_of_the_bot() -> None:
    async with World() as world:
        number = (await stalled(world)).number
        assert await world.command(f"!claim {number}", CLAIMER) == [
            TEXTS.say("staff.claim_done", "en", {"case": number, "who": CLAIMER})
        ]
        assert await world.owner() is Owner.SPECIALIST
        assert await session(world) is None, "what was answered is erased, and was passed on to nobody (law 3)"
        before = world.said(ROOM)
        await world.write(ROOM, REQUESTER, STORY)
        assert world.said(ROOM) == before, "the bot is silent"
        assert world.said(world.relay)[-1] == STORY
        await world.write(world.relay, CLAIMER, "I am a person", signed=True)
        assert world.said(ROOM) == [*before, "I am a person"]
        await world.later(5 * HOUR)
        assert MISSED not in world.said(ROOM)
        assert (await world.get_case(number)).status is CaseStatus.ON_REQUESTER


async def test_nothing_that_was_answered_before_reaches_the_notes_room() -> None:
    async with World() as world:
        number = (await stalled(world, WALK[:7])).number
        await world.command(f"!claim {number}", CLAIMER)
        assert STORY not in " ".join((*world.said(world.notes), *world.said(world.relay), *world.said(QUEUE)))


async def test_a_reminder_or_an_expiry_of_the_session_does_not_speak_after_the_claim() -> None:
    async with World() as world:
        number = (await stalled(world)).number
        await world.command(f"!claim {number}", CLAIMER)
        await world.write(world.relay, CLAIMER, "I am a person", signed=True)
        before = world.said(ROOM)
        await world.later(timedelta(days=8))
        assert world.said(ROOM) == before
        assert await world.owner() is Owner.SPECIALIST


async def test_staff_can_close_it_and_the_requester_goes_on_with_the_bot() -> None:
    async with World() as world:
        number = (await stalled(world)).number
        before = world.said(ROOM)
        assert await world.command(f"!close {number}") == [TEXTS.say("staff.bare_closed", "en", {"case": number})]
        assert (world.said(ROOM), await world.owner()) == (before, Owner.BOT)
        await world.later(5 * HOUR)
        assert world.said(ROOM) == before
        for answer in WALK[5:]:
            await world.write(ROOM, REQUESTER, answer)
        case = await world.case()
        assert case.number != number
        assert case.heard_at == world.clock.now()


async def test_a_released_one_can_be_claimed_again() -> None:
    async with World() as world:
        number = (await stalled(world)).number
        await world.command(f"!claim {number}", CLAIMER)
        case = await world.get_case(number)
        released = await world.decide(lambda work: progress.move(work, case, Step.RELEASE, CLAIMER, claimed_by=None))
        assert (released.status, await world.owner()) == (CaseStatus.ARRIVED, Owner.QUEUE)
        await world.command(f"!claim {number}", VETTER)
        assert (await world.get_case(number)).claimed_by == VETTER


async def test_where_no_queue_can_be_reached_whoever_stopped_is_told_too() -> None:
    async with World() as world:
        world.server.broken[QUEUE] = SendError(Failure.GONE)
        await world.walk(TO_STORY)
        for _ in range(70):
            await world.later(MINUTE)
        assert world.said(ROOM)[-1] == TEXTS.say("bot.team_unreached", "en")
        assert world.said(ROOM).count(world.said(ROOM)[-1]) == 1


# --- what cannot be decrypted


async def test_what_cannot_be_decrypted_is_shown_after_an_hour() -> None:
    async with World() as world:
        await world.happen(ROOM, REQUESTER, Invited())
        await world.happen(ROOM, REQUESTER, NO_KEY)
        await world.later(10 * MINUTE)
        await world.happen(ROOM, REQUESTER, NO_KEY)
        await world.later(49 * MINUTE)
        assert world.said(QUEUE) == []
        await world.later(MINUTE)
        case = await card(world)
        assert case.bare is Bare.UNREADABLE
        assert world.said(QUEUE)[0].endswith(UNREADABLE)
        await world.later(HOUR)
        told = world.said(ROOM)[-1]
        assert MISSED in told
        assert TEXTS.say("bot.promise_missed", "es") in told, "nobody knows their language"


async def test_a_readable_word_after_it_shows_nobody() -> None:
    async with World() as world:
        for what in (Invited(), NO_KEY, NO_KEY, Wrote("hello")):
            await world.happen(ROOM, REQUESTER, what)
        await world.later(5 * HOUR)
        assert world.said(QUEUE) == []


@pytest.mark.parametrize("cause", [Cause.REACTION, Cause.CALL, Cause.NOT_TEXT, Cause.PLAIN])
async def test_what_is_no_words_at_all_shows_nobody(cause: Cause) -> None:
    async with World() as world:
        for what in (Invited(), Wrote("hello"), *[Unreadable(cause)] * 5):
            await world.happen(ROOM, REQUESTER, what)
        await world.later(5 * HOUR)
        assert world.said(QUEUE) == []


async def test_what_an_unread_person_says_after_the_claim_goes_to_the_relay_room() -> None:
    async with World() as world:
        for what in (Invited(), NO_KEY, NO_KEY):
            await world.happen(ROOM, REQUESTER, what)
        await world.later(HOUR)
        await world.command(f"!claim {(await card(world)).number}", CLAIMER)
        await world.write(ROOM, REQUESTER, "can you read this?")
        assert world.said(world.relay)[-1] == "can you read this?"


async def test_two_people_have_a_card_each() -> None:
    async with World() as world:
        await world.walk(TO_STORY)
        await world.walk(TO_STORY, OTHER_ROOM, OTHER)
        await world.later(HOUR)
        assert len({said.split()[0] for said in world.said(QUEUE)}) == 2
        first = (await card(world)).number
        await world.command(f"!claim {first}", VETTER)
        assert (await world.owner(), await world.owner(OTHER_ROOM)) == (Owner.SPECIALIST, Owner.BOT)


async def test_an_earlier_case_stays_what_the_conversation_belongs_to() -> None:
    async with World() as world:
        number = await world.claimed()
        await world.command(f"!close {number}", CLAIMER)
        await world.walk(TO_STORY[:1] + TO_STORY[2:])
        await world.later(HOUR)
        assert (await world.conversation()).case == number
        assert (await card(world)).number != number
        await world.write(ROOM, REQUESTER, "withdraw")
        await world.write(ROOM, REQUESTER, "1")
        assert number in world.said(ROOM)[-1]
        assert any(number in said and "agreement" in said for said in world.said(QUEUE))


def calls(world: World) -> list[tuple[str, ...]]:
    deeds = [message.deed for _, message in world.server.delivered]
    return [deed.mentions for deed in deeds if isinstance(deed, SendText) and deed.mentions]


async def test_the_card_calls_people_as_any_other_does() -> None:
    async with World() as world:
        await stalled(world)
        await world.later(HOUR)
        assert calls(world) == [(VETTER, CLAIMER)] * 2


async def counted(world: World) -> dict[str, int]:
    """How many cases were counted, by what."""
    found: dict[str, int] = {}
    for count in await world.memory.transact(lambda tx: tx.counts.all()):
        found[count.what] = found.get(count.what, 0) + count.number
    return found


async def test_a_card_of_somebody_who_needed_nobody_is_not_counted() -> None:
    async with World() as world:
        await stalled(world)
        await world.write(ROOM, REQUESTER, "exit")
        assert await counted(world) == {}


async def test_whoever_is_handed_over_after_it_is_counted_once_with_their_topic() -> None:
    async with World() as world:
        await stalled(world)
        for answer in WALK[6:]:
            await world.write(ROOM, REQUESTER, answer)
        assert await counted(world) == {stats.LANGUAGE: 1, stats.TOPIC: 1}
        topics = [each.value for each in await world.memory.transact(lambda tx: tx.counts.all())]
        assert stats.OTHER not in topics


async def test_whoever_is_spoken_with_without_content_is_counted_once() -> None:
    async with World() as world:
        case = await stalled(world)
        for _ in range(2):
            await world.command(f"!claim {case.number}", CLAIMER)
            await world.command(f"!release {case.number}", CLAIMER)
        await world.command(f"!close {case.number}", CLAIMER)
        assert await counted(world) == {stats.LANGUAGE: 1, stats.TOPIC: 1, stats.OUTCOME: 1}
