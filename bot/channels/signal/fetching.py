"""A file of the daemon's, asked for over its socket where its folder cannot be read from here.

It comes as one line, in base64, and is opened as it comes: little of it is in memory at a time, however large it is.
"""

from __future__ import annotations

import asyncio
import binascii
import re
from base64 import b64decode
from collections.abc import AsyncGenerator
from contextlib import suppress
from pathlib import Path

from bot.channels.signal.files import NoSuchFile
from bot.channels.signal.rpc import Lost, Refused, answers, asking, connected

FILE_SECONDS = 120.0
PIECE = 1 << 16  # bytes read at once
MOST_BESIDE = 1 << 16  # bytes of a line beside its file
ASKED = "1"  # the number of the one thing that is asked on a connection

_FILE = re.compile(rb'"data"\s*:\s*"')  # in a text of JSON, whoever wrote it, these marks have backslashes before them
_GROUP = 4  # signs of base64 that are opened together


class Fetcher:
    """Asks the daemon at a socket, for one account."""

    def __init__(self, socket: Path, account: str) -> None:
        self._socket = socket
        self._account = account

    async def fetch(self, name: str) -> AsyncGenerator[bytes, None]:
        """The file of this name (`files.Fetch`): it is whole once this ends. On a connection of its own."""
        deadline = asyncio.get_running_loop().time() + FILE_SECONDS
        reader, writer = await connected(self._socket)
        try:
            writer.write(asking(ASKED, "getAttachment", {"account": self._account, "id": name}) + b"\n")
            answer = Answer()
            while not answer.ended:
                for piece in answer.feed(await _read(reader, deadline)):
                    yield piece
        finally:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()


class Answer:
    """The line that answers, among whatever lines come, in pieces of any length."""

    def __init__(self) -> None:
        self._line = bytearray()  # without the file
        self._signs = b""  # of the file: less than a group
        self._in_file = self._had_file = self._too_long = False
        self.ended = False

    def feed(self, chunk: bytes) -> list[bytes]:
        """The file's own bytes in this chunk; whether they are that shows at the end. Raises NoSuchFile and Lost."""
        found = []
        while chunk and not self.ended:
            if self._in_file:
                piece, chunk = self._open(chunk)
                found += [piece] if piece else []
            else:
                chunk = self._read(chunk)
        return found

    def _read(self, chunk: bytes) -> bytes:
        """Read up to where the file begins, or up to the end of the line; what is left of the chunk."""
        part, end, rest = chunk.partition(b"\n")
        if not self._too_long:
            self._line += part
            begins = None if self._had_file else _FILE.search(self._line)
            if begins is not None:
                self._in_file = self._had_file = True
                signs = bytes(self._line[begins.end() :])
                del self._line[begins.end() :]
                return signs + end + rest
            self._too_long = len(self._line) > MOST_BESIDE
        if end:
            self._judge()
        return rest

    def _open(self, chunk: bytes) -> tuple[bytes, bytes]:
        """The bytes of the file that can be told by now; what is left of the chunk behind it."""
        signs, end, rest = chunk.partition(b'"')
        signs = self._signs + signs
        whole = len(signs) if end else len(signs) - len(signs) % _GROUP
        self._signs = signs[whole:]
        if end:
            self._in_file = False
            self._line += end
        try:
            return b64decode(signs[:whole], validate=True), rest
        except (binascii.Error, ValueError):
            raise NoSuchFile from None

    def _judge(self) -> None:
        """A line has ended, which may be any."""
        line, had_file, too_long = bytes(self._line), self._had_file, self._too_long
        self._line.clear()
        self._had_file = self._too_long = False
        outcomes = [] if too_long else [outcome for number, outcome in answers(line) if number == ASKED]
        if outcomes:
            if not had_file or isinstance(outcomes[0], Refused):
                raise NoSuchFile  # it will say so again
            self.ended = True
        elif had_file:
            raise Lost("the Signal daemon handed over something that was not asked for")


async def _read(reader: asyncio.StreamReader, deadline: float) -> bytes:
    """What comes next. Raises Lost."""
    try:
        async with asyncio.timeout_at(deadline):
            chunk = await reader.read(PIECE)
    except TimeoutError:
        raise Lost(f"the Signal daemon did not hand over a file in {FILE_SECONDS:g} seconds") from None
    except OSError:
        chunk = b""
    if not chunk:
        raise Lost("the Signal daemon went away before it had handed over a file")
    return chunk
