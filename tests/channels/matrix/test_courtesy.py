"""Receipts and typing: after what counts, the newest only, and lost without harm."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest

from bot.channels import courtesy as courtesy_module
from bot.channels.matrix.courtesy import Courtesy
from bot.channels.matrix.homeserver import HomeserverError
from bot.happenings import Arrival, Batch, Cause, Happening, Joined, Typing, Unreadable, Wrote
from tests.channels.matrix.fake import Answering

ROOM, OTHER = "!room:localhost", "!other:localhost"


class Heard:
    """An inbox that notes who is writing."""

    def __init__(self) -> None:
        self.typing_in: asyncio.Queue[Typing] = asyncio.Queue()

    async def accept(self, batch: Batch) -> None:
        raise AssertionError

    async def token(self, channel: str) -> str | None:
        raise AssertionError

    async def typing(self, typing: Typing) -> None:
        self.typing_in.put_nowait(typing)


@pytest.fixture
async def server(monkeypatch: pytest.MonkeyPatch) -> Answering:
    monkeypatch.setattr(courtesy_module, "RECEIPT_SECONDS", 0.0)
    return Answering({"POST rooms/": {}})


@pytest.fixture
async def courtesy(server: Answering) -> AsyncIterator[Courtesy]:
    courtesy = Courtesy(server)
    yield courtesy
    await courtesy.stop()


def arrival(event_id: str, what: Happening, room: str = ROOM) -> Arrival:
    return Arrival("matrix", room, event_id, "@ana:localhost", datetime(2026, 1, 5, tzinfo=UTC), what)


async def settled(courtesy: Courtesy) -> None:
    await asyncio.gather(*courtesy._tasks.values())


def receipts(server: Answering) -> set[str]:
    return {path for _, path, _ in server.asked}


async def test_the_newest_message_of_each_room_gets_a_receipt(server: Answering, courtesy: Courtesy) -> None:
    courtesy.read([arrival("$1", Wrote("a")), arrival("$2", Wrote("b")), arrival("$3", Wrote("c"), OTHER)])
    courtesy.read([arrival("$4/read", Wrote("late"))])
    await settled(courtesy)
    assert receipts(server) == {f"rooms/{ROOM}/receipt/m.read/$4", f"rooms/{OTHER}/receipt/m.read/$3"}


async def test_what_was_not_read_gets_none(server: Answering, courtesy: Courtesy) -> None:
    courtesy.read([arrival("$1", Unreadable(Cause.NO_KEY)), arrival("$2", Joined())])
    await settled(courtesy)
    assert server.asked == []


async def test_a_receipt_that_fails_takes_no_other_with_it(server: Answering, courtesy: Courtesy) -> None:
    server.answers[f"POST rooms/{OTHER}"] = HomeserverError(500)
    courtesy.read([arrival("$1", Wrote("a")), arrival("$2", Wrote("b"), OTHER)])
    await settled(courtesy)
    assert len(receipts(server)) == 2
    courtesy.read([arrival("$3", Wrote("c"))])
    await settled(courtesy)
    assert f"rooms/{ROOM}/receipt/m.read/$3" in receipts(server)


async def test_the_inbox_hears_who_is_writing(courtesy: Courtesy) -> None:
    inbox = Heard()
    news = Typing("matrix", ROOM, frozenset({"@ana:localhost"}))
    courtesy.tell(inbox, [Typing("matrix", ROOM, frozenset()), news])
    assert await inbox.typing_in.get() == news
    await settled(courtesy)
    courtesy.tell(inbox, [Typing("matrix", OTHER, frozenset())])
    assert (await inbox.typing_in.get()).room == OTHER
    assert inbox.typing_in.empty()
