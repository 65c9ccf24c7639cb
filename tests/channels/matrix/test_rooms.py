"""Rooms: who is in them, which are safe for two, and how one is made once (laws 2 and 5)."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings

from bot.channels.matrix.homeserver import HomeserverError
from bot.channels.matrix.rooms import Members, Rooms, is_safe_for_two, was_widened
from tests.channels.matrix.fake import JSON, Answering
from tests.channels.matrix.fuzz import json_values, mutations

BOT, ANA, BEN = "@bot:localhost", "@ana:localhost", "@ben:localhost"
ROOM = "!room:localhost"
MEGOLM = "m.megolm.v1.aes-sha2"


def member(person: Any, membership: Any) -> JSON:
    return {"type": "m.room.member", "state_key": person, "content": {"membership": membership}}


def state(kind: str, **content: Any) -> JSON:
    return {"type": kind, "state_key": "", "content": content}


ENCRYPTED = state("m.room.encryption", algorithm=MEGOLM)
TWO = [member(BOT, "join"), member(ANA, "join")]


def shows(visibility: Any) -> JSON:
    return state("m.room.history_visibility", history_visibility=visibility)


@pytest.mark.parametrize(
    ("events", "safe"),
    [
        ([ENCRYPTED, *TWO], True),
        ([ENCRYPTED, *TWO, shows("shared")], True),
        ([ENCRYPTED, *TWO, shows("joined")], True),
        ([ENCRYPTED, *TWO, shows("world_readable")], False),
        ([ENCRYPTED, *TWO, member(BEN, "leave")], True),
        ([ENCRYPTED, *TWO, member(BEN, "ban")], True),
        ([ENCRYPTED, *TWO, member(BEN, "knock")], True),
        ([ENCRYPTED, *TWO, member(BEN, "join")], False),
        ([ENCRYPTED, *TWO, member(BEN, "invite")], False),
        ([ENCRYPTED, member(BOT, "join")], False),
        ([ENCRYPTED, member(BOT, "join"), member(ANA, "leave")], False),
        ([ENCRYPTED, member(BOT, "join"), member(ANA, "invite")], True),
        (TWO, False),
        ([state("m.room.encryption", algorithm="m.megolm.v9"), *TWO], False),
        ([state("m.room.encryption"), *TWO], False),
        ([{**ENCRYPTED, "state_key": "other"}, *TWO], False),
        ([{"type": "m.room.encryption", "content": {"algorithm": MEGOLM}}, *TWO], False),
        ([{"type": "m.room.encryption", "state_key": "", "content": None}, *TWO], False),
        ([None, 5, [], {}, ENCRYPTED, *TWO, member(5, "join"), member(None, "join")], True),
        ([], False),
    ],
)
def test_which_room_is_safe_for_two(events: list[Any], safe: bool) -> None:
    assert is_safe_for_two(events) is safe


@settings(max_examples=100)
@given(mutations([ENCRYPTED, *TWO, shows("shared")]))
def test_no_state_raises_anything(events: Any) -> None:
    if isinstance(events, list):
        is_safe_for_two(events)


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
    answers = [{"chunk": TWO}, {"chunk": [*TWO, member(BEN, "join")]}]

    def answer(body: Any) -> JSON:
        if len(answers) == 2:
            rooms.follow(ROOM, member(BEN, "join")) if news == "follow" else rooms.forget(ROOM)
        return answers.pop(0)

    rooms = Rooms(Answering({"GET rooms": answer}), BOT)
    await rooms.members(ROOM)
    assert BEN in (await rooms.members(ROOM)).joined


@pytest.mark.parametrize("chunk", [None, 5, {}, "x"])
async def test_a_malformed_list_of_members_is_an_empty_one(chunk: Any) -> None:
    rooms = Rooms(Answering({"GET rooms": {"chunk": chunk}}), BOT)
    assert (await rooms.members(ROOM)).all == set()


# --- looking ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("visibility", "narrows"), [("shared", True), ("invited", True), (None, True), ("joined", False)]
)
async def test_history_is_narrowed_unless_it_is(visibility: str | None, narrows: bool) -> None:
    events = [ENCRYPTED, *TWO, *([shows(visibility)] if visibility else [])]
    server = Answering({"GET rooms": events, "PUT rooms": {}})
    assert await Rooms(server, BOT).look(ROOM)
    puts = [(path.rpartition("/")[2], body) for method, path, body in server.asked if method == "PUT"]
    assert puts == ([("m.room.history_visibility", {"history_visibility": "joined"})] if narrows else [])


@pytest.mark.parametrize("error", [HomeserverError(403, "M_FORBIDDEN"), HomeserverError(502)])
async def test_a_refusal_to_narrow_history_makes_no_room_unsafe(error: HomeserverError) -> None:
    assert await Rooms(Answering({"GET rooms": [ENCRYPTED, *TWO], "PUT rooms": error}), BOT).look(ROOM)


# --- making ----------------------------------------------------------------------------------------------------------

IN_USE = HomeserverError(400, "M_ROOM_IN_USE")
WHOLE = {f"GET rooms/{ROOM}/state": [ENCRYPTED, *TWO], f"GET rooms/{ROOM}/members": {"chunk": TWO}}


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
        {f"GET rooms/{ROOM}/state": TWO},
        {f"GET rooms/{ROOM}/members": {"chunk": [member(BOT, "leave")]}},
        {f"GET rooms/{ROOM}/state": HomeserverError(403, "M_FORBIDDEN")},
        {f"GET rooms/{ROOM}/state": HomeserverError(404, "M_NOT_FOUND")},
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
    answers = {"POST createRoom": IN_USE, "GET directory/room/": {"room_id": ROOM}, **WHOLE}
    server = Answering({**answers, f"GET rooms/{ROOM}/state": HomeserverError(502)})
    with pytest.raises(HomeserverError):
        await Rooms(server, BOT).make("alias", "name")
    assert server.count("DELETE") == 0


async def test_a_name_that_cannot_be_had_is_not_asked_for_without_end() -> None:
    answers = {"POST createRoom": IN_USE, "GET directory/room/": {"room_id": ROOM}, "DELETE": {}}
    server = Answering({**answers, **WHOLE, f"GET rooms/{ROOM}/state": []})
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


async def test_an_alias_is_resolved_and_an_id_is_itself() -> None:
    rooms = Rooms(Answering({"GET directory/room/#queue:localhost": {"room_id": ROOM}}), BOT)
    assert await rooms.resolve("#queue:localhost") == ROOM
    assert await rooms.resolve("!id:localhost") == "!id:localhost"
