"""The bot's command line, killed by SIGKILL at the n-th of its steps into the world: `killer.py N run --config …`.

A step is a store transaction or a request to the homeserver; the process dies before it, or right after it was done,
by turns, so that both "not yet" and "done, but nobody knows" are met.
"""

import os
import signal
import sys
from collections.abc import Awaitable, Callable
from typing import Any

from bot.channels.matrix.homeserver import Homeserver
from bot.cli import main
from bot.store.sql import SqlStore


def deadly(step: Callable[..., Awaitable[Any]], left: list[int]) -> Callable[..., Awaitable[Any]]:
    """The same step, counted; at the end of the count the process dies before or after it."""

    async def counted(*args: Any, **kwargs: Any) -> Any:
        left[0] -= 1
        if left[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        done = await step(*args, **kwargs)
        left[0] -= 1
        if left[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return done

    return counted


if __name__ == "__main__":
    count = [int(sys.argv.pop(1))]
    SqlStore.transact = deadly(SqlStore.transact, count)  # type: ignore[method-assign]
    Homeserver.call = deadly(Homeserver.call, count)  # type: ignore[method-assign]
    sys.exit(main())
