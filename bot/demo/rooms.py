"""What a person sees of their rooms: the homeserver's sync, taken apart in order.

mautrix itself starts a task an event, and a message can overtake the key that opens it. Here keys come first, and what
cannot be read is kept in its place, with the cause, until it can.
"""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mautrix.errors import MatrixError, SessionNotFound
from mautrix.types import DeviceOTKCount, ToDeviceEvent

from bot.demo.olm import JSON, Machine

WITHHELD = "m.room_key.withheld"


@dataclass(frozen=True, slots=True)
class Message:
    """An `m.room.message`. `content` is what stood inside the ciphertext, or, of a plain one, the event's content."""

    event_id: str
    sender: str = field(repr=False)
    body: str = field(repr=False)
    decrypted: bool
    content: JSON = field(repr=False)


@dataclass(frozen=True, slots=True)
class Undecrypted:
    """An event that could not be read, and why. A `Message` takes its place when the key comes."""

    event_id: str
    sender: str = field(repr=False)
    cause: str


@dataclass(frozen=True, slots=True)
class Reaction:
    """A mark on the event `event_id`. Reactions are never encrypted."""

    event_id: str
    key: str
    sender: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Invite:
    """Someone asked the person into a room."""

    room_id: str
    sender: str = field(repr=False)
    name: str


@dataclass(slots=True)
class Room:
    """One room. `timeline` holds messages, and what may be one, in the order of arrival."""

    joined: bool = False
    name: str = ""
    timeline: dict[str, Message | Undecrypted] = field(default_factory=dict)
    sealed: dict[str, JSON] = field(default_factory=dict)  # the events of what is `Undecrypted`
    fresh: deque[Message] = field(default_factory=deque)  # decrypted, from others, and nobody asked for it yet
    reactions: dict[str, Reaction] = field(default_factory=dict)
    typing: frozenset[str] = frozenset()  # who is writing at this moment
    read: set[tuple[str, str]] = field(default_factory=set)  # (event, who has read it)


class Rooms:
    """All rooms of one person, kept up by `take`.

    `strict`: nothing is read that comes from a device which its owner has not signed (MSC4153).
    """

    def __init__(self, machine: Machine, user_id: str, *, strict: bool) -> None:
        self.invites: dict[str, Invite] = {}
        self._machine = machine
        self._user_id = user_id
        self._strict = strict
        self._rooms: dict[str, Room] = {}
        self._withheld: dict[str, str] = {}  # session id: the code that says why we do not get it
        self._changed: set[str] = set()  # people whose devices must be asked for again

    def __getitem__(self, room_id: str) -> Room:
        return self._rooms.setdefault(room_id, Room())

    def joined(self) -> list[str]:
        return [room_id for room_id, room in self._rooms.items() if room.joined]

    def undecrypted(self) -> list[Undecrypted]:
        """What cannot be read, in all rooms."""
        entries = (entry for room in self._rooms.values() for entry in room.timeline.values())
        return [entry for entry in entries if isinstance(entry, Undecrypted)]

    async def take(self, answer: JSON) -> None:
        """Take in one answer of the homeserver. Taking it again is harmless."""
        self._changed.update(answer.get("device_lists", {}).get("changed", ()))
        for event in answer.get("to_device", {}).get("events", ()):
            await self._take_to_device(event)
        with contextlib.suppress(MatrixError):  # tried again with the next answer, or before the next message
            await self.refresh()
        stock = answer.get("device_one_time_keys_count", {}).get("signed_curve25519")
        if stock is not None:
            with contextlib.suppress(MatrixError):  # the next answer tells the stock again
                await self._machine.handle_otk_count(DeviceOTKCount(signed_curve25519=stock, curve25519=0))
        for room_id, room in list(self._rooms.items()):
            for event in list(room.sealed.values()):
                await self._open(room_id, event)
        rooms = answer.get("rooms", {})
        for room_id, part in rooms.get("invite", {}).items():
            self._take_invite(room_id, part["invite_state"]["events"])
        for membership in ("join", "leave"):
            for room_id, part in rooms.get(membership, {}).items():
                self.invites.pop(room_id, None)
                self[room_id].joined = membership == "join"
                for event in part.get("state", {}).get("events", []) + part.get("timeline", {}).get("events", []):
                    await self._take_event(room_id, event)
                for event in part.get("ephemeral", {}).get("events", []):
                    self._take_fleeting(self[room_id], event["type"], event["content"])

    async def refresh(self) -> None:
        """Ask for the devices of those whose devices changed."""
        changed = set(self._changed)
        if changed:
            await self._machine.refresh(changed)
            self._changed -= changed

    async def _take_to_device(self, event: Any) -> None:
        content = event.get("content", {})
        if event.get("type") == WITHHELD:
            self._withheld[str(content.get("session_id"))] = str(content.get("code"))
            return
        if event.get("type") != "m.room.encrypted":
            return
        with contextlib.suppress(Exception):  # whatever a stranger made of it; what it should have held stays unread
            await self._machine.handle_to_device_event(ToDeviceEvent.deserialize(event))

    def _take_invite(self, room_id: str, events: list[JSON]) -> None:
        by_type: dict[tuple[str, str], JSON] = {(event["type"], event["state_key"]): event for event in events}
        name = by_type.get(("m.room.name", ""), {}).get("content", {}).get("name", "")
        sender = by_type.get(("m.room.member", self._user_id), {}).get("sender", "")
        self.invites[room_id] = Invite(room_id, sender, name)

    async def _take_event(self, room_id: str, event: JSON) -> None:
        room = self[room_id]
        content: JSON = event["content"]
        match event["type"]:
            case "m.room.member" if "state_key" in event:
                if self._machine.state_store.note_member(
                    room_id, event["state_key"], content.get("membership", "leave")
                ):
                    await self._machine.forget_session(room_id)
            case "m.room.encryption" if "state_key" in event:
                self._machine.state_store.encryption[room_id] = content
            case "m.room.name" if "state_key" in event:
                room.name = content.get("name", "")
            case "m.room.encrypted" if event["event_id"] not in room.timeline:
                await self._open(room_id, event)
            case "m.room.message" if event["event_id"] not in room.timeline:
                body = str(content.get("body", ""))
                room.timeline[event["event_id"]] = Message(event["event_id"], event["sender"], body, False, content)
            case "m.reaction":
                match content.get("m.relates_to"):
                    case {"event_id": str(target), "key": str(key)}:
                        room.reactions[event["event_id"]] = Reaction(target, key, event["sender"])

    @staticmethod
    def _take_fleeting(room: Room, kind: str, content: JSON) -> None:
        if kind == "m.typing":
            room.typing = frozenset(content["user_ids"])
        elif kind == "m.receipt":
            room.read |= {(event, who) for event, read in content.items() for who in read.get("m.read", {})}

    async def _open(self, room_id: str, event: Mapping[str, Any]) -> None:
        room = self[room_id]
        event_id, sender = event["event_id"], event["sender"]
        cause = "unsigned device"
        try:
            opened = await self._machine.open({**event, "room_id": room_id})
            if opened.signed or sender == self._user_id or not self._strict:
                room.sealed.pop(event_id, None)
                if opened.type != "m.room.message":
                    room.timeline.pop(event_id, None)
                    return
                message = Message(event_id, sender, str(opened.content.get("body", "")), True, opened.content)
                room.timeline[event_id] = message
                if sender != self._user_id:
                    room.fresh.append(message)
                return
        except SessionNotFound:
            cause = self._withheld.get(event["content"].get("session_id", ""), "no key")
        except Exception as error:  # whatever a stranger made of it
            cause = type(error).__name__
        room.timeline[event_id] = Undecrypted(event_id, sender, cause)
        room.sealed[event_id] = dict(event)
