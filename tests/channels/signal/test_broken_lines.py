"""Broken lines by the thousand, each between two good ones: none of the good ones is lost, and nothing stops."""

from __future__ import annotations

import json
import random
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.channels.database import open_database
from bot.channels.signal.channel import Settings, SignalChannel
from bot.channels.signal.spool import Spooled
from bot.happenings import Arrival, Wrote
from tests.channels.signal.recorded import SUBSCRIBED, received
from tests.channels.signal.running import KEY
from tests.channels.signal.test_envelopes import mutated
from tests.signald.handle import Signald

GOOD = "6f1c2f44-2222-4c1d-8c1a-2f6a8a7b0002"


def good(number: int) -> bytes:
    body = {"sourceUuid": GOOD, "timestamp": 1_751_000_000_000 + number, "dataMessage": {"message": f"good {number}"}}
    return SUBSCRIBED.format(json.dumps({"envelope": body})).encode()


@pytest.mark.parametrize("count", [2_000, pytest.param(100_000, marks=pytest.mark.soak)])
async def test_broken_lines_stop_nothing_and_lose_no_good_one(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, count: int
) -> None:
    chance = random.Random(count)
    whole = list(received().values())
    database = open_database(tmp_path / "signal.db", KEY)
    database.execute("pragma synchronous = off")  # nobody kills this one, and the disk is slow
    taken: list[Arrival] = []
    async with Signald(tmp_path) as signald:
        settings = Settings(signald.socket, signald.account, signald.data / "attachments")
        channel = SignalChannel(settings, tmp_path, database, lambda: datetime.now(UTC))
        reader = channel._listener._reader
        for number in range(count):
            lines = [mutated(chance.choice(whole), chance), good(number)]
            read = await reader.read([Spooled(2 * number + 1 + n, line) for n, line in enumerate(lines)])
            assert read.position == 2 * number + 2
            reader.accepted(read)
            taken += [
                arrival for arrival in read.arrivals if arrival.sender == GOOD and isinstance(arrival.what, Wrote)
            ]
            caplog.clear()
        counts = channel.counts()
        await channel.close()
    assert [arrival.what.text for arrival in taken] == [f"good {number}" for number in range(count)]
    assert counts.get("not understood by a fault of ours") is None
