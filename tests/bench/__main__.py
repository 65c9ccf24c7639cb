"""`make bench`: the intake beside bare echoes, the size of a helpline, the engine, the checks. Asserts nothing."""

from __future__ import annotations

import argparse
import asyncio
import time
from contextlib import AsyncExitStack
from functools import partial

from bot.demo.helpline import Helpline
from tests.bench import check_time, engine_steps, faq, scale
from tests.bench.bots import ECHOES, echo, vestibule
from tests.bench.figures import aim_lines, aims, client_line, table_lines
from tests.bench.requester import Requester
from tests.bench.rounds import measure

ROUNDS = 5
MANY = 8  # requesters at once
MINUTES = 4.0  # after which no new round begins: a round takes about one


async def compare(rounds: int) -> None:
    begun = time.monotonic()
    tell = partial(print, flush=True)
    async with AsyncExitStack() as stack:
        helpline = await stack.enter_async_context(Helpline(tell=tell))
        synapse = helpline.synapse
        bots = [await stack.enter_async_context(echo(synapse, name)) for name in ECHOES]
        bots.append(await stack.enter_async_context(vestibule(helpline)))
        requesters = []
        for _ in range(MANY):
            requester = await Requester.login(synapse.url, await synapse.register())
            stack.push_async_callback(requester.stop)
            requesters.append(requester)
        table = await measure(synapse, bots, requesters, rounds, begun + MINUTES * 60, tell)
    taken = len(next(iter(table.values())).one)
    tell(f"\nFrom the send call to the readable reply; medians over the rounds ({taken}); ms, and MB of memory.")
    tell("CPU: the bot's, a message; server: the homeserver's; first: the first reply in a room.\n")
    for line in (*table_lines(table, MANY), "", *aim_lines(aims(table, MANY)), "", client_line(table)):
        tell(line)


def main() -> None:
    options = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    options.add_argument("--rounds", type=int, default=ROUNDS, help="how often every bot is measured")
    options.add_argument("--quick", action="store_true", help="one round: whether it works, not how fast it is")
    chosen = options.parse_args()
    asyncio.run(compare(1 if chosen.quick else max(chosen.rounds, 1)))
    print("\nAt the size of a helpline:", flush=True)
    scale.main(quick=chosen.quick)
    print("\nThe engine alone:", flush=True)
    engine_steps.main()
    print("\nThe checks alone:", flush=True)
    check_time.main()
    print("\nQuestions in people's own words:", flush=True)
    faq.main()


if __name__ == "__main__":
    main()
