"""What an administrator is told when something is wrong: one clear line, exit code 2, nothing half-written."""

import os
import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from mautrix.api import Method, SynapseAdminPath

from bot import store
from bot.admin.setup import identity_record
from bot.app import Renewals
from bot.channels.matrix.homeserver import Homeserver
from bot.channels.matrix.identity import Own, read_own
from bot.channels.matrix.selfcheck import self_check
from bot.channels.matrix.upkeep import DeviceSpentError
from bot.config import Config
from bot.demo.helpline import SHIPPED, Helpline
from bot.demo.person import Person
from bot.demo.synapse import Account, Synapse
from bot.services.roster import grouped

CONFIG = """
[matrix]
homeserver = "{homeserver}"
user_id = "{user_id}"
password_file = "password"

[specialists]
room = "{room}"
members = [{{ user = "@specialist:localhost", master_key = "{master_key}" }}]

[flows]
path = "{flows}"

[store]
key_file = "key"
"""


class Installation:
    """A folder with a config, and the command line run in it."""

    def __init__(self, folder: Path, homeserver: str, account: Account) -> None:
        self.folder = folder
        self._account = account
        self.password(account.password)
        self.configure(homeserver)

    def password(self, password: str) -> None:
        (self.folder / "password").write_text(password)

    def configure(self, homeserver: str, room: str = "!room:localhost") -> None:
        text = CONFIG.format(
            homeserver=homeserver,
            user_id=self._account.user_id,
            room=room,
            master_key="A" * 43,
            flows=SHIPPED / "flows",
        )
        (self.folder / "config.toml").write_text(text)

    def vestibule(self, *arguments: str) -> tuple[int, str, str]:
        done = subprocess.run(
            [sys.executable, "-m", "bot", *arguments],
            cwd=self.folder,
            env={**os.environ, "PYTHONPATH": str(SHIPPED)},
            capture_output=True,
            text=True,
            timeout=60,
        )
        return done.returncode, done.stdout, done.stderr

    def refused(self, *arguments: str) -> str:
        """The one line with which a command is refused."""
        before = self.files()
        code, said, told = self.vestibule(*arguments)
        assert (code, said) == (2, "")
        assert len(told.splitlines()) == 1
        assert self.files() == before
        return told

    @property
    def config(self) -> Config:
        return Config.read(self.folder / "config.toml", {})

    @property
    def master(self) -> store.MasterKey:
        return store.MasterKey.read(self.folder / "key")

    def own(self) -> Own:
        """What is kept of the bot's identity."""
        own = read_own(identity_record(self.config, self.master))
        assert own is not None
        return own

    def files(self) -> set[str]:
        return {str(path.relative_to(self.folder)) for path in self.folder.rglob("*")} - {"data", "data/lock"}


@pytest.fixture
async def installation(synapse: Synapse, tmp_path: Path) -> Installation:
    return Installation(tmp_path, synapse.url, await synapse.register())


def test_a_wrong_password_is_said_and_leaves_nothing(installation: Installation) -> None:
    installation.password("wrong")
    assert "password" in installation.refused("setup", "--yes")
    assert not (installation.folder / "data").exists()
    assert not (installation.folder / "key").exists()


def test_an_unreachable_homeserver_is_said_and_leaves_nothing(installation: Installation) -> None:
    installation.configure("http://127.0.0.1:1")
    assert "[matrix] homeserver" in installation.refused("setup", "--yes")
    assert not (installation.folder / "key").exists()


def test_run_before_setup_names_setup(installation: Installation) -> None:
    assert "vestibule setup" in installation.refused("run")


def test_setup_prints_the_recovery_key_once_and_makes_one_device(installation: Installation) -> None:
    code, said, told = installation.vestibule("setup", "--yes")
    fingerprint = f"The bot's fingerprint: {grouped(installation.own().master or '')}"
    assert (code, told.splitlines()[0], len(told.splitlines())) == (0, fingerprint, 2)
    assert len(said.split()) == 12
    made = (installation.folder / "data" / "matrix-identity").read_bytes()
    assert installation.vestibule("setup", "--yes") == (0, "", told)
    assert (installation.folder / "data" / "matrix-identity").read_bytes() == made


def test_what_is_wrong_after_setup_is_said_too(installation: Installation) -> None:
    assert installation.vestibule("setup", "--yes")[0] == 0
    key = installation.folder / "key"
    secret = key.read_bytes()

    key.write_bytes(bytes(32))
    assert "key" in installation.refused("run")
    assert "key" in installation.refused("setup", "--yes")
    key.unlink()
    assert "no key file" in installation.refused("run")
    assert "restore" in installation.refused("setup", "--yes")
    key.write_bytes(secret)
    assert "chmod 600" in installation.refused("run")
    key.chmod(0o600)

    installation.configure("http://127.0.0.1:1")
    assert "[matrix] homeserver" in installation.refused("run")


def test_an_alias_that_does_not_exist_is_said(installation: Installation, synapse: Synapse) -> None:
    assert installation.vestibule("setup", "--yes")[0] == 0
    installation.configure(synapse.url, room="#nowhere:localhost")
    assert "[specialists] room" in installation.refused("run")


async def test_a_device_that_was_logged_out_from_outside_is_replaced_by_setup(
    installation: Installation, synapse: Synapse
) -> None:
    assert installation.vestibule("setup", "--yes")[0] == 0
    own = installation.own()
    homeserver = Homeserver(synapse.url, own.token)
    await homeserver.call("POST", "logout", body={})
    await homeserver.close()
    assert "vestibule setup" in installation.refused("run")
    assert installation.vestibule("setup", "--yes")[:2] == (0, "")
    made = installation.own()
    assert (made.master, made.device_id == own.device_id) == (own.master, False)
    homeserver = Homeserver(synapse.url, made.token)
    assert not [finding for finding in await self_check(homeserver, made) if not finding.good]
    await homeserver.close()


async def test_a_spent_device_is_replaced_once_an_hour_and_not_without_the_seed(
    installation: Installation,
) -> None:
    assert installation.vestibule("setup", "--yes")[0] == 0
    first = installation.own()
    spent = DeviceSpentError("spent")
    renewals = Renewals(installation.config, installation.master)
    await renewals.renew(spent)
    second = installation.own()
    assert (second.master, second.complete, second.device_id == first.device_id) == (first.master, True, False)
    with pytest.raises(DeviceSpentError):
        await renewals.renew(spent)
    assert installation.own() == second
    identity_record(installation.config, installation.master).write({**asdict(second), "seeds": {}})
    with pytest.raises(DeviceSpentError):
        await Renewals(installation.config, installation.master).renew(spent)


async def test_a_renewal_that_was_interrupted_is_finished_by_the_next_start(installation: Installation) -> None:
    assert installation.vestibule("setup", "--yes")[0] == 0
    first = installation.own()
    record = identity_record(installation.config, installation.master)
    record.write(asdict(replace(first, device_id="NEXT", token=None, complete=False, replaces=first.device_id)))
    await Renewals(installation.config, installation.master).go_on()
    assert (installation.own().device_id, installation.own().complete) == ("NEXT", True)


async def test_a_session_that_the_homeserver_ended_ends_the_bot_with_one_line() -> None:
    async with Helpline(specialists=1) as helpline:
        admin = await helpline.synapse.register(admin=True)
        client = await Person.login(helpline.synapse.url, admin.user_id, admin.password)
        devices = SynapseAdminPath.v2.users[helpline.bot_id].devices
        for device in (await client.request(Method.GET, devices))["devices"]:
            await client.request(Method.DELETE, devices[device["device_id"]])
        assert await helpline.bot_ended() == 2
        await client.stop()
        last = helpline.log.read_text().splitlines()[-1]
        assert "vestibule setup" in last
