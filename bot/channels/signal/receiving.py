"""From spooled lines to arrivals. One bad line never keeps those behind it from being read (law 7).

A line may be read again, after a kill or a failure: what it says has the same ids then, and its files are there.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import assert_never

from bot.channels.signal.alarms import NAME
from bot.channels.signal.claims import read_claim
from bot.channels.signal.contacts import Contacts
from bot.channels.signal.envelopes import (
    Envelope,
    Got,
    InGroup,
    Junk,
    NewTimer,
    Nothing,
    Once,
    Rang,
    Reacted,
    Said,
    TookBack,
    Types,
    Unread,
    Wordless,
    read_line,
)
from bot.channels.signal.files import Lost, Vault
from bot.channels.signal.people import People
from bot.channels.signal.sending import GROUP
from bot.channels.signal.sent import Sent
from bot.channels.signal.spool import NOT_UNDERSTOOD, SAYS_NOTHING, UNREADABLE, Spool, Spooled
from bot.config import ChangedIdentity
from bot.domain import Attachment
from bot.errors import WorldError
from bot.happenings import (
    PART,
    Arrival,
    Attached,
    Cause,
    Happening,
    Invited,
    Removed,
    TimerSet,
    Typing,
    Unreadable,
    Wrote,
)
from bot.logs import describe

UNREAD = "/unread"  # ends the id of what could not be read: it may come again, readable, under the same timestamp
PATIENCE = 20  # times that a file is tried to be taken, some minutes in all
ASKED_AGAIN = timedelta(hours=1)  # a group that we are still in then is told of again
TALKS = (Said, Once, Rang, Wordless, Unread)  # what makes a contact of whoever sends it

log = logging.getLogger(__name__)


class FileAway(WorldError):
    """A file of a message cannot be taken now, and may be at another time."""


@dataclass(slots=True)
class Read:
    """What lines say; and what is to be noted once that is kept."""

    arrivals: list[Arrival] = field(default_factory=list)
    typing: list[Typing] = field(default_factory=list)
    messages: list[tuple[str, int]] = field(default_factory=list)  # by contact and timestamp: to be marked as read
    greeted: dict[str, None] = field(default_factory=dict)
    groups: dict[str, int] = field(default_factory=dict)
    unsafe: bool = False  # something came without a subscription
    position: int = 0

    def but(self, before: Read) -> None:
        """Take back what came after this copy was made."""
        self.arrivals, self.typing, self.messages = before.arrivals, before.typing, before.messages
        self.greeted, self.groups = before.greeted, before.groups

    def copy(self) -> Read:
        """As it is now."""
        lists = list(self.arrivals), list(self.typing), list(self.messages)
        return Read(*lists, dict(self.greeted), dict(self.groups), self.unsafe, self.position)


class Reader:
    """Reads lines for one account. `is_heard`: whether the daemon is listened to at this moment."""

    def __init__(
        self,
        contacts: Contacts,
        people: People,
        sent: Sent,
        spool: Spool,
        vault: Vault,
        now: Callable[[], datetime],
        is_heard: Callable[[], bool],
    ) -> None:
        self._contacts = contacts
        self._people = people
        self._sent = sent
        self._spool = spool
        self._vault = vault
        self._tries: Counter[int] = Counter()
        self._now = now
        self._is_heard = is_heard

    async def read(self, lines: Sequence[Spooled]) -> Read:
        """What they say, as far as it can be had now. Raises WorldError where that is not even the first line."""
        read = Read()
        for spooled in lines:
            try:
                await self._line(read, spooled)
            except WorldError:
                if not read.position:
                    raise
                break
            read.position = spooled.position
        return read

    def accepted(self, read: Read) -> None:
        """It is kept."""
        self._contacts.greeted(list(read.greeted))
        for group, asked_at in read.groups.items():
            self._contacts.group_told(group, asked_at)

    async def _line(self, read: Read, spooled: Spooled) -> None:
        envelope = read_line(spooled.line)
        if isinstance(envelope, Junk):
            self._junk(envelope)
            return
        read.unsafe = read.unsafe or not envelope.safe
        before = read.copy()
        try:
            await self._envelope(read, envelope, spooled.position)
        except WorldError:
            read.but(before)  # all of it comes again
            raise
        except Exception as error:
            # it would fail for ever: better that its sender hears of it than that everybody waits for it
            log.error("something that came could not be taken: %s", describe(error))
            self._spool.count(NOT_UNDERSTOOD)
            read.but(before)
            self._add(read, envelope, Unreadable(Cause.NOT_TEXT))

    def _junk(self, junk: Junk) -> None:
        if junk.notified:
            return
        self._spool.count(UNREADABLE if junk.unread else SAYS_NOTHING)
        log.warning("the daemon handed over a line that cannot be read")

    async def _envelope(self, read: Read, envelope: Envelope, line: int) -> None:
        talks = isinstance(envelope.what, TALKS) and envelope.sender not in read.greeted
        if talks and self._contacts.is_new(envelope.sender):
            self._add(read, envelope, Invited(), "/asks")
            read.greeted[envelope.sender] = None
        match envelope.what:
            case Said() as said:
                await self._said(read, envelope, said, line)
            case Once(files):
                await self._refuse(files, line)
                self._add(read, envelope, Unreadable(Cause.NOT_TEXT))
            case TookBack(target):
                original = self._contacts.original(envelope.sender, target)
                self._add(read, envelope, Removed(f"{envelope.sender}/{original}"))
            case NewTimer(expires):
                self._contacts.set_timer(envelope.sender, expires)
                self._add(read, envelope, TimerSet(expires))
            case InGroup(group, files):
                await self._refuse(files, line)
                self._in_group(read, envelope, group)
            case Got(timestamps):
                for timestamp in timestamps:
                    self._sent.receipt(envelope.sender, timestamp)
            case Types(on):
                people = frozenset({envelope.sender} if on else ())
                read.typing.append(Typing(NAME, envelope.sender, people))
            case Reacted():
                if not self._contacts.is_new(envelope.sender):
                    self._add(read, envelope, Unreadable(Cause.REACTION))
            case Rang():
                self._add(read, envelope, Unreadable(Cause.CALL))
            case Wordless():
                self._add(read, envelope, Unreadable(Cause.NOT_TEXT))
            case Unread(changed):
                await self._unread(read, envelope, changed=changed)
            case Nothing():
                pass
            case _:
                assert_never(envelope.what)

    async def _said(self, read: Read, envelope: Envelope, said: Said, line: int) -> None:
        identity = await self._people.identity(envelope.sender)
        edits = None
        if said.edits is None:
            self._contacts.set_timer(envelope.sender, said.expires)
        else:
            original = self._contacts.original(envelope.sender, said.edits)
            self._contacts.edited(envelope.sender, envelope.timestamp, original)
            edits = f"{envelope.sender}/{original}"
        found: list[Happening] = []
        if said.text.strip():
            expires, quotes, styles = said.expires, said.quotes, said.styles
            found.append(
                Wrote(said.text, edits=edits, identity=identity, expires=expires, quotes=quotes, styles=styles)
            )
        for told in said.files:
            file = await self._file(told, line)
            taken = None if file is None else Attached(file, identity=identity, expires=said.expires)
            found.append(taken or Unreadable(Cause.BROKEN_FILE))
        for number, what in enumerate(found):
            self._add(read, envelope, what, f"{PART}{number}" if number else "")
        read.messages.append((envelope.sender, envelope.timestamp))

    async def _unread(self, read: Read, envelope: Envelope, *, changed: bool) -> None:
        if not changed:
            self._add(read, envelope, Unreadable(Cause.NO_KEY), UNREAD)
            return
        self._contacts.forget_identity(envelope.sender)
        if self._people.policy is ChangedIdentity.TRUST:
            await self._people.accept(envelope.sender)  # then it comes, and tells of the new identity
        else:
            self._add(read, envelope, Unreadable(Cause.CHANGED), UNREAD)

    def _in_group(self, read: Read, envelope: Envelope, group: str) -> None:
        """Once: whatever else is said there until we are out of it changes nothing."""
        asked_at = self._contacts.group_asked(group)
        now = int(self._now().timestamp() * 1000)
        if group in read.groups or (asked_at is not None and now - asked_at < ASKED_AGAIN / timedelta(milliseconds=1)):
            return
        read.groups[group] = now
        self._add(read, envelope, Invited(), "/group", room=GROUP + group)

    async def _file(self, told: object, line: int) -> Attachment | None:
        """The file, sealed; None where it did not come whole. Raises FileAway, not for ever: others wait behind it."""
        claim = read_claim(told)
        if claim is None:
            return None
        taken = await self._vault.take(claim, line)
        if isinstance(taken, Attachment):
            return taken
        self._tries[line] += self._is_heard()  # of a daemon that is away, nothing can be had
        if taken is Lost.AWAY and self._tries[line] < PATIENCE:
            raise FileAway("a file that somebody sent cannot be taken at present")
        log.warning("a file that somebody sent was not taken: %s", taken)
        del self._tries[line]
        await self._vault.refuse(claim.id, line)
        return None

    async def _refuse(self, files: Sequence[object], line: int) -> None:
        """Nobody is to get these."""
        for claim in map(read_claim, files):
            if claim is not None:
                await self._vault.refuse(claim.id, line)

    def _add(self, read: Read, envelope: Envelope, what: Happening, suffix: str = "", room: str | None = None) -> None:
        read.arrivals.append(
            Arrival(
                NAME,
                room or envelope.sender,
                f"{envelope.sender}/{envelope.timestamp}{suffix}",
                envelope.sender,
                datetime.fromtimestamp(envelope.timestamp / 1000, UTC),
                what,
            )
        )
