"""A small sealed record in a file of its own: what must be on the disk before a request that depends on it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from bot.store.errors import RecordBroken
from bot.store.sealing import Box, kind_of, place_of, sync_directory, write_private


class SealedRecord:
    """`ports.Record`: one JSON object, sealed, replaced as a whole."""

    def __init__(self, path: Path, key: bytes) -> None:
        self._path = path
        self._box = Box(key)
        self._place = place_of("record", path.name, "1")

    def read(self) -> dict[str, Any] | None:
        """None when none was written yet. Raises RecordBroken."""
        try:
            sealed = self._path.read_bytes()
        except FileNotFoundError:
            return None
        content = None
        with suppress(ValueError):
            content = json.loads(self._box.open(sealed, self._place))
        if not isinstance(content, dict):
            raise RecordBroken(kind_of(self._place))
        return content

    def write(self, content: Mapping[str, Any]) -> None:
        """On the disk, whole, when this returns."""
        draft = self._path.with_name(f".{self._path.name}.new")
        draft.unlink(missing_ok=True)  # of a process that was killed here
        write_private(draft, self._box.seal(json.dumps(content).encode(), self._place))
        draft.replace(self._path)
        sync_directory(self._path.parent)
