"""The bots that are compared, each a process of its own on the same homeserver."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
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
    async with _running(name, "-m", f"tests.bench.{ECHOES[name]}", synapse.url, account.user_id) as process:
        if process.stdin is None or process.stdout is None:
            raise RuntimeError("a program without its pipes")
        process.stdin.write(f"{account.password}\n".encode())
        process.stdin.close()
        said = await asyncio.wait_for(process.stdout.readline(), START_SECONDS)
        if said.strip() != b"ready":
            await process.wait()
            raise RuntimeError(f"{name} did not start")
        yield Bot(name, account.user_id, process.pid)


@asynccontextmanager
async def vestibule(helpline: Helpline) -> AsyncIterator[Bot]:
    """The bot of a helpline as an administrator runs it: `vestibule run`, with its usual log."""
    # started by the helpline it would log at `debug`
    await helpline.stop_bot()
    # the specialists' clients would compute in the measuring process; their devices are still sent everything
    for specialist in helpline.specialists:
        await specialist.stop()
    async with _running(Name.VESTIBULE, "-m", "bot", "run", "--config", str(helpline.config)) as process:
        yield Bot(Name.VESTIBULE, helpline.bot_id, process.pid)


@asynccontextmanager
async def _running(name: Name, *arguments: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """A process, as long as the block. Where it ended too early, that is said: all that goes wrong follows from it."""
    with tempfile.TemporaryDirectory(prefix="vestibule-bench-") as folder:
        log = Path(folder) / "output.log"
        with log.open("wb") as output:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                *arguments,
                cwd=SHIPPED,
                env={**os.environ, "TMPDIR": folder},  # what it leaves behind goes with the log
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=output,
            )
        try:
            yield process
        except Exception as error:
            if process.returncode is None:
                raise
            tail = "\n".join(log.read_text(errors="replace").splitlines()[-LOG_TAIL:])
            raise RuntimeError(f"{name} ended with {process.returncode}:\n{tail}") from error
        finally:
            await _end(process)


async def _end(process: asyncio.subprocess.Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        process.terminate()
    try:
        await asyncio.wait_for(process.wait(), STOP_SECONDS)
    except TimeoutError:
        process.kill()
        await process.wait()
