"""What is said, once and in order, whatever becomes of its answers."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.channels.database import DatabaseError
from bot.channels.signal import once
from bot.channels.signal.channel import PuzzleRejected, open_signal
from bot.channels.signal.rpc import NotAsked, Refused
from bot.deeds import Decline, EditText, Enter, Erase, Invite, Leave, MakeRoom, SendFile, SendText, Tick
from bot.domain import Attachment, Kind, Look, Style
from bot.happenings import Alarm, Alarmed, Wrote
from bot.ports import Failure
from bot.testing import MemoryChannel
from tests.channels.signal.running import Bot, running
from tests.channels.signal.test_receiving import greeted
from tests.signald.handle import Signald

AGAIN = "sent again, perhaps twice"


# --- what arrives ----------------------------------------------------------------------------------------------------


async def test_texts_arrive_in_the_order_in_which_they_are_sent(tmp_path: Path) -> None:
    async with running(tmp_path) as bot:
        amal, badr = await greeted(bot, "Amal"), await greeted(bot, "Badr")
        await bot.signald.wire(disorder=True)
        await asyncio.gather(*(bot.do(each.uuid, SendText(f"{n}")) for n in range(10) for each in (amal, badr)))
        assert sorted(map(int, amal.texts)) == sorted(map(int, badr.texts)) == list(range(10))
        stamps = [message.timestamp for message in amal.heard]
        assert stamps == sorted(stamps)


async def test_one_send_is_made_after_the_other(tmp_path: Path) -> None:
    async with running(tmp_path) as bot:
        amal, badr = await greeted(bot, "Amal"), await greeted(bot, "Badr")
        held = await bot.signald.holds("send")
        first = asyncio.create_task(bot.do(amal.uuid, SendText("first")))
        await bot.signald.met(held)
        second = asyncio.create_task(bot.do(badr.uuid, SendText("second")))
        for _ in range(2):
            await bot.channel._caller.ask("version")  # whatever was asked before the second has reached the daemon
        assert len(bot.signald.calls_of("send")) == 1
        await bot.signald.releases(held)
        await asyncio.gather(first, second)
        assert badr.texts == ["second"]


async def test_styles_are_counted_as_signal_counts(tmp_path: Path) -> None:
    async with running(tmp_path) as bot:
        amal = await greeted(bot)
        await bot.do(amal.uuid, SendText("😀 be careful", (Style(Look.BOLD, 2, 2), Style(Look.MONOSPACE, 5, 7))))
        await bot.do(amal.uuid, SendText("plain"))
        assert [call["textStyle"] for call in bot.signald.calls_of("send")] == [["3:2:BOLD", "6:7:MONOSPACE"], []]
        await amal.writes("😀 help", textStyles=[{"style": "ITALIC", "start": 3, "length": 4}])
        _, wrote = await bot.box.next(Wrote)
        assert wrote.styles == (Style(Look.ITALIC, 2, 4),)


async def test_a_change_takes_the_place_of_what_was_said(tmp_path: Path) -> None:
    async with running(tmp_path) as bot:
        amal = await greeted(bot)
        said = await bot.do(amal.uuid, SendText("at nine"))
        await bot.do(amal.uuid, EditText(said.event_id or "", "at ten"))
        assert amal.texts == ["at ten"]
        assert amal.ignored == []


@pytest.mark.parametrize("event", ["", "self/", "self/x", "0b7c8b34-1111-4c1d-8c1a-2f6a8a7b0001/1751000000123"])
async def test_only_what_we_said_can_be_changed(tmp_path: Path, event: str) -> None:
    async with running(tmp_path) as bot:
        amal = await greeted(bot)
        assert (await bot.fails(amal.uuid, EditText(event, "x"))).failure is Failure.REFUSED


async def test_what_is_older_than_a_day_is_not_changed_since_their_program_would_not_show_it(tmp_path: Path) -> None:
    async with running(tmp_path) as bot:
        amal = await greeted(bot)
        said = await bot.do(amal.uuid, SendText("at nine"))
        bot.ahead = timedelta(hours=24)
        assert (await bot.fails(amal.uuid, EditText(said.event_id or "", "at ten"))).failure is Failure.REFUSED


@pytest.mark.parametrize("event", ["", "self/x", "0b7c8b34-1111-4c1d-8c1a-2f6a8a7b0001/1751000000123"])
async def test_what_is_not_ours_or_older_than_a_day_is_left_to_their_own_device(tmp_path: Path, event: str) -> None:
    async with running(tmp_path) as bot:
        amal = await greeted(bot)
        said = await bot.do(amal.uuid, SendText("at nine"))
        await bot.do(amal.uuid, Erase(event))
        bot.ahead = timedelta(hours=24)
        await bot.do(amal.uuid, Erase(said.event_id or ""))
        await bot.do(amal.uuid, SendText("at ten"))
        assert [message.deleted for message in amal.heard] == [False] * len(amal.heard)
        assert amal.ignored == []


async def test_a_tick_is_a_reaction_to_what_they_wrote(tmp_path: Path) -> None:
    async with running(tmp_path) as bot:
        amal = await greeted(bot)
        wrote = bot.brought(Wrote)[0]
        await bot.do(amal.uuid, Tick(wrote.event_id))
        assert [mark.timestamp for mark in amal.reactions] == [int(wrote.event_id.rpartition("/")[2])]


async def test_a_file_of_another_channel_arrives_whole_and_lies_nowhere_in_clear(tmp_path: Path) -> None:
    async with running(tmp_path) as bot:
        amal = await greeted(bot)
        other = MemoryChannel("elsewhere")
        other.files["there"] = b"planted in a file " * 200_000
        bot.files = other
        name = "a, name; with=all.pdf"
        file = Attachment(
            Kind.VOICE, name, "application/pdf", 5, "there", "s", "see \0file\0 this", channel="elsewhere"
        )
        await bot.do(amal.uuid, SendFile(file))
        (heard,) = amal.heard
        assert heard.text == "see \0file\0 this"
        assert [sent.content for sent in heard.files] == [other.files["there"]]
        assert bot.signald.calls_of("send")[0]["voiceNote"] is True
        assert not bot.signald.attachments()


async def test_a_file_that_breaks_on_the_way_is_not_sent_and_others_are(tmp_path: Path) -> None:
    async with running(tmp_path) as bot:
        amal = await greeted(bot)
        bot.files = MemoryChannel("elsewhere")
        lost = Attachment(Kind.FILE, "x", "application/pdf", 5, "nowhere", "s", channel="elsewhere")
        assert (await bot.fails(amal.uuid, SendFile(lost))).failure is Failure.REFUSED
        await bot.do(amal.uuid, SendText("then"))
        assert amal.texts == ["then"]


async def test_a_group_whose_members_cannot_be_told_is_left_all_the_same(tmp_path: Path) -> None:
    async with running(tmp_path) as bot:
        amal = await greeted(bot)
        group = await bot.signald.group("Friends", amal)
        await amal.fails("unregistered")
        await bot.do(f"group:{group}", Decline("Write to me alone."))
        assert not await bot.signald.in_group(group)
        await bot.do(f"group:{group}", Leave("Write to me alone."))  # we are out already
        await bot.do("group:unknown", Leave("Write to me alone."))


async def test_rooms_are_not_made_on_signal(tmp_path: Path) -> None:
    async with running(tmp_path) as bot:
        for deed in (MakeRoom("x", "x"), Invite("x")):
            assert (await bot.fails("x", deed)).failure is Failure.REFUSED


# --- what fails ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("how", "failure"),
    [
        ("network", Failure.AWAY),
        ("prekey", Failure.AWAY),
        ("io", Failure.AWAY),
        ("unregistered", Failure.GONE),
        ("exception", Failure.GONE),
    ],
)
async def test_failures_are_named_and_mended_ones_send_once(tmp_path: Path, how: Any, failure: Failure) -> None:
    async with running(tmp_path) as bot:
        amal = await greeted(bot)
        await amal.fails(how)
        assert (await bot.fails(amal.uuid, SendText("hello"), "row")).failure is failure
        await amal.fails(None)
        await bot.do(amal.uuid, SendText("hello"), "row")
        assert amal.texts == ["hello"]
        # only an error behind which the server may have had it leaves a doubt
        assert bot.channel.counts() == ({AGAIN: 1} if how == "io" else {})


async def test_a_limit_says_how_long_it_lasts(tmp_path: Path) -> None:
    async with running(tmp_path) as bot:
        amal = await greeted(bot)
        await bot.signald.limits(37)
        error = await bot.fails(amal.uuid, SendText("hello"), "row")
        assert error.failure is Failure.LIMITED
        assert error.retry_after is not None
        assert 30 <= error.retry_after <= 37
        assert (await bot.fails(amal.uuid, SendText("hello"), "row")).failure is Failure.LIMITED
        await bot.signald.passes(38)
        await bot.do(amal.uuid, SendText("hello"), "row")
        assert amal.texts == ["hello"]


async def test_a_puzzle_is_told_once_and_solved_it_lets_everything_through(tmp_path: Path) -> None:
    async with running(tmp_path) as bot:
        amal = await greeted(bot)
        await bot.signald.limits(86_400, token="a-token")
        for _ in range(3):
            assert (await bot.fails(amal.uuid, SendText("hello"), "row")).failure is Failure.LIMITED
        arrival, alarmed = await bot.box.next(Alarmed)
        assert (alarmed.alarm, alarmed.detail, arrival.room) == (Alarm.CHANNEL_CHALLENGE, "a-token", "")
        assert "a-token" not in repr(alarmed)
        with pytest.raises(PuzzleRejected):
            await bot.channel.answer_puzzle("a-token", "nonsense")
        with pytest.raises(Refused):
            await bot.channel.answer_puzzle("a-token", "io")
        await bot.channel.answer_puzzle("a-token", "signalcaptcha://solved")
        await bot.do(amal.uuid, SendText("hello"), "row")
        assert amal.texts == ["hello"]
        assert len(bot.brought(Alarmed)) == 1


async def test_a_fault_of_ours_is_logged_without_a_word_of_what_was_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with running(tmp_path) as bot:
        amal = await greeted(bot)
        await bot.signald.refuses("send", -32603, "Cannot invoke planted (NullPointerException)")
        assert (await bot.fails(amal.uuid, SendText("planted"))).failure is Failure.REFUSED
        assert "a SendText for a mistake of ours" in caplog.text
        assert "planted" not in caplog.text
        assert amal.uuid not in caplog.text


async def test_an_account_that_is_gone_is_told(tmp_path: Path) -> None:
    async with running(tmp_path, signald={"multi": True}) as bot:
        amal = await greeted(bot)
        await bot.signald.deregisters()
        assert (await bot.fails(amal.uuid, SendText("hello"))).failure is Failure.AWAY
        _, alarmed = await bot.box.next(Alarmed)
        assert (alarmed.alarm, alarmed.channel) == (Alarm.CHANNEL_CLOSED, "signal")


async def test_where_nobody_listens_nothing_was_sent_and_there_is_no_doubt(tmp_path: Path) -> None:
    async with running(tmp_path) as bot:
        amal = await greeted(bot)
        await bot.signald.stop()
        assert (await bot.fails(amal.uuid, SendText("hello"), "row")).failure is Failure.AWAY
        with pytest.raises(NotAsked):
            await bot.channel._caller.ask("version")
        await bot.signald.start()
        await bot.do(amal.uuid, SendText("hello"), "row")
        assert amal.texts == ["hello"]
        assert bot.channel.counts() == {}


# --- sent, and the answer lost ---------------------------------------------------------------------------------------


async def doubtful(bot: Bot, person: Any, text: str = "once") -> None:
    """A send whose answer is lost."""
    await bot.signald.loses_answer("send")
    assert (await bot.fails(person.uuid, SendText(text), "row")).failure is Failure.AWAY


async def test_a_receipt_tells_that_it_was_sent(tmp_path: Path) -> None:
    async with running(tmp_path) as bot:
        amal = await greeted(bot)
        await doubtful(bot, amal)
        await bot.catches_up()
        said = await bot.do(amal.uuid, SendText("once"), "row")
        assert amal.texts == ["once"]
        assert said.event_id == f"self/{amal.heard[0].timestamp}"
        assert bot.channel.counts() == {}
        await bot.do(amal.uuid, EditText(said.event_id or "", "changed"))
        assert amal.texts == ["changed"]


async def test_a_receipt_tells_it_after_a_restart_too(tmp_path: Path) -> None:
    async with running(tmp_path) as bot:
        amal = await greeted(bot)
        await bot.deafen()
        await doubtful(bot, amal)
        await bot.stop()
        await bot.start()
        await bot.catches_up()
        await bot.do(amal.uuid, SendText("once"), "row")
        assert amal.texts == ["once"]
        assert bot.channel.counts() == {}


async def test_where_no_receipt_comes_it_is_sent_again_and_counted(tmp_path: Path) -> None:
    async with running(tmp_path) as bot:
        amal = await greeted(bot)
        await amal.goes_offline()
        await doubtful(bot, amal)
        await bot.do(amal.uuid, SendText("once"), "row")
        assert amal.texts == ["once", "once"]
        assert bot.channel.counts() == {AGAIN: 1}
        await bot.do(amal.uuid, SendText("once"), "row")
        assert len(amal.texts) == 2


async def test_receipts_are_waited_for_and_only_while_they_can_come(tmp_path: Path) -> None:
    async with running(tmp_path, receipts=timedelta(seconds=20)) as bot:
        amal = await greeted(bot)
        await amal.goes_offline()
        await doubtful(bot, amal)
        early = await bot.fails(amal.uuid, SendText("once"), "row")
        assert early.failure is Failure.LIMITED
        assert early.retry_after is not None
        assert 0 < early.retry_after <= 20
        await bot.deafen()
        bot.ahead = timedelta(minutes=5)
        assert (await bot.fails(amal.uuid, SendText("once"), "row")).failure is Failure.AWAY  # none could come
        bot.listen()
        await bot.catches_up()
        assert (await bot.fails(amal.uuid, SendText("once"), "row")).failure is Failure.LIMITED
        assert len(amal.texts) == 1
        bot.ahead = timedelta(minutes=6)
        await bot.do(amal.uuid, SendText("once"), "row")
        assert len(amal.texts) == 2


async def test_receipts_of_other_messages_tell_nothing(tmp_path: Path) -> None:
    async with running(tmp_path, disappear=timedelta(hours=1)) as bot:
        amal, badr = await greeted(bot, "Amal"), await greeted(bot, "Badr")
        before = await bot.do(amal.uuid, SendText("before"))
        lost = await bot.signald.silent("send")
        sending_it = asyncio.create_task(bot.fails(amal.uuid, SendText("never sent"), "row"))
        await bot.signald.met(lost)
        await bot.signald.restart()
        assert (await sending_it).failure is Failure.AWAY
        await amal.reads(int((before.event_id or "").rpartition("/")[2]))
        await bot.catches_up()
        await bot.do(badr.uuid, SendText("to another"))
        await amal.writes("last")
        await bot.until(lambda: bot.brought(Wrote)[-1].what.text == "last")
        await bot.do(amal.uuid, SendText("never sent"), "row")
        assert amal.texts == ["before", "never sent"]
        assert bot.channel.counts() == {AGAIN: 1}


@pytest.mark.parametrize("answered", [True, False])
@pytest.mark.parametrize("beside", ["tick", "edit", "erase"])
async def test_receipts_of_ticks_edits_and_removals_tell_nothing(tmp_path: Path, beside: str, answered: bool) -> None:
    async with running(tmp_path) as bot:
        amal = await greeted(bot)
        before = await bot.do(amal.uuid, SendText("before"))
        event_id = before.event_id or ""
        lost = await bot.signald.silent("send")
        sending_it = asyncio.create_task(bot.fails(amal.uuid, SendText("never sent"), "row"))
        await bot.signald.met(lost)
        await bot.signald.restart()
        assert (await sending_it).failure is Failure.AWAY
        deeds = {
            "tick": ("sendReaction", Tick(event_id)),
            "edit": ("send", EditText(event_id, "changed")),
            "erase": ("remoteDelete", Erase(event_id)),
        }
        method, deed = deeds[beside]
        if not answered:
            await bot.signald.loses_answer(method)
            assert (await bot.fails(amal.uuid, deed, "beside")).failure is Failure.AWAY
            await bot.catches_up()
        await bot.do(amal.uuid, deed, "beside")
        await bot.catches_up()
        await bot.do(amal.uuid, SendText("never sent"), "row")
        assert amal.texts[-1] == "never sent"


async def test_an_answer_that_comes_late_counts_all_the_same(tmp_path: Path) -> None:
    async with running(tmp_path, seconds=0.2) as bot:
        amal = await greeted(bot)
        await amal.goes_offline()
        held = await bot.signald.holds("send")
        assert (await bot.fails(amal.uuid, SendText("once"), "row")).failure is Failure.AWAY
        assert (await bot.fails(amal.uuid, SendText("once"), "row")).failure is Failure.AWAY  # it is still waited for
        assert len(bot.signald.calls_of("send")) == 1
        await bot.signald.releases(held)
        for _ in range(2):
            await bot.do(amal.uuid, SendText("once"), "row")
        assert amal.texts == ["once"]
        assert bot.channel.counts() == {}


async def test_an_answer_that_never_comes_is_given_up_in_the_end(tmp_path: Path) -> None:
    async with running(tmp_path, seconds=0.2) as bot:
        amal = await greeted(bot)
        await bot.signald.silent("send")
        assert (await bot.fails(amal.uuid, SendText("once"), "row")).failure is Failure.AWAY
        bot.ahead = once.GIVE_UP
        await bot.do(amal.uuid, SendText("once"), "row")
        assert amal.texts == ["once"]


@pytest.mark.parametrize("done", [True, False])
async def test_a_daemon_that_dies_while_it_sends_says_nothing_twice(tmp_path: Path, done: bool) -> None:
    async with running(tmp_path) as bot:
        amal = await greeted(bot)
        await bot.signald.dies("send", done=done)
        assert (await bot.fails(amal.uuid, SendText("once"), "row")).failure is Failure.AWAY
        assert await bot.signald.ended()
        await bot.signald.start()
        await bot.catches_up()
        await bot.do(amal.uuid, SendText("once"), "row")
        assert amal.texts == ["once"]


async def test_killed_between_the_answer_and_its_storing_elsewhere_nothing_is_said_twice(tmp_path: Path) -> None:
    async with running(tmp_path) as bot:
        amal = await greeted(bot)
        await amal.goes_offline()  # no receipt tells of it
        first = await bot.do(amal.uuid, SendText("once"), "row")
        await bot.stop()
        await bot.start()
        again = await bot.do(amal.uuid, SendText("once"), "row")
        assert again.event_id == first.event_id
        assert amal.texts == ["once"]


async def test_stopped_while_it_sends_the_answer_is_not_lost(tmp_path: Path) -> None:
    async with running(tmp_path) as bot:
        amal = await greeted(bot)
        await amal.goes_offline()  # no receipt tells of it
        held = await bot.signald.holds("send")
        doing = asyncio.create_task(bot.do(amal.uuid, SendText("once"), "row"))
        await bot.signald.met(held)
        doing.cancel()
        await asyncio.gather(doing, return_exceptions=True)
        await bot.signald.releases(held)
        for _ in range(2):
            await bot.do(amal.uuid, SendText("once"), "row")
        assert amal.texts == ["once"]


async def test_nothing_of_it_lies_in_clear(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with running(tmp_path, disappear=timedelta(hours=1)) as bot:
        amal = await greeted(bot)
        await bot.deafen()
        await amal.writes("planted words")
        await amal.sends_file(b"planted in a file" * 99, "planted name.jpg")
        bot.listen()
        await bot.until(lambda: len(bot.brought(Wrote)) == 2)
        await doubtful(bot, amal, "planted answer")
        await bot.do(amal.uuid, Enter())
        await bot.stop()
        found = [path for path in bot.folder.rglob("*") if path.is_file()]
        assert {path.name for path in found} >= {"signal.db"}
        for path in found:
            assert path.stat().st_mode & 0o077 == 0, path.name
            for planted in ("planted", amal.uuid, "Amal", bot.signald.account, json.dumps("hello")[1:-1]):
                assert planted.encode() not in path.read_bytes()
        for planted in ("planted", amal.uuid, "Amal", bot.signald.account):
            assert planted not in caplog.text


async def test_a_wrong_key_is_named(tmp_path: Path) -> None:
    async with Signald(tmp_path) as signald:
        bot = Bot(signald, tmp_path / "bot")
        bot.open()
        await bot.stop()
        with pytest.raises(DatabaseError, match=r"signal\.db does not open with this key_file"):
            open_signal(bot.settings, bot.folder, bytes(32), bot.now)
