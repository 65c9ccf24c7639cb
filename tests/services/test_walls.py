"""What may not pass does not pass, in whatever order things come: the room decides, nothing else (laws 6, 10, 11)."""

import asyncio
import logging
from dataclasses import dataclass, replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.deeds import Discard
from bot.happenings import Alarm, Alarmed, Attached, Cause, Happening, Joined, Left, Removed, Unreadable, Wrote
from bot.services.commands import is_command
from tests.services.world import (
    CLAIMER,
    FILE,
    LEAD,
    NEW,
    OTHER,
    OTHER_ROOM,
    QUEUE,
    REQUESTER,
    ROOM,
    STORY,
    STRANGER,
    VETTER,
    WALK,
    World,
    pin,
)

PLACES = ("queue", "relay", "notes", "home")


@dataclass(frozen=True)
class Move:
    """One thing that somebody does."""

    where: str
    who: str
    signed: bool
    words: str


WORDS = st.sampled_from(
    [
        "plain",
        "!close",
        "!claim",
        "!help",
        "!vet passed",
        "!vet declined",
        "!clsoe",
        " !close",
        "\u200b!x",
        "！y",
        "! z",
    ]
)
MOVES = st.builds(
    Move,
    st.sampled_from(PLACES),
    st.sampled_from([VETTER, CLAIMER, STRANGER, REQUESTER]),
    st.booleans(),
    WORDS,
)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.one_of(MOVES, st.sampled_from(["left", "joined", "unread", "restart"])), max_size=25))
def test_only_signed_words_of_listed_staff_in_the_relay_room_reach_the_requester(moves: list[Move | str]) -> None:
    asyncio.run(_only_relayed_words_reach_the_requester(moves))


async def _only_relayed_words_reach_the_requester(moves: list[Move | str]) -> None:
    async with World() as world:
        await world.claimed()
        before, rooms = (
            len(world.said(ROOM)),
            {"queue": QUEUE, "relay": world.relay, "notes": world.notes, "home": ROOM},
        )
        await world.write(world.notes, CLAIMER, "mark-first", signed=True)
        may, owner, closed = [], CLAIMER, False
        for number, move in enumerate(moves):
            if isinstance(move, Move):
                if move.where == "home" and move.who != REQUESTER:
                    continue  # a third person there ends everything; that is tested elsewhere
                text = f"{move.words} mark-{number}-"
                await world.write(rooms[move.where], move.who, text, signed=move.signed)
                if not move.signed or move.who not in (VETTER, CLAIMER) or closed:
                    continue
                if move.where == "relay" and move.words == "plain" and owner:
                    may.append(text)
                elif move.where in ("relay", "notes") and "!claim" in move.words:
                    owner = owner or move.who
                elif move.where in ("relay", "notes") and "!close" in move.words:
                    closed = owner in (None, move.who)
            elif move == "restart":
                await world.restart()
            elif move == "unread":
                await world.happen(rooms["relay"], CLAIMER, Unreadable(Cause.NO_KEY))
            else:
                await world.happen(rooms["relay"], CLAIMER, Left() if move == "left" else Joined())
                owner = None if move == "left" and owner == CLAIMER else owner
        heard = world.said(ROOM)[before:]
        assert [text for text in heard if "mark-" in text] == may
        assert not any(name in text for text in heard for name in (VETTER, CLAIMER, STRANGER))


@settings(max_examples=50, deadline=None)
@given(st.lists(st.sampled_from(["add", "remove", "write", "restart"]), max_size=15))
def test_words_count_from_the_moment_their_writer_is_listed_until_they_are_not(moves: list[str]) -> None:
    asyncio.run(_words_count_while_their_writer_is_listed(moves))


async def _words_count_while_their_writer_is_listed(moves: list[str]) -> None:
    async with World(leads=frozenset({LEAD})) as world:
        await world.claimed()
        before, listed, may = world.said(ROOM), False, []
        for number, move in enumerate(moves):
            if move == "restart":
                await world.restart()
            elif move == "write":
                await world.write(world.relay, NEW, f"mark-{number}", signed=True)
                may += [f"mark-{number}"] * listed
            else:
                listed = move == "add"
                await world.command(f"!staff {move} {NEW} {pin(NEW) if listed else ''}", LEAD)
            assert (NEW in world.server.pins) is listed
        assert world.said(ROOM) == [*before, *may]


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.sampled_from([0, 1]), st.booleans()), max_size=15))
def test_two_cases_never_hear_each_other(turns: list[tuple[int, bool]]) -> None:
    asyncio.run(_two_cases_never_hear_each_other(turns))


async def _two_cases_never_hear_each_other(turns: list[tuple[int, bool]]) -> None:
    async with World() as world:
        homes, people, relays = (ROOM, OTHER_ROOM), (REQUESTER, OTHER), []
        for home, person in zip(homes, people, strict=True):
            await world.walk(WALK, home, person)
            number = (await world.case(home)).number
            await world.command(f"!vet passed {number}")
            await world.command(f"!claim {number}", CLAIMER)
            relays.append(world.relay)
        for number, (which, from_staff) in enumerate(turns):
            if from_staff:
                await world.write(relays[which], CLAIMER, f"to-{which}-{number}", signed=True)
            else:
                await world.write(homes[which], people[which], f"from-{which}-{number}")
        for which in (0, 1):
            assert not any(f"to-{1 - which}-" in text for text in world.said(homes[which]))
            assert not any(f"from-{1 - which}-" in text for text in world.said(relays[which]))
            assert sum(f"to-{which}-" in text for text in world.said(homes[which])) == turns.count((which, True))
            assert sum(f"from-{which}-" in text for text in world.said(relays[which])) == turns.count((which, False))


AMONG_STAFF = st.one_of(
    st.sampled_from(["close", "claim 7F3K", "yes", "1", "well !close", "> !close\n\nso", "¡hola!", "@vera: !close"]),
    st.text(min_size=1),
).filter(lambda text: not is_command(text))
EVENTS = st.sampled_from(["to the requester", "from the requester", "noted", "asked for", "$unknown", ""])
NOTED = st.tuples(
    st.sampled_from(["notes", "queue"]),
    st.sampled_from([VETTER, CLAIMER, STRANGER, REQUESTER]),
    st.one_of(
        st.builds(Wrote, AMONG_STAFF, st.booleans(), st.none() | EVENTS, quotes=st.sampled_from(["", "!close"])),
        st.builds(Attached, st.just(FILE), st.booleans()),
        st.builds(Removed, EVENTS),
    ),
)


@pytest.mark.parametrize("stage", ["vetting", "claimed", "closed", "declined"])
@settings(max_examples=40, deadline=None)
@given(written=st.lists(NOTED, min_size=1, max_size=10))
def test_what_is_written_without_a_command_in_a_notes_room_leads_to_nothing(
    stage: str, written: list[tuple[str, str, Happening]]
) -> None:
    asyncio.run(_notes_lead_to_nothing(stage, written))


async def _notes_lead_to_nothing(stage: str, written: list[tuple[str, str, Happening]]) -> None:
    async with World() as world:
        events = await _come_to(world, stage)
        rooms = {"notes": world.notes, "queue": QUEUE}
        before, done, files = _all_but_the_journal(world), len(world.server.attempts), 0
        for room, who, what in written:
            if isinstance(what, Wrote) and what.edits:
                what = replace(what, edits=events.get(what.edits, what.edits))
            elif isinstance(what, Removed):
                what = Removed(events.get(what.event_id, what.event_id))
            elif isinstance(what, Attached):
                files += 1
            await world.happen(rooms[room], who, what)
        assert _all_but_the_journal(world) == before
        assert not await world.memory.transact(lambda tx: tx.journal.waiting())
        assert [message.deed for _, message in world.server.attempts[done:]] == [Discard(FILE)] * files


async def _come_to(world: World, stage: str) -> dict[str, str]:
    """A case at this point of its life; what was written for it, by the room."""
    await world.walk()
    number = (await world.case()).number
    asked = await world.write(QUEUE, VETTER, f"!vet pending {number}", signed=True)
    noted = await world.write(world.notes, VETTER, "who knows them?", signed=True)
    theirs, ours = await world.write(ROOM, REQUESTER, "from me"), "$unknown"
    if stage in ("claimed", "closed"):
        await world.command(f"!vet passed {number}")
        await world.command(f"!claim {number}", CLAIMER)
        theirs = await world.write(ROOM, REQUESTER, "from me again")
        ours = await world.write(world.relay, CLAIMER, "to you", signed=True)
    if stage == "closed":
        await world.command("!close", CLAIMER, world.notes)
    if stage == "declined":
        await world.command("!vet declined", VETTER, world.notes)
    return {"to the requester": ours, "from the requester": theirs, "noted": noted, "asked for": asked}


def _all_but_the_journal(world: World) -> Any:
    """All that is stored; the fake's own, for no port shows all of it."""
    return replace(world.memory._state.copy(), journal={}, taken=set(), tokens={})


async def test_no_words_and_no_address_stand_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    # `logs.configure` sets this for the bot; nobody has done it here
    logging.getLogger("transitions").setLevel(logging.WARNING)
    caplog.set_level(logging.DEBUG)
    async with World(leads=frozenset({LEAD})) as world:
        await world.claimed()
        await world.write(world.relay, CLAIMER, "words of a specialist", signed=True)
        await world.write(world.notes, CLAIMER, "words in the notes", signed=True)
        await world.write(ROOM, REQUESTER, "words of the requester")
        await world.command("!close", CLAIMER, world.notes)
        await world.command(f"!staff add {NEW} {pin(NEW)}", LEAD)
        await world.command(f"!staff add {OTHER}", LEAD)
        await world.happen("", OTHER, Alarmed(Alarm.UNSIGNED_DEVICE, OTHER, "LAPTOP"))
        await world.happen(QUEUE, STRANGER, Joined())
        rooms = [ROOM, QUEUE, world.relay, world.notes]
    people = [REQUESTER, CLAIMER, VETTER, LEAD, NEW, OTHER, STRANGER]
    secrets = [STORY, "words", "LAPTOP", pin(NEW), *people, *rooms]
    assert [secret for secret in secrets if secret in caplog.text] == []
