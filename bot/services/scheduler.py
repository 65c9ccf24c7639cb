"""The scheduler: a due timer becomes an event of its conversation's session."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from bot.domain import Owner, Timer
from bot.errors import VestibuleError
from bot.flow.engine import REMIND
from bot.logs import describe
from bot.ports import Clock, Store, Tx
from bot.services import cards, keeping, promise, reception, silence, stalled
from bot.services.crew import Crew
from bot.services.work import Kit, Work

LONGEST_SLEEP = 60.0  # seconds: a computer that was suspended, or whose clock was set, is late by no more
ONLY = "timers"
NO_TIME, TOO_MUCH = timedelta(0), timedelta(seconds=1)  # a clock that is slewed goes on by less
EVER = datetime.max.replace(tzinfo=UTC)

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
        self._seen = clock.now()

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
            await self._look_at_clock()
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

    async def _look_at_clock(self) -> None:
        """A promise is not kept by setting the clock back: what had passed of it has passed.

        Weak point: a clock set forth cannot be told from a computer that slept, so that people are called too early.
        """
        now = self._clock.now()
        back, self._seen = max(self._seen - now, NO_TIME), now
        if back < TOO_MUCH:
            return
        _log.warning("the clock was set back by %d seconds", back.total_seconds())

        def reckon(tx: Tx) -> None:
            work, timers = Work(tx, self._kit), tx.timers.due(EVER)
            promise.set_back(work, timers, back)
            stalled.set_back(work, timers, back)

        await self._store.transact(reckon)

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
            elif cards.is_due(timer):
                cards.ring(work, timer)
            elif silence.is_due(timer):
                silence.ring(work, timer)
            elif promise.is_due(timer):
                promise.ring(work, timer)
            elif stalled.is_due(timer):
                stalled.ring(work, tx.conversations.get(timer.conversation))
            else:
                reception.time_out(work, tx.conversations.get(timer.conversation), timer.kind)
        return work

    def _end(self, tx: Tx, timer: Timer) -> Work:
        """What cannot be timed out in words is erased all the same (law 3); only a reminder can be left out."""
        work = Work(tx, self._kit)
        if timer in tx.timers.due(work.now):
            tx.timers.cancel(timer.conversation, timer.kind)
            if timer.kind == REMIND or cards.is_due(timer) or silence.is_due(timer):
                return work
            if keeping.is_due(timer):
                keeping.try_again(work, timer)
                return work
            if promise.is_due(timer) or stalled.is_due(timer):
                promise.try_again(work, timer)
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
                with suppress(VestibuleError):  # it may be the record of its card
                    stalled.gone(work, replace(conversation, owner=Owner.NOBODY))
        return work
