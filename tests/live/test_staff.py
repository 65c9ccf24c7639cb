"""Staff on a real homeserver: `vestibule staff`, beside a bot that runs and without one, and their queue rooms."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from bot.demo.helpline import SHIPPED, Helpline
from bot.demo.person import Person
from bot.demo.shift import Shift
from bot.demo.walk import WHOLE
from bot.services.roster import grouped
from tests.live.walking import hand_over

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def helpline() -> AsyncIterator[Helpline]:
    async with Helpline(specialists=2, leads=1) as helpline:
        yield helpline


async def staff(helpline: Helpline, *arguments: str, answer: str = "") -> tuple[int, str, str]:
    """One command: its exit code, what it printed and what it told."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bot", "staff", *arguments, "--config", str(helpline.config)),
        cwd=SHIPPED,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    said, told = await process.communicate(answer.encode())
    return process.returncode or 0, said.decode().strip(" "), told.decode()  # a prompt leaves a space behind


async def hears(helpline: Helpline, *words: str) -> None:
    """Wait until the queue room was told all this in one message."""
    lead = helpline.specialists[0]
    await lead.until(lambda: any(all(w in m.body for w in words) for m in lead.messages(helpline.queue_room)))


async def begin(helpline: Helpline) -> tuple[Person, str]:
    """Somebody new, and how their master key is read aloud."""
    person = await helpline.person()
    return person, grouped(person.master_key)


async def test_somebody_is_listed_once_their_key_was_compared(helpline: Helpline) -> None:
    new, key = await begin(helpline)
    code, said, told = await staff(helpline, "add", new.user_id, answer="no\n")
    assert (code, said) == (1, "")
    assert key in told
    assert new.user_id not in (await staff(helpline, "list"))[1]

    code, said, told = await staff(helpline, "add", new.user_id, answer="yes\n")
    assert (code, said) == (0, "")
    await hears(helpline, new.user_id)
    code, said, told = await staff(helpline, "list")
    assert (code, told) == (0, "")
    assert f"{new.user_id}: member, listed by the administrator\n    {key}\n" in said
    assert f"{helpline.specialists[0].user_id}: lead, listed by the config\n" in said
    assert said.count("the homeserver lists the same master key") == 3

    assert (await staff(helpline, "remove", new.user_id))[0] == 0
    assert (await staff(helpline, "remove", new.user_id))[0] == 2
    assert new.user_id not in (await staff(helpline, "list"))[1]
    assert new.user_id not in helpline.log.read_text()


async def test_what_was_added_beside_the_running_bot_is_obeyed_at_once(helpline: Helpline) -> None:
    new, _ = await begin(helpline)
    lead = helpline.specialists[0]
    await lead.invite(helpline.queue_room, new.user_id)
    await new.accept(helpline.queue_room)
    assert (await staff(helpline, "add", new.user_id, new.master_key, "--yes"))[0] == 0
    await new.send(helpline.queue_room, "!queue")
    message = await new.next_message(helpline.queue_room)
    assert message.sender == helpline.bot_id


async def test_without_a_bot_the_queue_room_is_told_at_the_next_start(helpline: Helpline) -> None:
    new, key = await begin(helpline)
    await helpline.stop_bot(kill=True)  # its control socket stays behind
    code, _, told = await staff(helpline, "add", new.user_id, *key.split(), "--lead", "--yes")
    assert (code, "next start" in told) == (0, True)
    assert f"{new.user_id}: lead" in (await staff(helpline, "list"))[1]
    await helpline.start_bot()
    await hears(helpline, new.user_id)
    assert f"{new.user_id}: lead" in (await staff(helpline, "list"))[1]


async def test_a_pin_that_the_homeserver_does_not_list_is_found(helpline: Helpline) -> None:
    new = await helpline.person(cross_sign=False)
    code, _, told = await staff(helpline, "add", new.user_id, answer="yes\n")
    assert (code, len(told.splitlines())) == (2, 1)
    assert "no master key" in told
    other = helpline.specialists[0].master_key
    code, _, told = await staff(helpline, "add", new.user_id, other, "--yes")
    assert (code, "no master key" in told) == (0, True)
    code, said, _ = await staff(helpline, "list")
    assert (code, "lists no master key" in said) == (1, True)
    assert (await staff(helpline, "remove", new.user_id))[0] == 0


def newest(person: Person, room: str, event_id: str) -> list[str]:
    """What a message says, and what was put in its place since, as a client that knows edits shows it."""
    shown = []
    for message in person.messages(room):
        relation = message.content.get("m.relates_to") or {}
        if message.event_id == event_id:
            shown.append(message.body)
        elif relation.get("rel_type") == "m.replace" and relation.get("event_id") == event_id:
            shown.append(message.content["m.new_content"]["body"])
    return shown


async def test_a_case_is_routed_to_the_room_of_its_language_and_its_card_is_edited_there(helpline: Helpline) -> None:
    lead, other = helpline.specialists
    await helpline.stop_bot()  # a bot that does not know the room for a queue would not stay among three
    spanish = await lead.make_room(helpline.bot_id, other.user_id, name="Helpline queue, Spanish")
    await other.accept(spanish)
    with helpline.config.open("a") as config:
        config.write(f'[[specialists.rooms]]\nroom = "{spanish}"\nlanguages = ["es"]\n')
    await helpline.start_bot()
    await lead.joined(spanish, helpline.bot_id)
    before = len(lead.messages(helpline.queue_room))

    walk = next(walk for walk in WHOLE if walk.locale == "es")
    await hand_over(helpline, await helpline.person(), walk)
    shift = Shift(helpline)
    shift.queue = spanish
    card = await shift.card()
    event_id = next(message.event_id for message in lead.messages(spanish) if message.body == card)
    await shift.vet()
    await lead.until(lambda: newest(lead, spanish, event_id)[-1].endswith("Free to claim"))
    await shift.claim()
    await other.until(lambda: f"Claimed by {other.user_id}" in newest(other, spanish, event_id)[-1])
    shown = newest(other, spanish, event_id)
    assert all(text.startswith(f"{shift.case} · ") for text in shown)
    assert [text.split("\n")[1] for text in shown][:2] == ["Waiting for vetting", "Being vetted"]
    assert all(message.decrypted for message in other.messages(spanish))

    await shift.write(other, "queue", spanish, f"!case {shift.case}")
    whole = await shift.read_until(other, "queue", spanish, "https://matrix.to/#/")
    assert shift.relay in whole.body
    assert len(lead.messages(helpline.queue_room)) == before
