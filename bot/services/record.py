"""The conversation of a case on record: what was said on either side, in order, for as long as it may stand in a room.

An entry lives as long as what it says (`keeping`), and takes its file with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from bot.deeds import Hold, Origin, OutgoingMessage
from bot.domain import Case, Conversation, Keep, Voice
from bot.entries import Entry, Said
from bot.services import keeping, sayings, silence
from bot.services.work import Work


def hold(entry: Entry) -> Hold:
    """What a message holds that says what this entry says."""
    return Hold(entry.case, entry.keep, entry.expires, entry.due, entry.place)


def heard(
    work: Work, case: Case, said: Said, origin: Origin | None, expires: timedelta | None = None, *, waits: bool
) -> Entry:
    """The requester said this to staff."""
    silence.heard(work, case)
    return work.tx.entries.add(Entry(case.number, said, work.now, Voice.REQUESTER, origin, waits, expires=expires))


def spoke(
    work: Work, case: Case, requester: Conversation, said: Said, origin: Origin | None, keep: Keep = Keep.CASE
) -> Hold:
    """Staff said this to the requester; what the message holds in which it reaches them."""
    silence.spoke(work, case)
    entry = Entry(case.number, said, work.now, Voice.STAFF, origin, keep=keep, expires=requester.expires)
    return hold(work.tx.entries.add(entry))


def all_of(work: Work, case: Case) -> Sequence[Entry]:
    """The conversation of a case, and of those that were joined to it, in the order in which it came in."""
    cases = (case, *work.tx.cases.joined(case.number))
    entries = [entry for each in cases for entry in work.tx.entries.of(each.number)]
    return sorted(entries, key=lambda entry: (entry.at, entry.place)) if len(cases) > 1 else entries


def waiting(work: Work, case: Case) -> Sequence[Entry]:
    """What nobody can have read in the relay room yet."""
    return [entry for entry in all_of(work, case) if entry.waits]


def words(work: Work, entry: Entry) -> str:
    """What an entry says; of a file, what is said before it."""
    if entry.said is None:
        return work.kit.render.staff(sayings.REMOVED)
    if isinstance(entry.said, str):
        return entry.said
    file = sayings.FILE_FOLLOWS if entry.voice is Voice.REQUESTER else sayings.EARLIER_FILE
    return work.kit.render.staff(file, file=entry.said.name)


def remove(work: Work, entry: Entry, *rooms: Conversation) -> list[OutgoingMessage]:
    """It was taken back: what it said is erased. What still waited to say it in these rooms, which is said no more."""
    withheld = [message for room in rooms for message in withhold(work, entry, room)]
    work.tx.entries.change(replace(entry, said=None))
    keeping.let_go_of_file(work, entry)
    return withheld


def withhold(work: Work, entry: Entry, room: Conversation) -> list[OutgoingMessage]:
    """What waits to say it in this room is not said there."""
    return work.withhold(room, lambda message: _says(message, entry))


def _says(message: OutgoingMessage, entry: Entry) -> bool:
    return message.hold is not None and (message.hold.case, message.hold.kept) == (entry.case, entry.place)
