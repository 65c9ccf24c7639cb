"""Whose devices are whose: identities as the homeserver lists them, and which of their devices may read (law 10)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from time import monotonic
from typing import Any

from bot.channels.matrix.broken import limit
from bot.channels.matrix.guard import Guard, Plain
from bot.channels.matrix.homeserver import AnswerTooLargeError, Homeserver, HomeserverError
from bot.channels.matrix.machine import CannotRead
from bot.channels.matrix.signing import Device, Identity, read_identities
from bot.happenings import Alarm, Alarmed, Cause

log = logging.getLogger(__name__)

QUERY_MILLISECONDS = 10_000  # what our homeserver may wait for others
QUERIES = 3  # for devices that change while they are asked for
MAX_ASKED = 200  # people in one query: of as many devices as people have, its answer is a quarter of what is read
READ_AT_ONCE = 50  # devices; their signatures take 10 ms. More are read in a thread: nobody else waits for them
MAX_KNOWN = 20_000  # people
SILENT_SECONDS = 60.0
MAX_SILENT = 10_000  # servers and people
MAX_ALARMS = 10  # of one person's devices: as many as tell people what is going on


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
        self._pins = dict(pins)
        self._unseen = {guard.user_id, *pins}  # listed people whose keys nobody has looked at since they changed
        self._look_again = 0.0  # when those of them who could not be asked for are asked for again
        self._alarms: dict[str, Alarmed] = {}  # what was seen, until somebody has heard it
        self._known: dict[str, Identity] = {}
        self._asking: dict[object, set[str]] = {}  # each query on its way, and whose devices changed meanwhile
        self._silent: dict[str, float] = {}  # who did not answer, server or person, and until when nobody asks again

    def changed(self, users: Iterable[str]) -> None:
        """The homeserver says that these people's devices are not what they were."""
        for user in users:
            self._known.pop(user, None)
            for changed in self._asking.values():
                changed.add(user)

    def all_changed(self) -> None:
        """Nothing that the homeserver told before counts any more."""
        self.changed(list(self._known))
        self._unseen |= {self._guard.user_id, *self._pins}
        self._look_again = 0.0

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
        """Ask for all of these; returns those whose devices changed meanwhile."""
        query, changed = object(), set[str]()
        self._asking[query] = changed
        try:
            for some in _batched(sorted(asked), MAX_ASKED):
                # a server that was silent a moment ago is not waited for again
                await self._ask_for([user for user in some if not self._is_left_alone(user)], changed)
        finally:
            del self._asking[query]
        return asked & changed

    async def _ask_for(self, users: Sequence[str], changed: Set[str]) -> None:
        """One query; of those who have `changed` when its answer is read, nothing is taken from it."""
        if not users:
            return
        try:
            answer = await self._homeserver.call(
                "POST",
                "keys",
                "query",
                body={"device_keys": {user: [] for user in users}, "timeout": QUERY_MILLISECONDS},
            )
        except AnswerTooLargeError:
            if len(users) == 1:
                self._leave_alone(*users)
                return
            # one person's devices may be made to be too large: halved until they are asked for alone
            for half in _batched(users, (len(users) + 1) // 2):
                await self._ask_for(half, changed)
            return
        few = _count(answer) <= READ_AT_ONCE
        read = read_identities(users, answer) if few else await asyncio.to_thread(read_identities, users, answer)
        for user in set(users) - changed:
            if user in read:
                self._known[user] = read[user]
                limit(self._known, MAX_KNOWN)
            elif _server(user) != _server(self._guard.user_id):
                self._leave_alone(_server(user))

    def _leave_alone(self, server_or_user: str) -> None:
        self._silent[server_or_user] = monotonic() + SILENT_SECONDS
        limit(self._silent, MAX_SILENT)

    def _is_left_alone(self, user: str) -> bool:
        return max(self._silent.get(_server(user), 0.0), self._silent.get(user, 0.0)) > monotonic()

    def trust(self, pins: Mapping[str, str]) -> None:
        """These people are listed, with these pins, and nobody else."""
        self._unseen |= {user for user, pin in pins.items() if self._pins.get(user) != pin}
        self._look_again = 0.0
        self._pins = dict(pins)

    async def watch(self, changed: Iterable[str]) -> list[tuple[str, Alarmed]]:
        """What staff must hear of the keys of listed people, and of our own account's; each with an id of its own.

        Looks at whom it has not seen yet, and at those of the `changed` who are listed. Never raises: who cannot be
        asked for now is looked at later. Alarms come again until `heard`.
        """
        watched = {self._guard.user_id, *self._pins}
        fresh = watched.intersection(changed)
        self.changed(fresh)
        self._unseen = (self._unseen | fresh) & watched
        if self._unseen and (fresh or monotonic() >= self._look_again):
            try:
                await self.learn(self._unseen)
            except HomeserverError as error:
                log.warning("the keys of the listed people could not be asked for: %s", error)
            for user in sorted(self._unseen & self._known.keys()):
                self._alarms |= self._alarms_of(self._known[user])
                self._unseen.discard(user)
            self._look_again = monotonic() + SILENT_SECONDS
        return list(self._alarms.items())

    def heard(self) -> None:
        """What `watch` returned is kept elsewhere now."""
        self._alarms.clear()

    def _alarms_of(self, identity: Identity) -> dict[str, Alarmed]:
        user = identity.user_id
        if identity.master != (self._master if user == self._guard.user_id else self._pins.get(user)):
            name = f"keys/{Alarm.WRONG_IDENTITY}/{user}/{identity.master or ''}"
            return {name: Alarmed(Alarm.WRONG_IDENTITY, user)}
        unsigned = [device.device_id for device in identity.devices if not device.signed]
        return {
            f"keys/{Alarm.UNSIGNED_DEVICE}/{user}/{device}": Alarmed(Alarm.UNSIGNED_DEVICE, user, device)
            for device in unsigned[:MAX_ALARMS]
        }

    async def check_pins(self) -> None:
        """Say how many listed people's pins are not what the homeserver lists: they would wait for keys in silence."""
        self._unseen |= {self._guard.user_id, *self._pins}
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

    def identity_of(self, user: str) -> str | None:
        """This person's master key; empty where they have none, None where it is not known."""
        identity = self._known.get(user)
        return None if identity is None else identity.master or ""

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


def _batched(users: Sequence[str], most: int) -> Iterator[Sequence[str]]:
    """So many at a time."""
    return (users[start : start + most] for start in range(0, len(users), most))


def _count(answer: Mapping[str, Any]) -> int:
    """How many devices the answer lists."""
    listed = answer.get("device_keys")
    people = listed.values() if isinstance(listed, dict) else ()
    return sum(len(devices) for devices in people if isinstance(devices, dict))


def _server(user: str) -> str:
    return user.partition(":")[2]
