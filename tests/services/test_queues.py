"""Rooms for languages, for topics and for vetting: where a case is shown, and what becomes of it where one is shut."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from bot.domain import Answer, Bare, Case, CaseNumber, CaseStatus, ConversationId, Place, TextId, Vetting
from bot.happenings import Invited, Moved
from bot.ports import Failure, SendError
from bot.services.routing import DEFAULT, Rooms, Route, name_of
from bot.testing import FixedClock
from tests.services.test_cards import MINUTE, of_cards, states
from tests.services.world import CLAIMER, OTHER, OTHER_ROOM, QUEUE, REQUESTER, VETTER, WALK, World

SPANISH, VETTING, PHONES = "!spanish:staff.example", "!vetting:staff.example", "!phones:staff.example"
IN_SPANISH = ("hola", "2", *WALK[2:])
ROOMS = Rooms(
    {"#es": SPANISH, "#phones": PHONES},
    (Route("#es", ("es",)), Route("#phones", topics=("device", "other"))),
)
WITH_VETTING = replace(ROOMS, ids={**ROOMS.ids, "#vetting": VETTING}, vetting="#vetting")
ELSEWHERE = "The card of this case stands in another room now"

LABEL = TextId("main.problem.device")
CASE = Case(
    CaseNumber("7F3K"),
    CaseStatus.ARRIVED,
    ConversationId("c"),
    FixedClock().now(),
    "en",
    (Answer("main.problem", TextId("main.problem"), "device", LABEL),),
    LABEL,
)


@pytest.mark.parametrize(
    ("case", "room"),
    [
        (CASE, "#phones"),
        (replace(CASE, locale="es"), "#es"),
        (replace(CASE, topic=None), DEFAULT),
        (replace(CASE, answers=(replace(CASE.answers[0], outcome="account"),)), DEFAULT),
    ],
)
def test_the_first_room_that_fits_wins(case: Case, room: str) -> None:
    assert name_of(case, ROOMS, (), before_claim=True) == room


def test_both_language_and_topic_must_fit_where_both_are_named() -> None:
    rooms = Rooms({"#a": "!a"}, (Route("#a", ("es", "fr"), ("device",)),))
    assert name_of(CASE, rooms, (), before_claim=True) == DEFAULT
    assert name_of(replace(CASE, locale="fr"), rooms, (), before_claim=True) == "#a"
    assert name_of(replace(CASE, locale="fr", topic=None), rooms, (), before_claim=True) == DEFAULT


def test_with_its_topic_erased_a_case_stays_where_it_was_shown() -> None:
    erased = replace(CASE, topic=None, answers=())
    assert name_of(erased, ROOMS, ("#phones",), before_claim=True) == "#phones"
    assert name_of(erased, ROOMS, ("#es",), before_claim=True) == DEFAULT


@pytest.mark.parametrize(
    ("case", "before_claim", "room"),
    [
        (CASE, True, "#vetting"),
        (CASE, False, "#phones"),
        (replace(CASE, status=CaseStatus.VETTING, vetting=Vetting.PENDING), True, "#vetting"),
        (replace(CASE, status=CaseStatus.WAITING, vetting=Vetting.PASSED), True, "#phones"),
        (replace(CASE, status=CaseStatus.CLAIMED, claimed_by=CLAIMER), True, "#phones"),
        (replace(CASE, status=CaseStatus.DECLINED, vetting=Vetting.DECLINED), True, "#vetting"),
        (replace(CASE, bare=Bare.STALLED), True, "#phones"),
    ],
)
def test_what_waits_for_vetting_stands_in_the_room_for_it(case: Case, before_claim: bool, room: str) -> None:
    assert name_of(case, WITH_VETTING, (), before_claim=before_claim) == room


async def test_cases_are_shown_in_the_room_of_their_language_or_their_topic() -> None:
    async with World(rooms=ROOMS) as world:
        await world.walk(IN_SPANISH)
        await world.walk(WALK, OTHER_ROOM, OTHER)
        assert len(of_cards(world, SPANISH)) == 1
        assert len(of_cards(world, PHONES)) == 1
        assert world.said(QUEUE) == []


async def test_any_queue_room_takes_commands_about_any_case_and_news_stand_in_the_cases_own() -> None:
    async with World(rooms=ROOMS) as world:
        await world.walk(IN_SPANISH)
        number = (await world.case()).number
        assert await world.command(f"!vet passed {number}", VETTER, PHONES) == [
            f"{number} has passed vetting. It can be claimed now."
        ]
        assert world.said(SPANISH)[-1] == f"{number} has passed vetting. It can be claimed now."
        await world.command(f"!claim {number}", CLAIMER, QUEUE)
        assert states(world, SPANISH)[-1] == f"Claimed by {CLAIMER}, not answered yet"


async def test_a_card_waits_for_vetting_in_its_room_and_goes_on_when_it_is_signed_off() -> None:
    async with World(rooms=WITH_VETTING) as world:
        await world.walk()
        number = (await world.case()).number
        assert len(of_cards(world, VETTING)) == 1
        assert of_cards(world, PHONES) == []
        await world.command(f"!vet passed {number}", VETTER, VETTING)
        assert [text.partition(" · ")[2] for _, text in of_cards(world, VETTING)][-1] == ELSEWHERE
        assert [event for event, _ in of_cards(world, PHONES)] == ["said"]
        assert states(world, PHONES) == ["Free to claim"]
        await world.command(f"!claim {number}", CLAIMER, PHONES)
        assert len(of_cards(world, VETTING)) == 2


async def until_tried(world: World) -> None:
    """Doors are knocked at again."""
    for _ in range(4):
        world.clock.advance(2 * MINUTE)
        world.desk.look_again()
        await world.quiet()


async def test_what_a_room_that_cannot_be_entered_should_show_is_shown_in_the_default_one_until_it_can() -> None:
    world = World(rooms=ROOMS)
    async with world:
        await world.walk(IN_SPANISH)
        number = (await world.case()).number
        world.server.broken[SPANISH] = SendError(Failure.GONE)
        await world.command(f"!vet passed {number}", VETTER, PHONES)
        await world.until(lambda: _true(any("#es" in text for text in world.said(QUEUE))))
        await until_tried(world)
        assert [text for text in world.said(QUEUE) if "#es" in text] == [
            "I cannot come into the room #es. Its cases are shown here until I can. Please invite me there again."
        ]
        assert f"{number} has passed vetting. It can be claimed now." in world.said(QUEUE)
        assert [event == "said" for event, _ in of_cards(world)][:2] == [True, False]
        assert all(state.startswith("Free to claim") for state in states(world))
        assert len(of_cards(world, SPANISH)) == 1
        await world.walk(IN_SPANISH, OTHER_ROOM, OTHER)
        assert len([event for event, _ in of_cards(world) if event == "said"]) == 2
        await until_tried(world)
        assert world.desk.unreached == 0, "its cases are seen"
    async with world:
        del world.server.broken[SPANISH]
        world.server.happen(SPANISH, CLAIMER, Invited())
        await world.until(lambda: _true(len(of_cards(world, SPANISH)) >= 3))
        await until_tried(world)
        assert [event == "said" for event, _ in of_cards(world, SPANISH)].count(True) == 2
        assert states(world, SPANISH)[1].startswith("Free to claim")
        assert [text.partition(" · ")[2] for _, text in of_cards(world)][-2:] == [ELSEWHERE, ELSEWHERE]
        assert world.said(QUEUE)[-1] == "I am in the room #es again. Its cases are shown there from now on."


async def test_a_room_whose_alias_leads_nowhere_takes_no_cases_and_is_told_once() -> None:
    world = World(rooms=replace(ROOMS, ids={**ROOMS.ids, "#es": None}))
    for _ in range(2):
        async with world:
            await world.quiet()
    async with world:
        await world.walk(IN_SPANISH)
        assert len(of_cards(world)) == 1
        assert len([text for text in world.said(QUEUE) if "#es" in text]) == 1


async def test_cases_of_a_room_that_is_taken_out_of_the_config_are_shown_elsewhere() -> None:
    world = World(rooms=ROOMS)
    async with world:
        await world.walk(IN_SPANISH)
    world.staff = replace(world.staff, rooms=Rooms())
    async with world:
        await world.until(lambda: _true(len(of_cards(world)) == 1))
        await world.until(lambda: _true(len(of_cards(world, SPANISH)) == 2))
        assert of_cards(world, SPANISH)[-1][1].endswith(ELSEWHERE)
    world.staff = replace(world.staff, rooms=ROOMS)
    async with world:
        await world.until(lambda: _true(len(of_cards(world, SPANISH)) == 3))
        assert states(world, SPANISH)[-1].startswith("Waiting for vetting")


async def test_a_queue_room_that_is_upgraded_takes_its_cards_along() -> None:
    async with World(rooms=ROOMS) as world:
        await world.walk(IN_SPANISH)
        await world.happen(SPANISH, VETTER, Moved("!newer:staff.example"))
        assert len(of_cards(world, "!newer:staff.example")) == 1
        assert (await world.conversation("!newer:staff.example")).place is Place.QUEUE
        number = (await world.case()).number
        assert (await world.command(f"!claim {number}", CLAIMER, "!newer:staff.example"))[0].startswith(number)


async def test_the_invitation_to_the_room_that_a_queue_moves_to_is_not_a_requesters() -> None:
    async with World(rooms=ROOMS) as world:
        await world.quiet()
        world.server.broken[SPANISH] = SendError(Failure.AWAY)
        world.server.happen(SPANISH, VETTER, Moved("!newer:staff.example"))
        await world.quiet()
        world.server.happen("!newer:staff.example", VETTER, Invited())
        del world.server.broken[SPANISH]
        await until_tried(world)
        assert (await world.conversation("!newer:staff.example")).place is Place.QUEUE


# what is asked for


async def test_a_room_lists_the_open_cases_of_its_concern_and_the_default_one_all() -> None:
    async with World(rooms=ROOMS) as world:
        assert await world.command("!queue") == ["No case is open here."]
        await world.walk(IN_SPANISH)
        first = (await world.case()).number
        world.clock.advance(timedelta(minutes=12))
        await world.walk(WALK, OTHER_ROOM, OTHER)
        second = (await world.case(OTHER_ROOM)).number
        lines = [
            f"{first} · Español · A phone · It can wait · Waiting for vetting · waiting: 12 minutes",
            f"{second} · English · A phone · It can wait · Waiting for vetting",
        ]
        assert await world.command("!queue") == ["\n".join(lines)]
        assert await world.command("!queue", room=SPANISH) == lines[:1]
        assert await world.command("!queue", room=PHONES) == lines[1:]
        await world.command(f"!close {first}")
        assert (await world.command("!queue", room=SPANISH))[-1] == "No case is open here."


async def test_mine_are_those_that_i_have_claimed_with_who_wrote_last_and_when() -> None:
    async with World() as world:
        assert await world.command("!mine", CLAIMER) == ["You have claimed no case that is open."]
        number = await world.claimed()
        await world.write(world.relay, CLAIMER, "We read you.", signed=True)
        (line,) = await world.command("!mine", CLAIMER)
        state = f"Claimed by {CLAIMER}, answered, waiting for the requester"
        at = world.clock.now()
        assert line == f"{number} · English · A phone · It can wait · {state} · last change: {at:%-d %b %H:%M} UTC"
        assert await world.command("!mine", VETTER) == ["You have claimed no case that is open."]


async def test_one_case_is_shown_with_its_life_and_its_rooms_to_whoever_may_be_in_them() -> None:
    async with World() as world:
        number = await world.claimed()
        invited = len(world.server.invited())
        (shown,) = await world.command(f"!case {number}", CLAIMER)
        at = f"{world.clock.now():%-d %b %H:%M} UTC"
        assert shown == (
            f"{number} · English · A phone · It can wait\nClaimed by {CLAIMER}, not answered yet\n\n"
            f"{at} · Handed over to people\n{at} · Passed vetting · {VETTER}\n{at} · Claimed · {CLAIMER}\n\n"
            f"To the requester: https://matrix.to/#/{world.relay}\nNotes: https://matrix.to/#/{world.notes}"
        )
        assert set(world.server.invited()[invited:]) == {(world.relay, CLAIMER), (world.notes, CLAIMER)}
        (shown,) = await world.command(f"!case {number}", VETTER)
        assert "matrix.to" not in shown
        assert len(world.server.invited()) == invited + 2
        assert REQUESTER not in shown
        before = world.said(world.notes)
        await world.command("!case", CLAIMER, world.notes)
        assert world.said(world.notes)[len(before)].startswith(number)


async def test_whoever_vets_a_case_is_shown_its_notes_room_until_it_is_claimed() -> None:
    async with World() as world:
        await world.walk()
        number = (await world.case()).number
        await world.command(f"!vet pending {number}", VETTER)
        assert (await world.command(f"!case {number}", VETTER))[0].endswith(f"Notes: https://matrix.to/#/{world.notes}")
        assert "matrix.to" not in (await world.command(f"!case {number}", CLAIMER))[0]


async def test_the_list_of_staff_is_for_the_default_room_alone() -> None:
    async with World(rooms=ROOMS, leads=frozenset({"@lea:staff.example"})) as world:
        said = await world.command("!staff list", "@lea:staff.example", SPANISH)
        assert said == ["Please write commands about the list of staff in the queue room."]


async def _true(value: bool) -> bool:
    return value
