"""The vault on a real folder and a real encrypted database, beside a daemon's folder with files in it."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlcipher3 import dbapi2 as sqlcipher

from bot.channels.signal.claims import Claim, read_claim
from bot.channels.signal.files import NoSuchFile, Vault
from bot.channels.signal.ledger import Ledger
from bot.channels.signal.sealed import CHUNK
from bot.domain import Attachment

PLANTED = b"planted: what the picture shows. "
PICTURE = (PLANTED * (3 * CHUNK // len(PLANTED)))[: 3 * CHUNK - 5]
NAME = "wPm8nTzHh6K4LzGzqk3x.jpg"
KEY = bytes(range(32)).hex()
LINE = 7


def claim(**changed: Any) -> Claim:
    """What the daemon says of the picture."""
    told = {"contentType": "image/jpeg", "filename": None, "id": NAME, "size": len(PICTURE)}
    read = read_claim(told | changed)
    assert read is not None
    return read


class Place:
    """A data_dir, the daemon's folder, and what the daemon gives out when it is asked."""

    def __init__(self, folder: Path) -> None:
        self.data_dir, self.attachments = folder / "data", folder / "attachments"
        self.data_dir.mkdir(parents=True, exist_ok=True)
        self.attachments.mkdir(exist_ok=True)
        self.given: dict[str, bytes | Exception] = {}
        self.asked: list[str] = []

    def plant(self, name: str = NAME, content: bytes = PICTURE) -> Path:
        """The daemon has received a file."""
        path = self.attachments / name
        path.write_bytes(content)
        return path

    @contextmanager
    def vault(self, *, beside: bool = True) -> Iterator[Vault]:
        """The vault, as after a start; without the daemon's folder `beside` it, the daemon must be asked."""
        with self._database() as database:
            yield Vault(self.data_dir, self.attachments if beside else None, self._fetch, Ledger(database))

    def held_keys(self) -> list[str]:
        """The keys that the list holds."""
        with self._database() as database:
            return [key for (key,) in database.execute("select secret from files").fetchall()]

    @contextmanager
    def _database(self) -> Iterator[Any]:
        database = sqlcipher.connect(str(self.data_dir / "signal.db"), check_same_thread=False)
        try:
            database.execute(f"pragma key = \"x'{KEY}'\"")
            yield database
        finally:
            database.close()

    async def _fetch(self, name: str) -> AsyncGenerator[bytes]:
        self.asked.append(name)
        given = self.given.get(name, NoSuchFile())
        if isinstance(given, Exception):
            raise given
        for start in range(0, len(given), 1000):
            yield given[start : start + 1000]

    def kept(self) -> list[str]:
        """The names in our folder."""
        return sorted(path.name for path in (self.data_dir / "files").iterdir())

    def in_clear(self) -> list[str]:
        """Our files in which a planted word stands."""
        return [path.name for path in self.data_dir.rglob("*") if path.is_file() and b"planted" in path.read_bytes()]


async def content(vault: Vault, attachment: Attachment) -> bytes:
    """All that is in a file."""
    async with vault.open(attachment) as pieces:
        return b"".join([piece async for piece in pieces])
