"""One transaction in hand: what every decision needs, and what must be woken once it is stored.

Decisions are plain functions of a `Work`. They run inside `store.transact`, one after the other, so there are no locks;
they await nothing. What must be done is posted to the outbox, in the order in which it is decided.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from bot.deeds import Deed, Discard, Hold, Invite, Origin, OutgoingMessage, SendFile, SendText
from bot.domain import Attachment, Case, CaseNumber, Conversation, ConversationId, Owner, Place, Style, Timer
from bot.errors import VestibuleError
from bot.flow import session as sessions
from bot.flow.engine import Engine
from bot.ladder import PROMISE, Promise
from bot.ports import Clock, Tx
from bot.services.commands import CASE
from bot.services.lengthy import split
from bot.services.releases import Releases
from bot.services.render import Renderer
from bot.services.routing import Rooms, name_of

ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
CASE_LENGTH = 4
ID_BYTES = 16  # of chance in an id or an alias: nobody guesses one, and no two are the same


@dataclass(frozen=True, slots=True)
class Staff:
    """Whom the config names as staff, where cases are shown, and whether a person signs off before a claim (law 8).

    `room` is the default queue room's id, or None while it is not known; `rooms` has the others. `members` are all of
    them, leads too, each with their pinned identity. `bot` is our own account, which is never one of them.
    `languages`: who reads summaries in another language than that of the rooms.
    """

    channel: str
    room: str | None = field(repr=False)
    members: Mapping[str, str] = field(repr=False)
    leads: frozenset[str] = field(default=frozenset(), repr=False)
    directors: frozenset[str] = field(default=frozenset(), repr=False)
    bot: str = field(default="", repr=False)
    before_claim: bool = True
    rooms: Rooms = field(default_factory=Rooms)
    languages: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Retention:
    """How long what requesters said is kept: after their case is over, and after its vetting what that alone needs."""

    case: timedelta = timedelta(days=90)
    vetting: timedelta = timedelta(days=30)


USUAL = Retention()


@dataclass(frozen=True, slots=True)
class Silence:
    """After how long staff are told that a requester, or they themselves, have not answered."""

    requester: timedelta = timedelta(hours=24)
    staff: timedelta = timedelta(hours=4)


USUAL_SILENCE = Silence()


@dataclass(frozen=True, slots=True)
class Kit:
    """What decisions need from outside. `chance(n)` gives n random bytes.

    `device(channel)` is what sends there, `longest(channel)` what fits into a message, `fingerprint(conversation)` what
    people know us by: see `Channel`.
    """

    releases: Releases
    staff: Staff
    clock: Clock
    chance: Callable[[int], bytes]
    device: Callable[[str], str]
    fingerprint: Callable[[Conversation], str]
    longest: Callable[[str], int]
    retention: Retention = USUAL
    silence: Silence = USUAL_SILENCE
    promise: Promise = PROMISE

    @property
    def engine(self) -> Engine:
        """That of the latest release."""
        return self.releases.latest.engine

    @property
    def render(self) -> Renderer:
        """That of the latest release."""
        return self.releases.latest.render


class Work:
    """A transaction, the time, and what it leaves to do: lanes with something to send, the first timer that it set.

    `pins` are those of all staff, where the transaction changed who they are.
    """

    def __init__(self, tx: Tx, kit: Kit) -> None:
        self.tx = tx
        self.kit = kit
        self.now: datetime = kit.clock.now()
        self.lanes: set[ConversationId] = set()
        self.earliest: datetime | None = None
        self.pins: Mapping[str, str] | None = None

    def post(
        self,
        conversation: Conversation,
        deed: Deed,
        origin: Origin | None = None,
        hold: Hold | None = None,
        card: CaseNumber | None = None,
    ) -> None:
        """Have this done, after all that was posted for the conversation before.

        Law 2 needs to know of the first attempt before it is made. Storing it then would cost a transaction a message;
        so it is dated here, where the row is stored anyway. That is the earliest it can be: when the channel doubts
        that a resend is harmless it looks in the room first, and it may only doubt too early, never too late.
        """
        message = OutgoingMessage(
            self.new_id(),
            conversation.id,
            deed,
            origin,
            tried_at=self.now,
            tried_from=self.kit.device(conversation.channel),
            hold=hold,
            card=card,
        )
        self.tx.outbox.add(message)
        self.lanes.add(conversation.id)

    def say(
        self,
        conversation: Conversation,
        text: str,
        origin: Origin | None = None,
        styles: tuple[Style, ...] = (),
        *,
        hold: Hold | None = None,
        mentions: tuple[str, ...] = (),
    ) -> None:
        """Post a text, in several messages, and then without its styles, where it does not fit into one.

        The first of them calls those whom it mentions.
        """
        parts = split(text, self.kit.longest(conversation.channel))
        for place, part in enumerate(parts):
            deed = SendText(part, styles if parts == [text] else (), mentions if place == 0 else ())
            self.post(conversation, deed, origin, hold)

    def withhold(self, conversation: Conversation, is_gone: Callable[[OutgoingMessage], bool]) -> list[OutgoingMessage]:
        """Take out of what waits what must not be said any more."""
        withheld = [message for message in self.tx.outbox.lane(conversation.id) if is_gone(message)]
        for message in withheld:
            self.tx.outbox.empty(message.id)
        return withheld

    def uninvite(self, conversation: Conversation, who: str) -> None:
        """Take out of what waits that they are asked in."""
        for message in self._take_out(conversation):
            if message.deed != Invite(who):
                self.tx.outbox.add(message)

    def post_first(self, conversation: Conversation, deed: Deed) -> None:
        """Have this done before all that waits."""
        waiting = self._take_out(conversation)
        self.post(conversation, deed)
        for message in waiting:
            self.tx.outbox.add(replace(message, due=None))

    def carry_over(self, room: Conversation, to: Conversation) -> None:
        """Say what waits to be said in one queue room in another. Cards are looked after by themselves."""
        for message in self._take_out(room):
            if isinstance(message.deed, SendText) and message.card is None:
                self.post(to, message.deed, message.origin, message.hold)
            else:
                self.tx.outbox.add(message)

    def let_go(self, conversation: Conversation, *files: Attachment) -> None:
        """Nothing that is stored names these files any more: have whatever was kept of them erased."""
        for file in files:
            self.post(conversation, Discard(file))

    def let_go_of(self, conversation: Conversation, message: OutgoingMessage) -> None:
        """A message is done or given up. Its file is let go of, if it is not an entry's: then it goes with that."""
        is_an_entrys = message.hold is not None and message.hold.kept is not None
        if isinstance(message.deed, SendFile) and not is_an_entrys:
            self.let_go(conversation, message.deed.attachment)

    def end_session(self, conversation: Conversation) -> None:
        """Erase where the requester stands, and the files that they gave for answers."""
        session = None
        with suppress(VestibuleError):  # of a record that cannot be read, the keys of its files are lost too
            session = self.tx.sessions.load(conversation.id)
        self.tx.sessions.erase(conversation.id)
        self.let_go(conversation, *sessions.files(session))

    def drop_lane(self, conversation: Conversation, farewell: Deed | None = None) -> list[OutgoingMessage]:
        """Take back whatever is not sent yet; what is to be erased still is. The farewell takes the place of it all."""
        dropped = self._take_out(conversation)
        if farewell is not None:
            self.post(conversation, farewell)
        for message in dropped:
            if isinstance(message.deed, Discard):
                self.post(conversation, message.deed)
        return dropped

    def _take_out(self, conversation: Conversation) -> list[OutgoingMessage]:
        return self.withhold(conversation, lambda _: True)

    def set_timer(self, conversation: Conversation, kind: str, after: timedelta) -> None:
        """Owe the conversation an event."""
        self.set_due(conversation.id, kind, self.now + after)

    def set_due(self, conversation: ConversationId, kind: str, due: datetime) -> None:
        """Owe the conversation an event at this moment."""
        self.tx.timers.set(Timer(conversation, kind, due))
        self.earliest = min(due, self.earliest or due)

    def render_of(self, case: Case) -> Renderer:
        """What renders a case's answers: the texts that they are named by may be gone since."""
        return self.kit.releases.of(case.release, self.tx).render

    def lists(self, who: str) -> bool:
        """Whether this is one of the staff. Being in a staff room is not enough (law 10)."""
        return who in self.kit.staff.members or any(listed.user == who for listed in self.tx.roster.listed())

    def is_lead(self, who: str) -> bool:
        """Whether this is one of the leads. Of those whom it names, the config alone says so."""
        if who in self.kit.staff.members:
            return who in self.kit.staff.leads
        return any(listed.user == who and listed.lead for listed in self.tx.roster.listed())

    def queue(self) -> Conversation:
        """The default queue room; it stands since the start, with or without a room behind it."""
        rooms = self.tx.conversations.queue_rooms(self.kit.staff.channel)
        queue = next((room for room in rooms if room.name is None), None)
        if queue is None:
            queue_id = ConversationId(self.new_id())
            queue = Conversation(queue_id, self.kit.staff.channel, Place.QUEUE, key=queue_id)
            self.tx.conversations.add(queue)
        return queue

    def queue_of(self, case: Case) -> Conversation:
        """The room in which the card of this case stands: the one that it concerns, unless that cannot be entered."""
        rooms = self.tx.conversations.queue_rooms(self.kit.staff.channel)
        names = {room.id: room.name for room in rooms if room.name is not None and room.owner is not Owner.NOBODY}
        shown_in = [names.get(card.conversation, "") for card in self.tx.cards.of(case.number)] if names else []
        name = name_of(case, self.kit.staff.rooms, shown_in, before_claim=self.kit.staff.before_claim)
        return next((room for room in rooms if names.get(room.id) == name), None) or self.queue()

    def place_queue(self) -> Conversation:
        """The default queue room, where the config has it now."""
        queue, room = self.queue(), self.kit.staff.room
        return queue if room is None else self.put_queue(queue, room)

    def put_queue(self, queue: Conversation, room: str) -> Conversation:
        """Have a queue in this room from now on."""
        if queue.room == room:
            return queue
        holder = self.tx.conversations.find(queue.channel, room)
        if holder is not None:  # it was another queue, or the bot was asked into it before it was one
            self.tx.conversations.save(replace(holder, room=None))
        self.tx.cards.leave(queue.id)
        queue = replace(queue, room=room)
        self.tx.conversations.save(queue)
        return queue

    def new_id(self) -> str:
        """An id that nobody has."""
        return self.kit.chance(ID_BYTES).hex()

    def new_case_number(self) -> CaseNumber:
        """Four characters with at least one digit, as no other case has them."""
        while True:
            letters = (ALPHABET[byte % len(ALPHABET)] for byte in self.kit.chance(CASE_LENGTH))
            number = CaseNumber("".join(letters))
            if CASE.fullmatch(number) and self.tx.cases.get(number) is None:
                return number
