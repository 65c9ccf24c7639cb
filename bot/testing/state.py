"""All that the store in memory holds, as one value that a transaction copies."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from bot.deeds import Card, Copy, Origin, OutgoingMessage
from bot.domain import (
    Case,
    CaseNumber,
    Change,
    Conversation,
    ConversationId,
    Listed,
    Release,
    Timer,
)
from bot.flow.session import Session
from bot.happenings import Arrival
from bot.testing.entries import Said
from bot.testing.traces import Found


@dataclass(slots=True)
class State:
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

    def copy(self) -> State:
        return State(
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
