"""What people change or take back of what they said: it is changed or hidden on the other side too, and on record.

A change or a removal is a claim that travels outside of what is sealed, so it decides how something looks and never
where it goes (law 11); nothing that stands in a room is deleted by it.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from datetime import timedelta

from bot.deeds import Copy, EditText, Hold, Origin
from bot.domain import Attachment, CaseNumber, Conversation, Place
from bot.entries import Entry
from bot.services.lengthy import split
from bot.services.work import Work


def on_record(
    work: Work, origin: Origin, text: str, cases: Collection[CaseNumber], expires: timedelta | None = None
) -> Entry | None:
    """These words take the place of those that came with this event; the entry that one of these cases has of it."""
    ours = None
    for entry in {entry.case: entry for entry in reversed(work.tx.entries.find(origin))}.values():  # the first of each
        changed = work.tx.entries.change(_with_words(entry, text, expires))
        ours = changed if entry.case in cases else ours
    return ours


def in_place(work: Work, origin: Origin, text: str, hold: Hold, *, to: Conversation) -> bool:
    """Put the words in the place of those passed on before; False where that is not one message, or not there alone."""
    copies = [copy for copy in work.tx.copies.of(origin) if _place(work, copy) is to.place]
    if [copy.conversation for copy in copies] != [to.id]:
        return False
    if len(split(text, work.kit.longest(to.channel))) != 1:
        return False
    work.post(to, EditText(copies[0].event_id, text), origin, hold)
    return True


def hide(work: Work, origin: Origin, text: str, told: Origin | None = None) -> bool:
    """Put this in the place of all that was passed on of a message; False where nothing was.

    `told`: where it is said if that fails.
    """
    copies = work.tx.copies.of(origin)
    for copy in copies:
        work.post(work.tx.conversations.get(copy.conversation), EditText(copy.event_id, text), told)
    return bool(copies)


def stands(work: Work, origin: Origin | None, room: Conversation) -> bool:
    """Whether something of this event's was said in the room before."""
    return origin is not None and any(copy.conversation == room.id for copy in work.tx.copies.of(origin))


def _with_words(entry: Entry, text: str, expires: timedelta | None) -> Entry:
    """A file keeps its place; what changes of it is what was written beside it."""
    said = replace(entry.said, caption=text) if isinstance(entry.said, Attachment) else text
    return replace(entry, said=said, expires=expires or entry.expires)


def _place(work: Work, copy: Copy) -> Place:
    return work.tx.conversations.get(copy.conversation).place
