"""The control socket: how the command line asks a bot that runs. One JSON object a line in, one line out, and no more.

`{"verb": "…", "params": {…}}` is answered with `{"result": …}` or `{"error": "one line", "world": true or false}`.
Nothing of a request reaches a log, and no request ends the process, whatever it is.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import socket
import stat
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Any

from bot.config import ConfigError
from bot.errors import VestibuleError, WorldError
from bot.logs import describe

FILE = "control"
LONGEST_PATH = 100  # bytes of an address that every system takes; Linux takes 107
MAX_REQUEST = 64 * 1024  # bytes
MAX_ANSWER = 4 * 1024 * 1024  # bytes
MAX_CONNECTIONS = 16
READ_SECONDS = 10.0  # for a request to be there, and for an answer to be taken
DO_SECONDS = 120.0  # until whoever asked is told that it takes longer
STOP_SECONDS = 10.0  # for what is being done when the bot stops

Params = Mapping[str, object]
Handler = Callable[[Params], Awaitable[object]]
"""Does what a verb asks for, and returns what can be written as JSON. A VestibuleError that it raises is the answer."""

log = logging.getLogger(__name__)


class BadRequest(VestibuleError):
    """A request that makes no sense; the message says which part of it."""


class NoBotRuns(ConfigError):
    """Nothing listens on the installation's control socket."""


class BotRefused(VestibuleError):
    """The bot was asked and would not."""


class BotFailed(WorldError):
    """The bot was asked, and something failed on the way."""


@asynccontextmanager
async def listening(data_dir: Path, verbs: Mapping[str, Handler]) -> AsyncIterator[None]:
    """Answer requests in here. Whoever calls holds the installation's lock. Raises ConfigError."""
    desk = _Desk(verbs)
    bound = _bind(data_dir)
    try:
        server = await asyncio.start_unix_server(desk.connected, sock=bound, limit=MAX_REQUEST)
        try:
            yield
        finally:
            server.close()
            await desk.stop()
    finally:
        bound.close()
        (data_dir / FILE).unlink(missing_ok=True)


def ask(data_dir: Path, verb: str, params: Params | None = None, seconds: float = DO_SECONDS + READ_SECONDS) -> Any:
    """What the running bot answers. Raises NoBotRuns, BotRefused, BotFailed, ConfigError."""
    request = _line({"verb": verb, "params": dict(params or {})})
    if len(request) > MAX_REQUEST:
        raise BotRefused("the bot cannot be asked for so much at once")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as asking:
        asking.settimeout(READ_SECONDS)
        _connect(asking, data_dir)
        try:
            with suppress(BrokenPipeError, ConnectionResetError):
                asking.sendall(request)  # it may have been answered before it was read
            line = _read_line(asking, time.monotonic() + seconds)
        except OSError as error:
            raise BotFailed("the bot ended, or took too long, before it answered; its log may say why") from error
    return _result(line)


def text(params: Params, name: str) -> str:
    """A parameter that must be a text. Raises BadRequest."""
    value = params.get(name)
    if not isinstance(value, str):
        raise BadRequest(f"control socket: {name}: expected a text")
    return value


def flag(params: Params, name: str) -> bool:
    """A parameter that is true or false; without it, false. Raises BadRequest."""
    value = params.get(name, False)
    if not isinstance(value, bool):
        raise BadRequest(f"control socket: {name}: expected true or false")
    return value


class _Desk:
    """Takes one request of each connection, and answers it."""

    def __init__(self, verbs: Mapping[str, Handler]) -> None:
        self._verbs = verbs
        self._open: set[asyncio.Task[None]] = set()
        self._doing: set[asyncio.Task[bytes]] = set()

    def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Somebody has connected."""
        busy = len(self._open) >= MAX_CONNECTIONS
        task = asyncio.create_task(self._serve(reader, writer, busy=busy))
        self._open.add(task)
        task.add_done_callback(self._open.discard)

    async def stop(self) -> None:
        """Let what is being done end, then hang up."""
        if self._doing:
            await asyncio.wait(self._doing, timeout=STOP_SECONDS)
        for task in (*self._doing, *self._open):
            task.cancel()
        await asyncio.gather(*self._doing, *self._open, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, busy: bool) -> None:
        try:
            answer = _error("control socket: too many ask at once; try again") if busy else await self._answer(reader)
            writer.transport.set_write_buffer_limits(high=0)  # so that `drain` waits for all of it
            writer.write(answer)
            async with asyncio.timeout(READ_SECONDS):
                await writer.drain()
        except OSError:
            pass  # whoever asked has gone, or does not listen; TimeoutError is one of these
        finally:
            writer.transport.abort()

    async def _answer(self, reader: asyncio.StreamReader) -> bytes:
        try:
            async with asyncio.timeout(READ_SECONDS):
                line = await reader.readline()
        except TimeoutError:
            return _error(f"control socket: no whole request within {READ_SECONDS:.0f} seconds")
        except ValueError:
            return _error(f"control socket: the request is longer than {MAX_REQUEST} bytes")
        try:
            verb, params = _request(line)
        except BadRequest as error:
            return _error(str(error))
        handler = self._verbs.get(verb)
        if handler is None:
            return _error("control socket: the bot that runs does not know this verb; is it of an older version?")
        # a task of its own, which nobody cancels in the middle of what it does because somebody hung up
        doing = asyncio.create_task(_do(handler, params))
        self._doing.add(doing)
        doing.add_done_callback(self._doing.discard)
        await asyncio.wait({doing}, timeout=DO_SECONDS)
        if doing.done() and not doing.cancelled():
            return doing.result()
        return _error("control socket: this takes longer; it goes on, and its outcome is not told here", world=True)


async def _do(handler: Handler, params: Params) -> bytes:
    try:
        answer = _line({"result": await handler(params)})
    except VestibuleError as error:
        return _error(str(error), world=isinstance(error, WorldError))
    except Exception as error:
        log.error("a request on the control socket failed: %s", describe(error))
        return _error("control socket: the bot failed at this; its log says where", world=True)
    if len(answer) > MAX_ANSWER:
        return _error("control socket: the answer would be too long")
    return answer


def _request(line: bytes) -> tuple[str, Params]:
    """The verb and its parameters. Raises BadRequest."""
    try:
        request = json.loads(line)
    except (ValueError, RecursionError):
        request = None
    if not isinstance(request, dict):
        raise BadRequest("control socket: expected one JSON object in one line")
    params = request.get("params", {})
    if not isinstance(params, dict):
        raise BadRequest("control socket: params: expected an object")
    return text(request, "verb"), params


def _error(why: str, *, world: bool = False) -> bytes:
    return _line({"error": "; ".join(why.splitlines()), "world": world})


def _line(content: Mapping[str, object]) -> bytes:
    return json.dumps(content, separators=(",", ":")).encode() + b"\n"


def _bind(data_dir: Path) -> socket.socket:
    """A socket that is closed to others before anybody can connect to it. Raises ConfigError."""
    path = data_dir / FILE
    bound = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        with suppress(FileNotFoundError):
            if not stat.S_ISSOCK(path.lstat().st_mode):
                raise ConfigError(f"{path}: this is not the control socket that is to be here; move it away")
            path.unlink()  # of a process that was killed: we hold the lock, so none lives
        # Linux makes the file with the mode of the socket; elsewhere nobody can connect until it is listened to
        os.fchmod(bound.fileno(), 0o600)
        with _address(data_dir) as address:
            bound.bind(address)
        path.chmod(0o600)
    except OSError as error:
        bound.close()
        raise ConfigError(f"{path}: the control socket cannot be made: {error.strerror or error}") from None
    except ConfigError:
        bound.close()
        raise
    return bound


def _connect(asking: socket.socket, data_dir: Path) -> None:
    try:
        with _address(data_dir) as address:
            asking.connect(address)
    except (FileNotFoundError, ConnectionRefusedError):
        raise NoBotRuns(f"{data_dir}: no bot runs here; start it with `vestibule run`") from None
    except PermissionError:
        raise ConfigError(
            f"{data_dir}: belongs to another user of this machine; ask as the one the bot runs as"
        ) from None
    except OSError as error:
        raise BotFailed("the bot that runs here takes no requests; try again") from error


@contextmanager
def _address(data_dir: Path) -> Iterator[str]:
    """The socket's address: short enough, however deep the folder lies."""
    path = str(data_dir / FILE)
    if len(os.fsencode(path)) <= LONGEST_PATH:
        yield path
        return
    folder = os.open(data_dir, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{FILE}"
    finally:
        os.close(folder)


def _read_line(asking: socket.socket, deadline: float) -> bytes:
    """One line, or what there is of it. Raises OSError."""
    read = bytearray()
    while not read.endswith(b"\n") and len(read) <= MAX_ANSWER:
        asking.settimeout(max(deadline - time.monotonic(), 0.001))
        piece = asking.recv(1 << 16)
        if not piece:
            break
        read += piece
    return bytes(read)


def _result(line: bytes) -> Any:
    try:
        answer = json.loads(line)
    except (ValueError, RecursionError):
        answer = None
    if isinstance(answer, dict) and isinstance(answer.get("error"), str):
        if answer.get("world"):
            raise BotFailed(f"the bot that runs here: {answer['error']}")
        raise BotRefused(f"the bot refused: {answer['error']}")
    if not isinstance(answer, dict) or "result" not in answer:
        raise BotFailed("the bot ended before it answered; its log may say why")
    return answer["result"]
