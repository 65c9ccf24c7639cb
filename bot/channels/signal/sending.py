"""Doing deeds on Signal, one send after the other (law 2: see `sent`). What the daemon says of each is in `errors`."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any, assert_never

from bot.channels.signal.alarms import Alarms
from bot.channels.signal.caller import Caller
from bot.channels.signal.claims import CHANNEL, data_uri
from bot.channels.signal.contacts import Contacts
from bot.channels.signal.errors import Fate, Outcome, read_error, read_result
from bot.channels.signal.files import MAX_FILE, Vault
from bot.channels.signal.people import ChangedIdentity, People
from bot.channels.signal.rpc import MARK, Lost, NotAsked, Refused
from bot.channels.signal.sent import Attempt, Sent
from bot.channels.signal.spool import Spool
from bot.deeds import (
    Accept,
    Decline,
    Discard,
    EditText,
    Enter,
    Erase,
    Follow,
    Identify,
    Invite,
    Leave,
    MakeRoom,
    OutgoingMessage,
    Restore,
    SendFile,
    SendText,
    Tick,
)
from bot.domain import Attachment, Conversation, Kind, Place
from bot.errors import WorldError
from bot.happenings import Alarm
from bot.ports import Entered, Failure, Files, SendError

LONGEST = 2_000  # bytes: of what is longer, Signal shows only the beginning
GROUP = "group:"  # begins the room of a group
OWN = "self"  # stands for our own account in event ids
TICK = "✔️"

FILE_SECONDS = 600.0  # as `Setting.seconds`, for a send that carries a file
GIVE_UP = timedelta(minutes=15)  # after which nobody waits for that answer any more
LIMIT_SECONDS = 60.0  # where the server names no time
CHANGEABLE = timedelta(hours=23)  # programs change and take back no message that is older than a day; clocks differ

Pieces = Callable[[], AsyncIterator[bytes]]

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Result:
    """What a deed brought (`ports.Done`)."""

    event_id: str | None = None
    room: str | None = field(default=None, repr=False)
    entered: Entered | None = None
    identity: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Setting:
    """`disappear`: the timer that we set at first contact, if any.

    `seconds`: until a send counts as lost for the time being; its answer is taken whenever it comes. `receipts`: how
    long they are waited for before a send that is lost is made again.
    """

    disappear: timedelta | None = None
    seconds: float = 60.0
    receipts: timedelta = timedelta(seconds=20)


class Sender:
    """`heard_since`: since when the channel is listened to; None while it is not."""

    def __init__(
        self,
        caller: Caller,
        people: People,
        contacts: Contacts,
        sent: Sent,
        spool: Spool,
        vault: Vault,
        alarms: Alarms,
        setting: Setting,
        now: Callable[[], datetime],
        heard_since: Callable[[], datetime | None],
    ) -> None:
        self._caller = caller
        self._people = people
        self._contacts = contacts
        self._sent = sent
        self._spool = spool
        self._vault = vault
        self._alarms = alarms
        self._setting = setting
        self._now = now
        self._heard_since = heard_since
        self._turn = asyncio.Lock()
        self._running: dict[str, asyncio.Task[Any]] = {}

    async def perform(self, conversation: Conversation, message: OutgoingMessage, files: Files) -> Result:
        """Do one deed. Raises SendError."""
        room, deed = conversation.room, message.deed
        if isinstance(deed, Discard):
            await self._vault.discard(deed.attachment)
            return Result()
        if (
            isinstance(deed, MakeRoom | Follow | Restore | Identify | Invite)
            or conversation.place is not Place.REQUESTER
        ):
            raise SendError(Failure.REFUSED)  # staff are not on Signal
        if room is None:
            raise SendError(Failure.AWAY)
        if room.startswith(GROUP):
            return await self._in_group(room.removeprefix(GROUP), message)
        match deed:
            case SendText(text):
                return await self._say(room, message, {"message": text})
            case EditText(event_id, text):
                return await self._change(room, message, event_id, text)
            case SendFile(attachment):
                return await self._pass_on(room, message, attachment, files)
            case Erase(event_id):
                await self._erase(room, event_id)
                return Result()
            case Tick(event_id):
                await self._tick(room, event_id)
                return Result()
            case Enter():
                await self._people.identity(room)  # from here on it can be compared
                await self._set_timer(room)
                return Result(entered=Entered.SAFE)
            case Accept():
                return Result(identity=await self._asked(self._people.accept(room)))
            case Decline(words) | Leave(words):
                return await self._say(room, message, {"message": words})  # in a room of two there is none to leave
            case _:
                assert_never(deed)

    async def close(self) -> None:
        """Wait until nothing is under way; the caller is closed already."""
        await asyncio.gather(*self._running.values(), return_exceptions=True)

    # --- what is said

    async def _say(self, contact: str, message: OutgoingMessage, params: Mapping[str, Any]) -> Result:
        stamp = await self._send(contact, message, {"recipient": contact, **params})
        return Result(event_id=f"{OWN}/{stamp}", identity=await self._people.identity(contact))

    async def _pass_on(self, contact: str, message: OutgoingMessage, attachment: Attachment, files: Files) -> Result:
        """The file travels inside the request: in clear it lies on no disk."""
        if attachment.size > MAX_FILE:
            raise SendError(Failure.REFUSED)
        source = self._vault if attachment.channel == CHANNEL else files

        async def pieces() -> AsyncIterator[bytes]:
            async with source.open(attachment) as opened:
                async for piece in data_uri(attachment, opened):
                    yield piece

        params = {
            "recipient": contact,
            "message": attachment.caption,
            "voiceNote": attachment.kind is Kind.VOICE,
            "attachments": [MARK],
        }
        stamp = await self._send(contact, message, params, pieces, FILE_SECONDS)
        return Result(event_id=f"{OWN}/{stamp}", identity=await self._people.identity(contact))

    async def _change(self, contact: str, message: OutgoingMessage, event_id: str, text: str) -> Result:
        """Done twice, it is as it was: nothing has to be known of the times before."""
        author, _, stamp = event_id.rpartition("/")
        if author != OWN or not stamp.isdecimal():
            raise SendError(Failure.REFUSED)
        if int(stamp) < _milliseconds(self._now() - CHANGEABLE):
            raise SendError(Failure.REFUSED)
        return await self._say(contact, message, {"message": text, "editTimestamp": int(stamp)})

    async def _erase(self, contact: str, event_id: str) -> None:
        """Programs let a message be taken back by its author only, and for a day."""
        author, _, stamp = event_id.rpartition("/")
        if author != OWN or not stamp.isdecimal() or int(stamp) < _milliseconds(self._now() - CHANGEABLE):
            return
        began = _milliseconds(self._now())
        await self._asked(self._caller.ask("remoteDelete", recipient=contact, targetTimestamp=int(stamp)))
        self._sent.untold(contact, began, _milliseconds(self._now()))

    async def _tick(self, contact: str, event_id: str) -> None:
        author, _, stamp = event_id.rpartition("/")
        if not stamp.isdecimal():
            raise SendError(Failure.REFUSED)
        target = contact if author == OWN else author
        marked = self._caller.ask(
            "sendReaction", recipient=contact, emoji=TICK, targetAuthor=target, targetTimestamp=int(stamp)
        )
        await self._asked(marked)

    async def _set_timer(self, contact: str) -> None:
        """Ours is set once, and only where they set none."""
        timer = self._setting.disappear
        if timer is None or not self._contacts.wants_timer(contact):
            return
        began = _milliseconds(self._now())
        await self._asked(self._caller.ask("updateContact", recipient=contact, expiration=int(timer.total_seconds())))
        self._sent.untold(contact, began, _milliseconds(self._now()))
        self._contacts.timer_is_set(contact)

    async def _in_group(self, group: str, message: OutgoingMessage) -> Result:
        """Nothing is said in a group but why we leave it."""
        match message.deed:
            case Enter():
                return Result(entered=Entered.UNSAFE)
            case Decline(words) | Leave(words):
                await self._leave_group(group, message, words)
                return Result()
            case _:
                raise SendError(Failure.UNSAFE)

    async def _leave_group(self, group: str, message: OutgoingMessage, words: str) -> None:
        try:
            await self._send(GROUP + group, message, {"groupId": group, "message": words})
        except SendError as error:
            if error.failure in (Failure.AWAY, Failure.LIMITED):
                raise
            # asked into it and not in it, or not allowed to write there: leaving is what counts
        try:
            await self._asked(self._caller.ask("quitGroup", groupId=group, delete=True))
        except SendError as error:
            if error.failure in (Failure.AWAY, Failure.LIMITED):
                raise
        self._contacts.group_left(group)

    # --- one send

    async def _send(
        self,
        contact: str,
        message: OutgoingMessage,
        params: Mapping[str, Any],
        pieces: Pieces | None = None,
        seconds: float | None = None,
    ) -> int:
        """Send it, unless it was; its timestamp. Raises SendError."""
        seconds = seconds or self._setting.seconds
        async with self._turn:
            attempt = self._sent.find(message.id)
            stamp = await self._look_back(message.id, attempt)
            if stamp is not None:
                return stamp
            again = attempt is not None and bool(attempt.lost_at) and message.id not in self._running
            outcome = await self._try(contact, message, params, pieces, seconds)
            if outcome.failure is Failure.CHANGED and self._people.policy is ChangedIdentity.TRUST:
                await self._asked(self._people.accept(contact))
                outcome = await self._try(contact, message, params, pieces, seconds)
            if outcome.timestamp is None:
                raise self._failed(message, outcome)
            if again:
                self._spool.count("sent again, perhaps twice")
                log.warning("a message was sent again: whether it was sent before, nothing can tell")
            return outcome.timestamp

    async def _look_back(self, row: str, attempt: Attempt | None) -> int | None:
        """The timestamp under which it was sent before; None where it is to be sent now."""
        if attempt is None or attempt.timestamp is not None:
            return None if attempt is None else attempt.timestamp
        running = self._running.get(row)
        if running is not None:
            if attempt.first > _milliseconds(self._now() - GIVE_UP):
                return None
            self._running.pop(row).cancel()
        stamp = self._sent.told_by_receipt(attempt)
        if stamp is not None:
            self._sent.done(row, stamp)
            return stamp
        if attempt.lost_at:
            self._wait_for_receipts(attempt.lost_at)
        return None

    def _wait_for_receipts(self, lost_at: int) -> None:
        """They come once the channel is listened to again. Raises SendError while it is too early to send again."""
        since = self._heard_since()
        if since is None:
            raise SendError(Failure.AWAY)
        ready = max(lost_at, _milliseconds(since)) + self._setting.receipts / timedelta(milliseconds=1)
        left = ready - _milliseconds(self._now())
        if left > 0:
            raise SendError(Failure.LIMITED, retry_after=left / 1000)

    async def _try(
        self,
        contact: str,
        message: OutgoingMessage,
        params: Mapping[str, Any],
        pieces: Pieces | None,
        seconds: float,
    ) -> Outcome:
        running = self._running.get(message.id)
        if running is None:
            self._sent.begin(message.id, contact, _milliseconds(self._now()))
            running = asyncio.create_task(self._caller.call("send", params, pieces and pieces()))
            self._running[message.id] = running
            running.add_done_callback(partial(self._answered, message.id))
        done, _ = await asyncio.wait([running], timeout=seconds)
        if not done:
            self._sent.lost(message.id, _milliseconds(self._now()))
            log.warning("the daemon has not answered a send in %g seconds", seconds)
            return Outcome(Failure.AWAY, fate=Fate.MAYBE)
        outcome = self._outcome(running, message.attempts)
        match outcome.fate:
            case _ if outcome.timestamp is not None:
                pass  # stored when the answer came
            case Fate.NOT_SENT:
                self._sent.not_sent(message.id)
            case Fate.HARDLY:
                self._sent.hardly_sent(message.id)
            case Fate.MAYBE:
                self._sent.lost(message.id, _milliseconds(self._now()))
            case _:
                assert_never(outcome.fate)
        return outcome

    def _answered(self, row: str, running: asyncio.Task[Any]) -> None:
        """Whether anybody still waits for it or not: what was sent is known to be."""
        if self._running.get(row) is running:
            del self._running[row]
        outcome = self._outcome(running, 0)
        if outcome.timestamp is not None:
            self._sent.done(row, outcome.timestamp)

    @staticmethod
    def _outcome(running: asyncio.Task[Any], attempts: int) -> Outcome:
        if running.cancelled():
            return Outcome(Failure.AWAY, fate=Fate.MAYBE)
        error = running.exception()
        match error:
            case None:
                return read_result(running.result())
            case Refused():
                return read_error(error, attempts)
            case NotAsked():
                return Outcome(Failure.AWAY)
            case Lost():
                return Outcome(Failure.AWAY, fate=Fate.MAYBE)
            case SendError(failure=failure):
                return Outcome(failure)  # of the file that was to be sent: half a request is none
            case _:
                raise error

    # --- what went wrong

    def _failed(self, message: OutgoingMessage, outcome: Outcome) -> SendError:
        if outcome.challenge is not None:
            self._alarms.raise_(Alarm.CHANNEL_CHALLENGE, outcome.challenge, outcome.challenge)
        if outcome.account_gone:
            self._alarms.raise_(Alarm.CHANNEL_CLOSED, f"{self._now():%Y-%m-%d}")
        if outcome.ours:
            log.error("the daemon takes a %s for a mistake of ours", type(message.deed).__name__)
        failure = outcome.failure or Failure.AWAY
        limit = outcome.retry_after if outcome.retry_after is not None else LIMIT_SECONDS
        return SendError(failure, retry_after=limit if failure is Failure.LIMITED else None)

    async def _asked(self, asking: Any) -> Any:
        """What may be asked twice without harm. Raises SendError."""
        try:
            answer = await asking
        except Refused as refused:
            outcome = read_error(refused, 0)
            if outcome.challenge is not None:
                self._alarms.raise_(Alarm.CHANNEL_CHALLENGE, outcome.challenge, outcome.challenge)
            raise SendError(outcome.failure or Failure.AWAY, retry_after=outcome.retry_after) from None
        except WorldError:
            raise SendError(Failure.AWAY) from None
        return answer


def _milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)
