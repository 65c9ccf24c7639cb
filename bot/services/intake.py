"""Intake: what a channel brings is journaled first, then answered, one worker a conversation.

Nothing is lost (law 1): arrivals are stored in the transaction that moves the channel's token, and a row is emptied in
the transaction that stores the step it caused. One conversation never waits for another.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial

from bot.deeds import Leave
from bot.domain import Conversation, ConversationId, Place
from bot.errors import VestibuleError
from bot.happenings import Arrival, Attached, Batch, Endangered, Invited, Typing, Unreadable, Wrote
from bot.logs import describe
from bot.ports import Store, Tx
from bot.services import reception, sayings, staffrooms
from bot.services.crew import Crew
from bot.services.presence import Presence
from bot.services.work import Kit, Work

MAX_TRIES = 3  # of one step; what fails three times fails always
RETRY_SECONDS = 0.2  # between two tries: long enough for a passing fault of the disk

FIRST_SIGNS = (Invited, Wrote, Attached, Unreadable)  # what makes a conversation of a room that we do not know

Row = tuple[int, Arrival]

_log = logging.getLogger(__name__)


class _StepFailed(Exception):
    """A row could not be answered, through no fault of the store's connection or disk."""

    def __init__(self, cause: Exception) -> None:
        super().__init__(type(cause).__name__)
        self.cause = cause


class Intake:
    """The inbox of every channel, and the workers that empty it. `committed` is told of every stored step."""

    def __init__(self, store: Store, kit: Kit, presence: Presence, committed: Callable[[Work], None]) -> None:
        self._store = store
        self._kit = kit
        self._presence = presence
        self._committed = committed
        self._crew: Crew[ConversationId] = Crew(self._empty)
        self._tries: dict[ConversationId, int] = {}
        self._told_of_broken = False

    async def accept(self, batch: Batch) -> None:
        """Journal the arrivals and move the token, then wake whoever is to answer."""
        work, touched, broken = await self._store.transact(partial(self._journal, batch))
        self._told_of_broken = self._told_of_broken or broken
        self._committed(work)
        for conversation in touched:
            self._crew.wake(conversation)

    async def token(self, channel: str) -> str | None:
        """From where the channel goes on."""
        return await self._store.transact(lambda tx: tx.token(channel))

    async def typing(self, typing: Typing) -> None:
        """Show it on the other side of the relay."""
        await self._presence.show(typing)

    async def start(self) -> None:
        """Go on with what was journaled before the last stop."""
        for conversation in await self._store.transact(lambda tx: tx.journal.waiting()):
            self._crew.wake(conversation)

    async def stop(self, patience: float) -> None:
        """Finish the steps in hand."""
        await self._crew.stop(patience)

    def _journal(self, batch: Batch, tx: Tx) -> tuple[Work, list[ConversationId], bool]:
        work = Work(tx, self._kit)
        touched: dict[ConversationId, None] = {}
        broken = False
        for arrival in batch.arrivals:
            try:
                conversation = self._file(work, arrival)
            except VestibuleError as error:
                # a record of this conversation is broken, and will be at the next try: the others must not wait for it
                _log.error("an arrival could not be journaled: %s", describe(error))
                broken = True
            else:
                if conversation is not None:
                    touched[conversation] = None
        if broken and not self._told_of_broken:
            with suppress(VestibuleError):  # it may be the queue room's record
                work.say(work.queue(), self._kit.render.staff(sayings.RECORD_BROKEN))
        tx.set_token(batch.channel, batch.token)
        return work, list(touched), broken

    def _file(self, work: Work, arrival: Arrival) -> ConversationId | None:
        """Journal one arrival; None where nobody has to answer it. What happened in no room is for the queue room."""
        conversation = work.tx.conversations.find(arrival.channel, arrival.room) if arrival.room else work.queue()
        if conversation is None:
            if not isinstance(arrival.what, FIRST_SIGNS):
                return None
            conversation = self._new(work, arrival)
        return conversation.id if work.tx.journal.add(conversation.id, arrival) else None

    @staticmethod
    def _new(work: Work, arrival: Arrival) -> Conversation:
        conversation_id = ConversationId(work.new_id())
        conversation = Conversation(
            conversation_id,
            arrival.channel,
            Place.REQUESTER,
            key=conversation_id,
            room=arrival.room,
            contact=arrival.sender,
        )
        work.tx.conversations.add(conversation)
        return conversation

    async def _empty(self, conversation: ConversationId) -> float | None:
        """Answer everything that waits in one conversation, in order, a transaction a step."""
        rows: Sequence[Row] = ()
        while not self._crew.stopping:
            try:
                work, rows = await self._store.transact(partial(self._step, conversation, rows))
            except _StepFailed as failed:
                # any other error is the store's: the row stays, and is tried until the store is well again
                tries = self._tries[conversation] = self._tries.get(conversation, 0) + 1
                _log.error("a step failed, try %d: %s", tries, describe(failed.cause))
                if tries < MAX_TRIES:
                    return RETRY_SECONDS
                work, rows = await self._store.transact(partial(self._give_up, conversation))
            self._tries.pop(conversation, None)
            self._committed(work)
            if not rows:
                break
        return None

    def _step(self, conversation: ConversationId, rows: Sequence[Row], tx: Tx) -> tuple[Work, Sequence[Row]]:
        """Answer the first row; return those behind it."""
        work = Work(tx, self._kit)
        known = bool(rows)
        rows = rows or tx.journal.pending(conversation)
        if not rows:
            return work, ()
        row, arrival = rows[0]
        at = tx.conversations.get(conversation)
        try:
            if at.place is Place.REQUESTER:
                reception.take(work, at, arrival)
            else:
                staffrooms.take(work, at, arrival)
        except Exception as error:
            raise _StepFailed(error) from None
        tx.journal.empty(row)
        if known and len(rows) == 1:
            return work, tx.journal.pending(conversation)  # more may have come since they were read
        return work, rows[1:]

    def _give_up(self, conversation_id: ConversationId, tx: Tx) -> tuple[Work, Sequence[Row]]:
        """A row that cannot be answered must not hold up those behind it: say so where it was written, and go on."""
        work = Work(tx, self._kit)
        (row, arrival), *rest = tx.journal.pending(conversation_id)
        conversation = tx.conversations.get(conversation_id)
        _log.error("gave up one arrival of kind %s", type(arrival.what).__name__)
        if isinstance(arrival.what, Endangered):
            work.post(conversation, Leave(self._kit.render.requester(sayings.UNSAFE[arrival.what.danger], None)))
        elif isinstance(arrival.what, Wrote | Attached | Unreadable):
            if conversation.place is Place.REQUESTER:
                # whatever we know of them may be what cannot be read: so in every language
                work.say(conversation, self._kit.render.requester(sayings.NOT_TAKEN, None))
            else:
                work.say(conversation, self._kit.render.staff(sayings.STAFF_NOT_TAKEN))
        if isinstance(arrival.what, Attached):
            work.let_go(conversation, arrival.what.attachment)
        tx.journal.empty(row)
        return work, rest
