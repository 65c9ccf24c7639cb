"""`vestibule doctor`: looks at an installation and says what it found, as data; `remedies` has the sentences.

It changes nothing, and takes nothing from a bot that runs: it uses the device's access token, never its keys.
"""

from __future__ import annotations

import asyncio
import os
import re
import stat
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from bot import library, store
from bot.admin import control, staffing, verbs
from bot.admin.lock import is_held
from bot.admin.setup import identity_record
from bot.admin.signal.looking import DAEMON, counted, look
from bot.channels.matrix.cryptostore import FILE as KEY_STORE
from bot.channels.matrix.homeserver import Homeserver, HomeserverError
from bot.channels.matrix.identity import Own, read_own
from bot.channels.matrix.secretstorage import BASE58, SecretStorageError, read_recovery_key
from bot.channels.matrix.selfcheck import Finding, check_pins, check_rooms, self_check
from bot.config import Config
from bot.errors import VestibuleError
from bot.flow.machine import compile_flows
from bot.flow.model import FlowError
from bot.forms import grouped
from bot.routes import unknown_topics

FIRST_BYTES = 16 * 1024  # of a file: whoever kept a recovery key in it wrote little else
HOMESERVER = "homeserver"
OF_THE_WORLD = frozenset({HOMESERVER, DAEMON})  # findings that are the world's fault

# base58 of 35 bytes that begin with the prefix of a recovery key
_SHOWN = re.compile(rf"(?=(Es[{BASE58}]{{46}}))".encode())
_BLANKS = re.compile(rb"[\s\0]+")  # with a zero byte beside each letter where an editor wrote UTF-16


def examine(config: Config) -> list[Finding]:
    """All that can be found out about this installation. What is found on the disk names files: it is not logged."""
    found = [Finding("config", good=True, params={"file": str(config.file)}), *_on_disk(config)]
    own, looked = _identity(config)
    found.extend(looked)
    found.extend(recovery_keys(config, own))
    found.extend(_topics(config))
    if own is not None and own.master is not None:
        found.append(Finding("fingerprint", good=True, params={"fingerprint": grouped(own.master)}))
    pins = config.specialists.staff
    if own is not None and own.complete and _database(config).is_file():
        listing, pins = _staff(config, own)
        found.append(listing)
    found.extend(asyncio.run(_on_homeserver(config, own, pins)))
    found.extend(_reached(config))
    if config.signal is not None:
        found.extend(asyncio.run(look(config.signal)))
        found.extend(counted(config.store.data_dir))
    return found


def _topics(config: Config) -> Iterator[Finding]:
    """Whether cases can have the topics that rooms are for. Flows that cannot be read are for `vestibule check`."""
    rooms = config.specialists.rooms
    if any(room.topics for room in rooms):
        with suppress(FlowError):
            compiled = compile_flows(library.read(config.flows.path), config.helpline.locales)
            why = "; ".join(problem.message for problem in unknown_topics(rooms, compiled))
            yield Finding("room-topics", good=not why, params={"why": why})


def _identity(config: Config) -> tuple[Own | None, Sequence[Finding]]:
    """What setup kept of the bot's identity, where it can be opened, and what was found on the way to it."""
    try:
        master = store.MasterKey.read(config.store.key_file)
    except store.KeyFileError as error:
        return None, [Finding("key-file", good=False, params={"why": str(error)})]
    found = [Finding("key-file", good=True, params={"file": str(config.store.key_file)})]
    try:
        own = read_own(identity_record(config, master))
    except VestibuleError:
        return None, [*found, Finding("identity-record", good=False)]
    complete = own is not None and own.complete
    found.append(Finding("identity", good=complete))
    if own is not None and complete:
        found.append(Finding("account", good=own.user_id == config.matrix.user_id))
        found.append(Finding("key-store", good=(config.store.data_dir / KEY_STORE).is_file()))
    return own, found


def exit_code(found: Sequence[Finding]) -> int:
    """0 well, 1 something is wrong, 3 nothing is but the world failed."""
    wrong = {finding.code for finding in found if not finding.good}
    if wrong - OF_THE_WORLD:
        return 1
    return 3 if wrong else 0


def recovery_keys(config: Config, own: Own | None) -> Iterator[Finding]:
    """Where a recovery key lies on this machine: it must not lie anywhere here."""
    if own is not None and own.recovery is not None:
        yield Finding("recovery-key-record", good=False)
    places = {folder.resolve() for folder in (config.file.parent, config.store.key_file.parent, config.store.data_dir)}
    files = [file for folder in sorted(places) for file in _files(folder) if holds_recovery_key(_beginning(file))]
    yield Finding("recovery-key", good=not files, params={"files": ", ".join(map(str, files))})


def holds_recovery_key(text: bytes) -> bool:
    """Whether a recovery key stands in it, with blanks or without; known by its letters, its prefix and its parity."""
    return any(_is_recovery_key(match[1].decode()) for match in _SHOWN.finditer(_BLANKS.sub(b"", text)))


def _is_recovery_key(letters: str) -> bool:
    try:
        read_recovery_key(letters)
    except SecretStorageError:
        return False
    return True


def _files(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError:
        return []


def _beginning(file: Path) -> bytes:
    """Empty where it is no plain file, or not ours to read."""
    try:
        if not stat.S_ISREG(file.stat().st_mode):
            return b""
        with file.open("rb") as opened:
            return opened.read(FIRST_BYTES)
    except OSError:
        return b""


def _on_disk(config: Config) -> Iterator[Finding]:
    data_dir = config.store.data_dir
    try:
        mode = data_dir.stat().st_mode
        runs = is_held(data_dir)
    except OSError as error:
        yield Finding("data-dir", good=False, params={"folder": str(data_dir), "why": os.strerror(error.errno or 0)})
        return
    if mode & 0o077:
        yield Finding("data-dir-open", good=False, params={"folder": str(data_dir)})
    else:
        yield Finding("data-dir", good=True, params={"folder": str(data_dir)})
    yield Finding("runs" if runs else "rests", good=True)
    yield Finding("database", good=_database(config).is_file(), params={"file": str(_database(config))})


def _database(config: Config) -> Path:
    return Path(config.store.url.removeprefix("sqlite:///"))


def _staff(config: Config, own: Own) -> tuple[Finding, Mapping[str, str]]:
    """Everybody who is listed, with their pins; where the list cannot be read, those of the config."""
    try:
        members, _ = staffing.members(config, own)
    except VestibuleError as error:
        return Finding("staff-list", good=False, params={"why": str(error)}), config.specialists.staff
    pins = {member.listed.user: member.listed.identity for member in members}
    return Finding("staff-list", good=True, params={"count": str(len(pins))}), pins


def _reached(config: Config) -> Iterator[Finding]:
    """Whether the bot that runs here reaches the specialists; nothing where none runs, or it is of an older version."""
    try:
        unreached = control.ask(config.store.data_dir, verbs.ROOMS)["unreached"]
    except VestibuleError:
        return
    yield Finding("staff-reached", good=not unreached, params={"rooms": str(unreached)})


async def _on_homeserver(config: Config, own: Own | None, pins: Mapping[str, str]) -> list[Finding]:
    homeserver = Homeserver(config.matrix.homeserver, own.token if own else None)
    found: list[Finding] = []
    failed: HomeserverError | None = None
    try:
        await homeserver.versions()
        if own is not None and own.complete:
            found.extend(await self_check(homeserver, own))
        if any(finding.code == "token" and finding.good for finding in found) and own is not None:
            found.extend(await check_rooms(homeserver, own, config.specialists.room, config.other_rooms))
            found.append(await check_pins(homeserver, pins))
    except HomeserverError as error:
        failed = error
    finally:
        await homeserver.close()
    params = {"address": config.matrix.homeserver, "why": str(failed)}
    return [Finding(HOMESERVER, good=failed is None, params=params), *found]
