"""An identity is put in the place of a lost one only where an administrator has typed the words."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from bot.admin import setup
from bot.channels.matrix.homeserver import Homeserver, HomeserverError
from bot.channels.matrix.identity import IdentityError, Own, establish, give_up
from bot.channels.matrix.secretstorage import open_secrets, read_recovery_key
from bot.channels.matrix.selfcheck import self_check
from bot.channels.matrix.signin import Credential, sign_in
from bot.channels.matrix.signing import SigningKey
from bot.demo.helpline import SHIPPED
from bot.demo.person import Person
from bot.demo.synapse import Account, Synapse
from tests.channels.matrix.peer import Identity
from tests.channels.matrix.running import MemoryRecord, guarded
from tests.live.forge import Forger
from tests.live.test_administrator import Installation
from tests.live.test_identity import Asking, Cut, Cutting, chain


async def lost(synapse: Synapse, folder: Path) -> tuple[Installation, Account, Person]:
    """An account whose identity somebody made, and lost."""
    account = await synapse.register()
    person = await Person.login(synapse.url, account.user_id, account.password)
    await person.stop()
    return Installation(folder, synapse.url, account), account, person


async def reset(installation: Installation, shown: list[str]) -> Own:
    config = installation.config
    return await asyncio.to_thread(setup.reset_identity, config, setup.reset_sentence(config), shown.append)


async def listed(synapse: Synapse, user_id: str) -> Any:
    """All that the homeserver tells strangers about an account's keys."""
    async with await Forger.login(synapse.url, await synapse.register()) as stranger:
        _, answer = await stranger.request("POST", "/keys/query", {"device_keys": {user_id: []}})
    return answer


async def devices_of(synapse: Synapse, account: Account) -> list[str]:
    async with await Forger.login(synapse.url, account) as owner:
        _, answer = await owner.request("GET", "/devices")
        await owner.request("POST", "/logout", {})
    return [device["device_id"] for device in answer["devices"] if device["device_id"] != owner.device_id]


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
async def test_killed_between_any_two_requests_the_next_reset_finishes(
    synapse: Synapse, tmp_path: Path, *, after: bool
) -> None:
    cut_at: list[str] = []
    while True:
        folder = tmp_path / str(len(cut_at))
        folder.mkdir()
        installation, account, person = await lost(synapse, folder)
        shown: list[str] = []
        with pytest.MonkeyPatch.context() as patch:
            cutting = Cutting(patch, len(cut_at) + 1, after=after)
            try:
                made = await reset(installation, shown)
            except Cut:
                made = None
        made = made or await reset(installation, shown)
        assert await chain(synapse, account.user_id, made.device_id) == (made.device_id, made.master), cutting.last
        assert made.master != person.master_key
        assert len(set(shown)) == 1, cutting.last
        assert (made.complete, set(made.seeds), made.recovery) == (True, {"self_signing"}, None)
        assert set(await devices_of(synapse, account)) == {person.device_id, made.device_id}, cutting.last
        if not cutting.last:
            break
        cut_at.append(cutting.last)
    assert len(cut_at) > 10
    assert sum("device_signing" in request for request in cut_at) == 2  # asked for the password, and taken


async def test_after_a_reset_the_account_is_whole_and_its_new_recovery_key_opens_it(
    synapse: Synapse, tmp_path: Path
) -> None:
    installation, account, _ = await lost(synapse, tmp_path)
    shown: list[str] = []
    made = await reset(installation, shown)
    homeserver = Homeserver(synapse.url, made.token)
    assert {f.code for f in await self_check(homeserver, made) if not f.good} == {"other-devices"}
    found = await open_secrets(homeserver, account.user_id, read_recovery_key(shown[0]), ("m.cross_signing.master",))
    assert SigningKey(found["m.cross_signing.master"]).public == made.master
    await homeserver.close()


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "\n",
        "yes\n",
        "reset the identity of @somebody:localhost\n",
        "Reset the identity of {}\n",
        "reset the identity of {}!\n",
        "reset the identity of {}\0\n",
        "\nreset the identity of {}\n",
    ],
)
async def test_other_words_change_nothing_not_even_a_device(synapse: Synapse, tmp_path: Path, typed: str) -> None:
    installation, account, person = await lost(synapse, tmp_path)
    keys, files = await listed(synapse, account.user_id), installation.files()
    code, said, told = command(installation, typed.format(account.user_id), "--yes")
    assert (code, said) == (2, "")
    assert told.splitlines()[-1].startswith("nothing was changed")
    assert await listed(synapse, account.user_id) == keys
    assert await devices_of(synapse, account) == [person.device_id]
    assert installation.files() == files


def command(installation: Installation, typed: str, *options: str) -> tuple[int, str, str]:
    """`vestibule setup --reset-identity`, with this on its standard input."""
    done = subprocess.run(
        [sys.executable, "-m", "bot", "setup", "--reset-identity", *options],
        cwd=installation.folder,
        env={**os.environ, "PYTHONPATH": str(SHIPPED)},
        input=typed,
        capture_output=True,
        text=True,
        timeout=60,
    )
    return done.returncode, done.stdout, done.stderr


async def test_the_command_says_what_follows_and_prints_the_new_recovery_key(synapse: Synapse, tmp_path: Path) -> None:
    installation, account, person = await lost(synapse, tmp_path)
    code, _, told = installation.vestibule("setup", "--yes")
    assert (code, "--reset-identity" in told) == (2, True)
    code, said, told = command(installation, f"reset the identity of {account.user_id}\n")
    assert code == 0
    assert len(said.split()) == 12
    assert "sees a warning" in told
    assert "take it down" in told
    assert "The bot's fingerprint: " in told
    assert installation.own().master != person.master_key
    assert installation.vestibule("setup", "--yes")[:2] == (0, "")


async def test_an_identity_that_is_not_lost_is_not_reset(synapse: Synapse, tmp_path: Path) -> None:
    account = await synapse.register()
    installation = Installation(tmp_path, synapse.url, account)
    assert installation.vestibule("setup", "--yes")[0] == 0
    made, keys = installation.own(), await listed(synapse, account.user_id)
    code, said, told = command(installation, f"reset the identity of {account.user_id}\n")
    assert (code, said) == (2, "")
    assert "nothing is lost" in told
    assert (installation.own(), await listed(synapse, account.user_id)) == (made, keys)


async def test_an_identity_that_was_replaced_from_outside_is_reset_on_the_same_device(
    synapse: Synapse, tmp_path: Path
) -> None:
    account = await synapse.register()
    installation = Installation(tmp_path, synapse.url, account)
    assert installation.vestibule("setup", "--yes")[0] == 0
    before = installation.own()
    thief = await Person.login(synapse.url, account.user_id, account.password, cross_sign=False)
    await thief.replace_identity(account.password)
    await thief.stop()
    made = await reset(installation, [])
    assert (made.device_id, made.complete) == (before.device_id, True)
    assert made.master not in (before.master, thief.master_key)
    assert await chain(synapse, account.user_id, made.device_id) == (made.device_id, made.master)


async def test_where_a_browser_is_needed_that_is_said_and_the_reset_goes_on_after_it(tmp_path: Path) -> None:
    page = {"org.matrix.cross_signing_reset": {"url": "https://accounts.example.org/reset"}}
    asking = Asking([{"stages": ["org.matrix.cross_signing_reset"]}])
    asking.keys |= {key: value for key, value in Identity(asking.user_id).listed().items() if key != "device_keys"}
    identity_upload = asking.server.answers["POST keys/device_signing/upload"]
    asking.server.answers["GET account/whoami"] = lambda _: {
        "user_id": asking.user_id,
        "device_id": next(iter(asking.keys["device_keys"][asking.user_id])),
    }

    def ask_for_a_browser(body: Any) -> Any:
        asking.asked.append(body)
        return HomeserverError(401, answer={"session": "s", "flows": asking.flows, "params": page})

    record = MemoryRecord()

    async def run() -> Own:
        own = await sign_in(asking.server, record, asking.user_id, Credential(password="right"))
        own = await give_up(asking.server, record, own)
        with guarded(tmp_path, own) as guard:
            return await establish(asking.server, guard, record, own, "right", lambda _: None, reset=True)

    asking.server.answers["POST keys/device_signing/upload"] = ask_for_a_browser
    with pytest.raises(IdentityError, match=r"browser: open https://accounts.example.org/reset") as told:
        await run()
    assert "--reset-identity` again" in str(told.value)
    wanted = asking.asked[-1]["master_key"]

    asking.server.answers["POST keys/device_signing/upload"] = lambda body: (
        identity_upload({**body, "auth": {"password": "right"}}) if callable(identity_upload) else None
    )
    made = await run()
    assert made.complete
    assert asking.keys["master_keys"][asking.user_id]["keys"] == wanted["keys"]
