"""A plain client of the daemon's socket, for the stand-in's own tests."""

from __future__ import annotations

import asyncio
import itertools
import json
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.signald.patience import bounded

Json = dict[str, Any]


class Client:
    """One connection: `call` waits for the answer to its own request, and keeps what comes in between."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._ids = itertools.count(1)
        self.lines: list[bytes] = []
        self.received: list[Json] = []
        self.answers: dict[Any, Json] = {}
        self.order: list[Any] = []
        self._reader: asyncio.StreamReader
        self._writer: asyncio.StreamWriter

    async def __aenter__(self) -> Self:
        self._reader, self._writer = await asyncio.open_unix_connection(self._path, limit=512 * 1024 * 1024)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Hang up."""
        self._writer.close()

    def stalls(self) -> None:
        """Read nothing from now on, and stay."""
        self._transport().pause_reading()

    def reads_again(self) -> None:
        """Read on."""
        self._transport().resume_reading()

    def _transport(self) -> asyncio.ReadTransport:
        transport = self._writer.transport
        assert isinstance(transport, asyncio.ReadTransport)
        return transport

    async def write(self, raw: bytes) -> None:
        """Send bytes as they are."""
        self._writer.write(raw)
        await self._writer.drain()

    async def ask(self, method: str, request_id: Any = None, **params: Any) -> Any:
        """Send a request without waiting; its id."""
        request_id = request_id or next(self._ids)
        request = {"jsonrpc": "2.0", "method": method, "id": request_id, "params": params}
        await self.write(json.dumps(request).encode() + b"\n")
        return request_id

    async def call(self, method: str, **params: Any) -> Json:
        """Send a request; the whole object that answers it."""
        return await self.answer(await self.ask(method, **params))

    async def answer(self, request_id: Any) -> Json:
        """The whole object that answers a request."""
        while request_id not in self.answers:
            await self.read()
        return self.answers.pop(request_id)

    async def receive(self, count: int = 1) -> list[Json]:
        """The parameters of the next notifications."""
        while len(self.received) < count:
            await self.read()
        taken, self.received = self.received[:count], self.received[count:]
        return taken

    async def bodies(self, count: int = 1) -> list[Json]:
        """What the next notifications carry: envelope, account, and an exception where there is one."""
        return [params.get("result", params) for params in await self.receive(count)]

    async def texts(self, count: int = 1) -> list[Any]:
        """The texts of the next messages."""
        return [body["envelope"]["dataMessage"]["message"] for body in await self.bodies(count)]

    async def read(self) -> Any:
        """The next line, sorted to where it belongs; raises `ConnectionError` at the end."""
        line = await bounded(self._reader.readuntil(b"\n"), lambda: "no line came")
        self.lines.append(line)
        value = json.loads(line)
        if isinstance(value, dict) and value.get("method") == "receive":
            self.received.append(value["params"])
        elif isinstance(value, dict):
            self.answers[value["id"]] = value
            self.order.append(value["id"])
        return value

    async def ends(self) -> bytes:
        """What still comes before the daemon hangs up."""
        return await bounded(self._reader.read(), lambda: "the daemon did not hang up")
