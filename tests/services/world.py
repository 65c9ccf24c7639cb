"""A small helpline on memory: the real engine and phrases, short flows, people who write, a clock that stands still.

The server outlives the bot, as a homeserver does: it holds what people wrote, hands it out from the token on, and drops
a resend under the same id. Staff accept their invitations at once.
"""

from __future__ import annotations

import asyncio
import base64
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any, TypeVar

from bot.deeds import EditText, Invite, MakeRoom, OutgoingMessage, SendFile, SendText, Tick
from bot.domain import FIRST_RELEASE, Attachment, Case, CaseNumber, Conversation, ConversationId, Kind, Owner, Place
from bot.flow.engine import Engine
from bot.flow.loader import load
from bot.flow.machine import compile_flows
from bot.flow.model import Library
from bot.flow.phrases import EVERYWHERE
from bot.flow.questions import finder
from bot.happenings import Arrival, Batch, Happening, Invited, Joined, Left, Wrote
from bot.i18n import Catalogs, Texts
from bot.ladder import PROMISE, Promise
from bot.ports import Channel, Failure, Files, Inbox, SendError, Store
from bot.services.desk import Desk
from bot.services.outbox import ROOMLESS
from bot.services.releases import Content, Releases
from bot.services.routing import Rooms
from bot.services.work import Staff, Work
from bot.testing import FixedClock, MemoryChannel, MemoryDone, MemoryStore

T = TypeVar("T")

SHIPPED = Path(__file__).resolve().parents[2]

MAIN = """
flow: main
about: A short way from hello to a handoff.
menu: menu
person: person
steps:
  - language: language
    text: Which language?
  - say: welcome
    text: Welcome to {name}.
  - choose: menu
    text: What would you like to do?
    options: {help: Get help, bye: Leave}
    go: {bye: bye}
  - choose: problem
    text: What is it about?
    options: {account: An account, device: A phone}
  - call: consent
  - ask: what
    text: What happened?
    label: Story
  - choose: urgency
    text: How urgent is it?
    label: Urgency
    options: {now: It is happening now, later: It can wait}
  - review: review
    text: Shall I send this?
  - handoff: handoff
    text: Your case is {case}.
    card: {topic: problem, urgency: urgency}
  - end: bye
    text: Good bye.
  - call: person
"""
CONSENT = """
flow: consent
about: Consent.
steps:
  - consent: consent
    text: May the team read it?
    version: 1
    go: {yes: end, no: declined}
  - say: declined
    text: Then I pass nothing on.
    go: menu
"""
PERSON = """
flow: person
about: Straight to a person.
steps:
  - call: consent
  - handoff: handoff
    text: A person will answer you. Your case is {case}.
    card: {topic: problem, urgency: urgency}
"""

CANNED = """
canned: replies
about: What specialists send with a word.
replies:
  soon: "About {topic}, which you say is: {urgency}. We will write soon, {case}."
  device: "What you said of {problem}: {what}"
declines:
  legal: "Please write to {legal_address}."
"""

REQUESTER, OTHER = "@amira:example.org", "@bilal:example.org"
VETTER, CLAIMER, LEAD = "@vera:staff.example", "@carol:staff.example", "@lea:staff.example"
STRANGER, NEW, BOT = "@mallory:example.org", "@nora:staff.example", "@bot:staff.example"
ROOM, OTHER_ROOM, QUEUE = "!home:example.org", "!other:example.org", "!queue:staff.example"

STORY = "They took my phone at the border on Tuesday"
FILE = Attachment(
    Kind.IMAGE, "letter.jpg", "image/jpeg", 4_096, "mxc://example.org/file", "key", "the letter", channel="memory"
)
WALK = ("hello", "1", "1", "2", "1", STORY, "2", "1")  # from the first word to the handoff, in English


def library(main: str = MAIN, canned: str = CANNED) -> Library:
    """The short flows with the phrases that ship."""
    flows = {"main.yaml": main, "consent.yaml": CONSENT, "person.yaml": PERSON, "canned.yaml": canned}
    phrases = {name: (SHIPPED / "flows" / name).read_bytes() for name in ("bot.yaml", "staff.yaml")}
    return load({**flows, **phrases})


def content(locales: Sequence[str] = ("en", "es"), main: str = MAIN, canned: str = CANNED) -> tuple[Engine, Texts]:
    """The engine and the texts, with the catalogs that ship."""
    flows, helpline = library(main, canned), dict.fromkeys(EVERYWHERE, "example")
    texts = Texts(flows, Catalogs.read(SHIPPED / "locales"), lambda locale: helpline, locales)
    lexicons = texts.lexicons()
    return Engine(compile_flows(flows, locales), lexicons, texts.languages(), finder(flows, lexicons)), texts


ENGINE, TEXTS = content()
CONTENT = Content(library(), compile_flows(library(), TEXTS.locales), ENGINE, TEXTS)


def _no_other(number: int, files: Mapping[str, bytes]) -> Content:
    raise AssertionError("there is only one release")


def pin(who: str) -> str:
    """The identity of one of the staff."""
    return base64.b64encode(sha256(who.encode()).digest()).decode().rstrip("=")


class Server(MemoryChannel):
    """What a homeserver knows; one for all lives of the bot."""

    def __init__(self) -> None:
        super().__init__()
        self.timeline: list[Arrival] = []
        self.slow: dict[str, asyncio.Event] = {}
        self.broken: dict[str, SendError] = {}
        self.refuse_invites = False
        self.hesitant: set[str] = set()  # who does not accept their invitations
        self.fails_at: dict[type, SendError] = {}
        self._inside: set[tuple[str, str]] = set()
        self._news = asyncio.Event()

    def happen(self, room: str, sender: str, what: Happening, event_id: str | None = None) -> str:
        """Something happens in a room; its event id."""
        event_id = event_id or f"$event{len(self.timeline)}"
        now = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
        if isinstance(what, Joined):
            self._inside.add((room, sender))
        elif isinstance(what, Left):
            self._inside.discard((room, sender))
        self.timeline.append(Arrival(self.name, room, event_id, sender, now, what))
        self._news.set()
        return event_id

    async def listen(self, inbox: Inbox) -> None:
        at = int(await inbox.token(self.name) or 0)
        while True:
            if at < len(self.timeline):
                batch = Batch(self.name, str(len(self.timeline)), tuple(self.timeline[at:]))
                await inbox.accept(batch)
                at = int(batch.token)
            else:
                self._news.clear()
                await self._news.wait()

    async def perform(self, conversation: Conversation, message: OutgoingMessage, files: Files) -> MemoryDone:
        if conversation.room in self.slow:
            await self.slow[conversation.room].wait()
        error = self.broken.get(conversation.room or "")
        if error is not None:
            raise error
        if type(message.deed) in self.fails_at:
            self.attempts.append((conversation, message))
            raise self.fails_at[type(message.deed)]
        if self.refuse_invites and isinstance(message.deed, Invite):
            raise SendError(Failure.REFUSED)
        return await super().perform(conversation, message, files)

    def invited(self) -> list[tuple[str | None, str]]:
        """Who was asked into which room, in order."""
        return [(at.room, each.deed.contact) for at, each in self.delivered if isinstance(each.deed, Invite)]

    def ticked(self) -> list[str]:
        """The events that carry a tick, in the order in which they got it."""
        return [message.deed.event_id for _, message in self.delivered if isinstance(message.deed, Tick)]

    def _do(self, conversation: Conversation, message: OutgoingMessage) -> MemoryDone:
        before = len(self.delivered)
        done = super()._do(conversation, message)
        if len(self.delivered) > before and isinstance(message.deed, Invite):
            room, who = conversation.room or "", message.deed.contact
            if who not in self.hesitant and (room, who) not in self._inside:
                self.happen(room, who, Joined())
        return done


class World:
    """A bot on a store and a server that outlive it."""

    def __init__(
        self,
        *,
        before_claim: bool = True,
        leads: frozenset[str] = frozenset(),
        directors: frozenset[str] = frozenset(),
        promise: Promise = PROMISE,
        engine: Any = ENGINE,
        texts: Texts = TEXTS,
        languages: Any = None,
        rooms: Rooms | None = None,
    ) -> None:
        self.memory = MemoryStore()
        self.server = Server()
        self.clock = FixedClock()
        self.promise = promise
        self.chance = random.Random(7).randbytes
        self.staff = Staff(
            channel=self.server.name,
            room=QUEUE,
            members={who: pin(who) for who in (VETTER, CLAIMER, *leads, *directors)},
            leads=leads,
            directors=directors,
            bot=BOT,
            before_claim=before_claim,
            rooms=rooms or Rooms(),
        )
        self._content = replace(CONTENT, engine=engine, texts=texts)
        self._languages = languages or texts.languages()
        self.releases = self.compiled()
        self.desk: Desk | None = None

    def compiled(self) -> Releases:
        """The releases of a bot that begins with the first."""
        return Releases((FIRST_RELEASE, self._content), [], _no_other, self._languages)

    def build(self, store: Store | None = None, channel: Channel | None = None) -> Desk:
        """A new bot; nothing of an earlier one lives on but what it stored."""
        return Desk(
            store=store or self.memory,
            channels=[channel or self.server],
            releases=self.releases,
            staff=self.staff,
            clock=self.clock,
            chance=self.chance,
            promise=self.promise,
        )

    async def __aenter__(self) -> World:
        self.desk = self.build()
        await self.desk.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        if self.desk is not None:
            await self.desk.stop()

    async def restart(self) -> None:
        await self.__aexit__()
        await self.__aenter__()

    async def happen(self, room: str, sender: str, what: Happening) -> str:
        """Something happens, and everything that follows from it."""
        event_id = self.server.happen(room, sender, what)
        await self.quiet()
        return event_id

    async def late(self, room: str, sender: str, what: Happening, event_id: str) -> None:
        """The key of an earlier message comes, and with it what it says."""
        self.server.happen(room, sender, what, f"{event_id}/read")
        await self.quiet()

    async def write(self, room: str, sender: str, text: str, *, signed: bool = False) -> str:
        return await self.happen(room, sender, Wrote(text, signed))

    async def command(self, text: str, sender: str = VETTER, room: str = QUEUE) -> list[str]:
        """Staff write in the queue room (or another): the answers there."""
        before = len(self.said(room))
        await self.write(room, sender, text, signed=True)
        return self.said(room)[before:]

    async def walk(self, answers: Sequence[str] = WALK, room: str = ROOM, sender: str = REQUESTER) -> None:
        """A requester asks the bot in and answers its questions."""
        await self.happen(room, sender, Invited())
        for answer in answers:
            await self.write(room, sender, answer)

    async def decide(self, decision: Callable[[Work], T]) -> T:
        """Something is decided in a transaction of its own, and everything that follows from it."""
        assert self.desk is not None

        def step(tx: Any) -> tuple[Work, T]:
            work = Work(tx, self.desk._kit)
            return work, decision(work)

        work, decided = await self.memory.transact(step)
        self.desk._committed(work)
        await self.quiet()
        return decided

    async def claimed(self) -> CaseNumber:
        """A case from the first word to the claim."""
        await self.walk()
        number = (await self.case()).number
        await self.command(f"!vet passed {number}")
        await self.command(f"!claim {number}", CLAIMER)
        return number

    async def step_out(self, number: CaseNumber, relay: str, who: str = CLAIMER) -> None:
        """The claimer is out of the relay room and has the case all the same: asked in again, and not there yet."""
        await self.happen(relay, who, Left())
        self.server.hesitant.add(who)
        await self.command(f"!claim {number}", who)
        self.server.hesitant.discard(who)

    async def later(self, by: timedelta) -> None:
        """The clock moves, back if `by` is negative, and all that follows from that."""
        self.clock.advance(by)
        assert self.desk is not None
        self.desk.look_again()
        await self.until(self._timers_done)
        await self.quiet()

    async def _timers_done(self) -> bool:
        return not await self.memory.transact(lambda tx: tx.timers.due(self.clock.now()))

    def said(self, room: str) -> list[str]:
        return self.server.said(room)

    def files(self, room: str) -> list[Attachment]:
        """The files that reached a room, in order."""
        deeds = [message.deed for conversation, message in self.server.delivered if conversation.room == room]
        return [deed.attachment for deed in deeds if isinstance(deed, SendFile)]

    def changes(self, room: str) -> list[tuple[str, str]]:
        """What was put in the place of which message, in order."""
        deeds = [message.deed for conversation, message in self.server.delivered if conversation.room == room]
        return [(deed.event_id, deed.text) for deed in deeds if isinstance(deed, EditText)]

    def event(self, text: str) -> str:
        """The event of a message of the bot's."""
        return next(f"${message.id}" for _, message in self.server.delivered if message.deed == SendText(text))

    def made(self, name: str) -> str:
        """The room whose name begins so."""
        rooms = [
            f"!{message.deed.alias}:memory"
            for _, message in self.server.delivered
            if isinstance(message.deed, MakeRoom) and message.deed.name.startswith(name)
        ]
        return rooms[-1]

    @property
    def relay(self) -> str:
        return self.made("To requester")

    @property
    def notes(self) -> str:
        return self.made("Notes")

    async def case(self, room: str = ROOM) -> Case:
        """The newest case of the requester in this room."""
        number = (await self.conversation(room)).case
        assert number is not None
        return await self.get_case(number)

    async def get_case(self, number: CaseNumber) -> Case:
        case = await self.memory.transact(lambda tx: tx.cases.get(number))
        assert case is not None
        return case

    async def conversation(self, room: str = ROOM) -> Conversation:
        found = await self.memory.transact(lambda tx: tx.conversations.find(self.server.name, room))
        assert found is not None
        return found

    async def owner(self, room: str = ROOM) -> Owner:
        return (await self.conversation(room)).owner

    async def quiet(self) -> None:
        """Until nothing is left to do before the clock moves."""
        await self.until(self.is_quiet)

    async def is_quiet(self) -> bool:
        if await self.memory.transact(lambda tx: tx.token(self.server.name)) != str(len(self.server.timeline)):
            return not self.server.timeline
        return await self.memory.transact(self._nothing_waits)

    def _nothing_waits(self, tx: Any) -> bool:
        return not tx.journal.waiting() and all(self._stands(tx, lane) for lane in tx.outbox.lanes())

    def _stands(self, tx: Any, lane: ConversationId) -> bool:
        head, at = tx.outbox.head(lane), tx.conversations.get(lane)
        room = at.room
        due = head.due is not None and head.due > self.clock.now()
        shut = room in self.server.slow or (at.place is Place.QUEUE and room in self.server.broken)
        return due or shut or (room is None and not isinstance(head.deed, ROOMLESS))

    @staticmethod
    async def until(condition: Callable[[], Any], seconds: float = 10.0) -> None:
        async with asyncio.timeout(seconds):
            turns = 0
            while not await condition():
                turns += 1
                await asyncio.sleep(0 if turns < 300 else 0.005)


def texts_of(server: MemoryChannel, place: Place) -> list[str]:
    """What was said in all rooms of a kind."""
    return [
        message.deed.text
        for conversation, message in server.delivered
        if conversation.place is place and isinstance(message.deed, SendText)
    ]
