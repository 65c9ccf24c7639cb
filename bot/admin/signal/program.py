"""The program signal-cli, as an administrator would run it: it makes the account that its daemon then holds."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from bot.channels.signal.caller import OLDEST
from bot.config import ConfigError, Signal

PROGRAM = "signal-cli"
SECONDS = 120  # a command is given; the slowest asks the server a few times
RELEASES = "https://github.com/AsamK/signal-cli/releases"

_NUMBERS = re.compile(r"(\d+)\.(\d+)\.(\d+)")


@dataclass(frozen=True, slots=True)
class Ran:
    """How a call ended. What it printed may hold the account's secrets: it is shown, never logged."""

    good: bool
    said: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Program:
    """signal-cli for one account. `folder`: where it keeps the account; None for its own default."""

    account: str = field(repr=False)
    folder: Path | None = None
    path: str = PROGRAM

    @classmethod
    def of(cls, signal: Signal) -> Program:
        """As the config describes it: files arrive in a folder inside the account's."""
        return cls(signal.account, None if signal.attachments is None else signal.attachments.parent)

    def version(self) -> tuple[int, ...]:
        """Raises ConfigError where the program is missing, or too old."""
        found = _NUMBERS.search(self._call("--version").said)
        if found is None:
            raise ConfigError(f"{self.path} does not say which version it is; install a release from {RELEASES}")
        version = tuple(map(int, found.groups()))
        if version < OLDEST:
            raise ConfigError(
                f"{self.path} is {dotted(version)}, and {dotted(OLDEST)} is the oldest that can be used; install a "
                f"newer release from {RELEASES}"
            )
        return version

    def has_account(self) -> bool:
        """Whether the account is registered on this machine already; a command that stays on it tells."""
        return self.do("listIdentities").good

    def do(self, *arguments: str) -> Ran:
        """One command for the account."""
        return self._call(*self._in_folder(), "-a", self.account, *arguments)

    def link(self, name: str) -> subprocess.Popen[str]:
        """Begin to become a device of an account that a phone has; the first line is what the phone must be shown."""
        return subprocess.Popen(  # noqa: S603 - the administrator's own program, with checked arguments
            [self.path, *self._in_folder(), "link", "-n", name],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def _in_folder(self) -> list[str]:
        return [] if self.folder is None else ["--config", str(self.folder)]

    def _call(self, *arguments: str) -> Ran:
        try:
            done = subprocess.run(  # noqa: S603 - likewise
                [self.path, *arguments], capture_output=True, text=True, check=False, timeout=SECONDS
            )
        except subprocess.TimeoutExpired:
            raise ConfigError(
                f"{self.path} has not answered in {SECONDS} seconds; its daemon may hold the account: stop that first "
                "(`systemctl stop signal-cli.service signal-cli.socket`)"
            ) from None
        except OSError:
            raise ConfigError(
                f"there is no program {self.path} on this machine; install the native release for Linux from "
                f"{RELEASES}, where the path finds it"
            ) from None
        return Ran(done.returncode == 0, (done.stdout + done.stderr).strip())


def dotted(version: tuple[int, ...]) -> str:
    """A version as it is written."""
    return ".".join(map(str, version))
