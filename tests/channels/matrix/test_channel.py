"""The assembled channel: what it does before it listens."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.channels.matrix.channel import MatrixChannel
from bot.channels.matrix.homeserver import HomeserverError
from bot.channels.matrix.listening import SignedOutError
from tests.channels.matrix.fake import Answering
from tests.channels.matrix.peer import BOT, Identity, opened
from tests.channels.matrix.running import Box

ANA = "@ana:localhost"


async def test_a_wrong_pin_is_said_when_the_bot_starts(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    ended = HomeserverError(401, "M_UNKNOWN_TOKEN")
    server = Answering({"POST keys/query": Identity(ANA).listed(), f"POST user/{BOT}/filter": ended})
    with opened(tmp_path) as guard:
        channel = MatrixChannel(server, guard, "A" * 43, {ANA: "B" * 43}, lambda: datetime.now(UTC))
        with pytest.raises(SignedOutError):
            await channel.listen(Box())
    assert [record.getMessage()[:22] for record in caplog.records] == ["1 of the listed people"]
