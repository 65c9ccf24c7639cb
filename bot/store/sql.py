"""The store: one thread, one connection, one transaction after the other (laws 1 and 6).

A transaction is a plain function. What waits while another one is written to the disk is committed together with the
next, each in a savepoint of its own: one flush of the disk for all of them, and one that fails takes no other with it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from threading import Thread
from time import monotonic
from typing import Any, TypeVar

from bot.store.cards import Cards
from bot.store.cases import Cases
from bot.store.conversations import Conversations
from bot.store.counts import Counts
from bot.store.desk import Desk
from bot.store.entries import Entries
from bot.store.people import Copies, Roster
from bot.store.releases import Releases
from bot.store.rows import Journal, Outbox, Sessions, Timers, Tokens
from bot.store.traces import Traces

T = TypeVar("T")

SCRUB_SECONDS = 60.0  # at most, until what was erased stands in no file of ours; it costs some flushes of the disk
MAX_GROUP = 32  # transactions committed together; more would keep the first one waiting


class SqlTx:
    """One transaction: all of it is stored, or nothing."""

    def __init__(self, desk: Desk) -> None:
        self.journal = Journal(desk)
        self.conversations = Conversations(desk)
        self.sessions = Sessions(desk)
        self.outbox = Outbox(desk)
        self.timers = Timers(desk)
        self.cases = Cases(desk)
        self.entries = Entries(desk)
        self.copies = Copies(desk)
        self.cards = Cards(desk)
        self.traces = Traces(desk)
        self.roster = Roster(desk)
        self.releases = Releases(desk)
        self.counts = Counts(desk)
        self._tokens = Tokens(desk)

    def token(self, channel: str) -> str | None:
        return self._tokens.get(channel)

    def set_token(self, channel: str, token: str) -> None:
        self._tokens.set(channel, token)


@dataclass(frozen=True, slots=True)
class _Job:
    work: Callable[[SqlTx], Any]
    answer: Future[Any]


@dataclass(frozen=True, slots=True)
class _Outcome:
    value: Any
    error: BaseException | None


class SqlStore:
    """A `ports.Store` on SQLAlchemy's sync engine. Made by `bot.store.open`."""

    def __init__(self, connect: Callable[[], Desk]) -> None:
        """Starts the thread and connects on it; raises what `connect` raises."""
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._closed = False
        opened: Future[None] = Future()
        self._thread = Thread(target=self._serve, args=(connect, opened), name="store", daemon=True)
        self._thread.start()
        opened.result()

    async def transact(self, work: Callable[[SqlTx], T]) -> T:
        """Run `work` in one transaction. Cancelled before its turn, it does nothing; later, it is stored."""
        if self._closed:
            raise RuntimeError("the store is closed")
        answer: Future[T] = Future()
        self._jobs.put(_Job(work, answer))
        return await asyncio.wrap_future(answer)

    async def close(self) -> None:
        """Finish what waits, then close the files."""
        if not self._closed:
            self._closed = True
            self._jobs.put(None)
        await asyncio.to_thread(self._thread.join)

    def _serve(self, connect: Callable[[], Desk], opened: Future[None]) -> None:
        try:
            desk = connect()
        except BaseException as error:
            opened.set_exception(error)
            return
        opened.set_result(None)
        tx = SqlTx(desk)
        try:
            scrubbed, stale = monotonic(), False
            while (group := self._next_group(scrubbed + SCRUB_SECONDS if stale else None)) is not None:
                if group:
                    self._commit(desk, tx, group)
                    stale = True
                if monotonic() >= scrubbed + SCRUB_SECONDS:
                    scrubbed, stale = monotonic(), not desk.scrub()
        finally:
            desk.close()

    def _next_group(self, until: float | None) -> list[_Job] | None:
        """What waits, at least one; none of it where nothing comes until then; None when the store is to close."""
        group: list[_Job] = []
        try:
            job = self._jobs.get(timeout=None if until is None else max(until - monotonic(), 0.0))
        except Empty:
            return group
        while job is not None:
            group.append(job)
            if len(group) == MAX_GROUP:
                return group
            try:
                job = self._jobs.get_nowait()
            except Empty:
                return group
        if group:
            self._jobs.put(None)  # first these, then the end
        return group or None

    def _commit(self, desk: Desk, tx: SqlTx, group: list[_Job]) -> None:
        group = [job for job in group if job.answer.set_running_or_notify_cancel()]
        try:
            with desk.connection.begin():
                if len(group) == 1:  # the usual case: nothing to part it from, so no savepoint
                    outcomes = [_Outcome(group[0].work(tx), None)]
                else:
                    outcomes = [self._attempt(desk, tx, job) for job in group]
        except BaseException as error:  # the one job, the commit or the disk failed: none of them is stored
            desk.give_up()
            outcomes = [_Outcome(None, error) for _ in group]
        for job, outcome in zip(group, outcomes, strict=True):
            if outcome.error is None:
                job.answer.set_result(outcome.value)
            else:
                job.answer.set_exception(outcome.error)

    def _attempt(self, desk: Desk, tx: SqlTx, job: _Job) -> _Outcome:
        # not begin_nested: it compiles a savepoint of a new name each time, a tenth of what a step costs
        say = desk.connection.exec_driver_sql
        say("SAVEPOINT one")
        try:
            value = job.work(tx)
        except BaseException as error:  # whatever it is, it belongs to the one who asked, and the thread lives on
            say("ROLLBACK TO SAVEPOINT one")
            say("RELEASE SAVEPOINT one")
            desk.forget_learnt()
            return _Outcome(None, error)
        say("RELEASE SAVEPOINT one")
        return _Outcome(value, None)
