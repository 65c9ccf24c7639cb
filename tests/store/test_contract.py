"""What every store promises, run on the one in memory and on SQLite."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace

import pytest

from bot.domain import CaseNumber, Conversation, ConversationId, Owner, Place, Timer
from bot.ports import Store, Taken, Tx
from tests.store.samples import (
    CARD,
    CASE,
    COPY,
    ENTRIES,
    LISTED,
    NOTES,
    NOW,
    ORIGIN,
    QUEUE,
    RELAY,
    REQUESTER,
    SECOND,
    SESSION,
    TIMER,
    arrival,
    message,
    refused,
)

NOBODY = ConversationId("c-nobody")


class Broken(Exception):
    pass


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
        tx.entries.add(ENTRIES[0])
        tx.copies.add(ORIGIN, COPY)
        tx.cards.save(CASE.number, CARD)
        tx.roster.add(LISTED)
        tx.journal.add(SECOND.id, replace(arrival("$3"), once="session/0"))
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
        assert not tx.entries.of(CASE.number)
        assert not tx.copies.of(ORIGIN)
        assert not tx.cards.of(CASE.number)
        assert not tx.roster.listed()
        assert tx.journal.add(REQUESTER.id, arrival("$1")), "an event that was rolled back may come again"
        assert tx.journal.add(SECOND.id, replace(arrival("$4"), once="session/0")), "and so may its ciphertext"

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
        REQUESTER,
        room="!other:example.org",
        contact=None,
        owner=Owner.SPECIALIST,
        case=CaseNumber("9A9A"),
        identity="",
    )
    await store.transact(lambda tx: tx.conversations.save(changed))
    assert await store.transact(lambda tx: tx.conversations.get(REQUESTER.id)) == changed
    assert await store.transact(lambda tx: tx.conversations.find("matrix", "!other:example.org")) == changed
    assert await store.transact(lambda tx: tx.conversations.find("matrix", "!planted-room:example.org")) is None


async def test_a_room_that_was_made_later_is_found(store: Store) -> None:
    await store.transact(lambda tx: tx.conversations.save(replace(RELAY, room="!relay:example.org")))
    found = await store.transact(lambda tx: tx.conversations.find("matrix", "!relay:example.org"))
    assert found == replace(RELAY, room="!relay:example.org")


async def test_the_conversations_of_a_case_are_those_of_its_requester(store: Store) -> None:
    joined = replace(SECOND, case=CASE.number)
    await store.transact(lambda tx: tx.conversations.save(joined))
    found = await store.transact(lambda tx: tx.conversations.of_requester(CASE.number))
    assert {conversation.id for conversation in found} == {REQUESTER.id, SECOND.id}
    assert joined in found
    assert await store.transact(lambda tx: tx.conversations.of_requester(CaseNumber("00Z9"))) == []


async def test_queue_rooms_are_found_by_their_channel_and_keep_their_names(store: Store) -> None:
    arabic = replace(QUEUE, id=NOBODY, key=NOBODY, room="!arabic:example.org", name="#arabic:example.org")
    assert list(await store.transact(lambda tx: tx.conversations.queue_rooms("matrix"))) == [QUEUE]
    await store.transact(lambda tx: tx.conversations.add(arabic))
    found = await store.transact(lambda tx: tx.conversations.queue_rooms("matrix"))
    assert sorted(found, key=lambda room: room.id) == sorted([QUEUE, arabic], key=lambda room: room.id)
    assert await store.transact(lambda tx: tx.conversations.queue_rooms("signal")) == []
    await store.transact(lambda tx: tx.conversations.save(replace(arabic, name="#other:example.org", room=None)))
    assert (await store.transact(lambda tx: tx.conversations.get(NOBODY))).name == "#other:example.org"


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
        lambda tx: tx.entries.add(ENTRIES[0]),
        lambda tx: tx.entries.change(ENTRIES[0]),
        lambda tx: tx.cards.save(CASE.number, CARD),
    ],
)
async def test_what_nobody_knows_is_a_key_error(store: Store, work: Callable[[Tx], object]) -> None:
    await refused(store, KeyError, work)


async def test_a_closed_store_takes_nothing_more(empty_store: Store) -> None:
    await empty_store.close()
    await refused(empty_store, RuntimeError, lambda tx: tx.token("matrix"))
