"""The measuring requester: one client for every bot, with nothing in it that could be slow.

Towards an encrypted bot and towards a plain one it does the same, but for the decryption itself (some 50 µs).
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import Awaitable
from itertools import count
from typing import Any, Self, TypeVar
from urllib.parse import quote

import aiohttp

from bot.demo.synapse import Account
from tests.bench.keys import JSON, MEGOLM, Keys

PATIENCE_SECONDS = 60.0  # for one reply; a bot that takes longer is broken
SYNC_MILLISECONDS = 30_000

T = TypeVar("T")


class Requester:
    """One account on one device: made by `login`, ended by `stop`."""

    def __init__(self, url: str, user_id: str, device_id: str, token: str) -> None:
        self.user_id = user_id
        self._http = aiohttp.ClientSession(headers={"Authorization": f"Bearer {token}"})
        self._base = f"{url}/_matrix/client/v3"
        self._keys = Keys(user_id, device_id)
        self._replies: dict[str, asyncio.Queue[float]] = {}
        self._joined: dict[tuple[str, str], asyncio.Event] = {}
        self._encrypted: set[str] = set()
        self._transactions = count()
        self._listening: asyncio.Task[None] | None = None

    @classmethod
    async def login(cls, url: str, account: Account) -> Self:
        """Log in, publish the device's keys, and begin to listen."""
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
        requester = cls(url, answer["user_id"], answer["device_id"], answer["access_token"])
        await requester._call("POST", "/keys/upload", requester._keys.to_upload())
        requester._listening = asyncio.create_task(requester._listen(await requester._sync(None)))
        return requester

    async def stop(self) -> None:
        if self._listening is not None:
            self._listening.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._listening
        await self._http.close()

    async def open(self, bot: str, *, encrypted: bool) -> str:
        """A new room of two, as Element's "Start chat" makes it, once the bot is in and has the room's key."""
        state = {"type": "m.room.encryption", "state_key": "", "content": {"algorithm": MEGOLM}}
        body = {
            "preset": "trusted_private_chat",
            "is_direct": True,
            "invite": [bot],
            "initial_state": [state] if encrypted else [],
        }
        room = str((await self._call("POST", "/createRoom", body))["room_id"])
        self._replies[room] = asyncio.Queue()
        await self._until(self._joined.setdefault((room, bot), asyncio.Event()).wait(), "the bot did not come")
        if encrypted:
            await self._share(room, bot)
            self._encrypted.add(room)
        return room

    async def say(self, room: str, text: str) -> float:
        """Say something; the seconds from here to the moment when the reply stands here readable."""
        if not self._replies[room].empty():
            raise RuntimeError("the bot said more than one thing at a time, so that no reply can be timed")
        begun = time.perf_counter()
        content: JSON = {"msgtype": "m.text", "body": text}
        kind = "m.room.message"
        if room in self._encrypted:
            kind, content = "m.room.encrypted", self._keys.seal(room, content)
        await self._call("PUT", f"/rooms/{quote(room)}/send/{kind}/{next(self._transactions)}", content)
        return await self._until(self._replies[room].get(), "the bot did not answer") - begun

    async def _until(self, waiting: Awaitable[T], otherwise: str) -> T:
        if self._listening is None:
            raise RuntimeError("a requester that does not listen hears nothing")
        wanted = asyncio.ensure_future(waiting)
        try:
            done, _ = await asyncio.wait(
                {wanted, self._listening}, timeout=PATIENCE_SECONDS, return_when=asyncio.FIRST_COMPLETED
            )
            if wanted in done:
                return wanted.result()
            if self._listening in done:
                self._listening.result()
            raise TimeoutError(f"{otherwise} within {PATIENCE_SECONDS:.0f} seconds")
        finally:
            wanted.cancel()

    async def _share(self, room: str, bot: str) -> None:
        found = (await self._call("POST", "/keys/query", {"device_keys": {bot: []}}))["device_keys"][bot]
        messages: JSON = {}
        for device, published in found.items():
            keys = published["keys"]
            curve25519 = keys[f"curve25519:{device}"]
            if not self._keys.knows(curve25519):
                wanted = {"one_time_keys": {bot: {device: "signed_curve25519"}}}
                claimed = (await self._call("POST", "/keys/claim", wanted))["one_time_keys"][bot][device]
                self._keys.meet(curve25519, next(iter(claimed.values()))["key"])
            messages[device] = self._keys.room_key(room, bot, curve25519, keys[f"ed25519:{device}"])
        body = {"messages": {bot: messages}}
        await self._call("PUT", f"/sendToDevice/m.room.encrypted/{next(self._transactions)}", body)

    async def _listen(self, token: str) -> None:
        while True:
            token = await self._sync(token)

    async def _sync(self, token: str | None) -> str:
        nothing: JSON = {"types": []}
        timeline = {
            "types": ["m.room.encrypted", "m.room.message", "m.room.member"],
            "not_senders": [self.user_id],
            "limit": 100,
        }
        room_filter = {"account_data": nothing, "ephemeral": nothing, "state": nothing, "timeline": timeline}
        query = {
            "filter": json.dumps({"presence": nothing, "account_data": nothing, "room": room_filter}),
            "timeout": str(SYNC_MILLISECONDS),
        }
        since = {"since": token} if token else {"timeout": "0"}
        answer = await self._call("GET", "/sync", **{**query, **since})
        for event in answer.get("to_device", {}).get("events", []):
            if event["type"] == "m.room.encrypted":
                self._keys.take(event["content"])
        for room, part in answer.get("rooms", {}).get("join", {}).items():
            for event in part["timeline"]["events"]:
                self._take(room, event)
        return str(answer["next_batch"])

    def _take(self, room: str, event: JSON) -> None:
        match event["type"]:
            case "m.room.member":
                if event["content"].get("membership") == "join":
                    self._joined.setdefault((room, event["state_key"]), asyncio.Event()).set()
                return
            case "m.room.encrypted":
                content = self._keys.open(event["content"])["content"]
            case _:
                content = event["content"]
        if (room in self._encrypted) == (event["type"] == "m.room.encrypted") and content["body"]:
            self._replies[room].put_nowait(time.perf_counter())

    async def _call(self, method: str, path: str, body: Any = None, **query: str) -> Any:
        async with self._http.request(method, f"{self._base}{path}", json=body, params=query) as response:
            answer = await response.json()
            if response.status != 200:
                raise RuntimeError(f"{method} {path.split('/')[1]}: {response.status} {answer.get('errcode')}")
            return answer
