"""A store in memory: as strict about ids, keys and transactions as the real one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import TypeVar

from bot.deeds import OutgoingMessage
from bot.domain import (
    CaseNumber,
    Conversation,
    ConversationId,
    Listed,
    Place,
    Release,
    Timer,
)
from bot.flow.session import Session
from bot.happenings import Arrival
from bot.ports import Taken
from bot.testing.caseload import MemoryCards, MemoryCases, MemoryCopies, MemoryCounts
from bot.testing.entries import MemoryEntries
from bot.testing.state import State
from bot.testing.traces import Traces

T = TypeVar("T")


class _Journal:
    def __init__(self, state: State) -> None:
        self._state = state

    def add(self, conversation: ConversationId, arrival: Arrival) -> bool:
        self._state.must_know(conversation)
        names: set[tuple[str, ...]] = {("event", arrival.channel, arrival.room, arrival.event_id)}
        if arrival.once is not None:
            names.add(("once", arrival.channel, arrival.once))
        if names & self._state.taken:
            return False
        self._state.taken |= names
        self._state.journal[len(self._state.journal) + 1] = (conversation, arrival)
        return True

    def pending(self, conversation: ConversationId) -> Sequence[tuple[int, Arrival]]:
        return [
            (row, arrival)
            for row, (of, arrival) in self._state.journal.items()
            if of == conversation and arrival is not None
        ]

    def waiting(self) -> Sequence[ConversationId]:
        return list(dict.fromkeys(of for of, arrival in self._state.journal.values() if arrival is not None))

    def empty(self, row: int) -> None:
        if row in self._state.journal:
            self._state.journal[row] = (self._state.journal[row][0], None)


class _Conversations:
    def __init__(self, state: State) -> None:
        self._state = state

    def get(self, conversation: ConversationId) -> Conversation:
        return self._state.conversations[conversation]

    def find(self, channel: str, room: str) -> Conversation | None:
        for conversation in self._state.conversations.values():
            if (conversation.channel, conversation.room) == (channel, room):
                return conversation
        return None

    def add(self, conversation: Conversation) -> None:
        if conversation.id in self._state.conversations:
            raise Taken("conversation")
        if conversation.key != conversation.id and self.get(conversation.key).key != conversation.key:
            raise KeyError(conversation.key)
        self._put(conversation)

    def save(self, conversation: Conversation) -> None:
        before = self._state.conversations[conversation.id]
        fixed = replace(conversation, channel=before.channel, place=before.place, key=before.key)
        if fixed != conversation:
            raise ValueError("a conversation keeps its channel, its place and its key")
        self._put(conversation)

    def queue_rooms(self, channel: str) -> Sequence[Conversation]:
        queues = (channel, Place.QUEUE)
        return [each for each in self._state.conversations.values() if (each.channel, each.place) == queues]

    def of_requester(self, case: CaseNumber) -> Sequence[Conversation]:
        theirs = (Place.REQUESTER, case)
        return [each for each in self._state.conversations.values() if (each.place, each.case) == theirs]

    def _put(self, conversation: Conversation) -> None:
        holder = None if conversation.room is None else self.find(conversation.channel, conversation.room)
        if holder is not None and holder.id != conversation.id:
            raise Taken("room")
        self._state.conversations[conversation.id] = conversation


class _Sessions:
    def __init__(self, state: State) -> None:
        self._state = state

    def load(self, conversation: ConversationId) -> Session | None:
        return self._state.sessions.get(conversation)

    def save(self, conversation: ConversationId, session: Session) -> None:
        self._state.must_know(conversation)
        self._state.sessions[conversation] = session

    def erase(self, conversation: ConversationId) -> None:
        self._state.sessions.pop(conversation, None)

    def inside(self) -> Sequence[Session]:
        return list(self._state.sessions.values())


class _Outbox:
    def __init__(self, state: State) -> None:
        self._state = state

    def add(self, message: OutgoingMessage) -> None:
        self._state.must_know(message.conversation)
        if message.id in self._state.outbox:
            raise Taken("message")
        self._state.outbox[message.id] = message

    def lanes(self) -> Sequence[ConversationId]:
        return list(dict.fromkeys(message.conversation for message in self._state.outbox.values()))

    def head(self, conversation: ConversationId) -> OutgoingMessage | None:
        return next(iter(self.lane(conversation)), None)

    def lane(self, conversation: ConversationId) -> Sequence[OutgoingMessage]:
        return [message for message in self._state.outbox.values() if message.conversation == conversation]

    def save(self, message: OutgoingMessage) -> None:
        before = self._state.outbox[message.id]
        self._state.outbox[message.id] = replace(
            before, attempts=message.attempts, due=message.due, tried_at=message.tried_at, tried_from=message.tried_from
        )

    def empty(self, message_id: str) -> None:
        self._state.outbox.pop(message_id, None)


class _Timers:
    def __init__(self, state: State) -> None:
        self._state = state

    def set(self, timer: Timer) -> None:
        self._state.must_know(timer.conversation)
        self._state.timers[timer.conversation, timer.kind] = timer

    def get(self, conversation: ConversationId, kind: str) -> datetime | None:
        timer = self._state.timers.get((conversation, kind))
        return None if timer is None else timer.due

    def cancel(self, conversation: ConversationId, kind: str) -> None:
        self._state.timers.pop((conversation, kind), None)

    def due(self, now: datetime) -> Sequence[Timer]:
        return [timer for timer in self._in_order() if timer.due <= now]

    def next(self) -> datetime | None:
        return min((timer.due for timer in self._state.timers.values()), default=None)

    def _in_order(self) -> list[Timer]:
        return sorted(self._state.timers.values(), key=lambda timer: (timer.due, timer.conversation, timer.kind))


class _Roster:
    def __init__(self, state: State) -> None:
        self._state = state

    def listed(self) -> Sequence[Listed]:
        return list(self._state.roster.values())

    def add(self, listed: Listed) -> None:
        self._state.roster.pop(listed.user, None)
        self._state.roster[listed.user] = listed

    def remove(self, user: str) -> bool:
        return self._state.roster.pop(user, None) is not None


class _Releases:
    def __init__(self, state: State) -> None:
        self._state = state

    def add(self, release: Release, files: Mapping[str, bytes]) -> None:
        if release.number in self._state.releases:
            raise Taken("release")
        self._state.releases[release.number] = (release, dict(files))

    def files(self, number: int) -> Mapping[str, bytes]:
        return self._state.releases[number][1]

    def log(self) -> Sequence[Release]:
        return [release for _, (release, _) in sorted(self._state.releases.items())]


class MemoryTx:
    """One transaction of the memory store."""

    def __init__(self, state: State) -> None:
        self._state = state
        self.journal = _Journal(state)
        self.conversations = _Conversations(state)
        self.sessions = _Sessions(state)
        self.outbox = _Outbox(state)
        self.timers = _Timers(state)
        self.cases = MemoryCases(state)
        self.entries = MemoryEntries(state.entries, state.cases)
        self.copies = MemoryCopies(state)
        self.cards = MemoryCards(state)
        self.traces = Traces(state.cases, state.traces)
        self.roster = _Roster(state)
        self.counts = MemoryCounts(state)
        self.releases = _Releases(state)

    def token(self, channel: str) -> str | None:
        return self._state.tokens.get(channel)

    def set_token(self, channel: str, token: str) -> None:
        self._state.tokens[channel] = token


class MemoryStore:
    """A `ports.Store` that forgets everything with the process.

    It yields to the loop before a transaction and after it, as the real one does while its thread works: a test that
    cancels a task at every await meets both moments, nothing stored yet and everything stored.
    """

    def __init__(self) -> None:
        self._state = State()
        self._closed = False

    async def transact(self, work: Callable[[MemoryTx], T]) -> T:
        if self._closed:
            raise RuntimeError("the store is closed")
        await asyncio.sleep(0)
        draft = self._state.copy()
        result = work(MemoryTx(draft))
        self._state = draft  # reached only without an exception: a failed transaction is dropped with its draft
        await asyncio.sleep(0)
        return result

    async def close(self) -> None:
        self._closed = True
