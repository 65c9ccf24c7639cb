"""What a client can do beside sending words: keys that come late, changes, files, removals, typing, receipts."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from mautrix.types import EventType

from bot.demo.helpline import Helpline
from bot.demo.person import Person
from bot.demo.shift import Shift
from bot.demo.walk import WHOLE
from tests.live.walking import hand_over, take

pytestmark = pytest.mark.asyncio(loop_scope="module")

ENGLISH = WHOLE[0]
WORDS = 8  # the place of the first answer in the requester's own words
PICTURE = b"\x89PNG no picture, but nobody on the way will look"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def helpline() -> AsyncIterator[Helpline]:
    async with Helpline() as helpline:
        yield helpline


class KeysKeptBack:
    """A client whose room keys do not leave it until it is told to let them go."""

    def __init__(self, person: Person) -> None:
        self._client: Any = person.client
        self._send = self._client.send_to_device
        self._kept: list[tuple[Any, ...]] = []
        self._client.send_to_device = self._keep

    async def _keep(self, *arguments: Any) -> None:
        self._kept.append(arguments)

    async def let_go(self) -> None:
        self._client.send_to_device = self._send
        for arguments in self._kept:
            await self._send(*arguments)


async def asked_for_words(helpline: Helpline, requester: Person) -> str:
    """The requester answers all that comes before the first question in their own words; their room."""
    room = await requester.invite_to_new_room(helpline.bot_id)
    for answer in ENGLISH.answers[:WORDS]:
        await requester.send(room, answer)
        await requester.next_message(room)
    return room


async def new_key(person: Person, room: str) -> None:
    """What the person says next is encrypted with a key that nobody has yet."""
    await person._machine.forget_session(room)


async def test_words_whose_key_comes_late_are_taken_where_the_conversation_stands(helpline: Helpline) -> None:
    requester = await helpline.person()
    room = await asked_for_words(helpline, requester)
    await new_key(requester, room)
    kept = KeysKeptBack(requester)
    await requester.send(room, ENGLISH.answers[WORDS])
    await requester.send(room, "and one more thing")
    told = await requester.next_message(room)
    assert "could not open" in told.body
    await helpline.stop_bot(kill=True)  # what waits for its key must not be lost with the process
    await helpline.start_bot()
    await kept.let_go()
    asked = await requester.next_message(room)
    assert "1." in asked.body  # how urgent it is: the next question
    heard = len(requester.messages(room))
    await requester.send(room, ENGLISH.answers[WORDS + 1])
    await requester.next_message(room)
    assert "could not open" not in "".join(m.body for m in requester.messages(room)[heard:])


async def test_a_key_that_is_withheld_is_told_with_its_cause(helpline: Helpline) -> None:
    requester = await helpline.person()
    room = await asked_for_words(helpline, requester)
    await new_key(requester, room)
    kept = KeysKeptBack(requester)
    content = await requester.encrypt(room, "m.room.message", {"msgtype": "m.text", "body": "hello"})
    device = next(iter((await requester.keys_of(helpline.bot_id))["device_keys"][helpline.bot_id]))
    withheld = {
        "algorithm": "m.megolm.v1.aes-sha2",
        "code": "m.unverified",
        "reason": "not verified",
        "room_id": room,
        "sender_key": content["sender_key"],
        "session_id": content["session_id"],
    }
    path = EventType.find("m.room_key.withheld", EventType.Class.TO_DEVICE)
    await kept._send(path, {helpline.bot_id: {device: withheld}})
    await requester.raw(room, "m.room.encrypted", content)
    told = await requester.next_message(room)
    assert "verified" in told.body
    assert "fingerprint" in told.body
    await kept.let_go()


async def test_the_fingerprint_is_told_and_step_by_step_verification_declined(helpline: Helpline) -> None:
    requester = await helpline.person()
    room = await asked_for_words(helpline, requester)
    await requester.send(room, "fingerprint")
    told = await requester.next_message(room)
    master = (await requester.keys_of(helpline.bot_id))["master_keys"][helpline.bot_id]["keys"]
    fingerprint = next(iter(master.values()))
    assert fingerprint in told.body.replace(" ", "")
    ask = {
        "msgtype": "m.key.verification.request",
        "body": "asks to verify",
        "from_device": requester.device_id,
        "methods": ["m.sas.v1"],
        "to": helpline.bot_id,
    }
    await requester.raw(room, "m.room.encrypted", await requester.encrypt(room, "m.room.message", ask))
    told = await requester.next_message(room)
    assert fingerprint in told.body.replace(" ", "")


async def test_a_changed_answer_is_offered_as_a_change(helpline: Helpline) -> None:
    requester = await helpline.person()
    room = await asked_for_words(helpline, requester)
    first = await requester.send(room, "I cannot get into my account")
    await requester.next_message(room)
    await requester.edit(room, first, "I cannot get into my account since May")
    assert "changed an earlier message" in (await requester.next_message(room)).body
    await requester.send(room, "yes")
    await requester.next_message(room)
    for answer in ENGLISH.answers[WORDS + 1 : -1]:
        await requester.send(room, answer)
        reviewed = await requester.next_message(room)
    assert "since May" in reviewed.body


async def test_all_that_people_send_goes_across(helpline: Helpline) -> None:
    requester = await helpline.person()
    room = await hand_over(helpline, requester, ENGLISH)
    shift = Shift(helpline)
    waiting = await requester.send_file(room, PICTURE, "before.png", mime="image/png", msgtype="m.image")
    assert waiting
    await requester.next_message(room)  # it is kept for whoever takes the case
    await take(shift)
    claimer = shift.claimer

    async def file_from(person: Person, at: str) -> Any:
        while True:
            message = await person.next_message(at)
            if "file" in message.content:
                return message

    kept = await file_from(claimer, shift.relay)
    assert await claimer.fetch(kept) == PICTURE
    assert kept.content["msgtype"] == "m.image"
    await requester.send_file(room, PICTURE, "../../etc/later.ogg", mime="audio/ogg", msgtype="m.audio")
    later = await file_from(claimer, shift.relay)
    assert await claimer.fetch(later) == PICTURE
    assert "/" not in later.body
    await claimer.send_file(shift.relay, b"how to", "guide.pdf", mime="application/pdf")
    assert await requester.fetch(await file_from(requester, room)) == b"how to"

    said = await requester.send(room, "at noon")
    await shift.read_until(claimer, "relay", shift.relay, "at noon")
    await requester.edit(room, said, "at one")
    changed = await claimer.next_message(shift.relay)
    assert changed.content["m.new_content"]["body"] == "at one"
    await requester.redact(room, said)
    hidden = await claimer.next_message(shift.relay)
    assert hidden.content["m.relates_to"] == changed.content["m.relates_to"]
    assert "removed" in hidden.content["m.new_content"]["body"]
    answer = await claimer.send(shift.relay, "call me")
    assert (await requester.next_message(room)).body == "call me"
    await claimer.edit(shift.relay, answer, "write to me")
    assert (await requester.next_message(room)).content["m.new_content"]["body"] == "write to me"

    await claimer.show_typing(shift.relay)
    await requester.until(lambda: helpline.bot_id in requester.typing(room))
    await claimer.show_typing(shift.relay, on=False)
    await requester.until(lambda: helpline.bot_id not in requester.typing(room))
    await requester.show_typing(room)
    await claimer.until(lambda: helpline.bot_id in claimer.typing(shift.relay))

    last = await requester.send(room, "thank you")
    await requester.until(lambda: helpline.bot_id in requester.has_read(room, last))
    log = helpline.log.read_text()
    assert not [word for word in ("guide.pdf", "later.ogg", "at noon", requester.user_id) if word in log]
