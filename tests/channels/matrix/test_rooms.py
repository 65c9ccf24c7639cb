"""Rooms: who is in them, which are safe for two, and how one is made once (laws 2 and 5)."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from mautrix.api import Method as Request
from mautrix.api import Path as MatrixPath

from bot.channels.matrix.homeserver import AnswerTooLargeError, Homeserver, HomeserverError, Method
from bot.channels.matrix.rooms import MOVES, Members, Rooms, was_widened
from bot.deeds import Enter, Follow, SendText
from bot.demo.synapse import Synapse
from bot.ports import Entered, Failure
from tests.channels.matrix.fake import JSON, Answering
from tests.channels.matrix.fuzz import json_values, mutations
from tests.channels.matrix.running import Bot
from tests.live.conftest import People

BOT, ANA, BEN = "@bot:localhost", "@ana:localhost", "@ben:localhost"
ROOM = "!room:localhost"
MEGOLM = "m.megolm.v1.aes-sha2"


def member(person: Any, membership: Any) -> JSON:
    return {"type": "m.room.member", "state_key": person, "content": {"membership": membership}}


TWO = [member(BOT, "join"), member(ANA, "join")]


def shows(visibility: Any) -> JSON:
    return {
        "type": "m.room.history_visibility",
        "state_key": "",
        "content": {"history_visibility": visibility},
    }


def answers(chunk: Any, *, encryption: Any = MEGOLM, visibility: Any = None) -> JSON:
    """What a homeserver tells about a room; None where the room has no such state."""
    none = HomeserverError(404, "M_NOT_FOUND")
    return {
        f"GET rooms/{ROOM}/members": {"chunk": chunk},
        f"GET rooms/{ROOM}/state/m.room.encryption": none if encryption is None else {"algorithm": encryption},
        f"GET rooms/{ROOM}/state/m.room.history_visibility": (
            none if visibility is None else {"history_visibility": visibility}
        ),
        "PUT rooms": {},
    }


@pytest.mark.parametrize(
    ("chunk", "state", "safe"),
    [
        (TWO, {}, True),
        (TWO, {"visibility": "shared"}, True),
        (TWO, {"visibility": "joined"}, True),
        (TWO, {"visibility": ["joined"]}, True),
        (TWO, {"visibility": "world_readable"}, False),
        ([*TWO, member(BEN, "leave")], {}, True),
        ([*TWO, member(BEN, "ban")], {}, True),
        ([*TWO, member(BEN, "knock")], {}, True),
        ([*TWO, member(BEN, "join")], {}, False),
        ([*TWO, member(BEN, "invite")], {}, False),
        ([member(BOT, "join")], {}, False),
        ([member(BOT, "join"), member(ANA, "leave")], {}, False),
        ([member(BOT, "join"), member(ANA, "invite")], {}, True),
        (TWO, {"encryption": None}, False),
        (TWO, {"encryption": "m.megolm.v9"}, False),
        (TWO, {"encryption": [MEGOLM]}, False),
        ([None, 5, [], {}, *TWO, member(5, "join"), member(None, "join")], {}, True),
        ([], {}, False),
    ],
)
async def test_which_room_is_safe_for_two(chunk: list[Any], state: JSON, safe: bool) -> None:
    server = Answering(answers(chunk, **state))
    assert await Rooms(server, BOT).look(ROOM) is safe
    # nothing else is asked for: a stranger's room may hold more than we could read
    asked = {path for method, path, _ in server.asked if method == "GET"}
    assert asked <= {path.removeprefix("GET ") for path in answers([])}


@settings(max_examples=100)
@given(mutations(TWO), json_values, json_values)
def test_no_state_raises_anything(chunk: Any, encryption: Any, visibility: Any) -> None:
    told = answers(chunk, encryption=encryption, visibility=visibility)
    asyncio.run(Rooms(Answering(told), BOT).look(ROOM))


async def test_whoever_left_is_not_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    queries: list[Any] = []

    async def call(*_path: str, query: Any = None) -> JSON:
        queries.append(query)
        return {"chunk": TWO}

    server = Answering()
    monkeypatch.setattr(server, "call", call)
    await Rooms(server, BOT).members(ROOM)
    assert queries == [{"not_membership": "leave"}]


async def test_a_room_of_too_many_is_asked_for_once_and_again_when_entered() -> None:
    told = answers(TWO)
    told[f"GET rooms/{ROOM}/members"] = AnswerTooLargeError(0)
    server = Answering({**told, "POST join": {"room_id": ROOM}})
    rooms = Rooms(server, BOT)
    for _ in range(3):
        assert not await rooms.look(ROOM)
        rooms.follow(ROOM, member(BEN, "leave"))
        rooms.forget(ROOM)
    assert server.count(f"GET rooms/{ROOM}/members") == 1
    server.answers.update(answers(TWO))
    await rooms.enter(ROOM)
    assert await rooms.look(ROOM)


def widening(before: Any, now: Any, **changed: Any) -> JSON:
    unsigned = {} if before is None else {"prev_content": {"history_visibility": before}}
    return {**shows(now), "unsigned": unsigned, **changed}


@pytest.mark.parametrize(
    ("event", "widened"),
    [
        (widening("joined", "invited"), True),
        (widening("joined", "shared"), True),
        (widening("invited", "shared"), True),
        (widening("shared", "world_readable"), True),
        (widening(None, "world_readable"), True),
        (widening("world_readable", "world_readable"), True),
        (widening("joined", "nonsense"), True),  # what nobody knows is read as `shared`, the default
        (widening("shared", "joined"), False),
        (widening("shared", "shared"), False),
        (widening(None, "shared"), False),  # the default, which clients make rooms with
        (widening("world_readable", "shared"), False),
        (widening("joined", "world_readable", state_key="x"), False),
        ({"type": "m.room.history_visibility", "content": {"history_visibility": "world_readable"}}, False),
    ],
)
def test_when_history_was_widened(event: JSON, widened: bool) -> None:
    assert was_widened(event) is widened


@given(json_values, json_values)
def test_no_visibility_raises_anything(before: Any, now: Any) -> None:
    was_widened(widening(before, now))
    was_widened({"state_key": "", "content": now, "unsigned": before})


def test_members_are_followed() -> None:
    members = Members()
    for event in (*TWO, member(BEN, "invite"), member(BEN, "join"), member(ANA, "leave"), member(["x"], "join")):
        members.apply(event)
    assert (members.joined, members.invited) == ({BOT, BEN}, set())
    members.apply(member(BEN, None))
    assert members.all == {BOT}


# --- asked for once, then followed -----------------------------------------------------------------------------------


async def test_members_are_asked_for_once_and_then_followed() -> None:
    server = Answering({"GET rooms": {"chunk": [*TWO, None, 5]}})
    rooms = Rooms(server, BOT)
    assert (await rooms.members(ROOM)).joined == {BOT, ANA}
    rooms.follow(ROOM, member(BEN, "join"))
    assert (await rooms.members(ROOM)).joined == {BOT, ANA, BEN}
    assert server.count("GET rooms") == 1
    rooms.forget(ROOM)
    await rooms.members(ROOM)
    assert server.count("GET rooms") == 2


@pytest.mark.parametrize("news", ["follow", "forget"])
async def test_an_answer_that_is_older_than_what_we_heard_meanwhile_is_not_remembered(news: str) -> None:
    chunks = [{"chunk": TWO}, {"chunk": [*TWO, member(BEN, "join")]}]

    def answer(body: Any) -> JSON:
        if len(chunks) == 2:
            rooms.follow(ROOM, member(BEN, "join")) if news == "follow" else rooms.forget(ROOM)
        return chunks.pop(0)

    rooms = Rooms(Answering({"GET rooms": answer}), BOT)
    await rooms.members(ROOM)
    assert BEN in (await rooms.members(ROOM)).joined


@pytest.mark.parametrize("chunk", [None, 5, {}, "x"])
async def test_what_is_no_list_of_members_is_no_answer(chunk: Any) -> None:
    rooms = Rooms(Answering({"GET rooms": {"chunk": chunk}}), BOT)
    with pytest.raises(HomeserverError):
        await rooms.members(ROOM)


async def test_what_is_no_answer_to_joining_is_taken_for_none() -> None:
    with pytest.raises(HomeserverError):
        await Rooms(Answering({"POST join": {}}), BOT).enter(ROOM)


# --- looking ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("visibility", "narrows"), [("shared", True), ("invited", True), (None, True), ("joined", False)]
)
async def test_history_is_narrowed_unless_it_is(visibility: str | None, narrows: bool) -> None:
    server = Answering(answers(TWO, visibility=visibility))
    assert await Rooms(server, BOT).look(ROOM)
    puts = [(path.rpartition("/")[2], body) for method, path, body in server.asked if method == "PUT"]
    assert puts == ([("m.room.history_visibility", {"history_visibility": "joined"})] if narrows else [])


@pytest.mark.parametrize("error", [HomeserverError(403, "M_FORBIDDEN"), HomeserverError(502)])
async def test_a_refusal_to_narrow_history_makes_no_room_unsafe(error: HomeserverError) -> None:
    assert await Rooms(Answering({**answers(TWO), "PUT rooms": error}), BOT).look(ROOM)


# --- making ----------------------------------------------------------------------------------------------------------

IN_USE = HomeserverError(400, "M_ROOM_IN_USE")
WHOLE = answers(TWO)
STATE = f"GET rooms/{ROOM}/state/m.room.encryption"


async def test_a_room_is_made_encrypted_and_closed() -> None:
    server = Answering({"POST createRoom": {"room_id": ROOM}})
    assert await Rooms(server, BOT).make("alias", "Notes 7F3K") == ROOM
    ((_, _, body),) = server.asked
    initial = {event["type"]: event["content"] for event in body["initial_state"]}
    assert initial["m.room.encryption"] == {"algorithm": MEGOLM}
    assert initial["m.room.history_visibility"] == {"history_visibility": "joined"}
    assert (body["preset"], body["visibility"], body["room_alias_name"]) == ("private_chat", "private", "alias")


async def test_a_room_that_was_made_before_is_found() -> None:
    server = Answering({"POST createRoom": IN_USE, "GET directory/room/": {"room_id": ROOM}, **WHOLE})
    assert await Rooms(server, BOT).make("alias", "name") == ROOM
    assert server.asked[1][1] == "directory/room/#alias:localhost"


@pytest.mark.parametrize(
    "broken",
    [
        answers(TWO, encryption=None),
        {f"GET rooms/{ROOM}/members": {"chunk": [member(BOT, "leave")]}},
        {STATE: HomeserverError(403, "M_FORBIDDEN")},
        {f"GET rooms/{ROOM}/members": HomeserverError(403, "M_FORBIDDEN")},
    ],
)
async def test_a_room_that_was_never_finished_gives_up_its_name(broken: JSON) -> None:
    made: list[Any] = [IN_USE, {"room_id": "!new:localhost"}]
    server = Answering(
        {
            "POST createRoom": lambda _: made.pop(0),
            "GET directory/room/": {"room_id": ROOM},
            "DELETE directory/room/": {},
            **WHOLE,
            **broken,
        }
    )
    assert await Rooms(server, BOT).make("alias", "name") == "!new:localhost"


async def test_a_homeserver_that_is_away_makes_no_room_give_up_its_name() -> None:
    found = {"POST createRoom": IN_USE, "GET directory/room/": {"room_id": ROOM}, **WHOLE}
    server = Answering({**found, STATE: HomeserverError(502)})
    with pytest.raises(HomeserverError):
        await Rooms(server, BOT).make("alias", "name")
    assert server.count("DELETE") == 0


async def test_a_name_that_cannot_be_had_is_not_asked_for_without_end() -> None:
    found = {"POST createRoom": IN_USE, "GET directory/room/": {"room_id": ROOM}, "DELETE": {}}
    server = Answering({**found, **WHOLE, STATE: {}})
    with pytest.raises(HomeserverError):
        await Rooms(server, BOT).make("alias", "name")
    assert server.count("POST createRoom") < 10


@pytest.mark.parametrize("answer", [{}, {"room_id": None}, {"room_id": 5}, {"room_id": ["!a:b"]}])
async def test_an_answer_without_a_room_is_none(answer: JSON) -> None:
    rooms = Rooms(Answering({"POST createRoom": answer, "GET directory": answer}), BOT)
    with pytest.raises(HomeserverError):
        await rooms.make("alias", "name")
    with pytest.raises(HomeserverError):
        await rooms.resolve("#queue:localhost")


# --- coming and going ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("membership", "well"), [("join", True), ("invite", True), ("leave", False), ("ban", False)])
async def test_inviting_someone_who_is_there_is_well(membership: str, well: bool) -> None:
    chunk = [member(BOT, "join"), member(ANA, membership)]
    rooms = Rooms(Answering({"POST rooms": HomeserverError(403, "M_FORBIDDEN"), "GET rooms": {"chunk": chunk}}), BOT)
    if well:
        await rooms.invite(ROOM, ANA)
    else:
        with pytest.raises(HomeserverError):
            await rooms.invite(ROOM, ANA)


@pytest.mark.parametrize(("status", "well"), [(403, True), (404, True), (400, False), (502, False)])
async def test_leaving_a_room_that_we_are_not_in_is_well(status: int, well: bool) -> None:
    rooms = Rooms(Answering({"POST rooms": HomeserverError(status)}), BOT)
    if well:
        await rooms.leave(ROOM)
    else:
        with pytest.raises(HomeserverError):
            await rooms.leave(ROOM)


NONE = HomeserverError(404, "M_NOT_FOUND")


def tombstone(room: str) -> str:
    return f"GET rooms/{room}/state/m.room.tombstone"


async def test_an_alias_is_resolved_and_an_id_is_itself() -> None:
    rooms = Rooms(Answering({"GET directory/room/#queue:localhost": {"room_id": ROOM}, tombstone(ROOM): NONE}), BOT)
    assert await rooms.resolve("#queue:localhost") == ROOM
    assert await rooms.resolve(ROOM) == ROOM


async def test_a_room_is_found_where_it_went() -> None:
    places = {tombstone(ROOM): {"replacement_room": "!b:localhost"}, tombstone("!b:localhost"): {"body": "moved"}}
    assert await Rooms(Answering(places), BOT).resolve(ROOM) == "!b:localhost"
    places[tombstone("!b:localhost")] = {"replacement_room": "!newest"}  # of version 12
    for last in (NONE, HomeserverError(403, "M_FORBIDDEN")):
        assert await Rooms(Answering({**places, tombstone("!newest"): last}), BOT).resolve(ROOM) == "!newest"


@pytest.mark.parametrize("wrong", [None, 5, "", "#alias:localhost", "nonsense", "!" + "a" * 255, ["!a"]])
async def test_a_tombstone_that_names_no_room_moves_nothing(wrong: Any) -> None:
    assert await Rooms(Answering({tombstone(ROOM): {"replacement_room": wrong}}), BOT).resolve(ROOM) == ROOM


async def test_rooms_that_name_each_other_are_not_followed_without_end() -> None:
    server = Answering(
        {
            tombstone(ROOM): {"replacement_room": "!b:localhost"},
            tombstone("!b:localhost"): {"replacement_room": ROOM},
        }
    )
    assert await Rooms(server, BOT).resolve(ROOM) == "!b:localhost"
    count = iter(range(1, 10**6))
    endless = Answering({"GET rooms/": lambda _: {"replacement_room": f"!{next(count)}:localhost"}})
    assert await Rooms(endless, BOT).resolve(ROOM) == f"!{MOVES}:localhost"


async def test_a_homeserver_that_is_away_does_not_leave_us_in_an_old_room() -> None:
    with pytest.raises(HomeserverError):
        await Rooms(Answering({tombstone(ROOM): HomeserverError(502)}), BOT).resolve(ROOM)


# --- restoring -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("room", "users"), [(ROOM, {BOT: 100}), ("!ofversiontwelve", {})])
async def test_a_room_is_restored_to_what_it_was_made_as(room: str, users: JSON) -> None:
    server = Answering({"POST createRoom": {"room_id": room}, "PUT rooms": {}})
    rooms = Rooms(server, BOT)
    await rooms.make("alias", "Notes 7F3K")
    made = server.asked[0][2]
    await rooms.restore(room)
    restored = {path.rpartition("/")[2]: body for method, path, body in server.asked if method == "PUT"}
    power = restored.pop("m.room.power_levels")
    # since version 12 a creator must not be listed: their power is over all others
    assert power == {**made["power_level_content_override"], "users": users}
    assert restored == {event["type"]: event["content"] for event in made["initial_state"]}
    assert restored["m.room.join_rules"] == {"join_rule": "invite"}
    assert all(power[what] == 100 for what in ("state_default", "invite", "kick", "ban"))


# --- on a real homeserver --------------------------------------------------------------------------------------------


class OfVersion(Homeserver):
    """Asks for rooms of one version, whatever the homeserver would make by itself."""

    version = "12"

    async def call(self, method: Method, *path: str, body: Any = None, **options: Any) -> JSON:
        if path == ("createRoom",):
            body = {**body, "room_version": self.version}
        return await super().call(method, *path, body=body, **options)


@pytest.mark.parametrize("version", ["11", "12"])
async def test_somebody_else_who_rules_is_put_right_as_far_as_the_room_version_lets_us(
    synapse: Synapse, people: People, tmp_path: Path, version: str
) -> None:
    bot = Bot(synapse.url, await synapse.register(), tmp_path, {})
    own = await bot.set_up()
    homeserver = OfVersion(synapse.url, own.token)
    homeserver.version = version
    rooms, person = Rooms(homeserver, own.user_id), await people()
    room = await rooms.make(f"made-{version}-{own.device_id.lower()}", "Notes 7F3K")
    assert (":" in room) is (version == "11")
    await rooms.invite(room, person.user_id)
    await person.accept(room)

    async def state(kind: str) -> JSON:
        content = await homeserver.call("GET", "rooms", room, "state", kind)
        content.pop("historical", None)  # Synapse's own, which means nothing any more
        return content

    kinds = ("m.room.power_levels", "m.room.join_rules", "m.room.history_visibility", "m.room.guest_access")
    made = {kind: await state(kind) for kind in kinds}
    rulers = {person.user_id: 100} | ({own.user_id: 100} if version == "11" else {})
    await homeserver.call(
        "PUT", "rooms", room, "state", "m.room.power_levels", body={**made["m.room.power_levels"], "users": rulers}
    )
    await person.set_state(room, "m.room.join_rules", {"join_rule": "public"})
    await person.set_state(room, "m.room.history_visibility", {"history_visibility": "world_readable"})
    if version == "12":
        await rooms.restore(room)
    else:
        with pytest.raises(HomeserverError):  # who rules as much as we do cannot be put out of it
            await rooms.restore(room)
        made["m.room.power_levels"]["users"] = rulers
    restored = {kind: await state(kind) for kind in kinds}
    await homeserver.close()
    assert restored == made


async def test_a_conversation_is_followed_into_the_room_that_took_its_place(
    synapse: Synapse, people: People, tmp_path: Path
) -> None:
    bot, person = await Bot.make(synapse, tmp_path), await people()
    old = await person.invite_to_new_room(bot.user_id)
    assert (await bot.do(old, Enter(), contact=person.user_id)).entered is Entered.SAFE
    answer = await person.request(Request.POST, MatrixPath.v3.rooms[old].upgrade, {"new_version": "12"})
    new = str(answer["replacement_room"])
    assert await bot.channel.resolve(old) == new
    assert (await bot.fails(old, Follow(new))).failure is Failure.AWAY  # not asked in yet
    await person.until(lambda: person.members(new).get(person.user_id) == "join")
    await person.invite(new, bot.user_id)
    followed = await bot.do(old, Follow(new), contact=person.user_id)
    assert (followed.room, followed.entered) == (new, Entered.SAFE)
    await bot.do(new, SendText("here I am"), contact=person.user_id)
    assert (await person.next_message(new)).body == "here I am"
    await bot.stop()
