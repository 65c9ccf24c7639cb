"""Rooms: who is in them, whether one is safe for a conversation of two (law 5), and the making of our own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from bot.channels.matrix.homeserver import Homeserver, HomeserverError
from bot.channels.matrix.signing import MEGOLM

MAKINGS = 3  # attempts to make one room, in one go
WIDTH = {"joined": 0, "invited": 1, "shared": 2, "world_readable": 3}  # how many may read what was said before


@dataclass(slots=True)
class Members:
    """Who is in a room, and who is asked in."""

    joined: set[str] = field(default_factory=set, repr=False)
    invited: set[str] = field(default_factory=set, repr=False)

    @property
    def all(self) -> set[str]:
        """Everyone who is in, or may come in."""
        return self.joined | self.invited

    def apply(self, event: Mapping[str, Any]) -> None:
        """Follow one `m.room.member` event."""
        person, membership = event.get("state_key"), membership_of(event.get("content"))
        if not isinstance(person, str):
            return
        self.joined.discard(person)
        self.invited.discard(person)
        if membership == "join":
            self.joined.add(person)
        elif membership == "invite":
            self.invited.add(person)


def membership_of(content: object) -> str | None:
    """The membership that an event's content names."""
    found = content.get("membership") if isinstance(content, dict) else None
    return found if isinstance(found, str) else None


def visibility_of(content: object) -> str | None:
    """The history visibility that an event's content names."""
    found = content.get("history_visibility") if isinstance(content, dict) else None
    return found if isinstance(found, str) else None


def state_of(events: Sequence[object], kind: str) -> Mapping[str, Any]:
    """The content of a room's state event with an empty state key."""
    for event in events:
        if isinstance(event, dict) and event.get("type") == kind and event.get("state_key") == "":
            content = event.get("content")
            return content if isinstance(content, dict) else {}
    return {}


def is_safe_for_two(events: Sequence[object]) -> bool:
    """Whether a room's state is that of an encrypted room of two whose history is not open to the world."""
    members = Members()
    for event in events:
        if isinstance(event, dict) and event.get("type") == "m.room.member":
            members.apply(event)
    return (
        state_of(events, "m.room.encryption").get("algorithm") == MEGOLM
        and len(members.all) == 2
        and visibility_of(state_of(events, "m.room.history_visibility")) != "world_readable"
    )


def was_widened(event: Mapping[str, Any]) -> bool:
    """Whether this `m.room.history_visibility` event lets more people read what was said than before."""
    if event.get("state_key") != "":
        return False  # anybody may send an event of that name; the room's state is another thing
    unsigned = event.get("unsigned")
    before = visibility_of(unsigned.get("prev_content")) if isinstance(unsigned, dict) else None
    now = WIDTH.get(visibility_of(event.get("content")) or "", WIDTH["shared"])
    return now == WIDTH["world_readable"] or (before is not None and now > WIDTH.get(before, WIDTH["shared"]))


class Rooms:
    """Memberships, asked for once and then followed; and the calls that change rooms."""

    def __init__(self, homeserver: Homeserver, user_id: str) -> None:
        self._homeserver = homeserver
        self._user_id = user_id
        self._members: dict[str, Members] = {}
        self._changes: dict[str, int] = {}  # memberships that changed in each room, as far as we heard

    async def members(self, room: str) -> Members:
        """Who is in the room. Raises HomeserverError."""
        known = self._members.get(room)
        if known is not None:
            return known
        before = self._changes.get(room, 0)
        answer = await self._homeserver.call("GET", "rooms", room, "members")
        members = Members()
        chunk = answer.get("chunk")
        for event in chunk if isinstance(chunk, list) else []:
            if isinstance(event, dict):
                members.apply(event)
        if before == self._changes.get(room, 0):
            # otherwise somebody came or went while we asked: good enough for now, not to be remembered
            self._members[room] = members
        return members

    def follow(self, room: str, event: Mapping[str, Any]) -> None:
        """A membership changed."""
        self._changes[room] = self._changes.get(room, 0) + 1
        if room in self._members:
            self._members[room].apply(event)

    def forget(self, room: str) -> None:
        """What we know of this room may be old."""
        self._changes[room] = self._changes.get(room, 0) + 1
        self._members.pop(room, None)

    async def enter(self, room: str) -> None:
        """Join. Joining again is harmless."""
        await self._homeserver.call("POST", "rooms", room, "join", body={})
        self.forget(room)

    async def look(self, room: str) -> bool:
        """Whether the room is safe for a conversation of two; if so, narrow its history where we may."""
        state = await self._homeserver.state(room)
        if not is_safe_for_two(state):
            return False
        if visibility_of(state_of(state, "m.room.history_visibility")) != "joined":
            narrowed = {"history_visibility": "joined"}
            # who may is not for us to work out (since room version 12 creators may, whatever the power levels say);
            # refused, `shared` stays: the default of clients is accepted in a room of two
            with suppress(HomeserverError):
                await self._homeserver.call("PUT", "rooms", room, "state", "m.room.history_visibility", body=narrowed)
        return True

    async def make(self, alias: str, name: str) -> str:
        """Make an encrypted, invite-only room whose history only its members read, or find the one made before.

        The random alias makes it one room, however often this is tried: the second attempt is told M_ROOM_IN_USE.
        """
        for _ in range(MAKINGS):
            try:
                return _room_id(await self._homeserver.call("POST", "createRoom", body=_recipe(alias, name)))
            except HomeserverError as error:
                if error.errcode != "M_ROOM_IN_USE":
                    raise
            named = f"#{alias}:{self._user_id.partition(':')[2]}"
            room = _room_id(await self._homeserver.call("GET", "directory", "room", named))
            if await self._is_whole(room):
                return room
            # a homeserver that is killed while it makes a room may leave a name for what nobody can use
            await self._homeserver.call("DELETE", "directory", "room", named)
        raise HomeserverError(0)

    async def _is_whole(self, room: str) -> bool:
        """Whether we are in the room, and it is encrypted."""
        try:
            state = await self._homeserver.state(room)
            members = await self.members(room)
        except HomeserverError as error:
            if error.status not in (403, 404):
                raise
            return False
        return self._user_id in members.joined and state_of(state, "m.room.encryption").get("algorithm") == MEGOLM

    async def resolve(self, room_or_alias: str) -> str:
        """The id of a room named by id or alias. Raises HomeserverError."""
        if room_or_alias.startswith("!"):
            return room_or_alias
        return _room_id(await self._homeserver.call("GET", "directory", "room", room_or_alias))

    async def invite(self, room: str, person: str) -> None:
        """Ask someone in; already asked or already there is well."""
        try:
            await self._homeserver.call("POST", "rooms", room, "invite", body={"user_id": person})
        except HomeserverError as error:
            self.forget(room)
            if error.status != 403 or person not in (await self.members(room)).all:
                raise
        self.forget(room)

    async def leave(self, room: str) -> None:
        """Leave; not being there is well."""
        try:
            await self._homeserver.call("POST", "rooms", room, "leave", body={})
        except HomeserverError as error:
            if error.status not in (403, 404):
                raise
        self.forget(room)


def _recipe(alias: str, name: str) -> dict[str, Any]:
    def state(kind: str, key: str, value: str) -> dict[str, Any]:
        return {"type": kind, "state_key": "", "content": {key: value}}

    return {
        "room_alias_name": alias,
        "name": name,
        "preset": "private_chat",
        "visibility": "private",
        "initial_state": [
            state("m.room.encryption", "algorithm", MEGOLM),
            state("m.room.history_visibility", "history_visibility", "joined"),
            state("m.room.guest_access", "guest_access", "forbidden"),
        ],
        "power_level_content_override": {"invite": 100, "state_default": 100},
    }


def _room_id(answer: Mapping[str, Any]) -> str:
    room = answer.get("room_id")
    if not isinstance(room, str):
        raise HomeserverError(0)
    return room
