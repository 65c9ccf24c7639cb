"""One send after the other, each once (law 2: see `sent`). What the daemon says of it is read in `errors`."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any, assert_never

from bot.channels.signal.alarms import Alarms
from bot.channels.signal.caller import Caller
from bot.channels.signal.errors import Fate, Outcome, read_error, read_result
from bot.channels.signal.people import People
from bot.channels.signal.rpc import Lost, NotAsked, Refused
from bot.channels.signal.sent import Attempt, Sent
from bot.channels.signal.spool import SENT_AGAIN, Spool
from bot.config import ChangedIdentity
from bot.deeds import OutgoingMessage
from bot.errors import WorldError
from bot.happenings import Alarm
from bot.ports import Failure, SendError

GIVE_UP = timedelta(minutes=15)  # after which nobody waits any more for the answer to a send
PUZZLE = "https://signalcaptchas.org/challenge/generate.html"  # one of registration does not count
LIMIT_SECONDS = 60.0  # where the server names no time

Pieces = Callable[[], AsyncIterator[bytes]]

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Setting:
    """`seconds`: until a send counts as lost for the time being; its answer is taken whenever it comes.

    `receipts`: how long they are waited for before a send that is lost is made again.
    """

    receipts: timedelta = timedelta(seconds=20)
    seconds: float = 60.0


class Once:
    """The account's sends. `heard_since`: since when the channel is listened to; None while it is not."""

    def __init__(
        self,
        caller: Caller,
        people: People,
        sent: Sent,
        spool: Spool,
        alarms: Alarms,
        setting: Setting,
        now: Callable[[], datetime],
        heard_since: Callable[[], datetime | None],
    ) -> None:
        self._caller = caller
        self._people = people
        self._sent = sent
        self._spool = spool
        self._alarms = alarms
        self._setting = setting
        self._now = now
        self._heard_since = heard_since
        self._turn = asyncio.Lock()
        self._running: dict[str, asyncio.Task[Any]] = {}

    async def close(self) -> None:
        """Wait until nothing is under way; the caller is closed already."""
        await asyncio.gather(*self._running.values(), return_exceptions=True)

    async def send(
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
                await self.asked(self._people.accept(contact))
                outcome = await self._try(contact, message, params, pieces, seconds)
            if outcome.timestamp is None:
                raise self._failed(type(message.deed).__name__, outcome)
            if again:
                self._spool.count(SENT_AGAIN)
                log.warning("a message was sent again: whether it was sent before, nothing can tell")
            return outcome.timestamp

    async def _look_back(self, row: str, attempt: Attempt | None) -> int | None:
        """The timestamp under which it was sent before; None where it is to be sent now."""
        if attempt is None or attempt.timestamp is not None:
            return None if attempt is None else attempt.timestamp
        running = self._running.get(row)
        if running is not None:
            if attempt.first > milliseconds(self._now() - GIVE_UP):
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
        ready = max(lost_at, milliseconds(since)) + self._setting.receipts / timedelta(milliseconds=1)
        left = ready - milliseconds(self._now())
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
            self._sent.begin(message.id, contact, milliseconds(self._now()))
            running = asyncio.create_task(self._caller.call("send", params, pieces and pieces()))
            self._running[message.id] = running
            running.add_done_callback(partial(self._answered, message.id))
        done, _ = await asyncio.wait([running], timeout=seconds)
        if not done:
            self._sent.lost(message.id, milliseconds(self._now()))
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
                self._sent.lost(message.id, milliseconds(self._now()))
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

    def _failed(self, what: str, outcome: Outcome) -> SendError:
        if outcome.challenge is not None:
            self._alarms.tell(Alarm.CHANNEL_CHALLENGE, outcome.challenge, outcome.challenge, PUZZLE)
        if outcome.account_gone:
            self._alarms.tell(Alarm.CHANNEL_CLOSED, f"{self._now():%Y-%m-%d}")
        if outcome.ours:
            log.error("the daemon takes a %s for a mistake of ours", what)
        failure = outcome.failure or Failure.AWAY
        limit = outcome.retry_after if outcome.retry_after is not None else LIMIT_SECONDS
        return SendError(failure, retry_after=limit if failure is Failure.LIMITED else None)

    async def asked(self, asking: Any) -> Any:
        """What may be asked twice without harm. Raises SendError."""
        try:
            answer = await asking
        except Refused as refused:
            outcome = read_error(refused, 0)
            raise self._failed("request", outcome) from None
        except WorldError:
            raise SendError(Failure.AWAY) from None
        return answer


def milliseconds(moment: datetime) -> int:
    """A moment as Signal counts it."""
    return int(moment.timestamp() * 1000)
