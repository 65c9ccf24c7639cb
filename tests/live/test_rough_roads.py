"""A bad way between the bot and its homeserver: nothing is lost or said twice, the order is kept (laws 1 and 2)."""

from __future__ import annotations

import sys

import pytest

from tests.live.proxy import Behind, Seeded, Trouble
from tests.live.walking import Seen, converse


async def walk_badly(seed: int, expected: Seen) -> Seeded:
    async with Behind() as helpline:
        helpline.proxy.plan = plan = Seeded(seed)
        try:
            seen = await converse(helpline)
        except BaseException:
            print(helpline.log.read_text())
            raise
        log = helpline.log.read_text()
        assert helpline.bot_pid is not None
    print(f"\ntrouble with {plan.made.total()} requests", file=sys.stderr)
    assert seen == expected
    assert "Traceback" not in log
    assert "unexpected" not in log
    return plan


async def test_every_kind_of_bad_answer_in_one_conversation_changes_no_word_of_it(undisturbed: Seen) -> None:
    plan = await walk_badly(1, undisturbed)
    assert set(plan.made) == set(Trouble) - {Trouble.HANGING}


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(2, 12))
async def test_bad_answers_change_no_word_whatever_their_order(seed: int, undisturbed: Seen) -> None:
    await walk_badly(seed, undisturbed)
