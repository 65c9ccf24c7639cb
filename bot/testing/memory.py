"""A store in memory: as strict about ids, keys and transactions as the real one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TypeVar

from bot.deeds import Card, Copy, Origin, OutgoingMessage
from bot.domain import (
    Case,
    CaseNumber,
    CaseStatus,
    Change,
    Conversation,
    ConversationId,
    Count,
    Keep,
    Listed,
    Place,
    Release,
    Timer,
)
from bot.flow.session import Session
from bot.happenings import Arrival
from bot.ports import Taken
from bot.testing.entries import MemoryEntries, Said
from bot.testing.traces import Found, Traces

T = TypeVar("T")


@dataclass(slots=True)
class _State:
    """All that the memory store holds. Its values are frozen, so a copy of the containers is a copy of everything."""

    tokens: dict[str, str] = field(default_factory=dict)
    conversations: dict[ConversationId, Conversation] = field(default_factory=dict)
    journal: dict[int, tuple[ConversationId, Arrival | None]] = field(default_factory=dict)
    taken: set[tuple[str, ...]] = field(default_factory=set)
    sessions: dict[ConversationId, Session] = field(default_factory=dict)
    outbox: dict[str, OutgoingMessage] = field(default_factory=dict)
    timers: dict[tuple[ConversationId, str], Timer] = field(default_factory=dict)
    cases: dict[CaseNumber, Case] = field(default_factory=dict)
    changes: tuple[tuple[CaseNumber, Change], ...] = ()
    entries: Said = field(default_factory=Said)
    copies: tuple[tuple[Origin | None, Copy], ...] = ()
    cards: dict[tuple[CaseNumber, ConversationId], Card] = field(default_factory=dict)
    traces: Found = field(default_factory=dict)
    roster: dict[str, Listed] = field(default_factory=dict)
    releases: dict[int, tuple[Release, Mapping[str, bytes]]] = field(default_factory=dict)
    counts: dict[tuple[str, str, str], int] = field(default_factory=dict)

    def copy(self) -> _State:
        return _State(
            dict(self.tokens),
            dict(self.conversations),
            dict(self.journal),
            set(self.taken),
            dict(self.sessions),
            dict(self.outbox),
            dict(self.timers),
            dict(self.cases),
            self.changes,
            self.entries.copy(),
            self.copies,
            dict(self.cards),
            dict(self.traces),
            dict(self.roster),
            dict(self.releases),
            dict(self.counts),
        )

    def must_know(self, conversation: ConversationId) -> None:
        if conversation not in self.conversations:
            raise KeyError(conversation)


class _Journal:
    def __init__(self, state: _State) -> None:
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
    def __init__(self, state: _State) -> None:
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
    def __init__(self, state: _State) -> None:
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
    def __init__(self, state: _State) -> None:
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
    def __init__(self, state: _State) -> None:
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


class _Cases:
    def __init__(self, state: _State) -> None:
        self._state = state

    def add(self, case: Case) -> None:
        if case.number in self._state.cases:
            raise Taken("case number")
        self._put(case)

    def get(self, number: CaseNumber) -> Case | None:
        return self._state.cases.get(number)

    def save(self, case: Case) -> None:
        before = self._state.cases[case.number]
        if before.requester != case.requester:
            raise ValueError("a case keeps its requester")
        self._put(case)

    def open(self) -> Sequence[Case]:
        still = (case for case in self._state.cases.values() if case.status is not CaseStatus.CLOSED)
        return sorted(still, key=lambda case: (case.opened_at, case.number))

    def of(self, requester: ConversationId) -> Sequence[Case]:
        theirs = (case for case in self._state.cases.values() if case.requester == requester)
        return sorted(theirs, key=lambda case: (case.opened_at, case.number))

    def joined(self, number: CaseNumber) -> Sequence[Case]:
        joined = (case for case in self._state.cases.values() if case.joined_to == number)
        return sorted(joined, key=lambda case: (case.opened_at, case.number))

    def change(self, number: CaseNumber, change: Change) -> None:
        if number not in self._state.cases:
            raise KeyError(number)
        self._state.changes = (*self._state.changes, (number, change))

    def changes(self, number: CaseNumber) -> Sequence[Change]:
        return [change for of, change in self._state.changes if of == number]

    def _put(self, case: Case) -> None:
        for conversation in (case.requester, case.relay, case.notes, case.writes_from):
            if conversation is not None:
                self._state.must_know(conversation)
        self._state.cases[case.number] = case


class _Copies:
    def __init__(self, state: _State) -> None:
        self._state = state

    def add(self, origin: Origin | None, copy: Copy) -> None:
        if origin is not None:
            self._state.must_know(origin.conversation)
        self._state.must_know(copy.conversation)
        self._state.copies = (*self._state.copies, (origin, copy))

    def of(self, origin: Origin) -> Sequence[Copy]:
        return [copy for of, copy in self._state.copies if of == origin]

    def take(self, case: CaseNumber, keep: Keep) -> Sequence[Copy]:
        return self._take(lambda copy: copy.case == case and copy.keep is keep)

    def take_due(self, case: CaseNumber, now: datetime) -> Sequence[Copy]:
        return self._take(lambda copy: copy.case == case and copy.due is not None and copy.due <= now)

    def next_due(self, case: CaseNumber) -> datetime | None:
        return min((copy.due for _, copy in self._state.copies if copy.case == case and copy.due), default=None)

    def _take(self, chosen: Callable[[Copy], bool]) -> Sequence[Copy]:
        taken = [copy for _, copy in self._state.copies if chosen(copy)]
        self._state.copies = tuple((of, copy) for of, copy in self._state.copies if not chosen(copy))
        return taken


class _Cards:
    def __init__(self, state: _State) -> None:
        self._state = state

    def of(self, case: CaseNumber) -> Sequence[Card]:
        return [card for (number, _), card in self._state.cards.items() if number == case]

    def save(self, case: CaseNumber, card: Card) -> None:
        if case not in self._state.cases:
            raise KeyError(case)
        self._state.must_know(card.conversation)
        self._state.cards[case, card.conversation] = card

    def leave(self, conversation: ConversationId) -> None:
        self._state.cards = {place: card for place, card in self._state.cards.items() if place[1] != conversation}


class _Roster:
    def __init__(self, state: _State) -> None:
        self._state = state

    def listed(self) -> Sequence[Listed]:
        return list(self._state.roster.values())

    def add(self, listed: Listed) -> None:
        self._state.roster.pop(listed.user, None)
        self._state.roster[listed.user] = listed

    def remove(self, user: str) -> bool:
        return self._state.roster.pop(user, None) is not None


class _Releases:
    def __init__(self, state: _State) -> None:
        self._state = state

    def add(self, release: Release, files: Mapping[str, bytes]) -> None:
        if release.number in self._state.releases:
            raise Taken("release")
        self._state.releases[release.number] = (release, dict(files))

    def files(self, number: int) -> Mapping[str, bytes]:
        return self._state.releases[number][1]

    def log(self) -> Sequence[Release]:
        return [release for _, (release, _) in sorted(self._state.releases.items())]


class _Counts:
    def __init__(self, state: _State) -> None:
        self._state = state

    def add(self, month: str, what: str, value: str) -> None:
        key = month, what, value
        self._state.counts[key] = self._state.counts.get(key, 0) + 1

    def all(self) -> Sequence[Count]:
        return [Count(*key, number) for key, number in sorted(self._state.counts.items())]


class MemoryTx:
    """One transaction of the memory store."""

    def __init__(self, state: _State) -> None:
        self._state = state
        self.journal = _Journal(state)
        self.conversations = _Conversations(state)
        self.sessions = _Sessions(state)
        self.outbox = _Outbox(state)
        self.timers = _Timers(state)
        self.cases = _Cases(state)
        self.entries = MemoryEntries(state.entries, state.cases)
        self.copies = _Copies(state)
        self.cards = _Cards(state)
        self.traces = Traces(state.cases, state.traces)
        self.roster = _Roster(state)
        self.counts = _Counts(state)
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
        self._state = _State()
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
