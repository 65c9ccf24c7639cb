"""Lines on their way to a client: one object a line, in UTF-8, and the ways in which the wire may play with them."""

from __future__ import annotations

import asyncio
import json
import random
from contextlib import suppress
from typing import Any

from tests.signald.faults import Wire

PIECES = 40  # of a line that is split
GLUE = 0.02  # seconds that lines wait for each other when they are glued


class Lines:
    """Writes lines one after the other; `put` returns when the system has taken the whole of it."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self._writer = writer
        self._lock = asyncio.Lock()
        self._glued: list[bytes] = []
        # `drain` then waits until nothing is left on our side: a client that does not read is felt at once
        writer.transport.set_write_buffer_limits(0)

    async def put(self, value: Any, wire: Wire) -> None:
        """Write one line. A client that is gone is no error here."""
        # U+2028 and the like are not escaped
        line = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
        with suppress(ConnectionError):
            if wire.glued:
                await self._put_glued(line)
            elif wire.split:
                await self._put_split(line)
            else:
                async with self._lock:
                    self._writer.write(line)
                    await self._writer.drain()

    def write_raw(self, part: bytes) -> None:
        """Write part of a line."""
        self._writer.write(part)

    def close(self) -> None:
        """Hang up."""
        self._writer.close()

    async def _put_split(self, line: bytes) -> None:
        size = max(1, len(line) // PIECES)
        async with self._lock:
            for start in range(0, len(line), size):
                self._writer.write(line[start : start + size])
                await self._writer.drain()
                await asyncio.sleep(0)

    async def _put_glued(self, line: bytes) -> None:
        self._glued.append(line)
        if len(self._glued) > 1:
            return
        await asyncio.sleep(GLUE)
        whole, self._glued = b"".join(self._glued), []
        async with self._lock:
            self._writer.write(whole)
            await self._writer.drain()


def disguise(value: Any, wire: Wire, *, answers: bool = False) -> Any:
    """The same with its keys in another order, and with keys that nobody knows."""
    if isinstance(value, list):
        return [disguise(one, wire, answers=answers) for one in value]
    if not isinstance(value, dict) or not (wire.extras or wire.shuffled):
        return value
    pairs = [(key, disguise(one, wire)) for key, one in value.items()]
    if wire.extras and not answers:
        pairs.append(("newInTheNextVersion", {"list": [1, None, "x"]}))
    if wire.shuffled:
        random.shuffle(pairs)
    return dict(pairs)
