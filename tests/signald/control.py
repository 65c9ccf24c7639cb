"""The socket between the world and the daemon program: calls one way, what is received and faults the other way.

One JSON object a line. The program says `hello`, `call`, `wanting` (whose messages it takes now), `ack` (what became of
a `push`) and `unread` (a client went with lines unread); the world says `answer`, `push`, `wire`, `done` and `exit`.
"""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from pathlib import Path
from typing import Any

from tests.signald.faults import Fault, Wire
from tests.signald.methods import Methods
from tests.signald.rpc import Refused
from tests.signald.world import Account, World

GONE = 3  # exit code of the program when its only account is gone
LIMIT = 512 * 1024 * 1024  # bytes of a line: a large file is one line of base64


class Control:
    """The world's end. Everything here runs on the world's own loop."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.methods = Methods(world)
        self.methods.trusted = self._trusted
        self.faults: list[Fault] = []
        self.wire = Wire()
        self.trust_delay = 0.05
        self.forgets_unhanded = False
        self.linked = asyncio.Event()
        self.unread_ends = 0
        self.subscribed = 0  # how often somebody came to take messages where nobody did
        self.handed: dict[int, int] = {}  # timestamp → to which of them
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self._server: asyncio.Server | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._wanting: set[str] = set()
        self._moved = asyncio.Event()
        self._handed: asyncio.Future[str] | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def open(self, path: Path) -> None:
        """Wait for the program."""
        self._server = await asyncio.start_unix_server(self._serve, path, limit=LIMIT)

    async def close(self) -> None:
        """The end of the world."""
        if self._server is not None:
            self._server.close()
        if self._writer is not None:
            self._writer.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def wanting(self) -> frozenset[str]:
        """The accounts whose messages the program takes now."""
        return frozenset(self._wanting)

    def moved(self) -> None:
        """Something in the world changed."""
        self._moved.set()

    def say(self, **message: Any) -> None:
        """Tell the program something, if there is one."""
        if self._writer is not None and not self._writer.is_closing():
            self._writer.write(json.dumps(message).encode() + b"\n")

    def set_wire(self, wire: Wire) -> None:
        """Change how lines travel."""
        self.wire = wire
        self.say(wire=wire_words(wire))

    def _spawn(self, coroutine: Any) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writer = writer
        self._wanting = set()
        self.say(wire=wire_words(self.wire))
        pump = self._spawn(self._pump())
        try:
            while line := await reader.readline():
                self._heard(json.loads(line))
        except ConnectionError:
            pass  # the program was killed
        finally:
            pump.cancel()
            with suppress(asyncio.CancelledError):
                await pump
            if self._writer is writer:
                self._writer = None
                self._wanting = set()
                self.linked.clear()
            writer.close()
            self.world.changed()

    def _heard(self, message: dict[str, Any]) -> None:
        if "call" in message:
            self._call(message["call"], message["params"], message["n"])
        elif "hello" in message:
            self._greet(message["hello"], message["n"])
        elif "wanting" in message:
            now = set(self.world.accounts) if "*" in message["wanting"] else set(message["wanting"])
            for number in now - self._wanting:
                if number in self.world.accounts:
                    self.world.retry(self.world.accounts[number])
            self.subscribed += bool(now and not self._wanting)
            self._wanting = now
            self.say(done=message["n"])
            self.linked.set()
            self.world.changed()
        elif "unread" in message:
            self.unread_ends += 1
            self.world.changed()
        elif self._handed is not None and not self._handed.done():
            self._handed.set_result(message["ack"])

    def _greet(self, hello: dict[str, Any], number: int) -> None:
        self.world.multi, self.world.version = hello["multi"], hello["version"]
        self.world.keep_in(Path(hello["data"]))
        if not self.world.multi and not self.world.accounts:
            self.say(exit=GONE)
            return
        self.say(done=number)

    # ---- calls

    def _call(self, method: str, params: dict[str, Any], number: int) -> None:
        self.calls.append((method, params))
        fault = next((fault for fault in self.faults if fault.meets(method)), None)
        reply: dict[str, Any] = {"answer": number}
        if fault is None or fault.done:
            try:
                reply["result"] = self.methods.call(method, params)
            except Refused as refused:
                reply["error"] = refused.error
        self.world.changed()
        if fault is None:
            self.say(**reply)
        else:
            self._go_wrong(fault, reply)

    def _go_wrong(self, fault: Fault, reply: dict[str, Any]) -> None:
        if fault.how == "silent":
            return
        if fault.how in ("late", "held"):
            self._spawn(self._wait(fault, reply))
            return
        if fault.how == "refused":
            assert fault.error is not None
            reply.pop("result", None)
            reply["error"] = {"code": fault.error[0], "message": fault.error[1], "data": None}
            self.say(**reply)
            return
        self.say(**{"result": {}, **reply, "manner": fault.how})

    async def _wait(self, fault: Fault, reply: dict[str, Any]) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(fault.released.wait(), fault.seconds if fault.how == "late" else None)
        self.say(**reply)

    # ---- what is received

    def _trusted(self, account: Account) -> None:
        def retry() -> None:
            self.world.retry(account)

        asyncio.get_running_loop().call_later(self.trust_delay, retry)

    def _next(self) -> Account | None:
        for number in sorted(self._wanting):
            account = self.world.accounts.get(number)
            if account is not None and account.queue:
                return account
        return None

    async def _pump(self) -> None:
        while True:
            account = self._next()
            if account is None:
                self._moved.clear()
                await self._moved.wait()
                continue
            await self._hand_over(account)

    async def _hand_over(self, account: Account) -> None:
        item, body = self.world.take(account)
        self._handed = asyncio.get_running_loop().create_future()
        self.say(push=body, account=account.number)
        try:
            became = await self._handed
        except asyncio.CancelledError:
            # it lies in the program's cache on the disk, and is tried again at its next start
            if not self.forgets_unhanded:
                self.world.put_back(account, item)
            raise
        if became == "returned":
            self.world.put_back(account, item)
            return
        if item.told is not None:
            self.handed[item.told] = self.subscribed
        self.world.handed_over(account, item)


def wire_words(wire: Wire) -> dict[str, bool]:
    """The switches of the wire, to be told to the program."""
    return {name: getattr(wire, name) for name in Wire.__slots__}
