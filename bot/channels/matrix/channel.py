"""The Matrix adapter, assembled: what the services see of Matrix is this and nothing else."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, suppress
from datetime import datetime
from pathlib import Path

from bot.channels.matrix import NAME
from bot.channels.matrix.announcing import announcing
from bot.channels.matrix.arriving import Reader
from bot.channels.matrix.courtesy import Courtesy
from bot.channels.matrix.guard import Guard
from bot.channels.matrix.homeserver import Homeserver, HomeserverError
from bot.channels.matrix.identity import IdentityError, Own, read_own, verify
from bot.channels.matrix.listening import Listener
from bot.channels.matrix.people import People
from bot.channels.matrix.rooms import Rooms
from bot.channels.matrix.sending import LONGEST, Result, Sender
from bot.channels.matrix.upkeep import Upkeep
from bot.deeds import OutgoingMessage
from bot.domain import Attachment, Conversation
from bot.forms import grouped
from bot.ports import Files, Inbox, Record

TYPING_MILLISECONDS = 30_000  # then it stops by itself, should the news that it stopped be lost


class MatrixChannel:
    """`ports.Channel` for Matrix.

    `master`: the bot's own master key. `pins`: that of each listed member of staff (law 10). `made_at`: when our device
    was made. `announce`: adds to what the inbox is given what staff must hear of it.
    """

    name = NAME
    longest = LONGEST

    def __init__(
        self,
        homeserver: Homeserver,
        guard: Guard,
        master: str,
        pins: Mapping[str, str],
        now: Callable[[], datetime],
        made_at: datetime | None = None,
        announce: Callable[[Inbox], Inbox] = lambda inbox: inbox,
    ) -> None:
        self._homeserver = homeserver
        self._guard = guard
        self._master = master
        self._people = people = People(homeserver, guard, master, pins)
        self._rooms = Rooms(homeserver, guard.user_id)
        self._announce = announce
        reader = Reader(homeserver, guard, people, self._rooms, made_at)
        self._listener = Listener(homeserver, guard, reader, Upkeep(homeserver, guard, people), Courtesy(homeserver))
        self._sender = Sender(homeserver, guard, people, self._rooms, now)

    @property
    def device(self) -> str:
        """The device that sends."""
        return self._guard.device_id

    def fingerprint(self, conversation: Conversation) -> str:
        """The bot's public master key, in groups of four: the same for everyone."""
        return grouped(self._master)

    def trust(self, pins: Mapping[str, str]) -> None:
        """These are the staff, each with their pinned master key, in place of those named before (law 10)."""
        self._people.trust(pins)

    async def listen(self, inbox: Inbox) -> None:
        """Bring arrivals to the inbox until cancelled."""
        await self._people.check_pins()
        await self._listener.listen(self._announce(inbox))

    async def perform(self, conversation: Conversation, message: OutgoingMessage, files: Files) -> Result:
        """Do one deed. Raises SendError."""
        return await self._sender.perform(conversation, message, files)

    def open(self, attachment: Attachment) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        """A file that came by Matrix, decrypted; none of it before its hash is compared."""
        return self._sender.open(attachment)

    async def show_typing(self, conversation: Conversation, *, on: bool) -> None:
        """Show that somebody writes. A failure is of no account."""
        if conversation.room is None:
            return
        body = {"typing": True, "timeout": TYPING_MILLISECONDS} if on else {"typing": False}
        with suppress(HomeserverError):
            await self._homeserver.call("PUT", "rooms", conversation.room, "typing", self._guard.user_id, body=body)

    async def resolve(self, room_or_alias: str) -> str:
        """The id of a room named by id or alias, or of the one that took its place. Raises HomeserverError."""
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
    made_at = None if own.made_at is None else datetime.fromisoformat(own.made_at)
    return MatrixChannel(
        homeserver, guard, own.master, pins, now, made_at, lambda inbox: announcing(inbox, record, now)
    )


__all__ = ["MatrixChannel", "Own", "open_channel"]
