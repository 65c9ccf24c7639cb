"""People who come and go, on a real homeserver: who has a case next reads it all, and who waits learns the truth."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from mautrix.api import Method, Path

from bot.demo.helpline import Helpline
from bot.demo.person import Person
from bot.demo.shift import CASE, Shift
from bot.demo.walk import WHOLE
from tests.live.walking import hand_over, take

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def helpline() -> AsyncIterator[Helpline]:
    async with Helpline(specialists=2, leads=1) as helpline:
        yield helpline


async def reads(person: Person, room: str, words: str) -> None:
    """Wait until they can read this there."""
    await person.until(lambda: any(words in message.body for message in person.messages(room)))


async def comes_in(person: Person, room: str) -> None:
    """Accept the invitation to this room."""
    await person.until(lambda: any(invite.room_id == room for invite in person.invites()))
    await person.accept(room)


async def test_whoever_has_a_case_next_reads_every_word_and_the_requester_hears_nothing_of_it(
    helpline: Helpline,
) -> None:
    requester = await helpline.person()
    room = await hand_over(helpline, requester, WHOLE[0])
    shift = Shift(helpline)
    await take(shift)
    relay, claimer, other = shift.relay, shift.claimer, shift.vetter

    # released, and claimed again by somebody who is in the room: the homeserver tells of no coming
    await claimer.send(relay, "!release")
    await reads(other, shift.queue, f"{shift.case} is released")
    await requester.send(room, "the first word")
    await reads(other, shift.notes, "the first word")
    await claimer.send(shift.queue, f"!claim {shift.case}")
    await reads(claimer, relay, "the first word")

    # left
    await claimer.leave(relay)
    await reads(other, shift.queue, "has left its relay room")
    await requester.send(room, "the second word")
    await reads(other, shift.notes, "the second word")
    await other.send(shift.queue, f"!claim {shift.case}")
    await comes_in(other, relay)
    await reads(other, relay, "the second word")

    # handed over
    await other.send(relay, f"!assign {claimer.user_id}")
    await reads(other, relay, f"{shift.case} is handed over to {claimer.user_id}")
    await requester.send(room, "the third word")
    await comes_in(claimer, relay)
    await reads(claimer, relay, "the third word")
    await claimer.send(relay, "from the last one")
    await reads(requester, room, "from the last one")

    people = [requester, claimer, other]
    assert [entry for person in people for entry in person.undecrypted()] == []
    heard = "".join(message.body for message in requester.messages(room))
    assert not any(person.user_id in heard for person in (claimer, other))
    after = [message.body for message in requester.messages(room)]
    since = after[after.index("the first word") :]
    assert len(since) == 5, "their three words, one answer to the first, and what the last one wrote"


async def test_where_the_bot_was_put_out_the_requester_and_the_doctor_are_told_until_it_is_back(
    helpline: Helpline,
) -> None:
    specialist, queue = helpline.specialists[0], helpline.queue_room
    requester = await helpline.person()
    await specialist.request(Method.POST, Path.v3.rooms[queue].kick, {"user_id": helpline.bot_id})
    room = await hand_over(helpline, requester, WHOLE[0])
    await requester.until(lambda: any("cannot reach our team" in each.body for each in requester.messages(room)))
    code, found = await helpline.command("doctor", "--config", str(helpline.config))
    assert code == 1
    assert "wrong  staff-reached" in found
    assert "staff cannot be reached" in helpline.log.read_text()

    await specialist.invite(queue, helpline.bot_id)
    case = next(found[0] for each in requester.messages(room) if (found := CASE.search(each.body)))
    await specialist.until(lambda: any(each.body.startswith(case) for each in specialist.messages(queue)))
    assert sum("cannot reach our team" in each.body for each in requester.messages(room)) == 1
    _, found = await helpline.command("doctor", "--config", str(helpline.config))
    assert "ok     staff-reached" in found
