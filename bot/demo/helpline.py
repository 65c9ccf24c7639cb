"""A whole helpline on this machine: a homeserver, the bot as its own process, and the people who staff it.

The demo shows it and the live tests use it. Nothing of it reaches further than the loopback interface.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Self

from bot.demo.child import as_child
from bot.demo.person import Person
from bot.demo.synapse import Account, Synapse
from bot.errors import VestibuleError, WorldError

STOP_SECONDS = 20.0  # how long an orderly stop of the bot may take
SHIPPED = Path(__file__).resolve().parents[2]  # where flows/ and locales/ lie


class HelplineError(WorldError):
    """A part of the helpline did not start."""


class Helpline:
    """`async with Helpline() as helpline`: ready when the bot is in its queue room."""

    def __init__(
        self,
        *,
        specialists: int = 2,
        leads: int = 0,
        settings: str = "",
        tell: Callable[[str], None] = lambda line: None,
    ) -> None:
        """The first `leads` of the specialists are leads. `settings` is TOML added to the config."""
        self.folder = Path(tempfile.mkdtemp(prefix="vestibule-"))
        self.synapse = Synapse()
        self.specialists: list[Person] = []
        self.queue_room = ""
        self.bot_id = ""
        self.recovery_key = ""
        self._count = specialists
        self._leads = leads
        self._settings = settings
        self._tell = tell
        self._people: list[Person] = []
        self._process: asyncio.subprocess.Process | None = None

    @property
    def config(self) -> Path:
        """The bot's config file."""
        return self.folder / "config.toml"

    @property
    def log(self) -> Path:
        """What the bot logs, over all its runs."""
        return self.folder / "bot.log"

    @property
    def data_dir(self) -> Path:
        """What the bot keeps."""
        return self.folder / "data"

    async def __aenter__(self) -> Self:
        try:
            await self._start()
        except BaseException:
            await self._end()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._end()

    async def _start(self) -> None:
        self._tell("starting a homeserver on the loopback interface")
        await self.synapse.start()
        account = await self.synapse.register("vestibule")
        self.bot_id = account.user_id
        self._tell("making the specialists' accounts and their queue room")
        self.specialists = [await self.person(f"specialist{number + 1}") for number in range(self._count)]
        first, *others = self.specialists
        self.queue_room = await first.make_room(
            self.bot_id, *(other.user_id for other in others), name="Helpline queue"
        )
        for other in others:
            await other.accept(self.queue_room)
        self._tell("setting up the bot: its device, its identity, its recovery key")
        self._write_config(account)
        code, said = await self.command("setup", "--yes", "--config", str(self.config))
        if code:
            raise HelplineError(f"`vestibule setup` ended with {code}: {said}")
        self.recovery_key = said.splitlines()[0]
        await self.start_bot()

    def _write_config(self, account: Account) -> None:
        password = self.folder / "password"
        password.touch(mode=0o600)
        password.write_text(account.password)
        listed = [
            f"{{ user = {json.dumps(person.user_id)}, master_key = {json.dumps(person.master_key)} }}"
            for person in self.specialists
        ]
        leads, members = ", ".join(listed[: self._leads]), ", ".join(listed[self._leads :])
        self.config.write_text(
            f"""
[helpline]
help_address = "help@example.org"
legal_address = "legal@example.org"

[matrix]
homeserver = "{self.synapse.url}"
user_id = "{account.user_id}"
password_file = "{password}"

[specialists]
room = "{self.queue_room}"
members = [{members}]
leads = [{leads}]

[flows]
path = "{SHIPPED / "flows"}"

[store]
key_file = "{self.folder / "key"}"
data_dir = "{self.data_dir}"
{self._settings}
"""
        )

    async def command(self, *arguments: str) -> tuple[int, str]:
        """Run one `vestibule` command to its end: its exit code, and what it printed, standard output first."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "bot",
            *arguments,
            cwd=SHIPPED,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        said, told = await process.communicate()
        return process.returncode or 0, (said + told).decode().strip()

    async def start_bot(self) -> None:
        """Start `vestibule run`; returns when the bot is in the queue room."""
        process = await self.launch_bot("bot")
        if self.specialists:
            await self._until_joined(process)

    async def launch_bot(self, program: str, *arguments: str) -> asyncio.subprocess.Process:
        """Start `run` with the module or file that is to be the bot's command line, and wait for nothing."""
        with self.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                *as_child(program),
                *arguments,
                "run",
                "--config",
                str(self.config),
                "--log-level",
                "debug",
                cwd=SHIPPED,
                stdout=log,
                stderr=log,
            )
        return self._process

    async def _until_joined(self, process: asyncio.subprocess.Process) -> None:
        ended = asyncio.create_task(process.wait())
        joined = asyncio.create_task(self.specialists[0].joined(self.queue_room, self.bot_id))
        try:
            await asyncio.wait({ended, joined}, return_when=asyncio.FIRST_COMPLETED)
            if not joined.done():
                raise HelplineError(f"`vestibule run` ended with {process.returncode}: {self._log_tail()}")
            await joined
        finally:
            for task in (ended, joined):
                task.cancel()

    def _log_tail(self) -> str:
        lines = self.log.read_text(errors="replace").splitlines()
        return "\n".join(lines[-20:])

    @property
    def bot_pid(self) -> int | None:
        """The running bot's process, if it runs."""
        return self._process.pid if self._process is not None and self._process.returncode is None else None

    async def bot_ended(self) -> int:
        """Wait until the bot's process is gone; its exit code."""
        return await self._process.wait() if self._process is not None else 0

    async def stop_bot(self, *, kill: bool = False) -> None:
        """End the bot: in order, or with SIGKILL."""
        if self._process is None or self._process.returncode is not None:
            return
        self._process.send_signal(signal.SIGKILL if kill else signal.SIGTERM)
        try:
            await asyncio.wait_for(self._process.wait(), STOP_SECONDS)
        except TimeoutError:
            self._process.kill()
            await self._process.wait()

    async def person(self, name: str | None = None, *, cross_sign: bool = True) -> Person:
        """Somebody with an account and a client of their own."""
        return await self.device(await self.synapse.register(name), cross_sign=cross_sign)

    async def device(self, account: Account, *, cross_sign: bool = True) -> Person:
        """A client of somebody who has an account; their first one makes their identity."""
        person = await Person.login(self.synapse.url, account.user_id, account.password, cross_sign=cross_sign)
        self._people.append(person)
        return person

    async def _end(self) -> None:
        await self.stop_bot()
        for person in self._people:
            with contextlib.suppress(VestibuleError, OSError):
                await person.stop()
        await self.synapse.stop()
        shutil.rmtree(self.folder, ignore_errors=True)
