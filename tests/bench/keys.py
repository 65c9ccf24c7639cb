"""The measuring requester's encryption: libolm without a library around it, so that it costs next to nothing.

It trusts whoever answers: what is measured is the bot. The bots see an ordinary client.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import olm

OLM = "m.olm.v1.curve25519-aes-sha2"
MEGOLM = "m.megolm.v1.aes-sha2"
ONE_TIME_KEYS = 30  # every bot takes one or two, once
PRE_KEY = 0

JSON = dict[str, Any]


class Keys:
    """The keys of one device, in memory."""

    def __init__(self, user_id: str, device_id: str) -> None:
        self.user_id = user_id
        self.device_id = device_id
        self._account = olm.Account()
        self._sessions: dict[str, list[Any]] = {}  # by the other device's curve25519 key
        self._inbound: dict[str, Any] = {}  # by session id
        self._outbound: dict[str, Any] = {}  # by room

    def to_upload(self) -> JSON:
        """The body of `/keys/upload`."""
        ours = self._account.identity_keys
        self._account.generate_one_time_keys(ONE_TIME_KEYS)
        stock = self._account.one_time_keys["curve25519"]
        body = {
            "device_keys": self._signed(
                {
                    "user_id": self.user_id,
                    "device_id": self.device_id,
                    "algorithms": [OLM, MEGOLM],
                    "keys": {f"{kind}:{self.device_id}": ours[kind] for kind in ("curve25519", "ed25519")},
                }
            ),
            "one_time_keys": {f"signed_curve25519:{name}": self._signed({"key": key}) for name, key in stock.items()},
        }
        self._account.mark_keys_as_published()
        return body

    def _signed(self, document: JSON) -> JSON:
        canonical = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return {**document, "signatures": {self.user_id: {f"ed25519:{self.device_id}": self._account.sign(canonical)}}}

    def knows(self, curve25519: str) -> bool:
        """Whether there is an Olm session with this device."""
        return curve25519 in self._sessions

    def meet(self, curve25519: str, one_time_key: str) -> None:
        """Begin an Olm session."""
        self._sessions[curve25519] = [olm.OutboundSession(self._account, curve25519, one_time_key)]

    def room_key(self, room: str, user_id: str, curve25519: str, ed25519: str) -> JSON:
        """A new key for what is said in the room from here on, sealed for one device."""
        session = self._outbound[room] = olm.OutboundGroupSession()
        ours = self._account.identity_keys
        content = {
            "algorithm": MEGOLM,
            "room_id": room,
            "session_id": session.id,
            "session_key": session.session_key,
        }
        payload = {
            "type": "m.room_key",
            "content": content,
            "sender": self.user_id,
            "sender_device": self.device_id,
            "keys": {"ed25519": ours["ed25519"]},
            "recipient": user_id,
            "recipient_keys": {"ed25519": ed25519},
        }
        sealed = self._sessions[curve25519][0].encrypt(json.dumps(payload))
        return {
            "algorithm": OLM,
            "sender_key": ours["curve25519"],
            "ciphertext": {curve25519: {"type": sealed.message_type, "body": sealed.ciphertext}},
        }

    def take(self, content: Mapping[str, Any]) -> None:
        """Read an Olm message; a room key is kept."""
        sealed = content["ciphertext"][self._account.identity_keys["curve25519"]]
        payload = json.loads(self._open(content["sender_key"], sealed["type"], sealed["body"]))
        if payload["type"] == "m.room_key":
            key = payload["content"]
            self._inbound[key["session_id"]] = olm.InboundGroupSession(key["session_key"])

    def _open(self, sender_key: str, kind: int, body: str) -> str:
        sessions = self._sessions.setdefault(sender_key, [])
        if kind == PRE_KEY:
            first = olm.OlmPreKeyMessage(body)
            for session in sessions:
                if session.matches(first, sender_key):
                    return str(session.decrypt(first))
            fresh = olm.InboundSession(self._account, first, sender_key)
            self._account.remove_one_time_keys(fresh)
            sessions.append(fresh)
            return str(fresh.decrypt(first))
        message = olm.OlmMessage(body)
        for session in sessions:
            try:
                return str(session.decrypt(message))
            except olm.OlmSessionError:
                continue
        raise ValueError("an Olm message that no session opens")

    def seal(self, room: str, content: Mapping[str, Any]) -> JSON:
        """An `m.room.message` as the content of an `m.room.encrypted`."""
        session = self._outbound[room]
        payload = {"room_id": room, "type": "m.room.message", "content": content}
        return {
            "algorithm": MEGOLM,
            "sender_key": self._account.identity_keys["curve25519"],
            "device_id": self.device_id,
            "session_id": session.id,
            "ciphertext": session.encrypt(json.dumps(payload)),
        }

    def open(self, content: Mapping[str, Any]) -> JSON:
        """The payload of an `m.room.encrypted` content."""
        text, _ = self._inbound[content["session_id"]].decrypt(content["ciphertext"])
        payload: JSON = json.loads(text)
        return payload
