"""What every store promises of journal, sessions, outbox, timers and cases, in memory and on SQLite."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest

from bot.deeds import Deed
from bot.domain import CaseNumber, CaseStatus, Timer
from bot.happenings import Happening
from bot.ports import Store, Taken, Tx
from tests.store.samples import (
    CASE,
    CHANGES,
    DEEDS,
    FULL_MESSAGE,
    HAPPENINGS,
    HOUR,
    NOW,
    QUEUE,
    REQUESTER,
    SECOND,
    SESSION,
    TIMER,
    arrival,
    message,
    refused,
)

OTHER_CASE = replace(CASE, number=CaseNumber("9A9A"))

# --- the journal


@pytest.mark.parametrize("what", HAPPENINGS, ids=repr)
async def test_an_arrival_comes_back_as_it_was(store: Store, what: Happening) -> None:
    sent = arrival("$half-a-pair\ud83d", what)
    assert await store.transact(lambda tx: tx.journal.add(REQUESTER.id, sent))
    [(_, found)] = await store.transact(lambda tx: tx.journal.pending(REQUESTER.id))
    assert found == sent


async def test_pending_rows_are_in_the_order_of_arrival(store: Store) -> None:
    def work(tx: Tx) -> None:
        for number in (3, 1, 2):
            tx.journal.add(REQUESTER.id, arrival(f"${number}"))
            tx.journal.add(SECOND.id, arrival(f"$second-{number}"))

    await store.transact(work)
    pending = await store.transact(lambda tx: tx.journal.pending(REQUESTER.id))
    assert [found.event_id for _, found in pending] == ["$3", "$1", "$2"]
    await store.transact(lambda tx: tx.journal.empty(pending[1][0]))
    after = await store.transact(lambda tx: tx.journal.pending(REQUESTER.id))
    assert after == [pending[0], pending[2]]


async def test_an_event_is_journaled_once_even_after_its_row_was_emptied(store: Store) -> None:
    assert await store.transact(lambda tx: tx.journal.add(REQUESTER.id, arrival("$1")))
    assert not await store.transact(lambda tx: tx.journal.add(REQUESTER.id, arrival("$1")))
    [(row, _)] = await store.transact(lambda tx: tx.journal.pending(REQUESTER.id))
    await store.transact(lambda tx: tx.journal.empty(row))
    assert not await store.transact(lambda tx: tx.journal.add(REQUESTER.id, arrival("$1", HAPPENINGS[1])))
    assert not await store.transact(lambda tx: tx.journal.pending(REQUESTER.id))


async def test_an_event_id_of_another_room_or_channel_is_another_event(store: Store) -> None:
    first = arrival("$1")
    for sent in (first, replace(first, room="!other:example.org"), replace(first, channel="signal")):
        assert await store.transact(lambda tx, sent=sent: tx.journal.add(REQUESTER.id, sent))
    assert len(await store.transact(lambda tx: tx.journal.pending(REQUESTER.id))) == 3


async def test_the_longest_waiting_conversation_is_first(store: Store) -> None:
    def work(tx: Tx) -> None:
        tx.journal.add(SECOND.id, arrival("$1"))
        tx.journal.add(REQUESTER.id, arrival("$2"))
        tx.journal.add(SECOND.id, arrival("$3"))

    await store.transact(work)
    assert list(await store.transact(lambda tx: tx.journal.waiting())) == [SECOND.id, REQUESTER.id]
    [(row, _), _] = await store.transact(lambda tx: tx.journal.pending(SECOND.id))
    await store.transact(lambda tx: tx.journal.empty(row))
    assert list(await store.transact(lambda tx: tx.journal.waiting())) == [REQUESTER.id, SECOND.id]


async def test_emptying_a_row_twice_or_one_that_never_was_does_nothing(store: Store) -> None:
    await store.transact(lambda tx: tx.journal.add(REQUESTER.id, arrival("$1")))
    [(row, _)] = await store.transact(lambda tx: tx.journal.pending(REQUESTER.id))
    for number in (row, row, row + 1):
        await store.transact(lambda tx, number=number: tx.journal.empty(number))
    assert list(await store.transact(lambda tx: tx.journal.waiting())) == []


# --- sessions


async def test_a_session_comes_back_as_it_was_and_the_last_one_counts(store: Store) -> None:
    assert await store.transact(lambda tx: tx.sessions.load(REQUESTER.id)) is None
    for session in (replace(SESSION, state="earlier"), SESSION):
        await store.transact(lambda tx, session=session: tx.sessions.save(REQUESTER.id, session))
    assert await store.transact(lambda tx: tx.sessions.load(REQUESTER.id)) == SESSION
    assert await store.transact(lambda tx: tx.sessions.load(SECOND.id)) is None


async def test_an_erased_session_is_gone(store: Store) -> None:
    await store.transact(lambda tx: tx.sessions.save(REQUESTER.id, SESSION))
    await store.transact(lambda tx: tx.sessions.erase(REQUESTER.id))
    await store.transact(lambda tx: tx.sessions.erase(SECOND.id))
    assert await store.transact(lambda tx: tx.sessions.load(REQUESTER.id)) is None


# --- the outbox


@pytest.mark.parametrize("deed", DEEDS, ids=repr)
async def test_a_message_comes_back_as_it_was(store: Store, deed: Deed) -> None:
    await store.transact(lambda tx: tx.outbox.add(message("m1", deed)))
    assert await store.transact(lambda tx: tx.outbox.head(REQUESTER.id)) == message("m1", deed)


async def test_a_message_keeps_its_origin_and_its_attempts(store: Store) -> None:
    await store.transact(lambda tx: tx.outbox.add(FULL_MESSAGE))
    assert await store.transact(lambda tx: tx.outbox.head(REQUESTER.id)) == FULL_MESSAGE


async def test_a_lane_is_in_order_and_its_head_is_the_oldest_unsent_row(store: Store) -> None:
    def work(tx: Tx) -> None:
        for message_id in ("m3", "m1", "m2"):
            tx.outbox.add(message(message_id))

    await store.transact(work)
    sent = []
    while (head := await store.transact(lambda tx: tx.outbox.head(REQUESTER.id))) is not None:
        sent.append(head.id)
        await store.transact(lambda tx, head=head: tx.outbox.empty(head.id))
    assert sent == ["m3", "m1", "m2"]


async def test_all_that_waits_in_a_lane_is_its_own_and_in_order(store: Store) -> None:
    def work(tx: Tx) -> None:
        for each in (message("m3"), FULL_MESSAGE, message("m2", to=SECOND), message("m1")):
            tx.outbox.add(each)
        tx.outbox.empty("m3")

    await store.transact(work)
    assert list(await store.transact(lambda tx: tx.outbox.lane(REQUESTER.id))) == [FULL_MESSAGE, message("m1")]
    assert not await store.transact(lambda tx: tx.outbox.lane(QUEUE.id))


async def test_lanes_are_the_conversations_with_unsent_rows(store: Store) -> None:
    def work(tx: Tx) -> None:
        tx.outbox.add(message("m1", to=SECOND))
        tx.outbox.add(message("m2"))
        tx.outbox.add(message("m3", to=SECOND))

    await store.transact(work)
    assert list(await store.transact(lambda tx: tx.outbox.lanes())) == [SECOND.id, REQUESTER.id]
    await store.transact(lambda tx: tx.outbox.empty("m2"))
    await store.transact(lambda tx: tx.outbox.empty("m2"))
    assert list(await store.transact(lambda tx: tx.outbox.lanes())) == [SECOND.id]


async def test_saving_a_message_changes_its_attempts_and_not_its_place_or_content(store: Store) -> None:
    tried = replace(FULL_MESSAGE, id="m1", origin=None, hold=None, card=None)

    def work(tx: Tx) -> None:
        tx.outbox.add(message("m1"))
        tx.outbox.add(message("m2"))
        tx.outbox.save(replace(tried, deed=DEEDS[1]))

    await store.transact(work)
    assert await store.transact(lambda tx: tx.outbox.head(REQUESTER.id)) == tried


async def test_a_message_id_is_given_once(store: Store) -> None:
    await store.transact(lambda tx: tx.outbox.add(message("m1")))
    await refused(store, Taken, lambda tx: tx.outbox.add(message("m1", DEEDS[1], to=SECOND)))


# --- timers


async def test_a_new_timer_of_a_kind_takes_the_old_ones_place(store: Store) -> None:
    def work(tx: Tx) -> None:
        tx.timers.set(TIMER)
        tx.timers.set(replace(TIMER, kind="ladder", due=NOW + 2 * HOUR))
        tx.timers.set(replace(TIMER, due=NOW + 3 * HOUR))

    await store.transact(work)
    assert list(await store.transact(lambda tx: tx.timers.due(NOW + 4 * HOUR))) == [
        Timer(REQUESTER.id, "ladder", NOW + 2 * HOUR),
        Timer(REQUESTER.id, "idle", NOW + 3 * HOUR),
    ]


async def test_timers_are_due_from_their_moment_on_the_earliest_first(store: Store) -> None:
    later = Timer(SECOND.id, "idle", NOW + HOUR + timedelta(microseconds=1))

    def work(tx: Tx) -> None:
        tx.timers.set(later)
        tx.timers.set(TIMER)

    await store.transact(work)
    assert await store.transact(lambda tx: tx.timers.next()) == TIMER.due
    assert list(await store.transact(lambda tx: tx.timers.due(TIMER.due - timedelta(microseconds=1)))) == []
    assert list(await store.transact(lambda tx: tx.timers.due(TIMER.due))) == [TIMER]
    assert list(await store.transact(lambda tx: tx.timers.due(later.due))) == [TIMER, later]


async def test_a_cancelled_timer_is_gone(store: Store) -> None:
    await store.transact(lambda tx: tx.timers.set(TIMER))
    assert await store.transact(lambda tx: tx.timers.get(REQUESTER.id, "idle")) == TIMER.due
    assert await store.transact(lambda tx: tx.timers.get(SECOND.id, "idle")) is None
    await store.transact(lambda tx: tx.timers.cancel(REQUESTER.id, "ladder"))
    assert await store.transact(lambda tx: tx.timers.next()) == TIMER.due
    await store.transact(lambda tx: tx.timers.cancel(REQUESTER.id, "idle"))
    assert await store.transact(lambda tx: tx.timers.next()) is None
    assert await store.transact(lambda tx: tx.timers.get(REQUESTER.id, "idle")) is None


async def test_a_moment_is_the_same_in_every_time_zone(store: Store) -> None:
    elsewhere = timezone(timedelta(hours=5, minutes=30))
    await store.transact(lambda tx: tx.timers.set(replace(TIMER, due=TIMER.due.astimezone(elsewhere))))
    found = await store.transact(lambda tx: tx.timers.next())
    assert found == TIMER.due
    await refused(store, TypeError, lambda tx: tx.timers.due(datetime(2026, 1, 5)))  # noqa: DTZ001 - what is refused
    assert list(await store.transact(lambda tx: tx.timers.due(datetime(9999, 12, 31, tzinfo=UTC)))) == [TIMER]


# --- cases


async def test_a_case_comes_back_as_it_was(store: Store) -> None:
    bare = replace(
        CASE,
        number=CaseNumber("9A9A"),
        requester=SECOND.id,
        answers=(),
        topic=None,
        urgency=None,
        relay=None,
        notes=None,
        vetted_by=None,
        claimed_by=None,
        relay_open=False,
        note=None,
        told=(),
    )
    await store.transact(lambda tx: tx.cases.add(CASE))
    await store.transact(lambda tx: tx.cases.add(bare))
    assert await store.transact(lambda tx: tx.cases.get(CASE.number)) == CASE
    assert await store.transact(lambda tx: tx.cases.get(bare.number)) == bare
    assert await store.transact(lambda tx: tx.cases.get(CaseNumber("0000"))) is None


async def test_a_saved_case_is_what_was_saved(store: Store) -> None:
    first = replace(CASE, status=CaseStatus.ARRIVED, claimed_by=None, note=None, relay=None)
    await store.transact(lambda tx: tx.cases.add(first))
    await store.transact(lambda tx: tx.cases.save(CASE))
    assert await store.transact(lambda tx: tx.cases.get(CASE.number)) == CASE


async def test_a_case_number_is_given_once_and_a_case_keeps_its_requester(store: Store) -> None:
    await store.transact(lambda tx: tx.cases.add(CASE))
    await refused(store, Taken, lambda tx: tx.cases.add(replace(CASE, requester=SECOND.id)))
    await store.transact(lambda tx: tx.cases.save(replace(CASE, status=CaseStatus.CLOSED)))
    await refused(store, Taken, lambda tx: tx.cases.add(CASE))
    await refused(store, ValueError, lambda tx: tx.cases.save(replace(CASE, requester=SECOND.id)))


async def test_open_cases_are_those_not_closed_the_oldest_first(store: Store) -> None:
    def work(tx: Tx) -> None:
        tx.cases.add(replace(CASE, number=CaseNumber("3C3C"), opened_at=NOW + HOUR))
        tx.cases.add(replace(CASE, number=CaseNumber("1A1A"), opened_at=NOW + HOUR))
        tx.cases.add(replace(CASE, number=CaseNumber("9Z9Z"), status=CaseStatus.DECLINED))
        tx.cases.add(replace(CASE, number=CaseNumber("2B2B"), status=CaseStatus.CLOSED))

    await store.transact(work)
    assert [case.number for case in await store.transact(lambda tx: tx.cases.open())] == ["9Z9Z", "1A1A", "3C3C"]


async def test_the_life_of_a_case_comes_back_in_order_and_is_its_own(store: Store) -> None:
    def work(tx: Tx) -> None:
        tx.cases.add(CASE)
        tx.cases.add(OTHER_CASE)
        tx.cases.change(OTHER_CASE.number, CHANGES[0])
        for change in CHANGES:
            tx.cases.change(CASE.number, change)

    await store.transact(work)
    assert list(await store.transact(lambda tx: tx.cases.changes(CASE.number))) == list(CHANGES)
    assert list(await store.transact(lambda tx: tx.cases.changes(OTHER_CASE.number))) == [CHANGES[0]]
    unknown = CaseNumber("0NE0")
    await refused(store, KeyError, lambda tx: tx.cases.change(unknown, CHANGES[0]))
    assert not await store.transact(lambda tx: tx.cases.changes(unknown))


async def test_the_cases_of_a_requester_are_theirs_alone_the_oldest_first(store: Store) -> None:
    def work(tx: Tx) -> None:
        tx.cases.add(replace(CASE, opened_at=NOW + HOUR, status=CaseStatus.CLOSED))
        tx.cases.add(OTHER_CASE)
        tx.cases.add(replace(CASE, number=CaseNumber("1A1A"), requester=SECOND.id))

    await store.transact(work)
    found = await store.transact(lambda tx: tx.cases.of(REQUESTER.id))
    assert [case.number for case in found] == [OTHER_CASE.number, CASE.number]


async def test_the_cases_that_were_joined_to_one_are_found_by_it(store: Store) -> None:
    joined = replace(OTHER_CASE, joined_to=CASE.number)

    def work(tx: Tx) -> None:
        tx.cases.add(CASE)
        tx.cases.add(OTHER_CASE)
        tx.cases.save(joined)

    await store.transact(work)
    assert list(await store.transact(lambda tx: tx.cases.joined(CASE.number))) == [joined]
    assert not await store.transact(lambda tx: tx.cases.joined(OTHER_CASE.number))
