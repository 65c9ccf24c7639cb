"""Files that are passed on: fetched, compared with their hash, and kept anew. Nothing is looked into.

From Matrix to Matrix the ciphertext goes on as it is. For another channel it is decrypted, and what another channel
brought is encrypted, piece by piece: no whole file is held in memory, and none is anywhere in clear.

What a stranger says of a file is not believed: not how large it is, nor that it can be had at all (law 7).
https://spec.matrix.org/v1.16/client-server-api/#sending-encrypted-attachments
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from hashlib import sha256
from hmac import compare_digest
from tempfile import SpooledTemporaryFile
from typing import IO, Any

from bot.channels.matrix import sealed
from bot.channels.matrix.broken import limit
from bot.channels.matrix.homeserver import PIECE, AnswerTooLargeError, Homeserver, HomeserverError
from bot.domain import Attachment, Kind
from bot.ports import Failure, Files, SendError

MAX_FILE = 100 * 1024 * 1024  # bytes
IN_MEMORY = 1024 * 1024  # bytes of one file; what is more lies, still encrypted, in a nameless file of this machine
AT_ONCE = 4  # files on their way: connections, memory and disk are for words first
MISSED = 1000  # files of which it is remembered how often they could not be fetched
PATIENCE = 8  # attempts at a file that our homeserver cannot fetch: the conversation waits for it

MXC = re.compile(r"mxc://([A-Za-z0-9\[][A-Za-z0-9.:\-\]]{0,254})/([A-Za-z0-9_-]{1,255})")
MSGTYPES = {
    Kind.FILE: "m.file",
    Kind.IMAGE: "m.image",
    Kind.AUDIO: "m.audio",
    Kind.VIDEO: "m.video",
    Kind.VOICE: "m.audio",
}
VOICE = "org.matrix.msc3245.voice"


class Media:
    """The homeserver's store of files, as far as the bot needs it."""

    def __init__(self, homeserver: Homeserver) -> None:
        self._homeserver = homeserver
        self._free = asyncio.Semaphore(AT_ONCE)
        self._missed: dict[str, int] = {}

    async def copy(self, attachment: Attachment, attempts: int) -> dict[str, Any]:
        """Keep the file's ciphertext under an address of its own; the content of a message that points there.

        `attempts`: how often this failed. Raises HomeserverError where trying again may help, else SendError.
        """
        place, opens, digest = _read(attachment)
        async with self._free:
            most = await self._most()
            with SpooledTemporaryFile(IN_MEMORY) as file:
                size = await self._fetch(place, digest, file, most, attempts)
                url = await self._keep(file, size)
        return _content(attachment, {**opens, "url": url}, size)

    async def seal(self, attachment: Attachment, files: Files) -> dict[str, Any]:
        """Encrypt what another channel brought and keep that; the content of a message that points there.

        Raises HomeserverError where trying again may help, else SendError; what `files` raises, too.
        """
        async with self._free:
            most = await self._most()
            with SpooledTemporaryFile(IN_MEMORY) as file:
                sealing = sealed.Sealing()
                async with files.open(attachment) as pieces:
                    async for piece in pieces:
                        file.write(sealing.seal(piece))
                        if file.tell() > most:
                            raise SendError(Failure.REFUSED)
                size = file.tell()
                url = await self._keep(file, size)
        return _content(attachment, {**sealing.opens(), "url": url}, size)

    @asynccontextmanager
    async def open(self, attachment: Attachment) -> AsyncIterator[AsyncIterator[bytes]]:
        """The file's own bytes, for another channel (`ports.Files`)."""
        place, opens, digest = _read(attachment)
        async with self._free:
            with SpooledTemporaryFile(IN_MEMORY) as file:
                try:
                    await self._most()
                    await self._fetch(place, digest, file, MAX_FILE, self._missed.get(place.group(), 0))
                    pieces = sealed.decrypted(opens, file, PIECE)
                except HomeserverError as error:
                    raise SendError(error.failure, retry_after=error.retry_after) from error
                except ValueError:
                    raise SendError(Failure.REFUSED) from None
                yield _each(pieces)

    async def _most(self) -> int:
        """Bytes that the homeserver takes. Asked for each time: it also proves that the homeserver is there."""
        try:
            told = (await self._homeserver.call("GET", "media", "config", version="v1")).get("m.upload.size")
        except HomeserverError as error:
            if error.failure in (Failure.AWAY, Failure.LIMITED):
                raise
            return MAX_FILE
        return min(told, MAX_FILE) if isinstance(told, int) and not isinstance(told, bool) and told > 0 else MAX_FILE

    async def _fetch(self, place: re.Match[str], digest: bytes, file: IO[bytes], most: int, attempts: int) -> int:
        """Fetch it into the file, which is then read from its beginning; its size in bytes."""
        found = sha256()

        def take(piece: bytes) -> None:
            found.update(piece)
            file.write(piece)

        try:
            await self._homeserver.download(place[1], place[2], most=most, take=take)
        except AnswerTooLargeError:
            raise SendError(Failure.REFUSED) from None
        except HomeserverError as error:
            # what another server never delivers must not hold up the conversation for ever
            if error.failure not in (Failure.AWAY, Failure.LIMITED) or attempts >= PATIENCE:
                raise SendError(Failure.REFUSED) from error
            self._missed[place.group()] = self._missed.get(place.group(), 0) + 1
            limit(self._missed, MISSED)
            raise
        if not compare_digest(found.digest(), digest):
            raise SendError(Failure.REFUSED)
        self._missed.pop(place.group(), None)
        size = file.tell()
        file.seek(0)
        return size

    async def _keep(self, file: IO[bytes], size: int) -> str:
        file.seek(0)
        try:
            answer = await self._homeserver.upload(_each(iter(lambda: file.read(PIECE), b"")), size)
        except HomeserverError as error:
            if error.failure is Failure.GONE:  # not allowed to keep files: nothing is wrong with the room
                raise SendError(Failure.REFUSED) from error
            raise
        url = answer.get("content_uri")
        if not isinstance(url, str) or not MXC.fullmatch(url):
            raise HomeserverError(0)
        return url


def _read(attachment: Attachment) -> tuple[re.Match[str], dict[str, Any], bytes]:
    """Where it lies, what opens it, and the hash of its ciphertext. Raises SendError."""
    place = MXC.fullmatch(attachment.place)
    if place is None:
        raise SendError(Failure.REFUSED)
    try:
        return place, *sealed.read(attachment.secret)
    except ValueError:
        raise SendError(Failure.REFUSED) from None


def _content(attachment: Attachment, opens: dict[str, Any], size: int) -> dict[str, Any]:
    content = {
        "msgtype": MSGTYPES[attachment.kind],
        "body": attachment.caption or attachment.name,
        "filename": attachment.name,
        "file": opens,
        "info": {"mimetype": attachment.mime, "size": size},
    }
    return {**content, VOICE: {}} if attachment.kind is Kind.VOICE else content


async def _each(pieces: Iterator[bytes]) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece
