"""What every store promises of copies, added staff, and ciphertexts that come again, in memory and on SQLite."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import bot.store
from bot.deeds import Card, Copy, Origin
from bot.domain import CaseNumber, Count, Keep
from bot.ports import Store, Tx
from bot.store import MasterKey
from tests.store.samples import (
    CARD,
    CASE,
    COPY,
    FORM,
    HOUR,
    LISTED,
    NOTES,
    NOW,
    ORIGIN,
    RELAY,
    REQUESTER,
    SECOND,
    TRACE,
    arrival,
    introduce,
    refused,
)
from tests.store.test_contract import NOBODY

# --- copies


async def test_the_copies_of_a_message_come_back_in_order_and_those_of_no_other(store: Store) -> None:
    second = Copy(REQUESTER.id, "$second")

    def work(tx: Tx) -> None:
        tx.copies.add(ORIGIN, COPY)
        tx.copies.add(replace(ORIGIN, event_id="$other"), Copy(SECOND.id, "$elsewhere"))
        tx.copies.add(ORIGIN, second)

    await store.transact(work)
    assert list(await store.transact(lambda tx: tx.copies.of(ORIGIN))) == [COPY, second]
    assert not await store.transact(lambda tx: tx.copies.of(Origin(REQUESTER.id, ORIGIN.event_id)))


async def test_the_copies_of_a_case_are_taken_by_how_long_they_are_kept(store: Store) -> None:
    kept = Copy(RELAY.id, "$kept", CASE.number, Keep.CASE)
    other = replace(kept, case=CaseNumber("9A9A"))

    def work(tx: Tx) -> None:
        tx.copies.add(ORIGIN, COPY)
        tx.copies.add(None, kept)
        tx.copies.add(None, other)
        tx.copies.add(None, Copy(RELAY.id, "$nobody's"))

    await store.transact(work)
    assert list(await store.transact(lambda tx: tx.copies.take(CASE.number, Keep.CASE))) == [kept]
    assert list(await store.transact(lambda tx: tx.copies.take(CASE.number, Keep.CASE))) == []
    assert list(await store.transact(lambda tx: tx.copies.of(ORIGIN))) == [COPY]
    assert list(await store.transact(lambda tx: tx.copies.take(CASE.number, Keep.VETTING))) == [COPY]
    assert list(await store.transact(lambda tx: tx.copies.of(ORIGIN))) == []
    assert list(await store.transact(lambda tx: tx.copies.take(other.case or CASE.number, Keep.CASE))) == [other]


async def test_the_copies_of_a_case_are_taken_when_they_are_due(store: Store) -> None:
    first, second = (Copy(RELAY.id, f"${n}", CASE.number, due=NOW + n * HOUR) for n in (1, 2))

    def work(tx: Tx) -> None:
        for copy in (second, first, replace(first, case=CaseNumber("9A9A")), replace(first, due=None)):
            tx.copies.add(None, copy)

    await store.transact(work)
    assert await store.transact(lambda tx: tx.copies.next_due(CASE.number)) == first.due
    assert list(await store.transact(lambda tx: tx.copies.take_due(CASE.number, NOW))) == []
    assert list(await store.transact(lambda tx: tx.copies.take_due(CASE.number, NOW + HOUR))) == [first]
    assert await store.transact(lambda tx: tx.copies.next_due(CASE.number)) == second.due
    assert list(await store.transact(lambda tx: tx.copies.take_due(CASE.number, NOW + 2 * HOUR))) == [second]
    assert await store.transact(lambda tx: tx.copies.next_due(CASE.number)) is None


async def test_a_case_has_one_card_a_room_and_none_in_a_room_that_is_left(store: Store) -> None:
    other = Card(NOTES.id, "", None)
    changed = replace(CARD, text="other words", event_id=None)

    def work(tx: Tx) -> None:
        for number in (CASE.number, CaseNumber("00Z9")):
            tx.cases.add(replace(CASE, number=number))
            tx.cards.save(number, CARD)
        tx.cards.save(CASE.number, other)
        tx.cards.save(CASE.number, changed)

    await store.transact(work)
    assert list(await store.transact(lambda tx: tx.cards.of(CASE.number))) == [changed, other]
    assert list(await store.transact(lambda tx: tx.cards.of(CaseNumber("00Z9")))) == [CARD]
    await store.transact(lambda tx: tx.cards.leave(CARD.conversation))
    assert list(await store.transact(lambda tx: tx.cards.of(CASE.number))) == [other]
    assert list(await store.transact(lambda tx: tx.cards.of(CaseNumber("00Z9")))) == []
    await refused(store, KeyError, lambda tx: tx.cards.save(CASE.number, replace(CARD, conversation=NOBODY)))


async def test_copies_belong_to_conversations_that_are_known(store: Store) -> None:
    await refused(store, KeyError, lambda tx: tx.copies.add(Origin(NOBODY, "$event"), COPY))
    await refused(store, KeyError, lambda tx: tx.copies.add(ORIGIN, Copy(NOBODY, "$event")))


# --- traces


OTHER, THIRD = (replace(CASE, number=CaseNumber(number)) for number in ("9A9A", "8B8B"))
BEFORE = replace(TRACE, case=OTHER.number, day=TRACE.day - timedelta(days=40))


def leave(tx: Tx) -> None:
    for case in (CASE, OTHER, THIRD):
        tx.cases.add(case)
    for trace, form in ((TRACE, FORM), (TRACE, "another"), (BEFORE, FORM), (BEFORE, "another"), (BEFORE, "a third")):
        tx.traces.add(trace, form)
    tx.traces.add(replace(TRACE, case=THIRD.number, kind="referrer"), FORM)


async def test_cases_have_in_common_what_is_of_one_kind_and_form_each_once(store: Store) -> None:
    await store.transact(leave)
    assert list(await store.transact(lambda tx: tx.traces.alike(CASE.number))) == [BEFORE, TRACE]
    assert [trace.case for trace in await store.transact(lambda tx: tx.traces.alike(THIRD.number))] == [THIRD.number]
    assert list(await store.transact(lambda tx: tx.traces.alike(CaseNumber("7C7C")))) == []


async def test_what_a_case_is_compared_by_is_added_once_and_erased_with_it(store: Store) -> None:
    await store.transact(leave)
    await store.transact(lambda tx: tx.traces.add(replace(TRACE, day=NOW.date() + timedelta(days=9)), FORM))
    assert TRACE in await store.transact(lambda tx: tx.traces.alike(CASE.number))
    await store.transact(lambda tx: tx.traces.erase(CASE.number))
    assert list(await store.transact(lambda tx: tx.traces.alike(CASE.number))) == []
    assert list(await store.transact(lambda tx: tx.traces.alike(OTHER.number))) == [BEFORE]
    await store.transact(lambda tx: tx.traces.erase(CASE.number))


async def test_only_a_case_that_is_there_is_compared(store: Store) -> None:
    await refused(store, KeyError, lambda tx: tx.traces.add(TRACE, FORM))


async def test_a_trace_is_found_again_after_a_restart_and_by_no_other_key(data_dir: Path, master: MasterKey) -> None:
    hashes = []
    for place, key in ((data_dir, master), (data_dir / "other", MasterKey(bytes(range(1, 33))))):
        store = bot.store.open(place, None, key)
        await store.transact(introduce)
        await store.transact(leave)
        await store.close()
        store = bot.store.open(place, None, key)
        assert list(await store.transact(lambda tx: tx.traces.alike(CASE.number))) == [BEFORE, TRACE]
        hashes.append(await store.transact(_hashes))
        await store.close()
    assert not hashes[0] & hashes[1]


def _hashes(tx: Tx) -> set[bytes]:
    found = tx.traces._desk.connection.exec_driver_sql("SELECT form_hash FROM case_traces")
    return {bytes(form) for (form,) in found}


# --- the roster


async def test_staff_are_listed_in_order_and_once_each(store: Store) -> None:
    other = replace(LISTED, user="@other:example.org", lead=False, added_by="")

    def work(tx: Tx) -> None:
        for listed in (LISTED, other, replace(LISTED, identity="a newer one")):
            tx.roster.add(listed)

    await store.transact(work)
    newer = replace(LISTED, identity="a newer one")
    assert list(await store.transact(lambda tx: tx.roster.listed())) == [other, newer]
    assert await store.transact(lambda tx: tx.roster.remove(other.user))
    assert not await store.transact(lambda tx: tx.roster.remove(other.user))
    assert list(await store.transact(lambda tx: tx.roster.listed())) == [newer]


# --- replays


async def test_a_ciphertext_is_taken_once_whatever_event_brings_it(store: Store) -> None:
    first = replace(arrival("$1"), once="session/0")

    def work(tx: Tx) -> list[bool]:
        return [
            tx.journal.add(REQUESTER.id, first),
            tx.journal.add(REQUESTER.id, replace(first, event_id="$2")),
            tx.journal.add(SECOND.id, replace(first, event_id="$3", room=SECOND.room or "")),
            tx.journal.add(REQUESTER.id, replace(first, event_id="$4", once="session/1")),
            tx.journal.add(REQUESTER.id, replace(first, event_id="$5", channel="signal")),
            tx.journal.add(REQUESTER.id, arrival("$6")),
            tx.journal.add(REQUESTER.id, arrival("$7")),
        ]

    assert await store.transact(work) == [True, False, False, True, True, True, True]


async def test_a_replay_is_refused_after_a_restart_and_after_its_step(data_dir: Path, master: MasterKey) -> None:
    first = replace(arrival("$1"), once="session/0")
    store = bot.store.open(data_dir, None, master)

    def work(tx: Tx) -> None:
        introduce(tx)
        tx.journal.add(REQUESTER.id, first)
        tx.journal.empty(tx.journal.pending(REQUESTER.id)[0][0])

    await store.transact(work)
    await store.close()
    store = bot.store.open(data_dir, None, master)
    assert not await store.transact(lambda tx: tx.journal.add(REQUESTER.id, replace(first, event_id="$2")))
    await store.close()


# --- counts


async def test_what_is_counted_comes_back_by_month_and_kind(store: Store) -> None:
    def work(tx: Tx) -> None:
        for month, what, value in (("2026-02", "language", "en"), ("2026-01", "topic", "b"), ("2026-01", "topic", "a")):
            tx.counts.add(month, what, value)
        tx.counts.add("2026-01", "topic", "b")

    await store.transact(work)
    assert list(await store.transact(lambda tx: tx.counts.all())) == [
        Count("2026-01", "topic", "a", 1),
        Count("2026-01", "topic", "b", 2),
        Count("2026-02", "language", "en", 1),
    ]
