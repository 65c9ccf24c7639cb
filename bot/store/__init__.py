"""The store on a disk: sealed, migrated when it is opened, ready for `ports.Store`."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

from bot.store.desk import Desk
from bot.store.engine import connect, database_file, disconnect, make_private
from bot.store.errors import (
    KeyFileError,
    KeysMissingError,
    RecordBroken,
    StatementFailed,
    StoreFileError,
    WrongKeyError,
)
from bot.store.keys import MISSING, open_ring
from bot.store.migrate import bring_up_to_date, is_empty
from bot.store.sealing import Box, Lookup, MasterKey
from bot.store.sql import SqlStore

__all__ = [
    "KeyFileError",
    "KeysMissingError",
    "MasterKey",
    "RecordBroken",
    "SqlStore",
    "StatementFailed",
    "StoreFileError",
    "WrongKeyError",
    "open",
]

KEYS_FILE = "keys.db"


def open(data_dir: Path, url: str | None, master: MasterKey) -> SqlStore:  # noqa: A001 - read as `store.open`
    """Open the store in `data_dir`, or at `url` (`sqlite:////path`) with its keys in `data_dir`; make it where none is.

    Raises WrongKeyError, KeysMissingError, StoreFileError, each before anything is written.
    """
    return SqlStore(lambda: _desk(data_dir, url, master))


def _desk(data_dir: Path, url: str | None, master: MasterKey) -> Desk:
    make_private(data_dir)
    store_file, keys_file = database_file(data_dir, url), data_dir / KEYS_FILE
    with ExitStack() as undo:
        is_new = not store_file.exists() or is_empty(store_file)
        if not is_new and not keys_file.exists():
            raise KeysMissingError(MISSING)
        # the keys come first: tables without keys are then never a store in the making, but a loss
        keys = connect(keys_file)
        undo.callback(disconnect, keys)
        ring = open_ring(keys, master, may_make=is_new)
        connection = connect(store_file)
        undo.callback(disconnect, connection)
        bring_up_to_date(connection)
        undo.pop_all()
    return Desk(connection, ring, Lookup(master.subkey("store/lookup")), Box(master.subkey("store/own")))
