"""nio's Olm machine, with its loose ends tied: whose session is whose, which room key is kept, what counts as broken.

nio files Olm sessions under an identity key alone. Identity keys are public, and a homeserver lets anybody publish a
device with somebody else's: sessions begun with that device would then take the place of the owner's own, and whoever
they were begun for could be cut off by a stranger (law 7). So each person's sessions are filed under person and key.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import vodozemac
from nio.crypto import InboundGroupSession, InboundSession, OutboundSession
from nio.crypto.olm_machine import Olm
from nio.events import BadEvent, UnknownBadEvent
from unpaddedbase64 import encode_base64

from bot.channels.matrix.cryptostore import CipherStore
from bot.channels.matrix.recent import Recent, Sessions
from bot.channels.matrix.signing import OLM, Device
from bot.errors import VestibuleError
from bot.happenings import Cause

MAX_ROOM_KEYS = 1000  # held in memory, of 3 KB each; to look one up takes 40 µs
MAX_SESSIONS = 5  # Olm sessions kept for one device: each is tried on a message, and strangers can begin them


class CannotRead(VestibuleError):
    """An event that cannot be opened or believed, and why."""

    def __init__(self, cause: Cause) -> None:
        super().__init__(cause.value)
        self.cause = cause


class Machine(Olm):  # type: ignore[misc]  # nio publishes no types for its machine
    """One device's ratchets. `broken` is told of a device whose Olm messages do not decrypt."""

    store: CipherStore
    session_store: Sessions

    def __init__(self, user_id: str, device_id: str, store: CipherStore, broken: Callable[[str, str], None]) -> None:
        super().__init__(user_id, device_id, store)
        self._broken = broken

    def load(self) -> None:
        """Read nothing yet: what grows with the years is looked up when it is asked for.

        Devices and key requests, which nio would read too, are never in this store.
        """
        self.session_store = Sessions(self.store.sessions)
        self._room_keys: Recent[Any] = Recent(self.store.room_key, MAX_ROOM_KEYS)

    # --- Olm, device to device ----------------------------------------------------------------------------------

    def has_session(self, device: Device) -> bool:
        """Whether an Olm session with this device exists."""
        return bool(self.session_store[_filed(device.user_id, device.curve25519)])

    def begin(self, device: Device, one_time_key: str) -> None:
        """A new Olm session with a device, from a one-time key of its own."""
        session = OutboundSession(self.account, device.curve25519, one_time_key)
        self.session_store.add(_filed(device.user_id, device.curve25519), session)
        self.save_session(_filed(device.user_id, device.curve25519), session)

    def seal(self, device: Device, kind: str, content: Mapping[str, Any]) -> dict[str, Any]:
        """An `m.room.encrypted` to-device content. The ratchet is stored before anything is sent."""
        payload = {
            "sender": self.user_id,
            "sender_device": self.device_id,
            "keys": {"ed25519": self.account.identity_keys["ed25519"]},
            "recipient": device.user_id,
            "recipient_keys": {"ed25519": device.ed25519},
            "type": kind,
            "content": content,
        }
        session = self.session_store.get(_filed(device.user_id, device.curve25519))
        message_type, ciphertext = session.encrypt(json.dumps(payload)).to_parts()
        self.save_session(_filed(device.user_id, device.curve25519), session)
        return {
            "algorithm": OLM,
            "sender_key": self.account.identity_keys["curve25519"],
            "ciphertext": {device.curve25519: {"type": message_type, "body": encode_base64(ciphertext)}},
        }

    def open(self, sender: str, sender_key: str, message: Any) -> bool:
        """Take one Olm message, and the room key in it. False where it did not open, or holds nothing for us."""
        try:
            event = self.decrypt(sender, _filed(sender, sender_key), message)
        except vodozemac.SessionCreationException:
            # made with a one-time key that we do not have (any more)
            self._broken(sender, sender_key)
            return False
        return event is not None and not isinstance(event, BadEvent | UnknownBadEvent)

    def save_session(self, curve_key: str, session: Any) -> None:
        """Store the session; the ones used longest ago make room for it."""
        super().save_session(curve_key, session)
        sessions = self.session_store[curve_key]
        sessions.sort(key=lambda one: one.use_time, reverse=True)
        while len(sessions) > MAX_SESSIONS:
            self.store.drop_session(sessions.pop().id)

    def _create_inbound_session(self, sender: str, sender_key: str, message: Any) -> Any:
        return InboundSession(self.account, message, _key_of(sender_key))

    def _mark_device_for_unwedging(self, sender: str, sender_key: str) -> None:
        self._broken(sender, _key_of(sender_key))

    # --- Megolm, room keys --------------------------------------------------------------------------------------

    def create_group_session(
        self, sender_key: str, sender_fp_key: str, room_id: str, session_id: str, session_key: str
    ) -> None:
        """Keep a room key, unless we hold a better one.

        Its creator may send it again from a later index on, which must not close what the first one opens; and whoever
        received it may pass it on as their own, which must not take it from its owner.
        """
        sender_key = _key_of(sender_key)
        try:
            session = InboundGroupSession(session_key, sender_fp_key, sender_key, room_id)
        except vodozemac.SessionKeyDecodeException as error:
            raise CannotRead(Cause.NO_KEY) from error
        if session.id != session_id:
            raise CannotRead(Cause.UNBOUND)
        known = self.room_key(session_id)
        if known is not None and (known.room_id, known.sender_key) != (room_id, sender_key):
            raise CannotRead(Cause.UNBOUND)
        if known is None or session.first_known_index < known.first_known_index:
            self.save_inbound_group_session(session)
            self._room_keys.hold(session.id, session)

    def room_key(self, session_id: str) -> Any:
        """The room key of this session, whichever room it is for; None where we hold none."""
        return self._room_keys.get(session_id)


def _filed(person: str, curve25519: str) -> str:
    return f"{curve25519} {person}"


def _key_of(filed: str) -> str:
    return filed.partition(" ")[0]
