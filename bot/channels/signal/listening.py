"""Listening to the daemon: every line to disk at once, then to the inbox in order; what is away is waited for."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from bot.channels.signal.alarms import NAME, Alarms
from bot.channels.signal.caller import ANSWER_SECONDS, TooOld, greet, within
from bot.channels.signal.contacts import Contacts
from bot.channels.signal.courtesy import Courtesy
from bot.channels.signal.errors import NO_ACCOUNT
from bot.channels.signal.files import Vault
from bot.channels.signal.people import People
from bot.channels.signal.receiving import Read, Reader
from bot.channels.signal.rpc import Connection, Lost, Refused
from bot.channels.signal.sent import Sent
from bot.channels.signal.spool import Spool
from bot.errors import WorldError
from bot.happenings import Alarm, Batch
from bot.logs import describe
from bot.ports import Inbox

AT_ONCE = 100  # lines in one batch
KEPT = timedelta(days=30)  # what sends and edits are remembered: programs change nothing that is older than days
DRAIN_SECONDS = 5.0  # for the daemon to say that it hands over nothing more
DISK_SECONDS = 1.0  # until a disk that failed is tried again; meanwhile nothing is read, so nothing is lost
MANUAL = "--receive-mode=manual"


@dataclass(frozen=True, slots=True)
class Pace:
    """How long things take, in seconds: until staff hear of an absence, between two tries, between two looks."""

    absence: float = 60.0
    longest_wait: float = 15.0
    shortest_wait: float = 0.5
    look: float = 60.0


log = logging.getLogger(__name__)


class Listener:
    """Listens for one account. `since`: since when, while it does."""

    def __init__(
        self,
        socket: Path,
        account: str,
        spool: Spool,
        sent: Sent,
        contacts: Contacts,
        people: People,
        reader: Reader,
        courtesy: Courtesy,
        alarms: Alarms,
        news: asyncio.Event,
        vault: Vault,
        now: Callable[[], datetime],
        pace: Pace,
    ) -> None:
        self._socket = socket
        self._account = account
        self._spool = spool
        self._sent = sent
        self._contacts = contacts
        self._people = people
        self._reader = reader
        self._courtesy = courtesy
        self._alarms = alarms
        self._news = news
        self._vault = vault
        self._now = now
        self._pace = pace
        self.since: datetime | None = None

    async def listen(self, inbox: Inbox) -> None:
        """Until cancelled; then what the daemon has taken from the server is on disk here."""
        at = int(await inbox.token(NAME) or 0)
        self._spool.drop(at)
        self._prune()
        hearing = asyncio.create_task(self._hear())
        working = asyncio.create_task(self._work(inbox, at))
        try:
            await asyncio.wait([hearing, working], return_when=asyncio.FIRST_COMPLETED)
        finally:
            hearing.cancel()
            await asyncio.wait([hearing])  # it drains what is on the way before it ends
            self.since = None
            working.cancel()
            await asyncio.wait([working])
            await self._courtesy.stop()
        for task in (hearing, working):
            if not task.cancelled():
                task.result()

    # --- from the spool to the inbox

    async def _work(self, inbox: Inbox, at: int) -> None:
        await self._vault.settle(at)  # the end may have come between the journal and this
        await self._vault.sweep()
        while True:
            self._news.clear()
            alarms = self._alarms.waiting()
            lines = self._spool.after(at, AT_ONCE)
            if not lines and not alarms:
                await self._news.wait()
                continue
            held_up = False
            try:
                read = await self._reader.read(lines)
            except WorldError as error:
                log.warning("what came cannot be taken at present: %s", describe(error))
                read, held_up = Read(), True  # what staff must hear of does not wait for it
            at = max(at, read.position)
            await inbox.accept(Batch(NAME, str(at), (*alarms, *read.arrivals)))
            self._alarms.heard(alarms)
            if held_up:
                await asyncio.sleep(self._pace.longest_wait)
                continue
            self._reader.accepted(read)
            await self._vault.settle(at)
            self._spool.drop(at)
            self._courtesy.read(read.messages)
            self._courtesy.tell(inbox, read.typing)
            if read.unsafe:
                self._lossy()

    def _lossy(self) -> None:
        log.error(
            "the Signal daemon at %s hands over messages to which nobody subscribed: it takes them from the server "
            "while the bot is away too, and they are lost; start it with %s",
            self._socket,
            MANUAL,
        )
        self._alarms.tell(Alarm.CHANNEL_LOSSY, f"{self._now():%Y-%m-%d}", MANUAL)

    def _prune(self) -> None:
        before = int((self._now() - KEPT).timestamp() * 1000)
        self._sent.prune(before)
        self._contacts.prune(before)

    # --- from the daemon to the spool

    async def _hear(self) -> None:
        loop = asyncio.get_running_loop()
        away_since, away_told, wait = loop.time(), "", self._pace.shortest_wait
        told = False
        while True:
            try:
                await self._subscribed(away_told)
            except WorldError as error:
                log.warning("the Signal daemon is not listened to: %s", error)
                told = self._tell_why(error)
            if self.since is not None:
                self.since, away_since, away_told, wait = None, loop.time(), "", self._pace.shortest_wait
            elif not told and not away_told and loop.time() - away_since >= self._pace.absence:
                away_told = f"{self._now().timestamp():.0f}"
                self._alarms.tell(Alarm.CHANNEL_AWAY, away_told)
            await asyncio.sleep(wait)
            wait = min(wait * 2, self._pace.longest_wait)

    def _is_back(self, away_told: str) -> None:
        self.since = self._now()
        log.info("the Signal daemon is listened to")
        if away_told:
            self._alarms.tell(Alarm.CHANNEL_BACK, away_told)

    def _tell_why(self, error: WorldError) -> bool:
        """Some of it only an administrator can mend: whether that is so, and staff know."""
        today = f"{self._now():%Y-%m-%d}"
        if isinstance(error, TooOld):
            self._alarms.tell(Alarm.CHANNEL_OLD, today, error.version)
            return True
        if isinstance(error, Refused) and error.code == NO_ACCOUNT:
            self._alarms.tell(Alarm.CHANNEL_CLOSED, today)
            return True
        return False

    async def _subscribed(self, away_told: str) -> None:
        """One connection, from its beginning to its end. Raises WorldError."""
        connection = await Connection.open(self._socket, self._keep)
        subscription: object = None
        try:
            await greet(connection, self._socket)
            subscription = await self._ask(connection, "subscribeReceive", account=self._account)
            self._is_back(away_told)
            await self._refresh()
            await self._watch(connection)
        finally:
            if isinstance(subscription, int) and not connection.closed:
                with suppress(WorldError, TimeoutError):
                    async with asyncio.timeout(DRAIN_SECONDS):
                        await connection.call("unsubscribeReceive", {"subscription": subscription})
            await connection.close()

    async def _watch(self, connection: Connection) -> None:
        """Until it ends. One that does not answer any more is no connection. Raises WorldError."""
        while not connection.closed:
            ended = asyncio.create_task(connection.wait_closed())
            try:
                await asyncio.wait([ended], timeout=self._pace.look)
            finally:
                ended.cancel()
            if not connection.closed:
                await self._ask(connection, "version")
        raise Lost("the connection to the Signal daemon has ended")

    async def _refresh(self) -> None:
        try:
            await self._people.learn_all()
        except WorldError as error:
            log.warning("identities could not be asked for: %s", describe(error))

    @staticmethod
    async def _ask(connection: Connection, method: str, **params: object) -> Any:
        return await within(ANSWER_SECONDS, connection, method, params)

    async def _keep(self, lines: list[bytes]) -> None:
        """The daemon has forgotten these already: nothing else is read until they are on disk (law 1)."""
        while True:
            try:
                self._spool.add(lines)
            except Exception as error:
                log.error(
                    "what came cannot be written to disk, and nothing more is read until it can: %s", describe(error)
                )
                await asyncio.sleep(DISK_SECONDS)
            else:
                break
        self._news.set()
