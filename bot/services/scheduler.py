"""The scheduler: a due timer becomes an event of its conversation's session."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from bot.domain import Owner, Timer
from bot.errors import VestibuleError
from bot.flow.engine import REMIND
from bot.logs import describe
from bot.ports import Clock, Store, Tx
from bot.services import keeping, reception
from bot.services.crew import Crew
from bot.services.work import Kit, Work

LONGEST_SLEEP = 60.0  # seconds: a computer that was suspended, or whose clock was set, is late by no more
ONLY = "timers"

_log = logging.getLogger(__name__)


class Scheduler:
    """Waits for the next timer. `committed` is told of every stored step."""

    def __init__(self, store: Store, clock: Clock, kit: Kit, committed: Callable[[Work], None]) -> None:
        self._store = store
        self._clock = clock
        self._kit = kit
        self._committed = committed
        self._crew: Crew[str] = Crew(self._run)
        self._coming: datetime | None = None

    def wake(self) -> None:
        """Look at the timers and the clock."""
        self._crew.wake(ONLY)

    def expect(self, due: datetime) -> None:
        """A timer was set. Most are set anew and for later: they disturb nobody."""
        if self._coming is None or due < self._coming:
            self.wake()

    async def stop(self, patience: float) -> None:
        """Finish the step in hand."""
        await self._crew.stop(patience)

    async def _run(self, _key: str) -> float | None:
        while not self._crew.stopping:
            self._coming = None  # what is set while we look must wake us
            due, coming = await self._store.transact(lambda tx: (tx.timers.due(self._clock.now()), tx.timers.next()))
            for timer in due:
                await self._ring(timer)
            if due:
                continue
            self._coming = coming
            if coming is None:
                return None
            return min(max((coming - self._clock.now()).total_seconds(), 0.0), LONGEST_SLEEP)
        return None

    async def _ring(self, timer: Timer) -> None:
        try:
            work = await self._store.transact(lambda tx: self._step(tx, timer))
        except Exception as error:
            _log.error("a timer's step failed: %s", describe(error))
            work = await self._store.transact(lambda tx: self._end(tx, timer))
        self._committed(work)

    def _step(self, tx: Tx, timer: Timer) -> Work:
        work = Work(tx, self._kit)
        if timer in tx.timers.due(work.now):  # otherwise it was set anew while we looked
            tx.timers.cancel(timer.conversation, timer.kind)
            if keeping.is_due(timer):
                keeping.ring(work, timer)
            else:
                reception.time_out(work, tx.conversations.get(timer.conversation), timer.kind)
        return work

    def _end(self, tx: Tx, timer: Timer) -> Work:
        """What cannot be timed out in words is erased all the same (law 3); only a reminder can be left out."""
        work = Work(tx, self._kit)
        if timer in tx.timers.due(work.now):
            tx.timers.cancel(timer.conversation, timer.kind)
            if timer.kind == REMIND:
                return work
            if keeping.is_due(timer):
                keeping.try_again(work, timer)
                return work
            try:
                conversation = tx.conversations.get(timer.conversation)
            except VestibuleError as error:
                # whoever owns it cannot be read any more, and the timers behind this one must not wait for it
                _log.error("a timer's conversation cannot be read: %s", describe(error))
                tx.sessions.erase(timer.conversation)
                return work
            work.end_session(conversation)
            if conversation.owner is Owner.BOT:
                tx.conversations.save(replace(conversation, owner=Owner.NOBODY))
        return work
