"""The conversation of a case on record: what was said on either side, and how much of it who of the staff could read.

Whoever comes into a relay room reads nothing that was said before they came, because history is `joined`: it is posted
again for them, from here, once. It is never sent to the requester, and never ticked. An entry lives as long as what it
says may stand in a room (`keeping`), and takes its file with it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from itertools import groupby

from bot.deeds import Hold, Origin, OutgoingMessage, SendFile, SendText
from bot.domain import Attachment, Case, CaseNumber, Conversation, Reader, Voice
from bot.entries import Entry, Said
from bot.services import keeping, sayings, silence
from bot.services.work import Work

LINES = {Voice.REQUESTER: sayings.EARLIER_REQUESTER, Voice.STAFF: sayings.EARLIER_STAFF}


def hold(entry: Entry) -> Hold:
    """What a message holds that says what this entry says."""
    return Hold(entry.case, entry.keep, entry.expires, entry.due, entry.place)


def heard(
    work: Work, case: Case, said: Said, origin: Origin | None, expires: timedelta | None = None, *, waits: bool
) -> Entry:
    """The requester said this to staff."""
    silence.heard(work, case)
    return work.tx.entries.add(Entry(case.number, said, work.now, Voice.REQUESTER, origin, waits, expires=expires))


def spoke(work: Work, case: Case, requester: Conversation, said: Said, origin: Origin | None) -> Hold:
    """Staff said this to the requester; what the message holds in which it reaches them."""
    silence.spoke(work, case)
    entry = Entry(case.number, said, work.now, Voice.STAFF, origin, expires=requester.expires)
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
    """What an entry says, where a file of it follows."""
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


def is_away(case: Case, who: str) -> bool:
    """Whether they were in the relay room, and can read no more there since."""
    reader = _reader(case, who)
    return reader is not None and reader.read_to is not None


def came(work: Work, case: Case, relay: Conversation, who: str) -> Case:
    """One of the staff is in the relay room: post again what they cannot have read there."""
    before = _reader(case, who)
    if before is not None and before.read_to is None:
        return case
    coming = _coming(work, relay)
    missed = [
        entry
        for entry in all_of(work, case)
        if not entry.waits
        and (entry.case, entry.place) not in coming
        and (before is None or (entry.case == case.number and entry.mark > (before.read_to or 0)))
    ]
    above = work.kit.render.staff(sayings.EARLIER, who=who)
    for text, file, held in _messages(work, missed):
        work.say(relay, "\n\n".join(part for part in (above, text) if part), hold=held)
        if file is not None:
            work.post(relay, SendFile(file), hold=held)
        above = ""
    return _save(work, case, Reader(who))


def left(work: Work, case: Case, who: str) -> Case:
    """Somebody is not in the relay room any more, or not one of the staff: they can have read what was said so far."""
    before = _reader(case, who)
    if before is not None and before.read_to is not None:
        return case
    marks = [entry.mark for entry in work.tx.entries.of(case.number)]
    return _save(work, case, Reader(who, max(marks, default=0)))


def joined(work: Work, case: Case) -> Case:
    """More belongs to this conversation now: whoever is not in the relay room cannot have read all of it."""
    case = replace(case, readers=tuple(reader for reader in case.readers if reader.read_to is None))
    work.tx.cases.save(case)
    return case


def is_earlier(message: OutgoingMessage) -> bool:
    """Whether this message posts something again."""
    if message.origin is not None or message.hold is None:
        return False
    return isinstance(message.deed, SendFile) or (isinstance(message.deed, SendText) and message.hold.kept is None)


def _messages(work: Work, entries: Sequence[Entry]) -> Iterator[tuple[str, Attachment | None, Hold]]:
    """What is said again, in as few texts as can be: all of one may stand equally long. A file goes alone."""

    def kind(entry: Entry) -> tuple[int, Hold]:
        together = not isinstance(entry.said, Attachment)
        return 0 if together else entry.place, replace(hold(entry), kept=None if together else entry.place)

    for (_, held), group in groupby(entries, kind):
        found = list(group)
        file = found[0].said
        yield "\n\n".join(_line(work, entry) for entry in found), file if isinstance(file, Attachment) else None, held


def _line(work: Work, entry: Entry) -> str:
    time = f"{entry.at:%Y-%m-%d %H:%M} UTC"
    return work.kit.render.staff(LINES[entry.voice], time=time, words=words(work, entry))


def _coming(work: Work, relay: Conversation) -> set[tuple[CaseNumber, int]]:
    """What is still to be posted in the room, and so will be read by whoever is in it now.

    Of the first in the lane nobody knows: it may have been sent before they came.
    """
    places = [
        (message.hold.case, message.hold.kept)
        if message.hold is not None and message.hold.kept is not None and isinstance(message.deed, SendText)
        else None
        for message in work.tx.outbox.lane(relay.id)
    ]
    return {place for place in places[1:] if place is not None and place != places[0]}


def _says(message: OutgoingMessage, entry: Entry) -> bool:
    return message.hold is not None and (message.hold.case, message.hold.kept) == (entry.case, entry.place)


def _reader(case: Case, who: str) -> Reader | None:
    return next((reader for reader in case.readers if reader.who == who), None)


def _save(work: Work, case: Case, reader: Reader) -> Case:
    others = tuple(each for each in case.readers if each.who != reader.who)
    case = replace(case, readers=(*others, reader))
    work.tx.cases.save(case)
    return case
