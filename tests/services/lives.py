"""A case at each point of its life."""

from __future__ import annotations

from bot.domain import Case, CaseNumber, CaseStatus, Owner
from bot.services import casework
from bot.services.work import Work
from tests.services.world import CLAIMER, REQUESTER, ROOM, World

CLAIMED = (CaseStatus.CLAIMED, CaseStatus.ON_US, CaseStatus.ON_REQUESTER)


async def reopen(world: World, number: CaseNumber) -> Case | None:
    """The requester says that it is the same matter."""

    def step(tx):
        work, case = Work(tx, world.desk._kit), tx.cases.get(number)
        theirs = tx.conversations.of_requester(number)
        here = next((each for each in theirs if each.owner is Owner.BOT), tx.conversations.get(case.requester))
        return work, casework.reopen(work, case, here)

    work, reopened = await world.memory.transact(step)
    world.desk._committed(work)
    await world.quiet()
    return reopened


async def brought_to(world: World, status: CaseStatus) -> CaseNumber:
    """A case at this point, which the claimer has if anybody has."""
    await world.walk()
    number = (await world.case()).number
    before = {CaseStatus.ARRIVED: (), CaseStatus.VETTING: ("pending",), CaseStatus.DECLINED: ("declined",)}
    for verdict in before.get(status, ("passed",)):
        await world.command(f"!vet {verdict} {number}")
    if status in (*CLAIMED, CaseStatus.CLOSED, CaseStatus.REOPENED):
        await world.command(f"!claim {number}", CLAIMER)
    if status in (CaseStatus.ON_REQUESTER, CaseStatus.ON_US):
        await world.write(world.relay, CLAIMER, "hello", signed=True)
    if status is CaseStatus.ON_US:
        await world.write(ROOM, REQUESTER, "hello to you")
    if status in (CaseStatus.CLOSED, CaseStatus.REOPENED):
        await world.command(f"!close {number}", CLAIMER)
    if status is CaseStatus.REOPENED:
        await reopen(world, number)
    assert (await world.get_case(number)).status is status
    return number
