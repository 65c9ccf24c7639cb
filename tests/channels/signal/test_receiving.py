"""What people do on their phones, as the inbox hears of it."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest

from bot.channels.signal.files import Vault
from bot.channels.signal.people import ChangedIdentity
from bot.channels.signal.spool import Spool
from bot.deeds import Accept, Decline, Enter, SendText
from bot.domain import Kind, Place
from bot.happenings import (
    Attached,
    Cause,
    Invited,
    Removed,
    TimerSet,
    Unreadable,
    Wrote,
)
from bot.ports import Entered, Failure, SendError
from bot.services.relay import event_of
from tests.channels.matrix.running import PATIENCE_SECONDS
from tests.channels.signal.running import Bot, running
from tests.signald.person import Person

PICTURE = b"what the picture shows" * 5_000


async def greeted(bot: Bot, name: str = "Amal") -> Person:
    """Somebody who has written once, and was let in."""
    person = await bot.signald.person(name)
    await person.writes("hello")
    await bot.box.next(Wrote, person.uuid)
    await bot.do(person.uuid, Enter())
    return person


async def test_the_first_message_of_somebody_asks_the_bot_in_and_no_other_does(tmp_path: Path) -> None:
    async with running(tmp_path) as bot:
        amal = await greeted(bot)
        await amal.writes("again")
        await bot.box.next(Wrote)
        assert [type(arrival.what) for arrival in bot.brought()] == [Invited, Wrote, Wrote]
        await bot.stop()
        await bot.start()
        await amal.writes("once more")
        await bot.box.next(Wrote)
        assert len(bot.brought(Invited)) == 1


async def test_a_number_that_is_shared_later_makes_nobody_new(tmp_path: Path) -> None:
    async with running(tmp_path) as bot:
        amal = await greeted(bot)
        await amal.shares_number("+15550100001")
        await amal.writes("now with a number")
        arrival, _ = await bot.box.next(Wrote)
        assert arrival.room == amal.uuid
        assert len(bot.brought(Invited)) == 1
        assert not any("+1555" in repr(each) + each.event_id for each in bot.brought())


async def test_a_message_that_comes_twice_has_the_same_id_both_times(tmp_path: Path) -> None:
    async with running(tmp_path) as bot:
        amal = await greeted(bot)
        stamp = await amal.writes("once")
        await amal.resends("once", stamp)
        await amal.writes("then")
        await bot.until(lambda: len(bot.brought(Wrote)) == 3)
        assert [arrival.what.text for arrival in bot.brought(Wrote)] == ["hello", "once", "then"]


async def test_edits_name_the_first_message_however_many_there_are(tmp_path: Path) -> None:
    async with running(tmp_path) as bot:
        amal = await greeted(bot)
        first = await amal.writes("at nine")
        second = await amal.edits(first, "at ten")
        await amal.edits(second, "at eleven")  # programs name the edit that they edit
        await amal.deletes(second)
        _, removed = await bot.box.next(Removed)
        edits = [arrival.what.edits for arrival in bot.brought(Wrote)]
        assert edits == [None, None, f"{amal.uuid}/{first}", f"{amal.uuid}/{first}"]
        assert removed.event_id == f"{amal.uuid}/{first}"


async def test_what_is_neither_words_nor_a_file_is_said_to_be_so(tmp_path: Path) -> None:
    async with running(tmp_path) as bot:
        amal = await greeted(bot)
        said = await bot.do(amal.uuid, SendText("hello"))
        await amal.sticker()
        await amal.call()
        await amal.reacts(int((said.event_id or "").rpartition("/")[2]))
        await amal.reacts(int((said.event_id or "").rpartition("/")[2]), remove=True)
        await amal.writes(None, viewOnce=True)
        await amal.sends({"storyMessage": {"allowsReplies": True}})
        await amal.sends({})
        await amal.writes("last")
        await bot.until(lambda: len(bot.brought(Wrote)) == 2)
        causes = [arrival.what.cause for arrival in bot.brought(Unreadable)]
        assert causes == [Cause.NOT_TEXT, Cause.CALL, Cause.REACTION, Cause.NOT_TEXT]


async def test_somebody_who_only_calls_is_talked_to(tmp_path: Path) -> None:
    async with running(tmp_path) as bot:
        amal = await bot.signald.person("Amal")
        await amal.call()
        await bot.box.next(Invited, amal.uuid)
        _, what = await bot.box.next(Unreadable, amal.uuid)
        assert what.cause is Cause.CALL


async def test_our_own_other_devices_are_not_listened_to(tmp_path: Path) -> None:
    async with running(tmp_path) as bot:
        amal = await greeted(bot)
        await bot.signald.writes_elsewhere("from another device", amal)
        await bot.signald.writes_elsewhere("note to self")
        await bot.signald.syncs({"syncMessage": {}})
        await amal.writes("last")
        await bot.box.next(Wrote)
        assert [arrival.what.text for arrival in bot.brought(Wrote)] == ["hello", "last"]


async def test_files_come_sealed_behind_the_words_beside_them(tmp_path: Path) -> None:
    async with running(tmp_path) as bot:
        amal = await greeted(bot)
        await amal.sends_file(PICTURE, "letter.jpg", text="look at this")
        words, wrote = await bot.box.next(Wrote)
        arrival, sent = await bot.box.next(Attached)
        assert wrote.text == "look at this"
        assert (sent.attachment.name, sent.attachment.kind, sent.attachment.size) == (
            "letter.jpg",
            Kind.IMAGE,
            len(PICTURE),
        )
        assert event_of(arrival.event_id) == event_of(words.event_id) != arrival.event_id
        async with bot.channel.open(sent.attachment) as pieces:
            assert b"".join([piece async for piece in pieces]) == PICTURE
        await bot.signald.until(lambda: not bot.signald.attachments(), "the daemon's copy to be erased")


async def test_a_key_that_is_journaled_is_forgotten_at_the_next_start_where_the_end_came_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settle, settled = Vault.settle, asyncio.Event()

    async def never(*_: object) -> None:
        await asyncio.Event().wait()

    async def tells(vault: Vault, line: int) -> None:
        await settle(vault, line)
        settled.set()

    async with running(tmp_path) as bot:
        amal = await greeted(bot)
        with monkeypatch.context() as patched:
            patched.setattr(Vault, "settle", never)
            await amal.sends_file(PICTURE)
            _, sent = await bot.box.next(Attached)
            await bot.dies()
        monkeypatch.setattr(Vault, "settle", tells)
        await bot.start()
        async with asyncio.timeout(PATIENCE_SECONDS):
            await settled.wait()
        assert not bot.channel._database.execute("select 1 from files where secret != ''").fetchall()
        async with bot.channel.open(sent.attachment) as pieces:
            assert b"".join([piece async for piece in pieces]) == PICTURE


async def test_the_daemon_is_asked_for_a_file_where_its_folder_is_not_at_hand(tmp_path: Path) -> None:
    async with running(tmp_path, attachments=None) as bot:
        amal = await greeted(bot)
        await amal.sends_file(PICTURE)
        _, sent = await bot.box.next(Attached)
        async with bot.channel.open(sent.attachment) as pieces:
            assert b"".join([piece async for piece in pieces]) == PICTURE
        await amal.sends_file(PICTURE, state="missing")
        _, lost = await bot.box.next(Unreadable)
        assert lost.cause is Cause.BROKEN_FILE


@pytest.mark.parametrize("state", ["missing", "short", "empty"])
async def test_a_file_that_did_not_come_whole_is_said_to_be_so(tmp_path: Path, state: str) -> None:
    async with running(tmp_path) as bot:
        amal = await greeted(bot)
        await amal.sends_file(PICTURE, state=state)  # type: ignore[arg-type]  # each of them is one
        _, what = await bot.box.next(Unreadable)
        assert what.cause is Cause.BROKEN_FILE
        assert not bot.brought(Attached)


async def test_what_is_to_be_seen_once_is_not_kept(tmp_path: Path) -> None:
    async with running(tmp_path) as bot:
        amal = await greeted(bot)
        await amal.sends_file(PICTURE, viewOnce=True)
        _, what = await bot.box.next(Unreadable)
        assert what.cause is Cause.NOT_TEXT
        await bot.signald.until(lambda: not bot.signald.attachments(), "the daemon's copy to be erased")
        assert not list((bot.folder / "files").iterdir())


async def test_a_group_is_left_after_one_notice_and_nothing_said_in_it_is_read(tmp_path: Path) -> None:
    async with running(tmp_path) as bot:
        amal = await greeted(bot)
        group = await bot.signald.group("Friends", amal)
        room = f"group:{group}"
        await bot.box.next(Invited, room)
        await amal.writes("private words", group=group)
        await amal.sends_file(PICTURE, group=group)
        await amal.typing(group=group)
        assert (await bot.do(room, Enter())).entered is Entered.UNSAFE
        assert (await bot.fails(room, SendText("hello all"))).failure is Failure.UNSAFE
        await bot.do(room, Decline("Please write to me alone."))
        assert not await bot.signald.in_group(group)
        assert amal.texts == ["Please write to me alone."]
        await amal.writes("back to two")
        await bot.box.next(Wrote, amal.uuid)
        assert len([arrival for arrival in bot.brought() if arrival.room == room]) == 1
        assert not bot.box.typings
        await bot.signald.until(lambda: not bot.signald.attachments(), "the daemon's copy to be erased")


async def test_timers_are_told_with_each_message_and_when_they_are_set(tmp_path: Path) -> None:
    async with running(tmp_path) as bot:
        amal = await greeted(bot)
        await amal.sets_timer(3600)
        _, timer = await bot.box.next(TimerSet)
        await amal.writes("soon gone")
        _, wrote = await bot.box.next(Wrote)
        await amal.sets_timer(0)
        _, off = await bot.box.next(TimerSet)
        assert (timer.expires, wrote.expires, off.expires) == (timedelta(hours=1), timedelta(hours=1), None)


async def test_our_timer_is_set_at_first_contact_and_only_where_they_set_none(tmp_path: Path) -> None:
    async with running(tmp_path, disappear=timedelta(weeks=1)) as bot:
        amal = await greeted(bot, "Amal")
        await amal.until(lambda: amal.timer == 604_800)
        await amal.sets_timer(0)  # it is theirs to change
        await bot.box.next(TimerSet)
        await bot.do(amal.uuid, Enter())
        badr = await bot.signald.person("Badr")
        badr.human.timer = 60
        await badr.writes("hello")
        await bot.box.next(Wrote, badr.uuid)
        await bot.do(badr.uuid, Enter())
        assert len(bot.signald.calls_of("updateContact")) == 1
        assert (amal.timer, badr.timer) == (0, 60)


async def test_typing_is_told_both_ways(tmp_path: Path) -> None:
    async with running(tmp_path) as bot:
        amal = await greeted(bot)
        await amal.typing()
        await bot.until(lambda: bool(bot.box.typings) and bot.box.typings[-1].people == {amal.uuid})
        await amal.typing(started=False)
        await bot.until(lambda: bot.box.typings[-1].people == frozenset())


async def test_a_message_is_marked_as_read_only_once_it_is_kept(tmp_path: Path) -> None:
    async with running(tmp_path) as bot:
        amal = await greeted(bot)
        broken = asyncio.Event()
        accept = bot.box.accept

        async def failing(batch: object) -> None:
            broken.set()
            raise OSError("the disk is full")

        bot.box.accept = failing  # type: ignore[method-assign]
        stamp = await amal.writes("important")
        await broken.wait()
        await bot.deafen()
        assert stamp in amal.delivered  # which the daemon says by itself
        assert stamp not in amal.read
        bot.box.accept = accept  # type: ignore[method-assign]
        bot.listen()
        await amal.until(lambda: stamp in amal.read)
        assert [arrival.what.text for arrival in bot.brought(Wrote)] == ["hello", "important"]


async def test_a_new_identity_is_waited_for_and_then_what_was_withheld_comes(tmp_path: Path) -> None:
    async with running(tmp_path) as bot:
        amal = await greeted(bot)
        before = bot.brought(Wrote)[0].what.identity
        await amal.changes_key()
        stamp = await amal.writes("it is still me")
        arrival, unread = await bot.box.next(Unreadable)
        assert unread.cause is Cause.CHANGED
        assert event_of(arrival.event_id) != f"{amal.uuid}/{stamp}"  # which is to come
        assert (await bot.fails(amal.uuid, SendText("hello"))).failure is Failure.CHANGED
        accepted = await bot.do(amal.uuid, Accept())
        _, wrote = await bot.box.next(Wrote)
        assert wrote.text == "it is still me"
        assert accepted.identity == wrote.identity != before
        assert (await bot.do(amal.uuid, SendText("hello"))).identity == wrote.identity


async def test_where_new_identities_are_trusted_nothing_waits_and_the_change_is_seen(tmp_path: Path) -> None:
    async with running(tmp_path, changed_identity=ChangedIdentity.TRUST) as bot:
        amal = await greeted(bot)
        before = bot.brought(Wrote)[0].what.identity
        await amal.changes_key()
        await amal.writes("it is still me")
        _, wrote = await bot.box.next(Wrote)
        assert wrote.identity != before
        await amal.changes_key()
        said = await bot.do(amal.uuid, SendText("hello"))
        assert said.identity not in (before, wrote.identity)
        assert amal.texts == ["hello"]
        assert not [arrival for arrival in bot.brought(Unreadable) if arrival.what.cause is Cause.CHANGED]


async def test_the_safety_number_is_the_one_on_their_phone(tmp_path: Path) -> None:
    async with running(tmp_path) as bot:
        amal = await greeted(bot)
        said = await bot.do(amal.uuid, SendText("compare"))
        assert said.identity
        known = bot.channel._contacts.known(amal.uuid).safety
        assert known == await bot.signald.safety_number(amal)


async def test_what_the_daemon_cannot_read_is_said_to_be_so(tmp_path: Path) -> None:
    async with running(tmp_path) as bot:
        amal = await greeted(bot)
        head = {"sourceUuid": amal.uuid, "timestamp": 1_751_000_000_123, "sourceDevice": 1}
        broken = {"type": "ProtocolInvalidMessageException", "message": "invalid message"}
        await bot.signald.pushes({"exception": broken, "envelope": head, "account": bot.signald.account})
        _, unread = await bot.box.next(Unreadable)
        assert unread.cause is Cause.NO_KEY
        await bot.signald.pushes({"exception": broken, "account": bot.signald.account})
        await amal.writes("last")
        await bot.box.next(Wrote)
        assert bot.channel.counts() == {"unreadable, from nobody knows whom": 1}


@pytest.mark.parametrize("switch", ["split", "glued", "disorder", "early", "extras", "shuffled"])
async def test_lines_may_travel_in_any_way(tmp_path: Path, switch: str) -> None:
    async with running(tmp_path) as bot:
        await bot.signald.wire(**{switch: True})
        amal = await greeted(bot)
        texts = ["one\u2028two\r\nthree", "é😀" * 20_000, *(f"message {n}" for n in range(20))]
        for text in texts:
            await amal.writes(text)
        await bot.until(lambda: len(bot.brought(Wrote)) == 1 + len(texts))
        assert [arrival.what.text for arrival in bot.brought(Wrote)][1:] == texts
        await bot.do(amal.uuid, SendText("all read"))
        assert amal.texts == ["all read"]


async def test_lines_that_say_nothing_are_counted_and_stop_nothing(tmp_path: Path) -> None:
    async with running(tmp_path) as bot:
        amal = await greeted(bot)
        for odd in ({"envelope": 7}, {"envelope": {"sourceUuid": None}}, {}, {"envelope": {"sourceUuid": "x" * 99}}):
            await bot.signald.pushes(odd)
        await amal.writes("last")
        await bot.box.next(Wrote)
        assert bot.channel.counts() == {"lines that say nothing": 4}


async def test_what_we_cannot_take_by_a_fault_of_ours_is_told_to_its_sender_and_holds_up_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(tmp_path) as bot:
        amal = await greeted(bot)

        def broken(*_: object) -> None:
            raise ZeroDivisionError

        monkeypatch.setattr(bot.channel._contacts, "set_timer", broken)
        await amal.writes("one")
        _, what = await bot.box.next(Unreadable)
        assert what.cause is Cause.NOT_TEXT
        monkeypatch.undo()
        await amal.writes("two")
        _, wrote = await bot.box.next(Wrote)
        assert wrote.text == "two"


async def test_a_store_that_fails_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with running(tmp_path) as bot:
        amal = await greeted(bot)
        add, failed = Spool.add, asyncio.Event()

        def failing(spool: Spool, lines: list[bytes]) -> None:
            if failed.is_set():
                add(spool, lines)
                return
            failed.set()
            raise OSError("the disk is full")

        monkeypatch.setattr(Spool, "add", failing)
        await amal.writes("kept")
        await failed.wait()
        _, wrote = await bot.box.next(Wrote)
        assert wrote.text == "kept"


async def test_deeds_for_staff_rooms_are_none_of_ours(tmp_path: Path) -> None:
    async with running(tmp_path) as bot:
        amal = await greeted(bot)
        error = await bot.fails(amal.uuid, SendText("notes"), place=Place.NOTES)
        assert isinstance(error, SendError)
        assert error.failure is Failure.REFUSED
        assert amal.texts == []
