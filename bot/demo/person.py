"""A person on Matrix, encrypted end to end: the requester and the specialists of the demo and the tests.

Played by mautrix and libolm: another client and another crypto implementation than the bot's.
"""

# ruff: noqa: ASYNC109 - how long to wait is the caller's question in a demo and in a test

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import secrets
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Self, TypeVar

from mautrix.api import Method, Path
from mautrix.client import Client
from mautrix.crypto.attachments import decrypt_attachment, encrypt_attachment
from mautrix.errors import MatrixConnectionError, MatrixRequestError
from mautrix.types import FilterID, SyncToken, UserID

from bot.demo.olm import JSON, PRESENT, Machine
from bot.demo.rooms import Invite, Message, Reaction, Rooms, Undecrypted
from bot.errors import WorldError

PATIENCE_SECONDS = 90.0  # how long to wait for what should happen at once; a busy machine gets time
SYNC_MILLISECONDS = 30_000
TYPING_MILLISECONDS = 30_000
RETRY_SECONDS = 0.2  # the homeserver is away: it is our own, on this machine
REQUEST_RETRIES = 3
FILTER = json.dumps(
    {
        "presence": {"types": []},
        "account_data": {"types": []},
        "room": {"account_data": {"types": []}, "timeline": {"limit": 1000}},
    }
)


T = TypeVar("T")


class PersonError(WorldError):
    """A person was asked for what they cannot do, or waited in vain."""


class Person:
    """One device of one account: made by `login`, ended by `stop`.

    `strict` is how Element does it since 2026 (MSC4153): room keys go only to devices that their owner has signed,
    and nothing is read from other devices.
    """

    def __init__(self, client: Client, machine: Machine, *, strict: bool) -> None:
        self.client = client
        self._machine = machine
        self._rooms = Rooms(machine, str(client.mxid), strict=strict)
        self._master_key: str | None = None
        self._crypto = asyncio.Lock()  # a sync is taken in, or a message sealed, one at a time
        self._changed = asyncio.Condition()
        self._token: SyncToken | None = None
        self._listening: asyncio.Task[None] | None = None
        self._broken: Exception | None = None

    @classmethod
    async def login(
        cls, url: str, user_id: str, password: str, *, cross_sign: bool = True, strict: bool = True
    ) -> Self:
        """Log in on a new device, publish its keys, sign it where wanted, and begin to listen."""
        logging.getLogger("mau").setLevel(logging.ERROR)  # mautrix logs what people write
        client = Client(base_url=url, mxid=UserID(user_id), default_retry_count=REQUEST_RETRIES)
        try:
            await client.login(password=password, device_name="Vestibule demo")
            machine = Machine(client, strict=strict)
            await machine.begin()
            person = cls(client, machine, strict=strict)
            if cross_sign:
                await person.cross_sign()
            await person._sync(0)
        except BaseException:
            await client.api.session.close()
            raise
        person._listening = asyncio.create_task(person._listen())
        return person

    async def cross_sign(self) -> None:
        """Make the account's identity and sign this device with it. Once an account."""
        self._master_key = await self._machine.make_identity()

    async def replace_identity(self, password: str) -> None:
        """Put a new identity in the place of the account's, as somebody does who has lost the recovery key."""
        who = {"type": "m.id.user", "user": self.user_id}
        auth = {"type": "m.login.password", "identifier": who, "password": password}
        self._master_key = await self._machine.make_identity(auth)

    async def stop(self) -> None:
        """Stop listening. The device stays logged in; its keys are gone."""
        if self._listening:
            self._listening.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._listening
        await self.client.api.session.close()

    @property
    def user_id(self) -> str:
        return str(self.client.mxid)

    @property
    def device_id(self) -> str:
        return str(self.client.device_id)

    @property
    def access_token(self) -> str:
        return str(self.client.api.token)

    @property
    def master_key(self) -> str:
        """The public half of the identity, as the config pins it (unpadded base64)."""
        if self._master_key is None:
            raise PersonError("this person has no identity: they did not cross-sign")
        return self._master_key

    # what happened

    def messages(self, room_id: str) -> list[Message]:
        """Everyone's messages, one's own too, in the order of arrival; plain ones are marked so."""
        return [entry for entry in self._rooms[room_id].timeline.values() if isinstance(entry, Message)]

    def undecrypted(self, room_id: str | None = None) -> list[Undecrypted]:
        """What could not be read (yet), in one room or in all."""
        if room_id is None:
            return self._rooms.undecrypted()
        return [entry for entry in self._rooms[room_id].timeline.values() if isinstance(entry, Undecrypted)]

    def reactions(self, room_id: str) -> list[Reaction]:
        return list(self._rooms[room_id].reactions.values())

    def has_read(self, room_id: str, event_id: str) -> frozenset[str]:
        """Who sent a read receipt for just this message."""
        return frozenset(who for event, who in self._rooms[room_id].read if event == event_id)

    def typing(self, room_id: str) -> frozenset[str]:
        """Who is writing at this moment."""
        return self._rooms[room_id].typing

    def name(self, room_id: str) -> str:
        """The room's name; empty where it has none."""
        return self._rooms[room_id].name

    def rooms(self) -> list[str]:
        """The rooms the person is in."""
        return self._rooms.joined()

    def invites(self) -> list[Invite]:
        """Invitations that were neither accepted nor declined."""
        return list(self._rooms.invites.values())

    def members(self, room_id: str) -> dict[str, str]:
        """Everyone's membership: `join`, `invite`, `leave`."""
        return dict(self._machine.state_store.members.get(room_id, {}))

    async def until(self, condition: Callable[[], T | None], timeout: float | None = PATIENCE_SECONDS) -> T:
        """Wait until the condition gives something true, looking after each sync; None waits for ever."""
        async with self._changed:
            try:
                async with asyncio.timeout(timeout):
                    while not (found := condition()):
                        if self._broken:
                            raise PersonError("this person stopped listening") from self._broken
                        await self._changed.wait()
            except TimeoutError:
                causes = ", ".join(sorted({entry.cause for entry in self.undecrypted()}))
                unread = f"; some events could not be decrypted: {causes}" if causes else ""
                raise PersonError(f"waited {timeout} seconds in vain{unread}") from None
            return found

    async def next_message(self, room_id: str, timeout: float | None = PATIENCE_SECONDS) -> Message:
        """The next decrypted message from someone else that was not taken before."""
        fresh = self._rooms[room_id].fresh
        await self.until(lambda: len(fresh), timeout)
        return fresh.popleft()

    async def next_invite(self, timeout: float | None = PATIENCE_SECONDS) -> Invite:
        """An invitation that was neither accepted nor declined, the oldest first."""
        return await self.until(lambda: next(iter(self._rooms.invites.values()), None), timeout)

    async def joined(self, room_id: str, user_id: str, timeout: float | None = PATIENCE_SECONDS) -> None:
        """Wait until someone is in the room."""
        await self.until(lambda: self.members(room_id).get(user_id) == "join", timeout)

    # what the person does

    async def make_room(
        self, *invite: str, name: str = "", encrypted: bool = True, state: Sequence[JSON] = (), direct: bool = False
    ) -> str:
        """Make a room and invite people. History is `shared`, as Element leaves it, unless `state` says otherwise."""
        initial = [*state]
        if encrypted:
            content = {"algorithm": "m.megolm.v1.aes-sha2"}
            initial.append({"type": "m.room.encryption", "state_key": "", "content": content})
        body = {
            "preset": "trusted_private_chat" if direct else "private_chat",
            "is_direct": direct,
            "invite": list(invite),
            "initial_state": initial,
        }
        answer = await self.request(Method.POST, Path.v3.createRoom, body | ({"name": name} if name else {}))
        room_id = str(answer["room_id"])

        def known() -> bool:
            # a room's first events come one after the other; whoever is not seen yet would get no key
            invited = {person for person in invite if self.members(room_id).get(person) in PRESENT}
            sealed = room_id in self._machine.state_store.encryption
            return self._rooms[room_id].joined and len(invited) == len(invite) and sealed == encrypted

        await self.until(known)
        return room_id

    async def invite_to_new_room(self, user_id: str) -> str:
        """Open an encrypted conversation of two, as Element's "Start chat" does."""
        return await self.make_room(user_id, direct=True)

    async def accept(self, room_id: str) -> str:
        """Join a room, and wait until its state has come."""
        await self.request(Method.POST, Path.v3.join[room_id], {})
        await self.until(lambda: self._rooms[room_id].joined)
        return room_id

    async def leave(self, room_id: str) -> None:
        """Leave a room, or decline the invitation to it."""
        await self.request(Method.POST, Path.v3.rooms[room_id].leave, {})
        await self.until(lambda: not self._rooms[room_id].joined and room_id not in self._rooms.invites)

    async def invite(self, room_id: str, user_id: str) -> None:
        """Ask someone into a room; they can read what is written from here on."""
        await self.request(Method.POST, Path.v3.rooms[room_id].invite, {"user_id": user_id})
        await self.until(lambda: self.members(room_id).get(user_id) in PRESENT)

    async def send(self, room_id: str, text: str) -> str:
        """Say something, encrypted; the event's id."""
        content = {"msgtype": "m.text", "body": text}
        return await self.raw(room_id, "m.room.encrypted", await self.encrypt(room_id, "m.room.message", content))

    async def edit(self, room_id: str, event_id: str, text: str) -> str:
        """Put other words in the place of an earlier message of one's own, as Element does; the new event's id."""
        new = {"msgtype": "m.text", "body": text}
        relation = {"rel_type": "m.replace", "event_id": event_id}
        content = {**new, "body": f"* {text}", "m.new_content": new, "m.relates_to": relation}
        sealed = await self.encrypt(room_id, "m.room.message", content, {"m.relates_to": relation})
        return await self.raw(room_id, "m.room.encrypted", sealed)

    async def redact(self, room_id: str, event_id: str) -> str:
        """Take a message back; the redaction's id."""
        path = Path.v3.rooms[room_id].redact[event_id][secrets.token_hex(8)]
        return str((await self.request(Method.PUT, path, {}))["event_id"])

    async def send_file(self, room_id: str, data: bytes, name: str, *, mime: str, msgtype: str = "m.file") -> str:
        """Send a file, encrypted; the event's id."""
        sealed, key = encrypt_attachment(data)
        place = await self.client.upload_media(sealed, mime_type="application/octet-stream")
        content = {
            "msgtype": msgtype,
            "body": name,
            "info": {"mimetype": mime, "size": len(data)},
            "file": {**key.serialize(), "url": str(place)},
        }
        return await self.raw(room_id, "m.room.encrypted", await self.encrypt(room_id, "m.room.message", content))

    async def fetch(self, message: Message) -> bytes:
        """The file that a message holds, opened."""
        file = message.content["file"]
        sealed = await self.client.download_media(file["url"])
        return bytes(decrypt_attachment(sealed, file["key"]["k"], file["hashes"]["sha256"], file["iv"]))

    async def show_typing(self, room_id: str, *, on: bool = True) -> None:
        """Show the others that one is writing, or has stopped to."""
        body = {"typing": on, "timeout": TYPING_MILLISECONDS} if on else {"typing": False}
        await self.request(Method.PUT, Path.v3.rooms[room_id].typing[self.user_id], body)

    async def send_plain(self, room_id: str, text: str) -> str:
        """Say something in clear, as a careless client would."""
        return await self.raw(room_id, "m.room.message", {"msgtype": "m.text", "body": text})

    async def react(self, room_id: str, event_id: str, key: str) -> str:
        relation = {"rel_type": "m.annotation", "event_id": event_id, "key": key}
        return await self.raw(room_id, "m.reaction", {"m.relates_to": relation})

    async def encrypt(
        self, room_id: str, event_type: str, content: Mapping[str, Any], outside: Mapping[str, Any] | None = None
    ) -> JSON:
        """The content of an `m.room.encrypted` event, to be sent by `raw`.

        What `content` holds, relations too, stays inside the ciphertext; what `outside` holds is written beside it,
        where a homeserver could write it.
        """
        if room_id not in self._machine.state_store.encryption:
            raise PersonError("this room is not encrypted")
        async with self._crypto:
            await self._rooms.refresh()
            sealed = await self._machine.seal({"room_id": room_id, "type": event_type, "content": content})
        return {**sealed, **(outside or {})}

    async def keys_of(self, user_id: str) -> JSON:
        """What the homeserver tells of somebody's identity and devices."""
        return await self.request(Method.POST, Path.v3.keys.query, {"device_keys": {user_id: []}})

    async def raw(self, room_id: str, event_type: str, content: Mapping[str, Any]) -> str:
        """Send an event exactly as it is; its id."""
        path = Path.v3.rooms[room_id].send[event_type][secrets.token_hex(8)]
        return str((await self.request(Method.PUT, path, content))["event_id"])

    async def set_state(self, room_id: str, event_type: str, content: Mapping[str, Any], state_key: str = "") -> str:
        """Change the room's state; the event's id."""
        path = Path.v3.rooms[room_id].state[event_type][state_key]
        return str((await self.request(Method.PUT, path, content))["event_id"])

    async def request(self, method: Method, path: Any, content: Mapping[str, Any] | None = None) -> JSON:
        """Any other request to the homeserver, as this person."""
        answer: Any = await self.client.api.request(method, path, None if content is None else dict(content))
        return dict(answer)

    # the sync

    async def _listen(self) -> None:
        while not self._broken:
            try:
                await self._sync(SYNC_MILLISECONDS)
            except (MatrixConnectionError, MatrixRequestError, TimeoutError):
                await asyncio.sleep(RETRY_SECONDS)
            except Exception as error:  # told to whoever waits
                self._broken = error
            async with self._changed:
                self._changed.notify_all()

    async def _sync(self, milliseconds: int) -> None:
        answer: Any = await self.client.sync(since=self._token, filter_id=FilterID(FILTER), timeout=milliseconds)
        async with self._crypto:
            await self._rooms.take(answer)
        self._token = SyncToken(answer["next_batch"])
