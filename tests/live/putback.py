"""A homeserver that is put back to an earlier copy of its database, as after a lost disk."""

from __future__ import annotations

import shutil
from pathlib import Path

from bot.demo.synapse import Synapse

DATABASE = "homeserver.db*"


class Copy:
    """What a homeserver knew at one moment; its signing key stays the same."""

    def __init__(self, synapse: Synapse, folder: Path) -> None:
        self._synapse = synapse
        self._folder = folder

    async def take(self) -> None:
        """Copy the database while the homeserver is stopped, and start it again."""
        await self._synapse.stop()
        _copy(self._synapse.folder, self._folder)
        await self._synapse.start()

    async def put_back(self) -> None:
        """Stop the homeserver, put the copy in the place of its database, and start it again."""
        await self._synapse.stop()
        for file in self._synapse.folder.glob(DATABASE):
            file.unlink()
        _copy(self._folder, self._synapse.folder)
        await self._synapse.start()


def _copy(source: Path, target: Path) -> None:
    for file in source.glob(DATABASE):
        shutil.copy(file, target / file.name)
