"""What happens: what a channel brings, in our own words. Frozen data, like everything in `domain`.

A type that carries what people wrote, or who they are, hides it in its `repr` (law 6).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from bot.domain import Attachment, Style

LATE = "/read"  # ends the arrival id of words whose key came late; what is before it is their event's
PART = "/part/"  # stands, with a number, behind the event id of what came in one message with something else


class Cause(StrEnum):
    """Why a message could not be taken as words."""

    NO_KEY = "no_key"  # its encryption key has not reached us
    WITHHELD = "withheld"  # the sender's program says that it keeps the key from us, because it does not trust us
    UNBOUND = "unbound"  # not proven to come from a device of the person named as its sender
    PLAIN = "plain"  # sent without encryption
    NOT_TEXT = "not_text"  # neither words nor a file that could be passed on
    REACTION = "reaction"  # a mark on a message: never an answer (law 9)
    CALL = "call"  # somebody rang
    BROKEN_FILE = "broken_file"  # a file that did not come whole
    CHANGED = "changed"  # the sender's identity is not the one that was accepted: it may come once the new one is


class Danger(StrEnum):
    """Why the bot must not go on in a requester's room (law 5)."""

    THIRD_MEMBER = "third_member"
    HISTORY_OPENED = "history_opened"


class Setting(StrEnum):
    """A setting of a staff room that decides who may come in, read or rule there."""

    JOIN_RULES = "join_rules"
    GUESTS = "guests"
    HISTORY = "history"
    POWER = "power"
    ENCRYPTION = "encryption"


class Alarm(StrEnum):
    """What staff must hear of, though it happened in no room."""

    UNSIGNED_DEVICE = "unsigned_device"  # somebody listed has a device that their pinned identity has not signed
    WRONG_IDENTITY = "wrong_identity"  # the identity of somebody listed is not the pinned one (any more)
    SERVER_WENT_BACK = "server_went_back"  # the homeserver is on an older copy: what came after it is gone there
    NEW_DEVICE = "new_device"  # the bot had to begin again with a new device: what came before it cannot be read
    CHANNEL_AWAY = "channel_away"  # a channel cannot be reached: what is written there waits
    CHANNEL_BACK = "channel_back"  # it can be reached again
    CHANNEL_CLOSED = "channel_closed"  # our account there is gone
    CHANNEL_OLD = "channel_old"  # the program behind a channel is too old to be used
    CHANNEL_LOSSY = "channel_lossy"  # it runs in a way in which messages are lost while the bot is away
    CHANNEL_CHALLENGE = "channel_challenge"  # a person must solve a puzzle (`detail`) before more can be sent there


@dataclass(frozen=True, slots=True)
class Wrote:
    """A readable message. `signed`: from a device that the sender's pinned identity signed (law 10).

    `edits` names the sender's earlier message whose place this one takes: a claim that may change how something
    looks, never where it goes (law 11). `identity` stays the same while the sender's account does (on Matrix the
    public master key); empty where the account has none, so that any device may be anybody's; None where it is not
    known. `expires`: so long after it is read it is to be there no more; None where nothing was said of that.
    `quotes` is what their program shows above the text as the message that it answers: their claim. What staff quote is
    never passed on: it may be from another room, or name a colleague. `styles` are those of the text; or, where it was
    written with marks for them, of the same without its marks (`plain`).
    """

    text: str = field(repr=False)
    signed: bool = False
    edits: str | None = field(default=None, repr=False)
    identity: str | None = field(default=None, repr=False)
    expires: timedelta | None = None
    quotes: str = field(default="", repr=False)
    plain: str | None = field(default=None, repr=False, kw_only=True)
    styles: tuple[Style, ...] = field(default=(), repr=False, kw_only=True)

    @property
    def shown(self) -> str:
        """The words as their sender sees them: what `styles` belong to."""
        return self.text if self.plain is None else self.plain


@dataclass(frozen=True, slots=True)
class Attached:
    """A file, a picture, a voice message. `signed`, `identity` and `expires` as in `Wrote`."""

    attachment: Attachment
    signed: bool = False
    identity: str | None = field(default=None, repr=False)
    expires: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Removed:
    """An earlier message of the sender's was taken back: by them, or by a server; nobody can tell.

    So it may hide what it names (`event_id`), and empty what is on record of it; nothing that stands in a room is
    deleted.
    """

    event_id: str


@dataclass(frozen=True, slots=True)
class Moved:
    """The room says that the conversation goes on in another one."""

    room: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class AsksToVerify:
    """The sender's program asks to compare keys step by step, which the bot declines."""


@dataclass(frozen=True, slots=True)
class SettingsChanged:
    """Somebody changed a setting of the room."""

    setting: Setting


@dataclass(frozen=True, slots=True)
class Alarmed:
    """Something that staff must hear of. `who` is the person it is about, `device` their device, where there is one.

    `channel` names the one it is about; `detail` is what people need to mend it, in that channel's words,
    `link` where they find it.
    """

    alarm: Alarm
    who: str | None = field(default=None, repr=False)
    device: str | None = field(default=None, repr=False)
    channel: str = ""
    detail: str = field(default="", repr=False)
    link: str = ""


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
class TimerSet:
    """The sender set how long after being read messages of the room stay; None: they do not disappear (any more)."""

    expires: timedelta | None


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A message that could not be taken as words."""

    cause: Cause


@dataclass(frozen=True, slots=True)
class Endangered:
    """The room stopped being safe for this conversation."""

    danger: Danger


Happening = (
    Wrote
    | Attached
    | Removed
    | Invited
    | Joined
    | Left
    | Moved
    | Unreadable
    | Endangered
    | AsksToVerify
    | SettingsChanged
    | TimerSet
    | Alarmed
)


@dataclass(frozen=True, slots=True)
class Arrival:
    """One thing that happened in a room of a channel. `event_id` is the channel's own and makes it taken once.

    `once` names the ciphertext: the same one under another `event_id` is a replay, and not taken. `room` is empty
    where it happened in none (`Alarmed`). `at` is the channel's claim (UTC); nothing is decided by it.
    """

    channel: str
    room: str = field(repr=False)
    event_id: str
    sender: str = field(repr=False)
    at: datetime
    what: Happening
    once: str | None = None


@dataclass(frozen=True, slots=True)
class Typing:
    """Who is writing in a room at this moment. Lost without harm: it is neither journaled nor answered."""

    channel: str
    room: str = field(repr=False)
    people: frozenset[str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Batch:
    """What one look at a channel brought, and the token from which the next look goes on."""

    channel: str
    token: str
    arrivals: tuple[Arrival, ...]
