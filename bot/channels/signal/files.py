"""Files that come by Signal: the daemon's plain copy is sealed, and erased. Nothing is looked into.

The daemon keeps what it received in clear and for ever. Killed at any moment: nothing of ours is in clear, nothing that
is half sealed is used, and the daemon's copy is erased in the end (law 1: not before ours is on disk).
"""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
import stat
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Sequence
from contextlib import aclosing, asynccontextmanager, suppress
from enum import StrEnum
from pathlib import Path
from typing import IO

from bot.channels.signal import sealed
from bot.channels.signal.claims import CHANNEL, Claim, is_name
from bot.channels.signal.ledger import Ledger, Sealed
from bot.domain import Attachment
from bot.errors import WorldError
from bot.ports import Failure, SendError

MAX_FILE = 100 * 1024 * 1024  # bytes
FOLDER = "files"  # below data_dir
PLACE_BYTES = 16  # of chance in a file's name
PART = ".part"  # ends the name of a file that is being sealed
PREVIEW = ".preview"  # ends the name of the small picture that the daemon keeps beside some files

_log = logging.getLogger(__name__)


class Lost(StrEnum):
    """Why a file could not be taken."""

    MISSING = "missing"  # the daemon does not have it: its download failed
    EMPTY = "empty"
    CUT = "cut"  # not as large as its sender's program said
    TOO_LARGE = "too_large"
    AWAY = "away"  # the daemon or our disk fails at present: try again; nothing was erased


class NoSuchFile(Exception):
    """The daemon knows no file of this name."""


Fetch = Callable[[str], AsyncGenerator[bytes]]
"""Asks the daemon for a file by its name. Raises NoSuchFile, or WorldError where trying again may help."""


class Vault:
    """Sealed files, in a folder of ours. `attachments` is the daemon's folder, where it is on this machine."""

    def __init__(self, data_dir: Path, attachments: Path | None, fetch: Fetch, ledger: Ledger) -> None:
        self._folder = data_dir / FOLDER
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _flush_folder(data_dir)
        self._attachments = attachments
        self._fetch = fetch
        self._ledger = ledger

    async def take(self, claim: Claim, line: int) -> Attachment | Lost:
        """Seal a file of the daemon's, which then loses it. `line`: where it was told of. May be done again."""
        if claim.size is not None and claim.size > MAX_FILE:
            await self.refuse(claim.id, line)
            return Lost.TOO_LARGE  # as it says itself: nobody has to read so much
        known = self._ledger.find(claim.id)
        if known is None or not (self._folder / known.place).exists():
            taken = await self._seal(claim, line)
            if isinstance(taken, Lost):
                if taken is not Lost.AWAY:
                    await self.refuse(claim.id, line)
                return taken
            known = taken
        await self._erase(claim.id)
        return Attachment(
            kind=claim.kind,
            name=claim.name,
            mime=claim.mime,
            size=known.size,
            place=known.place,
            secret=known.secret,
            caption=claim.caption,
            channel=CHANNEL,
        )

    async def refuse(self, name: str, line: int) -> None:
        """Have the daemon lose a file that nobody is to get. `line`: where it was told of."""
        if is_name(name):
            self._ledger.note(name, line, None)
            await self._erase(name)

    async def settle(self, line: int) -> None:
        """The lines up to this one are journaled, with the keys of their files."""
        await self._erase_left(self._ledger.unsettled(line))
        self._ledger.settle(line)

    @asynccontextmanager
    async def open(self, attachment: Attachment) -> AsyncIterator[AsyncIterator[bytes]]:
        """The file's own bytes (`ports.Files`)."""
        try:
            file = (self._folder / _ours(attachment.place)).open("rb")
        except OSError:
            raise SendError(Failure.REFUSED) from None
        with file:
            if os.fstat(file.fileno()).st_size != sealed.length(attachment.size):
                raise SendError(Failure.REFUSED)
            yield _each(sealed.opened(file, _key(attachment.secret)))

    async def discard(self, attachment: Attachment) -> None:
        """Erase a file. That it is gone already is well."""
        with suppress(SendError):  # a place that is none of ours holds nothing of ours
            await asyncio.to_thread((self._folder / _ours(attachment.place)).unlink, missing_ok=True)

    async def sweep(self) -> None:
        """At a start, before anything is taken: erase what was not sealed to its end, here and at the daemon's.

        What has a name stays, however old: a case may be open for years, and only `discard` knows that nobody needs it.
        """
        try:
            await asyncio.to_thread(_sweep, self._folder)
        except OSError as error:
            _log.error("what was not sealed to its end could not be erased: %s", type(error).__name__)
        await self._erase_left(self._ledger.left())

    async def _seal(self, claim: Claim, line: int) -> Sealed | Lost:
        place, key = secrets.token_hex(PLACE_BYTES), secrets.token_bytes(sealed.KEY_BYTES)
        part = self._folder / f"{place}{PART}"
        try:
            size = await self._fill(part, claim.id, key)
            lost = _lost(size, claim.size)
            taken = Sealed(place, key.hex(), size)
            if lost is None:
                self._ledger.note(claim.id, line, taken)  # then it is named: what has a name is whole, and has its key
                await asyncio.to_thread(_publish, part, self._folder / place)
                return taken
        except NoSuchFile:
            lost = Lost.MISSING
        except (OSError, WorldError) as error:
            _log.error("a file cannot be taken at present: %s", type(error).__name__)
            lost = Lost.AWAY
        with suppress(OSError):  # the next start erases it
            await asyncio.to_thread(part.unlink, missing_ok=True)
        return lost

    async def _fill(self, part: Path, name: str, key: bytes) -> int:
        """Seal it into this file, flushed; its size in bytes. A size above the limit means that it is not all there."""
        found = await asyncio.to_thread(self._find, name)
        if found is not None:
            with found:
                return await asyncio.to_thread(_pour, _pieces(found), part, key)
        sealing, size = sealed.Sealer(key), 0
        async with aclosing(self._fetch(name)) as pieces:
            with _private(part) as file:
                async for piece in pieces:
                    size += len(piece)
                    if size > MAX_FILE:
                        return size
                    file.write(sealing.seal(piece))
                file.write(sealing.finish())
                await asyncio.to_thread(_flush, file)
        return size

    def _find(self, name: str) -> IO[bytes] | None:
        """The daemon's file; None where it must be asked for it."""
        if self._attachments is None or not is_name(name):
            return None
        try:
            # a link, or a pipe, is none of the daemon's files
            number = os.open(self._attachments / name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError:
            return None
        if stat.S_ISREG(os.fstat(number).st_mode):
            return os.fdopen(number, "rb")
        os.close(number)
        return None

    async def _erase_left(self, names: Sequence[str]) -> None:
        for name in names:
            known = self._ledger.find(name)
            if known is None or (self._folder / known.place).exists():  # otherwise the daemon's is the only one
                await self._erase(name)

    async def _erase(self, name: str) -> None:
        """Have the daemon lose the file. Where that fails it is tried again when its line is settled, or at a start."""
        if self._attachments is None:
            return
        try:
            await asyncio.to_thread(_unlink, self._attachments, name)
        except OSError as error:
            _log.error("a file of the daemon's could not be erased: %s", type(error).__name__)
        else:
            self._ledger.gone(name)


def _lost(size: int, told: int | None) -> Lost | None:
    if size > MAX_FILE:
        return Lost.TOO_LARGE
    if size == 0:
        return Lost.EMPTY
    return Lost.CUT if told is not None and told != size else None


def _pour(pieces: Iterator[bytes], part: Path, key: bytes) -> int:
    sealing, size = sealed.Sealer(key), 0
    with _private(part) as file:
        for piece in pieces:
            size += len(piece)
            if size > MAX_FILE:
                return size
            file.write(sealing.seal(piece))
        file.write(sealing.finish())
        _flush(file)
    return size


def _pieces(file: IO[bytes]) -> Iterator[bytes]:
    return iter(lambda: file.read(sealed.CHUNK), b"")


def _private(path: Path) -> IO[bytes]:
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "wb")


def _flush(file: IO[bytes]) -> None:
    file.flush()
    os.fsync(file.fileno())


def _publish(part: Path, place: Path) -> None:
    part.rename(place)
    _flush_folder(place.parent)


def _flush_folder(folder: Path) -> None:
    number = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(number)
    finally:
        os.close(number)


def _unlink(folder: Path, name: str) -> None:
    for path in (folder / name, folder / f"{name}{PREVIEW}"):
        path.unlink(missing_ok=True)
    with suppress(FileNotFoundError):
        _flush_folder(folder)


def _sweep(folder: Path) -> None:
    for path in folder.glob(f"*{PART}"):
        path.unlink(missing_ok=True)


def _ours(place: str) -> str:
    """The name of a file in our folder. Raises SendError for any other."""
    if len(place) != 2 * PLACE_BYTES or not set(place) <= set("0123456789abcdef"):
        raise SendError(Failure.REFUSED)
    return place


def _key(secret: str) -> bytes:
    try:
        return bytes.fromhex(secret)
    except ValueError:
        raise SendError(Failure.REFUSED) from None


async def _each(chunks: Iterator[bytes]) -> AsyncIterator[bytes]:
    try:
        for chunk in chunks:
            yield chunk
    except sealed.BrokenFile:
        raise SendError(Failure.REFUSED) from None
