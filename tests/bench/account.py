"""An account as the years make it: people, their identities and devices, a room with each, and what is said in it.

The devices are real as far as the bot can see: their keys, signatures and ciphertexts are. They read nothing.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any

import olm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from unpaddedbase64 import encode_base64

from bot.channels.matrix.guard import Guard
from bot.channels.matrix.identity import Own
from bot.channels.matrix.signing import MEGOLM, OLM, SigningKey, canonical, signing_document
from bot.channels.matrix.signing import Device as Known

BOT = "@bot:localhost"
DEVICE = "BOTDEVICE"
STORE_KEY = bytes(range(32))
STOCKED = {
    "device_one_time_keys_count": {"signed_curve25519": 50},
    "device_unused_fallback_key_types": ["signed_curve25519"],
}

JSON = dict[str, Any]


class Device:
    """One device, as it is published."""

    def __init__(self, user_id: str, device_id: str) -> None:
        self.user_id = user_id
        self.device_id = device_id
        self.curve25519 = encode_base64(os.urandom(32))
        self._private = Ed25519PrivateKey.generate()
        self.ed25519 = encode_base64(self._private.public_key().public_bytes_raw())

    def published(self, self_signing: SigningKey) -> JSON:
        """Signed by itself and by its owner."""
        document = {
            "user_id": self.user_id,
            "device_id": self.device_id,
            "algorithms": [OLM, MEGOLM],
            "keys": {f"curve25519:{self.device_id}": self.curve25519, f"ed25519:{self.device_id}": self.ed25519},
        }
        return self_signing.sign(self.user_id, self._signed(document))

    def claimed(self) -> JSON:
        """A one-time key, as `/keys/claim` hands it out."""
        return {"signed_curve25519:AAAA": self._signed({"key": encode_base64(os.urandom(32))})}

    def known(self) -> Known:
        """The device as the bot knows it."""
        return Known(self.user_id, self.device_id, self.curve25519, self.ed25519, signed=True)

    def _signed(self, document: JSON) -> JSON:
        signature = encode_base64(self._private.sign(canonical(document)))
        return {**document, "signatures": {self.user_id: {f"ed25519:{self.device_id}": signature}}}


class Person:
    """Someone with so many devices, who writes from the first of them in a room of two."""

    def __init__(self, number: int, devices: int = 1) -> None:
        self.user_id = f"@person{number}:localhost"
        self.room = f"!room{number}:localhost"
        self.devices = [Device(self.user_id, f"DEVICE{n}") for n in range(devices)]
        self._master, self._self_signing = (SigningKey(os.urandom(32)) for _ in range(2))
        self._session = olm.OutboundGroupSession()
        self._first_key = self._session.session_key
        self._events = count()

    def listed(self) -> dict[str, JSON]:
        """What `/keys/query` answers of this person, part by part."""
        published = {device.device_id: device.published(self._self_signing) for device in self.devices}
        return _listed(self.user_id, self._master, self._self_signing, published)

    def gives_its_key(self, guard: Guard) -> None:
        """The room key is in the bot's store, as if it had come."""
        device = self.devices[0]
        guard._olm.create_group_session(device.curve25519, device.ed25519, self.room, self._session.id, self._first_key)

    def says(self, text: str = "Somebody reads my mail, and I do not know what to do about it.") -> JSON:
        """The next message in the room."""
        content = {"msgtype": "m.text", "body": text}
        payload = {"type": "m.room.message", "room_id": self.room, "content": content}
        number = next(self._events)
        return {
            "type": "m.room.encrypted",
            "event_id": f"${self.room[1:].partition(':')[0]}-event{number:032}",
            "sender": self.user_id,
            "origin_server_ts": 1_767_000_000_000 + number,
            "unsigned": {"age": 1000},
            "content": {
                "algorithm": MEGOLM,
                "sender_key": self.devices[0].curve25519,
                "device_id": self.devices[0].device_id,
                "session_id": self._session.id,
                "ciphertext": self._session.encrypt(json.dumps(payload)),
            },
        }


class Account:
    """The bot's own account, with its key store in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._master, self._self_signing = (SigningKey(os.urandom(32)) for _ in range(2))
        self.own = Own(
            BOT,
            DEVICE,
            token="token",
            master=self._master.public,
            complete=True,
            made_at=datetime(2025, 1, 1, tzinfo=UTC).isoformat(),
        )
        guard = self.opened()
        device = self._self_signing.sign(BOT, guard.device_keys())
        guard.close()
        self._listed = _listed(BOT, self._master, self._self_signing, {DEVICE: device})

    def opened(self) -> Guard:
        """Its keys; to be closed again."""
        return Guard(BOT, DEVICE, self.folder, STORE_KEY)

    def meets(self, people: Iterable[Person]) -> None:
        """The room keys of these people are here, and Olm sessions with their devices."""
        guard = self.opened()
        devices: list[Known] = []
        claimed: JSON = {}
        with guard._transaction():
            for person in people:
                person.gives_its_key(guard)
                devices += [device.known() for device in person.devices]
                claimed[person.user_id] = {device.device_id: device.claimed() for device in person.devices}
        guard.start_sessions(devices, {"one_time_keys": claimed})
        guard.close()

    def keys_query(self, people: Sequence[Person]) -> dict[str, dict[str, JSON]]:
        """What `/keys/query` knows, by person."""
        return {BOT: self._listed, **{person.user_id: person.listed() for person in people}}


def sync_answer(token: str, events: Iterable[tuple[str, Sequence[JSON]]], **timeline: object) -> bytes:
    """An answer of `/sync` with these events of these rooms."""
    rooms = {
        room: {
            "timeline": {"events": said, "limited": False, **timeline},
            "state": {"events": []},
            "account_data": {"events": []},
            "ephemeral": {"events": []},
            "unread_notifications": {"notification_count": 0, "highlight_count": 0},
            "summary": {},
        }
        for room, said in events
    }
    return json.dumps({"next_batch": token, "rooms": {"join": rooms}, **STOCKED}).encode()


def _listed(user_id: str, master: SigningKey, self_signing: SigningKey, devices: dict[str, JSON]) -> dict[str, JSON]:
    vouched = master.sign(user_id, signing_document(user_id, "self_signing", self_signing.public))
    return {
        "device_keys": devices,
        "master_keys": signing_document(user_id, "master", master.public),
        "self_signing_keys": vouched,
    }
