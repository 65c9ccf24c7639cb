"""The daemon program: answers JSON-RPC on its socket, and hands over what is received to who subscribed.

It keeps nothing: what must outlive it is in the world, at the other end of the control socket.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import random
import signal
import sys
from collections.abc import Awaitable
from contextlib import suppress
from pathlib import Path
from typing import Any

from tests.signald.control import LIMIT
from tests.signald.faults import Wire
from tests.signald.lines import Lines, disguise
from tests.signald.rpc import INVALID, USER, Params, Refused, Request, answer, parse, request_of

Json = dict[str, Any]
BUSY = "Receive command cannot be used if messages are already being received."


class Connection:
    """One client, its subscriptions (id to accounts), and the lines on their way to it."""

    def __init__(self, reader: asyncio.StreamReader, lines: Lines) -> None:
        self.reader = reader
        self.lines = lines
        self.subscriptions: dict[int, list[str]] = {}
        self.open = True


class Daemon:
    """The program, between its clients and the world."""

    def __init__(self, receive_mode: str, version: str, folder: Path, *, multi: bool) -> None:
        self._mode = receive_mode
        self._hello = {"version": version, "multi": multi, "data": str(folder)}
        self._wire = Wire()
        self._connections: list[Connection] = []
        self._collecting: list[Json] | None = None
        self._collects: set[str] = set()
        self._ids = itertools.count()
        self._calls: dict[int, asyncio.Future[Json]] = {}
        self._numbers = itertools.count(1)
        self._pushes: asyncio.Queue[Json] = asyncio.Queue()
        self._handed = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._world: asyncio.StreamWriter

    async def run(self, path: Path, control: Path) -> int:
        """Serve until the world or a signal ends it; the exit code."""
        try:
            reader, self._world = await asyncio.open_unix_connection(control, limit=LIMIT)
        except OSError:
            print(f"no world answers at {control}: start it first", file=sys.stderr)
            return 2
        if await asyncio.to_thread(path.exists):
            print(f"Failed to bind socket {path}: Address already in use", file=sys.stderr)
            return 1
        ended = asyncio.get_running_loop().create_future()
        for name in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(name, lambda: ended.done() or ended.set_result(0))
        self._spawn(self._listen(reader, ended))
        self._spawn(self._hand_over())
        hello = asyncio.ensure_future(self._ask(hello=self._hello))
        await asyncio.wait({hello, ended}, return_when=asyncio.FIRST_COMPLETED)
        if ended.done():
            return ended.result()
        server = await asyncio.start_unix_server(self._serve, path, limit=LIMIT)
        await self._want()  # on-start takes from the first moment
        code: int = await ended
        server.close()
        await asyncio.to_thread(path.unlink, missing_ok=True)
        return code

    def _spawn(self, work: Awaitable[None]) -> asyncio.Task[None]:
        task: asyncio.Task[None] = asyncio.ensure_future(work)  # type: ignore[arg-type]
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    # ---- the world

    def _tell(self, **message: Any) -> None:
        self._world.write(json.dumps(message).encode() + b"\n")

    async def _ask(self, **message: Any) -> Json:
        number = next(self._numbers)
        self._calls[number] = asyncio.get_running_loop().create_future()
        self._tell(**message, n=number)
        return await self._calls[number]

    async def _listen(self, reader: asyncio.StreamReader, ended: asyncio.Future[int]) -> None:
        with suppress(ConnectionError):
            while line := await reader.readline():
                message = json.loads(line)
                if "push" in message:
                    self._pushes.put_nowait(message)
                elif "wire" in message:
                    self._wire = Wire(**message["wire"])
                elif "exit" in message:
                    print("the account is not registered any more", file=sys.stderr)
                    ended.done() or ended.set_result(message["exit"])
                else:
                    number = message.get("answer") or message["done"]
                    self._calls.pop(number).set_result(message)
        ended.done() or ended.set_result(2)

    def _wanted(self) -> list[str]:
        if self._mode == "on-start" or (self._mode == "on-connection" and self._connections):
            return ["*"]
        subscribed = [n for c in self._connections for numbers in c.subscriptions.values() for n in numbers]
        return sorted({*subscribed, *self._collects})

    def _want(self) -> asyncio.Future[Json]:
        return asyncio.ensure_future(self._ask(wanting=self._wanted()))

    # ---- what is received

    async def _hand_over(self) -> None:
        while True:
            push = await self._pushes.get()
            became = await self._hand(push["push"], push["account"])
            self._tell(ack=became)
            self._handed.set()
            self._pushes.task_done()

    async def _hand(self, body: Json, account: str) -> str:
        handed = self._mode == "on-start"
        if self._collecting is not None:
            self._collecting.append(body)
            handed = True
        for connection in list(self._connections):
            for params in self._notified(connection, body, account):
                if connection.open:
                    handed = True
                    # a client that does not read holds up the rest, as the real one does
                    await connection.lines.put({"jsonrpc": "2.0", "method": "receive", "params": params}, self._wire)
        return "handed" if handed else "returned"

    def _notified(self, connection: Connection, body: Json, account: str) -> list[Json]:
        body = disguise(body, self._wire)
        automatic = [] if self._mode == "manual" else [body]
        asked = [
            {"subscription": number, "result": body}
            for number, accounts in connection.subscriptions.items()
            if account in accounts
        ]
        return automatic + asked

    # ---- clients

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = Connection(reader, Lines(writer))
        self._connections.append(connection)
        self._want()
        try:
            while line := await reader.readline():
                if line.endswith(b"\n"):
                    self._spawn(self._line(connection, line))
        except ConnectionResetError:
            self._tell(unread=True)
        finally:
            connection.open = False
            self._connections.remove(connection)
            self._want()
            writer.close()

    async def _line(self, connection: Connection, line: bytes) -> None:
        try:
            value = parse(line)
        except Refused as refused:
            await connection.lines.put(answer(None, error=refused.error), self._wire)
            return
        if not isinstance(value, list):
            said = await self._one(connection, value)
            if said is not None:
                await self._reply(connection, said)
            return
        if not value:
            await self._reply(connection, answer(None, error=Refused(INVALID, "invalid request").error))
            return
        answers = await asyncio.gather(*(self._one(connection, one, batched=True) for one in value))
        said_all = [said for said in answers if said is not None]
        if said_all:
            await self._reply(connection, said_all)

    async def _reply(self, connection: Connection, said: Any) -> None:
        if self._wire.disorder:
            await asyncio.sleep(random.random() / 50)
        await connection.lines.put(disguise(said, self._wire, answers=True), self._wire)

    async def _one(self, connection: Connection, value: Any, *, batched: bool = False) -> Json | None:
        request: Request | None
        try:
            request = request_of(value, batched=batched)
        except Refused as refused:
            return answer(value.get("id") if isinstance(value, dict) else None, error=refused.error)
        if request is None:
            return None
        try:
            result = await self._call(connection, request)
        except Refused as refused:
            return answer(request.id, error=refused.error) if request.answered else None
        return answer(request.id, result=result) if request.answered else None

    async def _call(self, connection: Connection, request: Request) -> Any:
        reply = await self._ask(call=request.method, params=request.params)
        manner = reply.get("manner")
        if manner == "dies":
            os.kill(os.getpid(), signal.SIGKILL)
        if manner in ("lost", "cut"):
            if manner == "cut":
                whole = json.dumps(answer(request.id, result=reply["result"])).encode()
                connection.lines.write_raw(whole[: len(whole) // 2])
            connection.lines.close()
            await asyncio.Event().wait()
        if "error" in reply:
            error = reply["error"]
            raise Refused(error["code"], error["message"], error["data"])
        params = Params(request.params)
        match request.method:
            case "subscribeReceive":
                return await self._subscribe(connection, reply["result"]["accounts"])
            case "unsubscribeReceive":
                return await self._unsubscribe(connection, params)
            case "receive":
                return await self._receive(params)
        return reply["result"]

    # ---- subscriptions

    async def _subscribe(self, connection: Connection, accounts: list[str]) -> int:
        number = next(self._ids)
        connection.subscriptions[number] = accounts
        if self._wire.early:
            self._handed.clear()
            self._want()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._handed.wait(), 1)
            return number
        # what waits comes after the answer
        asyncio.get_running_loop().call_soon(self._want)
        return number

    async def _unsubscribe(self, connection: Connection, params: Params) -> Json:
        number = params.number("subscription")
        if number is None:
            raise Refused(USER, "Missing subscription parameter with subscription id")
        if number not in connection.subscriptions:
            raise Refused(USER, "Unknown subscription id")
        accounts = connection.subscriptions.pop(number)
        wanted = self._wanted()
        connection.subscriptions[number] = accounts
        await self._ask(wanting=wanted)
        # everything already pulled is written before the answer
        await self._pushes.join()
        connection.subscriptions.pop(number, None)
        return {}

    async def _receive(self, params: Params) -> list[Json]:
        if self._wanted():
            raise Refused(USER, BUSY)
        self._collecting = []
        self._collects = {"*"}
        self._want()
        most = params.number("maxMessages") or -1
        deadline = asyncio.get_running_loop().time() + (params.number("timeout", 3) or 0)
        while asyncio.get_running_loop().time() < deadline and len(self._collecting) != most:
            self._handed.clear()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._handed.wait(), deadline - asyncio.get_running_loop().time())
        self._collects = set()
        await self._want()
        await self._pushes.join()
        collected, self._collecting = self._collecting, None
        return collected
