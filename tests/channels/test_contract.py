"""What every channel promises the services: one contract for all of them.

They are the fake in memory, Matrix on a real Synapse, and Signal on the stand-in of its daemon. What only some of them
can do at all is named in `WORLDS`.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import UTC, datetime
from enum import Enum
from pathlib import Path
from typing import Any, Protocol

import pytest
from mautrix.api import Method
from mautrix.api import Path as ApiPath
from mautrix.crypto.attachments import encrypt_attachment

from bot.deeds import (
    Decline,
    Deed,
    Discard,
    EditText,
    Enter,
    Erase,
    Follow,
    Identify,
    Leave,
    MakeRoom,
    OutgoingMessage,
    Restore,
    SendFile,
    SendText,
    Tick,
)
from bot.demo.person import Person
from bot.demo.rooms import Message
from bot.demo.synapse import Synapse
from bot.domain import Attachment, Conversation, ConversationId, Kind, Place
from bot.happenings import Arrival, Attached, Cause, Invited, Left, Unreadable, Wrote
from bot.ports import Channel, Done, Entered, Failure, SendError
from bot.testing import MemoryChannel
from tests.channels.matrix.running import Bot, Box
from tests.channels.signal import running as signal
from tests.live.conftest import People
from tests.signald.handle import Signald
from tests.signald.person import Person as Phone

ID = "an-outbox-row"
ALIAS = "vestibule-contract"
IN_THE_FILE = b"what only the people can read"
NAME = "report.pdf"
ELSEWHERE = MemoryChannel("elsewhere")  # another channel
ELSEWHERE.files["there"] = IN_THE_FILE
FROM_ELSEWHERE = Attachment(Kind.FILE, NAME, "application/pdf", 5, "there", "secret", channel="elsewhere")


class Can(Enum):
    """What only some channels can do."""

    CARRY_PLAIN = "carry messages that are not encrypted"
    HOST_STAFF = "have rooms that we make, and people who are listed"
    MOVE = "have a conversation go on in another room"


WORLDS = {"memory": set(Can), "matrix": set(Can), "signal": set[Can]()}


def those_that(*can: Can) -> list[str]:
    """The worlds that can do this."""
    return [name for name, able in WORLDS.items() if set(can) <= able]


class World(Protocol):
    """A channel, and the people at its other end."""

    box: Box

    @property
    def channel(self) -> Channel: ...

    @property
    def requester(self) -> str:
        """Who writes."""

    @property
    def identity(self) -> str:
        """The requester's."""

    async def room(self, *, encrypted: bool = True, third: bool = False) -> str:
        """A requester asks the bot into a room of theirs."""

    async def write(self, room: str, text: str) -> None:
        """The requester writes."""

    async def write_plain(self, room: str, text: str) -> None:
        """The requester writes without encryption."""

    async def said(self, room: str, count: int) -> list[str]:
        """What the requester read in the room, when there were so many messages."""

    async def changed(self, room: str) -> tuple[str, str]:
        """The first message of which the requester saw a change, and what stands there now."""

    async def taken_back(self, room: str, event_id: str) -> bool:
        """Whether nothing of this message is left for the requester to read."""

    async def file(self) -> Attachment:
        """A file called NAME that the requester sent."""

    async def files(self, room: str, count: int) -> list[str]:
        """The names of the files that the requester opened in the room, when there were so many.

        In each they found IN_THE_FILE.
        """

    async def moved(self, *, third: bool = False) -> str:
        """The requester asks the bot into another room, in the place of the one they are in."""

    async def typing(self, room: str, *, on: bool) -> None:
        """Wait until the requester sees that the bot writes, or does not."""

    async def close_room(self, room: str) -> None:
        """The room is gone for the bot."""

    async def marks(self, room: str, count: int) -> int:
        """How many ticks the requester sees, when there were so many."""

    async def left(self, room: str) -> None:
        """Wait until the bot has left."""

    async def stop_listening(self) -> None: ...

    async def listen_again(self) -> None:
        """With the token that the inbox kept, as after a restart."""


class InMemory:
    """The fake, and a requester who is not there."""

    def __init__(self) -> None:
        self.channel = MemoryChannel()
        self.requester = "@requester:memory"
        self.identity = "KEYO FREQ UEST ER"
        self.channel.identities[self.requester] = self.identity
        self.box = Box()
        self._listening = asyncio.create_task(self.channel.listen(self.box))
        self._count = 0

    def _bring(self, room: str, what: Any) -> None:
        self._count += 1
        self.channel.bring(Arrival("memory", room, f"$in{self._count}", self.requester, datetime.now(UTC), what))

    async def room(self, *, encrypted: bool = True, third: bool = False) -> str:
        self._count += 1
        room = f"!{self._count}:memory"
        self.channel.entering = Entered.SAFE if encrypted and not third else Entered.UNSAFE
        self._bring(room, Invited())
        return room

    async def write(self, room: str, text: str) -> None:
        self._bring(room, Wrote(text))

    async def write_plain(self, room: str, text: str) -> None:
        self._bring(room, Unreadable(Cause.PLAIN))

    async def said(self, room: str, count: int) -> list[str]:
        return [
            deed.text if isinstance(deed, SendText) else deed.notice if isinstance(deed, Decline) else deed.why
            for conversation, message in self.channel.delivered
            if conversation.room == room and isinstance(deed := message.deed, SendText | Decline | Leave)
        ]

    async def changed(self, room: str) -> tuple[str, str]:
        deeds = (message.deed for conversation, message in self.channel.delivered if conversation.room == room)
        return next((deed.event_id, deed.text) for deed in deeds if isinstance(deed, EditText))

    async def taken_back(self, room: str, event_id: str) -> bool:
        return any(message.deed == Erase(event_id) for _, message in self.channel.delivered)

    async def file(self) -> Attachment:
        self.channel.files["memory"] = IN_THE_FILE
        return Attachment(Kind.FILE, NAME, "application/pdf", len(IN_THE_FILE), "memory", "secret", channel="memory")

    async def files(self, room: str, count: int) -> list[str]:
        sent = [
            (message.id, message.deed.attachment)
            for conversation, message in self.channel.delivered
            if conversation.room == room and isinstance(message.deed, SendFile)
        ]
        for row, attachment in sent:
            assert attachment.channel == self.channel.name or self.channel.read[row] == IN_THE_FILE
        return [attachment.name for _, attachment in sent]

    async def moved(self, *, third: bool = False) -> str:
        return await self.room(third=third)

    async def typing(self, room: str, *, on: bool) -> None:
        conversation, last = self.channel.typing[-1]
        assert (conversation.room, last) == (room, on)

    async def close_room(self, room: str) -> None:
        self.channel.fail(SendError(Failure.GONE))

    async def marks(self, room: str, count: int) -> int:
        return sum(isinstance(message.deed, Tick) for _, message in self.channel.delivered)

    async def left(self, room: str) -> None:
        assert any(isinstance(message.deed, Leave | Decline) for _, message in self.channel.delivered)

    async def stop_listening(self) -> None:
        self._listening.cancel()
        await asyncio.gather(self._listening, return_exceptions=True)

    async def listen_again(self) -> None:
        self._listening = asyncio.create_task(self.channel.listen(self.box))

    async def stop(self) -> None:
        await self.stop_listening()


class OnMatrix:
    """The adapter, and a requester who uses another library."""

    def __init__(self, bot: Bot, requester: Person, third: Person) -> None:
        self._bot = bot
        self._requester = requester
        self._third = third
        self.box = bot.box

    @property
    def channel(self) -> Channel:
        return self._bot.channel

    @property
    def requester(self) -> str:
        return self._requester.user_id

    @property
    def identity(self) -> str:
        return self._requester.master_key

    async def room(self, *, encrypted: bool = True, third: bool = False) -> str:
        others = [self._third.user_id] if third else []
        return await self._requester.make_room(self._bot.user_id, *others, encrypted=encrypted)

    async def write(self, room: str, text: str) -> None:
        await self._requester.send(room, text)

    async def write_plain(self, room: str, text: str) -> None:
        await self._requester.send_plain(room, text)

    async def said(self, room: str, count: int) -> list[str]:
        return [message.body for message in await self._requester.until(lambda: self._heard(room, count))]

    def _heard(self, room: str, count: int) -> list[Message] | None:
        heard = [m for m in self._requester.messages(room) if m.sender == self._bot.user_id]
        return heard if len(heard) >= count else None

    async def changed(self, room: str) -> tuple[str, str]:
        message = await self._requester.until(
            lambda: next((m for m in self._requester.messages(room) if "m.new_content" in m.content), None)
        )
        return message.content["m.relates_to"]["event_id"], message.content["m.new_content"]["body"]

    async def taken_back(self, room: str, event_id: str) -> bool:
        event = await self._requester.request(Method.GET, ApiPath.v3.rooms[room].event[event_id])
        return not event["content"]

    async def file(self) -> Attachment:
        sealed, key = encrypt_attachment(IN_THE_FILE)
        place = await self._requester.client.upload_media(sealed, mime_type="application/octet-stream")
        secret = json.dumps(key.serialize())
        return Attachment(Kind.FILE, NAME, "application/pdf", len(IN_THE_FILE), str(place), secret, channel="matrix")

    async def files(self, room: str, count: int) -> list[str]:
        heard = await self._requester.until(lambda: self._heard(room, count))
        for message in heard:
            assert await self._requester.fetch(message) == IN_THE_FILE
        return [message.content["filename"] for message in heard]

    async def moved(self, *, third: bool = False) -> str:
        return await self.room(third=third)

    async def typing(self, room: str, *, on: bool) -> None:
        await self._requester.until(lambda: (self._bot.user_id in self._requester.typing(room)) is on)

    async def close_room(self, room: str) -> None:
        await self._requester.set_state(room, "m.room.member", {"membership": "ban"}, self._bot.user_id)
        await self.box.next(Left, room)

    async def marks(self, room: str, count: int) -> int:
        await self._requester.until(lambda: len(self._requester.reactions(room)) >= count)
        return len(self._requester.reactions(room))

    async def left(self, room: str) -> None:
        await self._requester.until(lambda: self._requester.members(room).get(self._bot.user_id) == "leave")

    async def stop_listening(self) -> None:
        await self._bot.stop()

    async def listen_again(self) -> None:
        await self._bot.start()

    async def stop(self) -> None:
        await self._bot.stop()


class OnSignal:
    """The adapter on the stand-in of its daemon, and people with their phones. A room is one of them, or a group."""

    def __init__(self, signald: Signald, bot: signal.Bot, requester: Phone) -> None:
        self._signald = signald
        self._bot = bot
        self._requester = requester
        self._people = {requester.uuid: requester}
        self._fresh = [requester]
        self.box = bot.box

    @classmethod
    async def make(cls, folder: Path, opened: AsyncExitStack) -> OnSignal:
        """A bot that listens."""
        signald = await opened.enter_async_context(Signald(folder))
        bot = signal.Bot(signald, folder / "bot")
        await bot.start()
        return cls(signald, bot, await signald.person("Amal"))

    @property
    def channel(self) -> Channel:
        return self._bot.channel

    @property
    def requester(self) -> str:
        return self._requester.uuid

    @property
    def identity(self) -> str:
        return f"05 {self._requester.human.key.hex(' ')}"

    async def room(self, *, encrypted: bool = True, third: bool = False) -> str:
        assert encrypted, "nothing on Signal is in clear"
        person = self._fresh.pop() if self._fresh else await self._signald.person("Another")
        if third:
            room = f"group:{await self._signald.group('Us', person)}"
            self._people[room] = person
            return room
        self._people[person.uuid] = person
        await person.sticker()  # whoever sends something asks us in
        return person.uuid

    async def write(self, room: str, text: str) -> None:
        await self._people[room].writes(text)

    async def write_plain(self, room: str, text: str) -> None:
        raise AssertionError("nothing on Signal is in clear")

    async def said(self, room: str, count: int) -> list[str]:
        return await self._people[room].hears(count)

    async def changed(self, room: str) -> tuple[str, str]:
        person = self._people[room]
        await person.until(lambda: any(message.history for message in person.heard))
        message = next(message for message in person.heard if message.history)
        return f"self/{message.timestamp}", message.text

    async def taken_back(self, room: str, event_id: str) -> bool:
        heard = {f"self/{message.timestamp}": message for message in self._people[room].heard}
        return heard[event_id].deleted

    async def file(self) -> Attachment:
        await self._requester.sends_file(IN_THE_FILE, NAME, "application/pdf")
        return (await self.box.next(Attached))[1].attachment

    async def files(self, room: str, count: int) -> list[str]:
        await self._people[room].hears(count)
        found = [file for message in self._people[room].heard for file in message.files]
        assert all(file.content == IN_THE_FILE for file in found)
        return [file.name or "" for file in found]

    async def moved(self, *, third: bool = False) -> str:
        raise AssertionError("conversations on Signal stay where they are")

    async def typing(self, room: str, *, on: bool) -> None:
        await self._people[room].until(lambda: self._people[room].sees_typing is on)

    async def close_room(self, room: str) -> None:
        await self._people[room].fails("unregistered")

    async def marks(self, room: str, count: int) -> int:
        await self._people[room].until(lambda: len(self._people[room].reactions) >= count)
        return len({(mark.emoji, mark.timestamp) for mark in self._people[room].reactions})

    async def left(self, room: str) -> None:
        group = room.removeprefix("group:")
        if group != room:  # of two, nobody leaves
            await self._signald.until(lambda: not self._signald.world.groups[group].accounts)

    async def stop_listening(self) -> None:
        await self._bot.stop()

    async def listen_again(self) -> None:
        await self._bot.start()

    async def stop(self) -> None:
        await self._bot.stop()


@pytest.fixture(params=those_that())
async def world(
    request: pytest.FixtureRequest, tmp_path: Path, synapse: Synapse, people: People
) -> AsyncIterator[World]:
    async with AsyncExitStack() as opened:
        made: InMemory | OnMatrix | OnSignal
        if request.param == "memory":
            made = InMemory()
        elif request.param == "matrix":
            made = OnMatrix(await Bot.make(synapse, tmp_path), await people(), await people())
        else:
            made = await OnSignal.make(tmp_path, opened)
        yield made
        await made.stop()


def only(*can: Can) -> pytest.MarkDecorator:
    """For a test of what not every channel can do."""
    return pytest.mark.parametrize("world", those_that(*can), indirect=True)


def lane(world: World, room: str | None, place: Place = Place.REQUESTER) -> Conversation:
    name = ConversationId(f"conversation in {room}")
    contact = world.requester if place is Place.REQUESTER else None
    return Conversation(name, "any", place, name, room=room, contact=contact)


async def do(world: World, room: str | None, deed: Deed, row: str, place: Place = Place.REQUESTER) -> Done:
    conversation = lane(world, room, place)
    return await world.channel.perform(conversation, OutgoingMessage(row, conversation.id, deed), ELSEWHERE)


async def entered(world: World) -> str:
    """A conversation of two."""
    room = await world.room()
    await world.box.next(Invited, room)
    assert (await do(world, room, Enter(), f"enter {room}")).entered is Entered.SAFE
    return room


# --- what comes in ---------------------------------------------------------------------------------------------------


async def test_what_is_written_arrives_once_and_in_order(world: World) -> None:
    room = await entered(world)
    for text in ("one", "two", "three"):
        await world.write(room, text)
    heard = [await world.box.next(Wrote, room) for _ in range(3)]
    assert [what.text for _, what in heard] == ["one", "two", "three"]
    arrivals = [arrival for arrival, _ in heard]
    assert len({arrival.event_id for arrival in arrivals}) == 3
    assert all(arrival.at.tzinfo is UTC for arrival in arrivals)
    assert len({arrival.sender for arrival in arrivals}) == 1


async def test_what_happens_while_nobody_listens_arrives_afterwards_and_nothing_twice(world: World) -> None:
    room = await entered(world)
    await world.write(room, "before")
    await world.box.next(Wrote, room)
    await world.stop_listening()
    await world.write(room, "meanwhile")
    asked_into = await world.room()
    await world.listen_again()
    await world.write(room, "after")
    await world.box.until(lambda: sum(isinstance(a.what, Wrote) for a in world.box.arrivals) == 3)
    await world.box.until(lambda: any(a.room == asked_into for a in world.box.arrivals))
    texts = [arrival.what.text for arrival in world.box.arrivals if isinstance(arrival.what, Wrote)]
    assert texts == ["before", "meanwhile", "after"]


@only(Can.CARRY_PLAIN)
async def test_what_is_not_encrypted_is_unreadable(world: World) -> None:
    room = await entered(world)
    await world.write_plain(room, "in clear")
    _, what = await world.box.next(Unreadable, room)
    assert what.cause is Cause.PLAIN


# --- what goes out ---------------------------------------------------------------------------------------------------


async def test_texts_are_read_in_order(world: World) -> None:
    room = await entered(world)
    for n in range(5):
        done = await do(world, room, SendText(f"text {n}"), f"{ID}-{n}")
        assert done.event_id
    assert await world.said(room, 5) == [f"text {n}" for n in range(5)]


async def test_a_resend_under_the_same_id_is_one_message(world: World) -> None:
    room = await entered(world)
    first = await do(world, room, SendText("once"), ID)
    again = await do(world, room, SendText("once"), ID)
    await do(world, room, SendText("then"), ID + "2")
    assert first.event_id == again.event_id
    assert await world.said(room, 2) == ["once", "then"]


async def test_words_are_put_in_the_place_of_others(world: World) -> None:
    room = await entered(world)
    first = await do(world, room, SendText("at nine"), ID)
    assert first.event_id
    await do(world, room, EditText(first.event_id, "at ten"), ID + "2")
    assert await world.changed(room) == (first.event_id, "at ten")


async def test_what_is_taken_back_is_gone_and_nothing_else_is(world: World) -> None:
    room = await entered(world)
    first, second = [await do(world, room, SendText(text), text) for text in ("one", "two")]
    assert first.event_id
    assert second.event_id
    assert not await world.taken_back(room, first.event_id)
    for row in ("three", "three", "four"):  # after a crash it is done again
        await do(world, room, Erase(first.event_id), row)
    assert await world.taken_back(room, first.event_id)
    assert not await world.taken_back(room, second.event_id)


async def test_a_file_is_passed_on_once(world: World) -> None:
    room = await entered(world)
    deed = SendFile(await world.file())
    first = await do(world, room, deed, ID)
    again = await do(world, room, deed, ID)
    assert first.event_id == again.event_id
    await do(world, room, SendFile(await world.file()), ID + "2")
    assert await world.files(room, 2) == [NAME, NAME]


async def test_a_file_that_another_channel_brought_is_passed_on_once(world: World) -> None:
    room = await entered(world)
    deed = SendFile(FROM_ELSEWHERE)
    first = await do(world, room, deed, ID)
    again = await do(world, room, deed, ID)
    assert first.event_id == again.event_id
    await do(world, room, deed, ID + "2")
    assert await world.files(room, 2) == [NAME, NAME]


async def test_a_file_that_its_channel_cannot_give_is_not_passed_on(world: World) -> None:
    room = await entered(world)
    with pytest.raises(SendError) as failed:
        await do(world, room, SendFile(replace(FROM_ELSEWHERE, place="nowhere")), ID)
    assert failed.value.failure is Failure.REFUSED


async def test_a_file_that_it_brought_can_be_read_by_another_channel(world: World) -> None:
    async with world.channel.open(await world.file()) as pieces:
        assert b"".join([piece async for piece in pieces]) == IN_THE_FILE


async def test_a_file_may_be_let_go_of_twice(world: World) -> None:
    deed = Discard(await world.file())
    for row in (ID, ID, ID + "2"):
        done = await do(world, None, deed, row)
        assert (done.event_id, done.room, done.entered, done.identity) == (None,) * 4


async def test_whoever_was_spoken_to_is_told_by_their_identity(world: World) -> None:
    room = await entered(world)
    said = await do(world, room, SendText("to you"), ID)
    changed = await do(world, room, EditText(said.event_id or "", "to you alone"), ID + "2")
    passed_on = await do(world, room, SendFile(await world.file()), ID + "3")
    assert [done.identity for done in (said, changed, passed_on)] == [world.identity] * 3
    await world.write(room, "tick me")
    arrival, _ = await world.box.next(Wrote, room)
    assert (await do(world, room, Tick(arrival.event_id), ID + "4")).identity is None


async def test_typing_is_seen(world: World) -> None:
    room = await entered(world)
    for on in (True, False):
        await world.channel.show_typing(lane(world, room), on=on)
        await world.typing(room, on=on)


async def test_a_tick_stands_once(world: World) -> None:
    room = await entered(world)
    await world.write(room, "tick me")
    arrival, _ = await world.box.next(Wrote, room)
    await do(world, room, Tick(arrival.event_id), ID)
    await do(world, room, Tick(arrival.event_id), ID)
    assert await world.marks(room, 1) == 1


async def test_a_room_that_is_gone_is_named_so(world: World) -> None:
    room = await entered(world)
    await world.close_room(room)
    with pytest.raises(SendError) as failed:
        await do(world, room, SendText("anybody?"), ID)
    assert failed.value.failure is Failure.GONE


@only(Can.HOST_STAFF)
async def test_a_room_is_made_once_however_often_it_is_tried(world: World) -> None:
    alias = f"{ALIAS}-{id(world)}"
    first = await do(world, None, MakeRoom(alias, "Notes 7F3K"), ID, Place.NOTES)
    again = await do(world, None, MakeRoom(alias, "Notes 7F3K"), ID, Place.NOTES)
    assert first.room
    assert first.room == again.room
    other = await do(world, None, MakeRoom(alias + "-2", "Notes 7F3K"), ID + "2", Place.NOTES)
    assert other.room != first.room


@only(Can.HOST_STAFF)
async def test_a_room_of_ours_is_restored_however_often(world: World) -> None:
    alias = f"{ALIAS}-{id(world)}"
    made = await do(world, None, MakeRoom(alias, "Notes 7F3K"), ID, Place.NOTES)
    for n in range(2):
        done = await do(world, made.room, Restore(), f"{ID}-{n}", Place.NOTES)
        assert (done.event_id, done.room, done.entered, done.identity) == (None,) * 4


@only(Can.HOST_STAFF)
async def test_an_identity_is_asked_for(world: World) -> None:
    done = await do(world, "!any:room", Identify(world.requester), ID, Place.QUEUE)
    assert done.identity == world.identity
    with pytest.raises(SendError) as failed:
        await do(world, "!any:room", Identify("@nobody:elsewhere.example"), ID + "2", Place.QUEUE)
    assert failed.value.failure is Failure.AWAY


# --- entering and leaving --------------------------------------------------------------------------------------------


async def test_entering_twice_is_well(world: World) -> None:
    room = await entered(world)
    assert (await do(world, room, Enter(), ID)).entered is Entered.SAFE


@only(Can.MOVE)
@pytest.mark.parametrize("third", [False, True])
async def test_a_conversation_goes_on_in_another_room_where_that_is_safe(world: World, third: bool) -> None:
    room = await entered(world)
    moved = await world.moved(third=third)
    await world.box.next(Invited, moved)
    done = await do(world, room, Follow(moved), ID)
    assert done.room == moved
    assert done.entered is (Entered.UNSAFE if third else Entered.SAFE)


@only(Can.CARRY_PLAIN)
async def test_an_unencrypted_room_is_left_after_one_notice(world: World) -> None:
    await is_left_after_one_notice(world, await world.room(encrypted=False))


async def test_a_room_of_three_is_left_after_one_notice(world: World) -> None:
    await is_left_after_one_notice(world, await world.room(third=True))


async def is_left_after_one_notice(world: World, room: str) -> None:
    await world.box.next(Invited, room)
    assert (await do(world, room, Enter(), ID)).entered is Entered.UNSAFE
    await do(world, room, Decline("write to me alone"), ID + "2")
    await world.left(room)
    await do(world, room, Decline("write to me alone"), ID + "2")
    assert await world.said(room, 1) == ["write to me alone"]


async def test_leaving_says_why_once(world: World) -> None:
    room = await entered(world)
    await do(world, room, Leave("somebody else came in"), ID)
    await world.left(room)
    await do(world, room, Leave("somebody else came in"), ID)
    assert await world.said(room, 1) == ["somebody else came in"]


def test_the_channel_is_named_and_says_which_device_it_is(world: World) -> None:
    assert world.channel.name
    assert world.channel.device


async def test_the_fingerprint_can_be_read_aloud(world: World) -> None:
    room = await entered(world)
    groups = world.channel.fingerprint(lane(world, room)).split(" ")
    assert len(groups) > 1
    assert all(1 <= len(group) <= 5 for group in groups)
