"""The main job, whole: a person writes, specialists vet, claim and answer, encrypted, in three languages."""

import re
from pathlib import Path

import pytest

from bot.demo.helpline import Helpline
from bot.demo.person import Person
from bot.demo.shift import Shift
from bot.demo.walk import WHOLE, Walk
from tests.live.walking import hand_over

NOTE = "between-ourselves-4711"


def plain_bytes(folder: Path) -> bytes:
    """Every byte that lies in a folder."""
    return b"".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())


async def reads(person: Person, room: str, words: list[str]) -> None:
    """Wait until they can read all of these; what goes earlier than the rest is a message of its own."""
    await person.until(lambda: all(any(word in said.body for said in person.messages(room)) for word in words))


@pytest.mark.parametrize("walk", WHOLE, ids=lambda walk: walk.locale)
async def test_the_whole_way_from_a_first_word_to_the_close(walk: Walk) -> None:
    async with Helpline() as helpline:
        requester = await helpline.person()
        room = await hand_over(helpline, requester, walk)
        shift = Shift(helpline)
        handed_over = requester.messages(room)[-1].body

        card = await shift.card()
        assert card.split()[0] == shift.case
        assert shift.case in handed_over
        words = [answer for answer in walk.answers if len(answer) > 20]
        assert words
        assert not any(word in card for word in [*words, requester.user_id])

        # nobody claims before a person has signed off, and nobody claims twice
        await shift.write(shift.claimer, "queue", shift.queue, f"!claim {shift.case}")
        refused = await shift.read_until(shift.claimer, "queue", shift.queue, "before")
        assert shift.case in refused.body
        await shift.vet()
        await reads(shift.vetter, shift.notes, words)
        await shift.claim()
        await reads(shift.claimer, shift.notes, words)
        await shift.write(shift.vetter, "queue", shift.queue, f"!claim {shift.case}")
        await shift.read_until(shift.vetter, "queue", shift.queue, "already")

        # relayed both ways, ticked, and nothing else is said
        before = len(requester.messages(room))
        answer_id = await shift.claimer.send(shift.relay, "Good evening. ¿Está segura? هل أنت بخير؟")
        assert (await requester.next_message(room)).body == "Good evening. ¿Está segura? هل أنت بخير؟"
        await shift.ticked(answer_id)
        await requester.send(room, walk.answers[8] + " !")
        await shift.read_until(shift.claimer, "relay", shift.relay, walk.answers[8] + " !")
        await shift.claimer.send(shift.notes, NOTE)
        await shift.close()
        closed = await requester.next_message(room)
        assert shift.case in closed.body
        assert len(requester.messages(room)) == before + 3  # their own, the answer, the close

        people = [requester, *helpline.specialists]
        assert [entry for person in people for entry in person.undecrypted()] == []
        assert all(m.decrypted for p in people for r in p.rooms() for m in p.messages(r))
        assert not any(NOTE in message.body for message in requester.messages(room))
        assert not any(person.user_id in message.body for person in people for message in requester.messages(room))

        await helpline.stop_bot()
        log = helpline.log.read_text()
        assert log
        secrets = [*words, NOTE, requester.user_id, *(s.user_id for s in helpline.specialists), room, shift.notes]
        assert [secret for secret in secrets if secret in log] == []
        assert not re.search(r"@\w+:localhost", log)
        data = plain_bytes(helpline.data_dir)
        assert [secret for secret in secrets if secret.encode() in data] == []
