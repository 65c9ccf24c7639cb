"""What `vestibule doctor` looks at on the side of Signal: the daemon, and the folder into which it puts files."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from bot.admin import control, verbs
from bot.channels.matrix.selfcheck import Finding
from bot.channels.signal.caller import Caller, TooOld
from bot.channels.signal.rpc import Refused
from bot.channels.signal.spool import NOT_UNDERSTOOD, SAYS_NOTHING, SENT_AGAIN, UNREADABLE
from bot.config import Signal
from bot.errors import VestibuleError, WorldError

NO_SUCH_METHOD = -32601  # what a daemon for one account alone says to `listAccounts`
DAEMON = "signal-daemon"


def counted(data_dir: Path) -> list[Finding]:
    """What the bot that runs here counted since its database was made; nothing where none runs."""
    try:
        counts = control.ask(data_dir, verbs.COUNTS)
    except VestibuleError:
        return []  # whether one runs is said elsewhere
    told = (
        Finding("signal-sent-again", good=True, params={"count": str(counts.get(SENT_AGAIN, 0))}),
        Finding("signal-not-understood", good=True, params={"count": str(counts.get(NOT_UNDERSTOOD, 0))}),
        Finding("signal-unreadable", good=True, params={"count": str(counts.get(UNREADABLE, 0))}),
        Finding("signal-says-nothing", good=True, params={"count": str(counts.get(SAYS_NOTHING, 0))}),
    )
    return [finding for finding in told if finding.params["count"] != "0"]


async def look(signal: Signal) -> list[Finding]:
    """All that can be found out beside a bot that runs; the daemon is asked nothing that changes anything."""
    return [*await _daemon(signal), *_files(signal.attachments)]


async def _daemon(signal: Signal) -> list[Finding]:
    caller = Caller(signal.socket, signal.account)
    try:
        await caller.ask("version")
        answers = [Finding(DAEMON, good=True, params={"socket": str(signal.socket)})]
        return [*answers, Finding("signal-one-account", good=await _is_for_one_account(caller))]
    except TooOld as error:
        return [Finding("signal-version", good=False, params={"why": str(error)})]
    except WorldError as error:
        return [Finding(DAEMON, good=False, params={"why": str(error)})]
    finally:
        await caller.close()


async def _is_for_one_account(caller: Caller) -> bool:
    """A daemon for several goes on in silence when the account is gone; one for a single account ends."""
    try:
        await caller.ask("listAccounts")
    except Refused as refused:
        if refused.code == NO_SUCH_METHOD:
            return True
        raise
    return False


def _files(folder: Path | None) -> Iterator[Finding]:
    if folder is None:
        yield Finding("signal-files-unnamed", good=False)
        return
    params = {"folder": str(folder)}
    try:
        left = sum(1 for _ in folder.iterdir())
    except FileNotFoundError:
        return  # nobody has sent a file yet
    except OSError as error:
        yield Finding("signal-files", good=False, params={**params, "why": os.strerror(error.errno or 0)})
        return
    if os.access(folder, os.W_OK | os.X_OK):
        yield Finding("signal-files", good=True, params=params)
    else:
        yield Finding("signal-files", good=False, params={**params, "why": "files in it cannot be deleted"})
    if left:
        yield Finding("signal-files-left", good=False, params={**params, "count": str(left)})
