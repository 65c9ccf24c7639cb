"""What keeps the bot reachable: one-time keys in stock, a fallback key, new sessions for devices that lost theirs."""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC, datetime
from uuid import uuid4

from bot.channels.matrix.guard import Guard
from bot.channels.matrix.homeserver import Homeserver, HomeserverError
from bot.channels.matrix.people import People
from bot.channels.matrix.signing import Device
from bot.channels.matrix.sync import Synced
from bot.ports import ListeningEnded

SPENT = "already exists"  # how Synapse says that it holds another key under the id of a new one

log = logging.getLogger(__name__)

MOST_OFFERED = 200  # one-time keys that a homeserver may offer of one device: we upload fewer
REVIVALS = 20  # people whose devices get a new Olm session in one go; strangers can ask for them


class DeviceSpentError(ListeningEnded):
    """Our key store is older than what this device has published: it was put back from a copy.

    Others hold keys that we no longer have, and new ones would bear the names of old ones.
    """


class Upkeep:
    """Done after each sync; a failure is made up for after the next."""

    def __init__(self, homeserver: Homeserver, guard: Guard, people: People) -> None:
        self._homeserver = homeserver
        self._guard = guard
        self._people = people
        self._reviving: asyncio.Task[None] | None = None

    async def after(self, synced: Synced) -> None:
        """Upload the keys that are missing, and begin to revive what is broken. Raises DeviceSpentError."""
        try:
            await self._stock(synced)
        except HomeserverError as error:
            log.warning("keys could not be looked after: %s", error)
        if self._reviving is not None and self._reviving.done():
            self._reviving.result()  # a failure of the store is not to be lived with
            self._reviving = None
        if self._guard.broken and self._reviving is None:
            # other people's servers are asked for it, and may be slow: nobody else waits for them (law 7)
            self._reviving = asyncio.create_task(self.revive())

    async def replace_keys(self) -> None:
        """Take back all one-time keys: the homeserver offers some that others have used. Raises HomeserverError.

        There is no other way than to claim them ourselves. New ones are uploaded after the next sync.
        """
        own = Device(self._guard.user_id, self._guard.device_id, self._guard.curve25519, self._guard.ed25519, True)
        for _ in range(MOST_OFFERED):
            claimed = (await self._people.claim([own])).get("one_time_keys")
            if not _holds_one_time_key(claimed, own):
                return

    async def stop(self) -> None:
        """Let go of what is under way."""
        if self._reviving is not None:
            self._reviving.cancel()
            await asyncio.gather(self._reviving, return_exceptions=True)
            self._reviving = None

    async def _stock(self, synced: Synced) -> None:
        body = self._guard.keys_to_upload(synced.counts, synced.unused_fallback)
        if body is None:
            return
        try:
            await self._homeserver.call("POST", "keys", "upload", body=body)
        except HomeserverError as error:
            if error.status != 400:
                raise
            if SPENT in str(error.answer.get("error")):
                raise DeviceSpentError(
                    "the key store is older than what this device has published (a restored copy); "
                    "run `vestibule setup --recover`"
                ) from error
            # it holds other keys under these ids: offered again, these would be refused for ever
            log.error("the homeserver refused new one-time keys; others will be made")
        self._guard.keys_settled()

    async def revive(self) -> None:
        """Give devices whose Olm messages do not open a new session, as the specification's unwedging asks."""
        try:
            pairs = self._guard.broken.take(datetime.now(UTC), REVIVALS)
            await self._people.learn({person for person, _ in pairs})
            devices = self._people.devices(pairs)
            if not devices:
                return
            self._guard.start_sessions(devices, await self._people.claim(devices))
            messages = self._guard.dummies(devices)
            if messages:
                await self._homeserver.call(
                    "PUT", "sendToDevice", "m.room.encrypted", uuid4().hex, body={"messages": messages}
                )
            self._guard.broken.revived([(d.user_id, d.curve25519) for d in devices], datetime.now(UTC))
        except HomeserverError as error:
            log.warning("broken sessions could not be revived: %s", error)


def _holds_one_time_key(claimed: object, device: Device) -> bool:
    """Whether an answer of `/keys/claim` holds one; a fallback key is handed out without end."""
    for part in (device.user_id, device.device_id):
        claimed = claimed.get(part) if isinstance(claimed, dict) else None
    found = list(claimed.values()) if isinstance(claimed, dict) else []
    return bool(found) and isinstance(found[0], dict) and found[0].get("fallback") is not True
