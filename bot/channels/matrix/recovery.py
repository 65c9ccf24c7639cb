"""A new device under the same identity, where the one before is lost or spent. The identity itself stays.

What was begun is in the record before it is done: killed between any two requests, the next attempt goes on.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path
from typing import Any

from unpaddedbase64 import encode_base64

from bot.channels.matrix.cryptostore import FILE
from bot.channels.matrix.guard import Guard
from bot.channels.matrix.homeserver import Homeserver, HomeserverError
from bot.channels.matrix.identity import (
    IdentityError,
    Own,
    by_password,
    keep,
    lists_device,
    new_device_id,
    now,
    own_device,
    own_keys,
    read_own,
    sign_device,
    signing_key,
    upload_keys,
    verify,
)
from bot.channels.matrix.secretstorage import SecretStorageError, open_secrets, read_recovery_key
from bot.channels.matrix.signin import Credential, device_without_keys, log_in, log_out, sign_in
from bot.channels.matrix.signing import SigningKey, read_identity
from bot.ports import Failure, Record

log = logging.getLogger(__name__)

MASTER, SELF_SIGNING = "m.cross_signing.master", "m.cross_signing.self_signing"


class Recovery:
    """For one account, whose crypto store lies in `folder` under `store_key`."""

    def __init__(
        self,
        homeserver: Homeserver,
        record: Record,
        folder: Path,
        store_key: bytes,
        user_id: str,
        credential: Credential,
    ) -> None:
        self._homeserver = homeserver
        self._record = record
        self._folder = folder
        self._store_key = store_key
        self._user_id = user_id
        self._credential = credential

    async def begin(self, shown: str) -> None:
        """Begin a new device, to be signed with what the recovery key opens; `finish` makes it.

        Raises SecretStorageError, IdentityError, HomeserverError. Where the recovery key is refused, all is as before.
        """
        secret = read_recovery_key(shown)
        own = read_own(self._record)
        if own is None or own.master is None:
            own = await sign_in(self._homeserver, self._record, self._user_id, self._credential)
            self._begin(await self._open(secret, own), None)
        elif own.user_id != self._user_id:
            raise IdentityError("this data_dir belongs to another account; name an empty data_dir for this one")
        elif own.complete:
            self._begin(await self._beside(secret, own), own)
        elif not own.replacing:
            raise IdentityError("the identity is not complete yet; run `vestibule setup`")

    async def renew(self) -> Own:
        """A new device, signed with the seed that is kept: without a person."""
        own = read_own(self._record)
        if own is None or not renewable(own, self._credential):
            raise IdentityError("this device cannot be renewed by itself; run `vestibule setup --recover`")
        if own.complete:
            seeds = {"self_signing": own.seeds["self_signing"]}
            self._begin(Own(own.user_id, new_device_id(), master=own.master, seeds=seeds), own)
        return await self.finish()

    async def finish(self) -> Own:
        """Publish and sign the device that was begun; log out the one before."""
        own = await sign_in(self._homeserver, self._record, self._user_id, self._credential)
        own = without_stale_store(self._record, self._folder, own)
        guard = Guard(own.user_id, own.device_id, self._folder, self._store_key)
        try:
            listed = await own_keys(self._homeserver, own)
            _need_our_identity(listed, own)
            if lists_device(listed, own):
                own_device(listed, guard, own)
            await upload_keys(self._homeserver, guard)
            await sign_device(self._homeserver, guard, own)
            await verify(self._homeserver, guard, own)
        finally:
            guard.close()
        if own.replaces is not None:
            await self._end(own, own.replaces)
        return keep(self._record, replace(own, replaces=None, complete=True))

    async def _beside(self, secret: bytes, own: Own) -> Own:
        """The device that is to come, signed in. The one that is there stays as it is until the recovery key fits."""
        if self._credential.token is not None:
            self._homeserver.token = self._credential.token
            device_id = await device_without_keys(self._homeserver, own.user_id)
            following = Own(own.user_id, device_id, self._credential.token, own.master)
            return await self._open(secret, following)
        device_id = own.next_device or new_device_id()
        own = keep(self._record, replace(own, next_device=device_id))
        following = Own(own.user_id, device_id, master=own.master)
        token = await log_in(self._homeserver, following, self._credential.password or "")
        self._homeserver.token = token
        return await self._open(secret, replace(following, token=token))

    async def _open(self, secret: bytes, own: Own) -> Own:
        """With the identity's public key and the one seed that stays. A device that is refused is logged out again."""
        try:
            return await self._opened(secret, own)
        except (IdentityError, SecretStorageError):
            if self._credential.token is None:
                await log_out(self._homeserver, own.token)
            raise

    async def _opened(self, secret: bytes, own: Own) -> Own:
        found = await open_secrets(self._homeserver, own.user_id, secret, (MASTER, SELF_SIGNING))
        opened = replace(
            own,
            master=SigningKey(found[MASTER]).public,
            seeds={"self_signing": encode_base64(found[SELF_SIGNING])},
        )
        if own.master not in (None, opened.master):
            raise IdentityError("the secret storage holds another identity than the one that setup made here")
        _need_our_identity(await own_keys(self._homeserver, own), opened)
        return opened

    def _begin(self, following: Own, before: Own | None) -> None:
        replaces = None if before is None else before.device_id
        made = replace(following, made_at=now(), replaces=replaces, stale_store=True, unannounced=True)
        keep(self._record, made)

    async def _end(self, own: Own, device_id: str) -> None:
        """Log out the device before this one, where the homeserver lets us."""
        password = self._credential.password
        try:
            try:
                await self._homeserver.call("DELETE", "devices", device_id, body={})
            except HomeserverError as error:
                if error.status != 401 or password is None:
                    raise
                body = {"auth": by_password(own, password, error)}
                await self._homeserver.call("DELETE", "devices", device_id, body=body)
        except HomeserverError as error:
            if error.status != 401 and error.failure in (Failure.AWAY, Failure.LIMITED):
                raise
            log.warning("the device before this one could not be logged out: %s", error)


def without_stale_store(record: Record, folder: Path, own: Own) -> Own:
    """Remove the key store of the device before this one, where it still lies there."""
    if not own.stale_store:
        return own
    for file in folder.glob(f"{FILE}*"):
        file.unlink()
    return keep(record, replace(own, stale_store=False))


def renewable(own: Own, credential: Credential) -> bool:
    """Whether a new device can be made without a person."""
    return credential.password is not None and "self_signing" in own.seeds and (own.complete or own.replacing)


def _need_our_identity(listed: dict[str, Any], own: Own) -> None:
    identity = read_identity(own.user_id, listed)
    if identity.master is None or identity.master != own.master:
        raise IdentityError(
            "the account's cross-signing identity is not the one that the recovery key holds: it was replaced or "
            "removed. It is never reset by this; `vestibule setup --reset-identity` makes a new one"
        )
    if identity.self_signing != signing_key(own, "self_signing").public:
        raise IdentityError("the account's self-signing key is not the one that is kept: it was replaced")
