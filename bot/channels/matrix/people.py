"""Whose devices are whose: identities as the homeserver lists them, and which of their devices may read (law 10)."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from time import monotonic
from typing import Any

from bot.channels.matrix.broken import limit
from bot.channels.matrix.guard import Guard, Plain
from bot.channels.matrix.homeserver import AnswerTooLargeError, Homeserver, HomeserverError
from bot.channels.matrix.machine import CannotRead
from bot.channels.matrix.signing import Device, Identity, read_identity
from bot.domain import Cause

log = logging.getLogger(__name__)

QUERY_MILLISECONDS = 10_000  # what our homeserver may wait for others
QUERIES = 3  # for devices that change while they are asked for
MAX_KNOWN = 20_000  # people
SILENT_SECONDS = 60.0
MAX_SILENT = 10_000  # servers and people


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
    """Identities, asked for when needed and forgotten when the homeserver says that they changed.

    `master`: the bot's own master key, as setup made it. `pins`: that of each listed member of staff (law 10).
    """

    def __init__(self, homeserver: Homeserver, guard: Guard, master: str, pins: Mapping[str, str]) -> None:
        self._homeserver = homeserver
        self._guard = guard
        self._master = master
        self._pins = pins
        self._known: dict[str, Identity] = {}
        self._asking: dict[object, set[str]] = {}  # each query on its way, and whose devices changed meanwhile
        self._silent: dict[str, float] = {}  # who did not answer, server or person, and until when nobody asks again

    def changed(self, users: Iterable[str]) -> None:
        """The homeserver says that these people's devices are not what they were."""
        for user in users:
            self._known.pop(user, None)
            for changed in self._asking.values():
                changed.add(user)

    async def learn(self, users: Iterable[str], *, again: bool = False) -> None:
        """Ask for those that are not known (or for all, `again`). Raises HomeserverError.

        Whose server does not answer stays unknown, and is not asked for again for a minute: a server of a stranger's
        must not slow down everyone else (law 7).
        """
        asked = {user for user in users if again or user not in self._known}
        for _ in range(QUERIES):
            asked = {user for user in asked if not self._is_left_alone(user)}
            if not asked:
                return
            asked = await self._ask(asked)

    async def _ask(self, asked: set[str]) -> set[str]:
        """One query; returns those whose devices changed while it was on its way."""
        query, changed = object(), set[str]()
        self._asking[query] = changed
        try:
            answer = await self._homeserver.call(
                "POST",
                "keys",
                "query",
                body={"device_keys": {user: [] for user in sorted(asked)}, "timeout": QUERY_MILLISECONDS},
            )
        except AnswerTooLargeError:
            if len(asked) == 1:
                self._leave_alone(*asked)
                return set()
            # one person's devices may be made to be too large: the others' are asked for without them
            return {user for one in asked for user in await self._ask({one})}
        finally:
            del self._asking[query]
        listed = answer.get("device_keys")
        for user in asked - changed:
            if isinstance(listed, dict) and user in listed:
                self._known[user] = read_identity(user, answer)
                limit(self._known, MAX_KNOWN)
            elif _server(user) != _server(self._guard.user_id):
                self._leave_alone(_server(user))
        return asked & changed

    def _leave_alone(self, server_or_user: str) -> None:
        self._silent[server_or_user] = monotonic() + SILENT_SECONDS
        limit(self._silent, MAX_SILENT)

    def _is_left_alone(self, user: str) -> bool:
        return max(self._silent.get(_server(user), 0.0), self._silent.get(user, 0.0)) > monotonic()

    async def check_pins(self) -> None:
        """Say how many listed people's pins are not what the homeserver lists: they would wait for keys in silence."""
        try:
            await self.learn(self._pins)
        except HomeserverError as error:
            log.warning("the pins of the listed people could not be compared: %s", error)
        wrong = sum(user in self._known and self._known[user].master != pin for user, pin in self._pins.items())
        if wrong:
            log.warning(
                "%d of the listed people have another master key on the homeserver than the one pinned: "
                "they are given no keys of staff rooms",
                wrong,
            )

    def knows(self, user: str) -> bool:
        """Whether the homeserver told this person's devices, and none changed since."""
        return user in self._known

    def readers(self, users: Iterable[str], *, staff: bool) -> list[Device]:
        """Every device of these people that may have the key; of our own account, those that our identity signed."""
        found: list[Device] = []
        for user in sorted(users):
            identity = self._known.get(user)
            if identity is None:
                continue
            if user != self._guard.user_id:
                found.extend(may_read(identity, self._pins.get(user), staff=staff))
            elif identity.master == self._master:
                found.extend(d for d in identity.devices if d.signed and d.device_id != self._guard.device_id)
        return found

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


def _server(user: str) -> str:
    return user.partition(":")[2]
