"""One card a case and queue room: edited as the case moves, with how long it waits, and in no other message's place."""

from __future__ import annotations

import asyncio
import re
from datetime import timedelta

import pytest

from bot.deeds import EditText, SendText
from bot.domain import Case, CaseNumber, Conversation
from bot.happenings import Moved
from bot.life import Step
from bot.ports import Failure, SendError
from bot.services import cards, keeping, progress
from bot.services.work import Kit, Work
from tests.services.world import CLAIMER, QUEUE, REQUESTER, ROOM, VETTER, WALK, World

MINUTE = timedelta(minutes=1)
NUMBER = re.compile(r"\b(?=[A-Z0-9]*[0-9])[A-Z0-9]{4}\b")
OTHER_QUEUE = "!upgraded:staff.example"


def of_cards(world: World, room: str = QUEUE) -> list[tuple[str, str]]:
    """What was done with cards in a room, in order: "said" or the event in whose place it stands, and the words."""
    return [
        (message.deed.event_id if isinstance(message.deed, EditText) else "said", message.deed.text)
        for at, message in world.server.delivered
        if at.room == room and message.card is not None and isinstance(message.deed, SendText | EditText)
    ]


def states(world: World, room: str = QUEUE) -> list[str]:
    """What the cards in a room said, one after the other, without what stands in their first line."""
    return [text.partition("\n")[2] for _, text in of_cards(world, room)]


async def later(world: World, time: timedelta) -> None:
    world.clock.advance(time)
    world.desk.look_again()
    await world.until(lambda: world.memory.transact(lambda tx: not tx.timers.due(world.clock.now())))
    await world.quiet()


async def in_hand(world: World, change) -> None:
    """Something is decided, as a step of the bot's own would."""
    kit = world.desk._kit
    assert isinstance(kit, Kit)
    work = await world.memory.transact(lambda tx: _changed(Work(tx, kit), change))
    world.desk._committed(work)
    await world.quiet()


def _changed(work: Work, change) -> Work:
    change(work)
    return work


async def test_the_card_of_a_case_is_one_message_that_is_edited_as_it_moves() -> None:
    async with World() as world:
        await world.walk()
        number = (await world.case()).number
        for text, who in (("!vet pending", VETTER), ("!vet passed", VETTER), ("!claim", CLAIMER)):
            await world.command(f"{text} {number}", who)
        await world.write(world.relay, CLAIMER, "We read you.", signed=True)
        await world.write(ROOM, REQUESTER, "Thank you")
        await world.command("!close", CLAIMER, world.notes)
        assert states(world) == [
            "Waiting for vetting",
            "Being vetted",
            "Free to claim",
            f"Claimed by {CLAIMER}, not answered yet",
            f"Claimed by {CLAIMER}, answered, waiting for the requester",
            f"Claimed by {CLAIMER}, the requester has written",
            "Closed",
        ]
        (first, card), *edits = of_cards(world)
        assert first == "said"
        assert {event for event, _ in edits} == {world.event(card)}
        assert {text.partition("\n")[0] for _, text in of_cards(world)} == {
            f"{number} · English · A phone · It can wait"
        }


async def test_what_changes_nothing_on_the_card_edits_nothing() -> None:
    async with World() as world:
        await world.claimed()
        for text in ("We read you.", "And we are on it.", "Soon."):
            await world.write(world.relay, CLAIMER, text, signed=True)
        before = of_cards(world)
        await in_hand(world, lambda work: [cards.refresh(work, case) for case in work.tx.cases.open()])
        await world.restart()
        await world.quiet()
        assert of_cards(world) == before
        assert len(before) == 4


async def test_a_card_is_no_copy_of_words_and_is_not_ticked() -> None:
    async with World() as world:
        await world.claimed()
        assert world.server.ticked() == []
        sent = [message for _, message in world.server.delivered if message.card]
        assert {(message.origin, message.hold) for message in sent} == {(None, None)}


async def test_how_long_a_case_waits_is_shown_at_its_moments_and_then_every_hour() -> None:
    async with World() as world:
        await world.walk()
        for _ in range(5 * 60):
            await later(world, MINUTE)
        waited = ["5 minutes", "15 minutes", "30 minutes", "45 minutes", "1 hour", "90 minutes", "2 hours"]
        waited += ["3 hours", "4 hours", "5 hours"]
        assert states(world) == [
            "Waiting for vetting",
            *(f"Waiting for vetting · waiting: {each}" for each in waited),
        ]


async def test_nobody_is_told_of_a_wait_that_is_over_and_a_new_one_begins_with_the_requesters_words() -> None:
    async with World() as world:
        await world.claimed()
        await later(world, 7 * MINUTE)
        assert states(world)[-1].endswith("not answered yet · waiting: 7 minutes")
        await world.write(world.relay, CLAIMER, "We read you.", signed=True)
        answered = states(world)
        assert answered[-1].endswith("waiting for the requester")
        await later(world, 8 * 60 * MINUTE)
        assert states(world) == answered
        await world.write(ROOM, REQUESTER, "Thank you")
        await later(world, 6 * MINUTE)
        assert states(world)[len(answered) :] == [
            f"Claimed by {CLAIMER}, the requester has written",
            f"Claimed by {CLAIMER}, the requester has written · waiting: 6 minutes",
        ]


@pytest.mark.parametrize(
    ("waited", "coming"), [(0, 5), (5, 15), (44, 45), (60, 90), (119, 120), (120, 180), (181, 240), (1441, 1500)]
)
def test_the_moments_of_a_wait(waited: int, coming: int) -> None:
    assert cards.next_moment(waited * MINUTE) == coming * MINUTE


async def test_what_is_decided_before_the_card_is_sent_edits_it_and_only_the_newest_is_said() -> None:
    world = World()
    async with world:
        await world.quiet()
        world.server.slow[QUEUE] = asyncio.Event()
        await world.walk()
        number = (await world.case()).number
        await world.command(f"!vet passed {number}", VETTER, room=QUEUE)
        await world.command(f"!claim {number}", CLAIMER, room=QUEUE)
        gate = world.server.slow.pop(QUEUE)
        gate.set()
        await world.quiet()
        assert [event == "said" for event, _ in of_cards(world)] == [True, False]
        assert states(world) == ["Waiting for vetting", f"Claimed by {CLAIMER}, not answered yet"]


async def test_a_restart_between_decision_and_sending_makes_no_second_card() -> None:
    world = World()
    world.server.broken[QUEUE] = SendError(Failure.AWAY)
    async with world:
        await world.walk()
        number = (await world.case()).number
        await in_hand(world, lambda work: progress.move(work, _case(work, number), Step.VET, VETTER))
    del world.server.broken[QUEUE]
    world.clock.advance(2 * MINUTE)
    async with world:
        await world.quiet()
        assert [event == "said" for event, _ in of_cards(world)] == [True, False]
        assert states(world)[-1].startswith("Being vetted")


@pytest.mark.parametrize("lost", [SendText, EditText])
async def test_an_answer_that_was_lost_makes_no_second_card_and_no_second_edit(lost: type) -> None:
    async with World() as world:
        await world.walk(WALK[:-1])
        if lost is SendText:
            await _lose_the_answer(world, world.write(ROOM, REQUESTER, WALK[-1]))
        else:
            await world.write(ROOM, REQUESTER, WALK[-1])
            number = (await world.case()).number
            step = in_hand(world, lambda work: progress.move(work, _case(work, number), Step.VET, VETTER))
            await _lose_the_answer(world, step)
        await world.restart()
        await later(world, 2 * MINUTE)
        assert [event == "said" for event, _ in of_cards(world)] == [True] if lost is SendText else [True, False]
        assert len({message.id for _, message in world.server.attempts if message.card}) == len(of_cards(world))


async def _lose_the_answer(world: World, step) -> None:
    perform = world.server.perform
    lost = []

    async def losing(conversation: Conversation, message, files):
        done = await perform(conversation, message, files)
        if message.card is not None and not lost:
            lost.append(message.id)
            raise SendError(Failure.AWAY)
        return done

    world.server.perform = losing  # type: ignore[method-assign]
    await step
    world.server.perform = perform  # type: ignore[method-assign]
    assert lost


async def test_a_room_that_is_replaced_gets_the_cards_of_open_cases_anew_once() -> None:
    async with World() as world:
        await world.claimed()
        await world.happen(QUEUE, VETTER, Moved(OTHER_QUEUE))
        assert [event for event, _ in of_cards(world, OTHER_QUEUE)] == ["said"]
        assert states(world, OTHER_QUEUE) == [f"Claimed by {CLAIMER}, not answered yet"]
        await world.write(world.relay, CLAIMER, "We read you.", signed=True)
        assert [event == "said" for event, _ in of_cards(world, OTHER_QUEUE)] == [True, False]


async def test_a_case_from_before_there_were_cards_gets_one_at_the_start() -> None:
    async with World() as world:
        await world.walk()
        queue = await world.conversation(QUEUE)
        await world.memory.transact(lambda tx: tx.cards.leave(queue.id))
        await world.restart()
        await world.quiet()
        assert [event for event, _ in of_cards(world)] == ["said", "said"]
        await world.restart()
        await world.quiet()
        assert len(of_cards(world)) == 2


async def test_what_is_erased_of_a_case_is_erased_from_its_card() -> None:
    async with World() as world:
        number = await world.claimed()
        await world.command("!close", CLAIMER, world.notes)
        assert "A phone" in of_cards(world)[-1][1]
        await in_hand(world, lambda work: keeping.erase(work, _case(work, number)))
        assert of_cards(world)[-1][1] == f"{number} · English · Topic not known · Urgency not known\nClosed"
        kept = await world.memory.transact(lambda tx: tx.cards.of(number))
        assert "phone" not in str([card.text for card in kept])


async def test_a_claim_before_vetting_is_said_on_the_card() -> None:
    async with World() as world:
        await world.walk()
        number = (await world.case()).number
        claim = {"free": True, "claimed_by": CLAIMER}
        await in_hand(world, lambda work: progress.move(work, _case(work, number), Step.CLAIM, CLAIMER, **claim))
        assert states(world)[-1] == f"Claimed by {CLAIMER}, not answered yet · claimed before vetting, as an emergency"


async def test_nothing_in_the_queue_room_has_a_word_like_a_case_number_before_its_own() -> None:
    async with World() as world:
        number = await world.claimed()
        await world.write(world.relay, CLAIMER, "We read you.", signed=True)
        await world.command(f"!case {number}", CLAIMER)
        await world.command("!queue", CLAIMER)
        await world.command("!mine", CLAIMER)
        await later(world, 20 * MINUTE)
        deeds = [m.deed for at, m in world.server.delivered if at.room == QUEUE]
        said = [deed.text for deed in deeds if isinstance(deed, SendText | EditText)]
        assert len(said) > 8
        assert {NUMBER.search(text).group() for text in said if NUMBER.search(text)} == {number}
        assert all(text.startswith(number) for _, text in of_cards(world))


def _case(work: Work, number: CaseNumber) -> Case:
    case = work.tx.cases.get(number)
    assert case is not None
    return case
