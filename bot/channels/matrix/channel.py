"""The Matrix adapter, assembled: what the services see of Matrix is this and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path

from bot.channels.matrix.arriving import NAME, Reader
from bot.channels.matrix.guard import Guard
from bot.channels.matrix.homeserver import Homeserver
from bot.channels.matrix.identity import IdentityError, Own, read_own, verify
from bot.channels.matrix.listening import Listener
from bot.channels.matrix.people import People
from bot.channels.matrix.rooms import Rooms
from bot.channels.matrix.sending import Result, Sender
from bot.channels.matrix.upkeep import Upkeep
from bot.domain import Conversation, OutgoingMessage
from bot.ports import Inbox, Record


class MatrixChannel:
    """`ports.Channel` for Matrix.

    `master`: the bot's own master key. `pins`: that of each listed member of staff (law 10).
    """

    name = NAME

    def __init__(
        self, homeserver: Homeserver, guard: Guard, master: str, pins: Mapping[str, str], now: Callable[[], datetime]
    ) -> None:
        self._homeserver = homeserver
        self._guard = guard
        self._people = people = People(homeserver, guard, master, pins)
        self._rooms = Rooms(homeserver, guard.user_id)
        reader = Reader(homeserver, guard, people, self._rooms)
        self._listener = Listener(homeserver, guard, reader, Upkeep(homeserver, guard, people))
        self._sender = Sender(homeserver, guard, people, self._rooms, now)

    @property
    def device(self) -> str:
        """The device that sends."""
        return self._guard.device_id

    async def listen(self, inbox: Inbox) -> None:
        """Bring arrivals to the inbox until cancelled."""
        await self._people.check_pins()
        await self._listener.listen(inbox)

    async def perform(self, conversation: Conversation, message: OutgoingMessage) -> Result:
        """Do one deed. Raises SendError."""
        return await self._sender.perform(conversation, message)

    async def resolve(self, room_or_alias: str) -> str:
        """The id of a room named by id or alias. Raises HomeserverError."""
        return await self._rooms.resolve(room_or_alias)

    async def close(self) -> None:
        """Close connections and key store."""
        await self._homeserver.close()
        self._guard.close()


async def open_channel(
    base: str,
    folder: Path,
    record: Record,
    store_key: bytes,
    user_id: str,
    pins: Mapping[str, str],
    now: Callable[[], datetime],
) -> MatrixChannel:
    """The channel of an account that setup has prepared; its identity is checked, never made. Raises IdentityError."""
    own = read_own(record)
    if own is None or not own.complete or own.token is None or own.master is None:
        raise IdentityError("this installation has no complete Matrix identity yet; run `vestibule setup`")
    if own.user_id != user_id:
        raise IdentityError("this data_dir belongs to another account than [matrix] user_id")
    homeserver = Homeserver(base, own.token)
    guard = Guard(own.user_id, own.device_id, folder, store_key)
    try:
        await verify(homeserver, guard, own)
    except BaseException:
        await homeserver.close()
        guard.close()
        raise
    return MatrixChannel(homeserver, guard, own.master, pins, now)


__all__ = ["MatrixChannel", "Own", "open_channel"]
