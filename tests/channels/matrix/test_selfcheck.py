"""What an administrator can be told about the bot's account, from the homeserver's answers alone."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from bot.channels.matrix.homeserver import Homeserver, HomeserverError
from bot.channels.matrix.identity import Own
from bot.channels.matrix.selfcheck import CURVE, MOST_SKEW, check_pins, check_rooms, self_check
from bot.channels.matrix.signing import MEGOLM
from tests.channels.matrix.fake import Answering, Loopback, serving
from tests.channels.matrix.peer import BOT, DEVICE_ID

ALICE, QUEUE = "@alice:localhost", "!queue:localhost"

WRONG = {"master-key", "self-signing-key", "device", "one-time-keys", "fallback-key", "secret-storage"}


class Account(Answering):
    """An account of which nothing is right but the token. `told` is the homeserver's clock."""

    def __init__(self, **answers: Any) -> None:
        super().__init__(
            {
                "GET account/whoami": {"user_id": BOT, "device_id": DEVICE_ID},
                "POST keys/query": {},
                "GET sync": {},
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


@pytest.mark.parametrize(
    "answer",
    [
        {"device_one_time_keys_count": 5, "device_unused_fallback_key_types": {"signed_curve25519": 1}},
        {"device_one_time_keys_count": {"signed_curve25519": "x"}, "device_unused_fallback_key_types": [[]]},
        {"device_one_time_keys_count": {"signed_curve25519": 0}, "device_unused_fallback_key_types": ["curve25519"]},
    ],
)
async def test_malformed_answers_are_no_reason_to_fail(answer: Any) -> None:
    assert await Account(**{"GET sync": answer, "POST keys/query": {"device_keys": 5}}).wrong() == WRONG


async def test_keys_in_stock_are_seen() -> None:
    stock = {"device_one_time_keys_count": {CURVE: 1}, "device_unused_fallback_key_types": [CURVE]}
    assert await Account(**{"GET sync": stock}).wrong() == WRONG - {"one-time-keys", "fallback-key"}


class Rooms(Answering):
    """Rooms that the bot is in; `settings` is each one's encryption."""

    def __init__(self, settings: Mapping[str, object], **answers: Any) -> None:
        state: dict[str, Any] = {"GET joined_rooms": {"joined_rooms": list(settings)}}
        for room, encryption in settings.items():
            state[f"GET rooms/{room}/state"] = HomeserverError(404, "M_NOT_FOUND")
            state[f"GET rooms/{room}/state/m.room.member"] = {"membership": "join"}
            state[f"GET rooms/{room}/state/m.room.encryption"] = encryption
        super().__init__({**state, **answers})

    async def wrong(self, queue: str = QUEUE) -> dict[str, Mapping[str, str]]:
        found = await check_rooms(self, Own(BOT, DEVICE_ID, token="t", master="A" * 43), queue)
        return {finding.code: finding.params for finding in found if not finding.good}


ENCRYPTED = {"algorithm": MEGOLM}
ABSENT = HomeserverError(404, "M_NOT_FOUND")


async def test_a_queue_room_as_it_must_be_is_well() -> None:
    assert await Rooms({QUEUE: ENCRYPTED}).wrong() == {}


async def test_what_is_wrong_with_the_queue_room_is_named() -> None:
    assert await Rooms({}, **{"GET directory/room": ABSENT}).wrong("#no:localhost") == {"queue-room": {}}
    outside = {f"GET rooms/{QUEUE}/state": HomeserverError(403, "M_FORBIDDEN")}
    assert await Rooms({}, **outside).wrong() == {"queue-joined": {}}
    assert set(await Rooms({QUEUE: ABSENT}).wrong()) == {"queue-encrypted", "clear-rooms"}


async def test_what_is_wrong_with_other_queue_rooms_is_counted() -> None:
    settings = {QUEUE: ENCRYPTED, "!good:localhost": ENCRYPTED, "!clear:localhost": ABSENT}
    outside = {"GET rooms/!outside:localhost/state": HomeserverError(403, "M_FORBIDDEN")}
    account = Rooms(settings, **{"GET directory/room": ABSENT}, **outside)
    own = Own(BOT, DEVICE_ID, token="t", master="A" * 43)
    others = ("!good:localhost", "!clear:localhost", "!outside:localhost", "#no:localhost")
    found = {finding.code: finding for finding in await check_rooms(account, own, QUEUE, others)}
    assert found["other-queue-rooms"].params == {"unknown": "1", "outside": "1", "clear": "1", "rooms": "4"}
    assert not found["other-queue-rooms"].good
    assert found["queue-room"].good
    assert {finding.code for finding in await check_rooms(account, own, QUEUE) if finding.good} >= {"queue-room"}


async def test_rooms_without_encryption_are_counted() -> None:
    others = {f"!{number}:localhost": ENCRYPTED if number % 3 else ABSENT for number in range(20)}
    left = {"!left:localhost": HomeserverError(403, "M_FORBIDDEN")}
    assert await Rooms({QUEUE: ENCRYPTED, **others, **left}).wrong() == {"clear-rooms": {"clear": "7", "rooms": "22"}}


async def test_pins_are_compared_and_who_cannot_be_asked_for_is_not_wrong() -> None:
    pins = {ALICE: "A" * 43, "@away:elsewhere": "A" * 43}
    found = await check_pins(Answering({"POST keys/query": {"device_keys": {ALICE: {}}}}), pins)
    assert (found.good, found.params, found.who) == (False, {"wrong": "1", "unasked": "1"}, (ALICE,))
    assert ALICE not in repr(found)
    assert (await check_pins(Answering({"POST keys/query": {"device_keys": 5}}), pins)).good


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
