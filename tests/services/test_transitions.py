"""Every step in the life of a case, from every point of it, by everybody: taken and told, or refused and told why."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.domain import CaseStatus as At
from bot.domain import Owner
from bot.happenings import Left
from bot.life import OWNERS
from tests.services.lives import CLAIMED, brought_to
from tests.services.world import CLAIMER, LEAD, QUEUE, REQUESTER, ROOM, STRANGER, TEXTS, VETTER, World

OTHER_LEAD = "@olga:staff.example"
STAFF = (CLAIMER, VETTER, LEAD)  # the claimer where there is one, another specialist, a lead
OUTSIDE = ((STRANGER, True), (REQUESTER, True), (CLAIMER, False), (LEAD, False))  # and whether the device is signed
COMMANDS = (
    "!vet pending {}",
    "!vet passed {}",
    "!vet declined {}",
    "!claim {}",
    "!release {}",
    "!assign {} olga",
    "!help-me {}",
    "!close {}",
)

Outcome = tuple[str, At | None]  # what is told, and where it leads; None: nothing is changed


def outcome(at: At, command: str, who: str) -> Outcome:
    """What must come of it."""
    match command.partition(" {}")[0]:
        case "!vet pending" | "!vet passed" | "!vet declined" as vet:
            return vetted(at, vet.removeprefix("!vet "))
        case "!claim":
            return claimed(at, who)
        case "!release":
            if at not in CLAIMED:
                return "not_claimed", None
            return ("not_yours", None) if who == VETTER else ("release_done", At.WAITING)
        case "!assign":
            return assigned(at, who)
        case "!help-me":
            return ("help_wanted", at) if at in CLAIMED and who == CLAIMER else ("help_refused", None)
        case _:
            if at in (At.CLOSED, At.DECLINED):
                return "close_refused_closed", None
            return ("close_refused", None) if at in CLAIMED and who == VETTER else ("closed_done", At.CLOSED)


def vetted(at: At, verdict: str) -> Outcome:
    if at is At.CLOSED:
        return "vet_refused_closed", None
    if at not in (At.ARRIVED, At.VETTING):
        return "vet_refused_decided", None
    return {
        "pending": ("vet_pending_done", At.VETTING),
        "passed": ("vet_done_passed", At.WAITING),
        "declined": ("vet_done_declined", At.DECLINED),
    }[verdict]


def claimed(at: At, who: str) -> Outcome:
    if at in CLAIMED:
        return ("claim_again" if who == CLAIMER else "claim_refused_taken"), None
    return {
        At.ARRIVED: ("claim_refused_vetting", None),
        At.VETTING: ("claim_refused_vetting", None),
        At.DECLINED: ("claim_refused_declined", None),
        At.CLOSED: ("claim_refused_closed", None),
    }.get(at, ("claim_done", At.CLAIMED))


def assigned(at: At, who: str) -> Outcome:
    if at in (At.CLOSED, At.DECLINED):
        return f"claim_refused_{at.value}", None
    if at in CLAIMED:
        return ("not_yours", None) if who == VETTER else ("assign_done", at)
    if who != LEAD:
        return "not_yours", None
    return ("claim_refused_vetting", None) if at in (At.ARRIVED, At.VETTING) else ("assign_done", At.CLAIMED)


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("at", At, ids=str)
async def test_each_command_of_staff_is_done_and_told_or_refused_and_told_why(at: At, command: str) -> None:
    for who in STAFF:
        async with World(leads=frozenset({LEAD, OTHER_LEAD})) as world:
            number = await brought_to(world, at)
            before = await world.get_case(number)
            text, leads_to = outcome(at, command, who)
            other = OTHER_LEAD if text == "assign_done" else CLAIMER
            told = TEXTS.say(f"staff.{text}", "en", {"case": number, "who": who, "other": other})
            assert await world.command(command.format(number), who) == [told], who
            case = await world.get_case(number)
            if leads_to is None:
                assert case == before, who
                continue
            assert case.status is leads_to, who
            assert await world.owner() is OWNERS[leads_to]
            assert (case.claimed_by is not None) is (
                leads_to in CLAIMED or (before.is_claimed and leads_to is At.CLOSED)
            )
            if text in ("claim_done", "assign_done"):
                assert case.claimed_by == (who if text == "claim_done" else OTHER_LEAD)


@pytest.mark.parametrize("at", At, ids=str)
async def test_nobody_else_moves_a_case_by_a_command(at: At) -> None:
    async with World(leads=frozenset({LEAD, OTHER_LEAD})) as world:
        number = await brought_to(world, at)
        before = await world.get_case(number)
        changes = await world.memory.transact(lambda tx: tx.cases.changes(number))
        rooms = [QUEUE, *([world.relay, world.notes] if at in CLAIMED else [])]
        for room in rooms:
            for who, signed in OUTSIDE:
                for command in COMMANDS:
                    heard = len(world.said(room))
                    await world.write(room, who, command.format(number), signed=signed)
                    assert world.said(room)[heard:] == [TEXTS.say("staff.not_allowed", "en")]
        after = await world.get_case(number)
        assert replace(after, told=before.told) == before, "but for what was told of it"
        assert await world.memory.transact(lambda tx: tx.cases.changes(number)) == changes


@pytest.mark.parametrize("at", [at for at in At if OWNERS[at] is not Owner.NOBODY], ids=str)
async def test_a_requester_who_writes_commands_writes_words(at: At) -> None:
    async with World(leads=frozenset({LEAD, OTHER_LEAD})) as world:
        number = await brought_to(world, at)
        before = await world.get_case(number)
        for command in COMMANDS:
            await world.write(ROOM, REQUESTER, command.format(number))
        case = await world.get_case(number)
        assert case.status is (At.ON_US if at is At.ON_REQUESTER else at)
        assert (case.claimed_by, case.vetting) == (before.claimed_by, before.vetting)
        assert await world.owner() is OWNERS[at]


WRITES = {  # who writes in the relay room of a claimed case, from a signed device, and where it leads
    CLAIMER: At.ON_REQUESTER,
    VETTER: At.ON_REQUESTER,
    LEAD: At.ON_REQUESTER,
    STRANGER: None,
    REQUESTER: None,
}


@pytest.mark.parametrize("at", CLAIMED, ids=str)
async def test_words_in_the_relay_room_are_the_helplines_only_from_staff(at: At) -> None:
    for who, leads_to in WRITES.items():
        for signed in (True, False):
            async with World(leads=frozenset({LEAD})) as world:
                number = await brought_to(world, at)
                await world.write(world.relay, who, "words", signed=signed)
                moved = leads_to if signed and leads_to else at
                assert (await world.get_case(number)).status is moved


@pytest.mark.parametrize("at", At, ids=str)
async def test_a_claimer_who_leaves_moves_what_is_theirs_and_nothing_else(at: At) -> None:
    async with World(leads=frozenset({LEAD})) as world:
        number = await brought_to(world, at)
        had_rooms = at in (*CLAIMED, At.CLOSED, At.REOPENED)
        for who in (VETTER, STRANGER, CLAIMER) if had_rooms else ():
            await world.happen(world.relay, who, Left())
            released = at in CLAIMED and who == CLAIMER
            case = await world.get_case(number)
            assert case.status is (At.WAITING if released else at), who
            told = TEXTS.say("staff.claimer_left", "en", {"case": number, "who": CLAIMER})
            assert (told in world.said(QUEUE)) is released
