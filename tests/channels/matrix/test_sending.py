"""Deeds, where a real homeserver would have to be made to misbehave: the rest is shown live (laws 2, 5, 10)."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import olm
import pytest

from bot.channels.matrix.guard import Guard
from bot.channels.matrix.homeserver import AnswerTooLargeError, HomeserverError
from bot.channels.matrix.people import People
from bot.channels.matrix.rooms import Rooms
from bot.channels.matrix.sending import LOOK_BACK_PAGES, OWN_ID, Result, Sender
from bot.domain import (
    Conversation,
    ConversationId,
    Decline,
    Deed,
    Enter,
    Invite,
    Leave,
    OutgoingMessage,
    Place,
    SendText,
    Tick,
)
from bot.ports import Entered, Failure, SendError
from tests.channels.matrix.fake import JSON, Answering
from tests.channels.matrix.peer import BOT, Identity, Peer, opened

ROOM = "!room:localhost"
ANA, BEN = "@ana:localhost", "@ben:localhost"
NOW = datetime(2026, 1, 5, tzinfo=UTC)
C = ConversationId("c")


def member(person: str, membership: str = "join") -> JSON:
    return {"type": "m.room.member", "state_key": person, "content": {"membership": membership}}


class World:
    """The bot's sender, and Ana in a room of two with it."""

    def __init__(self, guard: Guard) -> None:
        self.guard = guard
        self.ana = Peer(ANA)
        self.members = [member(BOT), member(ANA)]
        self.shared: list[JSON] = []
        self.sent: list[JSON] = []
        self.server = Answering(
            {
                "GET rooms/!room:localhost/members": lambda _: {"chunk": self.members},
                "GET rooms/!room:localhost/state/m.room.encryption": {"algorithm": "m.megolm.v1.aes-sha2"},
                "GET rooms/!room:localhost/state/m.room.history_visibility": HomeserverError(404, "M_NOT_FOUND"),
                "POST keys/query": {"device_keys": {BOT: {}, ANA: {"PEER": self.ana.device_keys()}}},
                "POST keys/claim": lambda _: self.ana.claimed(),
                "PUT sendToDevice/": lambda body: self.shared.append(body["messages"]) or {},
                "PUT rooms/!room:localhost/send/": self._take,
                "PUT rooms/!room:localhost/state/": {},
                "POST rooms/!room:localhost/": {},
            }
        )
        people = People(self.server, guard, Identity(BOT).master.public, {})
        self.rooms = Rooms(self.server, BOT)
        self.sender = Sender(self.server, guard, people, self.rooms, lambda: NOW)

    def _take(self, body: JSON) -> JSON:
        self.sent.append(body)
        return {"event_id": f"${len(self.sent)}"}

    async def perform(self, deed: Deed, place: Place = Place.REQUESTER, **tried: Any) -> Result:
        conversation = Conversation(C, "matrix", place, C, room=ROOM)
        return await self.sender.perform(conversation, OutgoingMessage("m1", C, deed, **tried))

    async def fails(self, deed: Deed, place: Place = Place.REQUESTER, **tried: Any) -> SendError:
        with pytest.raises(SendError) as failed:
            await self.perform(deed, place, **tried)
        return failed.value

    def read(self, sent: JSON) -> JSON:
        keys = [self.ana.receive(messages[ANA]["PEER"])["content"] for messages in self.shared]
        self.shared.clear()
        (key,) = (key for key in keys if key["session_id"] == sent["session_id"])
        return dict(json.loads(olm.InboundGroupSession(key["session_key"]).decrypt(sent["ciphertext"])[0]))


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with opened(tmp_path) as guard:
        yield World(guard)


async def test_words_go_out_encrypted_with_their_id_inside(world: World) -> None:
    assert await world.perform(SendText("hello")) == Result(event_id="$1")
    (sent,) = world.sent
    assert "hello" not in str(sent)
    content = world.read(sent)["content"]
    assert (content["body"], content["msgtype"], content[OWN_ID]) == ("hello", "m.text", "m1")


async def test_nobody_is_spoken_to_who_is_not_there(world: World) -> None:
    world.members = [member(BOT), member(ANA, "leave")]
    assert (await world.fails(SendText("x"))).failure is Failure.GONE
    world.members = [member(BOT, "leave"), member(ANA)]
    assert (await world.fails(SendText("x"))).failure is Failure.GONE
    world.members = [member(BOT), member(ANA)]  # asked for again each time
    await world.perform(SendText("x"))


@pytest.mark.parametrize("third", ["join", "invite"])
async def test_nothing_is_said_where_a_third_one_is(world: World, third: str) -> None:
    world.members.append(member(BEN, third))
    assert (await world.fails(SendText("x"))).failure is Failure.UNSAFE
    assert (world.sent, world.shared) == ([], [])


async def test_nothing_is_said_that_nobody_could_read(world: World) -> None:
    world.server.answers["POST keys/query"] = {"device_keys": {BOT: {}}, "failures": {"localhost": {}}}
    assert (await world.fails(SendText("x"))).failure is Failure.AWAY
    assert world.sent == []


async def test_a_specialists_silent_server_does_not_silence_the_others_room(world: World) -> None:
    world.members.append(member("@eve:elsewhere.example"))
    assert (await world.perform(SendText("x"), Place.QUEUE)).event_id == "$1"


async def test_a_room_that_is_forgotten_while_its_key_is_shared_gets_the_message_all_the_same(world: World) -> None:
    def share(body: JSON) -> JSON:
        world.rooms.forget(ROOM)
        world.guard.forget_room(ROOM)
        world.shared.append(body["messages"])
        return {}

    world.server.answers["PUT sendToDevice/"] = share
    await world.perform(SendText("hello"))
    assert world.read(world.sent[0])["content"]["body"] == "hello"


async def test_a_key_that_was_not_delivered_is_shared_again(world: World) -> None:
    share = world.server.answers["PUT sendToDevice/"]
    world.server.answers["PUT sendToDevice/"] = HomeserverError(502)
    assert (await world.fails(SendText("hello"))).failure is Failure.AWAY
    assert world.sent == []
    world.server.answers["PUT sendToDevice/"] = share
    await world.perform(SendText("hello"))
    assert world.read(world.sent[0])["content"]["body"] == "hello"


async def test_deeds_in_one_room_do_not_mingle_and_rooms_do_not_wait_for_each_other(world: World) -> None:
    slow = asyncio.Event()

    async def claim() -> JSON:
        await slow.wait()
        return world.ana.claimed()

    world.server.answers["POST keys/claim"] = lambda _: claim()
    world.server.answers["POST rooms/!other:localhost/"] = {}
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(world.perform(SendText("1")))
        tasks.create_task(world.perform(SendText("2")))
        other = Conversation(C, "matrix", Place.NOTES, C, room="!other:localhost")
        await world.sender.perform(other, OutgoingMessage("m2", C, Invite(BEN)))
        assert world.sent == []
        slow.set()
    assert len(world.shared) == 1
    assert [sent["session_id"] for sent in world.sent] == [world.sent[0]["session_id"]] * 2


@pytest.mark.parametrize(
    ("error", "failure"),
    [
        (HomeserverError(0), Failure.AWAY),
        (HomeserverError(429, "M_LIMIT_EXCEEDED", retry_after=3.0), Failure.LIMITED),
        (HomeserverError(403, "M_FORBIDDEN"), Failure.GONE),
        (HomeserverError(413, "M_TOO_LARGE"), Failure.REFUSED),
    ],
)
async def test_what_went_wrong_is_named(world: World, error: HomeserverError, failure: Failure) -> None:
    world.server.answers["PUT rooms/!room:localhost/send/"] = error
    failed = await world.fails(SendText("x"))
    assert (failed.failure, failed.retry_after) == (failure, error.retry_after)


# --- ticks -----------------------------------------------------------------------------------------------------------


async def test_a_tick_that_stands_there_already_is_well(world: World) -> None:
    world.server.answers["PUT rooms/!room:localhost/send/"] = HomeserverError(400, "M_DUPLICATE_ANNOTATION")
    assert await world.perform(Tick("$1")) == Result()
    world.server.answers["PUT rooms/!room:localhost/send/"] = HomeserverError(400, "M_BAD_JSON")
    assert (await world.fails(Tick("$1"))).failure is Failure.REFUSED


# --- said before? ----------------------------------------------------------------------------------------------------

LONG_AGO = {"tried_at": NOW - timedelta(hours=21), "tried_from": "BOTDEVICE"}
MESSAGES = "GET rooms/!room:localhost/messages"


async def said(world: World, *, sender: str = BOT) -> JSON:
    """Say it once, and let the homeserver forget the transaction id."""
    await world.perform(SendText("hello"))
    return {"type": "m.room.encrypted", "event_id": "$1", "sender": sender, "content": world.sent.pop()}


@pytest.mark.parametrize(
    "tried",
    [
        LONG_AGO,
        {"tried_at": NOW, "tried_from": "OTHERDEVICE"},
        {"tried_at": NOW, "tried_from": ""},
        {"tried_at": NOW - timedelta(hours=21), "tried_from": None},
    ],
)
async def test_our_own_message_is_looked_for_where_the_homeserver_may_have_forgotten(world: World, tried: JSON) -> None:
    event = await said(world)
    world.server.answers[MESSAGES] = {"chunk": [None, {**event, "content": {}, "event_id": "$0"}, event]}
    assert await world.perform(SendText("hello"), **tried) == Result()
    assert world.sent == []


@pytest.mark.parametrize("tried", [{}, {"tried_at": NOW - timedelta(hours=19), "tried_from": "BOTDEVICE"}])
async def test_within_a_day_the_homeserver_remembers(world: World, tried: JSON) -> None:
    await world.perform(SendText("hello"), **tried)
    assert world.server.count(MESSAGES) == 0


@pytest.mark.parametrize("answer", [{}, {"chunk": None}, {"chunk": [], "end": 5}, {"chunk": [], "end": "p"}])
async def test_what_is_not_found_is_said_again(world: World, answer: JSON) -> None:
    await said(world)
    world.server.answers[MESSAGES] = answer
    assert (await world.perform(SendText("hello"), **LONG_AGO)).event_id
    assert world.server.count(MESSAGES) <= 2


async def test_our_own_message_is_found_pages_back_and_not_without_end(world: World) -> None:
    event = await said(world)
    pages: list[JSON] = [{"chunk": [], "end": f"p{n}"} for n in range(5)]
    world.server.answers[MESSAGES] = lambda _: pages.pop(0) if pages else {"chunk": [event]}
    assert await world.perform(SendText("hello"), **LONG_AGO) == Result()
    count = iter(range(10**6))
    world.server.answers[MESSAGES] = lambda _: {"chunk": [], "end": f"q{next(count)}"}
    await world.perform(SendText("hello"), **LONG_AGO)
    assert next(count) == LOOK_BACK_PAGES


async def test_another_persons_copy_of_our_message_is_not_ours(world: World) -> None:
    world.server.answers[MESSAGES] = {"chunk": [await said(world, sender=ANA)]}
    assert (await world.perform(SendText("hello"), **LONG_AGO)).event_id


# --- entering and leaving --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "place", "failure"),
    [
        (HomeserverError(404, "M_UNKNOWN"), Place.REQUESTER, Failure.AWAY),
        (HomeserverError(403, "M_FORBIDDEN"), Place.REQUESTER, Failure.GONE),
        (HomeserverError(403, "M_FORBIDDEN"), Place.QUEUE, Failure.AWAY),
        (HomeserverError(502), Place.REQUESTER, Failure.AWAY),
    ],
)
async def test_a_door_that_is_closed(world: World, error: HomeserverError, place: Place, failure: Failure) -> None:
    world.server.answers["POST rooms/!room:localhost/join"] = error
    assert (await world.fails(Enter(), place)).failure is failure


async def test_a_room_of_three_is_entered_as_unsafe(world: World) -> None:
    assert (await world.perform(Enter())).entered is Entered.SAFE
    world.members.append(member(BEN, "invite"))
    assert (await world.perform(Enter())).entered is Entered.UNSAFE
    assert (await world.perform(Enter(), Place.QUEUE)).entered is Entered.SAFE


@pytest.mark.parametrize("what", ["members", "state/m.room.encryption", "state/m.room.history_visibility"])
async def test_a_room_that_is_too_large_to_look_at_is_unsafe(world: World, what: str) -> None:
    path = f"GET rooms/{ROOM}/{what}"
    world.server.answers[path] = AnswerTooLargeError(0)
    assert (await world.perform(Enter())).entered is Entered.UNSAFE
    assert world.server.count(path) == 1


async def test_in_a_room_of_too_many_nothing_is_said(world: World) -> None:
    world.server.answers[f"GET rooms/{ROOM}/members"] = AnswerTooLargeError(0)
    assert (await world.fails(SendText("x"))).failure is Failure.UNSAFE
    assert (await world.fails(SendText("x"), Place.RELAY)).failure is Failure.REFUSED
    await world.perform(Leave("because"))
    assert world.sent == []
    assert world.server.count(f"POST rooms/{ROOM}/leave") == 1
    assert world.server.count(f"GET rooms/{ROOM}/members") == 1


async def test_leaving_says_why_encrypted_even_where_a_third_one_is(world: World) -> None:
    world.members.append(member(BEN))
    await world.perform(Leave("because"))
    assert world.read(world.sent[0])["content"]["body"] == "because"
    assert world.server.asked[-1][:2] == ("POST", "rooms/!room:localhost/leave")


@pytest.mark.parametrize("deed", [Leave("because"), Decline("notice")])
async def test_leaving_where_we_may_not_speak_is_leaving(world: World, deed: Deed) -> None:
    world.server.answers["PUT rooms/!room:localhost/send/"] = HomeserverError(403, "M_FORBIDDEN")
    await world.perform(deed)
    assert world.server.count("POST rooms/!room:localhost/leave") == 1


@pytest.mark.parametrize("deed", [Leave("because"), Decline("notice")])
async def test_leaving_waits_until_what_had_to_be_said_is_said(world: World, deed: Deed) -> None:
    world.server.answers["PUT rooms/!room:localhost/send/"] = HomeserverError(502)
    assert (await world.fails(deed)).failure is Failure.AWAY
    assert world.server.count("POST rooms/!room:localhost/leave") == 0


async def test_leaving_again_says_nothing_more(world: World) -> None:
    world.members = [member(BOT, "leave"), member(ANA)]
    await world.perform(Leave("because"))
    assert world.sent == []
    world.rooms.forget(ROOM)
    world.members = [member(BOT), member(ANA)]
    event = await said(world)
    world.server.answers[MESSAGES] = {"chunk": [event]}
    await world.perform(Leave("because"), **LONG_AGO)
    assert world.sent == []


async def test_a_conversation_without_a_room_waits_for_it(world: World) -> None:
    with pytest.raises(SendError) as failed:
        await world.sender.perform(Conversation(C, "matrix", Place.NOTES, C), OutgoingMessage("m1", C, SendText("x")))
    assert failed.value.failure is Failure.AWAY
