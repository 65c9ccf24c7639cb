"""A helpline whose flows are edited and published while people are inside: the real files, checks and releases."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cache
from io import BytesIO
from pathlib import Path

from babel.messages.pofile import write_po

from bot import catalogs, library
from bot.config import Config
from bot.ports import Store
from bot.publishing.publisher import Published, Publisher, digest, go_live, read_files
from bot.store import MasterKey
from tests.services.world import CONSENT, MAIN, PERSON, REQUESTER, ROOM, SHIPPED, World

CONFIG = """
[matrix]
homeserver = "https://matrix.example.org"
user_id = "@bot:staff.example"
password_file = "password"
[specialists]
room = "!queue:staff.example"
members = [{{ user = "@vera:staff.example", master_key = "{key}" }}]
[store]
key_file = "key"
[helpline]
locales = ["en", "es"]
help_address = "help@example.org"
"""


def installation(folder: Path) -> Config:
    """A config with the short flows, the phrases and the Spanish that ship, and a key."""
    (folder / "flows").mkdir(parents=True)
    for name, content in (("main", MAIN), ("consent", CONSENT), ("person", PERSON)):
        (folder / "flows" / f"{name}.yaml").write_text(content)
    for name in ("bot.yaml", "staff.yaml"):
        shutil.copy(SHIPPED / "flows" / name, folder / "flows" / name)
    shutil.copytree(SHIPPED / "locales" / "es", folder / "locales" / "es")
    translate(folder)
    (folder / "config.toml").write_text(CONFIG.format(key="A" * 43))
    (folder / "password").write_text("none")
    MasterKey.make(folder / "key")
    return Config.read(folder / "config.toml", {})


def translate(folder: Path) -> None:
    """The translator puts something into every gap."""
    [path] = catalogs.catalog_files(folder / "locales")
    flows = tuple((file.name, file.read_bytes()) for file in sorted((folder / "flows").glob("*.yaml")))
    path.write_bytes(_translated(flows, path.read_bytes()))


@cache
def _translated(flows: tuple[tuple[str, bytes], ...], before: bytes) -> bytes:
    """The same gaps are filled once: finding out which texts are like those of before takes seconds."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "flows").mkdir()
        for file, content in flows:
            (folder / "flows" / file).write_bytes(content)
        path = folder / "locales" / "es" / "LC_MESSAGES" / "messages.po"
        path.parent.mkdir(parents=True)
        path.write_bytes(before)
        catalogs.update(library.read(folder / "flows"), folder / "locales", (), datetime.now(UTC))
        catalog = catalogs.read_catalog(path)
    for message in catalog:
        if message.id and (message.fuzzy or not message.string):
            message.string = f"es: {message.id}"
            message.flags.discard("fuzzy")
    file = BytesIO()
    write_po(file, catalog)
    return file.getvalue()


def change(config: Config, name: str, old: str, new: str) -> None:
    """The operator puts one text in the place of another."""
    path = config.flows.path / name
    before = path.read_text()
    assert old in before, "the edit edits nothing"
    path.write_text(before.replace(old, new))


class LivingWorld(World):
    """A world that runs what was published."""

    def __init__(self, config: Config, store: Store | None = None) -> None:
        super().__init__()
        self.config = config
        if store is not None:
            self.memory = store

    async def __aenter__(self) -> LivingWorld:
        self.releases = await go_live(self.config, self.memory, self.clock)
        await super().__aenter__()
        return self

    def edit(self, name: str, old: str, new: str) -> None:
        change(self.config, name, old, new)

    async def publish(self, *, move: bool = False, by: str = "amira") -> Published:
        publisher = Publisher(self.config, self.memory, self.clock, self.releases)
        return await publisher.publish(by, move=move, seen=digest(read_files(self.config)))

    async def begin(self, answers: Sequence[str], number: int = 0) -> str:
        """Somebody new comes as far as these answers lead; their room."""
        room = f"!home{number}:example.org" if number else ROOM
        await self.walk(answers, room, self.person(number))
        return room

    async def go_on(self, answers: Sequence[str], number: int = 0) -> list[str]:
        """They answer on; what they hear."""
        room = f"!home{number}:example.org" if number else ROOM
        before = len(self.said(room))
        for answer in answers:
            await self.write(room, self.person(number), answer)
        return self.said(room)[before:]

    @staticmethod
    def person(number: int) -> str:
        return f"@amira{number}:example.org" if number else REQUESTER
