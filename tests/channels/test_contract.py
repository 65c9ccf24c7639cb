"""What every channel promises the services: one contract, for the fake in memory and for Matrix on a real Synapse."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

import pytest

from bot.demo.person import Person
from bot.demo.rooms import Message
from bot.demo.synapse import Synapse
from bot.domain import (
    Arrival,
    Cause,
    Conversation,
    ConversationId,
    Decline,
    Deed,
    Enter,
    Invited,
    Leave,
    Left,
    MakeRoom,
    OutgoingMessage,
    Place,
    SendText,
    Tick,
    Unreadable,
    Wrote,
)
from bot.ports import Channel, Done, Entered, Failure, SendError
from bot.testing import MemoryChannel
from tests.channels.matrix.running import Bot, Box
from tests.live.conftest import People

ID = "an-outbox-row"
ALIAS = "vestibule-contract"


class World(Protocol):
    """A channel, and the people at its other end."""

    box: Box

    @property
    def channel(self) -> Channel: ...

    async def room(self, *, encrypted: bool = True, third: bool = False) -> str:
        """A requester asks the bot into a room of theirs."""

    async def write(self, room: str, text: str) -> None:
        """The requester writes."""

    async def write_plain(self, room: str, text: str) -> None:
        """The requester writes without encryption."""

    async def said(self, room: str, count: int) -> list[str]:
        """What the requester read in the room, when there were so many messages."""

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
        self.box = Box()
        self._listening = asyncio.create_task(self.channel.listen(self.box))
        self._count = 0

    def _bring(self, room: str, what: Any, sender: str = "@requester:memory") -> None:
        self._count += 1
        self.channel.bring(Arrival("memory", room, f"$in{self._count}", sender, datetime.now(UTC), what))

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


@pytest.fixture(params=["memory", "matrix"])
async def world(
    request: pytest.FixtureRequest, tmp_path: Path, synapse: Synapse, people: People
) -> AsyncIterator[World]:
    if request.param == "memory":
        made: InMemory | OnMatrix = InMemory()
    else:
        made = OnMatrix(await Bot.make(synapse, tmp_path), await people(), await people())
    yield made
    await made.stop()


def lane(room: str | None, place: Place = Place.REQUESTER) -> Conversation:
    name = ConversationId(f"conversation in {room}")
    return Conversation(name, "any", place, name, room=room)


async def do(world: World, room: str | None, deed: Deed, row: str, place: Place = Place.REQUESTER) -> Done:
    conversation = lane(room, place)
    return await world.channel.perform(conversation, OutgoingMessage(row, conversation.id, deed))


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


async def test_a_room_is_made_once_however_often_it_is_tried(world: World) -> None:
    alias = f"{ALIAS}-{id(world)}"
    first = await do(world, None, MakeRoom(alias, "Notes 7F3K"), ID, Place.NOTES)
    again = await do(world, None, MakeRoom(alias, "Notes 7F3K"), ID, Place.NOTES)
    assert first.room
    assert first.room == again.room
    other = await do(world, None, MakeRoom(alias + "-2", "Notes 7F3K"), ID + "2", Place.NOTES)
    assert other.room != first.room


# --- entering and leaving --------------------------------------------------------------------------------------------


async def test_entering_twice_is_well(world: World) -> None:
    room = await entered(world)
    assert (await do(world, room, Enter(), ID)).entered is Entered.SAFE


@pytest.mark.parametrize("wrong", ["unencrypted", "three"])
async def test_an_unsafe_room_is_left_after_one_notice(world: World, wrong: str) -> None:
    room = await world.room(encrypted=wrong != "unencrypted", third=wrong == "three")
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
