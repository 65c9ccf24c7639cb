"""Every column says how long it lives; migrations make the tables as they are described; stores open, or say why."""

from __future__ import annotations

import json
import re
import sqlite3
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.config import Config
from alembic.script import ScriptDirectory

import bot.store
from bot.domain import Timer, Vetting
from bot.entries import Entry
from bot.flow.session import to_json
from bot.happenings import Wrote
from bot.ports import Tx
from bot.store import KeysMissingError, MasterKey, StoreFileError, WrongKeyError, codec, schema
from bot.store.engine import connect, disconnect
from bot.store.migrate import SCRIPTS, bring_up_to_date
from bot.store.schema import KEYS_METADATA, METADATA, RETENTION, Retention, column, table
from tests.store.samples import CASE, NOW, REQUESTER, SESSION, arrival, introduce

COLUMNS = [
    entry for metadata in (METADATA, KEYS_METADATA) for tables in metadata.sorted_tables for entry in tables.columns
]


@pytest.mark.parametrize("entry", COLUMNS, ids=str)
def test_every_column_declares_its_retention_class(entry: sa.Column[object]) -> None:
    assert isinstance(entry.info.get(RETENTION), Retention)
    if entry.info[RETENTION] in (Retention.CONTENT, Retention.IDENTITY):
        assert isinstance(entry.type, sa.LargeBinary), "content and identities are sealed"


def test_a_table_with_an_undeclared_column_is_not_built() -> None:
    with pytest.raises(TypeError, match=r"column people\.name does not declare its retention class"):
        table(sa.MetaData(), "people", sa.Column("name", sa.String))


@pytest.mark.parametrize("retention", [Retention.CONTENT, Retention.IDENTITY])
def test_content_that_is_not_sealed_is_not_built(retention: Retention) -> None:
    with pytest.raises(TypeError, match="must be sealed"):
        column("words", sa.String, retention)


# --- migrations


def ddl(file: Path) -> dict[str, str]:
    """What SQLite says it holds, free of the layout of the statements that made it."""
    with sqlite3.connect(file) as raw:
        rows = raw.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL").fetchall()
    raw.close()
    return {name: re.sub(r"\s+", " ", sql) for name, sql in rows if name != "alembic_version"}


def ordered(statement: str) -> list[str]:
    """The parts of a CREATE in an order of their own: that of the constraints tells nothing."""
    return sorted(part.strip() for part in re.split(r",(?![^()]*\)[^()]*\))", statement))


def test_the_migrations_make_exactly_the_tables_that_are_described(tmp_path: Path) -> None:
    migrated, described = connect(tmp_path / "migrated.db"), connect(tmp_path / "described.db")
    bring_up_to_date(migrated)
    with described.begin():
        METADATA.create_all(described)
    disconnect(migrated)
    disconnect(described)
    left, right = ddl(tmp_path / "migrated.db"), ddl(tmp_path / "described.db")
    assert left.keys() == right.keys()
    for name, statement in right.items():
        assert ordered(left[name]) == ordered(statement)


def test_the_revisions_named_are_those_that_lie_in_the_folder() -> None:
    config = Config()
    config.set_main_option("script_location", str(SCRIPTS))
    found = [script.revision for script in ScriptDirectory.from_config(config).walk_revisions()]
    assert tuple(reversed(found)) == schema.REVISIONS


def test_a_migration_that_fails_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    connection = connect(tmp_path / "store.db")

    def fail(_conn: object, _cursor: object, statement: str, *_: object) -> None:
        if "TABLE cases" in statement:
            raise RuntimeError

    sa.event.listen(connection, "before_cursor_execute", fail)
    with pytest.raises(RuntimeError):
        bring_up_to_date(connection)
    disconnect(connection)
    assert ddl(tmp_path / "store.db") == {}
    connection = connect(tmp_path / "store.db")
    bring_up_to_date(connection)
    disconnect(connection)
    assert "cases" in ddl(tmp_path / "store.db")


async def test_alembic_is_imported_only_where_there_is_something_to_do(data_dir: Path, master: MasterKey) -> None:
    store = bot.store.open(data_dir, None, master)
    await store.close()
    program = (
        "import sys, pathlib, asyncio, bot.store as store\n"
        "key = store.MasterKey(bytes.fromhex(sys.stdin.read()))\n"
        f"opened = store.open(pathlib.Path({str(data_dir)!r}), None, key)\n"
        "asyncio.run(opened.close())\n"
        "print(sorted(name for name in ('alembic', 'mako', 'sqlalchemy.orm') if name in sys.modules))"
    )
    done = subprocess.run(  # noqa: ASYNC221 - a test may wait
        [sys.executable, "-c", program], input=master.secret.hex(), capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


# --- opening


@pytest.mark.parametrize(
    ("pragma", "value"),
    [("journal_mode", "wal"), ("synchronous", 2), ("secure_delete", 1), ("foreign_keys", 1), ("busy_timeout", 5000)],
)
def test_the_database_is_set_up_for_people_at_risk(tmp_path: Path, pragma: str, value: object) -> None:
    connection = connect(tmp_path / "store.db")
    assert connection.exec_driver_sql(f"PRAGMA {pragma}").scalar() == value
    disconnect(connection)


async def test_a_store_opens_again_with_all_that_was_in_it(data_dir: Path, master: MasterKey) -> None:
    for number in range(3):
        store = bot.store.open(data_dir, None, master)
        if number == 0:
            await store.transact(introduce)
        assert await store.transact(lambda tx: tx.conversations.get(REQUESTER.id)) == REQUESTER
        await store.close()
        await store.close()


def snapshot(data_dir: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in data_dir.iterdir()}


async def test_a_wrong_key_is_named_and_changes_nothing(data_dir: Path, master: MasterKey, tmp_path: Path) -> None:
    store = bot.store.open(data_dir, None, master)
    await store.transact(introduce)
    await store.close()
    before = snapshot(data_dir)
    with pytest.raises(WrongKeyError, match="not the one that this store was sealed with") as raised:
        bot.store.open(data_dir, None, MasterKey.make(tmp_path / "other.key"))
    assert "\n" not in str(raised.value)
    assert snapshot(data_dir) == before
    store = bot.store.open(data_dir, None, master)
    assert await store.transact(lambda tx: tx.conversations.get(REQUESTER.id)) == REQUESTER
    await store.close()


async def test_a_wrong_key_is_named_even_where_the_store_itself_is_gone(
    data_dir: Path, master: MasterKey, tmp_path: Path
) -> None:
    await bot.store.open(data_dir, None, master).close()
    (data_dir / "vestibule.db").unlink()
    with pytest.raises(WrongKeyError):
        bot.store.open(data_dir, None, MasterKey.make(tmp_path / "other.key"))
    assert list(snapshot(data_dir)) == ["keys.db"]


@pytest.mark.parametrize("loss", ["missing", "empty"])
async def test_a_store_whose_keys_are_gone_is_named_and_changes_nothing(
    data_dir: Path, master: MasterKey, loss: str
) -> None:
    await bot.store.open(data_dir, None, master).close()
    if loss == "missing":
        (data_dir / "keys.db").unlink()
    else:
        (data_dir / "keys.db").write_bytes(b"")
    before = snapshot(data_dir)
    with pytest.raises(KeysMissingError, match=r"keys\.db"):
        bot.store.open(data_dir, None, master)
    after = snapshot(data_dir)
    assert after["vestibule.db"] == before["vestibule.db"]
    assert ("keys.db" in after) == (loss == "empty")


@pytest.mark.parametrize(
    ("file", "change"),
    [
        ("vestibule.db", "UPDATE alembic_version SET version_num = '9999'"),
        ("keys.db", "UPDATE master SET format = 9"),
    ],
)
async def test_a_store_of_a_newer_version_is_refused(data_dir: Path, master: MasterKey, file: str, change: str) -> None:
    await bot.store.open(data_dir, None, master).close()
    raw = sqlite3.connect(data_dir / file)
    raw.execute(change)
    raw.commit()
    raw.close()
    before = snapshot(data_dir)
    with pytest.raises(StoreFileError, match="run that version or a newer one"):
        bot.store.open(data_dir, None, master)
    assert snapshot(data_dir) == before


@pytest.mark.parametrize("file", ["vestibule.db", "keys.db"])
def test_a_file_that_is_no_database_is_named(data_dir: Path, master: MasterKey, file: str) -> None:
    data_dir.mkdir()
    (data_dir / file).write_bytes(b"not a database " * 100)
    with pytest.raises(StoreFileError, match=f"{file}: this file is not a database"):
        bot.store.open(data_dir, None, master)


async def test_the_store_may_lie_elsewhere(data_dir: Path, master: MasterKey, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    file = tmp_path / "elsewhere" / "a store.db"
    store = bot.store.open(data_dir, f"sqlite:///{file}", master)
    await store.transact(introduce)
    await store.close()
    assert sorted(snapshot(data_dir)) == ["keys.db"]
    assert file.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    "url", ["nonsense", "sqlite://", "sqlite:///:memory:", "postgresql://host/database", "sqlite:////nowhere/at/all.db"]
)
def test_an_address_that_cannot_be_used_is_named(data_dir: Path, master: MasterKey, url: str) -> None:
    with pytest.raises(StoreFileError):
        bot.store.open(data_dir, url, master)


def test_a_data_directory_that_cannot_be_made_is_named(master: MasterKey, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreFileError, match="data directory cannot be used"):
        bot.store.open(tmp_path / "file" / "data", None, master)


# no other room, and nothing that came later
FIRST_CASE = replace(
    CASE,
    relay=None,
    notes=None,
    writes_from=None,
    joined_to=None,
    release=1,
    vetting=Vetting.NONE,
    readers=(),
    heard_at=None,
    bare=None,
)


def fill_as_the_first_version_did(tx: Tx) -> None:
    """Its own columns and its own words for what arrived; what the other tables hold is the same."""
    desk = tx.journal._desk
    desk.take_in(REQUESTER)

    def put(table: str, **values: object) -> None:
        statement = f"INSERT INTO {table} ({', '.join(values)}) VALUES ({', '.join('?' * len(values))})"  # noqa: S608 - names of ours
        desk.connection.exec_driver_sql(statement, tuple(values.values()))

    columns, row = schema.conversations.c, REQUESTER.id
    put(
        "conversations",
        id=row,
        channel=REQUESTER.channel,
        place=REQUESTER.place.value,
        key=REQUESTER.key,
        owner=REQUESTER.owner.value,
        case_number=REQUESTER.case,
        room_hash=desk.lookup.of("room", REQUESTER.channel, REQUESTER.room or ""),
        room=desk.seal(REQUESTER.key, columns.room, row, REQUESTER.room or ""),
        contact=desk.seal(REQUESTER.key, columns.contact, row, REQUESTER.contact or ""),
    )
    for event_id, edited in (("$1", False), ("$2", True)):
        event = desk.lookup.of("event", "matrix", REQUESTER.room or "", event_id)
        stored = json.loads(codec.arrival_to_json(arrival(event_id)))
        del stored["once"]
        stored["what"] = {"kind": "wrote", "text": "words", "signed": True, "edited": edited}
        sealed = desk.seal(REQUESTER.key, schema.journal.c.arrival, event.hex(), json.dumps(stored))
        put("journal", conversation=row, event_hash=event, arrival=sealed)
    session = desk.seal(REQUESTER.key, schema.sessions.c.session, row, to_json(SESSION))
    put("sessions", conversation=row, session=session)
    later = ("release", "writes_from", "joined_to", "vetting", "heard_at", "bare")
    first = {name: value for name, value in tx.cases._changing(FIRST_CASE).items() if name not in later}
    put("cases", number=FIRST_CASE.number, requester=FIRST_CASE.requester, **first)
    words = desk.seal(REQUESTER.key, schema.case_words.c.words, f"{FIRST_CASE.number}/1", "kept words")
    put("case_words", case_number=FIRST_CASE.number, position=1, words=words)


async def test_a_store_of_the_first_version_opens_with_all_that_was_in_it_and_goes_on(
    data_dir: Path, master: MasterKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as first_version:
        first_version.setattr("bot.store.migrate.REVISIONS", schema.REVISIONS[:1])
        store = bot.store.open(data_dir, None, master)
        await store.transact(fill_as_the_first_version_did)
        await store.close()
    assert "roster" not in ddl(data_dir / "vestibule.db")
    store = bot.store.open(data_dir, None, master)
    unknown = replace(REQUESTER, identity=None, expires=None, name=None, heard_at=None, unread=0, stalled=None)
    assert await store.transact(lambda tx: tx.conversations.get(REQUESTER.id)) == unknown
    assert [found for _, found in await store.transact(lambda tx: tx.journal.pending(REQUESTER.id))] == [
        arrival("$1", Wrote("words", signed=True)),
        arrival("$2", Wrote("words", signed=True, edits="")),
    ]
    assert await store.transact(lambda tx: tx.cases.get(CASE.number)) == FIRST_CASE
    kept = Entry(CASE.number, "kept words", FIRST_CASE.opened_at, waits=True, place=1, mark=1)
    assert list(await store.transact(lambda tx: tx.entries.of(CASE.number))) == [kept]
    assert (await store.transact(lambda tx: tx.entries.add(kept))).place == 2
    assert list(await store.transact(lambda tx: tx.timers.due(NOW))) == [
        Timer(REQUESTER.id, f"over {CASE.number}", codec.EPOCH)
    ]
    on_the_first = replace(SESSION, release=1)
    assert await store.transact(lambda tx: tx.sessions.load(REQUESTER.id)) == on_the_first
    assert list(await store.transact(lambda tx: tx.sessions.inside())) == [on_the_first]
    assert list(await store.transact(lambda tx: tx.releases.log())) == []
    await store.transact(lambda tx: tx.sessions.save(REQUESTER.id, SESSION))
    assert await store.transact(lambda tx: tx.sessions.load(REQUESTER.id)) == SESSION
    assert not await store.transact(lambda tx: tx.journal.add(REQUESTER.id, arrival("$1")))
    assert await store.transact(lambda tx: tx.journal.add(REQUESTER.id, replace(arrival("$3"), once="session/0")))
    assert not await store.transact(lambda tx: tx.journal.add(REQUESTER.id, replace(arrival("$4"), once="session/0")))
    await store.transact(lambda tx: tx.conversations.save(REQUESTER))
    assert await store.transact(lambda tx: tx.conversations.get(REQUESTER.id)) == REQUESTER
    await store.close()
