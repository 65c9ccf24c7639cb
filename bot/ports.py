"""What the services may ask of the world: a store and its transaction, channels, texts, a clock, fresh ids.

Adapters translate and name what went wrong; they neither decide nor retry. The fakes in `testing.py` and the real
adapters are held to the same contract tests.

Errors, by whose fault it is:

    VestibuleError
    ├── FlowError       the author's: a flow file, a catalog (`flow.model`)
    ├── ConfigError     the administrator's: config, key file, credentials (`config`)
    ├── WorldError      the world's: a server or a program that failed (each adapter's own derive from it)
    │   └── SendError   a deed that a channel could not do
    ├── ListeningEnded  the world's: a channel that cannot be listened to any more
    └── Taken           our own: an id, a room or a case number given twice
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol, TypeVar

from bot.caseload import Cards, Cases, Copies, Counts, Traces
from bot.deeds import OutgoingMessage
from bot.domain import (
    Attachment,
    CaseNumber,
    Conversation,
    ConversationId,
    Listed,
    Release,
    TextId,
    Timer,
)
from bot.entries import Entries
from bot.errors import VestibuleError, WorldError
from bot.flow.session import Session
from bot.happenings import Arrival, Batch, Typing

T = TypeVar("T")


class Failure(StrEnum):
    """What kept a deed from being done."""

    AWAY = "away"  # the server cannot be reached or failed: try again
    LIMITED = "limited"  # too many requests: try again after `retry_after`
    GONE = "gone"  # the room or the contact is not there any more: trying again is useless
    REFUSED = "refused"  # the server will never do this: trying again is useless
    UNSAFE = "unsafe"  # doing it would break law 5 or 10: trying again is useless
    CHANGED = "changed"  # the contact's identity is a new one, which nobody has accepted: it waits for that


class SendError(WorldError):
    """A deed that could not be done. `retry_after` is in seconds, where the server named one."""

    def __init__(self, failure: Failure, *, retry_after: float | None = None) -> None:
        super().__init__(failure.value)
        self.failure = failure
        self.retry_after = retry_after


class ListeningEnded(VestibuleError):
    """A channel that cannot be listened to any more until an administrator does something: trying again is useless."""


class Taken(VestibuleError):
    """An id, a room or a case number that the store already holds for another; raised inside the transaction."""

    def __init__(self, what: str) -> None:
        super().__init__(f"this {what} is taken")


class Entered(StrEnum):
    """What `Enter` found."""

    SAFE = "safe"
    UNSAFE = "unsafe"


class Done(Protocol):
    """What a deed brought: the event it made, the room it made or found, what `Enter` saw; None where it has none.

    `identity` (see `Wrote`): of whom `Identify` asked for; of the contact, where something was said to a requester.
    """

    @property
    def event_id(self) -> str | None: ...
    @property
    def room(self) -> str | None: ...
    @property
    def entered(self) -> Entered | None: ...
    @property
    def identity(self) -> str | None: ...


class Inbox(Protocol):
    """Where a channel leaves what arrived."""

    async def accept(self, batch: Batch) -> None:
        """Journal the arrivals, sealed, in the transaction that moves the token (law 1). Returns once committed."""

    async def token(self, channel: str) -> str | None:
        """The token of the last accepted batch of this channel; None before the first."""

    async def typing(self, typing: Typing) -> None:
        """Somebody writes, or has stopped to."""


class Files(Protocol):
    """What was attached to messages, whichever channel brought it."""

    def open(self, attachment: Attachment) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        """The file's own bytes, piece by piece; none is given out before it is proven to be what was sent.

        Raises SendError on entering, and from the pieces of a file that is found broken on the way: what was read of
        it must then go no further.
        """


class Channel(Protocol):
    """One way to reach people. Never retries, never decides."""

    @property
    def name(self) -> str: ...

    @property
    def device(self) -> str:
        """What sends: within a day on the same device, a resend under the same id is harmless (law 2)."""

    @property
    def longest(self) -> int:
        """Bytes of UTF-8 that one message may hold, whatever signs stand in it."""

    def fingerprint(self, conversation: Conversation) -> str:
        """By what the conversation's contact can make sure that they write to us, in groups that can be read aloud.

        Empty where it is not known.
        """

    def trust(self, pins: Mapping[str, str]) -> None:
        """These are the staff, each with their pinned identity, in place of those named before (law 10)."""

    async def listen(self, inbox: Inbox) -> None:
        """Bring arrivals to the inbox, in order, until cancelled. The world's failures are waited out inside.

        Raises ListeningEnded where that is useless. After any other error it is called again.
        """

    async def perform(self, conversation: Conversation, message: OutgoingMessage, files: Files) -> Done:
        """Do one deed. Raises SendError. Doing the same message again is harmless (law 2).

        `files`: for what another channel brought.
        """

    def open(self, attachment: Attachment) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        """A file that this channel brought, as in `Files`."""

    async def show_typing(self, conversation: Conversation, *, on: bool) -> None:
        """Show in the conversation's room that somebody writes. Carries no words; a failure is of no account."""


class Journal(Protocol):
    """What arrived and waits for its step."""

    def add(self, conversation: ConversationId, arrival: Arrival) -> bool:
        """False, and nothing added, when an event of this id, or this ciphertext (`once`), was journaled before."""

    def pending(self, conversation: ConversationId) -> Sequence[tuple[int, Arrival]]:
        """Rows without their step, in the order of arrival."""

    def waiting(self) -> Sequence[ConversationId]:
        """Conversations with pending rows, the longest waiting first."""

    def empty(self, row: int) -> None:
        """The step is stored: erase the content, keep the event's keyed hash so that it is taken only once."""


class Conversations(Protocol):
    """Who we are in touch with, and in which rooms."""

    def get(self, conversation: ConversationId) -> Conversation: ...
    def find(self, channel: str, room: str) -> Conversation | None: ...
    def add(self, conversation: Conversation) -> None:
        """Makes the conversation's key where it has its own; the key is committed first."""

    def save(self, conversation: Conversation) -> None: ...
    def queue_rooms(self, channel: str) -> Sequence[Conversation]: ...  # the default one has no name

    def of_requester(self, case: CaseNumber) -> Sequence[Conversation]:
        """The conversations of `Place.REQUESTER` that belong to a case."""


class Sessions(Protocol):
    """Where each requester stands in the flow."""

    def load(self, conversation: ConversationId) -> Session | None: ...
    def save(self, conversation: ConversationId, session: Session) -> None: ...
    def erase(self, conversation: ConversationId) -> None: ...
    def inside(self) -> Sequence[Session]:
        """Every session, of whomever; one whose record is broken is left out."""


class Outbox(Protocol):
    """What must be sent; one lane a conversation, in order."""

    def add(self, message: OutgoingMessage) -> None: ...
    def lanes(self) -> Sequence[ConversationId]:
        """Conversations with unsent rows."""

    def head(self, conversation: ConversationId) -> OutgoingMessage | None:
        """The oldest unsent row of a lane."""

    def lane(self, conversation: ConversationId) -> Sequence[OutgoingMessage]:
        """All unsent rows of a lane, in order."""

    def save(self, message: OutgoingMessage) -> None:
        """Store attempts, due time and the first attempt."""

    def empty(self, message_id: str) -> None:
        """Sent, or given up: erase the content."""


class Timers(Protocol):
    """Moments at which a conversation is owed an event."""

    def set(self, timer: Timer) -> None:
        """One timer a conversation and kind: a new one takes the old one's place."""

    def get(self, conversation: ConversationId, kind: str) -> datetime | None:
        """When this one is due; None where there is none."""

    def cancel(self, conversation: ConversationId, kind: str) -> None: ...
    def due(self, now: datetime) -> Sequence[Timer]: ...
    def next(self) -> datetime | None: ...


class Roster(Protocol):
    """The staff who were added while the bot ran, beside those of the config."""

    def listed(self) -> Sequence[Listed]:
        """In the order in which they were added."""

    def add(self, listed: Listed) -> None:
        """Takes the place of what was listed for the same person."""

    def remove(self, user: str) -> bool:
        """False when nobody of this name was listed."""


class Releases(Protocol):
    """The flows and catalogs that went live, each as a whole. None is ever changed or erased."""

    def add(self, release: Release, files: Mapping[str, bytes]) -> None:
        """Raises Taken for a number that is there."""

    def files(self, number: int) -> Mapping[str, bytes]:
        """The files of a release, by their names. Raises KeyError."""

    def log(self) -> Sequence[Release]:
        """The first one first."""


class Tx(Protocol):
    """One transaction: all of it is stored, or nothing."""

    @property
    def journal(self) -> Journal: ...
    @property
    def conversations(self) -> Conversations: ...
    @property
    def sessions(self) -> Sessions: ...
    @property
    def outbox(self) -> Outbox: ...
    @property
    def timers(self) -> Timers: ...
    @property
    def cases(self) -> Cases: ...
    @property
    def entries(self) -> Entries: ...
    @property
    def copies(self) -> Copies: ...
    @property
    def cards(self) -> Cards: ...
    @property
    def traces(self) -> Traces: ...
    @property
    def roster(self) -> Roster: ...
    @property
    def releases(self) -> Releases: ...
    @property
    def counts(self) -> Counts: ...

    def token(self, channel: str) -> str | None: ...
    def set_token(self, channel: str, token: str) -> None: ...


class Store(Protocol):
    """Keeps everything. Transactions run one after the other, on a thread of the store."""

    async def transact(self, work: Callable[[Tx], T]) -> T:
        """Run `work` inside one transaction; an exception from it rolls everything back and is raised here."""

    async def close(self) -> None: ...


class Texts(Protocol):
    """Every sentence for people, in their language."""

    @property
    def locales(self) -> Sequence[str]:
        """The languages offered, the helpline's first."""

    def say(self, text: TextId, locale: str, params: Mapping[str, str] | None = None) -> str:
        """The text in this language, with the helpline's names and addresses filled in.

        A paragraph that names an address or link which the config leaves empty is left out.
        """


class Record(Protocol):
    """A small sealed record on disk, replaced as a whole."""

    def read(self) -> dict[str, Any] | None:
        """None when none was written yet."""

    def write(self, content: Mapping[str, Any]) -> None:
        """On disk, flushed, when this returns."""


class Clock(Protocol):
    """The time, in UTC."""

    def now(self) -> datetime: ...
