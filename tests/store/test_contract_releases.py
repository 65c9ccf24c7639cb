"""What every store promises of releases, and of the sessions and cases that name one, in memory and on SQLite."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import bot.store
from bot.ports import Store, Taken, Tx
from bot.store import MasterKey
from tests.store.samples import CASE, FILES, RELEASE, REQUESTER, SECOND, SESSION, introduce, refused


async def test_releases_come_back_as_they_were_published_and_in_order(store: Store) -> None:
    first = replace(RELEASE, number=1, moves=False, by="")

    def work(tx: Tx) -> None:
        tx.releases.add(RELEASE, FILES)
        tx.releases.add(first, {"flows/main.yaml": b"flow: main"})

    await store.transact(work)
    assert list(await store.transact(lambda tx: tx.releases.log())) == [first, RELEASE]
    assert await store.transact(lambda tx: tx.releases.files(2)) == FILES
    assert await store.transact(lambda tx: tx.releases.files(1)) == {"flows/main.yaml": b"flow: main"}


async def test_a_number_is_given_once_and_what_it_says_stays(store: Store) -> None:
    await store.transact(lambda tx: tx.releases.add(RELEASE, FILES))
    await refused(store, Taken, lambda tx: tx.releases.add(replace(RELEASE, by="another"), {}))
    assert list(await store.transact(lambda tx: tx.releases.log())) == [RELEASE]
    assert await store.transact(lambda tx: tx.releases.files(RELEASE.number)) == FILES


async def test_before_the_first_release_there_is_none(store: Store) -> None:
    assert list(await store.transact(lambda tx: tx.releases.log())) == []
    await refused(store, KeyError, lambda tx: tx.releases.files(1))


async def test_a_session_and_a_case_keep_their_release(store: Store) -> None:
    def work(tx: Tx) -> None:
        tx.sessions.save(REQUESTER.id, SESSION)
        tx.sessions.save(SECOND.id, replace(SESSION, release=1))
        tx.cases.add(CASE)

    await store.transact(work)
    assert await store.transact(lambda tx: tx.sessions.load(REQUESTER.id)) == SESSION
    await store.transact(lambda tx: tx.sessions.save(REQUESTER.id, replace(SESSION, release=4)))
    assert await store.transact(lambda tx: tx.sessions.load(REQUESTER.id)) == replace(SESSION, release=4)
    inside = await store.transact(lambda tx: tx.sessions.inside())
    assert sorted(session.release for session in inside) == [1, 4]
    assert await store.transact(lambda tx: tx.cases.get(CASE.number)) == CASE
    await store.transact(lambda tx: tx.cases.save(replace(CASE, release=7)))
    assert await store.transact(lambda tx: tx.cases.get(CASE.number)) == replace(CASE, release=7)
    await store.transact(lambda tx: tx.sessions.erase(REQUESTER.id))
    assert [session.release for session in await store.transact(lambda tx: tx.sessions.inside())] == [1]


async def test_a_session_that_cannot_be_read_is_left_out_of_those_inside(data_dir: Path, master: MasterKey) -> None:
    store = bot.store.open(data_dir, None, master)

    def work(tx: Tx) -> None:
        introduce(tx)
        for conversation in (REQUESTER, SECOND):
            tx.sessions.save(conversation.id, SESSION)
        tx.sessions._desk.connection.exec_driver_sql(
            "UPDATE sessions SET session = x'01' WHERE conversation = 'c-second'"
        )

    await store.transact(work)
    assert list(await store.transact(lambda tx: tx.sessions.inside())) == [SESSION]
    await store.close()
