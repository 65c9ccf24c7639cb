"""The assembled channel: what it does before it listens, and beside it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.channels.matrix.channel import MatrixChannel
from bot.channels.matrix.homeserver import HomeserverError
from bot.channels.matrix.listening import SignedOutError
from bot.domain import Conversation, ConversationId, Place
from tests.channels.matrix.fake import Answering
from tests.channels.matrix.peer import BOT, Identity, opened
from tests.channels.matrix.running import Box

ANA = "@ana:localhost"
C = ConversationId("c")
TYPING = f"PUT rooms/!room:localhost/typing/{BOT}"


@contextmanager
def channel(folder: Path, server: Answering, pins: dict[str, str] | None = None) -> Iterator[MatrixChannel]:
    with opened(folder) as guard:
        yield MatrixChannel(server, guard, "A" * 42 + "B", pins or {}, lambda: datetime.now(UTC))


async def test_a_wrong_pin_is_said_when_the_bot_starts(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    ended = HomeserverError(401, "M_UNKNOWN_TOKEN")
    server = Answering({"POST keys/query": Identity(ANA).listed(), f"POST user/{BOT}/filter": ended})
    with channel(tmp_path, server, {ANA: "B" * 43}) as matrix, pytest.raises(SignedOutError):
        await matrix.listen(Box())
    assert [record.getMessage()[:22] for record in caplog.records] == ["1 of the listed people"]


async def test_the_fingerprint_is_the_master_key_in_groups_of_four(tmp_path: Path) -> None:
    with channel(tmp_path, Answering()) as matrix:
        lane = Conversation(C, "matrix", Place.REQUESTER, C, room="!room:localhost")
        assert matrix.fingerprint(lane) == "AAAA " * 10 + "AAB"


async def test_who_is_trusted_from_now_on_is_who_is_named_now(tmp_path: Path) -> None:
    identity = Identity(ANA)
    server = Answering({"POST keys/query": identity.listed()})
    with channel(tmp_path, server, {ANA: identity.master.public}) as matrix:
        matrix.trust({ANA: "B" * 43})
        alarms = await matrix._people.watch(())
        assert [alarm.who for _, alarm in alarms] == [ANA]


@pytest.mark.parametrize("on", [True, False])
async def test_typing_is_shown_and_stops_by_itself(tmp_path: Path, on: bool) -> None:
    server = Answering({TYPING: {}})
    with channel(tmp_path, server) as matrix:
        await matrix.show_typing(Conversation(C, "matrix", Place.RELAY, C, room="!room:localhost"), on=on)
    ((_, _, body),) = server.asked
    assert (body["typing"], body.get("timeout", 0) > 0) == (on, on)


async def test_typing_that_cannot_be_shown_is_of_no_account(tmp_path: Path) -> None:
    server = Answering({TYPING: HomeserverError(403, "M_FORBIDDEN")})
    with channel(tmp_path, server) as matrix:
        await matrix.show_typing(Conversation(C, "matrix", Place.RELAY, C, room="!room:localhost"), on=True)
        await matrix.show_typing(Conversation(C, "matrix", Place.RELAY, C), on=True)
    assert server.count("PUT") == 1
