"""The values that every floor speaks of: conversations, what arrived in them, what must be sent, and cases.

Everything here is frozen data. A type that carries what people wrote, or who they are, hides it in its `repr` (law 6).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import NewType

TextId = NewType("TextId", str)
"""Names a text for people, such as `eligibility.role` or `bot.not_understood`; the catalogs hold the sentence."""

ConversationId = NewType("ConversationId", str)
CaseNumber = NewType("CaseNumber", str)
"""Four characters of A-Z and 0-9 with at least one digit: what specialists call a case by."""


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
    """

    id: ConversationId
    channel: str
    place: Place
    key: ConversationId
    room: str | None = field(default=None, repr=False)
    contact: str | None = field(default=None, repr=False)
    owner: Owner = Owner.BOT
    case: CaseNumber | None = None


class Cause(StrEnum):
    """Why a message could not be taken as words."""

    NO_KEY = "no_key"  # its encryption key has not reached us
    UNBOUND = "unbound"  # not proven to come from a device of the person named as its sender
    PLAIN = "plain"  # sent without encryption
    NOT_TEXT = "not_text"  # a picture, a file, a voice message


class Danger(StrEnum):
    """Why the bot must not go on in a requester's room (law 5)."""

    THIRD_MEMBER = "third_member"
    HISTORY_OPENED = "history_opened"


@dataclass(frozen=True, slots=True)
class Wrote:
    """A readable message. `signed`: from a device that the sender's pinned identity signed (law 10).

    `edited`: it takes the place of an earlier message. Which one is not said: a relation never routes (law 11).
    """

    text: str = field(repr=False)
    signed: bool = False
    edited: bool = False


@dataclass(frozen=True, slots=True)
class Invited:
    """The bot was invited to a room that it is not in."""


@dataclass(frozen=True, slots=True)
class Joined:
    """The sender came into the room."""


@dataclass(frozen=True, slots=True)
class Left:
    """The sender left the room, or was removed from it."""


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A message that could not be taken as words."""

    cause: Cause


@dataclass(frozen=True, slots=True)
class Endangered:
    """The room stopped being safe for this conversation."""

    danger: Danger


Happening = Wrote | Invited | Joined | Left | Unreadable | Endangered


@dataclass(frozen=True, slots=True)
class Arrival:
    """One thing that happened in a room of a channel. `event_id` is the channel's own and makes it taken once.

    `at` is the channel's claim (UTC); nothing is decided by it.
    """

    channel: str
    room: str = field(repr=False)
    event_id: str
    sender: str = field(repr=False)
    at: datetime
    what: Happening


@dataclass(frozen=True, slots=True)
class Batch:
    """What one look at a channel brought, and the token from which the next look goes on."""

    channel: str
    token: str
    arrivals: tuple[Arrival, ...]


@dataclass(frozen=True, slots=True)
class SendText:
    """Say this in the conversation's room, encrypted."""

    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Tick:
    """Mark a message in the conversation's room as delivered: the homeserver accepted what it caused."""

    event_id: str


@dataclass(frozen=True, slots=True)
class Enter:
    """Accept an invitation, look around, and stay only where the room is safe (law 5)."""


@dataclass(frozen=True, slots=True)
class Decline:
    """Leave the room, after the fixed notice in clear, which names nobody and nothing (law 5)."""

    notice: str


@dataclass(frozen=True, slots=True)
class MakeRoom:
    """Make the conversation's encrypted, invite-only room. Made once, however often it is tried (`alias` is random)."""

    alias: str
    name: str


@dataclass(frozen=True, slots=True)
class Invite:
    """Ask someone into the conversation's room."""

    contact: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Leave:
    """Leave the conversation's room, after saying why, encrypted: all that is still said in an unsafe room (law 5)."""

    why: str = field(repr=False)


Deed = SendText | Tick | Enter | Decline | MakeRoom | Invite | Leave


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a text that is passed on came from, so that it can be ticked there or its failure told."""

    conversation: ConversationId
    event_id: str


@dataclass(frozen=True, slots=True)
class OutgoingMessage:
    """One outbox row. `id` is the channel's transaction id and stands inside the encrypted content (law 2).

    `tried_at` and `tried_from` (a device) tell of the first attempt: after a day, or from another device, the channel
    first looks in the room for its own message with this id.
    """

    id: str
    conversation: ConversationId
    deed: Deed
    origin: Origin | None = None
    attempts: int = 0
    due: datetime | None = None
    tried_at: datetime | None = None
    tried_from: str | None = None


class CaseStatus(StrEnum):
    """How far a case has come. Vetting is a person's sign-off (law 8)."""

    ARRIVED = "arrived"
    VETTING = "vetting"
    PASSED = "passed"
    DECLINED = "declined"
    CLAIMED = "claimed"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer on the path that led to the handoff.

    `step` is flow and step (`eligibility.role`). `question` is the text that names the question in a review or summary:
    its label, what a consent covers, or else the question itself. `outcome` is the routing key (`activist`, `yes`,
    `answered`, `skipped`); `label` the text of the chosen option; `words` what the person wrote, for a free-text
    question; `version` that of the text that was consented to.
    """

    step: str
    question: TextId
    outcome: str
    label: TextId | None = None
    words: str | None = field(default=None, repr=False)
    version: int | None = None


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


@dataclass(frozen=True, slots=True)
class Timer:
    """A moment at which a conversation is owed an event."""

    conversation: ConversationId
    kind: str
    due: datetime
