"""A crew: one task a key (a conversation), there while it has work and gone when it has none.

Whatever goes wrong in one task is logged without its words and tried again; the others never notice (law 7).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Generic, TypeVar

from bot.logs import describe

K = TypeVar("K", bound=str)

LONGEST_PAUSE = 60.0  # seconds between two tries of work that fails for no reason we know

_log = logging.getLogger(__name__)


class Crew(Generic[K]):
    """Runs `work(key)` for every key that was woken, each in its own task.

    `work` returns None when nothing is left to do, or the seconds after which it wants to be called again; being woken
    calls it at once. `stopping` is set once the crew is to go home.
    """

    def __init__(self, work: Callable[[K], Awaitable[float | None]]) -> None:
        self._work = work
        self._tasks: dict[K, asyncio.Task[None]] = {}
        self._flags: dict[K, asyncio.Event] = {}
        self.stopping = False

    def wake(self, key: K) -> None:
        """There is, or may be, something to do."""
        if self.stopping:
            return
        if key in self._flags:
            self._flags[key].set()
            return
        self._flags[key] = asyncio.Event()
        self._tasks[key] = asyncio.create_task(self._run(key, self._flags[key]))

    def wake_all(self) -> None:
        """Whoever waits looks again at once."""
        for flag in self._flags.values():
            flag.set()

    async def stop(self, patience: float) -> None:
        """Let everybody finish what is in hand, for so many seconds at most; the rest is done after a restart."""
        self.stopping = True
        self.wake_all()
        tasks = list(self._tasks.values())
        if not tasks:
            return
        _, late = await asyncio.wait(tasks, timeout=patience)
        for task in late:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _run(self, key: K, flag: asyncio.Event) -> None:
        failed = 0
        try:
            while not self.stopping:
                flag.clear()
                try:
                    pause = await self._work(key)
                    failed = 0
                except Exception as error:
                    _log.error("work failed and is tried again: %s", describe(error))
                    pause = min(2.0**failed, LONGEST_PAUSE)
                    failed += 1
                if pause is None:
                    if flag.is_set():
                        continue
                    return  # nothing awaits between the look at the flag and the end: no waking is lost
                with suppress(TimeoutError):
                    # not `wait_for`: before Python 3.12 it can swallow a cancellation
                    async with asyncio.timeout(pause):
                        await flag.wait()
        finally:
            del self._tasks[key], self._flags[key]
