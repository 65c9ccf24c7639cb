"""The bot's own identity: one device, cross-signed, with a recovery key; without it, strict clients give it no keys.

Every private part is on disk, sealed, before the request that publishes it: killed between any two requests, the next
`setup` goes on with the same identity. `run` never makes one; it checks the chain device → self-signing → master key.
One that was not made here is replaced only where an administrator has typed the words (`setup --reset-identity`).
https://spec.matrix.org/v1.16/client-server-api/#cross-signing
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from unpaddedbase64 import encode_base64

from bot.channels.matrix.guard import Guard
from bot.channels.matrix.homeserver import Homeserver, HomeserverError
from bot.channels.matrix.secretstorage import recovery_key, seed_of, store_secrets
from bot.channels.matrix.signing import Identity, SigningKey, lists_master, read_identity, signing_document
from bot.errors import VestibuleError
from bot.ports import Record

USAGES = ("master", "self_signing", "user_signing")
RUNNING = ("self_signing",)  # usages whose seeds stay once all is made
PAGE = re.compile(r"https?://[!-~]{1,300}")  # an address that may stand in an error


class IdentityError(VestibuleError):
    """The credential, or the identity, is not one that the bot can work with."""


@dataclass(frozen=True, slots=True)
class Own:
    """What is kept of the bot's identity. Once setup is complete, of the secrets only the self-signing seed is left.

    Whoever has data_dir and key file can speak as the bot anyway; with that seed a spent device can be replaced without
    a person. Records from before it was kept hold no seeds, and no `made_at`.
    """

    user_id: str
    device_id: str
    token: str | None = field(default=None, repr=False)
    master: str | None = None
    seeds: Mapping[str, str] = field(default_factory=dict, repr=False)
    recovery: str | None = field(default=None, repr=False)
    complete: bool = False
    made_at: str | None = None  # ISO time of this device
    next_device: str | None = None  # begun by a recovery that is not sure of the recovery key yet
    replaces: str | None = None  # the device before this one, until it is logged out
    stale_store: bool = False  # the key store on the disk is still the one of the device before
    unannounced: bool = False  # staff have not been told of this device, which took the place of another

    @property
    def replacing(self) -> bool:
        """Whether this device is to take the place of another, under the same identity, and is not ready yet."""
        return not self.complete and self.master is not None and set(self.seeds) == set(RUNNING)


def read_own(record: Record) -> Own | None:
    """What an earlier setup kept."""
    kept = record.read()
    return None if kept is None else Own(**kept)


def keep(record: Record, own: Own) -> Own:
    """On the disk when this returns."""
    record.write(asdict(own))
    return own


def new_device_id() -> str:
    """Chosen by us and kept before it is used: signing in again, after a crash, finds the same device."""
    return os.urandom(5).hex().upper()


def now() -> str:
    """The moment, as a record keeps it."""
    return datetime.now(UTC).isoformat()


async def establish(
    homeserver: Homeserver,
    guard: Guard,
    record: Record,
    own: Own,
    password: str | None,
    show: Callable[[str], None],
    *,
    reset: bool = False,
) -> Own:
    """Publish the device and its cross-signing identity; `show` is given the recovery key, once.

    Raises IdentityError where the account has an identity that is not ours: only a `reset` puts ours in its place.
    """
    answer = await own_keys(homeserver, own)
    identity = _without_foreign(own, answer) if reset else _refuse_foreign(own, answer)
    if own.complete:
        await verify(homeserver, guard, own)
        return own
    if not own.seeds:
        seeds = {usage: encode_base64(os.urandom(32)) for usage in USAGES}
        master = SigningKey(seed_of(seeds["master"])).public
        own = keep(record, replace(own, seeds=seeds, master=master, recovery=encode_base64(os.urandom(32))))
    if lists_device(answer, own):
        # uploading would put our keys in the place of the device's, and cut it off
        own_device(answer, guard, own)
    await upload_keys(homeserver, guard)
    if identity.self_signing is None:
        await _publish(homeserver, own, password, identity, reset=reset)
    await sign_device(homeserver, guard, own)
    recovery = seed_of(own.recovery or "")
    secrets = {f"m.cross_signing.{usage}": seed_of(seed) for usage, seed in own.seeds.items()}
    await store_secrets(homeserver, own.user_id, recovery, secrets)
    await verify(homeserver, guard, own)
    show(recovery_key(recovery))
    left = {usage: own.seeds[usage] for usage in RUNNING}
    return keep(record, replace(own, seeds=left, recovery=None, complete=True))


async def give_up(homeserver: Homeserver, record: Record, own: Own) -> Own:
    """Let go of an identity of ours that the homeserver does not list any more, so that a reset makes another.

    Raises IdentityError where it does list it: then nothing is lost. Again, after a kill, is harmless.
    """
    if own.master is None or set(own.seeds) == set(USAGES):
        return own  # none was made here, or a reset goes on
    if read_identity(own.user_id, await own_keys(homeserver, own)).master == own.master:
        raise IdentityError(
            "the account's identity is the one that this installation has: nothing is lost, and nothing was reset; "
            "`vestibule doctor` says what is wrong"
        )
    given_up = replace(own, seeds={}, master=None, recovery=None, complete=False, replaces=None, next_device=None)
    return keep(record, given_up)


def signing_key(own: Own, usage: str) -> SigningKey:
    """One of the identity's private keys, while it is kept."""
    return SigningKey(seed_of(own.seeds[usage]))


def _refuse_foreign(own: Own, answer: Mapping[str, Any]) -> Identity:
    """What the homeserver lists of the account, unless somebody else made it."""
    identity = read_identity(own.user_id, answer)
    if _is_foreign(own, answer, identity):
        raise IdentityError(
            "the account already has a cross-signing identity that was not made here; it will not be replaced. "
            "Use an account of its own for the bot, or the data_dir that belongs to this one; where that is lost, and "
            "the identity is the bot's, run `vestibule setup --recover`, or without its recovery key "
            "`vestibule setup --reset-identity`"
        )
    return identity


def _without_foreign(own: Own, answer: Mapping[str, Any]) -> Identity:
    """What the homeserver lists of the account, as if there were no identity where it is not ours."""
    identity = read_identity(own.user_id, answer)
    return Identity(own.user_id) if _is_foreign(own, answer, identity) else identity


def _is_foreign(own: Own, answer: Mapping[str, Any], identity: Identity) -> bool:
    return lists_master(own.user_id, answer) and (identity.master is None or identity.master != own.master)


async def _publish(homeserver: Homeserver, own: Own, password: str | None, listed: Identity, *, reset: bool) -> None:
    keys = {usage: signing_key(own, usage) for usage in USAGES}
    documents = {
        f"{usage}_key": signing_document(own.user_id, usage, key.public)
        if usage == "master"
        else keys["master"].sign(own.user_id, signing_document(own.user_id, usage, key.public))
        for usage, key in keys.items()
    }
    if listed.master is not None:
        # a homeserver stores the three one after the other: stopped in between, it has this one, and takes it once
        del documents["master_key"]
    try:
        await homeserver.call("POST", "keys", "device_signing", "upload", body=documents)
    except HomeserverError as error:
        flows = error.answer.get("flows")
        stages = [flow.get("stages") for flow in flows if isinstance(flow, dict)] if isinstance(flows, list) else []
        if error.status != 401 or not stages:
            raise
        again = "run `vestibule setup --reset-identity` again" if reset else "run `vestibule setup` again"
        if ["m.login.password"] not in stages:
            place = _page(error.answer.get("params")) or "sign in there"
            raise IdentityError(
                f"the homeserver wants the account's owner to allow this in a browser: {place} with this account, "
                f"allow the change of its encryption identity, and {again}"
            ) from error
        if password is None:
            raise IdentityError(
                "the homeserver wants the account's password for this; name it in [matrix] password_file in place of "
                f"the access token, and {again}"
            ) from error
        if not reset:
            # that it asks may mean that there is an identity by now; the password would replace it
            _refuse_foreign(own, await own_keys(homeserver, own))
        auth = by_password(own, password, error)
        try:
            await homeserver.call("POST", "keys", "device_signing", "upload", body={**documents, "auth": auth})
        except HomeserverError as refused:
            if refused.status in (401, 403):
                raise IdentityError(
                    "the homeserver does not accept the password for making the account's identity; correct it"
                ) from refused
            raise


def by_password(own: Own, password: str, asked: HomeserverError) -> dict[str, Any]:
    """The password, as a homeserver that asked for it once more takes it."""
    return {
        "type": "m.login.password",
        "identifier": {"type": "m.id.user", "user": own.user_id},
        "password": password,
        "session": asked.answer.get("session"),
    }


def _page(params: object) -> str | None:
    """Where a browser has to go, if the homeserver says so."""
    for stage in ("org.matrix.cross_signing_reset", "m.oauth"):
        found = params.get(stage) if isinstance(params, dict) else None
        url = found.get("url") if isinstance(found, dict) else None
        if isinstance(url, str) and PAGE.fullmatch(url):
            return f"open {url}"
    return None


async def upload_keys(homeserver: Homeserver, guard: Guard) -> None:
    """Publish the device, one-time keys and a fallback key."""
    body: dict[str, Any] = {"device_keys": guard.device_keys(), **(guard.keys_to_upload({}, []) or {})}
    await homeserver.call("POST", "keys", "upload", body=body)
    guard.keys_settled()


async def sign_device(homeserver: Homeserver, guard: Guard, own: Own) -> None:
    """The self-signing key signs the device as the homeserver holds it; the device signs the master key."""
    answer = await own_keys(homeserver, own)
    device = own_device(answer, guard, own)
    public = own.master or ""
    master = signing_document(own.user_id, "master", public)
    by_device = {own.user_id: {f"ed25519:{own.device_id}": guard.sign(master)}}
    answer = await homeserver.call(
        "POST",
        "keys",
        "signatures",
        "upload",
        body={
            own.user_id: {
                own.device_id: signing_key(own, "self_signing").sign(own.user_id, device),
                public: {**master, "signatures": by_device},
            }
        },
    )
    if answer.get("failures"):
        raise IdentityError("the homeserver refused the device's signatures; run `vestibule setup` again")


def lists_device(answer: Mapping[str, Any], own: Own) -> bool:
    """Whether the homeserver holds keys of this device."""
    try:
        return own.device_id in answer["device_keys"][own.user_id]
    except (KeyError, TypeError):
        return False


def own_device(answer: Mapping[str, Any], guard: Guard, own: Own) -> dict[str, Any]:
    """The device as the homeserver lists it. Raises IdentityError where its keys are not those of the key store."""
    try:
        device = dict(answer["device_keys"][own.user_id][own.device_id])
        ours = guard.device_keys()["keys"] == device["keys"]
    except (KeyError, TypeError, ValueError) as error:
        raise IdentityError("the homeserver does not list this device; run `vestibule setup`") from error
    if not ours:
        raise IdentityError(
            "the homeserver lists other keys for this device than data_dir holds: the key store was lost or swapped; "
            "restore it, or run `vestibule setup --recover` with the recovery key"
        )
    device.pop("unsigned", None)
    return device


async def own_keys(homeserver: Homeserver, own: Own) -> dict[str, Any]:
    """What the homeserver tells others about the bot's keys."""
    return await homeserver.call("POST", "keys", "query", body={"device_keys": {own.user_id: []}})


async def verify(homeserver: Homeserver, guard: Guard, own: Own) -> None:
    """Check the chain device → self-signing key → master key, as everyone else sees it. Raises IdentityError."""
    answer = await own_keys(homeserver, own)
    own_device(answer, guard, own)
    identity = read_identity(own.user_id, answer)
    device = identity.device(guard.curve25519, guard.ed25519)
    if identity.master is None or identity.master != own.master:
        raise IdentityError(
            "the account's cross-signing identity is not the one that setup made: it was replaced or removed"
        )
    if device is None or not device.signed:
        raise IdentityError("this device is not signed by the account's identity; run `vestibule setup`")
