"""A channel that was taken out of the config, while a case came by it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from bot.domain import Case, CaseStatus
from tests.services.test_casework import staff_text
from tests.services.world import CLAIMER, World


async def gone(world: World, case: Case) -> None:
    """The requester's channel is one that the bot does not have any more."""
    conversations = world.memory._state.conversations
    conversations[case.requester] = replace(conversations[case.requester], channel="elsewhere")
    await world.restart()


async def test_its_cases_are_closed_and_let_go_and_staff_hear_what_does_not_arrive() -> None:
    async with World() as world:
        number = await world.claimed()
        await gone(world, await world.get_case(number))
        before = len(world.said(world.relay))
        await world.write(world.relay, CLAIMER, "are you there?", signed=True)
        assert world.said(world.relay)[before:] == [f"{staff_text('not_delivered')}\n\n> are you there?"]
        await world.command("!close", CLAIMER, world.notes)
        assert (await world.get_case(number)).status is CaseStatus.CLOSED
        world.clock.advance(timedelta(days=91))
        assert world.desk is not None
        world.desk.look_again()

        async def let_go() -> bool:
            return (await world.get_case(number)).answers == ()

        await world.until(let_go)
