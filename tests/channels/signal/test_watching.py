"""The daemon comes and goes, is too old, loses messages, hangs: what the bot and its staff notice of it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from bot.channels.signal.caller import TooOld
from bot.channels.signal.listening import Pace
from bot.channels.signal.rpc import Connection, NotAsked
from bot.deeds import SendText
from bot.happenings import Alarm, Alarmed, Attached, Wrote
from bot.ports import Failure
from tests.channels.signal.running import Bot, running
from tests.channels.signal.test_receiving import greeted
from tests.signald.handle import Signald


def alarms(bot: Bot) -> list[Alarm]:
    return [arrival.what.alarm for arrival in bot.brought(Alarmed)]


async def test_a_daemon_that_is_away_is_waited_for_and_told_of(tmp_path: Path) -> None:
    async with running(tmp_path) as bot:
        amal = await greeted(bot)
        await bot.signald.kill()
        await bot.box.next(Alarmed)
        await amal.writes("meanwhile")
        await bot.signald.start()
        _, wrote = await bot.box.next(Wrote)
        assert wrote.text == "meanwhile"
        await bot.until(lambda: len(alarms(bot)) == 2)
        assert alarms(bot) == [Alarm.CHANNEL_AWAY, Alarm.CHANNEL_BACK]
        assert all(arrival.what.channel == "signal" and not arrival.room for arrival in bot.brought(Alarmed))


async def test_a_short_absence_is_not_told(tmp_path: Path) -> None:
    async with running(tmp_path, pace=Pace(shortest_wait=0.02)) as bot:
        amal = await greeted(bot)
        await bot.signald.restart()
        await amal.writes("after it")
        await bot.box.next(Wrote)
        assert alarms(bot) == []


async def test_the_bot_may_start_before_the_daemon(tmp_path: Path) -> None:
    async with Signald(tmp_path) as signald:
        await signald.stop()
        bot = Bot(signald, tmp_path / "bot")
        await bot.start(waits=False)
        await bot.box.next(Alarmed)
        amal = await signald.person("Amal")
        await amal.writes("hello")
        await signald.start()
        await bot.box.next(Wrote)
        await bot.stop()


async def test_a_socket_that_was_left_behind_is_an_absence_too(tmp_path: Path) -> None:
    async with running(tmp_path) as bot:
        amal = await greeted(bot)
        await bot.signald.kill()
        assert bot.signald.socket.exists()
        assert (await bot.fails(amal.uuid, SendText("x"))).failure is Failure.AWAY


@pytest.mark.parametrize(
    ("version", "known_as"), [("0.14.6", "0.14.6"), ("0.13.24-SNAPSHOT", "0.13.24"), ("0.9", "0.9")]
)
async def test_a_daemon_that_is_too_old_is_not_used(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, version: str, known_as: str
) -> None:
    async with Signald(tmp_path, version=version) as signald:
        amal = await signald.person("Amal")
        await amal.writes("hello")
        bot = Bot(signald, tmp_path / "bot")
        await bot.start(waits=False)
        _, alarmed = await bot.box.next(Alarmed)
        assert (alarmed.alarm, alarmed.detail) == (Alarm.CHANNEL_OLD, known_as)
        assert (await bot.fails(amal.uuid, SendText("x"))).failure is Failure.AWAY
        with pytest.raises(TooOld, match=r"signal\.socket is version .* install signal-cli 0\.14\.7 or newer"):
            await bot.channel._caller.ask("send")
        assert f"is version {known_as}" in caplog.text
        assert {method for method, _ in signald.calls} == {"version"}
        assert signald.queued == 1
        await bot.stop()


@pytest.mark.parametrize("version", ["0.14.7", "0.15.0", "1.0", "unknown"])
async def test_a_daemon_that_is_new_enough_is_used(tmp_path: Path, version: str) -> None:
    async with running(tmp_path, signald={"version": version}) as bot:
        amal = await greeted(bot)
        await bot.do(amal.uuid, SendText("welcome"))
        assert amal.texts == ["welcome"]


@pytest.mark.parametrize("mode", ["on-start", "on-connection"])
async def test_a_daemon_that_loses_messages_is_told_of_and_what_it_brings_is_taken_once(
    tmp_path: Path, mode: str
) -> None:
    async with running(tmp_path, signald={"receive_mode": mode}) as bot:
        amal = await bot.signald.person("Amal")
        await amal.writes("hello")
        await amal.writes("again")
        await bot.until(lambda: len(bot.brought(Wrote)) == 2)
        _, alarmed = await bot.box.next(Alarmed) if not alarms(bot) else (None, bot.brought(Alarmed)[0].what)
        assert (alarmed.alarm, alarmed.detail) == (Alarm.CHANNEL_LOSSY, "--receive-mode=manual")
        assert [arrival.what.text for arrival in bot.brought(Wrote)] == ["hello", "again"]
        assert len(alarms(bot)) == 1


async def test_a_daemon_without_our_account_is_told_of(tmp_path: Path) -> None:
    async with Signald(tmp_path, multi=True) as signald:
        await signald.deregisters()
        bot = Bot(signald, tmp_path / "bot")
        await bot.start(waits=False)
        _, alarmed = await bot.box.next(Alarmed)
        assert alarmed.alarm is Alarm.CHANNEL_CLOSED
        await bot.stop()


async def test_a_daemon_whose_account_ends_exits_and_is_away(tmp_path: Path) -> None:
    async with running(tmp_path) as bot:
        await bot.signald.deregisters()
        await bot.signald.ended()
        await bot.box.next(Alarmed)
        assert alarms(bot) == [Alarm.CHANNEL_AWAY]


async def test_a_daemon_that_hangs_is_left_and_asked_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.channels.signal.listening.ANSWER_SECONDS", 0.2)
    async with running(tmp_path) as bot:
        amal = await greeted(bot)
        hung = await bot.signald.silent("version")
        await bot.signald.met(hung)
        await bot.signald.until(lambda: len(bot.signald.calls_of("subscribeReceive")) == 2)
        await amal.writes("still there?")
        await bot.box.next(Wrote)


async def test_stopped_in_order_what_the_daemon_has_taken_is_on_disk(tmp_path: Path) -> None:
    async with running(tmp_path) as bot:
        amal = await greeted(bot)
        for n in range(200):
            await amal.writes(f"message {n}")
        await bot.stop()
        assert not bot.signald.subscribed
        assert len(bot.signald.calls_of("unsubscribeReceive")) == 1  # what it answers comes behind all it has taken
        await bot.start()
        await bot.until(lambda: len(bot.brought(Wrote)) == 201)
        texts = [arrival.what.text for arrival in bot.brought(Wrote)]
        assert texts == ["hello", *(f"message {n}" for n in range(200))]


async def test_a_line_cut_in_the_middle_is_no_line(tmp_path: Path) -> None:
    async with running(tmp_path) as bot:
        amal = await greeted(bot)
        await bot.signald.cuts("listIdentities", times=3)
        await amal.writes("on")
        await bot.box.next(Wrote)
        badr = await greeted(bot, "Badr")
        await bot.do(badr.uuid, SendText("welcome"))
        assert badr.texts == ["welcome"]


async def test_answers_find_their_questions_in_any_order(tmp_path: Path) -> None:
    async with Signald(tmp_path) as signald:
        await answers_in_any_order(signald)


async def answers_in_any_order(signald: Signald) -> None:
    heard: list[bytes] = []

    async def hear(lines: list[bytes]) -> None:
        heard.extend(lines)

    connection = await Connection.open(signald.socket, hear)
    slow = await signald.holds("listGroups")
    first = asyncio.create_task(connection.call("listGroups", {}))
    await signald.met(slow)
    assert await connection.call("version", {}) == {"version": "0.14.7"}
    await signald.releases(slow)
    assert await first == []
    await connection.close()
    with pytest.raises(NotAsked):
        await connection.call("version", {})
    assert heard == []


async def test_a_file_that_cannot_be_had_while_the_daemon_is_away_is_waited_for_and_staff_hear_of_the_absence(
    tmp_path: Path,
) -> None:
    async with running(tmp_path, attachments=None) as bot:
        amal = await greeted(bot)
        await bot.signald.dies("getAttachment", done=False)
        await amal.sends_file(b"what the picture shows")
        await amal.writes("behind it")
        await bot.box.next(Alarmed)
        assert alarms(bot) == [Alarm.CHANNEL_AWAY]
        assert len(bot.brought(Wrote)) == 1
        await bot.signald.ended()
        await bot.signald.start()
        await bot.until(lambda: len(bot.brought(Wrote)) == 2)
        assert len(bot.brought(Attached)) == 1


async def test_a_daemon_that_tells_no_identity_is_not_waited_for_at_each_message(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.channels.signal.caller.ANSWER_SECONDS", 0.2)
    async with running(tmp_path) as bot:
        await bot.signald.until(lambda: len(bot.signald.calls_of("listIdentities")) == 1)
        await bot.signald.silent("listIdentities", times=None)
        amal = await bot.signald.person("Amal")
        for n in range(5):
            await amal.writes(f"message {n}")
        await bot.until(lambda: len(bot.brought(Wrote)) == 5)
        assert len(bot.signald.calls_of("listIdentities")) == 2
        assert all(arrival.what.identity is None for arrival in bot.brought(Wrote))
