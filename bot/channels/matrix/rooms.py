"""Rooms: who is in them, whether one is safe for a conversation of two (law 5), and the making of our own."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from bot.channels.matrix.homeserver import AnswerTooLargeError, Homeserver, HomeserverError, chunk_of
from bot.channels.matrix.signing import MEGOLM
from bot.channels.matrix.sync import is_id

MAKINGS = 3  # attempts to make one room, in one go
MOVES = 10  # rooms that took another's place, one after the other
WIDTH = {"joined": 0, "invited": 1, "shared": 2, "world_readable": 3}  # how many may read what was said before

# in the rooms that we make nobody but the bot changes anything
POWER = {
    "users_default": 0,
    "events": {},
    "events_default": 0,
    "state_default": 100,
    "invite": 100,
    "kick": 100,
    "ban": 100,
    "redact": 100,
}
SETTINGS: Mapping[str, Mapping[str, Any]] = {
    "m.room.join_rules": {"join_rule": "invite"},
    "m.room.guest_access": {"guest_access": "forbidden"},
    "m.room.history_visibility": {"history_visibility": "joined"},
    "m.room.encryption": {"algorithm": MEGOLM},
}


@dataclass(slots=True)
class Members:
    """Who is in a room, and who is asked in."""

    joined: set[str] = field(default_factory=set, repr=False)
    invited: set[str] = field(default_factory=set, repr=False)
    crowded: bool = False  # more than can be told: none of them is known

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
        """Who is in the room. Raises HomeserverError.

        In a room of more people than the homeserver can tell in one answer, that is remembered until we enter again.
        """
        known = self._members.get(room)
        if known is not None:
            return known
        before = self._changes.get(room, 0)
        try:
            # not those who left: in an old room they are many
            answer = await self._homeserver.call("GET", "rooms", room, "members", query={"not_membership": "leave"})
        except AnswerTooLargeError:
            self._members[room] = Members(crowded=True)
            return self._members[room]
        members = Members()
        for event in chunk_of(answer):
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
        if room in self._members and not self._members[room].crowded:
            del self._members[room]

    def forget_all(self) -> None:
        """What we know of any room may be old."""
        for room in list(self._members):
            self.forget(room)

    async def enter(self, room: str, *known: str | None) -> None:
        """Join, through the server of the room, or of those (people, rooms) that we know. Again is harmless."""
        # ids of room version 12 name no server
        via = sorted({name.partition(":")[2] for name in (room, *known) if name} - {""})
        query = {"via": via, "server_name": via}  # the second is what it was called before Matrix 1.12
        _room_id(await self._homeserver.call("POST", "join", room, body={}, query=query))
        self._members.pop(room, None)
        self.forget(room)

    async def is_in(self, room: str) -> bool:
        """Whether we are in the room."""
        try:
            content = await self._homeserver.call("GET", "rooms", room, "state", "m.room.member", self._user_id)
        except HomeserverError as error:
            if error.status not in (403, 404):
                raise
            return False
        return membership_of(content) == "join"

    async def is_of_two(self, room: str, contact: str) -> bool:
        """Whether nobody but this contact and us is in the room, or asked in."""
        return (await self.members(room)).all == {self._user_id, contact}

    async def look(self, room: str) -> bool:
        """Whether this is an encrypted room of two whose history is not open to the world; if so, narrow its history.

        Only what is judged is asked for: a stranger's room may hold more state than we could read.
        """
        if not await self.is_encrypted(room):
            return False
        visibility = visibility_of(await self._state(room, "m.room.history_visibility"))
        members = await self.members(room)
        if visibility == "world_readable" or members.crowded or len(members.all) != 2:
            return False
        if visibility != "joined":
            narrowed = {"history_visibility": "joined"}
            # who may is not for us to work out (since room version 12 creators may, whatever the power levels say);
            # refused, `shared` stays: the default of clients is accepted in a room of two
            with suppress(HomeserverError):
                await self._homeserver.call("PUT", "rooms", room, "state", "m.room.history_visibility", body=narrowed)
        return True

    async def _state(self, room: str, kind: str) -> Mapping[str, Any]:
        """The content of a state event with an empty state key; nothing where there is none."""
        try:
            return await self._homeserver.call("GET", "rooms", room, "state", kind)
        except HomeserverError as error:
            if error.status != 404:
                raise
            return {}

    async def is_encrypted(self, room: str) -> bool:
        """Whether the room's state says so."""
        return (await self._state(room, "m.room.encryption")).get("algorithm") == MEGOLM

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
            return await self.is_encrypted(room) and self._user_id in (await self.members(room)).joined
        except HomeserverError as error:
            if error.status not in (403, 404):
                raise
            return False

    async def resolve(self, room_or_alias: str) -> str:
        """The id of a room named by id or alias, or of the one that took its place. Raises HomeserverError."""
        room = room_or_alias
        if not room.startswith("!"):
            room = _room_id(await self._homeserver.call("GET", "directory", "room", room))
        seen = {room}
        for _ in range(MOVES):
            moved = await self._moved_to(room)
            if moved is None or moved in seen:
                break
            seen.add(moved)
            room = moved
        return room

    async def _moved_to(self, room: str) -> str | None:
        try:
            found = (await self._state(room, "m.room.tombstone")).get("replacement_room")
        except HomeserverError as error:
            if error.status != 403:
                raise
            return None  # a room that we are not in keeps to itself where it went
        return found if isinstance(found, str) and found.startswith("!") and is_id(found) else None

    async def restore(self, room: str) -> None:
        """Set a room that we made back to what it was. Each setting is tried. Raises HomeserverError."""
        # since room version 12, whose ids name no server, its creator has power over all and must not be listed
        users = {self._user_id: 100} if ":" in room else {}
        refused: HomeserverError | None = None
        for kind, content in {"m.room.power_levels": {**POWER, "users": users}, **SETTINGS}.items():
            try:
                await self._homeserver.call("PUT", "rooms", room, "state", kind, body=content)
            except HomeserverError as error:
                refused = refused or error
        if refused is not None:
            raise refused

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
    return {
        "room_alias_name": alias,
        "name": name,
        "preset": "private_chat",
        "visibility": "private",
        "initial_state": [
            {"type": kind, "state_key": "", "content": dict(content)} for kind, content in SETTINGS.items()
        ],
        "power_level_content_override": POWER,
    }


def _room_id(answer: Mapping[str, Any]) -> str:
    room = answer.get("room_id")
    if not isinstance(room, str):
        raise HomeserverError(0)
    return room
