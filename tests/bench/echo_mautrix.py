"""A bare encrypted echo on mautrix-python, everything it keeps in memory: the leanest that mautrix can be.

Run by `bots.py` as a process of its own: `python -m tests.bench.echo_mautrix URL USER_ID`, the password on standard
input.
"""

from __future__ import annotations

import asyncio
import logging
import sys

from mautrix.client import Client, InternalEventType
from mautrix.client.state_store import MemoryStateStore
from mautrix.crypto import MemoryCryptoStore, OlmMachine, StateStore
from mautrix.types import EventType, Membership, MessageEvent, RoomID, StateEvent, UserID


class States(MemoryStateStore, StateStore):  # type: ignore[misc]  # mypy does not look into mautrix
    """mautrix's own state store in memory, with the one thing that its encryption asks for besides."""

    async def find_shared_rooms(self, user_id: UserID) -> list[RoomID]:
        return [room for room in self.encryption if user_id in self.members.get(room, {})]


async def main(url: str, user_id: str, password: str) -> None:
    logging.getLogger("mau").setLevel(logging.ERROR)
    states = States()
    client = Client(base_url=url, mxid=UserID(user_id), state_store=states)
    await client.login(password=password)
    client.crypto = machine = OlmMachine(client, MemoryCryptoStore(user_id, "kept in memory only"), states)
    await machine.load()
    await machine.share_keys()
    ready = False

    async def joins(event: StateEvent) -> None:
        if event.state_key == client.mxid and event.content.membership == Membership.INVITE:
            await client.join_room_by_id(event.room_id)

    async def echoes(event: MessageEvent) -> None:
        if event.sender != client.mxid:
            await client.send_text(event.room_id, event.content.body)

    async def tells(_answer: object) -> None:
        nonlocal ready
        if not ready:
            ready = True
            print("ready", flush=True)

    client.add_event_handler(EventType.ROOM_MEMBER, joins)
    client.add_event_handler(EventType.ROOM_MESSAGE, echoes)
    client.add_event_handler(InternalEventType.SYNC_SUCCESSFUL, tells)
    await client.start(None)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], sys.stdin.readline().strip()))
