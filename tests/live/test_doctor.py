"""`vestibule doctor` on a real homeserver: it finds what is wrong, and takes nothing from a bot that runs."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from bot import store
from bot.admin.setup import identity_record
from bot.channels.matrix.homeserver import Homeserver
from bot.channels.matrix.identity import Own, read_own
from bot.channels.matrix.selfcheck import self_check
from bot.config import Config
from bot.deeds import Enter
from bot.demo.helpline import Helpline
from bot.demo.person import Person
from bot.demo.synapse import Synapse
from bot.forms import grouped
from bot.happenings import Arrival, Invited, Unreadable, Wrote
from tests.channels.matrix.running import PATIENCE_SECONDS, Bot
from tests.live.conftest import People
from tests.live.forge import Forger

ENOUGH = 200  # one-time keys: more than wait


async def look(bot: Bot) -> set[str]:
    """What the doctor finds wrong with the account."""
    own = Own(**(bot.record.kept or {}))
    homeserver = Homeserver(bot.url, own.token)
    try:
        return {finding.code for finding in await self_check(homeserver, own) if not finding.good}
    finally:
        await homeserver.close()


def written(bot: Bot) -> list[Arrival]:
    """What people wrote, whether it could be read or not."""
    return [entry for entry in bot.box.arrivals if isinstance(entry.what, Wrote | Unreadable)]


async def test_looking_takes_no_room_key_from_the_bot(synapse: Synapse, people: People, tmp_path: Path) -> None:
    bot = await Bot.make(synapse, tmp_path)
    rooms: list[tuple[Person, str]] = []
    for _ in range(3):
        person = await people()
        room = await person.invite_to_new_room(bot.user_id)
        await bot.box.next(Invited, room)
        await bot.do(room, Enter())
        await person.joined(room, bot.user_id)
        rooms.append((person, room))
    await bot.stop()
    for person, room in rooms:
        await person.send(room, "while you were away")  # the first of its room: its key waits for the bot
        assert await look(bot) == set()
    assert await look(bot) == set()
    await bot.start()
    await bot.box.until(lambda: {entry.room for entry in written(bot)} == {room for _, room in rooms})
    assert {entry.what.text for entry in written(bot) if isinstance(entry.what, Wrote)} == {"while you were away"}
    assert not any(isinstance(entry.what, Unreadable) for entry in written(bot))
    await bot.stop()


async def test_looking_beside_a_bot_that_runs_takes_nothing_either(
    synapse: Synapse, people: People, tmp_path: Path
) -> None:
    bot = await Bot.make(synapse, tmp_path)
    for number in range(5):
        person = await people()
        room = await person.invite_to_new_room(bot.user_id)
        await bot.box.next(Invited, room)
        await bot.do(room, Enter())
        await person.joined(room, bot.user_id)
        await asyncio.gather(look(bot), person.send(room, f"hello {number}"), look(bot))
        assert (await bot.box.next(Wrote, room))[1].text == f"hello {number}"
    await bot.stop()


async def test_used_up_keys_are_found_and_made_anew_by_the_bot(synapse: Synapse, tmp_path: Path) -> None:
    bot = await Bot.make(synapse, tmp_path)
    await bot.stop()
    device = Own(**(bot.record.kept or {})).device_id
    wanted = {"one_time_keys": {bot.user_id: {device: "signed_curve25519"}}}
    async with await Forger.login(synapse.url, await synapse.register()) as stranger:
        for _ in range(ENOUGH):
            _, answer = await stranger.request("POST", "/keys/claim", wanted)
            (key,) = answer["one_time_keys"][bot.user_id][device].values()
            if key.get("fallback"):
                break
    assert await look(bot) == {"one-time-keys", "fallback-key"}
    await bot.start()
    found = await look(bot)
    while found:  # keys are uploaded after the first sync
        found = await look(bot)
    await bot.stop()


# --- the whole command ----------------------------------------------------------------------------------------------

whole = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def helpline() -> AsyncIterator[Helpline]:
    async with Helpline(specialists=2) as helpline:
        yield helpline


async def doctor(helpline: Helpline) -> tuple[int, dict[str, str]]:
    """The exit code, and each finding's sentence; those that are wrong begin with `wrong: `."""
    code, said = await helpline.command("doctor", "--config", str(helpline.config))
    found = {}
    for line in said.splitlines():
        match = re.fullmatch(r"(ok   |wrong)  ([a-z-]+): (.+)", line)
        assert match, line
        found[match[2]] = match[3] if match[1] == "ok   " else f"wrong: {match[3]}"
    return code, found


async def wrong(helpline: Helpline) -> dict[str, str]:
    code, found = await doctor(helpline)
    ill = {name: said for name, said in found.items() if said.startswith("wrong: ")}
    assert code == bool(ill)
    return ill


def own_of(helpline: Helpline) -> Own:
    config = Config.read(helpline.config, {})
    own = read_own(identity_record(config, store.MasterKey.read(config.store.key_file)))
    assert own is not None
    return own


@whole
async def test_all_is_well_with_a_new_helpline(helpline: Helpline) -> None:
    code, found = await doctor(helpline)
    assert (code, [said for said in found.values() if said.startswith("wrong")]) == (0, [])
    assert grouped(own_of(helpline).master or "") in found["fingerprint"]
    assert "a bot runs here" in found["runs"]
    assert found.keys() >= {"fallback-key", "queue-encrypted", "staff-keys", "clock", "recovery-key", "clear-rooms"}


@whole
async def test_the_recovery_key_beside_the_config_is_found(helpline: Helpline) -> None:
    note = helpline.folder / "recovery-key.txt"
    note.write_text(f"{helpline.recovery_key}\n")
    ill = await wrong(helpline)
    note.unlink()
    assert set(ill) == {"recovery-key"}
    assert str(note) in ill["recovery-key"]
    assert helpline.recovery_key.split()[3] not in ill["recovery-key"]


@whole
async def test_a_room_in_clear_is_found_and_counted_in_the_log_at_the_next_start(helpline: Helpline) -> None:
    own = own_of(helpline)
    homeserver = Homeserver(helpline.synapse.url, own.token)
    await homeserver.call("POST", "createRoom", body={})
    await homeserver.close()
    ill = await wrong(helpline)
    assert set(ill) == {"clear-rooms"}
    assert "1 of the 2 rooms" in ill["clear-rooms"]
    await helpline.stop_bot()
    await helpline.start_bot()
    async with asyncio.timeout(PATIENCE_SECONDS):
        while "not well with the account: clear-rooms clear=1 rooms=2\n" not in helpline.log.read_text():
            await wrong(helpline)


@whole
async def test_a_specialist_with_another_identity_is_named(helpline: Helpline) -> None:
    account = await helpline.synapse.register()
    person = await helpline.device(account)
    arguments = ("staff", "add", person.user_id, person.master_key, "--yes", "--config", str(helpline.config))
    assert (await helpline.command(*arguments))[0] == 0
    assert "staff-keys" not in await wrong(helpline)
    await person.replace_identity(account.password)
    assert person.user_id in (await wrong(helpline))["staff-keys"]


@whole
async def test_a_queue_room_that_the_bot_is_not_in_is_found(helpline: Helpline) -> None:
    own = own_of(helpline)
    await helpline.stop_bot()
    homeserver = Homeserver(helpline.synapse.url, own.token)
    await homeserver.call("POST", "rooms", helpline.queue_room, "leave", body={})
    await homeserver.close()
    code, found = await doctor(helpline)
    assert code == 1
    assert found["queue-joined"].startswith("wrong: ")
    assert "no bot runs here" in found["rests"]


@whole
async def test_a_homeserver_that_is_away_is_the_worlds_fault(helpline: Helpline) -> None:
    config = helpline.config.read_text()
    helpline.config.write_text(config.replace(helpline.synapse.url, "http://127.0.0.1:1"))
    code, found = await doctor(helpline)
    helpline.config.write_text(config)
    assert code == 3
    assert [name for name, said in found.items() if said.startswith("wrong")] == ["homeserver"]
    helpline.config.write_text("[matrix")
    code, said = await helpline.command("doctor", "--config", str(helpline.config))
    helpline.config.write_text(config)
    assert (code, "error[" in said) == (2, True)
