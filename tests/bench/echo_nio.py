"""A bare encrypted echo on matrix-nio, written as its documentation does: AsyncClient, callbacks, `sync_forever`.

Run by `bots.py` as a process of its own: `python -m tests.bench.echo_nio URL USER_ID`, the password on standard input.
"""

from __future__ import annotations

import asyncio
import logging
import sys
import tempfile

from nio import (
    AsyncClient,
    AsyncClientConfig,
    InviteMemberEvent,
    LoginResponse,
    MatrixRoom,
    RoomMessageText,
    SyncResponse,
)

SYNC_MILLISECONDS = 30_000


async def main(url: str, user_id: str, password: str, folder: str) -> None:
    logging.getLogger("nio").setLevel(logging.ERROR)
    config = AsyncClientConfig(encryption_enabled=True, store_sync_tokens=True)
    client = AsyncClient(url, user_id, store_path=folder, config=config)
    ready = False

    async def joins(room: MatrixRoom, event: InviteMemberEvent) -> None:
        if event.state_key == user_id:
            await client.join(room.room_id)

    async def echoes(room: MatrixRoom, event: RoomMessageText) -> None:
        if event.sender != user_id:
            said = {"msgtype": "m.text", "body": event.body}
            await client.room_send(room.room_id, "m.room.message", said, ignore_unverified_devices=True)

    async def tells(_answer: SyncResponse) -> None:
        nonlocal ready
        if not ready:
            ready = True
            print("ready", flush=True)

    client.add_event_callback(joins, InviteMemberEvent)
    client.add_event_callback(echoes, RoomMessageText)
    client.add_response_callback(tells, SyncResponse)
    if not isinstance(await client.login(password), LoginResponse):
        sys.exit("the homeserver refused the login")
    await client.sync_forever(timeout=SYNC_MILLISECONDS, full_state=True)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="vestibule-bench-") as place:
        asyncio.run(main(sys.argv[1], sys.argv[2], sys.stdin.readline().strip(), place))
