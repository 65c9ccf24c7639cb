"""Somebody else's device, played with libolm: another implementation than the one the bot stands on."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import olm

from bot.channels.matrix.guard import Guard
from bot.channels.matrix.signing import MEGOLM, OLM, Device, SigningKey, signing_document

BOT = "@bot:localhost"
DEVICE_ID = "BOTDEVICE"
KEY = bytes(range(32))
JSON = dict[str, Any]


@contextmanager
def opened(folder: Path) -> Iterator[Guard]:
    """The guard of the bot's device whose store lies in the folder."""
    guard = Guard(BOT, DEVICE_ID, folder, KEY)
    try:
        yield guard
    finally:
        guard.close()


def published(guard: Guard) -> list[JSON]:
    """The one-time keys that the guard uploads to a server that has none."""
    body = guard.keys_to_upload({}, ["signed_curve25519"])
    assert body is not None
    guard.keys_settled()
    return [key for _, key in sorted(body["one_time_keys"].items())]


class Identity:
    """Someone's cross-signing keys."""

    def __init__(self, user_id: str, number: int = 1) -> None:
        self.user_id = user_id
        self.master, self.self_signing = (SigningKey(bytes([number, n]) * 16) for n in (1, 2))

    def listed(self, *devices: JSON) -> JSON:
        """What `/keys/query` answers for this person alone."""
        document = signing_document(self.user_id, "self_signing", self.self_signing.public)
        return {
            "device_keys": {self.user_id: {device["device_id"]: device for device in devices}},
            "master_keys": {self.user_id: signing_document(self.user_id, "master", self.master.public)},
            "self_signing_keys": {self.user_id: self.master.sign(self.user_id, document)},
        }

    def sign(self, device: JSON) -> JSON:
        return self.self_signing.sign(self.user_id, device)


class Room:
    """A Megolm session of a peer in one room, and the events that it encrypts."""

    def __init__(self, peer: Peer, room: str) -> None:
        self.peer = peer
        self.room = room
        self.session = olm.OutboundGroupSession()

    def key(self, **changed: Any) -> JSON:
        """The content of its `m.room_key`, from the present index on."""
        key = {"session_id": self.session.id, "session_key": self.session.session_key}
        return {"algorithm": MEGOLM, "room_id": self.room, **key, **changed}

    def event(self, event_id: str, text: str = "hello", **changed: Any) -> JSON:
        """The next message; `changed` overwrites parts of its payload."""
        payload = {
            "type": "m.room.message",
            "content": {"msgtype": "m.text", "body": text},
            "room_id": self.room,
            **changed,
        }
        content = {
            "algorithm": MEGOLM,
            "sender_key": self.peer.curve25519,
            "device_id": self.peer.device_id,
            "session_id": self.session.id,
            "ciphertext": self.session.encrypt(json.dumps(payload)),
        }
        return {"type": "m.room.encrypted", "sender": self.peer.user_id, "event_id": event_id, "content": content}


class Peer:
    """One device of one person."""

    def __init__(self, user_id: str, device_id: str = "PEER") -> None:
        self.user_id = user_id
        self.device_id = device_id
        self.account = olm.Account()
        self.sessions: list[Any] = []

    @property
    def curve25519(self) -> str:
        return str(self.account.identity_keys["curve25519"])

    @property
    def ed25519(self) -> str:
        return str(self.account.identity_keys["ed25519"])

    def device(self, *, signed: bool = False) -> Device:
        return Device(self.user_id, self.device_id, self.curve25519, self.ed25519, signed)

    def device_keys(self, **changed: Any) -> JSON:
        """The device as it is published, signed by itself."""
        document = {
            "user_id": self.user_id,
            "device_id": self.device_id,
            "algorithms": [OLM, MEGOLM],
            "keys": {f"curve25519:{self.device_id}": self.curve25519, f"ed25519:{self.device_id}": self.ed25519},
            **changed,
        }
        return self.signed(document)

    def signed(self, document: JSON) -> JSON:
        text = json.dumps(document, separators=(",", ":"), sort_keys=True, ensure_ascii=False)
        return {**document, "signatures": {self.user_id: {f"ed25519:{self.device_id}": self.account.sign(text)}}}

    def claimed(self) -> JSON:
        """What `/keys/claim` answers for this device."""
        self.account.generate_one_time_keys(1)
        ((key_id, key),) = self.account.one_time_keys["curve25519"].items()
        self.account.mark_keys_as_published()
        one = {f"signed_curve25519:{key_id}": self.signed({"key": key})}
        return {"one_time_keys": {self.user_id: {self.device_id: one}}}

    def begin(self, guard: Guard, one_time_key: Mapping[str, Any]) -> None:
        """Start an Olm session with the bot from one of its one-time keys."""
        self.sessions.append(olm.OutboundSession(self.account, guard.curve25519, one_time_key["key"]))

    def send(self, guard: Guard, kind: str, content: Any, /, **changed: Any) -> JSON:
        """A to-device event in the newest session; `changed` overwrites parts of the payload."""
        payload = {
            "type": kind,
            "content": content,
            "sender": self.user_id,
            "sender_device": self.device_id,
            "keys": {"ed25519": self.ed25519},
            "recipient": guard.user_id,
            "recipient_keys": {"ed25519": guard.ed25519},
            **changed,
        }
        return self.send_raw(guard, json.dumps(payload))

    def send_raw(self, guard: Guard, plaintext: str) -> JSON:
        message = self.sessions[-1].encrypt(plaintext)
        sealed = {guard.curve25519: {"type": message.message_type, "body": message.ciphertext}}
        content = {"algorithm": OLM, "sender_key": self.curve25519, "ciphertext": sealed}
        return {"type": "m.room.encrypted", "sender": self.user_id, "content": content}

    def receive(self, content: JSON) -> JSON:
        """Open a to-device content of the bot's."""
        sealed = content["ciphertext"][self.curve25519]
        if sealed["type"] == 0:
            message = olm.OlmPreKeyMessage(sealed["body"])
            for session in self.sessions:
                if session.matches(message):
                    return dict(json.loads(session.decrypt(message)))
            session = olm.InboundSession(self.account, message, content["sender_key"])
            self.account.remove_one_time_keys(session)
            self.sessions.append(session)
            return dict(json.loads(session.decrypt(message)))
        message = olm.OlmMessage(sealed["body"])
        for session in reversed(self.sessions):
            try:
                return dict(json.loads(session.decrypt(message)))
            except olm.OlmSessionError:
                continue
        raise AssertionError("no session opens this")

    def room(self, room: str) -> Room:
        return Room(self, room)
