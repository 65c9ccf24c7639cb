"""The values that every floor speaks of: conversations, cases, staff, and what belongs to them.

Everything here is frozen data. A type that carries what people wrote, or who they are, hides it in its `repr` (law 6).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import NewType

TextId = NewType("TextId", str)
"""Names a text for people, such as `eligibility.role` or `bot.not_understood`; the catalogs hold the sentence."""

ConversationId = NewType("ConversationId", str)

CaseNumber = NewType("CaseNumber", str)
"""Four characters of A-Z and 0-9 with at least one digit: what specialists call a case by."""


FIRST_RELEASE = 1


class Owner(StrEnum):
    """Who answers in a requester's conversation. Exactly one at every moment (law 4)."""

    BOT = "bot"
    QUEUE = "queue"
    SPECIALIST = "specialist"
    NOBODY = "nobody"


class Place(StrEnum):
    """What a conversation is for, and with it who may read it (laws 10 and 11)."""

    REQUESTER = "requester"
    QUEUE = "queue"
    RELAY = "relay"
    NOTES = "notes"


@dataclass(frozen=True, slots=True)
class Conversation:
    """One channel's thread with one contact, or one of the specialists' rooms.

    `room` is None until a room that we make exists. `key` names the conversation whose key seals this one: a case's
    relay and notes rooms are sealed with the requester's key, so that forgetting the requester empties them too.
    `identity` is the contact's, as it was seen last: see `happenings.Wrote`. `expires`: so long after they are read,
    messages here are to disappear; whole seconds. `name`: what the config calls a queue room beside the default one. In
    a queue room that cannot be entered, nobody is the `owner`. `heard_at`: the first message that waits for a person's
    answer, while the bot owns it; `unread`: how many in a row could not be decrypted; `stalled`: the case without
    content that tells people of it.
    """

    id: ConversationId
    channel: str
    place: Place
    key: ConversationId
    room: str | None = field(default=None, repr=False)
    contact: str | None = field(default=None, repr=False)
    owner: Owner = Owner.BOT
    case: CaseNumber | None = None
    identity: str | None = field(default=None, repr=False)
    expires: timedelta | None = None
    name: str | None = field(default=None, repr=False)
    heard_at: datetime | None = None
    unread: int = 0
    stalled: CaseNumber | None = None


class Look(StrEnum):
    """How a part of a text is set."""

    BOLD = "bold"
    ITALIC = "italic"
    STRIKE = "strike"
    MONOSPACE = "monospace"


@dataclass(frozen=True, slots=True)
class Style:
    """A part of a text that is set otherwise: from which character on, and how many (code points)."""

    look: Look
    start: int
    length: int


class Kind(StrEnum):
    """What an attachment is shown as."""

    FILE = "file"
    IMAGE = "image"
    AUDIO = "audio"
    VIDEO = "video"
    VOICE = "voice"


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that is passed on and never looked into by us.

    `channel` brought it; `place` is where its ciphertext lies and `secret` what opens it, both in that channel's words.
    Name, type and size (bytes) are the sender's claims, cleaned; `caption` is what they wrote beside it.
    """

    kind: Kind
    name: str = field(repr=False)
    mime: str
    size: int
    place: str = field(repr=False)
    secret: str = field(repr=False)
    caption: str = field(default="", repr=False)
    channel: str = field(kw_only=True)


@dataclass(frozen=True, slots=True)
class Listed:
    """One of the staff who was added while the bot ran. `identity` is pinned: only devices that it signed count."""

    user: str = field(repr=False)
    identity: str = field(repr=False)
    lead: bool = False
    added_by: str = field(default="", repr=False)  # empty: on the command line


@dataclass(frozen=True, slots=True)
class Release:
    """One state of the flows and catalogs that went live. Numbers count from 1; `digest` is SHA-256, in hex.

    `moves`: those who were inside are moved to it, rather than finish with what they began with.
    """

    number: int
    digest: str
    at: datetime
    by: str = field(repr=False)
    moves: bool = False


class Keep(StrEnum):
    """How long what a requester said is kept: until some time after its case is closed, or only while it is vetted."""

    CASE = "case"
    VETTING = "vetting"


class CaseStatus(StrEnum):
    """How far a case has come; `life` says what leads where."""

    ARRIVED = "arrived"
    VETTING = "vetting"  # somebody looks into it
    WAITING = "waiting"  # signed off: it can be claimed
    CLAIMED = "claimed"  # and nobody has written to its requester yet
    ON_US = "on_us"  # its requester wrote last
    ON_REQUESTER = "on_requester"  # staff wrote last
    DECLINED = "declined"
    CLOSED = "closed"
    REOPENED = "reopened"  # its requester came back: it waits for a claim


class Vetting(StrEnum):
    """A person's sign-off (law 8). An emergency can be claimed before it."""

    NONE = "none"
    PENDING = "pending"
    PASSED = "passed"
    DECLINED = "declined"


class Bare(StrEnum):
    """Why a case is without content: the bot told people of a conversation that was not handed over."""

    STALLED = "stalled"  # its requester has stopped in the middle of the questions
    UNREADABLE = "unreadable"  # nothing that they write can be decrypted


@dataclass(frozen=True, slots=True)
class Change:
    """One step in the life of a case: who took it and when, from what to what. `who` is empty for the bot itself.

    `step` is one of `life.Step`. `claimer`: whose the case is after it, nobody's where that is None.
    """

    at: datetime
    step: str
    who: str = field(repr=False)
    before: CaseStatus | None
    after: CaseStatus
    claimer: str | None = field(default=None, repr=False)


class Voice(StrEnum):
    """Whose words stand in the conversation of a case."""

    REQUESTER = "requester"
    STAFF = "staff"


@dataclass(frozen=True, slots=True)
class Reader:
    """One of the staff who came into the relay room of a case, and how much of the conversation they can have read.

    `read_to`: the last mark (see `entries.Entry`) that was set when they left; None while they are there.
    """

    who: str = field(repr=False)
    read_to: int | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer on the path that led to the handoff.

    `step` is flow and step (`eligibility.role`). `question` is the text that names the question in a review or summary:
    its label, what a consent covers, or else the question itself. `outcome` is the routing key (`activist`, `yes`,
    `answered`, `skipped`); `label` the text of the chosen option; `words` what the person wrote, for a free-text
    question, or the name of the file that they sent; `version` that of the text that was consented to. `chosen` has
    each option, with its text, where several could be chosen; `file` is what was sent. `keep` says how long it is
    kept. `expires`: so long after somebody could read it, it is to disappear; `due`: when, once somebody could. `at`
    says when a consent was given. `ref` is the message that gave it, once it is handed over; it is `later` when that
    message was changed after that: what it said before still stands beside it, since such a change can be forged.
    """

    step: str
    question: TextId
    outcome: str
    label: TextId | None = None
    words: str | None = field(default=None, repr=False)
    version: int | None = None
    chosen: tuple[tuple[str, TextId], ...] = ()
    file: Attachment | None = field(default=None, repr=False)
    keep: Keep = Keep.CASE
    expires: timedelta | None = None
    due: datetime | None = None
    at: datetime | None = None
    ref: str | None = field(default=None, repr=False)
    later: bool = False


@dataclass(frozen=True, slots=True)
class Trace:
    """That a case has something in common with another one: of which kind, with which, and since when that has it."""

    kind: str
    case: CaseNumber
    day: date


@dataclass(frozen=True, slots=True)
class Case:
    """A handed-over conversation, from arrival to close."""

    number: CaseNumber
    status: CaseStatus
    requester: ConversationId
    opened_at: datetime
    locale: str
    answers: tuple[Answer, ...] = field(repr=False)
    topic: TextId | None = None
    urgency: TextId | None = None
    relay: ConversationId | None = None
    notes: ConversationId | None = None
    vetted_by: str | None = field(default=None, repr=False)
    claimed_by: str | None = field(default=None, repr=False)
    relay_open: bool = False  # the claimer is in the relay room: what the requester writes can be read there
    note: str | None = field(default=None, repr=False)  # what the sign-off said beside yes or no
    told: tuple[TextId, ...] = ()  # what was told once, to the requester (law 4) or in the notes room
    writes_from: ConversationId | None = None  # where its requester wrote last, once another conversation was joined
    vetting: Vetting = Vetting.NONE
    joined_to: CaseNumber | None = None  # the same person's, in which what they say is said since
    signs: tuple[tuple[str, str], ...] = field(default=(), repr=False)  # who of the staff signs with which name
    release: int = FIRST_RELEASE  # of the flows: its answers are named by the texts of that one
    help_wanted: bool = False  # whoever of the staff claims it now comes in as a helper
    left: str | None = field(default=None, repr=False)  # a leaving that was answered before it was looked at
    readers: tuple[Reader, ...] = ()
    heard_at: datetime | None = None  # the requester's first message, from which the promise of an answer counts
    bare: Bare | None = None

    @property
    def inside(self) -> tuple[str, ...]:
        """The staff in its relay room."""
        return tuple(reader.who for reader in self.readers if reader.read_to is None)

    @property
    def partner(self) -> ConversationId:
        """The conversation in which its requester is answered."""
        return self.writes_from or self.requester

    @property
    def is_claimed(self) -> bool:
        """It is one specialist's."""
        return self.status in (CaseStatus.CLAIMED, CaseStatus.ON_US, CaseStatus.ON_REQUESTER)

    @property
    def is_emergency(self) -> bool:
        """It is claimed and nobody has signed it off; where that comes before a claim, in an emergency alone.

        In one without content there is nothing to sign off.
        """
        return self.is_claimed and self.bare is None and self.vetting is not Vetting.PASSED

    @property
    def is_over(self) -> bool:
        """Nobody works on it any more."""
        return self.status in (CaseStatus.DECLINED, CaseStatus.CLOSED)

    def kind_of_timer(self, what: str) -> str:
        """The kind of its timer for this; `Timer.what` and `Timer.case` read it."""
        return f"{what} {self.number}"


@dataclass(frozen=True, slots=True)
class Count:
    """How often something came about in a month, such as a case in a language. It names nobody."""

    month: str
    what: str
    value: str
    number: int


@dataclass(frozen=True, slots=True)
class Timer:
    """A moment at which a conversation is owed an event."""

    conversation: ConversationId
    kind: str
    due: datetime

    @property
    def what(self) -> str:
        """What it is for."""
        return self.kind.partition(" ")[0]

    @property
    def case(self) -> CaseNumber:
        """Whose it is, where it is for a case."""
        return CaseNumber(self.kind.partition(" ")[2])
