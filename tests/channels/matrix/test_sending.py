"""Deeds, where a real homeserver would have to be made to misbehave: the rest is shown live (laws 2, 5, 10)."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import olm
import pytest
from unpaddedbase64 import encode_base64

from bot.channels.matrix.guard import Guard
from bot.channels.matrix.homeserver import AnswerTooLargeError, HomeserverError
from bot.channels.matrix.people import People
from bot.channels.matrix.rooms import Rooms
from bot.channels.matrix.sending import LOOK_BACK_PAGES, OWN_ID, PATIENCE, Result, Sender
from bot.channels.matrix.signing import MEGOLM
from bot.deeds import (
    Decline,
    Deed,
    EditText,
    Enter,
    Erase,
    Follow,
    Identify,
    Invite,
    Leave,
    OutgoingMessage,
    Restore,
    SendFile,
    SendText,
    Tick,
)
from bot.domain import Attachment, Conversation, ConversationId, Kind, Look, Place, Style
from bot.ports import Entered, Failure, SendError
from bot.testing import MemoryChannel
from tests.channels.matrix.fake import JSON, Answering
from tests.channels.matrix.peer import BOT, Identity, Peer, opened

ROOM = "!room:localhost"
ANA, BEN = "@ana:localhost", "@ben:localhost"
NEXT = "!next:localhost"
NOW = datetime(2026, 1, 5, tzinfo=UTC)
SEALED = b"ciphertext"
OPENS = {
    "v": "v2",
    "key": {"k": "k" * 43},
    "iv": "i" * 22,
    "hashes": {"sha256": encode_base64(sha256(SEALED).digest())},
}
ELSEWHERE = MemoryChannel("elsewhere")  # where files may come from
FILE = Attachment(
    Kind.FILE, "report.pdf", "application/pdf", 1, "mxc://localhost/old", json.dumps(OPENS), channel="matrix"
)
C = ConversationId("c")


def member(person: str, membership: str = "join") -> JSON:
    return {"type": "m.room.member", "state_key": person, "content": {"membership": membership}}


class World:
    """The bot's sender, and Ana in a room of two with it."""

    def __init__(self, guard: Guard) -> None:
        self.guard = guard
        self.ana = Peer(ANA)
        self.contact: str | None = ANA
        self.members = [member(BOT), member(ANA)]
        self.keys: JSON = {"device_keys": {BOT: {}, ANA: {"PEER": self.ana.device_keys()}}}
        self.shared: list[JSON] = []
        self.sent: list[JSON] = []
        self.server = Answering(
            {
                "GET rooms/!room:localhost/members": lambda _: {"chunk": self.members},
                "GET rooms/!room:localhost/state/m.room.encryption": {"algorithm": "m.megolm.v1.aes-sha2"},
                "GET rooms/!room:localhost/state/m.room.history_visibility": HomeserverError(404, "M_NOT_FOUND"),
                "POST keys/query": lambda _: self.keys,
                "POST keys/claim": lambda _: self.ana.claimed(),
                "PUT sendToDevice/": lambda body: self.shared.append(body["messages"]) or {},
                "PUT rooms/!room:localhost/send/": self._take,
                "PUT rooms/!room:localhost/state/": {},
                "POST rooms/!room:localhost/": {},
                "GET /_matrix/client/v1/media/config": {},
                "GET media/download/localhost/old": SEALED,
                "POST media/upload": {"content_uri": "mxc://localhost/new"},
                "POST join/": {"room_id": ROOM},
            }
        )
        self.people = People(self.server, guard, Identity(BOT).master.public, {})
        self.rooms = Rooms(self.server, BOT)
        self.sender = Sender(self.server, guard, self.people, self.rooms, lambda: NOW)

    def _take(self, body: JSON) -> JSON:
        self.sent.append(body)
        return {"event_id": f"${len(self.sent)}"}

    async def perform(self, deed: Deed, place: Place = Place.REQUESTER, **tried: Any) -> Result:
        conversation = Conversation(C, "matrix", place, C, room=ROOM, contact=self.contact)
        return await self.sender.perform(conversation, OutgoingMessage("m1", C, deed, **tried), ELSEWHERE)

    async def fails(self, deed: Deed, place: Place = Place.REQUESTER, **tried: Any) -> SendError:
        with pytest.raises(SendError) as failed:
            await self.perform(deed, place, **tried)
        return failed.value

    def moved(self, *others: JSON, encrypted: bool = True, place: str = NEXT) -> None:
        """The conversation goes on in another room, where these are beside the bot."""
        none = HomeserverError(404, "M_NOT_FOUND")
        self.server.answers |= {
            f"GET rooms/{place}/members": {"chunk": [member(BOT), *others]},
            f"GET rooms/{place}/state/m.room.encryption": {"algorithm": MEGOLM} if encrypted else none,
            f"GET rooms/{place}/state/m.room.history_visibility": none,
            f"PUT rooms/{place}/state/": {},
            f"POST rooms/{place}/leave": {},
            f"GET rooms/{place}/state/m.room.member/{BOT}": HomeserverError(403, "M_FORBIDDEN"),
        }

    def reached(self) -> set[str]:
        """The devices that a key was sent to."""
        return {device for messages in self.shared for devices in messages.values() for device in devices}

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
    assert await world.perform(SendText("hello")) == Result(event_id="$1", identity="")
    (sent,) = world.sent
    assert "hello" not in str(sent)
    content = world.read(sent)["content"]
    assert (content["body"], content["msgtype"], content[OWN_ID]) == ("hello", "m.text", "m1")


async def test_whoever_is_called_is_named_inside_the_ciphertext_and_nowhere_else(world: World) -> None:
    await world.perform(SendText("one waits", mentions=("@lea:x", "@di:x")))
    (sent,) = world.sent
    assert "@lea:x" not in str(sent)
    assert world.read(sent)["content"]["m.mentions"] == {"user_ids": ["@lea:x", "@di:x"]}


async def test_styles_go_out_beside_the_words(world: World) -> None:
    await world.perform(SendText("a <b> & c\nd", (Style(Look.BOLD, 0, 5), Style(Look.ITALIC, 4, 99))))
    content = world.read(world.sent[0])["content"]
    assert content == {
        "msgtype": "m.text",
        "body": "a <b> & c\nd",
        "format": "org.matrix.custom.html",
        "formatted_body": "<strong>a &lt;b</strong><strong><em>&gt;</em></strong><em> &amp; c<br/>d</em>",
        OWN_ID: "m1",
    }


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


@pytest.mark.parametrize("answer", [{"one_time_keys": {}}, {"one_time_keys": {}, "failures": {"localhost": {}}}, {}])
async def test_words_wait_until_a_device_of_their_readers_can_be_given_the_key(world: World, answer: JSON) -> None:
    claim = world.server.answers["POST keys/claim"]
    world.server.answers["POST keys/claim"] = answer
    assert (await world.fails(SendText("hello"))).failure is Failure.AWAY
    assert (world.shared, world.sent) == ([], [])
    world.server.answers["POST keys/claim"] = claim
    await world.perform(SendText("hello"))
    assert world.read(world.sent[0])["content"]["body"] == "hello"


async def test_a_specialists_device_without_a_one_time_key_gets_the_room_key_once_it_has_one(world: World) -> None:
    ana = Identity(ANA)
    world.keys = ana.listed(ana.sign(world.ana.device_keys()))
    world.keys["device_keys"][BOT] = {}
    world.people.trust({ANA: ana.master.public})
    claim = world.server.answers["POST keys/claim"]
    world.server.answers["POST keys/claim"] = {"one_time_keys": {}}
    await world.perform(SendText("hello"), Place.NOTES)
    assert world.shared == []
    world.server.answers["POST keys/claim"] = claim
    await world.perform(SendText("hello again"), Place.NOTES)
    assert world.read(world.sent[1])["content"]["body"] == "hello again"


@pytest.mark.parametrize("place", [Place.REQUESTER, Place.RELAY])
@pytest.mark.parametrize("answer", [{}, [], {"event_id": None}])
async def test_what_is_no_answer_to_a_message_is_taken_for_none(world: World, place: Place, answer: Any) -> None:
    world.server.answers["PUT rooms/!room:localhost/send/"] = answer
    assert (await world.fails(SendText("hello"), place)).failure is Failure.AWAY


@pytest.mark.parametrize(("is_in", "failure"), [(True, Failure.REFUSED), (False, Failure.GONE)])
async def test_somebody_who_cannot_be_asked_in_is_told_from_a_room_that_is_gone(
    world: World, is_in: bool, failure: Failure
) -> None:
    forbidden = HomeserverError(403, "M_FORBIDDEN")
    world.server.answers |= {
        "POST rooms/!room:localhost/invite": forbidden,
        f"GET rooms/!room:localhost/state/m.room.member/{BOT}": {"membership": "join"} if is_in else forbidden,
    }
    if not is_in:
        world.server.answers["GET rooms/!room:localhost/members"] = forbidden
    assert (await world.fails(Invite(BEN), Place.RELAY)).failure is failure


@pytest.mark.parametrize("place", [Place.REQUESTER, Place.RELAY])
async def test_a_device_that_appears_while_keys_are_on_their_way_gets_none_unless_it_is_signed(
    world: World, place: Place
) -> None:
    identity = Identity(ANA)
    signed, spy = identity.sign(world.ana.device_keys()), Peer(ANA, "SPY")
    world.people.trust({ANA: identity.master.public})
    world.keys = {**identity.listed(signed), "device_keys": {BOT: {}, ANA: {"PEER": signed}}}

    def claim(body: JSON) -> JSON:
        world.keys = {**world.keys, "device_keys": {BOT: {}, ANA: {"PEER": signed, "SPY": spy.device_keys()}}}
        world.people.changed([ANA])
        return world.ana.claimed()

    world.server.answers["POST keys/claim"] = claim
    await world.perform(SendText("1"), place)
    await world.perform(SendText("2"), place)
    assert world.reached() == {"PEER"}
    assert len(world.sent) == 2
    assert not any("SPY" in str(body) for _, path, body in world.server.asked if path == "keys/claim")


async def test_who_is_no_longer_listed_gets_no_key_of_what_is_said_from_then_on(world: World) -> None:
    identity = Identity(ANA)
    signed = identity.sign(world.ana.device_keys())
    world.keys = {**identity.listed(signed), "device_keys": {BOT: {}, ANA: {"PEER": signed}}}
    world.people.trust({ANA: identity.master.public})
    await world.perform(SendText("1"), Place.QUEUE)
    assert world.reached() == {"PEER"}
    world.shared.clear()
    world.people.trust({})
    await world.perform(SendText("2"), Place.QUEUE)
    assert world.shared == []
    assert world.sent[0]["session_id"] != world.sent[1]["session_id"]


async def test_for_whom_it_was_encrypted_is_told(world: World) -> None:
    identity = Identity(ANA)
    assert (await world.perform(SendText("x"))).identity == ""
    signed = identity.sign(world.ana.device_keys())
    world.keys = {**identity.listed(signed), "device_keys": {BOT: {}, ANA: {"PEER": signed}}}
    world.people.changed([ANA])
    for deed in (SendText("x"), EditText("$1", "y"), SendFile(FILE)):
        assert (await world.perform(deed)).identity == identity.master.public
    assert (await world.perform(SendText("x"), Place.RELAY)).identity is None


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
        await world.sender.perform(other, OutgoingMessage("m2", C, Invite(BEN)), ELSEWHERE)
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


# --- changes and files -----------------------------------------------------------------------------------------------


async def test_a_change_goes_out_encrypted_and_says_outside_only_what_it_replaces(world: World) -> None:
    await world.perform(EditText("$earlier", "better"))
    (sent,) = world.sent
    assert "better" not in str(sent)
    relation = {"rel_type": "m.replace", "event_id": "$earlier"}
    assert sent["m.relates_to"] == relation
    content = world.read(sent)["content"]
    assert content == {
        "msgtype": "m.text",
        "body": "* better",
        "m.new_content": {"msgtype": "m.text", "body": "better"},
        "m.relates_to": relation,
        OWN_ID: "m1",
    }


async def test_a_file_goes_out_with_its_key_encrypted(world: World) -> None:
    await world.perform(SendFile(FILE), Place.REQUESTER)
    (sent,) = world.sent
    assert not any(part in str(sent) for part in ("report.pdf", "mxc://", OPENS["iv"]))
    content = world.read(sent)["content"]
    assert content["file"] == {**OPENS, "url": "mxc://localhost/new"}
    assert (content["filename"], content[OWN_ID]) == ("report.pdf", "m1")
    assert ("POST", "media/upload", SEALED) in world.server.asked


@pytest.mark.parametrize("deed", [EditText("$1", "x"), SendFile(FILE)])
async def test_neither_goes_where_words_may_not_go(world: World, deed: Deed) -> None:
    world.members.append(member(BEN))
    assert (await world.fails(deed)).failure is Failure.UNSAFE
    assert (world.sent, world.shared) == ([], [])


async def test_who_comes_in_while_a_file_is_copied_does_not_get_it(world: World) -> None:
    def upload(body: bytes) -> JSON:
        world.rooms.follow(ROOM, member(BEN))
        world.members.append(member(BEN))
        return {"content_uri": "mxc://localhost/new"}

    world.server.answers["POST media/upload"] = upload
    assert (await world.fails(SendFile(FILE))).failure is Failure.UNSAFE
    assert world.sent == []


async def test_a_file_that_is_missing_leaves_the_room_alone(world: World) -> None:
    world.server.answers["GET media/download/localhost/old"] = HomeserverError(404, "M_NOT_FOUND")
    assert (await world.fails(SendFile(FILE))).failure is Failure.REFUSED
    await world.perform(SendText("x"))
    assert len(world.sent) == 1


@pytest.mark.parametrize("deed", [EditText("$0", "x"), SendFile(FILE)])
async def test_neither_is_sent_twice(world: World, deed: Deed) -> None:
    await world.perform(deed)
    event = {"type": "m.room.encrypted", "event_id": "$1", "sender": BOT, "content": world.sent.pop()}
    world.server.answers[MESSAGES] = {"chunk": [event]}
    uploads = world.server.count("POST media/upload")
    assert await world.perform(deed, **LONG_AGO) == Result(event_id="$1")
    assert world.sent == []
    assert world.server.count("POST media/upload") == uploads


# --- ticks -----------------------------------------------------------------------------------------------------------


async def test_a_tick_that_stands_there_already_is_well(world: World) -> None:
    world.server.answers["PUT rooms/!room:localhost/send/"] = HomeserverError(400, "M_DUPLICATE_ANNOTATION")
    assert await world.perform(Tick("$1")) == Result()
    world.server.answers["PUT rooms/!room:localhost/send/"] = HomeserverError(400, "M_BAD_JSON")
    assert (await world.fails(Tick("$1"))).failure is Failure.REFUSED


# --- what is taken back ---------------------------------------------------------------------------------------------


async def test_a_message_that_is_gone_or_anothers_holds_up_nothing_behind_it(world: World) -> None:
    redact = f"PUT rooms/{ROOM}/redact/"
    for error, failure in (
        (HomeserverError(404, "M_NOT_FOUND"), Failure.REFUSED),
        (HomeserverError(403, "M_FORBIDDEN"), Failure.REFUSED),
        (HomeserverError(502), Failure.AWAY),
    ):
        world.server.answers[redact] = error
        assert (await world.fails(Erase("$1"), Place.NOTES)).failure is failure
    world.server.answers[redact] = {"event_id": "$2"}
    assert await world.perform(Erase("$1"), Place.NOTES) == Result()


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
    assert await world.perform(SendText("hello"), **tried) == Result(event_id="$1")
    assert world.sent == []


@pytest.mark.parametrize("tried", [{}, {"tried_at": NOW - timedelta(hours=19), "tried_from": "BOTDEVICE"}])
async def test_within_a_day_the_homeserver_remembers(world: World, tried: JSON) -> None:
    await world.perform(SendText("hello"), **tried)
    assert world.server.count(MESSAGES) == 0


@pytest.mark.parametrize("answer", [{}, {"chunk": None}])
async def test_what_cannot_be_looked_for_is_not_said_again_yet(world: World, answer: JSON) -> None:
    await said(world)
    world.server.answers[MESSAGES] = answer
    assert (await world.fails(SendText("hello"), **LONG_AGO)).failure is Failure.AWAY


@pytest.mark.parametrize("answer", [{"chunk": [], "end": 5}, {"chunk": [], "end": "p"}])
async def test_what_is_not_found_is_said_again(world: World, answer: JSON) -> None:
    await said(world)
    world.server.answers[MESSAGES] = answer
    assert (await world.perform(SendText("hello"), **LONG_AGO)).event_id
    assert world.server.count(MESSAGES) <= 2


async def test_our_own_message_is_found_pages_back_and_not_without_end(world: World) -> None:
    event = await said(world)
    pages: list[JSON] = [{"chunk": [], "end": f"p{n}"} for n in range(5)]
    world.server.answers[MESSAGES] = lambda _: pages.pop(0) if pages else {"chunk": [event]}
    assert await world.perform(SendText("hello"), **LONG_AGO) == Result(event_id="$1")
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
        (HomeserverError(403, "M_FORBIDDEN"), Place.QUEUE, Failure.GONE),  # it is tried without end all the same
        (HomeserverError(404, "M_UNKNOWN"), Place.QUEUE, Failure.GONE),
        (HomeserverError(502, "M_UNKNOWN"), Place.REQUESTER, Failure.AWAY),
        (HomeserverError(504, "M_UNKNOWN"), Place.REQUESTER, Failure.AWAY),
    ],
)
async def test_a_door_that_is_closed(world: World, error: HomeserverError, place: Place, failure: Failure) -> None:
    world.server.answers["POST join/!room:localhost"] = error
    assert (await world.fails(Enter(), place)).failure is failure


@pytest.mark.parametrize(
    ("room", "contact", "via"),
    [
        ("!room:one.example", "@ana:two.example", ["one.example", "two.example"]),
        ("!room:one.example:8448", None, ["one.example:8448"]),
        ("!ofversiontwelve", "@ana:two.example", ["two.example"]),
        ("!ofversiontwelve", None, []),
    ],
)
async def test_a_room_is_entered_through_the_servers_that_we_know(
    world: World, room: str, contact: str | None, via: list[str]
) -> None:
    queries: list[Any] = []
    call = world.server.call

    async def noting(*path: Any, **options: Any) -> JSON:
        if path[1] == "join":
            queries.append(options["query"])
        return await call(*path, **options)

    world.server.call = noting  # type: ignore[method-assign]
    await world.rooms.enter(room, contact)
    assert queries == [{"via": via, "server_name": via}]


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


# --- following a room ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("place", "others", "encrypted", "found"),
    [
        (Place.REQUESTER, [member(ANA)], True, Entered.SAFE),
        (Place.REQUESTER, [member(ANA, "invite")], True, Entered.SAFE),
        (Place.REQUESTER, [member(BEN)], True, Entered.UNSAFE),  # a room of two, but not of these two
        (Place.REQUESTER, [member(ANA), member(BEN)], True, Entered.UNSAFE),
        (Place.REQUESTER, [member(ANA)], False, Entered.UNSAFE),
        (Place.RELAY, [member(ANA), member(BEN)], True, Entered.SAFE),
        (Place.RELAY, [member(ANA)], False, Entered.UNSAFE),
    ],
)
async def test_where_a_conversation_goes_on(
    world: World, place: Place, others: list[JSON], encrypted: bool, found: Entered
) -> None:
    world.moved(*others, encrypted=encrypted)
    assert await world.perform(Follow(NEXT), place) == Result(room=NEXT, entered=found)
    assert world.server.count(f"POST join/{NEXT}") == 1
    # what is not safe is left again: no conversation is held there
    assert world.server.count(f"POST rooms/{NEXT}/leave") == (found is Entered.UNSAFE)


async def test_nobody_can_have_us_leave_another_conversations_room_by_naming_it(world: World) -> None:
    world.moved(member(BEN))
    world.server.answers[f"GET rooms/{NEXT}/state/m.room.member/{BOT}"] = {"membership": "join"}
    assert (await world.perform(Follow(NEXT))).entered is Entered.UNSAFE
    assert world.server.count(f"POST rooms/{NEXT}/leave") == 0


async def test_nobody_is_followed_who_is_not_known(world: World) -> None:
    world.moved(member(ANA))
    world.contact = None
    assert (await world.perform(Follow(NEXT))).entered is Entered.UNSAFE


@pytest.mark.parametrize(
    ("error", "attempts", "failure"),
    [
        (HomeserverError(403, "M_FORBIDDEN"), 0, Failure.AWAY),  # the invitation comes after the news
        (HomeserverError(403, "M_FORBIDDEN"), PATIENCE, Failure.GONE),
        (HomeserverError(404, "M_UNKNOWN"), PATIENCE, Failure.AWAY),
        (HomeserverError(502), PATIENCE, Failure.AWAY),
    ],
)
async def test_a_room_that_cannot_be_followed_yet(
    world: World, error: HomeserverError, attempts: int, failure: Failure
) -> None:
    world.moved()
    world.server.answers[f"POST join/{NEXT}"] = error
    assert (await world.fails(Follow(NEXT), attempts=attempts)).failure is failure


# --- what staff ask for ----------------------------------------------------------------------------------------------


async def test_a_room_is_restored(world: World) -> None:
    assert await world.perform(Restore(), Place.RELAY) == Result()
    assert world.server.count(f"PUT rooms/{ROOM}/state/") == 5


async def test_a_room_that_somebody_else_rules_is_still_there(world: World) -> None:
    world.server.answers[f"PUT rooms/{ROOM}/state/m.room.power_levels"] = HomeserverError(403, "M_FORBIDDEN")
    assert (await world.fails(Restore(), Place.RELAY)).failure is Failure.REFUSED
    assert world.server.count(f"PUT rooms/{ROOM}/state/") == 5
    world.server.answers[f"PUT rooms/{ROOM}/state/m.room.power_levels"] = HomeserverError(502)
    assert (await world.fails(Restore(), Place.RELAY)).failure is Failure.AWAY


async def test_somebodys_identity_is_asked_for_anew(world: World) -> None:
    assert await world.perform(Identify(ANA), Place.QUEUE) == Result(identity="")
    identity = Identity(ANA)
    world.keys = {**identity.listed(), "device_keys": {ANA: {}}}
    assert await world.perform(Identify(ANA), Place.QUEUE) == Result(identity=identity.master.public)
    assert (await world.fails(Identify("@eve:elsewhere.example"), Place.QUEUE)).failure is Failure.AWAY


async def test_a_conversation_without_a_room_waits_for_it(world: World) -> None:
    with pytest.raises(SendError) as failed:
        await world.sender.perform(
            Conversation(C, "matrix", Place.NOTES, C), OutgoingMessage("m1", C, SendText("x")), ELSEWHERE
        )
    assert failed.value.failure is Failure.AWAY
