"""Twenty specialists want the same case in the same moment: one has it, and the others hear who."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

import bot.store
from bot.domain import Owner
from bot.happenings import Wrote
from bot.store import MasterKey
from tests.services.world import QUEUE, TEXTS, World

TWENTY = [f"@specialist{number}:staff.example" for number in range(20)]


@pytest.fixture(params=["memory", "sqlite"])
async def world(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[World]:
    world = World(leads=frozenset(TWENTY))
    if request.param == "sqlite":
        world.memory = bot.store.open(tmp_path / "data", None, MasterKey.make(tmp_path / "key"))
    async with world:
        yield world
    await world.memory.close()


async def test_of_twenty_claims_at_once_one_wins_and_the_others_hear_who_has_it(world: World) -> None:
    await world.walk()
    number = (await world.case()).number
    await world.command(f"!vet pending {number}")
    await world.command(f"!vet passed {number}")
    rooms = (QUEUE, world.notes)  # which are answered side by side
    before = {room: world.said(room) for room in rooms}
    for place, who in enumerate(TWENTY):
        world.server.happen(rooms[place % 2], who, Wrote(f"!claim {number}", signed=True))
    await world.quiet()

    case, changes = await world.get_case(number), await world.memory.transact(lambda tx: tx.cases.changes(number))
    winner = case.claimed_by
    assert (winner in TWENTY, await world.owner()) == (True, Owner.SPECIALIST)
    assert [change.who for change in changes if change.step == "claim"] == [winner]
    won = TEXTS.say("staff.claim_done", "en", {"case": number, "who": winner})
    taken = TEXTS.say("staff.claim_refused_taken", "en", {"case": number, "other": winner})
    answers = [text for room in rooms for text in world.said(room)[len(before[room]) :] if text in (won, taken)]
    in_notes = rooms[TWENTY.index(winner) % 2] != QUEUE
    assert (answers.count(won), answers.count(taken)) == (1 + in_notes, len(TWENTY) - 1)
    asked = {message.deed.contact for _, message in world.server.delivered if hasattr(message.deed, "contact")}
    assert asked.intersection(TWENTY) == {winner}
