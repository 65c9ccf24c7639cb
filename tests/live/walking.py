"""The way of one case, from a first word to two specialists at work on it."""

from __future__ import annotations

from bot.demo.helpline import Helpline
from bot.demo.person import Person
from bot.demo.shift import Shift
from bot.demo.walk import Walk


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
