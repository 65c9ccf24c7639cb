"""Killed at every await of a whole conversation, the bot goes on: nothing is lost, nothing said twice (laws 1 and 2).

A moment is before or after a transaction, before or after a deed; "after" means that it was done and nobody heard.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.deeds import MakeRoom
from bot.domain import Place
from bot.happenings import Attached, Cause, Left, Removed, Unreadable, Wrote
from tests.services.world import CLAIMER, FILE, REQUESTER, ROOM, VETTER, WALK, World, texts_of


class Fate:
    """Counts the moments of one process, and ends it at the chosen one: from then on nothing returns."""

    def __init__(self, last: int | None) -> None:
        self.last = last
        self.moments = 0
        self.dead = False

    async def moment(self) -> None:
        self.dead = self.dead or self.moments == self.last
        if self.dead:
            await asyncio.Future()
        self.moments += 1


class MortalStore:
    def __init__(self, store, fate: Fate) -> None:
        self._store, self._fate = store, fate

    async def transact(self, work):
        await self._fate.moment()
        result = await self._store.transact(work)
        await self._fate.moment()
        return result


class MortalChannel:
    def __init__(self, server, fate: Fate) -> None:
        self._server, self._fate = server, fate
        self.name, self.device, self.longest = server.name, server.device, server.longest
        self.fingerprint = server.fingerprint

    def trust(self, pins) -> None:
        self._server.trust(pins)

    async def listen(self, inbox) -> None:
        await self._server.listen(inbox)

    def open(self, attachment):
        return self._server.open(attachment)

    async def perform(self, conversation, message, files):
        await self._fate.moment()
        done = await self._server.perform(conversation, message, files)
        await self._fate.moment()
        return done


class MortalWorld(World):
    """A world whose bot dies at the given moments of its successive lives."""

    def __init__(self, *lasts: int) -> None:
        super().__init__()
        self._lasts = list(lasts)
        self.fate = Fate(None)
        self.lives = 0

    async def __aenter__(self) -> MortalWorld:
        await self._live()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._kill()

    async def quiet(self) -> None:
        await self.until(self._quiet)

    async def _quiet(self) -> bool:
        if self.fate.dead:
            await self._kill()
            await self._live()
        return await self.is_quiet() and not self.fate.dead

    async def _live(self) -> None:
        self.lives += 1
        self.fate = Fate(self._lasts.pop(0) if self._lasts else None)
        self.desk = self.build(MortalStore(self.memory, self.fate), MortalChannel(self.server, self.fate))
        # a start may be cut off like everything else
        self._start = asyncio.create_task(self.desk.start())

    async def _kill(self) -> None:
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@dataclass(frozen=True)
class Transcript:
    """All that people saw, whatever the case was called."""

    requester: tuple[str, ...]
    queue: tuple[str, ...]
    relay: tuple[str, ...]
    notes: tuple[str, ...]
    ticked: tuple[str, ...]
    changed: tuple[str, ...]
    files: int
    erased: tuple[str, ...]
    rooms: int
    left_over: int


async def whole_conversation(world: World) -> Transcript:
    """From the first word to a second session, through every kind of step that stores or sends something."""
    await world.walk(WALK)
    number = (await world.case()).number
    await world.write(ROOM, REQUESTER, "kept for the claimer")
    await world.happen(ROOM, REQUESTER, Attached(replace(FILE, place="theirs")))
    await world.happen(ROOM, REQUESTER, Unreadable(Cause.NO_KEY))
    await world.command(f"!vet pending {number}")
    await world.command("!vet passed known to us", VETTER, world.notes)
    await world.command(f"!claim {number}", CLAIMER)
    await world.command(f"!claim {number}", VETTER)
    ours = await world.write(world.relay, CLAIMER, "hello from us", signed=True)
    await world.happen(world.relay, CLAIMER, Wrote("hello from all of us", signed=True, edits=ours))
    await world.happen(world.relay, CLAIMER, Attached(FILE, signed=True))
    await world.write(world.notes, CLAIMER, "between ourselves", signed=True)
    theirs = await world.write(ROOM, REQUESTER, "thank you")
    await world.happen(ROOM, REQUESTER, Removed(theirs))
    await world.happen(world.relay, CLAIMER, Left())
    await world.write(ROOM, REQUESTER, "still there?")
    await world.command(f"!claim {number}", CLAIMER)
    await world.write(world.relay, CLAIMER, "a\n\n" * 4_000, signed=True)
    await world.command("!close", CLAIMER, world.notes)
    await world.write(ROOM, REQUESTER, "one more thing")
    places = {
        place.value: tuple(text.replace(number, "CASE") for text in texts_of(world.server, place)) for place in Place
    }
    rooms = sum(isinstance(message.deed, MakeRoom) for _, message in world.server.delivered)
    left_over = await world.memory.transact(lambda tx: len(tx.journal.waiting()) + len(tx.outbox.lanes()))
    return Transcript(
        **places,
        ticked=tuple(world.server.ticked()),
        changed=tuple(text for room in (ROOM, world.relay) for _, text in world.changes(room)),
        files=len(world.files(ROOM)) + len(world.files(world.relay)),
        erased=tuple(sorted(file.place for file in world.server.discarded)),
        rooms=rooms,
        left_over=left_over,
    )


async def lived_through(*lasts: int) -> tuple[Transcript, MortalWorld]:
    async with MortalWorld(*lasts) as world:
        return await whole_conversation(world), world


@pytest.fixture(scope="module")
def undisturbed() -> tuple[Transcript, int]:
    """What people see when nothing happens, and in how many moments."""
    transcript, world = asyncio.run(lived_through())
    assert transcript.rooms == 2
    assert transcript.left_over == 0
    assert (len(transcript.changed), transcript.files) == (2, 2)
    assert transcript.erased == (FILE.place, "theirs")
    assert len(transcript.requester) == len(WALK) + 7
    return transcript, world.fate.moments


def test_killed_at_any_moment_the_bot_goes_on_and_nobody_notices(undisturbed: tuple[Transcript, int]) -> None:
    expected, moments = undisturbed
    assert moments > 150
    for last in range(moments):
        seen, world = asyncio.run(lived_through(last))
        assert world.lives == 2, f"never reached moment {last}"
        assert seen == expected, f"killed at moment {last}"


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.integers(0, 120), min_size=2, max_size=8))
def test_killed_again_and_again_the_bot_goes_on(undisturbed: tuple[Transcript, int], lasts: list[int]) -> None:
    seen, _ = asyncio.run(lived_through(*lasts))
    assert seen == undisturbed[0]


@pytest.mark.soak
@settings(max_examples=5_000, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.integers(0, 400), min_size=2, max_size=20))
def test_killed_again_and_again_for_long(undisturbed: tuple[Transcript, int], lasts: list[int]) -> None:
    seen, _ = asyncio.run(lived_through(*lasts))
    assert seen == undisturbed[0]
