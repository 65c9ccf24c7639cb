"""The Signal adapter, assembled: what the services see of Signal is this and nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from bot.channels.database import open_database
from bot.channels.signal.alarms import NAME, Alarms
from bot.channels.signal.caller import Caller
from bot.channels.signal.contacts import Contacts
from bot.channels.signal.courtesy import Courtesy
from bot.channels.signal.fetching import Fetcher
from bot.channels.signal.files import Vault
from bot.channels.signal.ledger import Ledger
from bot.channels.signal.listening import Listener, Pace
from bot.channels.signal.once import Once, Setting
from bot.channels.signal.people import People
from bot.channels.signal.receiving import Reader
from bot.channels.signal.rpc import Refused
from bot.channels.signal.sending import GROUP, LONGEST, Result, Sender
from bot.channels.signal.sent import Sent
from bot.channels.signal.spool import Spool
from bot.config import ChangedIdentity
from bot.deeds import OutgoingMessage
from bot.domain import Attachment, Conversation
from bot.errors import WorldError
from bot.ports import Files, Inbox

FILE = "signal.db"
REJECTED = -6  # what the daemon says to an answer of a puzzle that does not count


class PuzzleRejected(WorldError):
    """The answer to the puzzle does not count: it is old, was used, or was found from another address."""


@dataclass(frozen=True, slots=True)
class Settings:
    """The daemon, and how we speak through it. `socket`: where it listens; `account`: our number there.

    `attachments`: its folder of received files, where that is on this machine. `changed_identity`: what to do where a
    contact has a new one. `disappear`: the timer that is set at first contact; None for none. `receipts` and `seconds`:
    how long receipts are waited for, and answers to a send (see `Setting`).
    """

    socket: Path
    account: str = field(repr=False)
    attachments: Path | None = None
    changed_identity: ChangedIdentity = ChangedIdentity.WAIT
    disappear: timedelta | None = None
    receipts: timedelta = timedelta(seconds=20)
    seconds: float = 60.0
    pace: Pace = field(default_factory=Pace)


class SignalChannel:
    """`ports.Channel` for Signal. `database`: the adapter's own, encrypted."""

    name = NAME
    longest = LONGEST

    def __init__(self, settings: Settings, data_dir: Path, database: Any, now: Callable[[], datetime]) -> None:
        self._database = database
        news = asyncio.Event()
        self._spool, self._contacts, self._sent = Spool(database), Contacts(database), Sent(database)
        self._caller = Caller(settings.socket, settings.account)
        people = People(self._caller, self._contacts, settings.changed_identity)
        self._vault = Vault(
            data_dir, settings.attachments, Fetcher(settings.socket, settings.account).fetch, Ledger(database)
        )
        alarms = Alarms(now, news)
        self._listener = Listener(
            settings.socket,
            settings.account,
            self._spool,
            self._sent,
            self._contacts,
            people,
            Reader(
                self._contacts,
                people,
                self._sent,
                self._spool,
                self._vault,
                now,
                lambda: self._listener.since is not None,
            ),
            Courtesy(self._caller),
            alarms,
            news,
            self._vault,
            now,
            settings.pace,
        )
        self._once = Once(
            self._caller,
            people,
            self._sent,
            self._spool,
            alarms,
            Setting(settings.receipts, settings.seconds),
            now,
            lambda: self._listener.since,
        )
        self._sender = Sender(
            self._caller, self._once, people, self._contacts, self._sent, self._vault, settings.disappear, now
        )
        self._sent.went_down(int(now().timestamp() * 1000))

    @property
    def device(self) -> str:
        """The same always: what makes a resend harmless here is known by the adapter itself."""
        return NAME

    def fingerprint(self, conversation: Conversation) -> str:
        """The safety number with the contact, in groups of five; empty while it is not known."""
        return self._contacts.safety(conversation.contact) if conversation.contact else ""

    def trust(self, pins: Mapping[str, str]) -> None:
        """Staff are not on Signal."""

    async def listen(self, inbox: Inbox) -> None:
        """Bring arrivals to the inbox until cancelled."""
        await self._listener.listen(inbox)

    async def perform(self, conversation: Conversation, message: OutgoingMessage, files: Files) -> Result:
        """Do one deed. Raises SendError."""
        return await self._sender.perform(conversation, message, files)

    def open(self, attachment: Attachment) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        """A file that came by Signal."""
        return self._vault.open(attachment)

    async def show_typing(self, conversation: Conversation, *, on: bool) -> None:
        """Show that somebody writes. A failure is of no account."""
        room = conversation.room
        if room is None or room.startswith(GROUP):
            return
        stop = {} if on else {"stop": True}
        with suppress(WorldError):
            await self._caller.ask("sendTyping", recipient=room, **stop)

    async def answer_puzzle(self, token: str, answer: str) -> None:
        """Show the server that a person solved the puzzle of an alarm. Raises PuzzleRejected and WorldError."""
        try:
            await self._caller.ask("submitRateLimitChallenge", challenge=token, captcha=answer)
        except Refused as refused:
            if refused.code == REJECTED:
                raise PuzzleRejected(
                    "the answer was refused: it is old, was used before, or was found through another internet "
                    "connection; solve a new puzzle"
                ) from None
            raise

    def counts(self) -> Mapping[str, int]:
        """What was counted that an administrator may want to know of, since the database was made."""
        return self._spool.counts()

    async def close(self) -> None:
        """Close connections and database."""
        await self._caller.close()
        await self._once.close()
        self._database.close()


def open_signal(settings: Settings, data_dir: Path, key: bytes, now: Callable[[], datetime]) -> SignalChannel:
    """The channel; the daemon may be away. `key`: 32 bytes that seal the adapter's database. Raises DatabaseError."""
    return SignalChannel(settings, data_dir, open_database(data_dir / FILE, key), now)
