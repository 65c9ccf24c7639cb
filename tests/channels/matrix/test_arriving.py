"""From a sync to arrivals: what is said, by whom, and that no room's nonsense is another's (laws 1, 5, 7, 11)."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from bot.channels.matrix import homeserver as homeserver_module
from bot.channels.matrix import waiting
from bot.channels.matrix.arriving import AT_ONCE, CROWDED, GAP_PAGES, SETTINGS, Reader
from bot.channels.matrix.guard import Guard
from bot.channels.matrix.homeserver import HomeserverError
from bot.channels.matrix.people import People
from bot.channels.matrix.rooms import Rooms
from bot.channels.matrix.sync import read_sync
from bot.happenings import (
    Alarm,
    Alarmed,
    Arrival,
    Cause,
    Danger,
    Endangered,
    Happening,
    Invited,
    Joined,
    Left,
    Moved,
    Removed,
    Setting,
    SettingsChanged,
    Typing,
    Unreadable,
    Wrote,
)
from bot.store import codec
from tests.channels.matrix.fake import JSON, Answering
from tests.channels.matrix.fuzz import mutations
from tests.channels.matrix.peer import BOT, Identity, Peer, Room, opened, published
from tests.channels.matrix.test_reading import FILE

ROOM = "!room:localhost"
ANA, BEN = "@ana:localhost", "@ben:localhost"


class World:
    """The bot's reader, and Ana who talks to it in a room of two."""

    def __init__(self, guard: Guard) -> None:
        self.guard = guard
        self.ana = Peer(ANA)
        self.identity = Identity(ANA)
        self.server = Answering(
            {
                "POST keys/query": self.identity.listed(self.identity.sign(self.ana.device_keys())),
                "GET rooms/": {"chunk": [member(BOT, "join"), member(ANA, "join")]},
            }
        )
        self.people = People(self.server, guard, Identity(BOT).master.public, {ANA: self.identity.master.public})
        self.rooms = Rooms(self.server, BOT)
        self.reader = Reader(self.server, guard, self.people, self.rooms)
        self.ana.begin(guard, published(guard)[0])
        self.room = self.ana.room(ROOM)
        guard.receive([self.ana.send(guard, "m.room_key", self.room.key())])

    async def read(
        self, *events: Any, patient: bool = True, since: str | None = "s0", **timeline: Any
    ) -> list[Arrival]:
        return await self.sync(
            {"rooms": {"join": {ROOM: {"timeline": {"events": list(events), **timeline}}}}},
            patient=patient,
            since=since,
        )

    async def sync(
        self, answer: JSON, *, patient: bool = True, since: str | None = "s0", anew: bool = False
    ) -> list[Arrival]:
        synced = read_sync({"next_batch": "s1", **answer}, BOT)
        assert synced is not None
        return await self.reader.arrivals(synced, since, patient=patient, anew=anew)

    def wrote(self, text: str, edits: str | None = None) -> Wrote:
        """What Ana wrote, from a device that her pinned identity signed."""
        return Wrote(text, signed=True, edits=edits, identity=self.identity.master.public)

    async def whats(self, *events: Any, **timeline: Any) -> list[Any]:
        return [arrival.what for arrival in await self.read(*events, **timeline)]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with opened(tmp_path) as guard:
        yield World(guard)


def member(person: Any, membership: Any, *, sender: str = ANA, before: Any = None, event_id: str = "$m") -> JSON:
    return {
        "type": "m.room.member",
        "event_id": event_id,
        "sender": sender,
        "state_key": person,
        "content": {"membership": membership},
        "unsigned": {"prev_content": {"membership": before}} if before else {},
    }


def plain(**changed: Any) -> JSON:
    content = {"msgtype": "m.text", "body": "hello"}
    return {"type": "m.room.message", "event_id": "$p", "sender": ANA, "content": content, **changed}


@contextlib.asynccontextmanager
async def turns() -> AsyncIterator[list[None]]:
    """How often somebody else had their turn meanwhile."""
    had: list[None] = []

    async def others() -> None:
        while True:
            had.append(None)
            await asyncio.sleep(0)

    task = asyncio.create_task(others())
    yield had
    task.cancel()


# --- words -----------------------------------------------------------------------------------------------------------


async def test_words_arrive_with_their_sender_and_whether_the_pinned_identity_signed(world: World) -> None:
    (arrival,) = await world.read({**world.room.event("$1"), "origin_server_ts": 1000})
    assert arrival.what == world.wrote("hello")
    assert (arrival.channel, arrival.room, arrival.event_id, arrival.sender) == ("matrix", ROOM, "$1", ANA)
    assert (arrival.at.timestamp(), arrival.at.tzinfo) == (1.0, UTC)


async def test_while_many_messages_are_read_others_have_their_turn(world: World) -> None:
    await world.people.learn({ANA})
    events = [world.room.event(f"${n}") for n in range(3 * AT_ONCE)]
    async with turns() as had:
        assert len(await world.read(*events)) == len(events)
    assert len(had) >= 6


async def test_a_relation_outside_the_ciphertext_changes_nothing(world: World) -> None:
    for n, relation in enumerate(
        (
            {"rel_type": "m.replace", "event_id": "$0"},
            {"rel_type": "m.thread", "event_id": "$0"},
            {"m.in_reply_to": {"event_id": "$0"}},
        )
    ):
        event = world.room.event(f"${n}", "> not a quote")
        event["content"] |= {"m.relates_to": relation, "m.new_content": {"msgtype": "m.text", "body": "forged"}}
        assert await world.whats(event) == [world.wrote("> not a quote")]
    inside = world.room.event(
        "$edit",
        content={"msgtype": "m.text", "body": "* new", "m.new_content": {"msgtype": "m.text", "body": "new"}}
        | {"m.relates_to": {"rel_type": "m.replace", "event_id": "$0"}},
    )
    assert await world.whats(inside) == [world.wrote("new", "$0")]


async def test_what_is_not_encrypted_is_no_answer(world: World) -> None:
    assert await world.whats(plain(), plain(event_id="$2", content={"msgtype": "m.image"})) == (
        [Unreadable(Cause.PLAIN)] * 2
    )


async def test_what_was_taken_back_is_passed_over(world: World) -> None:
    redacted = {**world.room.event("$1"), "content": {}, "unsigned": {"redacted_because": {}}}
    assert await world.whats(redacted, plain(content={})) == []


async def test_our_own_words_are_not_heard(world: World) -> None:
    assert await world.whats({**world.room.event("$1"), "sender": BOT}, plain(sender=BOT)) == []


async def test_anothers_name_on_a_message_is_not_believed(world: World) -> None:
    assert await world.whats({**world.room.event("$1"), "sender": BEN}) == [Unreadable(Cause.UNBOUND)]


async def test_a_message_without_a_key_is_unreadable_and_a_replay_bears_the_same_name(world: World) -> None:
    event = world.room.event("$1")
    other = Room(world.ana, ROOM).event("$2")
    first, second, third = await world.read(event, other, {**event, "event_id": "$3"})
    assert (first.what, second.what) == (world.wrote("hello"), Unreadable(Cause.NO_KEY))
    assert first.once == third.once is not None  # the journal takes it once
    assert second.once is None
    (following,) = await world.read(world.room.event("$4"))
    assert following.once != first.once


# --- keys that come late ---------------------------------------------------------------------------------------------


async def test_words_are_told_once_more_when_their_key_comes(world: World) -> None:
    later = world.ana.room(ROOM)
    key = later.key()
    events = [later.event("$1"), later.event("$2", "there")]
    assert await world.whats(*events) == [Unreadable(Cause.NO_KEY)] * 2
    assert await world.read() == []
    coming = {"to_device": {"events": [world.ana.send(world.guard, "m.room_key", key)]}}
    for _ in range(2):  # what was not accepted is told again
        found = await world.sync(coming)
        assert [(a.event_id, a.what) for a in found] == [
            ("$1/read", world.wrote("hello")),
            ("$2/read", world.wrote("there")),
        ]
    world.reader.accepted()
    assert await world.read() == []


@pytest.mark.parametrize(
    ("limit", "read"),
    [
        ("MAX_IN_ROOM", ["$first", "$2", "$3", "$4"]),  # of a room the newest; another room's stay
        ("MAX_EVENTS", ["$2", "$3", "$4"]),  # of all the newest
    ],
)
async def test_of_what_waits_for_keys_so_much_is_kept_and_in_one_go(
    world: World, monkeypatch: pytest.MonkeyPatch, limit: str, read: list[str]
) -> None:
    monkeypatch.setattr(waiting, limit, 3)
    rooms = [world.ana.room("!first:localhost"), world.ana.room(ROOM)]
    keys = [room.key() for room in rooms]
    events = {rooms[0].room: [rooms[0].event("$first")], ROOM: [rooms[1].event(f"${n}") for n in range(5)]}
    asked: list[str] = []
    world.guard._store.database.connection().set_trace_callback(asked.append)
    joined = {room: {"timeline": {"events": said}} for room, said in events.items()}
    await world.sync({"rooms": {"join": joined}})
    assert asked.count("COMMIT") == 1
    world.guard.receive([world.ana.send(world.guard, "m.room_key", key) for key in keys])
    assert [arrival.event_id for arrival in await world.read()] == [f"{event_id}/read" for event_id in read]


async def test_what_waited_for_two_weeks_is_let_go(world: World) -> None:
    rooms = [world.ana.room(ROOM), world.ana.room(ROOM)]
    keys = [room.key() for room in rooms]
    old, new = (waiting.Missing(ROOM, room.session.id, room.event(f"${n}")) for n, room in enumerate(rooms))
    now = datetime.now(UTC)
    world.guard.waiting.keep([old], now - waiting.KEEP - timedelta(minutes=1))
    world.guard.waiting.keep([new], now)
    world.guard.receive([world.ana.send(world.guard, "m.room_key", key) for key in keys])
    assert [kept.event["event_id"] for kept in world.guard.waiting.ready()] == ["$1"]


async def test_what_nobody_was_told_of_is_let_go_last(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "MAX_IN_ROOM", 2)
    now, room = datetime.now(UTC), world.ana.room(ROOM)
    untold, *told = (waiting.Missing(ROOM, room.session.id, room.event(f"${n}"), untold=n == 0) for n in range(4))
    for missing in (untold, *told):
        world.guard.waiting.keep([missing], now)
    assert [kept.event["event_id"] for kept in world.guard.waiting.untold(now)] == ["$0"]
    world.guard.waiting.told([kept.row for kept in world.guard.waiting.untold(now)])
    assert world.guard.waiting.untold(now) == []
    world.guard.waiting.keep([waiting.Missing(ROOM, room.session.id, room.event("$4"))], now)
    world.guard.receive([world.ana.send(world.guard, "m.room_key", room.key())])
    assert [kept.event["event_id"] for kept in world.guard.waiting.ready()] == ["$3", "$4"]


async def test_late_words_stand_before_those_of_the_same_sync(world: World) -> None:
    later = world.ana.room(ROOM)
    key = later.key()
    await world.read(later.event("$1"))
    world.guard.receive([world.ana.send(world.guard, "m.room_key", key)])
    assert [a.event_id for a in await world.read(world.room.event("$2"))] == ["$1/read", "$2"]


async def test_late_words_in_anothers_name_are_not_believed(world: World) -> None:
    later = world.ana.room(ROOM)
    key = later.key()
    await world.read({**later.event("$1"), "sender": BEN})
    world.guard.receive([world.ana.send(world.guard, "m.room_key", key)])
    assert await world.whats() == [Unreadable(Cause.UNBOUND)]


async def test_a_key_that_is_withheld_is_told_with_its_cause(world: World) -> None:
    later = world.ana.room(ROOM)
    event = later.event("$1")
    content = {"room_id": ROOM, "session_id": event["content"]["session_id"], "code": "m.unverified"}
    world.guard.receive([{"type": "m.room_key.withheld", "sender": ANA, "content": content}])
    assert await world.whats(event) == [Unreadable(Cause.WITHHELD)]


async def test_what_was_encrypted_for_an_earlier_device_is_history(world: World) -> None:
    made_at = datetime(2026, 1, 5, tzinfo=UTC)
    stamp = int(made_at.timestamp() * 1000)
    world.reader = Reader(world.server, world.guard, world.people, world.rooms, made_at)
    later = world.ana.room(ROOM)
    before = {**later.event("$1"), "origin_server_ts": stamp - 1}
    after = {**later.event("$2"), "origin_server_ts": stamp}
    assert await world.whats(before, after) == [Unreadable(Cause.NO_KEY)]
    assert await world.whats({**world.room.event("$3"), "origin_server_ts": stamp - 1}) == [world.wrote("hello")]


async def test_what_waits_in_a_room_is_forgotten_with_it(world: World) -> None:
    later = world.ana.room(ROOM)
    key = later.key()
    await world.read(later.event("$1"))
    await world.sync({"rooms": {"leave": {ROOM: {}}}})
    world.guard.receive([world.ana.send(world.guard, "m.room_key", key)])
    assert await world.read() == []


# --- more than words -------------------------------------------------------------------------------------------------


async def test_who_wrote_is_told_as_the_homeserver_lists_them(world: World) -> None:
    world.server.answers["POST keys/query"] = {"device_keys": {ANA: {world.ana.device_id: world.ana.device_keys()}}}
    assert (await world.whats(world.room.event("$1")))[-1] == Wrote("hello", identity="")


async def test_a_message_that_was_taken_back_is_told_with_who_did_it(world: World) -> None:
    event = {"type": "m.room.redaction", "event_id": "$r", "sender": ANA, "content": {}, "redacts": "$1"}
    (arrival,) = await world.read(event)
    assert (arrival.what, arrival.sender) == (Removed("$1"), ANA)
    assert await world.whats({**event, "sender": BOT}, {**event, "redacts": 5}) == []


@pytest.mark.parametrize(
    ("content", "whats"),
    [
        ({"replacement_room": "!newer"}, [Moved("!newer")]),
        ({"replacement_room": "#alias:localhost"}, []),
        ({"replacement_room": "!" + "x" * 300}, []),
        ({}, []),
    ],
)
async def test_a_room_that_was_replaced_says_where_it_went(world: World, content: JSON, whats: list[Any]) -> None:
    event = {"type": "m.room.tombstone", "event_id": "$t", "sender": ANA, "state_key": "", "content": content}
    assert await world.whats(event) == whats
    assert await world.whats({**event, "state_key": "x"}) == []


@pytest.mark.parametrize(("kind", "setting"), SETTINGS.items())
async def test_settings_that_change_are_told(world: World, kind: str, setting: Setting) -> None:
    event = {"type": kind, "event_id": "$s", "sender": ANA, "state_key": "", "content": {"x": 1}}
    assert SettingsChanged(setting) in await world.whats(event)
    assert await world.whats({**event, "sender": BOT}) == []
    assert await world.whats({**event, "state_key": "x"}) == []


async def test_encryption_cannot_be_switched_off(world: World) -> None:
    other = {"type": "m.room.encryption", "event_id": "$e", "state_key": "", "content": {"algorithm": "x"}}
    assert await world.whats({**other, "sender": ANA}, plain()) == [
        SettingsChanged(Setting.ENCRYPTION),
        Unreadable(Cause.PLAIN),
    ]


async def test_alarms_are_told_until_they_are_kept(world: World) -> None:
    unsigned = Peer(ANA, "NEW")
    listed = world.identity.listed(world.identity.sign(world.ana.device_keys()), unsigned.device_keys())
    world.server.answers["POST keys/query"] = listed
    for _ in range(2):
        found = await world.sync({"device_lists": {"changed": [ANA]}})
        assert [(a.room, a.what) for a in found] == [("", Alarmed(Alarm.UNSIGNED_DEVICE, ANA, "NEW"))]
    world.reader.accepted()
    assert await world.sync({}) == []


async def test_who_is_writing_is_heard_beside_all_else(world: World) -> None:
    typing = {"events": [{"type": "m.typing", "content": {"user_ids": [ANA, BOT, 5]}}]}
    synced = read_sync({"next_batch": "s1", "rooms": {"join": {ROOM: {"ephemeral": typing}}}}, BOT)
    assert synced is not None
    assert world.reader.typing(synced) == [Typing("matrix", ROOM, frozenset({ANA}))]
    assert await world.reader.arrivals(synced, "s0", patient=True) == []


async def test_a_new_device_is_asked_for_once_more_before_it_is_doubted(world: World) -> None:
    new, answers = Peer(ANA, "NEW"), [world.server.answers["POST keys/query"]]
    devices = (world.identity.sign(peer.device_keys()) for peer in (world.ana, new))
    answers.append(world.identity.listed(*devices))
    world.server.answers["POST keys/query"] = lambda _: answers.pop(0) if len(answers) > 1 else answers[0]
    await world.read(world.room.event("$0"))
    new.begin(world.guard, published(world.guard)[0])
    room = new.room(ROOM)
    world.guard.receive([new.send(world.guard, "m.room_key", room.key())])
    assert await world.whats(room.event("$1")) == [world.wrote("hello")]


async def test_strangers_cannot_make_us_ask_for_them_again_and_again(world: World) -> None:
    events = [{**world.room.event(f"${n}"), "sender": BEN} for n in range(30)]
    await world.read(*events)
    assert world.server.count("POST keys/query") <= 3


# --- rooms -----------------------------------------------------------------------------------------------------------


async def test_comings_and_goings(world: World) -> None:
    for event, whats in (
        (member(ANA, "join", before="invite"), [Joined()]),
        (member(ANA, "join", before="join"), []),  # a new name or picture
        (member(ANA, "leave", before="join"), [Left()]),
        (member(ANA, "ban", sender="@admin:localhost"), [Left()]),
        (member(ANA, "knock"), []),
        (member(ANA, None), []),
        (member(BOT, "join"), []),
        (member(None, "join"), []),
        (member(5, "leave"), []),
    ):
        assert await world.whats(event) == whats


async def test_the_person_is_the_one_who_came_or_went_not_who_asked_or_removed_them(world: World) -> None:
    (arrival,) = await world.read(member(BEN, "leave", sender=ANA))
    assert arrival.sender == BEN


@pytest.mark.parametrize("membership", ["join", "invite"])
async def test_a_third_member_endangers_the_room(world: World, membership: str) -> None:
    await world.rooms.members(ROOM)
    arrivals = await world.read(member(BEN, membership))
    assert arrivals[-1].what == Endangered(Danger.THIRD_MEMBER)
    assert len({arrival.event_id for arrival in arrivals}) == len(arrivals)


async def test_history_opened_endangers_the_room_and_an_event_of_that_name_does_not(world: World) -> None:
    event = {
        "type": "m.room.history_visibility",
        "event_id": "$h",
        "sender": ANA,
        "state_key": "",
        "content": {"history_visibility": "world_readable"},
    }
    assert await world.whats(event) == [Endangered(Danger.HISTORY_OPENED), SettingsChanged(Setting.HISTORY)]
    del event["state_key"]
    assert await world.whats(event) == []


async def test_what_stood_in_the_rooms_before_the_first_sync_is_history(world: World) -> None:
    answer = {
        "rooms": {
            "join": {ROOM: {"timeline": {"events": [plain()], "limited": True, "prev_batch": "p"}}},
            "invite": {"!new:localhost": {"invite_state": {"events": [member(BOT, "invite")]}}},
        }
    }
    (arrival,) = await world.sync(answer, since=None)
    assert (arrival.what, arrival.room, arrival.sender) == (Invited(), "!new:localhost", ANA)


async def test_what_was_said_before_we_were_asked_in_is_others_history(world: World) -> None:
    unknown = Room(world.ana, ROOM)
    old = [unknown.event("$1"), member(BOT, "invite", event_id="$2"), member(BOT, "leave"), unknown.event("$3")]
    events = [*old, member(BOT, "invite", event_id="$4"), world.room.event("$5"), plain(event_id="$6")]
    assert await world.whats(*events) == [world.wrote("hello"), Unreadable(Cause.PLAIN)]
    forged = member(BOT, "invite")
    del forged["state_key"]  # anybody may send an event of that name
    assert len(await world.whats(plain(event_id="$7"), forged)) == 1


async def test_a_room_that_we_were_put_out_of_is_left(world: World) -> None:
    (arrival,) = await world.sync({"rooms": {"leave": {ROOM: {}}}})
    assert (arrival.what, arrival.sender) == (Left(), BOT)


async def test_the_same_sync_read_again_brings_the_same_arrivals(world: World) -> None:
    new = Peer(BEN)
    new.begin(world.guard, published(world.guard)[0])
    answer = {
        "to_device": {"events": [new.send(world.guard, "m.dummy", {})]},
        "rooms": {
            "join": {ROOM: {"timeline": {"events": [world.room.event("$1"), plain(), member(BEN, "join")]}}},
            "invite": {"!new:localhost": {}},
            "leave": {"!old:localhost": {}},
        },
    }
    first, second = await world.sync(answer), await world.sync(answer)
    assert [(a.event_id, a.what) for a in first] == [(a.event_id, a.what) for a in second]
    assert len({(a.room, a.event_id) for a in first}) == len(first) == 6
    assert not world.guard.broken


# --- gaps ------------------------------------------------------------------------------------------------------------

LIMITED: JSON = {"limited": True, "prev_batch": "p0"}
MESSAGES = f"GET rooms/{ROOM}/messages"


def pages(world: World, *answers: Any) -> None:
    left = list(answers)
    world.server.answers[MESSAGES] = lambda _: left.pop(0)


async def test_a_gap_is_filled_in_order(world: World) -> None:
    events = [world.room.event(f"${n}", str(n)) for n in range(6)]
    pages(
        world,
        {"chunk": [events[3], events[2]], "end": "p1"},
        {"chunk": [], "end": "p2"},  # a page of which the filter left nothing
        {"chunk": [None, 5, {"type": "x"}, events[1], events[0]], "end": "p3"},
        {"chunk": []},
    )
    arrivals = await world.read(*events[4:], **LIMITED)
    assert [arrival.what.text for arrival in arrivals if isinstance(arrival.what, Wrote)] == list("012345")


async def test_a_gap_reaches_no_further_than_to_when_we_were_asked_in(world: World) -> None:
    old = [Room(world.ana, ROOM).event("$1"), member(BEN, "join", event_id="$2")]
    asked, first, last = member(BOT, "invite", event_id="$3"), world.room.event("$4", "a"), world.room.event("$5", "b")
    said = [world.wrote("a"), world.wrote("b")]
    assert await world.whats(*old, asked, first, last, **LIMITED) == said  # and no page is asked for
    again = [world.room.event("$6", "a"), world.room.event("$7", "b")]
    pages(world, {"chunk": [again[0], asked, *old[::-1]], "end": "p1"})
    assert await world.whats(again[1], **LIMITED) == said


async def test_who_was_there_long_before_us_is_no_third_member_of_ours(world: World) -> None:
    before = [member(BEN, "join", event_id="$1"), member(BEN, "leave", event_id="$2")]
    asked, came = member(BOT, "invite", event_id="$3"), member("@cleo:localhost", "join", event_id="$4")
    assert await world.whats(*before, asked) == []
    assert await world.whats(*before, asked, came) == [Joined(), Endangered(Danger.THIRD_MEMBER)]


async def test_a_gap_that_does_not_end_is_not_filled_without_end(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    world.server.answers[MESSAGES] = {"chunk": [], "end": "p0"}
    assert await world.whats(world.room.event("$1"), **LIMITED) == [world.wrote("hello")]
    assert world.server.count(MESSAGES) == 1
    ends = iter(range(10**6))
    world.server.answers[MESSAGES] = lambda _: {"chunk": [plain(event_id=f"${next(ends)}")], "end": f"e{next(ends)}"}
    assert len(await world.whats(**LIMITED)) == world.server.count(MESSAGES) - 1 == GAP_PAGES
    (record,) = caplog.records
    assert f"{GAP_PAGES} pages" in record.getMessage()
    assert ROOM not in record.getMessage()


@pytest.mark.parametrize("answer", [{}, {"chunk": None}, {"chunk": {}, "end": 5}])
async def test_a_page_that_lists_nothing_is_none_and_asked_for_again(world: World, answer: JSON) -> None:
    world.server.answers[MESSAGES] = answer
    with pytest.raises(HomeserverError):
        await world.read(world.room.event("$1"), **LIMITED)
    assert await world.whats(world.room.event("$2"), patient=False, **LIMITED) == [world.wrote("hello")]


CROWD = {"events": [{"type": "m.dummy", "sender": BEN, "content": {}}] * CROWDED}


async def test_a_key_that_may_be_behind_a_flood_is_waited_for_before_anybody_is_told(world: World) -> None:
    other = world.ana.room("!other:localhost")
    key = world.ana.send(world.guard, "m.room_key", other.key())
    said = {"rooms": {"join": {"!other:localhost": {"timeline": {"events": [other.event("$1")]}}}}}
    for _ in range(2):  # asked for again, it is the same
        assert await world.sync({"to_device": CROWD, **said}) == []
    world.reader.accepted()
    found = await world.sync({"to_device": {"events": [key]}})
    assert [(arrival.event_id, arrival.what) for arrival in found] == [("$1/read", world.wrote("hello"))]
    world.reader.accepted()
    assert await world.sync({}) == []


async def test_a_key_that_is_not_behind_a_flood_is_told_of_after_it_and_once(world: World) -> None:
    other = world.ana.room("!other:localhost")
    said = {"rooms": {"join": {"!other:localhost": {"timeline": {"events": [other.event("$1")]}}}}}
    assert await world.sync({"to_device": CROWD, **said}) == []
    world.reader.accepted()
    assert await world.sync({"to_device": CROWD}) == []
    world.reader.accepted()
    world.reader = Reader(world.server, world.guard, world.people, world.rooms)  # a restart forgets nothing
    for _ in range(2):
        found = await world.sync({})
        assert [(arrival.event_id, arrival.what) for arrival in found] == [("$1", Unreadable(Cause.NO_KEY))]
    world.reader.accepted()
    assert await world.sync({}) == []


async def test_a_flood_without_end_silences_nobody_for_long(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    other = world.ana.room("!other:localhost")
    said = {"rooms": {"join": {"!other:localhost": {"timeline": {"events": [other.event("$1")]}}}}}
    assert await world.sync({"to_device": CROWD, **said}) == []
    world.reader.accepted()
    monkeypatch.setattr("bot.channels.matrix.arriving.PATIENCE", timedelta(0))
    (arrival,) = await world.sync({"to_device": CROWD})
    assert arrival.what == Unreadable(Cause.NO_KEY)


async def test_a_homeserver_that_was_put_back_is_read_anew_and_history_stays_history(world: World) -> None:
    made_at = datetime(2026, 1, 5, tzinfo=UTC)
    world.reader = Reader(world.server, world.guard, world.people, world.rooms, made_at)
    after = {"origin_server_ts": int(made_at.timestamp() * 1000) + 1}
    world.server.answers[MESSAGES] = {"chunk": [{**world.room.event("$1"), **after}], "end": "p2"}
    events = [plain(event_id="$before", origin_server_ts=1), {**world.room.event("$2"), **after}]
    timeline = {"timeline": {"events": events, **LIMITED}}
    found = await world.sync({"rooms": {"join": {ROOM: timeline}}}, since="s99", anew=True)
    assert [arrival.what for arrival in found] == [
        Alarmed(Alarm.SERVER_WENT_BACK),
        world.wrote("hello"),
        world.wrote("hello"),
    ]
    assert [arrival.event_id for arrival in found] == ["went-back/s99", "$1", "$2"]
    assert world.server.count(MESSAGES) == 1  # nobody knows where the gap ends


async def test_beginning_anew_forgets_who_is_where_and_whose_devices_are_whose(world: World) -> None:
    await world.read(world.room.event("$1"))
    await world.rooms.members(ROOM)
    (reader,) = world.people.readers({ANA}, staff=False)
    assert world.guard.missing_key(ROOM, [reader]) == [reader]
    world.guard.start_sessions([reader], world.ana.claimed())
    world.guard.key_shared(ROOM, world.guard.share_key(ROOM, [reader]), [reader])
    assert world.guard.missing_key(ROOM, [reader]) == []
    asked = world.server.count(f"GET rooms/{ROOM}/members")
    world.reader.begin_anew()
    assert not world.people.knows(ANA)
    assert world.guard.missing_key(ROOM, [reader]) == [reader]
    await world.rooms.members(ROOM)
    assert world.server.count(f"GET rooms/{ROOM}/members") == asked + 1


async def test_a_last_page_ends_the_gap(world: World) -> None:
    world.server.answers[MESSAGES] = {"chunk": [], "end": None}
    assert await world.whats(world.room.event("$1"), **LIMITED) == [world.wrote("hello")]


async def test_a_gap_waits_for_the_homeserver_but_not_without_end(world: World) -> None:
    world.server.answers[MESSAGES] = HomeserverError(500)
    with pytest.raises(HomeserverError):
        await world.read(world.room.event("$1"), **LIMITED)
    assert await world.whats(world.room.event("$2"), patient=False, **LIMITED) == [world.wrote("hello")]


async def test_a_gap_in_a_room_that_is_closed_to_us_is_left_open(world: World) -> None:
    world.server.answers[MESSAGES] = HomeserverError(403, "M_FORBIDDEN")
    assert await world.whats(world.room.event("$1"), **LIMITED) == [world.wrote("hello")]


async def test_a_gap_is_filled_at_the_pace_that_the_homeserver_asks_for(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(homeserver_module, "SHORTEST_PAUSE", 0.0)
    limited = HomeserverError(429, "M_LIMIT_EXCEEDED", retry_after=0.0)
    pages(world, limited, {"chunk": [world.room.event("$1", "one")], "end": "p1"}, limited, {"chunk": []})
    assert await world.whats(**LIMITED) == [world.wrote("one")]


async def test_after_a_gap_the_members_are_asked_for_again(world: World) -> None:
    await world.rooms.members(ROOM)
    pages(world, {"chunk": []})
    await world.read(**LIMITED)
    asked = world.server.count(f"GET rooms/{ROOM}/members")
    await world.rooms.members(ROOM)
    assert world.server.count(f"GET rooms/{ROOM}/members") == asked + 1


# --- when devices cannot be asked for --------------------------------------------------------------------------------


async def test_devices_are_waited_for_but_not_without_end(world: World) -> None:
    world.server.answers["POST keys/query"] = HomeserverError(500)
    with pytest.raises(HomeserverError):
        await world.read(world.room.event("$1"))
    assert await world.whats(world.room.event("$2"), plain(), patient=False) == [
        Unreadable(Cause.UNBOUND),
        Unreadable(Cause.PLAIN),
    ]


async def test_a_query_that_the_homeserver_refuses_does_not_stop_the_rest(world: World) -> None:
    world.server.answers["POST keys/query"] = HomeserverError(400, "M_INVALID_PARAM")
    assert await world.whats(world.room.event("$1"), plain()) == [Unreadable(Cause.UNBOUND), Unreadable(Cause.PLAIN)]


async def test_members_that_cannot_be_asked_for_do_not_stop_the_rest(world: World) -> None:
    world.server.answers["GET rooms/"] = HomeserverError(500)
    assert await world.whats(member(BEN, "join"), plain()) == [Joined(), Unreadable(Cause.PLAIN)]


# --- everything, spoiled ---------------------------------------------------------------------------------------------


def spoil(world: World, examples: int) -> None:
    """Read mutations of a whole sync; whatever comes out is well-formed, and nothing is raised."""
    mallory = Peer("@mallory:localhost")
    mallory.begin(world.guard, published(world.guard)[0])
    whole: JSON = {
        "to_device": {"events": [mallory.send(world.guard, "m.room_key", mallory.room(ROOM).key())]},
        "device_lists": {"changed": [ANA, BEN], "left": ["@gone:localhost"]},
        "device_one_time_keys_count": {"signed_curve25519": 49},
        "device_unused_fallback_key_types": ["signed_curve25519"],
        "rooms": {
            "join": {
                ROOM: {
                    "timeline": {
                        "events": [
                            world.room.event("$1"),
                            plain(),
                            member(ANA, "join", before="invite"),
                            member(BEN, "join"),
                            *(plain(type=kind, state_key="", content={"history_visibility": "x"}) for kind in SETTINGS),
                            plain(type="m.room.tombstone", state_key="", content={"replacement_room": "!new"}),
                            plain(type="m.room.redaction", redacts="$1"),
                            mallory.room(ROOM).event("$9"),
                            world.room.event("$7", content=FILE),
                        ],
                        **LIMITED,
                    },
                    "ephemeral": {"events": [{"type": "m.typing", "content": {"user_ids": [ANA]}}]},
                }
            },
            "invite": {"!new:localhost": {"invite_state": {"events": [member(BOT, "invite")]}}},
            "leave": {"!old:localhost": {"timeline": {"events": []}}},
        },
    }
    pages: list[Any] = [{}]
    world.server.answers[MESSAGES] = lambda _: {"chunk": pages[0]}
    runner = asyncio.Runner()

    @settings(max_examples=examples, deadline=None, suppress_health_check=list(HealthCheck), database=None)
    @given(mutations(whole), mutations([plain(), world.room.event("$2"), member(BEN, "leave")]))
    def spoiled(answer: Any, page: Any) -> None:
        pages[0] = page
        synced = read_sync({**answer, "next_batch": "s1"}, BOT) if isinstance(answer, dict) else None
        if synced is None:
            return
        for arrival in runner.run(world.reader.arrivals(synced, "s0", patient=False)):
            assert isinstance(arrival.what, Happening)
            for word in (arrival.room, arrival.event_id, arrival.sender, codec.arrival_to_json(arrival)):
                assert isinstance(word, str)
                word.encode()
            assert arrival.at.tzinfo is UTC
        world.reader.typing(synced)
        world.reader.accepted()
        world.guard.keys_to_upload(synced.counts, synced.unused_fallback)

    with runner:
        spoiled()
        synced = read_sync({"next_batch": "s2", "rooms": {"join": {ROOM: {"timeline": {"events": []}}}}}, BOT)
        assert synced is not None


def test_no_sync_stops_the_reader(world: World) -> None:
    spoil(world, 200)


@pytest.mark.soak
@pytest.mark.parametrize("part", range(20))  # in parts: hypothesis remembers all that it tried
def test_no_sync_in_a_hundred_thousand_stops_the_reader(world: World, part: int) -> None:
    spoil(world, 5_000)
