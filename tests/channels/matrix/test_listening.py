"""The sync loop and what is done after each sync: the token moves last, and nobody waits for a stranger (laws 1, 7)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from bot.channels.matrix import listening
from bot.channels.matrix.arriving import Reader
from bot.channels.matrix.broken import Broken
from bot.channels.matrix.courtesy import Courtesy
from bot.channels.matrix.guard import Guard
from bot.channels.matrix.homeserver import AnswerTooLargeError, HomeserverError
from bot.channels.matrix.listening import PATIENCE, Listener, SignedOutError
from bot.channels.matrix.people import People
from bot.channels.matrix.rooms import Rooms
from bot.channels.matrix.upkeep import Upkeep
from bot.happenings import Alarm, Alarmed, Batch, Cause, Unreadable, Wrote
from tests.channels.matrix.fake import JSON, Answering
from tests.channels.matrix.peer import BOT, Peer, opened, published

ROOM = "!room:localhost"
PATIENCE_SECONDS = 30.0  # a law that is broken may make a test wait for ever
STOCKED: JSON = {
    "device_one_time_keys_count": {"signed_curve25519": 50},
    "device_unused_fallback_key_types": ["signed_curve25519"],
}


class Inbox:
    """Keeps what arrives, and the token."""

    def __init__(self) -> None:
        self.kept: str | None = "s0"
        self.batches: list[Batch] = []
        self.error: Exception | None = None

    async def token(self, channel: str) -> str | None:
        assert channel == "matrix"
        return self.kept

    async def accept(self, batch: Batch) -> None:
        if self.error is not None:
            raise self.error
        self.batches.append(batch)
        self.kept = batch.token


class World:
    """A listener whose homeserver answers each sync from a list, and then never again."""

    def __init__(self, guard: Guard) -> None:
        self.guard = guard
        self.inbox = Inbox()
        self.syncs: list[Any] = []
        self.since: list[str | None] = []
        self.limits: list[int] = []
        self.idle = asyncio.Event()
        self.present: list[str] = []  # what the homeserver answers when it is only asked where it is
        self.server = Answering(
            {
                f"POST user/{BOT}/filter": lambda body: {"filter_id": str(body["room"]["timeline"]["limit"])},
                "GET sync": lambda _: self.sync(),
                "POST keys/upload": {},
                "POST keys/query": {"device_keys": {}},
            }
        )
        request = self.server._request

        async def noted(method: Any, url: Any, body: Any, wait: Any, most: Any) -> object:
            if url.path.endswith("/sync") and not url.query["filter"].isdecimal():
                assert "since" not in url.query
                return {"next_batch": self.present.pop(0) if self.present else "s9999"}
            if url.path.endswith("/sync"):
                self.since.append(url.query.get("since"))
                self.limits.append(int(url.query["filter"]))
            return await request(method, url, body, wait, most)

        self.server._request = noted  # type: ignore[method-assign]
        people = People(self.server, guard, "A" * 43, {})
        reader = Reader(self.server, guard, people, Rooms(self.server, BOT))
        self.upkeep = Upkeep(self.server, guard, people)
        self.listener = Listener(self.server, guard, reader, self.upkeep, Courtesy(self.server))

    async def sync(self) -> Any:
        if self.syncs:
            return self.syncs.pop(0)
        self.idle.set()
        return await asyncio.Event().wait()

    async def run(self, *syncs: Any) -> None:
        """Listen until all of these were answered and the next one is waited for."""
        async with self.listening(*syncs):
            await self.idle.wait()

    @asynccontextmanager
    async def listening(self, *syncs: Any) -> AsyncIterator[asyncio.Task[None]]:
        self.syncs = list(syncs)
        self.idle.clear()
        async with asyncio.timeout(PATIENCE_SECONDS), asyncio.TaskGroup() as tasks:
            task = tasks.create_task(self.listener.listen(self.inbox))
            idle = tasks.create_task(self.idle.wait())
            task.add_done_callback(lambda _: idle.cancel())
            yield task
            task.cancel()


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    monkeypatch.setattr(listening, "pause", lambda tries, retry_after: 0.0)
    monkeypatch.setattr(listening, "LONGEST_PAUSE", 0.0)
    with opened(tmp_path) as guard:
        yield World(guard)


def synced(token: str, **parts: Any) -> JSON:
    return {"next_batch": token, **STOCKED, **parts}


def said(event_id: str) -> JSON:
    event = {"type": "m.room.message", "event_id": event_id, "sender": "@ana:localhost", "content": {"body": "x"}}
    return {"join": {ROOM: {"timeline": {"events": [event]}}}}


async def test_syncs_are_journaled_in_order_and_resumed_from_the_last(world: World) -> None:
    await world.run(synced("s1", rooms=said("$1")), synced("s2"), synced("s3", rooms=said("$3")))
    assert [batch.token for batch in world.inbox.batches] == ["s1", "s2", "s3"]
    assert [a.event_id for batch in world.inbox.batches for a in batch.arrivals] == ["$1", "$3"]
    assert world.since == ["s0", "s1", "s2", "s3"]


async def test_a_message_whose_key_is_in_memory_costs_no_look_into_the_store(world: World) -> None:
    peer = Peer("@ana:localhost")
    peer.begin(world.guard, published(world.guard)[0])
    room = peer.room(ROOM)
    world.guard.receive([peer.send(world.guard, "m.room_key", room.key())])
    world.server.answers["POST keys/query"] = {"device_keys": {peer.user_id: {"PEER": peer.device_keys()}}}
    world.server.answers[f"POST rooms/{ROOM}/receipt"] = {}

    def says(event_id: str) -> JSON:
        return {"join": {ROOM: {"timeline": {"events": [room.event(event_id)]}}}}

    asked: list[str] = []
    await world.run(synced("s1", rooms=says("$1")))
    world.guard._store.database.connection().set_trace_callback(asked.append)
    await world.run(synced("s2", rooms=says("$2")), synced("s3"))
    assert asked == []
    arrivals = [arrival for batch in world.inbox.batches for arrival in batch.arrivals]
    assert [(arrival.event_id, type(arrival.what)) for arrival in arrivals] == [("$1", Wrote), ("$2", Wrote)]


async def test_a_homeserver_that_is_away_is_waited_for(world: World) -> None:
    away = [HomeserverError(0), HomeserverError(502), HomeserverError(429, retry_after=5.0), {"no": "token"}]
    await world.run(*away, synced("s1"))
    assert world.since == ["s0"] * 5 + ["s1"]


async def test_what_was_not_journaled_is_asked_for_again(world: World) -> None:
    world.inbox.error = OSError("no space left")
    with pytest.raises(ExceptionGroup):
        await world.run(synced("s1", rooms=said("$1")))
    world.inbox.error = None
    await world.run(synced("s1", rooms=said("$1")))
    assert world.since == ["s0", "s0", "s1"]
    assert [a.what for a in world.inbox.batches[0].arrivals] == [Unreadable(Cause.PLAIN)]


async def test_a_session_that_was_ended_from_outside_ends_the_listening(world: World) -> None:
    with pytest.raises(ExceptionGroup) as ended:
        await world.run(HomeserverError(401, "M_UNKNOWN_TOKEN"))
    assert ended.group_contains(SignedOutError)


async def test_a_sync_that_is_too_large_is_asked_for_with_fewer_events(world: World) -> None:
    large = [AnswerTooLargeError(0)] * 4
    await world.run(*large, synced("s1"), synced("s2"))
    assert world.limits == [100, 10, 1, 1, 1, 100, 100]
    assert [batch.token for batch in world.inbox.batches] == ["s1", "s2"]


async def test_of_what_stood_in_the_rooms_before_the_first_sync_one_event_each_is_asked_for(world: World) -> None:
    world.inbox.kept = None
    await world.run(synced("s1"), synced("s2"))
    assert (world.since, world.limits) == ([None, "s1", "s2"], [1, 100, 100])


async def test_what_fails_for_one_room_only_is_given_up_at_last(world: World) -> None:
    world.server.answers[f"GET rooms/{ROOM}/messages"] = HomeserverError(500)
    rooms = said("$1")
    rooms["join"][ROOM]["timeline"] |= {"limited": True, "prev_batch": "p"}
    away = [HomeserverError(502)] * 3
    await world.run(*[synced("s1", rooms=rooms)] * 3, *away, *[synced("s1", rooms=rooms)] * (PATIENCE - 2))
    assert [a.event_id for batch in world.inbox.batches for a in batch.arrivals] == ["$1"]


# --- a homeserver that was put back to an earlier state --------------------------------------------------------------


def offering(world: World, *keys: JSON) -> None:
    """The homeserver offers these one-time keys of the bot's, the last one again and again."""
    left = list(keys)

    def claimed(_body: JSON) -> JSON:
        key = left.pop(0) if len(left) > 1 else left[0]
        return {"one_time_keys": {BOT: {world.guard.device_id: key}}}

    world.server.answers["POST keys/claim"] = claimed


async def test_a_homeserver_that_was_put_back_is_read_from_its_beginning_once(world: World) -> None:
    offering(world, {})
    world.inbox.kept = "s50"
    world.present = ["s50", "s20", "s30"]
    await world.run(synced("s51"), HomeserverError(0), synced("s21", rooms=said("$1")), synced("s22"))
    assert world.since == ["s50", "s51", None, "s21", "s22"]
    assert [batch.token for batch in world.inbox.batches] == ["s51", "s21", "s22"]
    (alarm, _), arrivals = world.inbox.batches[1].arrivals, [b.arrivals for b in world.inbox.batches]
    assert alarm.what == Alarmed(Alarm.SERVER_WENT_BACK)
    assert [len(found) for found in arrivals] == [0, 2, 0]


async def test_a_homeserver_that_was_put_back_while_nobody_listened_is_found_out(world: World) -> None:
    offering(world, {})
    world.inbox.kept = "s50"
    world.present = ["s20"]
    away = [HomeserverError(502), AnswerTooLargeError(0)]
    await world.run(*away, synced("s21"), synced("s22"))
    assert world.since == [None, None, None, "s21", "s22"]


async def test_a_homeserver_that_was_put_back_between_two_syncs_is_found_out(world: World) -> None:
    offering(world, {})
    world.inbox.kept = "s50"
    await world.run(synced("s51"), synced("s21"), synced("s22"), synced("s23"))
    assert world.since == ["s50", "s51", None, "s22", "s23"]
    assert [batch.token for batch in world.inbox.batches] == ["s51", "s22", "s23"]


async def test_one_time_keys_that_others_may_have_used_are_taken_back(world: World) -> None:
    one = {"signed_curve25519:AAAA": {"key": "x"}}
    offering(world, one, one, one, {"signed_curve25519:BBBB": {"key": "y", "fallback": True}})
    world.inbox.kept, world.present = "s50", ["s20"]
    await world.run(synced("s21"))
    assert world.server.count("POST keys/claim") == 4


async def test_keys_that_cannot_be_taken_back_yet_are_taken_back_later(world: World) -> None:
    failures: list[Any] = [HomeserverError(502), {}]
    world.server.answers["POST keys/claim"] = lambda _: failures.pop(0)
    world.inbox.kept, world.present = "s50", ["s20", "s20"]
    await world.run(synced("s21"))
    assert (world.since, failures) == ([None, "s21"], [])


# --- keys ------------------------------------------------------------------------------------------------------------


async def test_keys_are_uploaded_once_and_again_when_they_were_not_taken(world: World) -> None:
    answers: list[Any] = [HomeserverError(502), {}]
    bodies = []

    def upload(body: JSON) -> Any:
        bodies.append(body)
        return answers.pop(0)

    world.server.answers["POST keys/upload"] = upload
    empty = {"device_one_time_keys_count": {"signed_curve25519": 0}, "device_unused_fallback_key_types": []}
    await world.run(synced("s1", **empty), synced("s2", **empty), synced("s3"))
    assert len(bodies) == 2
    assert bodies[0] == bodies[1]
    assert len(bodies[0]["one_time_keys"]) == 50
    assert len(bodies[0]["fallback_keys"]) == 1


async def test_keys_that_the_homeserver_refuses_are_not_offered_for_ever(world: World) -> None:
    answers: list[Any] = [HomeserverError(400, "M_UNKNOWN"), {}]
    bodies = []

    def upload(body: JSON) -> Any:
        bodies.append(set(body["one_time_keys"]))
        return answers.pop(0)

    world.server.answers["POST keys/upload"] = upload
    empty = {"device_one_time_keys_count": {}}
    await world.run(synced("s1", **empty), synced("s2", **empty))
    assert not bodies[0] & bodies[1]


# --- revival ---------------------------------------------------------------------------------------------------------


def break_session(world: World) -> tuple[Peer, JSON]:
    """A device that the bot knows, and a to-device event of it that does not open."""
    peer = Peer("@ana:localhost")
    peer.begin(world.guard, published(world.guard)[0])
    world.guard.receive([peer.send(world.guard, "m.dummy", {})])
    event = peer.send(world.guard, "m.dummy", {})
    event["content"]["ciphertext"][world.guard.curve25519]["body"] = "AAAA"
    event["content"]["ciphertext"][world.guard.curve25519]["type"] = 1
    return peer, {"events": [event]}


async def test_a_broken_device_gets_a_new_session_while_others_are_heard(world: World) -> None:
    peer, to_device = break_session(world)
    slow, sent = asyncio.Event(), asyncio.Queue[JSON]()

    async def claim() -> JSON:
        await slow.wait()  # its own server takes its time
        return peer.claimed()

    world.guard.broken.remember(peer.user_id, peer.curve25519)
    world.server.answers |= {
        "POST keys/query": {"device_keys": {peer.user_id: {"PEER": peer.device_keys()}}},
        "POST keys/claim": lambda _: claim(),
        "PUT sendToDevice/": lambda body: sent.put_nowait(body["messages"]) or {},
    }
    async with world.listening(synced("s1"), synced("s2", rooms=said("$1")), synced("s3", to_device=to_device)):
        await world.idle.wait()
        assert [batch.token for batch in world.inbox.batches] == ["s1", "s2", "s3"]
        assert world.server.count("POST keys/claim") == 1
        slow.set()
        messages = await sent.get()
    assert peer.receive(messages[peer.user_id]["PEER"])["type"] == "m.dummy"
    await world.run(synced("s4", to_device=to_device), synced("s5"), synced("s6"))
    assert world.server.count("POST keys/claim") == 1  # not again within the hour


async def test_devices_that_nobody_has_are_not_revived(world: World) -> None:
    for n in range(50):
        world.guard.broken.remember(f"@m{n}:localhost", "A" * 43)
    await world.run(*(synced(f"s{n}") for n in range(1, 9)))
    assert world.server.count("POST keys/claim") == 0


async def test_a_revival_that_fails_stops_nothing(world: World) -> None:
    world.server.answers["POST keys/query"] = HomeserverError(502)
    world.guard.broken.remember("@ana:localhost", "A" * 43)
    await world.run(synced("s1"), synced("s2"), synced("s3"))
    assert world.inbox.kept == "s3"


async def test_a_store_that_fails_while_reviving_is_not_lived_with(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(Broken, "take", full)
    world.guard.broken.remember("@ana:localhost", "A" * 43)
    with pytest.raises(ExceptionGroup):
        await world.run(*(synced(f"s{n}") for n in range(1, 9)))
