"""The whole way with the real bot, while a stranger or a homeserver does what they can against it (laws 7 and 11)."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from bot.demo.helpline import Helpline
from bot.demo.shift import Shift
from bot.demo.walk import WHOLE
from tests.live.forge import Forger, malformed
from tests.live.walking import hand_over, take

NOTE = "between-ourselves-4712"
KINDS = ("m.room_key", "m.forwarded_room_key", "m.room_key_request", "m.key.verification.request", "m.dummy")


@pytest.fixture
async def helpline() -> AsyncIterator[Helpline]:
    async with Helpline() as helpline:
        yield helpline


async def pester(helpline: Helpline) -> None:
    """A stranger sends the bot's device one to-device message of every wrong kind."""
    account = await helpline.synapse.register()
    async with await Forger.login(helpline.synapse.url, account) as stranger:
        ((device_id, device),) = (await stranger.devices(helpline.bot_id)).items()
        for content in malformed(device["keys"][f"curve25519:{device_id}"]).values():
            assert await stranger.to_device("m.room.encrypted", helpline.bot_id, content) == 200
        for kind in KINDS:
            await stranger.to_device(kind, helpline.bot_id, {"anything": [1, {"x": None}]})
        for plaintext in ("", "[]", await stranger.payload(helpline.bot_id, device_id, "m.room_key", {})):
            sealed = await stranger.seal(helpline.bot_id, device_id, plaintext)
            await stranger.to_device("m.room.encrypted", helpline.bot_id, sealed)


async def test_a_stranger_who_sends_every_malformed_message_stops_no_case(helpline: Helpline) -> None:
    process = helpline.bot_pid
    await pester(helpline)
    requester = await helpline.person()
    room = await hand_over(helpline, requester, WHOLE[0])
    shift = Shift(helpline)
    await take(shift)
    await pester(helpline)
    await shift.claimer.send(shift.relay, "Good evening.")
    assert (await requester.next_message(room)).body == "Good evening."
    await requester.send(room, "I am here")
    await shift.read_until(shift.claimer, "relay", shift.relay, "I am here")
    await shift.close()
    assert shift.case in (await requester.next_message(room)).body
    assert [entry for person in (requester, *helpline.specialists) for entry in person.undecrypted()] == []
    assert helpline.bot_pid == process is not None
    log = helpline.log.read_text()
    assert "could not be used" in log  # it did get there
    assert "Traceback" not in log


async def test_a_note_with_a_forged_relation_into_the_relay_room_stays_a_note(helpline: Helpline) -> None:
    requester = await helpline.person()
    room = await hand_over(helpline, requester, WHOLE[0])
    shift = Shift(helpline)
    await take(shift)
    answer = await shift.claimer.send(shift.relay, "first answer")
    assert (await requester.next_message(room)).body == "first answer"
    await requester.send(room, "a question")
    asked = (await shift.read_until(shift.claimer, "relay", shift.relay, "a question")).event_id
    note = {"msgtype": "m.text", "body": NOTE}
    for event_id in (answer, asked):
        # an honest Synapse refuses a thread or an edit whose `event_id` is another room's: these it lets through
        for relation in (
            {"m.in_reply_to": {"event_id": event_id}},
            {"rel_type": "m.thread", "m.in_reply_to": {"event_id": event_id}, "is_falling_back": True},
            {"rel_type": "m.replace", "m.in_reply_to": {"event_id": event_id}},
        ):
            outside = {"m.relates_to": relation, "m.new_content": note, "room_id": shift.relay}
            sealed = await shift.claimer.encrypt(shift.notes, "m.room.message", note, outside)
            await shift.claimer.raw(shift.notes, "m.room.encrypted", sealed)
    await shift.claimer.send(shift.relay, "second answer")
    assert (await requester.next_message(room)).body == "second answer"
    relay = shift.relay
    await shift.close()
    assert shift.case in (await requester.next_message(room)).body  # whatever was said in the notes was read before
    assert not any(NOTE in message.body for message in requester.messages(room))
    assert not any(NOTE in message.body for message in shift.claimer.messages(relay))
    assert helpline.bot_pid is not None
