"""What a hostile client can send: any request as a logged-in account, and to-device messages of every wrong kind."""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Mapping
from typing import Any, Self
from urllib.parse import quote

import aiohttp
import olm

from bot.demo.synapse import Account

OLM = "m.olm.v1.curve25519-aes-sha2"
PRE_KEY = 0
NORMAL = 1


class Forger:
    """A stranger's account, spoken for over plain HTTP by a device that has no keys."""

    def __init__(self, url: str, user_id: str, device_id: str, token: str) -> None:
        self.user_id = user_id
        self.device_id = device_id
        self._http = aiohttp.ClientSession(headers={"Authorization": f"Bearer {token}"})
        self._url = f"{url}/_matrix/client/v3"
        self._account = olm.Account()

    @classmethod
    async def login(cls, url: str, account: Account) -> Self:
        body = {
            "type": "m.login.password",
            "identifier": {"type": "m.id.user", "user": account.user_id},
            "password": account.password,
        }
        async with (
            aiohttp.ClientSession() as http,
            http.post(f"{url}/_matrix/client/v3/login", json=body) as response,
        ):
            answer = await response.json()
        return cls(url, answer["user_id"], answer["device_id"], answer["access_token"])

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._http.close()

    @property
    def identity_key(self) -> str:
        """The curve25519 key that `seal` speaks with; never published."""
        return str(self._account.identity_keys["curve25519"])

    async def request(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """Any request below `/_matrix/client/v3`; the status and the JSON of the answer."""
        async with self._http.request(method, f"{self._url}{path}", json=body) as response:
            return response.status, await response.json()

    async def devices(self, user_id: str) -> dict[str, Any]:
        """The published keys of someone's devices, by device id."""
        _, answer = await self.request("POST", "/keys/query", {"device_keys": {user_id: []}})
        return dict(answer["device_keys"].get(user_id, {}))

    async def to_device(self, event_type: str, user_id: str, content: Any) -> int:
        """Send one content to all devices of someone; the status."""
        body = {"messages": {user_id: {"*": content}}}
        status, _ = await self.request("PUT", f"/sendToDevice/{quote(event_type)}/{secrets.token_hex(8)}", body)
        return status

    async def seal(self, user_id: str, device_id: str, plaintext: str) -> dict[str, Any]:
        """A proper Olm message to a device, with anything in it. Uses up one of the device's one-time keys."""
        keys = (await self.devices(user_id))[device_id]["keys"]
        wanted = {"one_time_keys": {user_id: {device_id: "signed_curve25519"}}}
        _, answer = await self.request("POST", "/keys/claim", wanted)
        (one_time_key,) = answer["one_time_keys"][user_id][device_id].values()
        identity_key = keys[f"curve25519:{device_id}"]
        session = olm.OutboundSession(self._account, identity_key, one_time_key["key"])
        return encrypted(identity_key, self.identity_key, PRE_KEY, session.encrypt(plaintext).ciphertext)

    async def payload(self, user_id: str, device_id: str, event_type: str, content: Any, **changed: Any) -> str:
        """What a well-made Olm message of ours to a device would hold; `changed` overwrites parts of it."""
        keys = (await self.devices(user_id))[device_id]["keys"]
        holds = {
            "type": event_type,
            "content": content,
            "sender": self.user_id,
            "sender_device": self.device_id,
            "keys": {"ed25519": self._account.identity_keys["ed25519"]},
            "recipient": user_id,
            "recipient_keys": {"ed25519": keys[f"ed25519:{device_id}"]},
        }
        return json.dumps(holds | changed)


def encrypted(recipient_key: str, sender_key: str, kind: Any, body: Any) -> dict[str, Any]:
    """The content of an `m.room.encrypted` to-device message."""
    return {"algorithm": OLM, "sender_key": sender_key, "ciphertext": {recipient_key: {"type": kind, "body": body}}}


def unknown_one_time_key(recipient_key: str) -> str:
    """A well-formed pre-key message made with a one-time key that the recipient never had."""
    other = olm.Account()
    other.generate_one_time_keys(1)
    (never_published,) = other.one_time_keys["curve25519"].values()
    return str(olm.OutboundSession(olm.Account(), recipient_key, never_published).encrypt("{}").ciphertext)


def malformed(recipient_key: str) -> Mapping[str, dict[str, Any]]:
    """Wrong contents of an `m.room.encrypted` to-device message, for a device with this curve25519 key."""
    sender_key = str(olm.Account().identity_keys["curve25519"])
    pre_key = unknown_one_time_key(recipient_key)
    noise = base64.b64encode(secrets.token_bytes(120)).decode().rstrip("=")

    def body(kind: Any, text: Any) -> dict[str, Any]:
        return encrypted(recipient_key, sender_key, kind, text)

    good = body(PRE_KEY, pre_key)
    return {
        "empty": {},
        "no algorithm": {key: value for key, value in good.items() if key != "algorithm"},
        "unknown algorithm": good | {"algorithm": "m.olm.v9"},
        "algorithm is a number": good | {"algorithm": 1},
        "room algorithm": good | {"algorithm": "m.megolm.v1.aes-sha2", "ciphertext": noise, "session_id": noise},
        "no sender key": {key: value for key, value in good.items() if key != "sender_key"},
        "sender key is not base64": good | {"sender_key": "ключ \x00"},
        "sender key is short": good | {"sender_key": "AAAA"},
        "sender key is a list": good | {"sender_key": [sender_key]},
        "no ciphertext": {key: value for key, value in good.items() if key != "ciphertext"},
        "ciphertext is text": good | {"ciphertext": noise},
        "ciphertext is a list": good | {"ciphertext": [noise]},
        "ciphertext is empty": good | {"ciphertext": {}},
        "ciphertext is for nobody": encrypted("A" * 43, sender_key, PRE_KEY, pre_key),
        "ciphertext holds text": good | {"ciphertext": {recipient_key: noise}},
        "ciphertext holds nothing": good | {"ciphertext": {recipient_key: None}},
        "no type": good | {"ciphertext": {recipient_key: {"body": pre_key}}},
        "no body": good | {"ciphertext": {recipient_key: {"type": PRE_KEY}}},
        "type is text": body("0", pre_key),
        "type is true": body(True, pre_key),
        "type is null": body(None, pre_key),
        "type is 7": body(7, pre_key),
        "type is negative": body(-1, pre_key),
        "body is empty": body(PRE_KEY, ""),
        "body is a number": body(PRE_KEY, 3),
        "body is not base64": body(PRE_KEY, "not base64 ☂"),
        "body is noise": body(PRE_KEY, noise),
        "body of a normal message is noise": body(NORMAL, noise),
        "pre-key message with an unknown one-time key": good,
        "pre-key message called normal": body(NORMAL, pre_key),
        "pre-key message cut short": body(PRE_KEY, pre_key[: len(pre_key) // 2]),
        "pre-key message with changed bytes": body(PRE_KEY, pre_key[:-12] + "A" * 12),
        "long body": body(PRE_KEY, "A" * 40_000),
        "deep": good | {"org.example.deep": json.loads("[" * 60 + "]" * 60)},
    }
