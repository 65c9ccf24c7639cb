"""Files that are passed on: their ciphertext is fetched, compared with its hash, and kept anew. Nothing is opened.

What a stranger says of a file is not believed: not how large it is, nor that it can be had at all (law 7).
https://spec.matrix.org/v1.16/client-server-api/#sending-encrypted-attachments
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from hashlib import sha256
from hmac import compare_digest
from tempfile import SpooledTemporaryFile
from typing import IO, Any

from unpaddedbase64 import decode_base64

from bot.channels.matrix.homeserver import PIECE, AnswerTooLargeError, Homeserver, HomeserverError
from bot.domain import Attachment, Kind
from bot.ports import Failure, SendError

MAX_FILE = 100 * 1024 * 1024  # bytes
IN_MEMORY = 1024 * 1024  # bytes of one file; what is more lies, still encrypted, in a nameless file of this machine
AT_ONCE = 4  # files on their way: connections, memory and disk are for words first
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

    async def copy(self, attachment: Attachment, attempts: int) -> dict[str, Any]:
        """Keep the file's ciphertext under an address of its own; the content of a message that points there.

        `attempts`: how often this failed. Raises HomeserverError where trying again may help, else SendError.
        """
        place, (secret, digest) = MXC.fullmatch(attachment.place), _read(attachment.secret)
        if place is None:
            raise SendError(Failure.REFUSED)
        async with self._free:
            most = await self._most()
            with SpooledTemporaryFile(IN_MEMORY) as file:
                size = await self._fetch(place[1], place[2], digest, file, most, attempts)
                file.seek(0)
                url = await self._keep(file, size)
        return _content(attachment, {**secret, "url": url}, size)

    async def _most(self) -> int:
        """Bytes that the homeserver takes. Asked for each time: it also proves that the homeserver is there."""
        try:
            told = (await self._homeserver.call("GET", "media", "config", version="v1")).get("m.upload.size")
        except HomeserverError as error:
            if error.failure in (Failure.AWAY, Failure.LIMITED):
                raise
            return MAX_FILE
        return min(told, MAX_FILE) if isinstance(told, int) and not isinstance(told, bool) and told > 0 else MAX_FILE

    async def _fetch(self, server: str, media_id: str, digest: bytes, file: IO[bytes], most: int, attempts: int) -> int:
        found = sha256()

        def take(piece: bytes) -> None:
            found.update(piece)
            file.write(piece)

        try:
            await self._homeserver.download(server, media_id, most=most, take=take)
        except AnswerTooLargeError:
            raise SendError(Failure.REFUSED) from None
        except HomeserverError as error:
            # what another server never delivers must not hold up the conversation for ever
            if error.failure not in (Failure.AWAY, Failure.LIMITED) or attempts >= PATIENCE:
                raise SendError(Failure.REFUSED) from error
            raise
        if not compare_digest(found.digest(), digest):
            raise SendError(Failure.REFUSED)
        return file.tell()

    async def _keep(self, file: IO[bytes], size: int) -> str:
        try:
            answer = await self._homeserver.upload(_pieces(file), size)
        except HomeserverError as error:
            if error.failure is Failure.GONE:  # not allowed to keep files: nothing is wrong with the room
                raise SendError(Failure.REFUSED) from error
            raise
        url = answer.get("content_uri")
        if not isinstance(url, str) or not MXC.fullmatch(url):
            raise HomeserverError(0)
        return url


def _read(secret: str) -> tuple[dict[str, Any], bytes]:
    """What opens the file, and the hash of its ciphertext. Raises SendError."""
    try:
        opens = dict(json.loads(secret))
        return opens, decode_base64(opens["hashes"]["sha256"])
    except (AttributeError, KeyError, TypeError, ValueError, RecursionError):
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


async def _pieces(file: IO[bytes]) -> AsyncIterator[bytes]:
    while piece := file.read(PIECE):
        yield piece
