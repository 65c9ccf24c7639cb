"""A database of an adapter's own under SQLCipher: its file its owner's alone, and useless without its key."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import sqlcipher3

from bot.errors import VestibuleError

WRONG_KEY = (MemoryError, sqlcipher3.DatabaseError)  # either is what SQLCipher says to a wrong key


class DatabaseError(VestibuleError):
    """The encrypted database of an adapter cannot be opened."""


def private_file(path: Path) -> None:
    """Make the file before SQLCipher does, which would make it readable for everyone."""
    file = os.open(path, os.O_CREAT | os.O_RDWR, 0o600)
    os.fchmod(file, 0o600)
    os.close(file)


def raw_key(key: bytes) -> str:
    """32 random bytes as SQLCipher takes them: there is no passphrase from which to derive them."""
    return f"x'{key.hex()}'"


def wrong_key(path: Path) -> str:
    """What is said where it does not open."""
    return f"{path} does not open with this key_file: restore the key file that belongs to it"


def open_database(path: Path, key: bytes) -> Any:
    """A connection whose transactions are on disk when they are committed. Raises DatabaseError."""
    private_file(path)
    connection = sqlcipher3.connect(str(path))
    try:
        connection.execute(f'pragma key = "{raw_key(key)}"')
        for pragma in ("secure_delete = 1", "journal_mode = wal", "synchronous = full", "temp_store = memory"):
            connection.execute(f"pragma {pragma}")
        connection.execute("select count(*) from sqlite_master").fetchone()
    except WRONG_KEY as error:
        connection.close()
        raise DatabaseError(wrong_key(path)) from error
    return connection
