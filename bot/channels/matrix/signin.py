"""Signing in: the bot's one device on the homeserver, made with a password or with an access token."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field, replace

from bot.channels.matrix.homeserver import Homeserver, HomeserverError
from bot.channels.matrix.identity import (
    IdentityError,
    Own,
    keep,
    lists_device,
    new_device_id,
    now,
    own_keys,
    read_own,
)
from bot.ports import Record

DEVICE_NAME = "Vestibule"


@dataclass(frozen=True, slots=True)
class Credential:
    """How the account is proven to be ours: one of the two."""

    password: str | None = field(default=None, repr=False)
    token: str | None = field(default=None, repr=False)


async def sign_in(homeserver: Homeserver, record: Record, user_id: str, credential: Credential) -> Own:
    """Make the device, or find the one that an earlier setup began. Raises IdentityError, HomeserverError."""
    own = read_own(record)
    if own is not None and own.user_id != user_id:
        raise IdentityError("this data_dir belongs to another account; name an empty data_dir for this one")
    if credential.token is not None:
        homeserver.token = credential.token
        if own is None:
            own = Own(user_id, await device_without_keys(homeserver, user_id), made_at=now())
        elif own.device_id != await _whoami(homeserver, user_id):
            raise IdentityError(
                "the access token is of another device than the one this data_dir belongs to; "
                "where that one is lost, run `vestibule setup --recover` with the recovery key"
            )
        return keep(record, replace(own, token=credential.token))
    if own is None:
        own = keep(record, Own(user_id, new_device_id(), made_at=now()))
    if own.token is not None:
        homeserver.token = own.token
        try:
            await _whoami(homeserver, user_id)
        except IdentityError:
            homeserver.token = None
        else:
            return own
    own = keep(record, replace(own, token=await log_in(homeserver, own, credential.password or "")))
    homeserver.token = own.token
    return own


async def device_without_keys(homeserver: Homeserver, user_id: str) -> str:
    """The device of an access token that was made for us. Raises IdentityError where another program uses it."""
    device_id = await _whoami(homeserver, user_id)
    own = Own(user_id, device_id)
    if lists_device(await own_keys(homeserver, own), own):
        raise IdentityError(
            "the access token is of a device that has encryption keys already, which are not in this data_dir; "
            "make an access token for a new device, and leave that device to the bot alone"
        )
    return device_id


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


async def log_in(homeserver: Homeserver, own: Own, password: str) -> str:
    """A new access token for this device. Raises IdentityError where the homeserver refuses it."""
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
        if error.status in (400, 403, 404):
            await _need_passwords(homeserver)
            raise IdentityError(
                "the homeserver does not accept [matrix] user_id with this password; correct one of them"
            ) from error
        raise
    token = answer.get("access_token")
    if answer.get("user_id") != own.user_id:
        await log_out(homeserver, token)
        raise IdentityError(
            "the homeserver writes this account's id otherwise; write [matrix] user_id exactly as the homeserver does, "
            "in small letters"
        )
    if not isinstance(token, str) or answer.get("device_id") != own.device_id:
        raise HomeserverError(0)
    return token


async def _need_passwords(homeserver: Homeserver) -> None:
    flows = (await homeserver.call("GET", "login")).get("flows")
    if isinstance(flows, list) and not any(isinstance(f, dict) and f.get("type") == "m.login.password" for f in flows):
        raise IdentityError(
            "this homeserver lets nobody sign in with a password; make an access token for a new device of the account "
            "(its administrator can), and name it in [matrix] access_token_file in place of the password"
        )


async def log_out(homeserver: Homeserver, token: object) -> None:
    """Remove a device that was made in vain."""
    if isinstance(token, str):
        homeserver.token = token
        with suppress(HomeserverError):
            await homeserver.call("POST", "logout", body={})
    homeserver.token = None
