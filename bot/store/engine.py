"""SQLite, set up for people at risk: what is committed is on the disk, what is erased is overwritten, all is private.

The only place that knows which database this is. PostgreSQL gets a function of its own beside this one.
"""

from __future__ import annotations

import os
from pathlib import Path
from sqlite3 import Connection as Driver
from typing import Any

import sqlalchemy as sa

from bot.store.errors import StoreFileError

BUSY_TIMEOUT = 5_000  # milliseconds to wait for another process that looks at the file
PRAGMAS = (
    "journal_mode=WAL",
    "synchronous=FULL",  # in WAL mode NORMAL can lose the last commits when the power goes (law 1)
    "secure_delete=ON",
    "foreign_keys=ON",
    "temp_store=MEMORY",
    f"busy_timeout={BUSY_TIMEOUT}",
)


def make_private(directory: Path) -> None:
    """The directory is there and closed to others. Raises StoreFileError."""
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        if directory.stat().st_mode & 0o077:
            directory.chmod(0o700)
    except OSError as error:
        raise StoreFileError(f"{directory}: the data directory cannot be used: {error.strerror}") from None


def database_file(data_dir: Path, url: str | None) -> Path:
    """The SQLite file that the config means. Raises StoreFileError."""
    if url is None:
        return data_dir / "vestibule.db"
    try:
        address = sa.make_url(url)
    except sa.exc.ArgumentError:
        raise StoreFileError("[store] url is not an address: expected sqlite:////path/to/vestibule.db") from None
    if address.get_backend_name() != "sqlite" or address.database in (None, "", ":memory:"):
        raise StoreFileError("[store] url must name a file of SQLite: sqlite:////path/to/vestibule.db")
    return Path(str(address.database))


def connect(path: Path) -> sa.Connection:
    """The one connection to this file, which is made if it is not there. Raises StoreFileError."""
    try:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            os.fchmod(handle, 0o600)  # SQLite gives the files it puts beside it the same mode
        finally:
            os.close(handle)
    except OSError as error:
        raise StoreFileError(f"{path}: the database cannot be opened: {error.strerror}") from None
    engine = sa.create_engine(
        sa.URL.create("sqlite", database=str(path)),
        hide_parameters=True,  # SQLAlchemy's errors print what was stored otherwise (law 6)
        poolclass=sa.NullPool,
    )
    sa.event.listen(engine, "connect", _set_up)
    sa.event.listen(engine, "begin", _begin)
    try:
        return engine.connect()
    except sa.exc.DatabaseError:
        raise StoreFileError(f"{path}: this file is not a database, or another program holds it") from None


def kind_of_failure(error: Exception) -> str:
    """What an error of the driver may tell: `SQLITE_FULL`. Its own words could quote values (PostgreSQL's do)."""
    return getattr(error, "sqlite_errorname", type(error).__name__)


def give_up(connection: sa.Connection) -> None:
    """Roll back what a failed COMMIT left open: SQLAlchemy takes the transaction for over, the database does not."""
    connection.rollback()
    driver = connection.connection.dbapi_connection
    if driver is not None:
        driver.rollback()


def scrub(connection: sa.Connection) -> bool:
    """Empty the log of changes, in which what was erased still stands; whether nobody who reads kept us from it."""
    driver = connection.connection.dbapi_connection
    if driver is None:
        return False
    cursor = driver.cursor()
    try:
        cursor.execute("PRAGMA busy_timeout=0")  # nobody waits here for a reader
        busy, *_ = cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        return not busy
    finally:
        cursor.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT}")
        cursor.close()


def disconnect(connection: sa.Connection) -> None:
    """Close the connection and its file."""
    connection.close()
    connection.engine.dispose()


def _set_up(driver: Driver, _record: Any) -> None:
    driver.isolation_level = None  # we alone say when a transaction begins; the driver would guess
    for pragma in PRAGMAS:
        driver.execute(f"PRAGMA {pragma}")


def _begin(connection: sa.Connection) -> None:
    # takes the write lock at once: a transaction that begins by reading could not get it later
    connection.exec_driver_sql("BEGIN IMMEDIATE")
