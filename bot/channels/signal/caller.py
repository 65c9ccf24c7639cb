"""Calls of the daemon's methods, on a connection of their own that is made when it is needed.

A daemon that is too old is asked nothing: the accounts of such programs are taken away.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

from bot.channels.signal.rpc import Connection, Lost, NotAsked

OLDEST = (0, 14, 7)
ANSWER_SECONDS = 30.0  # for what needs no more than the daemon itself, or one request of its to the server

_VERSION = re.compile(r"(\d{1,4})\.(\d{1,4})(?:\.(\d{1,4}))?")


class TooOld(NotAsked):
    """The daemon is of a version that must not be used."""

    def __init__(self, socket: Path, version: str) -> None:
        oldest = ".".join(map(str, OLDEST))
        super().__init__(
            f"the Signal daemon at {socket} is version {version}: accounts are lost through versions before {oldest}; "
            f"install signal-cli {oldest} or newer, and start the daemon again"
        )
        self.version = version


async def within(seconds: float, connection: Connection, method: str, params: Mapping[str, Any]) -> Any:
    """What the daemon answers in this time. Raises NotAsked, Lost and Refused."""
    try:
        async with asyncio.timeout(seconds):
            return await connection.call(method, params)
    except TimeoutError:
        raise Lost(f"the Signal daemon did not answer {method} in {seconds:g} seconds") from None


async def greet(connection: Connection, socket: Path) -> None:
    """Make sure that the daemon can be used. Raises TooOld, and as `within`. No number for a version is let pass."""
    answer = await within(ANSWER_SECONDS, connection, "version", {})
    told = answer.get("version") if isinstance(answer, dict) else None
    number = _VERSION.match(told) if isinstance(told, str) else None
    if number is not None and tuple(int(part or 0) for part in number.groups()) < OLDEST:
        raise TooOld(socket, number[0])


async def _nothing(lines: list[bytes]) -> None:
    """Nothing is received where nothing was subscribed to."""


class Caller:
    """The daemon at a socket, for one account."""

    def __init__(self, socket: Path, account: str) -> None:
        self._socket = socket
        self._account = account
        self._connection: Connection | None = None
        self._opening = asyncio.Lock()

    async def ask(self, method: str, **params: Any) -> Any:
        """What the daemon answers in ANSWER_SECONDS. Raises NotAsked, Lost and Refused."""
        return await within(ANSWER_SECONDS, await self._open(), method, self._of_account(params))

    async def call(self, method: str, params: Mapping[str, Any], pieces: AsyncIterator[bytes] | None = None) -> Any:
        """The same without a limit of time. `pieces`: see `Connection.call`."""
        return await (await self._open()).call(method, self._of_account(params), pieces)

    async def close(self) -> None:
        """Close the connection. What waits for an answer gets Lost."""
        if self._connection is not None:
            await self._connection.close()

    def _of_account(self, params: Mapping[str, Any]) -> Mapping[str, Any]:
        # a daemon for one account ignores it, one for several needs it
        return {"account": self._account, **params}

    async def _open(self) -> Connection:
        async with self._opening:
            if self._connection is not None and not self._connection.closed:
                return self._connection
            connection = await Connection.open(self._socket, _nothing)
            try:
                await greet(connection, self._socket)
            except BaseException:
                await connection.close()
                raise
            self._connection = connection
            return connection
