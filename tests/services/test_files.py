"""A file is kept while anything names it, and erased when nothing does: never before, and never not (law 1, law 3)."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.deeds import Discard, Leave, OutgoingMessage, SendFile, SendText
from bot.domain import Attachment
from bot.flow.session import files as held_by
from bot.happenings import Attached, Danger, Endangered, Invited, Joined, Left, Moved
from bot.ports import Channel, Failure, SendError, Store
from bot.services import intake, reception
from bot.services.desk import Desk
from bot.testing import MemoryChannel
from tests.services.test_words import WITH_FILE
from tests.services.world import (
    CLAIMER,
    FILE,
    OTHER_ROOM,
    QUEUE,
    REQUESTER,
    ROOM,
    STRANGER,
    VETTER,
    WALK,
    World,
    content,
)

WALK_WITHOUT = (*WALK[:6], "skip", "3", "2", "1")  # to the handoff
TO_FILE = WALK[:6]  # to the question that asks for one
ENGINE, TEXTS = content(main=WITH_FILE)


class WithFiles(World):
    """A world in which people send files, none of which is like another."""

    def __init__(self) -> None:
        super().__init__(engine=ENGINE, texts=TEXTS)
        self.sent: list[Attachment] = []

    async def file(self, room: str = ROOM, sender: str = REQUESTER, *, signed: bool = False) -> Attachment:
        """Somebody sends a file."""
        file = replace(FILE, place=f"file {len(self.sent)}")
        self.sent.append(file)
        await self.happen(room, sender, Attached(file, signed))
        return file

    async def wait(self, time: timedelta) -> None:
        """The time passes, and everything happens that was due."""
        self.clock.advance(time)
        assert self.desk is not None
        self.desk.look_again()
        await self.until(lambda: self.memory.transact(lambda tx: not tx.timers.due(self.clock.now())))
        await self.quiet()

    @property
    def erased(self) -> list[Attachment]:
        return self.server.discarded

    async def named(self) -> list[Attachment]:
        """The files that are named in what is stored."""
        return list(await self.memory.transact(self._named))

    async def owed(self) -> list[Attachment]:
        """The files that are to be erased, once what was said before has been sent."""
        return [message.deed.attachment for message in await self.rows() if isinstance(message.deed, Discard)]

    async def rows(self) -> list[OutgoingMessage]:
        """What is still to be done."""
        return await self.memory.transact(lambda tx: list(tx.journal._state.outbox.values()))

    @staticmethod
    def _named(tx: Any) -> Iterator[Attachment]:
        state = tx.journal._state  # the fake's own, all of it: no port shows what nobody is to see
        for _, arrival in state.journal.values():
            if arrival is not None and isinstance(arrival.what, Attached):
                yield arrival.what.attachment
        for session in state.sessions.values():
            yield from held_by(session)
        entries = state.entries.rows.values()
        yield from (entry.said for entry in entries if isinstance(entry.said, Attachment))
        for case in state.cases.values():
            yield from (answer.file for answer in case.answers if answer.file is not None)
        for message in state.outbox.values():
            if isinstance(message.deed, SendFile):
                yield message.deed.attachment

    async def all_is_well(self) -> None:
        """What is named is there, and nothing else is."""
        named, gone = await self.named(), [*self.erased, *await self.owed()]
        assert len(gone) == len(set(gone))
        assert {*named, *gone} == set(self.sent)
        assert not set(named) & set(gone)


MOVES = st.sampled_from(
    [
        *["file"] * 4,
        "1",
        "2",
        "words",
        "back",
        "menu",
        "person",
        "stop",
        "forget",
        "exit",
        "skip",
        "vet pending",
        "vet passed",
        "vet passed",
        "vet declined",
        "claim",
        "claim",
        "close",
        "staff file",
        "unsigned file",
        "stranger's file in the relay room",
        "file among staff",
        "claimer leaves",
        "claimer comes",
        "gone",
        "refused",
        "away",
        "unsafe",
        "restart",
        "a week",
    ]
)


@settings(max_examples=200, deadline=None)
@given(st.sampled_from([0, 6, 10, 12]), st.lists(MOVES, min_size=5, max_size=25))
def test_whatever_people_do_a_file_is_there_while_it_is_named_and_erased_when_it_is_not(
    begun: int, moves: list[str]
) -> None:
    asyncio.run(_files_are_there_while_they_are_named(begun, moves))


BEGINNING = [*TO_FILE, "file", "3", "1", "1", "vet passed", "claim"]  # to the claim, with a file for an answer


async def _files_are_there_while_they_are_named(begun: int, moves: list[str]) -> None:
    async with WithFiles() as world:
        await world.happen(ROOM, REQUESTER, Invited())
        for move in BEGINNING[:begun]:
            await _do(world, move)
        for move in [*moves, "forget", "1", "forget", "1"]:
            await _do(world, move)
            await world.all_is_well()
        world.server.broken.clear()
        await world.wait(timedelta(days=9))
        await world.all_is_well()
        assert await world.owed() == []


async def _do(world: WithFiles, move: str) -> None:
    number = (await world.conversation()).case
    relay = next((room for room in _rooms(world, "To requester")), None)
    match move:
        case "file":
            await world.file()
        case "staff file" if relay:
            await world.file(relay, CLAIMER, signed=True)
        case "unsigned file" if relay:
            await world.file(relay, CLAIMER)
        case "stranger's file in the relay room" if relay:
            await world.file(relay, STRANGER, signed=True)
        case "file among staff":
            await world.file(QUEUE, VETTER, signed=True)
        case "claimer leaves" | "claimer comes" if relay:
            await world.happen(relay, CLAIMER, Left() if move == "claimer leaves" else Joined())
        case "gone" | "refused":
            failure = Failure.GONE if move == "gone" else Failure.REFUSED
            world.server.fails_at[SendFile] = SendError(failure)
            await world.file()
            await world.file(relay or QUEUE, CLAIMER, signed=True)
            world.server.fails_at.clear()
        case "away":
            world.server.fails_at[SendFile] = SendError(Failure.AWAY)
            await world.file()
            await world.file(relay or QUEUE, CLAIMER, signed=True)
            await world.all_is_well()
            world.server.fails_at.clear()
        case "unsafe":
            await world.happen(ROOM, STRANGER, Endangered(Danger.THIRD_MEMBER))
        case "restart":
            await world.restart()
        case "a week":
            await world.wait(timedelta(days=7))
        case "vet pending" | "vet passed" | "vet declined" | "claim" | "close" if number:
            await world.command(f"!{move} {number}", CLAIMER)
        case _:
            await world.write(ROOM, REQUESTER, move)


def _rooms(world: World, name: str) -> Iterator[str]:
    try:
        yield world.made(name)
    except IndexError:
        return


# --- where no walk comes ---------------------------------------------------------------------------------------------


async def test_a_file_whose_step_fails_is_erased(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intake, "RETRY_SECONDS", 0.001)
    async with WithFiles() as world:
        await world.walk(TO_FILE)
        monkeypatch.setattr(reception, "take", lambda *_: 1 / 0)
        assert world.erased == [await world.file()]


async def test_a_file_of_a_session_whose_timer_fails_is_erased(monkeypatch: pytest.MonkeyPatch) -> None:
    async with WithFiles() as world:
        await world.walk(TO_FILE)
        file = await world.file()
        monkeypatch.setattr(reception, "time_out", lambda *_: 1 / 0)
        await world.wait(timedelta(days=9))
        assert world.erased == [file]


async def test_a_file_of_a_conversation_that_steps_aside_is_erased() -> None:
    async with WithFiles() as world:
        await world.walk(TO_FILE, OTHER_ROOM)
        file = await world.file(OTHER_ROOM)
        await world.walk(TO_FILE)
        await world.happen(ROOM, REQUESTER, Moved(OTHER_ROOM))
        assert world.erased == [file]


async def test_a_file_of_a_third_person_and_of_whom_the_bot_leaves_is_erased() -> None:
    async with WithFiles() as world:
        await world.walk(TO_FILE)
        world.server.fails_at[Leave] = SendError(Failure.AWAY)
        await world.file(ROOM, STRANGER)
        await world.file()
        assert [type(row.deed) for row in await world.rows()] == [Leave, Discard, Discard]
        world.server.fails_at.clear()
        await world.wait(timedelta(minutes=2))
        assert world.erased == world.sent


async def test_what_was_to_be_erased_is_erased_though_all_else_is_taken_back() -> None:
    async with WithFiles() as world:
        await world.walk(TO_FILE[:3])
        world.server.fails_at[SendText] = SendError(Failure.AWAY)
        await world.file()
        await world.file()
        assert [type(row.deed) for row in await world.rows()] == [SendText, Discard]
        await world.happen(ROOM, STRANGER, Endangered(Danger.THIRD_MEMBER))
        assert await world.rows() == []
        assert world.erased == world.sent


# --- across channels -------------------------------------------------------------------------------------------------

IN_IT = b"what is in the letter"
ELSEWHERE = replace(FILE, channel="elsewhere")


class WithTwo(WithFiles):
    """Beside the first channel there is another one that brought files."""

    def __init__(self) -> None:
        super().__init__()
        self.other = MemoryChannel("elsewhere")
        self.other.files[ELSEWHERE.place] = IN_IT

    def build(self, store: Store | None = None, channel: Channel | None = None) -> Desk:
        return Desk(
            store=self.memory,
            channels=[self.server, self.other],
            releases=self.releases,
            staff=self.staff,
            clock=self.clock,
            chance=self.chance,
        )


async def test_a_file_is_read_where_it_came_from_and_erased_there_with_its_case() -> None:
    async with WithTwo() as world:
        await world.walk(WALK_WITHOUT)
        await world.happen(ROOM, REQUESTER, Attached(ELSEWHERE))
        number = (await world.case()).number
        assert world.other.discarded == []
        await world.command(f"!vet passed {number}")
        await world.command(f"!claim {number}", CLAIMER)
        assert world.files(world.relay) == [ELSEWHERE]
        assert list(world.server.read.values()) == [IN_IT]
        assert world.other.discarded == [], "whoever comes into the case later needs it too"
        await world.command(f"!close {number}", CLAIMER)
        await world.wait(timedelta(days=90))
        assert (world.other.discarded, world.server.discarded) == ([ELSEWHERE], [])


async def test_what_a_channel_cannot_erase_now_is_erased_later() -> None:
    async with WithTwo() as world:
        await world.walk(TO_FILE)
        world.other.fail(SendError(Failure.AWAY), SendError(Failure.LIMITED, retry_after=5))
        await world.happen(QUEUE, VETTER, Attached(ELSEWHERE))
        for _ in range(2):
            await world.wait(timedelta(minutes=2))
        assert world.other.discarded == [ELSEWHERE]


async def test_a_file_that_cannot_be_erased_holds_nobody_up() -> None:
    async with WithTwo() as world:
        await world.walk(TO_FILE)
        world.other.fail(SendError(Failure.REFUSED))
        await world.happen(ROOM, REQUESTER, Attached(ELSEWHERE))
        await world.write(ROOM, REQUESTER, "back")
        await world.write(ROOM, REQUESTER, "forget")
        await world.write(ROOM, REQUESTER, "1")
        assert await world.rows() == []
        assert world.other.discarded == []


async def test_a_file_of_a_channel_that_is_no_more_is_kept_and_staff_are_told() -> None:
    async with WithFiles() as world:
        await world.walk(WALK_WITHOUT)
        number = (await world.case()).number
        await world.command(f"!vet passed {number}")
        await world.command(f"!claim {number}", CLAIMER)
        await world.happen(ROOM, REQUESTER, Attached(ELSEWHERE))
        assert await world.named() == [ELSEWHERE]
        assert TEXTS.say("staff.relay_lost", "en", {"case": number}) in world.said(QUEUE)
        await world.happen(QUEUE, VETTER, Attached(ELSEWHERE))
        assert await world.rows() == []
