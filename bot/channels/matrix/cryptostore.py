"""nio's store under SQLCipher: Olm and Megolm keys, and with them every room and person they name, sealed on disk."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from nio.store import MegolmInboundSessions, OlmSessions, SqliteStore
from peewee import DatabaseError
from playhouse.sqlcipher_ext import SqlCipherDatabase

from bot.errors import VestibuleError

FILE = "matrix-crypto.db"


class CryptoStoreError(VestibuleError):
    """The encrypted key store cannot be opened."""


class CipherStore(SqliteStore):  # type: ignore[misc]  # nio publishes no types for its stores
    """nio's SQLite store with its database made by SQLCipher, keyed by 32 raw bytes."""

    def __init__(self, user_id: str, device_id: str, folder: Path, key: bytes) -> None:
        path = folder / FILE
        # SQLCipher would make the file readable for everyone; made before it, only its owner may read it
        file = os.open(path, os.O_CREAT | os.O_RDWR, 0o600)
        os.fchmod(file, 0o600)
        os.close(file)
        self._key = key
        try:
            super().__init__(user_id, device_id, str(folder), pickle_key=key.hex(), database_name=FILE)
        except (MemoryError, DatabaseError) as error:
            # either is what SQLCipher says to a wrong key
            raise CryptoStoreError(
                f"{path} does not open with this key_file: restore the key file that belongs to it"
            ) from error

    def _create_database(self) -> Any:
        # a raw key (x'…') spares the derivation from a passphrase: the key is random already
        return SqlCipherDatabase(
            self.database_path,
            passphrase=f"x'{self._key.hex()}'",
            pragmas={"foreign_keys": 1, "secure_delete": 1, "journal_mode": "wal", "synchronous": 2},
        )

    def room_key_owner(self, session_id: str) -> tuple[str, str] | None:
        """The room, and the identity key of the device, that a stored room key belongs to."""
        with self.database.bind_ctx(self.models):
            row = MegolmInboundSessions.get_or_none(MegolmInboundSessions.session_id == session_id)
        return None if row is None else (row.room_id, row.sender_key)

    def drop_session(self, session_id: str) -> None:
        """Forget an Olm session."""
        with self.database.bind_ctx(self.models):
            OlmSessions.delete().where(OlmSessions.session_id == session_id).execute()

    def close(self) -> None:
        """Close the database file."""
        self.database.close()
