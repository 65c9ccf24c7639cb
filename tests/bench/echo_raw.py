"""The limit: an echo in clear over plain aiohttp. What it takes is what the homeserver takes.

Run by `bots.py` as a process of its own: `python -m tests.bench.echo_raw URL USER_ID`, the password on standard input.
"""

from __future__ import annotations

import asyncio
import json
import sys
from itertools import count
from typing import Any
from urllib.parse import quote

import aiohttp

SYNC_MILLISECONDS = 30_000


async def main(url: str, user_id: str, password: str) -> None:
    transactions = count()
    waiting: set[asyncio.Task[Any]] = set()
    async with aiohttp.ClientSession() as http:

        async def call(method: str, path: str, body: Any = None, **query: str) -> Any:
            async with http.request(method, f"{url}/_matrix/client/v3{path}", json=body, params=query) as response:
                response.raise_for_status()
                return await response.json()

        def start(path: str, body: Any, method: str = "PUT") -> None:
            task = asyncio.create_task(call(method, path, body))
            waiting.add(task)
            task.add_done_callback(waiting.discard)

        login = {
            "type": "m.login.password",
            "identifier": {"type": "m.id.user", "user": user_id},
            "password": password,
        }
        http.headers["Authorization"] = f"Bearer {(await call('POST', '/login', login))['access_token']}"
        nothing: dict[str, Any] = {"types": []}
        timeline = {"types": ["m.room.message"], "not_senders": [user_id]}
        room_filter = {"account_data": nothing, "ephemeral": nothing, "state": nothing, "timeline": timeline}
        lean = json.dumps({"presence": nothing, "account_data": nothing, "room": room_filter})
        token = (await call("GET", "/sync", filter=lean, timeout="0"))["next_batch"]
        print("ready", flush=True)
        while True:
            answer = await call("GET", "/sync", filter=lean, since=token, timeout=str(SYNC_MILLISECONDS))
            token = answer["next_batch"]
            rooms = answer.get("rooms", {})
            for room in rooms.get("invite", {}):
                start(f"/rooms/{quote(room)}/join", {}, "POST")
            for room, part in rooms.get("join", {}).items():
                for event in part["timeline"]["events"]:
                    said = {"msgtype": "m.text", "body": event["content"]["body"]}
                    start(f"/rooms/{quote(room)}/send/m.room.message/{next(transactions)}", said)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], sys.stdin.readline().strip()))
