"""Who may read, who may command, and what people are told when that changes (laws 5 and 10)."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from mautrix.api import Method, Path

from bot.demo.helpline import Helpline
from bot.demo.person import Person
from bot.demo.shift import Shift
from bot.demo.walk import WHOLE
from tests.live.walking import hand_over, take

pytestmark = pytest.mark.asyncio(loop_scope="module")

ENGLISH = WHOLE[0]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def helpline() -> AsyncIterator[Helpline]:
    async with Helpline(leads=1) as helpline:
        yield helpline


async def told(person: Person, room: str, bot: str, holds: str) -> str:
    """Read on until the bot says what is waited for."""
    while True:
        message = await person.next_message(room)
        if message.sender == bot and holds in message.body:
            return message.body


def read_from_bot(person: Person, helpline: Helpline, room: str) -> list[str]:
    return [message.body for message in person.messages(room) if message.sender == helpline.bot_id]


async def test_an_account_that_is_put_into_the_queue_room_reads_nothing_and_is_reported(helpline: Helpline) -> None:
    lead = helpline.specialists[0]
    intruder = await helpline.person()
    await lead.invite(helpline.queue_room, intruder.user_id)
    await intruder.accept(helpline.queue_room)
    assert intruder.user_id in await told(lead, helpline.queue_room, helpline.bot_id, "not on the list")
    await intruder.send(helpline.queue_room, "!help")
    await told(lead, helpline.queue_room, helpline.bot_id, "list of staff")
    assert read_from_bot(intruder, helpline, helpline.queue_room) == []
    await intruder.leave(helpline.queue_room)


async def test_a_new_device_without_its_owners_signature_reads_nothing_and_is_reported(
    helpline: Helpline,
) -> None:
    lead = helpline.specialists[0]
    account = await helpline.synapse.register()
    newcomer = await helpline.device(account)
    await lead.send(helpline.queue_room, f"!staff add {newcomer.user_id}")
    asked = await told(lead, helpline.queue_room, helpline.bot_id, newcomer.master_key[:4])
    confirm = next(line for line in asked.splitlines() if line.startswith("!staff add"))
    await lead.send(helpline.queue_room, confirm)
    await told(lead, helpline.queue_room, helpline.bot_id, "list")
    await lead.invite(helpline.queue_room, newcomer.user_id)
    await newcomer.accept(helpline.queue_room)
    await newcomer.send(helpline.queue_room, "!help")
    await told(newcomer, helpline.queue_room, helpline.bot_id, "!claim")

    unsigned = await helpline.device(account, cross_sign=False)
    report = await told(lead, helpline.queue_room, helpline.bot_id, unsigned.device_id)
    assert newcomer.user_id in report
    await unsigned.until(lambda: helpline.queue_room in unsigned.rooms())
    await lead.send(helpline.queue_room, "!help")
    await told(newcomer, helpline.queue_room, helpline.bot_id, "!claim")
    await unsigned.send(helpline.queue_room, "!help")
    await told(lead, helpline.queue_room, helpline.bot_id, "list of staff")
    assert read_from_bot(unsigned, helpline, helpline.queue_room) == []

    await lead.send(helpline.queue_room, f"!staff remove {newcomer.user_id}")
    await told(lead, helpline.queue_room, helpline.bot_id, newcomer.user_id)
    before = len(read_from_bot(newcomer, helpline, helpline.queue_room))
    await lead.send(helpline.queue_room, "!help")
    await told(lead, helpline.queue_room, helpline.bot_id, "!claim")
    assert len(read_from_bot(newcomer, helpline, helpline.queue_room)) == before
    await newcomer.leave(helpline.queue_room)


async def test_specialists_are_told_of_a_new_identity_and_of_none(helpline: Helpline) -> None:
    account = await helpline.synapse.register()
    requester = await helpline.device(account)
    room = await hand_over(helpline, requester, ENGLISH)
    shift = Shift(helpline)
    await take(shift)
    await requester.replace_identity(account.password)
    await requester.send(room, "it is still me")
    assert shift.case in await told(shift.claimer, shift.relay, helpline.bot_id, "new identity")
    await shift.close()

    nobody = await helpline.person(cross_sign=False)
    await hand_over(helpline, nobody, ENGLISH)
    shift = Shift(helpline)
    await shift.card()
    assert "no identity" in await shift.vet()


async def test_upgraded_rooms_are_followed(helpline: Helpline) -> None:
    requester = await helpline.person()
    room = await hand_over(helpline, requester, ENGLISH)
    shift = Shift(helpline)
    await take(shift)

    answer = await requester.request(Method.POST, Path.v3.rooms[room].upgrade, {"new_version": "12"})
    newer = str(answer["replacement_room"])
    await requester.until(lambda: newer in requester.rooms())
    await requester.invite(newer, helpline.bot_id)
    await requester.joined(newer, helpline.bot_id)
    await shift.claimer.send(shift.relay, "are you there?")
    assert (await requester.next_message(newer)).body == "are you there?"
    await requester.send(newer, "here")
    await shift.read_until(shift.claimer, "relay", shift.relay, "here")
    await shift.close()

    lead, *others = helpline.specialists
    answer = await lead.request(Method.POST, Path.v3.rooms[helpline.queue_room].upgrade, {"new_version": "12"})
    helpline.queue_room = str(answer["replacement_room"])
    await lead.until(lambda: helpline.queue_room in lead.rooms())
    for person in (helpline.bot_id, *(other.user_id for other in others)):
        await lead.invite(helpline.queue_room, person)
    for other in others:
        await other.accept(helpline.queue_room)
    await told(lead, helpline.queue_room, helpline.bot_id, "followed")
    await lead.send(helpline.queue_room, "!help")
    await told(lead, helpline.queue_room, helpline.bot_id, "!claim")
    await helpline.stop_bot()
    await helpline.start_bot()  # with the room of before in its config
    await lead.send(helpline.queue_room, "!help")
    await told(lead, helpline.queue_room, helpline.bot_id, "!claim")


async def test_a_setting_of_the_queue_room_that_is_changed_is_told(helpline: Helpline) -> None:
    lead = helpline.specialists[0]
    await lead.set_state(helpline.queue_room, "m.room.join_rules", {"join_rule": "public"})
    await told(lead, helpline.queue_room, helpline.bot_id, "come in")
