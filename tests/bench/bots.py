"""The bots that are compared, each a process of its own on the same homeserver."""

from __future__ import annotations

import asyncio
import contextlib
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from bot.demo.helpline import SHIPPED, Helpline
from bot.demo.synapse import Synapse

START_SECONDS = 60.0
STOP_SECONDS = 20.0
LOG_TAIL = 20  # lines


class Name(StrEnum):
    """How the bots are called in the table."""

    RAW = "raw echo, in clear"
    NIO = "nio echo"
    MAUTRIX = "mautrix echo"
    VESTIBULE = "Vestibule, whole intake"


ECHOES = {Name.RAW: "echo_raw", Name.NIO: "echo_nio", Name.MAUTRIX: "echo_mautrix"}


@dataclass(frozen=True, slots=True)
class Bot:
    """A bot that listens."""

    name: Name
    user_id: str
    pid: int

    @property
    def encrypted(self) -> bool:
        """Whether it speaks in encrypted rooms."""
        return self.name is not Name.RAW


@asynccontextmanager
async def echo(synapse: Synapse, name: Name) -> AsyncIterator[Bot]:
    """One of the echoes, ready."""
    account = await synapse.register()
    process, log = await _start("-m", f"tests.bench.{ECHOES[name]}", synapse.url, account.user_id)
    try:
        if process.stdin is None or process.stdout is None:
            raise RuntimeError("a program without its pipes")
        process.stdin.write(f"{account.password}\n".encode())
        process.stdin.close()
        said = await asyncio.wait_for(process.stdout.readline(), START_SECONDS)
        if said.strip() != b"ready":
            raise RuntimeError(f"{name} did not start:\n{_tail(log)}")
        with _blamed(name, process, log):
            yield Bot(name, account.user_id, process.pid)
    finally:
        await _end(process)
        log.unlink()


@asynccontextmanager
async def vestibule(helpline: Helpline) -> AsyncIterator[Bot]:
    """The bot of a helpline as an administrator runs it: `vestibule run`, with its usual log."""
    # started by the helpline it would log at `debug`
    await helpline.stop_bot()
    # the specialists' clients would compute in the measuring process; their devices are still sent everything
    for specialist in helpline.specialists:
        await specialist.stop()
    process, log = await _start("-m", "bot", "run", "--config", str(helpline.config))
    try:
        with _blamed(Name.VESTIBULE, process, log):
            yield Bot(Name.VESTIBULE, helpline.bot_id, process.pid)
    finally:
        await _end(process)
        log.unlink()


async def _start(*arguments: str) -> tuple[asyncio.subprocess.Process, Path]:
    with tempfile.NamedTemporaryFile(prefix="vestibule-bench-", suffix=".log", delete=False) as log:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *arguments,
            cwd=SHIPPED,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=log,
        )
    return process, Path(log.name)


@contextmanager
def _blamed(name: Name, process: asyncio.subprocess.Process, log: Path) -> Iterator[None]:
    """Where a bot ended too early, say so: everything else that goes wrong then follows from it."""
    try:
        yield
    except Exception as error:
        if process.returncode is not None:
            raise RuntimeError(f"{name} ended with {process.returncode}:\n{_tail(log)}") from error
        raise


async def _end(process: asyncio.subprocess.Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        process.terminate()
    try:
        await asyncio.wait_for(process.wait(), STOP_SECONDS)
    except TimeoutError:
        process.kill()
        await process.wait()


def _tail(log: Path) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-LOG_TAIL:])
