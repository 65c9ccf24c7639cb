"""Eight cases at once, and all that people write in their rooms, with every relation that can be forged.

What is written goes through the real reading of Matrix messages. Every text has a mark of its own; what has to become
of it is noted where it is written, and nothing else may.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, fields, is_dataclass, replace
from typing import Any

from bot.channels.matrix.reading import read_message
from bot.deeds import Deed, EditText, SendFile, SendText
from bot.domain import CaseNumber
from bot.happenings import Attached, Happening, Invited, Joined, Removed, Wrote
from tests.services.world import CLAIMER, LEAD, NEW, QUEUE, VETTER, WALK, World

STAFF = (VETTER, CLAIMER, LEAD, NEW)
MARK = re.compile(r"zq\d+\w+")

STORY_AT = 5  # where in the answers it stands

Seen = tuple[str, ...]
"""One thing that reached a room: `text` and its words, `edit` with the words before and after, `file` and its name."""


@dataclass(slots=True)
class Said:
    """A message that stands on the other side, and what it says there now."""

    event_id: str
    words: str


@dataclass(slots=True)
class Talk:
    """One case: who talks about it where, and what must have come to stand in the two rooms in which they meet."""

    home: str
    person: str
    locale: str
    before: Talk | None = None  # the case that its requester had before
    number: CaseNumber = field(init=False)
    relay: str = ""
    notes: str = ""
    claimer: str = ""
    at_requester: list[Seen] = field(default_factory=list)
    at_staff: list[Seen] = field(default_factory=list)
    by_staff: list[Said] = field(default_factory=list)
    by_requester: list[Said] = field(default_factory=list)
    commands: list[str] = field(default_factory=list)  # the events of those in the relay room
    asked_back: int = 0
    events: list[tuple[str, str]] = field(default_factory=list)  # everything that anybody did, and in which room
    story: str = ""


Move = Callable[["Crowd", Talk], None]
Sides = tuple[tuple[Move, ...], ...]


def seen(world: World, room: str) -> list[Seen]:
    """What reached a room of all that has a mark, but for what is posted there again for whoever came later."""
    words: dict[str, str] = {}
    again: set[str] = set()
    found: list[Seen] = []
    for conversation, message in world.server.delivered:
        if conversation.room != room:
            continue
        if message.hold is not None and message.hold.earlier:
            again.add(f"${message.id}")
            continue
        match message.deed:
            case EditText(event_id) if event_id in again:
                pass
            case SendText(text) if MARK.search(text):
                words[f"${message.id}"] = text
                found.append(("text", text))
            case EditText(event_id, text) if MARK.search(text) or event_id in words:
                found.append(("edit", words.get(event_id, "?"), text))
                words[event_id] = text
            case SendFile(attachment):
                words[f"${message.id}"] = attachment.name
                found.append(("file", attachment.name))
            case _:
                pass
    return found


def told(deed: Deed) -> str:
    """Every word in a deed, whichever it is."""
    return "\n".join(_strings(deed))


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif is_dataclass(value):
        for each in fields(value):
            yield from _strings(getattr(value, each.name))
    elif isinstance(value, tuple | list):
        for each in value:
            yield from _strings(each)


class Crowd:
    """Writes in a world, as a seed has it."""

    def __init__(self, world: World, seed: int) -> None:
        self.world = world
        self.chance = random.Random(seed)
        self.talks: list[Talk] = []
        self._marks = 0
        self._meant: set[tuple[str, str]] = set()

    # how cases come about

    async def arrive(self, talks: list[Talk]) -> None:
        """Requesters ask the bot in and answer its questions; some write more before anybody has their case."""
        for talk in talks:
            self.talks.append(talk)
            talk.story = self.mark("story")
            language = ("1" if talk.locale == "en" else "2",) if talk.before is None else ()
            self._happen(talk, talk.home, talk.person, Invited())
            for answer in (WALK[0], *language, *WALK[2:STORY_AT], talk.story, *WALK[STORY_AT + 1 :]):
                self._happen(talk, talk.home, talk.person, Wrote(answer))
        await self.world.quiet()
        for talk in talks:
            talk.number = (await self.world.case(talk.home)).number

    async def take(self, talks: list[Talk], meanwhile: Sequence[Move]) -> None:
        """Somebody vets, the requesters write on and staff note it, somebody else claims, and colleagues come in."""
        for talk in talks:
            vetter, talk.claimer = self.chance.sample(STAFF, 2)
            await self.world.write(QUEUE, vetter, f"!vet pending {talk.number}", signed=True)
            talk.notes = self.world.made(f"Notes {talk.number}")
            for move in meanwhile:
                move(self, talk)
            self.world.server.happen(QUEUE, vetter, Wrote(f"!vet passed {talk.number}", signed=True))
            self.world.server.happen(QUEUE, talk.claimer, Wrote(f"!claim {talk.number}", signed=True))
        await self.world.quiet()
        for talk in talks:
            talk.relay = self.world.made(f"To requester {talk.number}")
            talk.by_requester.clear()  # of what was kept for the claimer nobody knows which message it was
            for colleague in STAFF:
                self.world.server.happen(talk.relay, colleague, Joined())
        await self.world.quiet()

    async def talk(self, talks: list[Talk], sides: Sides) -> None:
        """Everybody makes all of these moves, each side in an order of its own, all cases at the same time."""
        orders = [(talk, self.chance.sample(side, len(side))) for talk in talks for side in sides]
        while orders:
            self.chance.shuffle(orders)
            for talk, moves in orders:
                moves.pop()(self, talk)
            orders = [(talk, moves) for talk, moves in orders if moves]
            await self.world.quiet()

    async def close(self, talk: Talk) -> None:
        """Whoever has the case ends it, and writes on in its room all the same."""
        await self.world.write(talk.notes, talk.claimer, "!close", signed=True)
        self.write_in_vain(talk)
        await self.world.quiet()

    async def hand_over(self, talks: list[Talk], meanwhile: Move) -> None:
        """Whoever has the case gives it back, people write on, and somebody else claims it."""
        for talk in talks:
            self.write(talk, talk.relay, talk.claimer, "!release")
        await self.world.quiet()
        for talk in talks:
            self.write_in_vain(talk)
            meanwhile(self, talk)
        await self.world.quiet()
        for talk in talks:
            talk.claimer = self.chance.choice([who for who in STAFF if who != talk.claimer])
            self.world.server.happen(QUEUE, talk.claimer, Wrote(f"!claim {talk.number}", signed=True))
        await self.world.quiet()

    def write_in_vain(self, talk: Talk) -> None:
        """Write in a relay room that speaks with nobody."""
        last = talk.by_staff[-1].event_id
        for relation in (None, self.edit_of(last)):
            self.write(talk, talk.relay, talk.claimer, self.mark("vain"), relation)
        self.file(talk, talk.relay, talk.claimer, "vainfile")
        self.remove(talk, talk.relay, talk.claimer, last)

    # how something is written

    def mark(self, kind: str) -> str:
        """A word that nobody else says."""
        self._marks += 1
        return f"zq{self._marks}{kind}"

    def write(
        self,
        talk: Talk,
        room: str,
        who: str,
        body: str,
        relation: object = None,
        *,
        signed: bool = True,
        event_id: str | None = None,
        **more: object,
    ) -> str:
        """Write as a Matrix program does, with this relation inside the ciphertext; the event."""
        said = {"msgtype": "m.text", "body": body, **more}
        inside = said if relation is None else {**said, "m.relates_to": relation, "m.new_content": said}
        happened = read_message({"type": "m.room.message", "content": inside}, signed=signed, identity=None)
        assert isinstance(happened, Wrote | Attached)
        if isinstance(happened, Attached):  # the only channel here is the one on memory
            file = replace(happened.attachment, channel=self.world.server.name)
            happened = replace(happened, attachment=file)
        return self._happen(talk, room, who, happened, event_id)

    def file(self, talk: Talk, room: str, who: str, kind: str, relation: object = None, *, signed: bool = True) -> str:
        """Send a file; its name."""
        name = self.mark(kind)
        key = {"kty": "oct", "alg": "A256CTR", "ext": True, "k": "A" * 43, "key_ops": ["encrypt", "decrypt"]}
        sealed = {"v": "v2", "url": f"mxc://example.org/{name}", "key": key, "iv": "A" * 22}
        file = {**sealed, "hashes": {"sha256": "A" * 43}}
        self.write(talk, room, who, name, relation, signed=signed, msgtype="m.file", file=file)
        return name

    def remove(self, talk: Talk, room: str, who: str, event_id: str) -> None:
        """Take a message back, wherever it stands."""
        self._happen(talk, room, who, Removed(event_id))

    def _happen(self, talk: Talk, room: str, who: str, what: Happening, event_id: str | None = None) -> str:
        event_id = self.world.server.happen(room, who, what, event_id)
        talk.events.append((room, event_id))
        return event_id

    # what a relation can say

    @staticmethod
    def edit_of(target: object) -> dict[str, object]:
        """The relation of a message that takes the place of another."""
        return {"rel_type": "m.replace", "event_id": target}

    def elsewhere(self, room: str) -> str:
        """An event that is not of this room, and that nothing in it meant before.

        It is one of others and of other cases, one of the bot's own, or none at all.
        """
        events = [event for talk in self.talks for event in talk.events]
        not_these = self._meant | {(where, event_id) for where, event_id in events if where == room}
        theirs = [event_id for _, event_id in events if (room, event_id) not in not_these]
        copies = [f"${message.id}" for _, message in self.world.server.delivered]
        copies = [event_id for event_id in copies if (room, event_id) not in self._meant]
        unknown = f"${self.mark('unknown')}"
        chosen = self.chance.choice([*self.chance.sample(theirs, 6), *self.chance.sample(copies, 3), unknown])
        self._meant.add((room, chosen))
        return chosen

    def loosely(self, room: str) -> object:
        """A relation that makes nothing else of a message in this room than a new one."""
        event = {"event_id": self.elsewhere(room)}
        return self.chance.choice(
            [
                None,
                {"m.in_reply_to": event},
                {"rel_type": "m.thread", **event, "m.in_reply_to": event, "is_falling_back": True},
                {"rel_type": "m.annotation", "key": "yes", **event},
                {"rel_type": "m.reference", **event},
                {"rel_type": ["m.replace"], **event},
                "m.replace",
            ]
        )
