"""What can be asked of the homeserver about the bot's own account, beside a bot that runs: needs no key store."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from bot.channels.matrix.homeserver import Homeserver, HomeserverError
from bot.channels.matrix.identity import Own, own_keys
from bot.channels.matrix.rooms import Rooms
from bot.channels.matrix.secretstorage import DEFAULT_KEY
from bot.channels.matrix.signing import Identity, read_identity
from bot.channels.matrix.sync import nothing_filter

MOST_SKEW = 60.0  # seconds that our clock may differ from the homeserver's
CURVE = "signed_curve25519"
QUERY_MILLISECONDS = 10_000  # what our homeserver may wait for others
ROOMS_AT_ONCE = 8


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at. `params` are counts, never names; `who` is for an administrator's eyes alone."""

    code: str
    good: bool
    params: Mapping[str, str] = field(default_factory=dict)
    who: tuple[str, ...] = field(default=(), repr=False)


async def self_check(homeserver: Homeserver, own: Own) -> list[Finding]:
    """Look at token, identity, keys in stock, clock, other devices and secret storage. Raises HomeserverError."""
    if not await _token_is_ours(homeserver, own):
        return [Finding("token", good=False)]  # nothing else can be asked
    identity = read_identity(own.user_id, await own_keys(homeserver, own))
    findings = [Finding("token", good=True), *_chain(identity, own)]
    others = sum(not device.signed for device in identity.devices if device.device_id != own.device_id)
    findings.append(Finding("other-devices", others == 0, {"unsigned": str(others)}))
    findings.extend(_in_stock(await _device_state(homeserver)))
    findings.append(Finding("secret-storage", await _has_secret_storage(homeserver, own)))
    date = await homeserver.date()
    if date is not None:
        skew = abs((datetime.now(UTC) - date).total_seconds())
        findings.append(Finding("clock", skew <= MOST_SKEW, {"seconds": f"{skew:.0f}"}))
    return findings


async def check_rooms(homeserver: Homeserver, own: Own, queue: str, others: Sequence[str] = ()) -> list[Finding]:
    """Look at the queue rooms, given by id or alias, and for rooms in clear. Raises HomeserverError."""
    rooms = Rooms(homeserver, own.user_id)
    found = [*await _queue(rooms, queue), await _clear(homeserver, rooms)]
    return [*found, await _others(rooms, others)] if others else found


async def check_pins(homeserver: Homeserver, pins: Mapping[str, str]) -> Finding:
    """Compare the pinned master keys of staff with what the homeserver lists. Raises HomeserverError."""
    listed = await masters(homeserver, pins)
    wrong = tuple(user for user, pin in pins.items() if listed.get(user, pin) != pin)
    unasked = len(pins.keys() - listed.keys())
    return Finding("staff-keys", not wrong, {"wrong": str(len(wrong)), "unasked": str(unasked)}, wrong)


async def masters(homeserver: Homeserver, users: Iterable[str]) -> Mapping[str, str | None]:
    """Each person's master key, None where they have none. Whose server does not answer is left out.

    Raises HomeserverError.
    """
    asked = sorted(users)
    body = {"device_keys": {user: [] for user in asked}, "timeout": QUERY_MILLISECONDS}
    answer = await homeserver.call("POST", "keys", "query", body=body)
    told = answer.get("device_keys")
    known = told if isinstance(told, dict) else {}
    return {user: read_identity(user, answer).master for user in asked if user in known}


async def _token_is_ours(homeserver: Homeserver, own: Own) -> bool:
    try:
        answer = await homeserver.call("GET", "account", "whoami")
    except HomeserverError as error:
        if error.status == 401:
            return False
        raise
    return (answer.get("user_id"), answer.get("device_id")) == (own.user_id, own.device_id)


def _chain(identity: Identity, own: Own) -> Iterator[Finding]:
    """Device → self-signing key → master key, each as everyone else sees it."""
    yield Finding("master-key", identity.master is not None and identity.master == own.master)
    yield Finding("self-signing-key", identity.self_signing is not None)
    device = next((device for device in identity.devices if device.device_id == own.device_id), None)
    yield Finding("device", device is not None and device.signed)


async def _device_state(homeserver: Homeserver) -> Mapping[str, Any]:
    """What the homeserver holds for our device. Takes nothing away from a bot that runs.

    To-device messages are let go of only when a sync names the token that came with them; this one names none.
    """
    query = {"filter": json.dumps(nothing_filter(uuid4().hex)), "timeout": "0", "set_presence": "offline"}
    return await homeserver.call("GET", "sync", query=query, events=True)


def _in_stock(state: Mapping[str, Any]) -> Iterator[Finding]:
    """One-time keys, and the fallback key for when there are none."""
    counts = state.get("device_one_time_keys_count")
    count = counts.get(CURVE) if isinstance(counts, dict) else None
    left = count if isinstance(count, int) else 0
    yield Finding("one-time-keys", left > 0, {"left": str(left)})
    unused = state.get("device_unused_fallback_key_types")
    yield Finding("fallback-key", isinstance(unused, list) and CURVE in unused)


async def _has_secret_storage(homeserver: Homeserver, own: Own) -> bool:
    try:
        answer = await homeserver.call("GET", "user", own.user_id, "account_data", DEFAULT_KEY)
    except HomeserverError as error:
        if error.status == 404:
            return False
        raise
    return isinstance(answer.get("key"), str)


async def _queue(rooms: Rooms, named: str) -> Sequence[Finding]:
    try:
        room = await rooms.resolve(named)
    except HomeserverError as error:
        if error.status not in (400, 404):
            raise
        return [Finding("queue-room", good=False)]
    found = [Finding("queue-room", good=True)]
    joined = await rooms.is_in(room)
    found.append(Finding("queue-joined", joined))
    if joined:
        found.append(Finding("queue-encrypted", await rooms.is_encrypted(room)))
    return found


async def _others(rooms: Rooms, others: Sequence[str]) -> Finding:
    """How many of the other queue rooms are not as they must be, each counted once."""
    wrong = [finding.code for named in others for finding in await _queue(rooms, named) if not finding.good]
    counts = {
        "unknown": wrong.count("queue-room"),
        "outside": wrong.count("queue-joined"),
        "clear": wrong.count("queue-encrypted"),
    }
    params = {name: str(count) for name, count in {**counts, "rooms": len(others)}.items()}
    return Finding("other-queue-rooms", good=not wrong, params=params)


async def _clear(homeserver: Homeserver, rooms: Rooms) -> Finding:
    """How many of the rooms that we are in are not encrypted."""
    listed = (await homeserver.call("GET", "joined_rooms", events=True)).get("joined_rooms")
    joined = [room for room in listed if isinstance(room, str)] if isinstance(listed, list) else []
    clear = 0
    for start in range(0, len(joined), ROOMS_AT_ONCE):
        some = joined[start : start + ROOMS_AT_ONCE]
        clear += sum(await asyncio.gather(*(_is_clear(rooms, room) for room in some)))
    return Finding("clear-rooms", clear == 0, {"clear": str(clear), "rooms": str(len(joined))})


async def _is_clear(rooms: Rooms, room: str) -> bool:
    try:
        return not await rooms.is_encrypted(room)
    except HomeserverError as error:
        if error.status != 403:
            raise
        return False  # not in there any more
