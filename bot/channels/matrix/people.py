"""Whose devices are whose: identities as the homeserver lists them, and which of their devices may read (law 10)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from bot.channels.matrix.guard import CannotRead, Guard, Plain
from bot.channels.matrix.homeserver import Homeserver
from bot.channels.matrix.signing import Device, Identity, read_identity
from bot.domain import Cause

QUERY_MILLISECONDS = 10_000  # what our homeserver may wait for others


def may_read(identity: Identity, pin: str | None, *, staff: bool) -> tuple[Device, ...]:
    """The devices of one person that may have a room's key.

    Staff rooms: only devices signed by the pinned identity; without a pin, none. Elsewhere: of someone who has a
    master key, signed devices only; of someone who has none, all.
    """
    if staff and (pin is None or identity.master != pin):
        return ()
    if staff or identity.master is not None:
        return tuple(device for device in identity.devices if device.signed)
    return identity.devices


class People:
    """Identities, asked for when needed and forgotten when the homeserver says that they changed."""

    def __init__(self, homeserver: Homeserver, guard: Guard, pins: Mapping[str, str]) -> None:
        self._homeserver = homeserver
        self._guard = guard
        self._pins = pins
        self._known: dict[str, Identity] = {}
        self._changes = 0

    def changed(self, users: Iterable[str]) -> None:
        """The homeserver says that these people's devices are not what they were."""
        self._changes += 1
        for user in users:
            self._known.pop(user, None)

    async def learn(self, users: Iterable[str], *, again: bool = False) -> None:
        """Ask for those that are not known (or for all, `again`). Raises HomeserverError."""
        asked = sorted({user for user in users if again or user not in self._known})
        if not asked:
            return
        before = self._changes
        answer = await self._homeserver.call(
            "POST",
            "keys",
            "query",
            body={"device_keys": {user: [] for user in asked}, "timeout": QUERY_MILLISECONDS},
        )
        listed = answer.get("device_keys")
        for user in asked:
            # a person whose own server did not answer is asked for again next time
            if isinstance(listed, dict) and user in listed and before == self._changes:
                self._known[user] = read_identity(user, answer)
            elif before != self._changes:
                self._known.pop(user, None)

    def readers(self, users: Iterable[str], *, staff: bool) -> list[Device]:
        """Every device of these people that may have the key; our own account's other devices only if signed."""
        found: list[Device] = []
        for user in sorted(users):
            identity = self._known.get(user)
            if identity is None:
                continue
            if user == self._guard.user_id:
                found.extend(d for d in identity.devices if d.signed and d.device_id != self._guard.device_id)
            else:
                found.extend(may_read(identity, self._pins.get(user), staff=staff))
        return found

    def is_staff(self, user: str) -> bool:
        """Whether this person's identity is pinned."""
        return user in self._pins

    def author(self, sender: str, plain: Plain) -> Device:
        """The sender's device that owns the keys which the event was encrypted with; CannotRead where there is none.

        Without this a homeserver could put anybody's name on a message encrypted by somebody else. Of a person
        who has a master key, only signed devices speak.
        """
        identity = self._known.get(sender)
        device = identity.device(plain.curve25519, plain.ed25519) if identity else None
        if identity is None or device is None or (identity.master is not None and not device.signed):
            raise CannotRead(Cause.UNBOUND)
        return device

    def is_pinned(self, device: Device) -> bool:
        """Whether the device is signed by the identity pinned for its owner (law 10)."""
        identity = self._known.get(device.user_id)
        return device.signed and identity is not None and identity.master == self._pins.get(device.user_id)

    async def claim(self, devices: Iterable[Device]) -> dict[str, Any]:
        """One-time keys with which Olm sessions to these devices can begin. Raises HomeserverError."""
        wanted: dict[str, dict[str, str]] = {}
        for device in devices:
            wanted.setdefault(device.user_id, {})[device.device_id] = "signed_curve25519"
        body = {"one_time_keys": wanted, "timeout": QUERY_MILLISECONDS}
        return await self._homeserver.call("POST", "keys", "claim", body=body)

    def devices(self, pairs: Iterable[tuple[str, str]]) -> list[Device]:
        """The known devices for (person, identity key) pairs."""
        wanted = set(pairs)
        return [
            device
            for user in {user for user, _ in wanted}
            for device in (self._known[user].devices if user in self._known else ())
            if (user, device.curve25519) in wanted
        ]
