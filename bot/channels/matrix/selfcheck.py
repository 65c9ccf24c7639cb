"""What can be asked of the homeserver about the bot's own account, beside a bot that runs: needs no key store."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from bot.channels.matrix.homeserver import Homeserver, HomeserverError
from bot.channels.matrix.identity import Own, own_keys
from bot.channels.matrix.secretstorage import DEFAULT_KEY
from bot.channels.matrix.signing import Identity, read_identity

MOST_SKEW = 60.0  # seconds that our clock may differ from the homeserver's


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at. `params` are counts, never names."""

    code: str
    good: bool
    params: Mapping[str, str] = field(default_factory=dict)


async def self_check(homeserver: Homeserver, own: Own) -> list[Finding]:
    """Look at token, identity, one-time keys, clock, other devices and secret storage. Raises HomeserverError."""
    if not await _token_is_ours(homeserver, own):
        return [Finding("token", good=False)]  # nothing else can be asked
    identity = read_identity(own.user_id, await own_keys(homeserver, own))
    findings = [Finding("token", good=True), *_chain(identity, own)]
    others = sum(not device.signed for device in identity.devices if device.device_id != own.device_id)
    findings.append(Finding("other-devices", others == 0, {"unsigned": str(others)}))
    left = await _one_time_keys(homeserver)
    findings.append(Finding("one-time-keys", left > 0, {"left": str(left)}))
    findings.append(Finding("secret-storage", await _has_secret_storage(homeserver, own)))
    date = await homeserver.date()
    if date is not None:
        skew = abs((datetime.now(UTC) - date).total_seconds())
        findings.append(Finding("clock", skew <= MOST_SKEW, {"seconds": f"{skew:.0f}"}))
    return findings


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


async def _one_time_keys(homeserver: Homeserver) -> int:
    counts = (await homeserver.call("POST", "keys", "upload", body={})).get("one_time_key_counts")
    left = counts.get("signed_curve25519") if isinstance(counts, dict) else None
    return left if isinstance(left, int) else 0


async def _has_secret_storage(homeserver: Homeserver, own: Own) -> bool:
    try:
        answer = await homeserver.call("GET", "user", own.user_id, "account_data", DEFAULT_KEY)
    except HomeserverError as error:
        if error.status == 404:
            return False
        raise
    return isinstance(answer.get("key"), str)
