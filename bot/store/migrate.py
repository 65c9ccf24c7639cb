"""Brings the tables up to date when a store is opened: all of it in one transaction, or nothing.

Alembic is imported only where there is something to do: at most starts there is not, and it takes memory.
"""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa

from bot.store.engine import connect, disconnect
from bot.store.errors import StoreFileError
from bot.store.schema import REVISIONS

SCRIPTS = Path(__file__).parent / "migrations"
_VERSION = sa.select(sa.column("version_num", sa.String)).select_from(sa.table("alembic_version"))


def is_empty(file: Path) -> bool:
    """No migration was ever run on this database. Raises StoreFileError."""
    connection = connect(file)
    try:
        with connection.begin():
            return _revision(connection) is None
    finally:
        disconnect(connection)


def _revision(connection: sa.Connection) -> str | None:
    """The migration that this database stands at; None for an empty one."""
    if not sa.inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(_VERSION).scalar()


def bring_up_to_date(connection: sa.Connection) -> None:
    """Run what is missing. Raises StoreFileError for a database that a newer version made."""
    with connection.begin():
        found = _revision(connection)
        if found == REVISIONS[-1]:
            return
        if found is not None and found not in REVISIONS:
            raise StoreFileError("the store was made by a newer version of Vestibule: run that version or a newer one")
        _upgrade(connection)


def _upgrade(connection: sa.Connection) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(SCRIPTS).replace("%", "%%"))  # the option is interpolated
    config.attributes["connection"] = connection
    command.upgrade(config, REVISIONS[-1])
