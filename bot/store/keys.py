"""The ring of keys: one random key for each conversation, wrapped by the master key, in a file of their own.

A new key is committed here before the transaction that uses it (a key without content is harmless; content without its
key is lost). Destroying a key destroys everything sealed with it, in every copy of the store.
"""

from __future__ import annotations

import hmac
import secrets
from collections import OrderedDict

import sqlalchemy as sa

from bot.domain import ConversationId
from bot.store import schema
from bot.store.engine import disconnect
from bot.store.errors import KeysMissingError, RecordBroken, StoreFileError, WrongKeyError
from bot.store.sealing import KEY_BYTES, Box, MasterKey, place_of

MISSING = (
    "there is a store, but the file with its keys (keys.db) is missing or empty, and without it nothing can be read. "
    "Restore keys.db from the backup"
)
FORMAT = 1  # of the file; another number is a newer program's
MAX_OPEN = 2048  # unwrapped keys held in memory; one more is unwrapped again in a few microseconds

_FIND = sa.select(schema.keys.c.wrapped).where(schema.keys.c.id == sa.bindparam("key"))
_ADD = sa.insert(schema.keys)
_MASTER = sa.select(schema.master.c.format, schema.master.c.fingerprint)


class KeyRing:
    """The keys of all conversations. Everything happens on the store's thread."""

    def __init__(self, connection: sa.Connection, master: MasterKey) -> None:
        self._connection = connection
        self._wrap = Box(master.subkey("store/wrap"))
        self._open: OrderedDict[ConversationId, Box] = OrderedDict()

    def make(self, key: ConversationId) -> None:
        """A key of this name is there, on the disk, when this returns: a new one, or the one that already was."""
        with self._connection.begin():
            if self._connection.execute(_FIND, {"key": key}).first() is None:
                wrapped = self._wrap.seal(secrets.token_bytes(KEY_BYTES), _place(key))
                self._connection.execute(_ADD, {"id": key, "wrapped": wrapped})

    def box(self, key: ConversationId) -> Box:
        """Seals and opens under this key. Raises RecordBroken where the key is gone or does not unwrap."""
        box = self._open.get(key)
        if box is None:
            box = self._open[key] = self._unwrap(key)
            if len(self._open) > MAX_OPEN:
                self._open.popitem(last=False)
        else:
            self._open.move_to_end(key)
        return box

    def close(self) -> None:
        self._open.clear()
        disconnect(self._connection)

    def _unwrap(self, key: ConversationId) -> Box:
        with self._connection.begin():
            wrapped = self._connection.execute(_FIND, {"key": key}).scalar()
        if wrapped is None:
            raise RecordBroken("keys.wrapped")
        return Box(self._wrap.open(wrapped, _place(key)))


def open_ring(connection: sa.Connection, master: MasterKey, *, may_make: bool) -> KeyRing:
    """The ring in this file; an empty file becomes a new ring, but only if `may_make`.

    Raises WrongKeyError, KeysMissingError, StoreFileError, and has then written nothing.
    """
    fingerprint = master.subkey("store/fingerprint")
    with connection.begin():
        if sa.inspect(connection).has_table(schema.master.name):
            _compare(connection, fingerprint)
        elif may_make:
            schema.KEYS_METADATA.create_all(connection)
            connection.execute(sa.insert(schema.master), {"format": FORMAT, "fingerprint": fingerprint})
        else:
            raise KeysMissingError(MISSING)
    return KeyRing(connection, master)


def _compare(connection: sa.Connection, fingerprint: bytes) -> None:
    found = connection.execute(_MASTER).first()
    if found is None or found.format != FORMAT:
        raise StoreFileError("keys.db was made by another version of Vestibule: run that version or a newer one")
    if not hmac.compare_digest(found.fingerprint, fingerprint):
        raise WrongKeyError(
            "the key file is not the one that this store was sealed with. Put the right key file at the place that "
            "key_file names"
        )


def _place(key: ConversationId) -> str:
    return place_of("keys", "wrapped", key)
