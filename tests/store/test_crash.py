"""Killed at any statement, or with the disk full: the store opens, and what was committed is there, whole (law 1)."""

from __future__ import annotations

import asyncio
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest
import sqlalchemy as sa

import bot.store
from bot.domain import ConversationId
from bot.ports import Tx
from bot.store import MasterKey, SqlStore, StatementFailed
from tests.store.samples import DEEDS, REQUESTER, SESSION, introduce, message, refused

STATEMENTS_OF_THE_FIRST_START = 75  # making both files, migrating, and the first transactions


def run_until_killed(data_dir: Path, key: Path, statement: int) -> tuple[int, int]:
    """The last arrival and the last step that the program knew to be stored."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.store.killed", str(data_dir), str(key), str(statement)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == -9, done.stderr
    last = {"arrived": 0, "stepped": 0}
    for line in done.stdout.splitlines():
        what, number = line.split()
        last[what] = int(number)
    return last["arrived"], last["stepped"]


def must_hold(arrived: int, stepped: int, before: int, tx: Tx) -> int:
    """What was stored is all there, and each transaction whole; returns how many conversations there are."""
    count = int((tx.token("matrix") or "s0")[1:])
    told = max(arrived, before)
    assert count in (told, told + 1), "a transaction that was told as stored is not there"
    waiting = tx.journal.waiting()
    for number in range(1, count + 1):
        name = ConversationId(f"c-{number}")
        room = f"!room-{number}:example.org"
        assert tx.conversations.get(name).room == room
        assert tx.conversations.find("matrix", room) is not None
        is_stepped = tx.sessions.load(name) == SESSION
        assert is_stepped or number > stepped or number <= before, "a step that was told as stored is not there"
        head = tx.outbox.head(name)
        assert (head is not None) == is_stepped
        assert (name in waiting) == (not is_stepped)
        assert len(tx.journal.pending(name)) == (0 if is_stepped else 1)
    assert tx.conversations.find("matrix", f"!room-{count + 1}:example.org") is None
    return count


async def die_and_look(data_dir: Path, key: Path, statements: list[int]) -> None:
    count = 0
    for statement in statements:
        arrived, stepped = run_until_killed(data_dir, key, statement)
        store = bot.store.open(data_dir, None, MasterKey.read(key))
        count = await store.transact(lambda tx, told=(arrived, stepped, count): must_hold(*told, tx))
        await store.close()


@pytest.fixture
def key(tmp_path: Path) -> Path:
    MasterKey.make(tmp_path / "master.key")
    return tmp_path / "master.key"


async def test_killed_at_some_statements_it_has_all_that_was_committed(data_dir: Path, key: Path) -> None:
    some = random.Random(7)
    await die_and_look(data_dir, key, [some.randrange(400) for _ in range(8)])


@pytest.mark.parametrize("statement", [4, 11, 19, 33, 52, 66])
async def test_killed_while_it_is_first_made_it_opens_at_the_next_start(
    tmp_path: Path, key: Path, statement: int
) -> None:
    await die_and_look(tmp_path / "data", key, [statement, STATEMENTS_OF_THE_FIRST_START])


@pytest.mark.soak
async def test_killed_at_every_statement_of_the_first_start(tmp_path: Path, key: Path) -> None:
    for statement in range(2 * STATEMENTS_OF_THE_FIRST_START):
        await die_and_look(tmp_path / f"data-{statement}", key, [statement, 2 * STATEMENTS_OF_THE_FIRST_START])


@pytest.mark.soak
async def test_killed_a_hundred_times_at_any_statement(data_dir: Path, key: Path) -> None:
    some = random.Random(11)
    await die_and_look(data_dir, key, [some.randrange(600) for _ in range(100)])


# --- the disk


async def limit_pages(store: SqlStore, pages: int) -> None:
    """A disk that is full: the file may not grow beyond this."""
    await store.transact(lambda tx: tx.journal._desk.connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}"))


async def test_a_full_disk_refuses_a_transaction_whole_and_the_store_goes_on(data_dir: Path, master: MasterKey) -> None:
    store = bot.store.open(data_dir, None, master)
    await store.transact(introduce)
    await limit_pages(store, 1)  # SQLite takes what the file has already

    def too_much(tx: Tx) -> None:
        tx.set_token("matrix", "s1")
        for number in range(2000):
            tx.outbox.add(message(f"m{number}", DEEDS[0]))

    await refused(store, StatementFailed, too_much)
    failures = await asyncio.gather(*(store.transact(too_much) for _ in range(3)), return_exceptions=True)
    assert all(isinstance(failure, StatementFailed | sa.exc.OperationalError) for failure in failures), failures
    await limit_pages(store, 100_000)
    assert await store.transact(lambda tx: (tx.token("matrix"), tx.outbox.head(REQUESTER.id))) == (None, None)
    await store.transact(lambda tx: tx.outbox.add(message("m1")))
    assert await store.transact(lambda tx: tx.outbox.head(REQUESTER.id)) == message("m1")
    await store.close()


async def test_a_failing_commit_fails_everyone_who_waited_for_it_and_nobody_else(
    data_dir: Path, master: MasterKey
) -> None:
    store = bot.store.open(data_dir, None, master)
    await store.transact(introduce)
    engine = await store.transact(lambda tx: tx.journal._desk.connection.engine)
    commits = iter([None, OSError("the disk is gone"), None])

    def fail_the_second(_connection: object) -> None:
        error = next(commits, None)
        if error is not None:
            raise error

    sa.event.listen(engine, "commit", fail_the_second)
    alone = asyncio.create_task(store.transact(lambda tx: time.sleep(0.1)))
    await asyncio.sleep(0.05)  # it is at work: what comes now waits together
    together = [store.transact(lambda tx, n=n: tx.outbox.add(message(f"m{n}"))) for n in range(5)]
    outcomes = await asyncio.gather(alone, *together, return_exceptions=True)
    assert outcomes[0] is None
    assert [type(outcome) for outcome in outcomes[1:]] == [OSError] * 5
    assert await store.transact(lambda tx: tx.outbox.head(REQUESTER.id)) is None
    await store.close()
