"""nio's store under SQLCipher: Olm and Megolm keys, and with them every room and person they name, sealed on disk.

nio reads all of them at its start, and its account again whenever it saves one; here each is one statement, when it is
asked for. Its tables are as they were.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

from nio.crypto import InboundGroupSession, Session
from nio.store import SqliteStore
from peewee import DatabaseError
from playhouse.sqlcipher_ext import SqlCipherDatabase

from bot.channels import database

FILE = "matrix-crypto.db"

_INDEX = "CREATE INDEX IF NOT EXISTS olmsessions_sender_key ON olmsessions (sender_key)"
_SAVE_ACCOUNT = """
INSERT INTO accounts (account, shared, user_id, device_id) VALUES (?, ?, ?, ?)
ON CONFLICT (user_id, device_id) DO UPDATE SET account = excluded.account, shared = excluded.shared
"""
_SAVE_SESSION = """
INSERT OR REPLACE INTO olmsessions
    (sender_key, session, session_id, creation_time, last_usage_date, account_id)
SELECT ?, ?, ?, ?, ?, id FROM accounts WHERE user_id = ? AND device_id = ?
"""
_SESSIONS = """
SELECT session, creation_time, last_usage_date FROM olmsessions
WHERE sender_key = ? AND account_id = (SELECT id FROM accounts WHERE user_id = ? AND device_id = ?)
ORDER BY last_usage_date DESC
"""
_SAVE_ROOM_KEY = """
INSERT INTO megolminboundsessions
    (sender_key, fp_key, room_id, session, session_id, account_id)
SELECT ?, ?, ?, ?, ?, id FROM accounts WHERE user_id = ? AND device_id = ?
ON CONFLICT (session_id) DO UPDATE SET session = excluded.session, fp_key = excluded.fp_key
"""
_ROOM_KEY = """
SELECT session, fp_key, sender_key, room_id FROM megolminboundsessions
WHERE session_id = ? AND account_id = (SELECT id FROM accounts WHERE user_id = ? AND device_id = ?)
"""


class CryptoStoreError(database.DatabaseError):
    """The encrypted key store cannot be opened."""


class CipherStore(SqliteStore):  # type: ignore[misc]  # nio publishes no types for its stores
    """nio's SQLite store with its database made by SQLCipher, keyed by 32 raw bytes."""

    def __init__(self, user_id: str, device_id: str, folder: Path, key: bytes) -> None:
        path = folder / FILE
        database.private_file(path)
        self._key = key
        try:
            super().__init__(user_id, device_id, str(folder), pickle_key=key.hex(), database_name=FILE)
        except (MemoryError, DatabaseError) as error:
            raise CryptoStoreError(database.wrong_key(path)) from error  # either is what SQLCipher says to a wrong key
        self._run(_INDEX)

    def _create_database(self) -> Any:
        return SqlCipherDatabase(
            self.database_path,
            passphrase=database.raw_key(self._key),
            pragmas={"foreign_keys": 1, "secure_delete": 1, "journal_mode": "wal", "synchronous": 2},
        )

    def save_account(self, account: Any) -> None:
        """Store the account: its identity keys, its one-time keys."""
        self._run(_SAVE_ACCOUNT, account.pickle(self.pickle_key), account.shared, *self._ours)

    def save_session(self, curve_key: str, session: Any) -> None:
        """Store an Olm session, in place of what it was before."""
        times = [f"{time:%Y-%m-%d %H:%M:%S.%f}" for time in (session.creation_time, session.use_time)]
        self._run(_SAVE_SESSION, curve_key, session.pickle(self.pickle_key), session.id, *times, *self._ours)

    def sessions(self, curve_key: str) -> list[Any]:
        """The Olm sessions filed under this name, the one used last first."""
        return [
            Session.from_pickle(kept, datetime.fromisoformat(made), self.pickle_key, datetime.fromisoformat(used))
            for kept, made, used in self._run(_SESSIONS, curve_key, *self._ours)
        ]

    def drop_session(self, session_id: str) -> None:
        """Forget an Olm session."""
        self._run("DELETE FROM olmsessions WHERE session_id = ?", session_id)

    def save_inbound_group_session(self, session: Any) -> None:
        """Store a room key, in place of a worse one of the same session."""
        named = (session.sender_key, session.ed25519, session.room_id)
        self._run(_SAVE_ROOM_KEY, *named, session.pickle(self.pickle_key), session.id, *self._ours)

    def room_key(self, session_id: str) -> Any:
        """The room key of this session; None where we have none."""
        row = self._run(_ROOM_KEY, session_id, *self._ours).fetchone()
        if row is None:
            return None
        kept, ed25519, sender_key, room = row
        return InboundGroupSession.from_pickle(kept, ed25519, sender_key, room, self.pickle_key)

    @property
    def _ours(self) -> tuple[str, str]:
        return self.user_id, self.device_id

    def _run(self, statement: str, *values: object) -> Any:
        return self.database.execute_sql(statement, values)

    def close(self) -> None:
        """Close the database file."""
        self.database.close()
