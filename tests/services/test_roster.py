"""Who is one of the staff, and how that changes while the bot runs."""

import pytest

from bot.deeds import Identify
from bot.domain import CaseStatus, Listed, Owner
from bot.errors import VestibuleError
from bot.happenings import Joined, Left
from bot.services.roster import Member, Outcome
from bot.testing.caseload import MemoryCases
from tests.services.world import (
    BOT,
    CLAIMER,
    LEAD,
    NEW,
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
    pin,
)

KEY = pin(NEW)
GROUPS = " ".join(KEY[start : start + 4] for start in range(0, 43, 4))


def staff_text(name: str, **params: str) -> str:
    return TEXTS.say(f"staff.{name}", "en", params)


def led(**more: bool) -> World:
    return World(leads=frozenset({LEAD}), **more)


async def add(world: World, who: str = NEW, *, lead: bool = False) -> list[str]:
    return await world.command(f"!staff add {who} {pin(who)}{' lead' if lead else ''}", LEAD)


async def listed(world: World) -> list[Listed]:
    return list(await world.memory.transact(lambda tx: tx.roster.listed()))


async def test_what_is_added_is_what_somebody_compared() -> None:
    async with led() as world:
        world.server.identities[NEW] = KEY
        (asked,) = await world.command(f"!staff add {NEW}", LEAD)
        command = f"!staff add {NEW} {KEY}"
        assert asked == staff_text("identity_found", who=NEW, fingerprint=GROUPS, command=command)
        assert asked.endswith(f"\n\n{command}")
        assert await listed(world) == []
        assert await world.command(command, LEAD) == [staff_text("roster_added", who=NEW)]
        assert await listed(world) == [Listed(NEW, KEY, added_by=LEAD)]


async def test_the_command_that_confirms_makes_a_lead_where_one_was_asked_for() -> None:
    async with led() as world:
        world.server.identities[NEW] = KEY
        (asked,) = await world.command(f"!staff add {NEW} lead", LEAD)
        assert await world.command(asked.rpartition("\n\n")[2], LEAD) == [staff_text("roster_added_lead", who=NEW)]
        assert await world.command(f"!staff add {STRANGER} {GROUPS}", NEW) == [staff_text("roster_added", who=STRANGER)]


async def test_who_has_no_identity_cannot_be_added() -> None:
    async with led() as world:
        world.server.identities[NEW] = ""
        assert await world.command(f"!staff add {NEW}", LEAD) == [staff_text("identity_unknown", who=NEW)]


async def test_whoever_was_added_counts_at_once_and_after_a_restart() -> None:
    async with led() as world:
        await world.walk()
        number = (await world.case()).number
        assert await world.command(f"!vet passed {number}", NEW) == [staff_text("not_allowed")]
        await add(world)
        assert await world.command(f"!vet passed {number}", NEW) == [staff_text("vet_done_passed", case=number)]
        await world.restart()
        answer = await world.command(f"!claim {number}", NEW)
        assert answer == [staff_text("claim_done", case=number, who=NEW)]
        assert staff_text("relay_intro", case=number) in world.said(world.relay)


async def test_the_channel_trusts_exactly_those_who_are_listed() -> None:
    async with led() as world:
        config = {who: pin(who) for who in (VETTER, CLAIMER, LEAD)}
        assert world.server.pins == config
        await add(world)
        assert world.server.pins == {**config, NEW: KEY}
        world.server.pins = {}
        await world.restart()
        assert world.server.pins == {**config, NEW: KEY}
        await world.command(f"!staff remove {NEW}", LEAD)
        assert world.server.pins == config


@pytest.mark.parametrize("who", [VETTER, NEW])
@pytest.mark.parametrize("command", ["list", f"add {STRANGER}", f"add {STRANGER} {KEY} lead", f"remove {NEW}"])
async def test_only_leads_see_or_change_who_is_listed(who: str, command: str) -> None:
    async with led() as world:
        await add(world)
        before = await listed(world)
        assert await world.command(f"!staff {command}", who) == [staff_text("roster_for_leads")]
        assert await listed(world) == before
        assert not any(isinstance(message.deed, Identify) for _, message in world.server.attempts)


async def test_a_lead_is_obeyed_only_on_a_signed_device() -> None:
    async with led() as world:
        await world.write(QUEUE, LEAD, f"!staff add {NEW} {KEY}", signed=False)
        assert world.said(QUEUE) == [staff_text("not_allowed")]
        assert await listed(world) == []


@pytest.mark.parametrize("where", ["relay", "notes"])
async def test_the_list_is_changed_in_the_queue_room_alone(where: str) -> None:
    async with led() as world:
        await world.claimed()
        room = {"relay": world.relay, "notes": world.notes}[where]
        before = world.said(ROOM)
        assert await world.command(f"!staff add {NEW} {KEY}", LEAD, room) == [staff_text("roster_elsewhere")]
        assert await listed(world) == []
        assert world.said(ROOM) == before


@pytest.mark.parametrize(
    ("command", "told"),
    [
        ("add", "no_name"),
        ("add nora", "no_name"),
        (f"add nora {KEY}", "no_name"),
        ("remove", "no_name"),
        ("remove nora", "no_name"),
        (f"add {NEW} {KEY[:-1]}", "no_identity"),
        (f"add {NEW} {KEY} boss", "no_identity"),
        (f"add {NEW} {'-' * 43}", "no_identity"),
        (f"add {NEW} {KEY[:-1]}/", "no_identity"),
    ],
)
async def test_a_wrong_form_is_told(command: str, told: str) -> None:
    async with led() as world:
        assert await world.command(f"!staff {command}", LEAD) == [staff_text(f"roster_{told}", who=LEAD)]
        assert await listed(world) == []


@pytest.mark.parametrize("command", ["add {}", "add {} " + KEY, "remove {}"])
async def test_neither_the_bot_nor_those_in_the_configuration_can_be_changed(command: str) -> None:
    async with led() as world:
        assert await world.command(f"!staff {command.format(BOT)}", LEAD) == [staff_text("roster_is_bot")]
        for who in (VETTER, LEAD):
            told = staff_text("roster_in_config", who=who)
            assert await world.command(f"!staff {command.format(who)}", LEAD) == [told]
        assert await listed(world) == []


async def test_the_list_names_everybody_with_their_identity_and_who_added_them() -> None:
    async with led() as world:
        await add(world, lead=True)
        await world.desk.add_staff(STRANGER, KEY, lead=False)
        await world.quiet()
        (answer,) = await world.command("!staff list", LEAD)
        *config, new, other = answer.split("\n\n")
        assert [line.splitlines()[0] for line in config] == [VETTER, CLAIMER, f"{LEAD}, lead"]
        assert new.splitlines() == [f"{NEW}, lead", GROUPS, staff_text("roster_by_lead", who=LEAD)]
        assert other.splitlines() == [STRANGER, GROUPS, staff_text("roster_by_administrator")]


async def test_a_new_identity_takes_the_place_of_the_old_one() -> None:
    async with led() as world:
        await add(world, lead=True)
        await world.command(f"!staff add {NEW} {pin('after a reset')}", LEAD)
        assert await listed(world) == [Listed(NEW, pin("after a reset"), added_by=LEAD)]
        assert world.server.pins[NEW] == pin("after a reset")


async def claimed_by_new(world: World) -> str:
    await add(world)
    await world.walk()
    number = (await world.case()).number
    await world.command(f"!vet passed {number}")
    await world.command(f"!claim {number}", NEW)
    return number


async def test_nothing_of_who_was_removed_is_passed_on_or_obeyed() -> None:
    async with led() as world:
        number = await claimed_by_new(world)
        await world.write(world.relay, NEW, "before", signed=True)
        assert world.said(ROOM)[-1] == "before"
        assert await world.command(f"!staff remove {NEW}", LEAD) == [
            staff_text("roster_removed", who=NEW),
            staff_text("claimer_removed", case=number, who=NEW),
        ]
        heard = world.said(ROOM)
        for room in (world.relay, world.notes, QUEUE):
            for text in ("after", "!close"):
                await world.write(room, NEW, text, signed=True)
        assert world.said(ROOM) == heard
        case = await world.get_case(number)
        assert (case.status, case.claimed_by, await world.owner()) == (CaseStatus.WAITING, None, Owner.QUEUE)


async def test_who_is_removed_and_listed_again_can_claim_again_and_reads_what_was_kept() -> None:
    async with led() as world:
        number = await claimed_by_new(world)
        await world.command(f"!staff remove {NEW}", LEAD)
        before, relay = world.said(world.relay), world.relay
        await world.write(ROOM, REQUESTER, "are you there")
        await world.happen(relay, NEW, Joined())
        assert world.said(relay) == before
        await add(world)
        await world.write(relay, NEW, "I am back", signed=True)
        assert world.said(relay)[len(before) :] == [staff_text("relay_unclaimed", case=number)]
        await world.command(f"!claim {number}", NEW)
        assert world.relay == relay
        assert world.said(relay)[-2:] == ["are you there", staff_text("claim_done", case=number, who=NEW)]


async def test_whoever_claims_the_case_of_somebody_removed_gets_rooms_in_which_they_are_not() -> None:
    async with led() as world:
        number = await claimed_by_new(world)
        old = (world.relay, world.notes)
        await world.command(f"!staff remove {NEW}", LEAD)
        await world.write(ROOM, REQUESTER, "are you there")
        await world.command(f"!claim {number}", CLAIMER)
        assert {world.relay, world.notes}.isdisjoint(old)
        assert world.said(world.relay) == [staff_text("relay_intro", case=number), "are you there"]
        assert STORY in "".join(world.said(world.notes))
        heard = world.said(ROOM)
        await world.write(old[0], VETTER, "into the room of old", signed=True)
        assert world.said(ROOM) == heard
        assert world.said(old[0])[-1] == staff_text("relay_unclaimed", case=number)
        await world.write(world.relay, CLAIMER, "here", signed=True)
        assert world.said(ROOM) == [*heard, "here"]


async def test_a_case_whose_claimer_had_left_before_their_removal_is_not_told_of_again() -> None:
    async with led() as world:
        await claimed_by_new(world)
        await world.happen(world.relay, NEW, Left())
        assert await world.command(f"!staff remove {NEW}", LEAD) == [staff_text("roster_removed", who=NEW)]


async def test_a_lead_who_was_added_may_close_what_another_has_claimed() -> None:
    async with led() as world:
        await add(world, lead=True)
        number = await world.claimed()
        assert await world.command(f"!close {number}", NEW) == [staff_text("closed_done", case=number)]


async def test_of_cases_that_are_over_or_are_others_nothing_is_said_at_a_removal() -> None:
    async with led() as world:
        number = await claimed_by_new(world)
        await world.command("!close", NEW, world.notes)
        await world.walk(WALK, OTHER_ROOM, OTHER)
        other = (await world.case(OTHER_ROOM)).number
        await world.command(f"!vet passed {other}")
        await world.command(f"!claim {other}", CLAIMER)
        assert await world.command(f"!staff remove {NEW}", LEAD) == [staff_text("roster_removed", who=NEW)]
        assert (await world.get_case(number)).status is CaseStatus.CLOSED
        await world.write(OTHER_ROOM, OTHER, "to the one who is still there")
        assert world.said(world.relay)[-1] == "to the one who is still there"


async def test_a_record_that_cannot_be_read_keeps_nobody_on_the_list(monkeypatch: pytest.MonkeyPatch) -> None:
    async with led() as world:
        await claimed_by_new(world)

        def broken(self):
            raise VestibuleError("a record cannot be read")

        monkeypatch.setattr(MemoryCases, "open", broken)
        assert await world.command(f"!staff remove {NEW}", LEAD) == [staff_text("roster_removed", who=NEW)]
        assert NEW not in world.server.pins
        await world.restart()


async def test_the_case_of_a_claimer_whom_the_configuration_names_no_more_is_released_at_the_start() -> None:
    async with led() as world:
        number = await world.claimed()
        relay, told = world.relay, staff_text("claimer_removed", case=number, who=CLAIMER)
        await world.desk.stop()
        members = {who: key for who, key in world.staff.members.items() if who != CLAIMER}
        world.staff = type(world.staff)(**{**_fields(world.staff), "members": members})
        await world.restart()
        await world.restart()
        await world.write(ROOM, REQUESTER, "are you there")
        assert world.said(QUEUE).count(told) == 1
        assert "are you there" not in world.said(relay)


def _fields(staff) -> dict[str, object]:
    return {name: getattr(staff, name) for name in staff.__slots__}


async def test_the_administrator_changes_the_list_and_the_queue_room_hears_of_it() -> None:
    async with led() as world:
        await world.write(QUEUE, VETTER, "good morning")
        assert await world.desk.add_staff(NEW, KEY, lead=True) is Outcome.ADDED
        await world.quiet()
        assert world.said(QUEUE)[-1] == staff_text("roster_added_lead", who=NEW)
        assert world.server.pins[NEW] == KEY
        assert Member(Listed(NEW, KEY, lead=True), in_config=False) in await world.desk.staff()
        assert Member(Listed(LEAD, pin(LEAD), lead=True), in_config=True) in await world.desk.staff()
        assert await world.desk.remove_staff(NEW) is Outcome.REMOVED
        await world.quiet()
        assert world.said(QUEUE)[-1] == staff_text("roster_removed", who=NEW)
        assert NEW not in world.server.pins


async def test_the_administrator_hears_why_the_list_stays_as_it_is() -> None:
    async with led() as world:
        await world.write(QUEUE, VETTER, "good morning")
        assert await world.desk.add_staff("nora", KEY, lead=False) is Outcome.NO_NAME
        assert await world.desk.add_staff(NEW, GROUPS, lead=False) is Outcome.NO_IDENTITY
        assert await world.desk.add_staff(BOT, KEY, lead=False) is Outcome.IS_BOT
        assert await world.desk.add_staff(VETTER, KEY, lead=False) is Outcome.IN_CONFIG
        assert await world.desk.remove_staff(NEW) is Outcome.NOT_LISTED
        await world.quiet()
        assert world.said(QUEUE) == []
