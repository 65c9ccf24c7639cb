"""The key store, or all of data_dir, is gone or was put back from a copy: a new device speaks, the identity stays."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from bot.channels.matrix.cryptostore import FILE
from bot.channels.matrix.homeserver import Homeserver, HomeserverError
from bot.channels.matrix.identity import IdentityError, Own, by_password
from bot.channels.matrix.recovery import Recovery
from bot.channels.matrix.secretstorage import SecretStorageError, recovery_key
from bot.channels.matrix.selfcheck import Finding, self_check
from bot.channels.matrix.signin import Credential
from bot.channels.matrix.signing import SigningKey, signing_document
from bot.demo.helpline import SHIPPED, Helpline
from bot.demo.person import Person
from bot.demo.synapse import Account, Synapse
from tests.channels.matrix.running import KEY, Bot
from tests.live.forge import Forger
from tests.live.test_identity import Cut, Cutting, chain, devices_of, log_in

pytestmark = pytest.mark.asyncio(loop_scope="module")

CLAIMED = 30  # one-time keys: so many that the bot makes new ones


def copy_key_store(folder: Path, to: Path) -> None:
    for file in folder.glob(f"{FILE}*"):
        shutil.copy(file, to)


def lose_key_store(folder: Path) -> None:
    for file in folder.glob(f"{FILE}*"):
        file.unlink()


async def recover(bot: Bot, shown: str, credential: Credential | None = None) -> Own:
    """What `setup --recover` does for the account."""
    homeserver = Homeserver(bot.url)
    credential = credential or Credential(password=bot.password)
    try:
        recovery = Recovery(homeserver, bot.record, bot.folder, KEY, bot.user_id, credential)
        await recovery.begin(shown)
        return await recovery.finish()
    finally:
        await homeserver.close()


@pytest_asyncio.fixture(loop_scope="module")
async def bot(synapse: Synapse, tmp_path: Path) -> AsyncIterator[Bot]:
    """A bot that was set up."""
    bot = Bot(synapse.url, await synapse.register(), tmp_path, {})
    await bot.set_up()
    yield bot
    await bot.stop()


@pytest.mark.parametrize("everything", [False, True], ids=["key store", "data_dir"])
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
async def test_killed_between_any_two_requests_the_next_recovery_finishes(
    synapse: Synapse, tmp_path: Path, *, after: bool, everything: bool
) -> None:
    cut_at: list[str] = []
    while True:
        folder = tmp_path / str(len(cut_at))
        folder.mkdir()
        bot = Bot(synapse.url, await synapse.register(), folder, {})
        lost = await bot.set_up()
        lose_key_store(folder)
        if everything:
            bot.record.kept = None
        with pytest.MonkeyPatch.context() as patch:
            cutting = Cutting(patch, len(cut_at) + 1, after=after)
            with contextlib.suppress(Cut):
                await recover(bot, bot.recovery_keys[0])
        if cutting.last:
            made = await recover(bot, bot.recovery_keys[0])
        else:
            made = Own(**(bot.record.kept or {}))
        there = {made.device_id, lost.device_id} if everything else {made.device_id}
        assert set(await devices_of(synapse, bot)) == there, cutting.last
        assert await chain(synapse, bot.user_id, made.device_id) == (made.device_id, lost.master), cutting.last
        assert made.device_id != lost.device_id
        assert (made.complete, set(made.seeds), made.replaces) == (True, {"self_signing"}, None)
        await bot.open()
        await bot.stop()
        if not cutting.last:
            break
        cut_at.append(cutting.last)
    assert len(cut_at) > 10


async def test_a_recovery_key_that_does_not_fit_changes_nothing(synapse: Synapse, bot: Bot) -> None:
    made = Own(**(bot.record.kept or {}))
    shown = bot.recovery_keys[0]
    with pytest.raises(SecretStorageError, match="type it again"):
        await recover(bot, shown[:-1] + ("a" if shown[-1] != "a" else "b"))
    with pytest.raises(SecretStorageError, match="not the one of this account"):
        await recover(bot, recovery_key(bytes(32)))
    assert await devices_of(synapse, bot) == [made.device_id]
    await bot.start()


async def test_an_account_without_secret_storage_is_told_so(synapse: Synapse, tmp_path: Path) -> None:
    bot = Bot(synapse.url, await synapse.register(), tmp_path, {})
    with pytest.raises(SecretStorageError, match="no secret storage"):
        await recover(bot, recovery_key(bytes(32)))
    assert await devices_of(synapse, bot) == []


async def test_an_identity_that_was_replaced_is_neither_recovered_nor_reset(synapse: Synapse, bot: Bot) -> None:
    made = Own(**(bot.record.kept or {}))
    foreign = SigningKey(bytes(32))
    master = signing_document(bot.user_id, "master", foreign.public)
    others = {
        f"{usage}_key": foreign.sign(bot.user_id, signing_document(bot.user_id, usage, SigningKey(seed).public))
        for usage, seed in (("self_signing", b"1" * 32), ("user_signing", b"2" * 32))
    }
    owner = Homeserver(bot.url, made.token)
    upload = ("POST", "keys", "device_signing", "upload")
    with pytest.raises(HomeserverError) as asked:
        await owner.call(*upload, body={"master_key": master, **others})
    auth = by_password(made, bot.password, asked.value)
    await owner.call(*upload, body={"master_key": master, **others, "auth": auth})
    await owner.close()
    for kept in (bot.record.kept, None):
        bot.record.kept = kept
        with pytest.raises(IdentityError, match="never reset"):
            await recover(bot, bot.recovery_keys[0])
    assert await devices_of(synapse, bot) == [made.device_id]
    assert (await chain_master(synapse, bot)) == foreign.public


async def chain_master(synapse: Synapse, bot: Bot) -> str:
    async with await Forger.login(synapse.url, await synapse.register()) as stranger:
        _, answer = await stranger.request("POST", "/keys/query", {"device_keys": {bot.user_id: []}})
    ((_, master),) = answer["master_keys"][bot.user_id]["keys"].items()
    return str(master)


async def test_a_record_from_before_the_seed_was_kept_still_runs_and_is_recovered(synapse: Synapse, bot: Bot) -> None:
    old = {key: (bot.record.kept or {})[key] for key in ("user_id", "device_id", "token", "master", "recovery")}
    bot.record.kept = {**old, "seeds": {}, "complete": True}
    await bot.start()
    await bot.stop()
    made = await recover(bot, bot.recovery_keys[0])
    assert made.made_at is not None
    assert await chain(synapse, bot.user_id) == (made.device_id, old["master"])


async def test_a_token_makes_the_new_device_too_unless_others_use_it(synapse: Synapse, bot: Bot) -> None:
    lose_key_store(bot.folder)
    used = await Person.login(synapse.url, bot.user_id, bot.password, cross_sign=False)
    with pytest.raises(IdentityError, match="new device"):
        await recover(bot, bot.recovery_keys[0], Credential(token=used.access_token))
    await used.stop()
    token, device_id = await log_in(synapse, bot)
    made = await recover(bot, bot.recovery_keys[0], Credential(token=token))
    assert made.device_id == device_id
    assert (await chain(synapse, bot.user_id, device_id))[1] == made.master


async def test_a_healthy_account_has_nothing_to_report(bot: Bot) -> None:
    assert [finding for finding in await findings_of(bot) if not finding.good] == []


async def test_what_is_wrong_with_an_account_is_found(synapse: Synapse, bot: Bot) -> None:
    other = await Person.login(synapse.url, bot.user_id, bot.password, cross_sign=False)
    await other.stop()
    assert {finding.code: finding.params for finding in await findings_of(bot) if not finding.good} == {
        "other-devices": {"unsigned": "1"}
    }


async def findings_of(bot: Bot) -> list[Finding]:
    own = Own(**(bot.record.kept or {}))
    homeserver = Homeserver(bot.url, own.token)
    try:
        return await self_check(homeserver, own)
    finally:
        await homeserver.close()


# --- the whole bot ---------------------------------------------------------------------------------------------------


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def helpline() -> AsyncIterator[Helpline]:
    async with Helpline(specialists=1) as helpline:
        yield helpline


async def talk(requester: Person, room: str, text: str, bot_id: str) -> None:
    """Write, and be answered, encrypted."""
    await requester.send(room, text)
    message = await requester.next_message(room)
    assert message.sender == bot_id


async def test_after_a_recovery_a_strict_requester_is_answered_and_staff_are_told_once(helpline: Helpline) -> None:
    requester = await helpline.person()
    room = await requester.invite_to_new_room(helpline.bot_id)
    await requester.joined(room, helpline.bot_id)
    await talk(requester, room, "hello", helpline.bot_id)
    before = await identity_of(requester, helpline)

    await helpline.stop_bot()
    lose_key_store(helpline.data_dir)
    code, said = await helpline.command("run", "--config", str(helpline.config))
    assert (code, "setup --recover" in said) == (2, True)
    code, said = await recover_by_command(helpline, helpline.recovery_key)
    assert code == 0, said
    await helpline.start_bot()

    await talk(requester, room, "hello again", helpline.bot_id)
    after = await identity_of(requester, helpline)
    assert after[0] == before[0]
    assert len(after[1]) == 1
    assert after[1] != before[1]
    await helpline.stop_bot()
    await helpline.start_bot()
    await talk(requester, room, "and again", helpline.bot_id)
    assert count_alarms(helpline) == 1


async def test_a_mistyped_recovery_key_is_one_line(helpline: Helpline) -> None:
    code, said = await recover_by_command(helpline, "EsTc 5rr1")
    assert (code, len(said.splitlines())) == (2, 1)
    assert "EsTc" not in said


async def test_a_device_whose_key_store_was_put_back_is_replaced_by_the_running_bot(
    helpline: Helpline, tmp_path: Path
) -> None:
    requester = await helpline.person()
    room = await requester.invite_to_new_room(helpline.bot_id)
    await requester.joined(room, helpline.bot_id)
    await talk(requester, room, "hello", helpline.bot_id)
    await helpline.stop_bot()
    copy_key_store(helpline.data_dir, tmp_path)
    await claim(helpline)
    await helpline.start_bot()
    # the sync that brings the second message comes after the keys of the first one's were uploaded
    await talk(requester, room, "one", helpline.bot_id)
    await talk(requester, room, "two", helpline.bot_id)
    await helpline.stop_bot()
    lose_key_store(helpline.data_dir)
    copy_key_store(tmp_path, helpline.data_dir)
    await claim(helpline)

    before, alarms = await identity_of(requester, helpline), count_alarms(helpline)
    await helpline.start_bot()
    await requester.send(room, "three")
    await helpline.specialists[0].until(lambda: count_alarms(helpline) == alarms + 1)
    requester_sees = await identity_of(requester, helpline)
    assert requester_sees[0] == before[0]
    assert len(requester_sees[1]) == 1
    assert requester_sees[1] != before[1]
    # an answer to the third message may still come from the old device, and be lost with it
    await talk(requester, room, "four", helpline.bot_id)
    await talk(requester, room, "five", helpline.bot_id)
    assert "spent" in helpline.log.read_text()


async def identity_of(requester: Person, helpline: Helpline) -> tuple[str, list[str]]:
    """The bot's master key and its devices, as a requester sees them."""
    answer = await requester.keys_of(helpline.bot_id)
    ((_, master),) = answer["master_keys"][helpline.bot_id]["keys"].items()
    return master, list(answer["device_keys"][helpline.bot_id])


def count_alarms(helpline: Helpline) -> int:
    """How often the queue room was told of a new device."""
    return sum("new device" in m.body for m in helpline.specialists[0].messages(helpline.queue_room))


async def recover_by_command(helpline: Helpline, shown: str) -> tuple[int, str]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bot", "setup", "--recover", "--config", str(helpline.config)),
        cwd=SHIPPED,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate(f"{shown}\n".encode())
    return process.returncode or 0, said.decode().strip()


async def claim(helpline: Helpline) -> None:
    """Use up one-time keys of the bot's, as people do who write to it for the first time."""
    account: Account = await helpline.synapse.register()
    async with await Forger.login(helpline.synapse.url, account) as stranger:
        (device_id,) = await stranger.devices(helpline.bot_id)
        wanted = {"one_time_keys": {helpline.bot_id: {device_id: "signed_curve25519"}}}
        for _ in range(CLAIMED):
            await stranger.request("POST", "/keys/claim", wanted)
