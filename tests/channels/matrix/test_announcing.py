"""That the bot has a new device is told beside the first batch that is accepted, and then no more."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime

import pytest

from bot.channels.matrix.announcing import announcing
from bot.channels.matrix.identity import Own
from bot.happenings import Alarm, Alarmed, Batch, Typing
from tests.channels.matrix.peer import BOT
from tests.channels.matrix.running import Box, MemoryRecord

MOMENT = datetime(2026, 3, 1, tzinfo=UTC)
BATCH = Batch("matrix", "s1", ())


class Refusing(Box):
    async def accept(self, batch: Batch) -> None:
        raise OSError


def kept(*, unannounced: bool) -> MemoryRecord:
    record = MemoryRecord()
    record.write(asdict(Own(BOT, "NEW", complete=True, unannounced=unannounced)))
    return record


async def test_a_new_device_is_told_with_the_first_batch_only() -> None:
    record, box = kept(unannounced=True), Box()
    inbox = announcing(box, record, lambda: MOMENT)
    await inbox.accept(BATCH)
    await inbox.accept(BATCH)
    (told,) = box.arrivals
    assert (told.room, told.event_id, told.sender, told.at) == ("", "device/NEW", BOT, MOMENT)
    assert told.what == Alarmed(Alarm.NEW_DEVICE)
    assert announcing(box, record, lambda: MOMENT) is box
    assert await inbox.token("matrix") == "s1"
    typing = Typing("matrix", "!room:localhost", frozenset())
    await inbox.typing(typing)
    assert box.typings == [typing]


async def test_what_was_not_accepted_is_told_again() -> None:
    record, box = kept(unannounced=True), Box()
    with pytest.raises(OSError):  # noqa: PT011 - which error it is does not matter
        await announcing(Refusing(), record, lambda: MOMENT).accept(BATCH)
    await announcing(box, record, lambda: MOMENT).accept(BATCH)
    assert len(box.arrivals) == 1


async def test_a_first_device_is_no_news() -> None:
    box = Box()
    assert announcing(box, kept(unannounced=False), lambda: MOMENT) is box
