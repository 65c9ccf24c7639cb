"""The sync loop: what the homeserver brings is journaled before the token moves (law 1).

The world's failures are waited out here; a batch that was not accepted is asked for again.
"""

from __future__ import annotations

import asyncio
import json
import logging
from uuid import uuid4

from bot.channels.matrix import NAME
from bot.channels.matrix.arriving import Reader
from bot.channels.matrix.courtesy import Courtesy
from bot.channels.matrix.guard import Guard
from bot.channels.matrix.homeserver import LONGEST_PAUSE, AnswerTooLargeError, Homeserver, HomeserverError, pause
from bot.channels.matrix.sync import TIMELINE_LIMIT, Synced, lean_filter, nothing_filter, read_sync, went_back
from bot.channels.matrix.upkeep import Upkeep
from bot.happenings import Batch
from bot.ports import Failure, Inbox, ListeningEnded

log = logging.getLogger(__name__)

SYNC_SECONDS = 30  # how long the homeserver may wait for something to happen
PATIENCE = 5  # times that one sync is read; then what fails for one room or person is given up for everyone else's sake


class SignedOutError(ListeningEnded):
    """The homeserver no longer knows this device: its session was ended from outside."""


class Listener:
    """Brings what happens on Matrix to the inbox."""

    def __init__(
        self, homeserver: Homeserver, guard: Guard, reader: Reader, upkeep: Upkeep, courtesy: Courtesy
    ) -> None:
        self._homeserver = homeserver
        self._guard = guard
        self._reader = reader
        self._upkeep = upkeep
        self._courtesy = courtesy
        self._filters: dict[int, str] = {}  # by how many events of a room they let through

    async def listen(self, inbox: Inbox) -> None:
        """Sync until cancelled. Raises SignedOutError."""
        token = await inbox.token(NAME)
        # what stood in the rooms before the first sync is history, of which nothing is read
        most = 1 if token is None else TIMELINE_LIMIT
        failed = read = 0
        doubtful, anew = True, False
        try:
            while True:
                try:
                    if doubtful and token is not None:
                        anew = anew or went_back(token, await self._present())
                        if anew:
                            await self._begin_anew()
                    doubtful = False
                    synced = await self._sync(None if anew else token, most)
                    if token is not None and not anew and went_back(token, synced.token):
                        doubtful = anew = True
                        continue
                    read += 1
                    arrivals = await self._reader.arrivals(synced, token, patient=read <= PATIENCE, anew=anew)
                    await inbox.accept(Batch(NAME, synced.token, tuple(arrivals)))
                    token, most, failed, read, anew = synced.token, TIMELINE_LIMIT, 0, 0, False
                    self._reader.accepted()
                    self._courtesy.read(arrivals)
                    self._courtesy.tell(inbox, self._reader.typing(synced))
                    await self._upkeep.after(synced)
                except AnswerTooLargeError:
                    # a stranger may have filled rooms with large events: fewer of each now, the rest page by page
                    log.warning("the homeserver's answer was too large, with %d events a room", most)
                    if most == 1:
                        await asyncio.sleep(LONGEST_PAUSE)
                    most = max(1, most // 10)
                except HomeserverError as error:
                    if error.errcode == "M_UNKNOWN_TOKEN":
                        raise SignedOutError(
                            "the homeserver ended this device's session; run `vestibule setup`"
                        ) from error
                    wait = pause(failed, error.retry_after)
                    failed += 1
                    doubtful = doubtful or error.failure is Failure.AWAY
                    log.warning("%s; trying again in %.0f s", error, wait)
                    await asyncio.sleep(wait)
        finally:
            await self._upkeep.stop()
            await self._courtesy.stop()

    async def _present(self) -> str:
        """The token of this moment, asked for whenever the homeserver may have been restarted.

        With one from a future that was taken back, it would pass over what is new.
        """
        query = {"filter": json.dumps(nothing_filter(uuid4().hex)), "timeout": "0"}
        answer = read_sync(await self._homeserver.call("GET", "sync", query=query, events=True), self._guard.user_id)
        if answer is None:
            raise HomeserverError(0)
        return answer.token

    async def _begin_anew(self) -> None:
        log.error("the homeserver was put back to an earlier state: everything that it has is read anew")
        self._reader.begin_anew()
        await self._upkeep.replace_keys()

    async def _sync(self, token: str | None, most: int) -> Synced:
        query = {"filter": await self._filter(most), "timeout": str(SYNC_SECONDS * 1000) if token else "0"}
        if token:
            query["since"] = token
        answer = await self._homeserver.call("GET", "sync", query=query, wait=SYNC_SECONDS, events=True)
        synced = read_sync(answer, self._guard.user_id)
        if synced is None:
            raise HomeserverError(0)
        return synced

    async def _filter(self, most: int) -> str:
        if most not in self._filters:
            user = self._guard.user_id
            answer = await self._homeserver.call("POST", "user", user, "filter", body=lean_filter(user, most))
            filter_id = answer.get("filter_id")
            if not isinstance(filter_id, str):
                raise HomeserverError(0)
            self._filters[most] = filter_id
        return self._filters[most]
