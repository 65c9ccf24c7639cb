"""The queue rooms: the default one, and those that the config has for vetting, languages and topics.

What a room that cannot be entered should show is shown in the default one until it can be: nothing waits for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from bot.domain import Conversation, ConversationId, Owner, Place, TextId
from bot.services import cards, sayings
from bot.services.work import Work


def place(work: Work) -> Sequence[Conversation]:
    """All queue rooms, where the config has them now, the default one first. What is not in it any more is shut."""
    default = work.place_queue()
    named = [_named(work, name, room) for name, room in work.kit.staff.rooms.ids.items()]
    placed = [default.id, *(room.id for room in named)]
    for room in work.tx.conversations.queue_rooms(default.channel):
        if room.id not in placed:
            _close(work, room)
    for room in named:
        if room.room is None:
            shut(work, room.id)
    cards.settle(work)
    return [work.tx.conversations.get(each) for each in placed]


def shut(work: Work, queue: ConversationId) -> None:
    """A room cannot be entered. The default one is waited for without end, and is never shut."""
    room = work.tx.conversations.get(queue)
    if room.name is None or room.owner is Owner.NOBODY:
        return
    _tell(work, sayings.QUEUE_SHUT, room)
    _close(work, room)
    cards.settle(work)


def opened(work: Work, queue: ConversationId) -> None:
    """A room that could not be entered is entered: cards go there again."""
    room = work.tx.conversations.get(queue)
    if room.owner is not Owner.NOBODY:
        return
    work.tx.conversations.save(replace(room, owner=Owner.BOT))
    _tell(work, sayings.QUEUE_OPENED, room)
    cards.settle(work)


def moved(work: Work, queue: Conversation) -> None:
    """A queue goes on in another room: no card stands there yet."""
    work.say(queue, work.kit.render.staff(sayings.QUEUE_MOVED))
    work.tx.cards.leave(queue.id)
    cards.settle(work)


def _named(work: Work, name: str, room: str | None) -> Conversation:
    """The queue room of this name, in this room from now on; None leaves it where it was."""
    rooms = work.tx.conversations.queue_rooms(work.kit.staff.channel)
    queue = next((each for each in rooms if each.name == name), None)
    if queue is None:
        queue_id = ConversationId(work.new_id())
        queue = Conversation(queue_id, work.kit.staff.channel, Place.QUEUE, key=queue_id, name=name)
        work.tx.conversations.add(queue)
    return queue if room is None else work.put_queue(queue, room)


def _close(work: Work, room: Conversation) -> None:
    work.tx.conversations.save(replace(room, owner=Owner.NOBODY))
    work.carry_over(room, work.queue())


def _tell(work: Work, text: TextId, room: Conversation) -> None:
    work.say(work.queue(), work.kit.render.staff(text, detail=room.name or ""))
