"""What was erased stands in no file of the store's any more while it goes on, not even in the log of its changes."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

import bot.store
from bot.entries import Entry
from bot.ports import Tx
from bot.store import MasterKey, SqlStore, sql
from tests.store.samples import CASE, ENTRIES, introduce


def keep(tx: Tx) -> Entry:
    introduce(tx)
    tx.cases.add(CASE)
    return tx.entries.add(ENTRIES[0])


def nothing(_tx: Tx) -> None:
    """It begins behind all that the transaction before it left to do."""


def sealed_words(data_dir: Path) -> bytes:
    with closing(sqlite3.connect(data_dir / "vestibule.db")) as looking:
        (words,) = looking.execute("select words from case_words").fetchone()
    assert isinstance(words, bytes)
    return words


def files_with(data_dir: Path, sealed: bytes) -> set[str]:
    return {path.name for path in data_dir.iterdir() if sealed in path.read_bytes()}


@pytest.fixture
async def opened(data_dir: Path, master: MasterKey) -> SqlStore:
    return bot.store.open(data_dir, None, master)


async def test_what_was_erased_is_gone_from_the_files_of_a_store_that_goes_on(
    opened: SqlStore, data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = await opened.transact(keep)
    sealed = sealed_words(data_dir)
    assert files_with(data_dir, sealed)
    monkeypatch.setattr(sql, "SCRUB_SECONDS", 0.0)
    await opened.transact(lambda tx: tx.entries.erase(said))
    await opened.transact(nothing)
    assert files_with(data_dir, sealed) == set()
    await opened.close()


async def test_where_a_reader_keeps_it_from_that_it_is_tried_again_and_nobody_waits(
    opened: SqlStore, data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = await opened.transact(keep)
    sealed = sealed_words(data_dir)
    monkeypatch.setattr(sql, "SCRUB_SECONDS", 0.0)
    with closing(sqlite3.connect(data_dir / "vestibule.db", isolation_level=None)) as reader:
        reader.execute("begin")
        reader.execute("select words from case_words").fetchone()
        await opened.transact(lambda tx: tx.entries.erase(said))
        await opened.transact(nothing)
        assert files_with(data_dir, sealed)
        reader.execute("rollback")
    await opened.transact(nothing)
    await opened.transact(nothing)
    assert files_with(data_dir, sealed) == set()
    await opened.close()
