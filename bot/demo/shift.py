"""One case from the specialists' side, as they play it in Element: vetting, claim, relay, close."""

# ruff: noqa: ASYNC109 - how long to wait is the caller's question

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from contextlib import suppress

from bot.demo.helpline import Helpline
from bot.demo.person import PATIENCE_SECONDS, Person, PersonError
from bot.demo.rooms import Message

NEXT_PART = 3.0  # seconds after a part of a summary; the next one is sent right behind it, if there is one
CASE = re.compile(r"\b(?=[A-Z0-9]*[0-9])[A-Z0-9]{4}\b")

Show = Callable[[str, str, str], None]
"""Is told who saw a message, where, and its words."""


class Shift:
    """Two specialists and one case: the first vets it, the second claims it."""

    def __init__(self, helpline: Helpline, show: Show = lambda who, where, words: None) -> None:
        self.vetter, self.claimer = helpline.specialists[:2]
        self.queue = helpline.queue_room
        self.bot_id = helpline.bot_id
        self.closed = asyncio.Event()
        self.case = ""
        self.relay = ""
        self.notes = ""
        self._show = show

    async def _read(self, person: Person, where: str, room: str, timeout: float | None = PATIENCE_SECONDS) -> Message:
        message = await person.next_message(room, timeout)
        changed = message.content.get("m.new_content")
        self._show(self._name(person), where, f"(changed) {changed['body']}" if changed else message.body)
        return message

    def _name(self, person: Person) -> str:
        return "specialist 1" if person is self.vetter else "specialist 2"

    async def write(self, person: Person, where: str, room: str, words: str) -> str:
        """Say something in a staff room."""
        self._show(self._name(person), where, f"> {words}")
        return await person.send(room, words)

    async def read_until(self, person: Person, where: str, room: str, holds: str) -> Message:
        """Read on in a room until the bot says what is waited for."""
        while True:
            message = await self._read(person, where, room)
            if message.sender == self.bot_id and holds in message.body:
                return message

    async def card(self, timeout: float | None = PATIENCE_SECONDS) -> str:
        """Wait for a new card, and note its case number; the card's words."""
        self.closed.clear()
        while True:
            message = await self._read(self.vetter, "queue", self.queue, timeout)
            found = CASE.match(message.body)
            # news of a case begins with its number too; only a card has its number apart
            if message.sender == self.bot_id and found and message.body[found.end() :].startswith(" · "):
                self.case = found.group()
                return message.body

    async def vet(self) -> str:
        """Make the notes room, read the summary there, sign off. Returns the summary."""
        await self.write(self.vetter, "queue", self.queue, f"!vet pending {self.case}")
        self.notes = await self._accept(self.vetter, "Notes")
        summary = await self._summary(self.vetter)
        await self.write(self.vetter, "queue", self.queue, f"!vet passed {self.case}")
        await self.read_until(self.vetter, "queue", self.queue, "passed")
        return summary

    async def claim(self) -> str:
        """Take the case; enter its two rooms. Returns the summary as the claimer reads it."""
        await self.write(self.claimer, "queue", self.queue, f"!claim {self.case}")
        for _ in range(2):
            invite = await self.claimer.next_invite()
            room = await self.claimer.accept(invite.room_id)
            if invite.name.startswith("Notes"):
                self.notes = room
            else:
                self.relay = room
        summary = await self._summary(self.claimer)
        await self.read_until(self.claimer, "relay", self.relay, self.case)
        return summary

    async def _summary(self, person: Person) -> str:
        """The summary in the notes room. What is kept for another time than the rest is a message of its own."""
        parts = [(await self.read_until(person, "notes", self.notes, "Summary")).body]
        with suppress(PersonError):
            while True:
                parts.append((await self._read(person, "notes", self.notes, NEXT_PART)).body)
        return "\n\n".join(parts)

    async def _accept(self, person: Person, name: str) -> str:
        invite = await person.until(
            lambda: next((i for i in person.invites() if i.name == f"{name} {self.case}"), None)
        )
        return await person.accept(invite.room_id)

    async def ticked(self, event_id: str) -> None:
        """Wait for the tick on a message in the relay room: the homeserver accepted it for the requester."""
        await self.claimer.until(
            lambda: any(reaction.event_id == event_id for reaction in self.claimer.reactions(self.relay))
        )

    async def close(self) -> None:
        """End the case from its notes room."""
        await self.write(self.claimer, "notes", self.notes, "!close")
        await self.read_until(self.claimer, "notes", self.notes, "closed")
        self.relay = ""
        self.closed.set()
