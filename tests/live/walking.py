"""The way of one case, from a first word to two specialists at work on it."""

from __future__ import annotations

from bot.demo.helpline import Helpline
from bot.demo.person import Person
from bot.demo.shift import CASE, Shift
from bot.demo.walk import WHOLE, Walk

Seen = tuple[list[str], list[str]]
"""What stands in the requester's room and in the relay room at the end."""


async def hand_over(helpline: Helpline, requester: Person, walk: Walk) -> str:
    """The requester invites the bot and answers what it asks, to the end. Returns their room."""
    room = await requester.invite_to_new_room(helpline.bot_id)
    for answer in walk.answers:
        await requester.send(room, answer)
        await requester.next_message(room)
    return room


async def take(shift: Shift) -> None:
    """The specialists vet and claim the case that was handed over."""
    await shift.card()
    await shift.vet()
    await shift.claim()


def said(person: Person, room: str) -> list[str]:
    """Everyone's messages, without the case number."""
    return [CASE.sub("####", message.body) for message in person.messages(room)]


async def converse(helpline: Helpline, requester: Person | None = None) -> Seen:
    """The whole way, with words in both directions, to the close."""
    requester = requester or await helpline.person()
    room = await hand_over(helpline, requester, WHOLE[0])
    shift = Shift(helpline)
    await take(shift)
    for number in range(3):
        await shift.claimer.send(shift.relay, f"answer {number}")
        await requester.next_message(room)
        await requester.send(room, f"word {number}")
        await shift.read_until(shift.claimer, "relay", shift.relay, f"word {number}")
    relay = shift.relay
    await shift.close()
    await requester.next_message(room)
    assert requester.undecrypted() == []
    return said(requester, room), said(shift.claimer, relay)
