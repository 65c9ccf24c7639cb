"""The bot's identity on a real homeserver: made once, whatever happens meanwhile, and checked by others' code."""

from __future__ import annotations

import base64
import contextlib
import json
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import nacl.signing
import pytest
from mautrix.client import Client
from mautrix.types import UserID
from yarl import URL

from bot.channels.matrix.cryptostore import FILE
from bot.channels.matrix.homeserver import Homeserver, HomeserverError, Method
from bot.channels.matrix.identity import IdentityError, establish
from bot.channels.matrix.signin import Credential, sign_in
from bot.channels.matrix.signing import OLM
from bot.demo.olm import Machine
from bot.demo.person import Person
from bot.demo.synapse import Account, Synapse
from tests.channels.matrix.fake import Answering
from tests.channels.matrix.peer import Identity
from tests.channels.matrix.running import Bot, MemoryRecord, guarded
from tests.live.forge import Forger

JSON = dict[str, Any]


class Cut(BaseException):
    """The process ends here."""


class Cutting:
    """Ends the process at the n-th request, before it is sent, or after it was answered and nobody heard the answer."""

    def __init__(self, patch: pytest.MonkeyPatch, at: int, *, after: bool) -> None:
        self.left = at
        self.after = after
        self.last = ""
        real = Homeserver._request

        async def request(server: Homeserver, method: Method, url: URL, body: Any, wait: float, most: int) -> object:
            self.left -= 1
            if self.left == 0:
                self.last = f"{method} {url.path}"
                if not self.after:
                    raise Cut
            answer = await real(server, method, url, body, wait, most)
            if self.left == 0:
                raise Cut
            return answer

        patch.setattr(Homeserver, "_request", request)


def canonical(document: JSON) -> bytes:
    bare = {key: value for key, value in document.items() if key not in ("signatures", "unsigned")}
    return json.dumps(bare, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def unpadded(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4))


def assert_signed(document: JSON, user_id: str, name: str, public: str) -> None:
    nacl.signing.VerifyKey(unpadded(public)).verify(
        canonical(document), unpadded(document["signatures"][user_id][f"ed25519:{name}"])
    )


async def chain(synapse: Synapse, user_id: str, device_id: str | None = None) -> tuple[str, str]:
    """The one device and the master key of an account as a stranger sees them; every signature checked by PyNaCl."""
    async with await Forger.login(synapse.url, await synapse.register()) as stranger:
        _, answer = await stranger.request("POST", "/keys/query", {"device_keys": {user_id: []}})
    devices = answer["device_keys"][user_id]
    device_id = device_id or next(iter(devices))
    device = devices[device_id]
    ((_, master),) = answer["master_keys"][user_id]["keys"].items()
    ((_, self_signing),) = answer["self_signing_keys"][user_id]["keys"].items()
    assert OLM in device["algorithms"]
    assert_signed(device, user_id, device_id, device["keys"][f"ed25519:{device_id}"])
    assert_signed(device, user_id, self_signing, self_signing)
    assert_signed(answer["self_signing_keys"][user_id], user_id, master, master)
    return device_id, master


async def devices_of(synapse: Synapse, bot: Bot) -> list[str]:
    """All devices of the account, with keys or without, as the account itself sees them."""
    async with await Forger.login(synapse.url, Account(bot.user_id, bot.password)) as owner:
        _, answer = await owner.request("GET", "/devices")
        await owner.request("POST", "/logout", {})
        return [device["device_id"] for device in answer["devices"] if device["device_id"] != owner.device_id]


@pytest.fixture
async def bot(synapse: Synapse, tmp_path: Path) -> AsyncIterator[Bot]:
    """An account without an identity."""
    bot = Bot(synapse.url, await synapse.register(), tmp_path, {})
    yield bot
    await bot.stop()


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
async def test_killed_between_any_two_requests_setup_leaves_one_device_and_one_identity(
    synapse: Synapse, tmp_path: Path, *, after: bool
) -> None:
    cut_at: list[str] = []
    while True:
        folder = tmp_path / str(len(cut_at))
        folder.mkdir()
        bot = Bot(synapse.url, await synapse.register(), folder, {})
        with pytest.MonkeyPatch.context() as patch:
            cutting = Cutting(patch, len(cut_at) + 1, after=after)
            with contextlib.suppress(Cut):
                await bot.set_up()
        made = await bot.set_up()
        assert await devices_of(synapse, bot) == [made.device_id], cutting.last
        assert await chain(synapse, bot.user_id) == (made.device_id, made.master), cutting.last
        assert len(set(bot.recovery_keys)) == 1, cutting.last
        assert set(made.seeds) == {"self_signing"}
        assert made.recovery is None
        await bot.open()
        await bot.stop()
        if not cutting.last:
            break
        cut_at.append(cutting.last)
    assert len(cut_at) > 10
    assert any("device_signing" in request for request in cut_at)


async def test_a_homeserver_stopped_between_the_keys_of_an_identity_is_given_the_rest(
    synapse: Synapse, bot: Bot
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        Cutting(patch, 4, after=True)  # device_signing/upload
        with pytest.raises(Cut):
            await bot.set_up()
    await synapse.kill()
    with contextlib.closing(sqlite3.connect(synapse.folder / "homeserver.db")) as database, database:
        for gone in (
            "DELETE FROM e2e_cross_signing_keys WHERE user_id = ? AND keytype != 'master'",
            "DELETE FROM devices WHERE user_id = ? AND hidden AND display_name != 'master signing key'",
        ):
            assert database.execute(gone, (bot.user_id,)).rowcount == 2
    await synapse.start()
    made = await bot.set_up()
    assert await chain(synapse, bot.user_id) == (made.device_id, made.master)


async def test_setup_twice_changes_nothing(synapse: Synapse, bot: Bot) -> None:
    first = await bot.set_up()
    seen = await chain(synapse, bot.user_id)
    assert await bot.set_up() == first
    assert await chain(synapse, bot.user_id) == seen
    assert await devices_of(synapse, bot) == [first.device_id]
    assert len(bot.recovery_keys) == 1


async def test_an_identity_that_was_not_made_here_is_never_replaced(synapse: Synapse, tmp_path: Path) -> None:
    account = await synapse.register()
    person = await Person.login(synapse.url, account.user_id, account.password)
    await person.stop()
    with pytest.raises(IdentityError, match="not be replaced"):
        await Bot(synapse.url, account, tmp_path, {}).set_up()
    async with await Forger.login(synapse.url, await synapse.register()) as stranger:
        _, answer = await stranger.request("POST", "/keys/query", {"device_keys": {account.user_id: []}})
    ((_, master),) = answer["master_keys"][account.user_id]["keys"].items()
    assert master == person.master_key
    assert list(answer["device_keys"][account.user_id]) == [person.device_id]


async def test_the_device_vouches_for_the_master_key(synapse: Synapse, bot: Bot) -> None:
    made = await bot.set_up()
    async with await Forger.login(synapse.url, Account(bot.user_id, bot.password)) as owner:
        _, answer = await owner.request("POST", "/keys/query", {"device_keys": {bot.user_id: []}})
    device = answer["device_keys"][bot.user_id][made.device_id]
    key = device["keys"][f"ed25519:{made.device_id}"]
    assert_signed(answer["master_keys"][bot.user_id], bot.user_id, made.device_id, key)


async def test_the_recovery_key_opens_the_secrets_in_another_client(synapse: Synapse, bot: Bot) -> None:
    made = await bot.set_up()
    client = Client(base_url=synapse.url, mxid=UserID(bot.user_id))
    await client.login(password=bot.password)
    machine = Machine(client, strict=True)
    await machine.begin()
    await machine.verify_with_recovery_key(bot.recovery_keys[0])
    device_id = str(client.device_id)
    await client.api.session.close()
    async with await Forger.login(synapse.url, await synapse.register()) as stranger:
        _, answer = await stranger.request("POST", "/keys/query", {"device_keys": {bot.user_id: []}})
    ((_, self_signing),) = answer["self_signing_keys"][bot.user_id]["keys"].items()
    assert_signed(answer["device_keys"][bot.user_id][device_id], bot.user_id, self_signing, self_signing)
    assert await chain(synapse, bot.user_id, made.device_id) == (made.device_id, made.master)


# --- credentials -----------------------------------------------------------------------------------------------------


async def log_in(synapse: Synapse, who: Bot | Account) -> tuple[str, str]:
    """A session made elsewhere: its access token and its device."""
    homeserver = Homeserver(synapse.url)
    identifier = {"type": "m.id.user", "user": who.user_id}
    body = {"type": "m.login.password", "identifier": identifier, "password": who.password}
    answer = await homeserver.call("POST", "login", body=body)
    await homeserver.close()
    return answer["access_token"], answer["device_id"]


async def sign_in_with(bot: Bot, credential: Credential) -> str:
    homeserver = Homeserver(bot.url)
    try:
        return (await sign_in(homeserver, bot.record, bot.user_id, credential)).device_id
    finally:
        await homeserver.close()


async def test_an_access_token_is_as_good_as_a_password(synapse: Synapse, bot: Bot) -> None:
    token, device_id = await log_in(synapse, bot)
    homeserver = Homeserver(bot.url)
    own = await sign_in(homeserver, bot.record, bot.user_id, Credential(token=token))
    with guarded(bot.folder, own) as guard:
        made = await establish(homeserver, guard, bot.record, own, None, bot.recovery_keys.append)
    await homeserver.close()
    assert await chain(synapse, bot.user_id) == (device_id, made.master)
    await bot.start()


async def test_a_wrong_credential_is_said_so_in_words(synapse: Synapse, bot: Bot) -> None:
    theirs, _ = await log_in(synapse, await synapse.register())
    for credential, words in (
        (Credential(password="wrong"), "password"),
        (Credential(password=""), "password"),
        (Credential(token="syt_wrong"), "access token"),
        (Credential(token=theirs), "another account"),
    ):
        with pytest.raises(IdentityError, match=words):
            await sign_in_with(bot, credential)
    bot.record.kept = None
    bot.user_id = "@nobody:localhost"
    with pytest.raises(IdentityError, match="password"):
        await sign_in_with(bot, Credential(password="x"))


async def test_a_token_of_another_device_than_the_one_of_this_folder_is_refused(synapse: Synapse, bot: Bot) -> None:
    await bot.set_up()
    token, _ = await log_in(synapse, bot)
    with pytest.raises(IdentityError, match="another device"):
        await sign_in_with(bot, Credential(token=token))


async def test_a_folder_of_another_account_is_refused(synapse: Synapse, bot: Bot) -> None:
    await bot.set_up()
    bot.user_id = (await synapse.register()).user_id
    with pytest.raises(IdentityError, match="another account"):
        await sign_in_with(bot, Credential(password="x"))
    with pytest.raises(IdentityError, match="another account"):
        await bot.open()


async def test_a_session_that_ended_is_begun_again_on_the_same_device(synapse: Synapse, bot: Bot) -> None:
    with pytest.MonkeyPatch.context() as patch:
        Cutting(patch, 2, after=False)  # logged in, and nothing more
        with pytest.raises(Cut):
            await bot.set_up()
    assert bot.record.kept is not None
    device_id = bot.record.kept["device_id"]
    bot.record.write({**bot.record.kept, "token": "syt_ended"})
    assert (await bot.set_up()).device_id == device_id
    assert await devices_of(synapse, bot) == [device_id]


# --- what `run` checks -----------------------------------------------------------------------------------------------


async def test_nothing_runs_without_a_complete_identity(bot: Bot) -> None:
    with pytest.raises(IdentityError, match="setup"):
        await bot.open()
    with pytest.MonkeyPatch.context() as patch:
        Cutting(patch, 6, after=False)
        with pytest.raises(Cut):
            await bot.set_up()
    with pytest.raises(IdentityError, match="setup"):
        await bot.open()


async def test_a_lost_key_store_is_noticed_before_anything_is_published(synapse: Synapse, bot: Bot) -> None:
    made = await bot.set_up()
    seen = await chain(synapse, bot.user_id)
    for file in bot.folder.glob(f"{FILE}*"):
        file.unlink()
    with pytest.raises(IdentityError, match="lost or swapped"):
        await bot.open()
    for complete in (True, False):
        assert bot.record.kept is not None
        bot.record.write({**bot.record.kept, "complete": complete, "seeds": SEEDS, "recovery": "A" * 43})
        with pytest.raises(IdentityError, match="lost or swapped"):
            await bot.set_up()
    assert await chain(synapse, bot.user_id) == seen == (made.device_id, made.master)


async def test_an_identity_that_was_replaced_from_outside_is_noticed(synapse: Synapse, bot: Bot) -> None:
    await bot.set_up()
    assert bot.record.kept is not None
    bot.record.write({**bot.record.kept, "master": "A" * 43})
    with pytest.raises(IdentityError, match="replaced or removed"):
        await bot.open()


# --- homeservers that ask for more ------------------------------------------------------------------------------------

SEEDS = dict.fromkeys(("master", "self_signing", "user_signing"), "A" * 43)


class Asking:
    """A homeserver in memory that keeps keys, and wants to know more before it takes an identity."""

    def __init__(self, flows: Any) -> None:
        self.user_id = "@bot:localhost"
        self.keys: JSON = {"device_keys": {}, "master_keys": {}, "self_signing_keys": {}}
        self.asked: list[JSON] = []
        self.flows = flows
        self.failures: JSON = {}
        self.server = Answering(
            {
                "POST login": lambda body: {
                    "user_id": body["identifier"]["user"],
                    "device_id": body["device_id"],
                    "access_token": "t",
                },
                "POST keys/query": lambda _: self.keys,
                "POST keys/upload": self._upload,
                "POST keys/device_signing/upload": self._identity,
                "POST keys/signatures/upload": self._signatures,
                "PUT user/": {},
            }
        )

    def _upload(self, body: JSON) -> JSON:
        device = body["device_keys"]
        self.keys["device_keys"][self.user_id] = {device["device_id"]: device}
        return {}

    def _identity(self, body: JSON) -> Any:
        self.asked.append(body)
        auth = body.get("auth")
        if auth is None:
            return HomeserverError(401, answer={"session": "s", "flows": self.flows})
        if auth.get("password") != "right":
            return HomeserverError(401, "M_FORBIDDEN", answer={"session": "s", "flows": self.flows})
        self.keys["master_keys"][self.user_id] = body["master_key"]
        self.keys["self_signing_keys"][self.user_id] = body["self_signing_key"]
        return {}

    def _signatures(self, body: JSON) -> JSON:
        for name, document in body[self.user_id].items():
            if name in self.keys["device_keys"][self.user_id]:
                self.keys["device_keys"][self.user_id][name] = document
        return {"failures": self.failures}

    async def set_up(self, folder: Path, password: str | None) -> MemoryRecord:
        record = MemoryRecord()
        own = await sign_in(self.server, record, self.user_id, Credential(password=password or "x"))
        with guarded(folder, own) as guard:
            await establish(self.server, guard, record, own, password, lambda _: None)
        return record


PASSWORD = [{"stages": ["m.login.password"]}]


async def test_a_homeserver_that_asks_for_the_password_gets_it(tmp_path: Path) -> None:
    asking = Asking([{"stages": ["m.login.sso"]}, *PASSWORD])
    record = await asking.set_up(tmp_path, "right")
    assert record.kept is not None
    assert record.kept["complete"]
    first, second = asking.asked
    assert second["auth"] == {
        "type": "m.login.password",
        "identifier": {"type": "m.id.user", "user": "@bot:localhost"},
        "password": "right",
        "session": "s",
    }
    assert {key: value for key, value in second.items() if key != "auth"} == first


@pytest.mark.parametrize(
    ("flows", "password", "words"),
    [
        (PASSWORD, "wrong", "does not accept the password"),
        (PASSWORD, None, "password_file"),
        ([{"stages": ["org.matrix.cross_signing_reset"]}], "right", "browser"),
        ([{"stages": ["m.login.password", "m.login.terms"]}], "right", "browser"),
    ],
)
async def test_what_cannot_be_done_here_is_said_in_words(
    tmp_path: Path, flows: Any, password: str | None, words: str
) -> None:
    with pytest.raises(IdentityError, match=words):
        await Asking(flows).set_up(tmp_path, password)


async def test_an_identity_that_somebody_made_meanwhile_is_not_replaced_either(tmp_path: Path) -> None:
    asking = Asking(PASSWORD)
    upload = asking.server.answers["POST keys/upload"]

    def meanwhile(body: JSON) -> Any:
        asking.keys |= {key: value for key, value in Identity(asking.user_id).listed().items() if key != "device_keys"}
        return upload(body) if callable(upload) else upload

    asking.server.answers["POST keys/upload"] = meanwhile
    with pytest.raises(IdentityError, match="not be replaced"):
        await asking.set_up(tmp_path, "right")
    assert not any("auth" in body for body in asking.asked)


@pytest.mark.parametrize("flows", [None, [], "x", [None, 5], [{}]])
async def test_a_refusal_that_names_no_way_is_the_homeservers(tmp_path: Path, flows: Any) -> None:
    with pytest.raises((HomeserverError, IdentityError)):
        await Asking(flows).set_up(tmp_path, "right")


async def test_signatures_that_were_not_taken_are_noticed(tmp_path: Path) -> None:
    asking = Asking(PASSWORD)
    asking.failures = {asking.user_id: {"X": {"errcode": "M_INVALID_SIGNATURE"}}}
    with pytest.raises(IdentityError, match="signatures"):
        await asking.set_up(tmp_path, "right")


@pytest.mark.parametrize("master", [{"keys": 5}, {"usage": ["master"]}, "x", {"keys": {"a": "b", "c": "d"}}])
async def test_a_malformed_foreign_identity_is_foreign_all_the_same(tmp_path: Path, master: Any) -> None:
    asking = Asking(PASSWORD)
    asking.keys["master_keys"] = {asking.user_id: master}
    with pytest.raises(IdentityError, match="not be replaced"):
        await asking.set_up(tmp_path, "right")
    assert asking.asked == []
