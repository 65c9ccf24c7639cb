"""A file of the daemon's, asked for over its socket where its folder cannot be read from here."""

from __future__ import annotations

import asyncio
import binascii
from base64 import b64decode
from collections.abc import AsyncGenerator
from pathlib import Path

from bot.channels.signal.files import MAX_FILE, NoSuchFile
from bot.channels.signal.rpc import Connection, Lost, Refused

LONGEST = MAX_FILE // 3 * 4 + 10_000  # bytes of the line in which the largest file comes
FILE_SECONDS = 120.0
PIECE = 1 << 20  # characters of base64 that are opened at once; a multiple of four


class Fetcher:
    """Asks the daemon at a socket, for one account."""

    def __init__(self, socket: Path, account: str) -> None:
        self._socket = socket
        self._account = account

    async def fetch(self, name: str) -> AsyncGenerator[bytes, None]:
        """The file of this name (`files.Fetch`). On a connection of its own: it is one long line."""
        connection = await Connection.open(self._socket, _nothing, LONGEST)
        try:
            data = await self._data(connection, name)
        finally:
            await connection.close()
        for start in range(0, len(data), PIECE):
            try:
                yield b64decode(data[start : start + PIECE])
            except (binascii.Error, ValueError):
                raise NoSuchFile from None

    async def _data(self, connection: Connection, name: str) -> str:
        """What the daemon says that it holds. Raises NoSuchFile for all that it will say again."""
        try:
            async with asyncio.timeout(FILE_SECONDS):
                answer = await connection.call("getAttachment", {"account": self._account, "id": name})
        except Refused:
            raise NoSuchFile from None
        except TimeoutError:
            if connection.left_out:
                raise NoSuchFile from None  # it is larger than any may be
            raise Lost(f"the Signal daemon did not hand over a file in {FILE_SECONDS:g} seconds") from None
        data = answer.get("data") if isinstance(answer, dict) else None
        if not isinstance(data, str):
            raise NoSuchFile
        return data


async def _nothing(lines: list[bytes]) -> None:
    """Nothing is received where nothing was subscribed to."""
