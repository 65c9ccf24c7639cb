"""What every store promises, run on the one in memory and on SQLite."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest

from bot.domain import CaseNumber, CaseStatus, Conversation, ConversationId, Deed, Happening, Owner, Place, Timer
from bot.ports import Store, Taken, Tx
from tests.store.samples import (
    CASE,
    DEEDS,
    FULL_MESSAGE,
    HAPPENINGS,
    HOUR,
    KEPT_WORDS,
    NOTES,
    NOW,
    QUEUE,
    RELAY,
    REQUESTER,
    SECOND,
    SESSION,
    TIMER,
    arrival,
    message,
)

NOBODY = ConversationId("c-nobody")


class Broken(Exception):
    pass


async def refused(store: Store, error: type[Exception], work: Callable[[Tx], object]) -> None:
    with pytest.raises(error):
        await store.transact(work)


# --- the transaction


async def test_a_transaction_gives_back_what_its_work_returns(store: Store) -> None:
    assert await store.transact(lambda tx: tx.conversations.get(REQUESTER.id).owner) is Owner.QUEUE


async def test_an_exception_takes_back_everything_and_is_raised_as_it_is(store: Store) -> None:
    await store.transact(lambda tx: tx.journal.add(SECOND.id, arrival("$before")))
    broken = Broken()

    def work(tx: Tx) -> None:
        tx.set_token("matrix", "s1")
        tx.conversations.add(replace(SECOND, id=NOBODY, key=NOBODY, room="!new:example.org"))
        tx.conversations.save(replace(REQUESTER, owner=Owner.NOBODY))
        tx.journal.add(REQUESTER.id, arrival("$1"))
        tx.journal.empty(tx.journal.pending(SECOND.id)[0][0])
        tx.sessions.save(REQUESTER.id, SESSION)
        tx.outbox.add(message("m1"))
        tx.timers.set(TIMER)
        tx.cases.add(CASE)
        tx.cases.keep_words(CASE.number, "kept")
        raise broken

    with pytest.raises(Broken) as raised:
        await store.transact(work)
    assert raised.value is broken

    def nothing_of_it(tx: Tx) -> None:
        assert tx.token("matrix") is None
        assert tx.conversations.find("matrix", "!new:example.org") is None
        assert tx.conversations.get(REQUESTER.id) == REQUESTER
        assert not tx.journal.pending(REQUESTER.id)
        assert len(tx.journal.pending(SECOND.id)) == 1
        assert tx.sessions.load(REQUESTER.id) is None
        assert tx.outbox.head(REQUESTER.id) is None
        assert tx.timers.next() is None
        assert tx.cases.get(CASE.number) is None
        assert not tx.cases.take_words(CASE.number)
        assert tx.journal.add(REQUESTER.id, arrival("$1")), "an event that was rolled back may come again"

    await store.transact(nothing_of_it)


async def test_a_conversation_that_was_rolled_back_is_not_known(store: Store) -> None:
    def work(tx: Tx) -> None:
        tx.conversations.add(replace(SECOND, id=NOBODY, key=NOBODY, room=None))
        tx.sessions.save(NOBODY, SESSION)
        raise Broken

    await refused(store, Broken, work)
    await refused(store, KeyError, lambda tx: tx.sessions.save(NOBODY, SESSION))
    with pytest.raises(Broken):
        await store.transact(work)


async def test_many_at_once_run_one_after_the_other_and_a_failure_takes_no_other_with_it(store: Store) -> None:
    def count(number: int) -> Callable[[Tx], int]:
        def work(tx: Tx) -> int:
            before = int(tx.token("matrix") or 0)
            tx.set_token("matrix", str(before + 1))
            if number % 3 == 0:
                raise Broken
            return before

        return work

    outcomes = await asyncio.gather(*(store.transact(count(number)) for number in range(90)), return_exceptions=True)
    assert [isinstance(outcome, Broken) for outcome in outcomes] == [number % 3 == 0 for number in range(90)]
    assert [outcome for outcome in outcomes if not isinstance(outcome, Broken)] == list(range(60))
    assert await store.transact(lambda tx: tx.token("matrix")) == "60"


async def test_a_transaction_cancelled_in_the_middle_is_stored_whole_or_not_at_all(store: Store) -> None:
    def work(tx: Tx) -> None:
        tx.set_token("matrix", "s1")
        tx.outbox.add(message("m1"))

    task = asyncio.create_task(store.transact(work))
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)

    def both(tx: Tx) -> bool:
        return (tx.token("matrix") is None) == (tx.outbox.head(REQUESTER.id) is None)

    assert await store.transact(both)


# --- tokens


async def test_each_channel_has_its_own_token_and_the_last_one_counts(store: Store) -> None:
    def work(tx: Tx) -> None:
        tx.set_token("matrix", "s1")
        tx.set_token("signal", "t1")
        tx.set_token("matrix", "s2")

    await store.transact(work)
    assert await store.transact(lambda tx: (tx.token("matrix"), tx.token("signal"), tx.token("console"))) == (
        "s2",
        "t1",
        None,
    )


# --- conversations


@pytest.mark.parametrize("conversation", [REQUESTER, SECOND, RELAY, NOTES, QUEUE], ids=lambda it: it.id)
async def test_a_conversation_comes_back_as_it_was(store: Store, conversation: Conversation) -> None:
    assert await store.transact(lambda tx: tx.conversations.get(conversation.id)) == conversation


async def test_a_conversation_is_found_by_its_channel_and_room(store: Store) -> None:
    assert REQUESTER.room is not None
    room = REQUESTER.room
    assert await store.transact(lambda tx: tx.conversations.find("matrix", room)) == REQUESTER
    assert await store.transact(lambda tx: tx.conversations.find("signal", room)) is None
    assert await store.transact(lambda tx: tx.conversations.find("matrix", room.upper())) is None
    assert await store.transact(lambda tx: tx.conversations.find("matrix", "!half\ud83d")) is None


async def test_a_saved_conversation_is_found_by_its_new_room_only(store: Store) -> None:
    changed = replace(
        REQUESTER, room="!other:example.org", contact=None, owner=Owner.SPECIALIST, case=CaseNumber("9A9A")
    )
    await store.transact(lambda tx: tx.conversations.save(changed))
    assert await store.transact(lambda tx: tx.conversations.get(REQUESTER.id)) == changed
    assert await store.transact(lambda tx: tx.conversations.find("matrix", "!other:example.org")) == changed
    assert await store.transact(lambda tx: tx.conversations.find("matrix", "!planted-room:example.org")) is None


async def test_a_room_that_was_made_later_is_found(store: Store) -> None:
    await store.transact(lambda tx: tx.conversations.save(replace(RELAY, room="!relay:example.org")))
    found = await store.transact(lambda tx: tx.conversations.find("matrix", "!relay:example.org"))
    assert found == replace(RELAY, room="!relay:example.org")


async def test_the_queue_room_is_found_by_its_channel(store: Store) -> None:
    assert await store.transact(lambda tx: tx.conversations.queue_room("matrix")) == QUEUE
    assert await store.transact(lambda tx: tx.conversations.queue_room("signal")) is None


async def test_an_id_and_a_room_are_given_once(store: Store) -> None:
    await refused(store, Taken, lambda tx: tx.conversations.add(replace(SECOND, room="!new:example.org")))
    await refused(store, Taken, lambda tx: tx.conversations.add(replace(SECOND, id=NOBODY, key=NOBODY)))
    await refused(store, Taken, lambda tx: tx.conversations.save(replace(SECOND, room=REQUESTER.room)))
    assert await store.transact(lambda tx: tx.conversations.get(SECOND.id)) == SECOND


@pytest.mark.parametrize(
    "change", [{"channel": "signal"}, {"place": Place.NOTES}, {"key": SECOND.id}], ids=["channel", "place", "key"]
)
async def test_a_conversation_keeps_its_channel_its_place_and_its_key(store: Store, change: dict[str, str]) -> None:
    await refused(store, ValueError, lambda tx: tx.conversations.save(replace(REQUESTER, **change)))
    assert await store.transact(lambda tx: tx.conversations.get(REQUESTER.id)) == REQUESTER


@pytest.mark.parametrize("key", [NOBODY, RELAY.id])
async def test_a_conversation_is_sealed_only_with_a_key_that_is_there(store: Store, key: ConversationId) -> None:
    lost = replace(SECOND, id=ConversationId("c-lost"), key=key, room=None)
    await refused(store, KeyError, lambda tx: tx.conversations.add(lost))


@pytest.mark.parametrize(
    "work",
    [
        lambda tx: tx.conversations.get(NOBODY),
        lambda tx: tx.conversations.save(replace(SECOND, id=NOBODY, room=None)),
        lambda tx: tx.journal.add(NOBODY, arrival("$1")),
        lambda tx: tx.sessions.save(NOBODY, SESSION),
        lambda tx: tx.outbox.add(replace(message("m1"), conversation=NOBODY)),
        lambda tx: tx.outbox.save(message("m-unknown")),
        lambda tx: tx.timers.set(Timer(NOBODY, "idle", NOW)),
        lambda tx: tx.cases.add(replace(CASE, requester=NOBODY)),
        lambda tx: tx.cases.add(replace(CASE, relay=NOBODY)),
        lambda tx: tx.cases.add(replace(CASE, notes=NOBODY)),
        lambda tx: tx.cases.save(CASE),
        lambda tx: tx.cases.keep_words(CASE.number, "kept"),
    ],
)
async def test_what_nobody_knows_is_a_key_error(store: Store, work: Callable[[Tx], object]) -> None:
    await refused(store, KeyError, work)


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
    tried = replace(FULL_MESSAGE, id="m1", origin=None)

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
    await store.transact(lambda tx: tx.timers.cancel(REQUESTER.id, "ladder"))
    assert await store.transact(lambda tx: tx.timers.next()) == TIMER.due
    await store.transact(lambda tx: tx.timers.cancel(REQUESTER.id, "idle"))
    assert await store.transact(lambda tx: tx.timers.next()) is None


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


async def test_kept_words_come_back_once_and_in_order(store: Store) -> None:
    await store.transact(lambda tx: tx.cases.add(CASE))
    await store.transact(lambda tx: tx.cases.add(replace(CASE, number=CaseNumber("9A9A"))))
    for words in KEPT_WORDS:
        await store.transact(lambda tx, words=words: tx.cases.keep_words(CASE.number, words))
    await store.transact(lambda tx: tx.cases.keep_words(CaseNumber("9A9A"), "of another case"))
    assert tuple(await store.transact(lambda tx: tx.cases.take_words(CASE.number))) == KEPT_WORDS
    assert list(await store.transact(lambda tx: tx.cases.take_words(CASE.number))) == []
    await store.transact(lambda tx: tx.cases.keep_words(CASE.number, "afterwards"))
    assert list(await store.transact(lambda tx: tx.cases.take_words(CASE.number))) == ["afterwards"]


async def test_a_closed_store_takes_nothing_more(empty_store: Store) -> None:
    await empty_store.close()
    await refused(empty_store, RuntimeError, lambda tx: tx.token("matrix"))
