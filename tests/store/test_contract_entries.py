"""What every store promises of the conversation of a case, in memory and on SQLite."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

import bot.store
from bot.deeds import Origin
from bot.domain import CaseNumber
from bot.entries import Entry
from bot.ports import Store, Tx
from bot.store import MasterKey, schema
from tests.store.samples import CASE, ENTRIES, ENTRY, HOUR, NOTES, NOW, ORIGIN, RELAY, REQUESTER, SECOND, introduce
from tests.store.test_sealing import everything, looks, texts_in

OTHER_CASE = replace(CASE, number=CaseNumber("9A9A"), requester=SECOND.id)
OF_ANOTHER = replace(ENTRY, case=OTHER_CASE.number, said="words of another case")


def fill(tx: Tx) -> list[Entry]:
    tx.cases.add(CASE)
    tx.cases.add(OTHER_CASE)
    tx.entries.add(OF_ANOTHER)
    return [tx.entries.add(entry) for entry in ENTRIES]


async def said(store: Store, case: CaseNumber = CASE.number) -> Sequence[Entry]:
    return list(await store.transact(lambda tx: tx.entries.of(case)))


async def test_what_was_said_comes_back_as_it_was_and_in_order(store: Store) -> None:
    added = await store.transact(fill)
    assert [replace(entry, place=0, mark=0) for entry in added] == list(ENTRIES)
    assert [entry.place for entry in added] == sorted({entry.place for entry in added})
    assert await said(store) == added
    assert [entry.said for entry in await said(store, OTHER_CASE.number)] == [OF_ANOTHER.said]
    assert await store.transact(lambda tx: tx.entries.at(CASE.number, added[2].place)) == added[2]
    assert await store.transact(lambda tx: tx.entries.at(CASE.number, 99)) is None


async def test_what_was_said_is_found_by_its_event_in_whatever_case(store: Store) -> None:
    added = await store.transact(fill)
    other, *_ = await said(store, OTHER_CASE.number)
    assert ENTRY.origin is not None
    found = await store.transact(lambda tx: tx.entries.find(ENTRY.origin))
    assert list(found) == [added[1], other]
    for origin in (Origin(REQUESTER.id, ENTRY.origin.event_id), replace(ORIGIN, event_id="$unknown")):
        assert not await store.transact(lambda tx, origin=origin: tx.entries.find(origin))


async def test_a_change_keeps_its_place_and_gets_a_mark_above_all_others(store: Store) -> None:
    first, *_, last = await store.transact(fill)
    new = replace(first, said="changed", waits=False, expires=HOUR)
    changed = await store.transact(lambda tx: tx.entries.change(new))
    assert changed == replace(new, mark=changed.mark)
    assert changed.mark > last.mark
    assert (await said(store))[0] == changed
    gone = await store.transact(lambda tx: tx.entries.change(replace(changed, said=None)))
    assert gone.mark > changed.mark
    assert (await said(store))[0] == gone
    await store.transact(lambda tx: tx.entries.erase(gone))
    await store.transact(lambda tx: tx.entries.change(gone))
    assert gone.place not in [entry.place for entry in await said(store)]


async def test_no_place_is_given_twice(store: Store) -> None:
    *_, last = await store.transact(fill)
    await store.transact(lambda tx: tx.entries.erase(last))
    await store.transact(lambda tx: tx.cases.save(CASE))
    again = await store.transact(lambda tx: tx.entries.add(last))
    assert again.place > last.place
    await store.transact(lambda tx: tx.entries.erase(last))
    assert (await said(store))[-1] == again


async def test_what_is_due_is_taken_out_and_the_first_time_counts(store: Store) -> None:
    added = await store.transact(fill)
    place = added[0].place
    for due in (NOW + 2 * HOUR, NOW):
        await store.transact(lambda tx, due=due: tx.entries.set_due(CASE.number, place, due))
    assert await store.transact(lambda tx: tx.entries.next_due(CASE.number)) == ENTRY.due
    assert ENTRY.due is not None
    before = ENTRY.due - timedelta(microseconds=1)
    assert not await store.transact(lambda tx: tx.entries.take_due(CASE.number, before))
    assert list(await store.transact(lambda tx: tx.entries.take_due(CASE.number, ENTRY.due))) == [added[1]]
    assert await store.transact(lambda tx: tx.entries.next_due(CASE.number)) == NOW + 2 * HOUR
    assert [entry.place for entry in await said(store)] == [entry.place for entry in added if entry is not added[1]]
    late = await store.transact(lambda tx: tx.entries.take_due(CASE.number, NOW + 2 * HOUR))
    assert [entry.place for entry in late] == [place]
    assert await store.transact(lambda tx: tx.entries.next_due(CASE.number)) is None
    assert len(await said(store, OTHER_CASE.number)) == 1


async def test_what_was_changed_or_removed_lies_in_no_file_in_clear_and_its_sealed_bytes_are_gone(
    data_dir: Path, master: MasterKey
) -> None:
    store = bot.store.open(data_dir, None, master)
    await store.transact(introduce)
    first, *_ = await store.transact(fill)
    await store.close()
    with sqlite3.connect(data_dir / "vestibule.db") as raw:
        [(sealed,)] = raw.execute(
            "SELECT words FROM case_words WHERE case_number = ? LIMIT 1", [CASE.number]
        ).fetchall()
    raw.close()
    assert sealed in everything(data_dir)
    store = bot.store.open(data_dir, None, master)
    await store.transact(lambda tx: tx.entries.change(replace(first, said="planted words of a change")))
    await store.close()
    disk = everything(data_dir)
    assert sealed not in disk
    for text in texts_in((first, "planted words of a change")):
        if "planted" in text:
            for look in looks(text):
                assert look not in disk


def without(values: dict[str, object], *names: str) -> dict[str, object]:
    return {name: value for name, value in values.items() if name not in names}


async def test_what_waited_in_a_store_of_the_version_before_still_waits(
    data_dir: Path, master: MasterKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    later = ("at", "voice", "waits", "mark", "origin_hash")

    def fill_as_before(tx: Tx) -> None:
        desk = tx.journal._desk
        tables = {table.name: table for table in (schema.conversations, schema.cases, schema.case_words)}

        def put(table: str, **values: object) -> None:
            names = [column.name for column in tables[table].columns if column.name in values]
            statement = f"INSERT INTO {table} ({', '.join(names)}) VALUES ({', '.join('?' * len(names))})"  # noqa: S608 - names of ours
            desk.connection.exec_driver_sql(statement, tuple(values[name] for name in names))

        for each in (REQUESTER, SECOND, RELAY, NOTES):
            desk.take_in(each)
            known = without(tx.conversations._changing(each), "name", "heard_at", "unread", "stalled")
            put("conversations", id=each.id, channel=each.channel, place=each.place.value, key=each.key, **known)
        changing = without(tx.cases._changing(CASE), "vetting", "heard_at", "bare")
        put("cases", number=CASE.number, requester=CASE.requester, last_kept=7, **changing)
        for place, text in (
            (4, "words that wait"),
            (7, '\0["voice", "a.ogg", "audio/ogg", 1, "there", "key", "", "matrix"]'),
        ):
            words = desk.seal(REQUESTER.key, schema.case_words.c.words, f"{CASE.number}/{place}", text)
            put(
                "case_words", case_number=CASE.number, position=place, words=words, keep="vetting", expires=60, due=None
            )

    with monkeypatch.context() as before:
        before.setattr("bot.store.migrate.REVISIONS", schema.REVISIONS[:4])
        store = bot.store.open(data_dir, None, master)
        await store.transact(fill_as_before)
        await store.close()
    with sqlite3.connect(data_dir / "vestibule.db") as raw:
        columns = {name for _, name, *_ in raw.execute("PRAGMA table_info(case_words)")}
    raw.close()
    assert not columns & set(later)
    store = bot.store.open(data_dir, None, master)
    words, file = await said(store)
    assert (words.said, words.place, words.mark, words.waits, words.at) == (
        "words that wait",
        4,
        4,
        True,
        CASE.opened_at,
    )
    assert (words.keep, words.expires, words.origin) == ("vetting", timedelta(minutes=1), None)
    assert (getattr(file.said, "name", None), file.place, file.waits) == ("a.ogg", 7, True)
    assert (await store.transact(lambda tx: tx.entries.add(words))).place == 8
    await store.close()
