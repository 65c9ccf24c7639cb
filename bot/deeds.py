"""Deeds: what a channel is asked to do, and the outbox row that keeps one until it is done. Frozen data.

A type that carries what people wrote, or who they are, hides it in its `repr` (law 6).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from bot.domain import Attachment, CaseNumber, ConversationId, Keep, Style


@dataclass(frozen=True, slots=True)
class SendText:
    """Say this in the conversation's room, encrypted. `mentions` are those of the staff there whom it calls."""

    text: str = field(repr=False)
    styles: tuple[Style, ...] = field(default=(), repr=False)
    mentions: tuple[str, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class EditText:
    """Put this in the place of an earlier message of ours in the conversation's room, encrypted."""

    event_id: str
    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class SendFile:
    """Pass this file on in the conversation's room, its key encrypted."""

    attachment: Attachment


@dataclass(frozen=True, slots=True)
class Erase:
    """Take back a message in the conversation's room: one of ours, or anybody's in a room that we made.

    Harmless where it is gone already. A channel that can take nothing back (any more) does nothing.
    """

    event_id: str


@dataclass(frozen=True, slots=True)
class Discard:
    """Nobody needs this file any more: let the channel that brought it erase what it kept. Says nothing to anybody."""

    attachment: Attachment


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
class Follow:
    """Go on in this room instead: enter it as `Enter` does; the conversation's room changes only where that is safe."""

    room: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Restore:
    """Set the settings of the conversation's room, which we made, back to what they were."""


@dataclass(frozen=True, slots=True)
class Identify:
    """Ask for somebody's identity, so that people can compare it with what its owner says."""

    contact: str = field(repr=False)
    lead: bool = False  # they are to be listed as a lead


@dataclass(frozen=True, slots=True)
class Invite:
    """Ask someone into the conversation's room."""

    contact: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Accept:
    """Accept the contact's new identity (`Failure.CHANGED`): what waits for it can be said, and heard, again."""


@dataclass(frozen=True, slots=True)
class Leave:
    """Leave the conversation's room, after saying why, encrypted: all that is still said in an unsafe room (law 5)."""

    why: str = field(repr=False)


Deed = (
    SendText
    | EditText
    | SendFile
    | Erase
    | Discard
    | Tick
    | Enter
    | Decline
    | MakeRoom
    | Follow
    | Restore
    | Identify
    | Invite
    | Accept
    | Leave
)


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a text that is passed on came from, so that it can be ticked there or its failure told."""

    conversation: ConversationId
    event_id: str


@dataclass(frozen=True, slots=True)
class Hold:
    """What a message of ours holds of a requester's, and how long it may stand where it is said.

    `keep` and `expires` as in `Answer`; `due`: when it is to be gone, where its time began before. `kept` is the place
    of the entry whose it is, and so is its file; None where it is of the case's answers, or of several entries.
    `change`: the event by which its writer changed what they had written. `earlier`: the places of what it says again.
    """

    case: CaseNumber
    keep: Keep = Keep.CASE
    expires: timedelta | None = None
    due: datetime | None = None
    kept: int | None = None
    change: str | None = None
    earlier: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Copy:
    """A message that says what somebody said: mostly ours, which passes on what was written elsewhere.

    `keep` as in `Answer`, for what a requester said in this case; `due`: when it is to be gone, where that is known.
    """

    conversation: ConversationId
    event_id: str
    case: CaseNumber | None = None
    keep: Keep | None = None
    due: datetime | None = None


@dataclass(frozen=True, slots=True)
class Card:
    """The card of a case in one queue room: what it is to say, and its message, once it stands there."""

    conversation: ConversationId
    text: str = field(repr=False)
    event_id: str | None = None


@dataclass(frozen=True, slots=True)
class OutgoingMessage:
    """One outbox row. `id` is the channel's transaction id and stands inside the encrypted content (law 2).

    `tried_at` and `tried_from` (a device) tell of the first attempt: after a day, or from another device, the channel
    first looks in the room for its own message with this id. `hold`: what it holds of a requester's. `card`: it is this
    case's, and takes the place of the one that stands in the room, if one does.
    """

    id: str
    conversation: ConversationId
    deed: Deed
    origin: Origin | None = None
    attempts: int = 0
    due: datetime | None = None
    tried_at: datetime | None = None
    tried_from: str | None = None
    hold: Hold | None = None
    card: CaseNumber | None = None
