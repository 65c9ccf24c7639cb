"""Statements run as the driver takes them, whatever the database; what fails is named, and quotes nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.dialects import mysql, postgresql, sqlite

import bot.store
from bot.ports import Taken, Tx
from bot.store import MasterKey, StatementFailed, schema
from bot.store.cards import Cards
from bot.store.cases import Cases
from bot.store.conversations import Conversations
from bot.store.desk import _prepare
from bot.store.errors import Conflict
from bot.store.people import Copies, Roster
from bot.store.rows import Journal, Outbox, Sessions, Timers, Tokens
from tests.store.samples import message
from tests.store.test_sealing import fill, planted

TABLES = (Cards, Cases, Conversations, Copies, Journal, Outbox, Roster, Sessions, Timers, Tokens)
STATEMENTS = {
    f"{table.__name__}.{name}": value
    for table in TABLES
    for name, value in vars(table).items()
    if isinstance(value, sa.Select | sa.Insert | sa.Update | sa.Delete)
}
DIALECTS = {
    "by name, in percent signs": postgresql.dialect(),
    "by position, in percent signs": mysql.dialect(paramstyle="format"),
    "by position, with question marks": sqlite.dialect(),
    "by number": postgresql.dialect(paramstyle="numeric_dollar"),
}


def filled(sql: str, bound: tuple[Any, ...] | dict[str, Any], paramstyle: str) -> str:
    """The statement as a driver of this style would fill it. Raises where a value is missing or one too many."""
    match paramstyle:
        case "pyformat" | "format":
            return sql % bound
        case "numeric_dollar":
            assert all(f"${number}" in sql for number in range(1, len(bound) + 1))
            assert f"${len(bound) + 1}" not in sql
        case "qmark":
            assert sql.count("?") == len(bound)
    return sql


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("statement", STATEMENTS)
def test_every_statement_binds_its_values_as_each_kind_of_driver_wants_them(statement: str, dialect: str) -> None:
    what, how = STATEMENTS[statement], DIALECTS[dialect]
    if isinstance(what, sa.Insert):
        values = {column.name: f"value of {column.name}" for column in what.table.columns}
    else:
        asked = [name for name, bind in what.compile(dialect=sqlite.dialect()).binds.items() if bind.required]
        values = {name: f"value of {name}" for name in asked}
    prepared = _prepare(what, how, tuple(values))
    bound = prepared.bind(values)
    for value in values.values():
        assert value in (bound.values() if isinstance(bound, dict) else bound)
    filled(prepared.sql, bound, how.paramstyle)


async def test_a_failure_of_the_database_is_named_and_quotes_nothing(data_dir: Path, master: MasterKey) -> None:
    store = bot.store.open(data_dir, None, master)
    await store.transact(fill)
    values = sorted(planted())

    def break_a_rule(tx: Tx) -> None:
        tx.journal._desk.run(sa.insert(schema.timers), conversation=values[0], kind=values[1], due=values[2])

    def fill_the_disk(tx: Tx) -> None:
        tx.journal._desk.connection.exec_driver_sql("PRAGMA max_page_count = 1")
        for number in range(500):
            tx.outbox.add(message(f"more-{number}"))

    for work, kind, words in (
        (break_a_rule, Conflict, "SQLITE_CONSTRAINT_FOREIGNKEY"),
        (fill_the_disk, StatementFailed, "SQLITE_FULL"),
        (lambda tx: tx.outbox.add(message("m0")), Taken, "this message is taken"),
    ):
        with pytest.raises(kind) as raised:
            await store.transact(work)
        assert str(raised.value) == words
        error: BaseException | None = raised.value
        while error is not None:
            assert type(error).__module__.startswith("bot."), "nothing of the driver hangs on it"
            assert not any(text in f"{error} {error.args} {vars(error)}" for text in values)
            error = error.__cause__ or error.__context__
    await store.close()
