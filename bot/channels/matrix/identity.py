"""The bot's own identity: one device, cross-signed, with a recovery key; without it, strict clients give it no keys.

Every private part is on disk, sealed, before the request that publishes it: killed between any two requests, the next
`setup` goes on with the same identity. `run` never makes one; it checks the chain device → self-signing → master key.
https://spec.matrix.org/v1.16/client-server-api/#cross-signing
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from unpaddedbase64 import encode_base64

from bot.channels.matrix.guard import Guard
from bot.channels.matrix.homeserver import Homeserver, HomeserverError
from bot.channels.matrix.secretstorage import recovery_key, seed_of, store_secrets
from bot.channels.matrix.signing import Identity, SigningKey, lists_master, read_identity, signing_document
from bot.errors import VestibuleError
from bot.ports import Record

USAGES = ("master", "self_signing", "user_signing")
DEVICE_NAME = "Vestibule"


class IdentityError(VestibuleError):
    """The credential, or the identity, is not one that the bot can work with."""


@dataclass(frozen=True, slots=True)
class Credential:
    """How the account is proven to be ours: one of the two."""

    password: str | None = field(default=None, repr=False)
    token: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Own:
    """What is kept of the bot's identity. Seeds and recovery secret are erased once setup is complete."""

    user_id: str
    device_id: str
    token: str | None = field(default=None, repr=False)
    master: str | None = None
    seeds: Mapping[str, str] = field(default_factory=dict, repr=False)
    recovery: str | None = field(default=None, repr=False)
    complete: bool = False


def read_own(record: Record) -> Own | None:
    """What an earlier setup kept."""
    kept = record.read()
    return None if kept is None else Own(**kept)


def _keep(record: Record, own: Own) -> Own:
    record.write(asdict(own))
    return own


async def sign_in(homeserver: Homeserver, record: Record, user_id: str, credential: Credential) -> Own:
    """Make the device, or find the one that an earlier setup began. Raises IdentityError, HomeserverError."""
    own = read_own(record)
    if own is not None and own.user_id != user_id:
        raise IdentityError("this data_dir belongs to another account; name an empty data_dir for this one")
    if credential.token is not None:
        homeserver.token = credential.token
        device_id = await _whoami(homeserver, user_id)
        if own is not None and own.device_id != device_id:
            raise IdentityError("the access token is of another device than the one this data_dir belongs to")
        return _keep(record, replace(own or Own(user_id, device_id), token=credential.token))
    if own is None:
        # chosen by us and kept first: signing in again, after a crash, finds the same device
        own = _keep(record, Own(user_id, os.urandom(5).hex().upper()))
    if own.token is not None:
        homeserver.token = own.token
        try:
            await _whoami(homeserver, user_id)
        except IdentityError:
            homeserver.token = None
        else:
            return own
    own = _keep(record, replace(own, token=await _log_in(homeserver, own, credential.password or "")))
    homeserver.token = own.token
    return own


async def _whoami(homeserver: Homeserver, user_id: str) -> str:
    try:
        answer = await homeserver.call("GET", "account", "whoami")
    except HomeserverError as error:
        if error.status == 401:
            raise IdentityError("the homeserver does not accept the access token; make a new one") from error
        raise
    device_id = answer.get("device_id")
    if answer.get("user_id") != user_id or not isinstance(device_id, str):
        raise IdentityError("the access token is of another account, or of no device; make one for [matrix] user_id")
    return device_id


async def _log_in(homeserver: Homeserver, own: Own, password: str) -> str:
    body = {
        "type": "m.login.password",
        "identifier": {"type": "m.id.user", "user": own.user_id},
        "password": password,
        "device_id": own.device_id,
        "initial_device_display_name": DEVICE_NAME,
    }
    try:
        answer = await homeserver.call("POST", "login", body=body)
    except HomeserverError as error:
        if error.status in (400, 403):
            raise IdentityError(
                "the homeserver does not accept [matrix] user_id with this password; correct one of them"
            ) from error
        raise
    token = answer.get("access_token")
    if answer.get("user_id") != own.user_id:
        await _log_out(homeserver, token)
        raise IdentityError(
            "the homeserver writes this account's id otherwise; write [matrix] user_id exactly as the homeserver does, "
            "in small letters"
        )
    if not isinstance(token, str) or answer.get("device_id") != own.device_id:
        raise HomeserverError(0)
    return token


async def _log_out(homeserver: Homeserver, token: object) -> None:
    """Remove a device that was made in vain."""
    if isinstance(token, str):
        homeserver.token = token
        with suppress(HomeserverError):
            await homeserver.call("POST", "logout", body={})
    homeserver.token = None


async def establish(
    homeserver: Homeserver, guard: Guard, record: Record, own: Own, password: str | None, show: Callable[[str], None]
) -> Own:
    """Publish the device and its cross-signing identity; `show` is given the recovery key, once.

    Raises IdentityError where the account has an identity that is not ours: it is never replaced.
    """
    answer = await own_keys(homeserver, own)
    identity = _refuse_foreign(own, answer)
    if own.complete:
        await verify(homeserver, guard, own)
        return own
    if not own.seeds:
        seeds = {usage: encode_base64(os.urandom(32)) for usage in USAGES}
        master = SigningKey(seed_of(seeds["master"])).public
        own = _keep(record, replace(own, seeds=seeds, master=master, recovery=encode_base64(os.urandom(32))))
    if _lists_device(answer, own):
        # uploading would put our keys in the place of the device's, and cut it off
        _own_device(answer, guard, own)
    body: dict[str, Any] = {"device_keys": guard.device_keys(), **(guard.keys_to_upload({}, []) or {})}
    await homeserver.call("POST", "keys", "upload", body=body)
    guard.keys_settled()
    if identity.self_signing is None:
        await _publish(homeserver, own, password, identity)
    await _sign_device(homeserver, guard, own)
    recovery = seed_of(own.recovery or "")
    secrets = {f"m.cross_signing.{usage}": seed_of(seed) for usage, seed in own.seeds.items()}
    await store_secrets(homeserver, own.user_id, recovery, secrets)
    await verify(homeserver, guard, own)
    show(recovery_key(recovery))
    return _keep(record, replace(own, seeds={}, recovery=None, complete=True))


def _keys(own: Own) -> dict[str, SigningKey]:
    return {usage: SigningKey(seed_of(own.seeds[usage])) for usage in USAGES}


def _refuse_foreign(own: Own, answer: Mapping[str, Any]) -> Identity:
    """What the homeserver lists of the account, unless somebody else made it."""
    identity = read_identity(own.user_id, answer)
    if lists_master(own.user_id, answer) and (identity.master is None or identity.master != own.master):
        raise IdentityError(
            "the account already has a cross-signing identity that was not made here; it will not be replaced. "
            "Use an account of its own for the bot, or the data_dir that belongs to this one"
        )
    return identity


async def _publish(homeserver: Homeserver, own: Own, password: str | None, listed: Identity) -> None:
    keys = _keys(own)
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
        if ["m.login.password"] not in stages or password is None:
            raise IdentityError(
                "the homeserver wants the account's owner to allow this in a browser: sign in there with this account, "
                "allow the change of its encryption identity, and run `vestibule setup` again"
            ) from error
        # that it asks may mean that there is an identity by now; the password would replace it
        _refuse_foreign(own, await own_keys(homeserver, own))
        auth = {
            "type": "m.login.password",
            "identifier": {"type": "m.id.user", "user": own.user_id},
            "password": password,
            "session": error.answer.get("session"),
        }
        try:
            await homeserver.call("POST", "keys", "device_signing", "upload", body={**documents, "auth": auth})
        except HomeserverError as refused:
            if refused.status in (401, 403):
                raise IdentityError(
                    "the homeserver does not accept the password for making the account's identity; correct it"
                ) from refused
            raise


async def _sign_device(homeserver: Homeserver, guard: Guard, own: Own) -> None:
    """The self-signing key signs the device as the homeserver holds it; the device signs the master key."""
    answer = await own_keys(homeserver, own)
    device = _own_device(answer, guard, own)
    keys = _keys(own)
    master = signing_document(own.user_id, "master", keys["master"].public)
    by_device = {own.user_id: {f"ed25519:{own.device_id}": guard.sign(master)}}
    answer = await homeserver.call(
        "POST",
        "keys",
        "signatures",
        "upload",
        body={
            own.user_id: {
                own.device_id: keys["self_signing"].sign(own.user_id, device),
                keys["master"].public: {**master, "signatures": by_device},
            }
        },
    )
    if answer.get("failures"):
        raise IdentityError("the homeserver refused the device's signatures; run `vestibule setup` again")


def _lists_device(answer: Mapping[str, Any], own: Own) -> bool:
    try:
        return own.device_id in answer["device_keys"][own.user_id]
    except (KeyError, TypeError):
        return False


def _own_device(answer: Mapping[str, Any], guard: Guard, own: Own) -> dict[str, Any]:
    try:
        device = dict(answer["device_keys"][own.user_id][own.device_id])
        ours = guard.device_keys()["keys"] == device["keys"]
    except (KeyError, TypeError, ValueError) as error:
        raise IdentityError("the homeserver does not list this device; run `vestibule setup`") from error
    if not ours:
        raise IdentityError(
            "the homeserver lists other keys for this device than data_dir holds: the key store was lost or swapped"
        )
    device.pop("unsigned", None)
    return device


async def own_keys(homeserver: Homeserver, own: Own) -> dict[str, Any]:
    """What the homeserver tells others about the bot's keys."""
    return await homeserver.call("POST", "keys", "query", body={"device_keys": {own.user_id: []}})


async def verify(homeserver: Homeserver, guard: Guard, own: Own) -> None:
    """Check the chain device → self-signing key → master key, as everyone else sees it. Raises IdentityError."""
    answer = await own_keys(homeserver, own)
    _own_device(answer, guard, own)
    identity = read_identity(own.user_id, answer)
    device = identity.device(guard.curve25519, guard.ed25519)
    if identity.master is None or identity.master != own.master:
        raise IdentityError(
            "the account's cross-signing identity is not the one that setup made: it was replaced or removed"
        )
    if device is None or not device.signed:
        raise IdentityError("this device is not signed by the account's identity; run `vestibule setup`")
