"""What an administrator can be told about the bot's account, from the homeserver's answers alone."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from bot.channels.matrix.homeserver import Homeserver, HomeserverError
from bot.channels.matrix.identity import Own
from bot.channels.matrix.selfcheck import MOST_SKEW, self_check
from tests.channels.matrix.fake import Answering, Loopback, serving
from tests.channels.matrix.peer import BOT, DEVICE_ID

WRONG = {"master-key", "self-signing-key", "device", "one-time-keys", "secret-storage"}


class Account(Answering):
    """An account of which nothing is right but the token. `told` is the homeserver's clock."""

    def __init__(self, **answers: Any) -> None:
        super().__init__(
            {
                "GET account/whoami": {"user_id": BOT, "device_id": DEVICE_ID},
                "POST keys/query": {},
                "POST keys/upload": {"one_time_key_counts": {}},
                f"GET user/{BOT}/account_data": HomeserverError(404, "M_NOT_FOUND"),
                **answers,
            }
        )
        self.told: datetime | None = datetime.now(UTC)

    async def date(self) -> datetime | None:
        return self.told

    async def wrong(self) -> set[str]:
        found = await self_check(self, Own(BOT, DEVICE_ID, token="t", master="A" * 43))
        return {finding.code for finding in found if not finding.good}


async def test_each_part_that_is_missing_is_named() -> None:
    assert await Account().wrong() == WRONG


@pytest.mark.parametrize("answer", [{"one_time_key_counts": 5}, {"one_time_key_counts": {"signed_curve25519": "x"}}])
async def test_malformed_answers_are_no_reason_to_fail(answer: Any) -> None:
    assert await Account(**{"POST keys/upload": answer, "POST keys/query": {"device_keys": 5}}).wrong() == WRONG


@pytest.mark.parametrize(
    "answer", [HomeserverError(401, "M_UNKNOWN_TOKEN"), {"user_id": BOT, "device_id": "OTHER"}, {"user_id": "@a:b"}]
)
async def test_with_a_token_that_is_not_ours_nothing_else_is_asked(answer: Any) -> None:
    account = Account(**{"GET account/whoami": answer})
    assert await account.wrong() == {"token"}
    assert len(account.asked) == 1


@pytest.mark.parametrize("sign", [1, -1])
async def test_a_clock_that_differs_is_found(sign: int) -> None:
    account = Account()
    account.told = datetime.now(UTC) + sign * timedelta(seconds=MOST_SKEW + 10)
    assert await account.wrong() == WRONG | {"clock"}
    account.told = None
    assert await account.wrong() == WRONG


async def test_a_homeserver_that_fails_is_not_taken_for_a_wrong_account() -> None:
    with pytest.raises(HomeserverError):
        await Account(**{"GET account/whoami": HomeserverError(502)}).wrong()


@pytest.fixture
async def server() -> AsyncIterator[Loopback]:
    async with serving() as loopback:
        yield loopback


@pytest.mark.parametrize("told", ["nonsense", "", None])
async def test_the_homeservers_clock_is_read_where_it_tells_it(server: Loopback, told: str | None) -> None:
    moment = datetime(2026, 3, 1, 12, 30, tzinfo=UTC)
    homeserver = Homeserver(server.url)
    server.answer("{}", headers={"Date": format_datetime(moment, usegmt=True) if told is None else told})
    try:
        assert await homeserver.date() == (moment if told is None else None)
    finally:
        await homeserver.close()
