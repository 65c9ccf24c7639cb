"""The life of a case on record: who took which step, when, from what to what; and the one owner that follows."""

from __future__ import annotations

from bot.domain import CaseStatus, Owner
from tests.services.world import CLAIMER, REQUESTER, ROOM, VETTER, WALK, World


async def test_every_step_stands_on_record_with_who_took_it() -> None:
    async with World() as world:
        number = await world.claimed()
        await world.write(world.relay, CLAIMER, "hello", signed=True)
        await world.write(ROOM, REQUESTER, "thank you")
        await world.write(ROOM, REQUESTER, "and one thing more")
        await world.command(f"!close {number}", CLAIMER)
        changes = await world.memory.transact(lambda tx: tx.cases.changes(number))
    assert [(change.step, change.who, change.before, change.after, change.claimer) for change in changes] == [
        ("open", "", None, CaseStatus.ARRIVED, None),
        ("sign_off", VETTER, CaseStatus.ARRIVED, CaseStatus.WAITING, None),
        ("claim", CLAIMER, CaseStatus.WAITING, CaseStatus.CLAIMED, CLAIMER),
        ("speak", CLAIMER, CaseStatus.CLAIMED, CaseStatus.ON_REQUESTER, CLAIMER),
        ("hear", "", CaseStatus.ON_REQUESTER, CaseStatus.ON_US, CLAIMER),
        ("close", CLAIMER, CaseStatus.ON_US, CaseStatus.CLOSED, CLAIMER),
    ]
    assert {change.at for change in changes} == {world.clock.now()}


async def test_the_owner_of_the_conversation_follows_each_step() -> None:
    async with World() as world:
        await world.walk(WALK[:2])
        owners = [await world.owner()]
        await world.walk(WALK[2:])
        number = (await world.case()).number
        owners.append(await world.owner())
        for command, who in (("!vet passed", VETTER), ("!claim", CLAIMER), ("!close", CLAIMER)):
            await world.command(f"{command} {number}", who)
            owners.append(await world.owner())
    assert owners == [Owner.BOT, Owner.QUEUE, Owner.QUEUE, Owner.SPECIALIST, Owner.NOBODY]
