"""JSON-RPC with the Signal daemon over its UNIX socket: one JSON object a line, answers in any order.

Lines end with a newline byte and with nothing else: what people write may hold every other sign that ends a line. What
is no answer is handed on as it came, before any answer behind it is given out.
"""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from bot.errors import WorldError

CHUNK = 1 << 18  # bytes read at once
MAX_LINE = 1 << 26  # bytes; the longest message is some 100 KB, and nothing that people send makes it longer
MARK = "\0file\0"  # stands in a request for what is written piece by piece

Heard = Callable[[list[bytes]], Awaitable[None]]
Params = Mapping[str, Any]


class NotAsked(WorldError):
    """The daemon cannot be reached: what was to be asked has surely not reached it."""


class Lost(WorldError):
    """No answer came: what was asked may have been done."""


class Refused(WorldError):
    """The daemon answered with an error. Its words may name people: they are never shown."""

    def __init__(self, code: int, message: str, data: object) -> None:
        super().__init__(f"the Signal daemon answered with error {code}")
        self.code = code
        self.message = message
        self.data = data


class Lines:
    """Whole lines out of the bytes that come in. One that is longer than any may be is left out, and counted."""

    def __init__(self, longest: int = MAX_LINE) -> None:
        self._longest = longest
        self._held = bytearray()
        self._skipping = False
        self.left_out = 0

    def feed(self, chunk: bytes) -> list[bytes]:
        """The lines that end in this chunk, without their ends."""
        *ended, rest = chunk.split(b"\n")
        lines = []
        for part in ended:
            if not self._skipping and len(self._held) + len(part) <= self._longest:
                lines.append(bytes(self._held) + part)
            elif not self._skipping:
                self.left_out += 1
            self._held.clear()
            self._skipping = False
        if self._skipping:
            return lines
        self._held += rest
        if len(self._held) > self._longest:
            self._held.clear()
            self._skipping = True
            self.left_out += 1
        return lines


class Connection:
    """One connection. `heard` gets, in order, the lines that are no answers; the next are read once it returns."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, heard: Heard, longest: int = MAX_LINE
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._heard = heard
        self._lines = Lines(longest)
        self._ids = itertools.count(1)
        self._asked: dict[str, asyncio.Future[Any]] = {}
        self._writing = asyncio.Lock()
        self._task = asyncio.create_task(self._read())

    @classmethod
    async def open(cls, socket: Path, heard: Heard, longest: int = MAX_LINE) -> Connection:
        """Raises NotAsked."""
        return cls(*await connected(socket), heard, longest)

    @property
    def closed(self) -> bool:
        """Whether nothing can be asked here any more."""
        return self._task.done()

    @property
    def left_out(self) -> int:
        """How many lines were too long to be any."""
        return self._lines.left_out

    async def wait_closed(self) -> None:
        """Wait until the other side is gone. Raises what kept a line from being handed on."""
        await asyncio.wait([self._task])
        if not self._task.cancelled():
            self._task.result()

    async def call(self, method: str, params: Params, pieces: AsyncIterator[bytes] | None = None) -> Any:
        """What the daemon answers. `pieces` are written in the place of MARK. Raises NotAsked, Lost and Refused.

        Without a limit of time: whoever waits no longer cancels it, and an answer that comes later is let go.
        """
        if self.closed:
            raise NotAsked("the connection to the Signal daemon is closed")
        number = str(next(self._ids))
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._asked[number] = answer
        request = asking(number, method, params)
        try:
            await self._write(request, pieces)
            return await answer
        finally:
            self._asked.pop(number, None)

    async def close(self) -> None:
        """Close it. What was asked and not answered is lost."""
        self._task.cancel()
        await asyncio.wait([self._task])
        self._writer.close()
        with suppress(OSError):
            await self._writer.wait_closed()

    async def _write(self, request: bytes, pieces: AsyncIterator[bytes] | None) -> None:
        async with self._writing:
            try:
                if pieces is None:
                    self._writer.write(request + b"\n")
                else:
                    await self._write_pieces(request, pieces)
                await self._writer.drain()
            except OSError:
                raise Lost("the connection to the Signal daemon broke") from None

    async def _write_pieces(self, request: bytes, pieces: AsyncIterator[bytes]) -> None:
        before, _, after = request.rpartition(json.dumps(MARK)[1:-1].encode())  # words before it may hold it too
        first = await anext(pieces, b"")  # what cannot be had at all breaks nothing
        whole = False
        try:
            self._writer.write(before + first)
            async for piece in pieces:
                self._writer.write(piece)
                await self._writer.drain()
            self._writer.write(after + b"\n")
            whole = True
        finally:
            if not whole:  # half a line stands there: nothing can follow it
                self._task.cancel()

    async def _read(self) -> None:
        try:
            while chunk := await self._reader.read(CHUNK):
                await self._take(self._lines.feed(chunk))
        except OSError:
            pass  # closed by the other side, with something unread
        finally:
            for answer in self._asked.values():
                if not answer.done():
                    answer.set_exception(Lost("the Signal daemon went away before it answered"))
                    answer.exception()  # nobody may be waiting any more
            self._writer.close()

    async def _take(self, lines: list[bytes]) -> None:
        told, others = [], []
        for line in lines:
            found = answers(line)
            if found:
                told += found
            else:
                others.append(line)
        if others:
            await self._heard(others)
        for number, outcome in told:
            waiting = self._asked.get(number)
            if waiting is None or waiting.done():
                continue
            if isinstance(outcome, Refused):
                waiting.set_exception(outcome)
            else:
                waiting.set_result(outcome)


async def connected(socket: Path) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Both ends of a new connection. Raises NotAsked."""
    try:
        return await asyncio.open_unix_connection(socket)
    except OSError as error:
        why = error.strerror or "nobody answers"
        raise NotAsked(f"the Signal daemon cannot be reached at {socket}: {why}") from None


def asking(number: str, method: str, params: Params) -> bytes:
    """A request, without the end of its line."""
    return json.dumps({"jsonrpc": "2.0", "method": method, "id": number, "params": params}).encode()


def answers(line: bytes) -> list[tuple[str, Any]]:
    """What of a line answers a request of ours; nothing for whatever else it is."""
    try:
        said = json.loads(line)
    except (ValueError, RecursionError):
        return []
    if not isinstance(said, dict) or "method" in said or not ("result" in said or "error" in said):
        return []
    number = said.get("id")
    return [(number if isinstance(number, str) else "", _outcome(said))]


def _outcome(said: Mapping[str, Any]) -> Any:
    error = said.get("error")
    if error is None:
        return said.get("result")
    if not isinstance(error, dict):
        return Refused(0, "", None)
    code, message = error.get("code"), error.get("message")
    number = code if isinstance(code, int) and not isinstance(code, bool) else 0
    return Refused(number, message if isinstance(message, str) else "", error.get("data"))
