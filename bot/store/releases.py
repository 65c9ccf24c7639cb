"""`ports.Releases` on the tables: what went live is sealed as a whole, with the installation's own key."""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Mapping, Sequence

import sqlalchemy as sa
from sqlalchemy import bindparam as given

from bot.domain import Release
from bot.store import codec, schema
from bot.store.desk import Desk

_RELEASES = schema.releases.c


class Releases:
    """The flows and catalogs that went live."""

    _add = sa.insert(schema.releases).inline()
    _files = sa.select(_RELEASES.files).where(_RELEASES.number == given("of"))
    _log = sa.select(
        _RELEASES.number, _RELEASES.digest, _RELEASES.published_at, _RELEASES.moves, _RELEASES.publisher
    ).order_by(_RELEASES.number)

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def add(self, release: Release, files: Mapping[str, bytes]) -> None:
        row = str(release.number)
        with self._desk.unique("release"):
            self._desk.run(
                self._add,
                number=release.number,
                digest=release.digest,
                published_at=codec.moment_to_number(release.at),
                moves=release.moves,
                publisher=self._desk.seal(None, _RELEASES.publisher, row, release.by),
                files=self._desk.seal(None, _RELEASES.files, row, _packed(files)),
            )

    def files(self, number: int) -> Mapping[str, bytes]:
        sealed = self._desk.run(self._files, of=number).scalar()
        if sealed is None:
            raise KeyError(number)
        return self._desk.unseal(None, _RELEASES.files, str(number), sealed, _unpacked)

    def log(self) -> Sequence[Release]:
        return [
            Release(
                row.number,
                row.digest,
                codec.number_to_moment(row.published_at),
                self._desk.unseal(None, _RELEASES.publisher, str(row.number), row.publisher, str),
                bool(row.moves),
            )
            for row in self._desk.run(self._log).found
        ]


def _packed(files: Mapping[str, bytes]) -> str:
    """Files as a text, which is a third of their size."""
    # "surrogateescape": whatever is no UTF-8 comes back as it was
    named = {name: content.decode("utf-8", "surrogateescape") for name, content in files.items()}
    return base64.b64encode(zlib.compress(json.dumps(named).encode())).decode()


def _unpacked(text: str) -> Mapping[str, bytes]:
    named = json.loads(zlib.decompress(base64.b64decode(text)))
    return {name: content.encode("utf-8", "surrogateescape") for name, content in named.items()}
