"""The rooms beside the default queue room, as the config names them, and what of that the flows do not know."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field

from bot import forms
from bot.domain import TextId
from bot.flow.machine import Compiled
from bot.flow.model import Mark, Problem, Severity
from bot.toml import Table

_LIKE = 'a list of entries { room = "#arabic:example.org", languages = ["ar"], topics = ["account"] }'


@dataclass(frozen=True, slots=True)
class QueueRoom:
    """A room for the cases of some languages, of some topics, or of both; empty stands for all."""

    room: str = field(repr=False)
    languages: tuple[str, ...]
    topics: tuple[str, ...]
    mark: Mark


def read(section: Table, locales: Collection[str]) -> tuple[QueueRoom, ...]:
    """The `rooms` of [specialists]. A case goes to the first that fits, so each must leave some for the others."""
    return tuple(_entry(section, entry, locales) for entry in section.tables("rooms", _LIKE, required=False))


def _entry(section: Table, entry: Table, locales: Collection[str]) -> QueueRoom:
    room = QueueRoom(
        entry.text("room", forms.ROOM),
        entry.texts("languages", forms.LOCALES, ()),
        entry.texts("topics", forms.TOPICS, ()),
        section.place("rooms"),
    )
    if not room.languages and not room.topics:
        entry.report("takes-all", "room", "[specialists] rooms has an entry without languages and topics: say which")
    for language in room.languages:
        if language not in locales:
            message = f"[specialists] rooms names the language '{language}', which [helpline] locales does not offer"
            entry.report("unknown-language", "languages", message)
    return room


def unknown_topics(rooms: Sequence[QueueRoom], compiled: Compiled) -> Iterator[Problem]:
    """Topics that no case can have: not one of the answers from which a handoff takes the topic."""
    steps = {step for state in compiled.states.values() for step in state.topic}
    known: dict[str, TextId] = {}
    for state in compiled.states.values():
        if state.id in steps:
            known |= state.options
    for room in rooms:
        for topic in room.topics:
            if topic not in known:
                there = f"there are {', '.join(known)}" if known else "the flows give no case a topic"
                message = f"[specialists] rooms names the topic '{topic}', which no case can have; {there}"
                yield Problem(room.mark, Severity.ERROR, "unknown-topic", message)
