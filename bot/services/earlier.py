"""What was said before somebody came into a relay room is posted there again: history is `joined`, they cannot read it.

Once for each of the staff, and only what they cannot have read. It is never sent to the requester, and never ticked;
what is changed or removed later, or may stand no longer, is so here too.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from bot.deeds import EditText, Hold, Origin, OutgoingMessage, SendFile, SendText
from bot.domain import Attachment, Case, CaseNumber, Conversation, Reader, Voice
from bot.entries import Entry
from bot.services import keeping, record, sayings
from bot.services.lengthy import split
from bot.services.work import Work

LINES = {Voice.REQUESTER: sayings.EARLIER_REQUESTER, Voice.STAFF: sayings.EARLIER_STAFF}


def came(work: Work, case: Case, relay: Conversation, who: str) -> Case:
    """One of the staff is in the relay room: post again what they cannot have read there."""
    before = _reader(case, who)
    if before is not None and before.read_to is None:
        return case
    coming = _coming(work, relay)
    missed = [
        entry
        for entry in record.all_of(work, case)
        if not entry.waits
        and (entry.case, entry.place) not in coming
        and (before is None or (entry.case == case.number and entry.mark > (before.read_to or 0)))
    ]
    if missed:
        work.say(relay, work.kit.render.staff(sayings.EARLIER, who=who))
    for group in _groups(work, relay, missed):
        work.say(relay, _text(work, group), hold=_hold(group))
        if isinstance(group[0].said, Attachment):
            work.post(relay, SendFile(group[0].said), hold=replace(_hold(group), kept=group[0].place))
    return _save(work, case, Reader(who))


def left(work: Work, case: Case, who: str) -> Case:
    """Somebody is not in the relay room any more, or not one of the staff: they can have read what was said so far."""
    before = _reader(case, who)
    if before is None or before.read_to is not None:
        return case  # who would not come in has read nothing
    marks = [entry.mark for entry in work.tx.entries.of(case.number)]
    return _save(work, case, Reader(who, max(marks, default=0)))


def is_away(case: Case, who: str) -> bool:
    """Whether they were in the relay room, and can read no more there since."""
    reader = _reader(case, who)
    return reader is not None and reader.read_to is not None


def joined(work: Work, case: Case) -> Case:
    """More belongs to this conversation now: whoever is not in the relay room cannot have read all of it."""
    case = replace(case, readers=tuple(reader for reader in case.readers if reader.read_to is None))
    work.tx.cases.save(case)
    return case


def renew(work: Work, case: Case, entry: Entry) -> None:
    """What was posted again of an entry, or waits to be, says it as it is now. A file that was removed is hidden."""
    if case.relay is None:
        return
    relay = work.tx.conversations.get(case.relay)
    for message in work.withhold(relay, lambda message: _says_again(message, entry)):
        if message.hold is not None and isinstance(message.deed, SendText):
            work.say(relay, _text(work, _of(work, entry.case, message.hold.earlier)), hold=message.hold)
    for event_id in _events(work, relay, entry):
        group = [each for each in work.tx.entries.of(entry.case) if event_id in _events(work, relay, each)]
        if len(split(_text(work, group), work.kit.longest(relay.channel))) == 1:
            work.post(relay, EditText(event_id, _text(work, group)), hold=replace(_hold(group), earlier=()))
    if entry.said is None:
        removed = work.kit.render.staff(sayings.REMOVED)
        for copy in work.tx.copies.of(Origin(relay.id, keeping.again(entry.case, entry.place, file=True))):
            work.post(relay, EditText(copy.event_id, removed))


def is_earlier(message: OutgoingMessage) -> bool:
    """Whether this message posts something again."""
    return message.hold is not None and bool(message.hold.earlier)


def _groups(work: Work, relay: Conversation, entries: Sequence[Entry]) -> Iterator[Sequence[Entry]]:
    """What is said in one message: all of it may stand equally long, and it fits. A file is alone."""
    group: list[Entry] = []
    for entry in entries:
        longer = [*group, entry]
        together = not any(isinstance(each.said, Attachment) for each in longer) and _time(longer[0]) == _time(entry)
        if group and not (together and len(split(_text(work, longer), work.kit.longest(relay.channel))) == 1):
            yield group
            longer = [entry]
        group = longer
    if group:
        yield group


def _time(entry: Entry) -> Hold:
    """How long it may stand."""
    return replace(record.hold(entry), kept=None)


def _hold(group: Sequence[Entry]) -> Hold:
    return replace(_time(group[0]), earlier=tuple(entry.place for entry in group))


def _text(work: Work, group: Sequence[Entry]) -> str:
    return "\n\n".join(
        work.kit.render.staff(
            LINES[entry.voice], time=f"{entry.at:%Y-%m-%d %H:%M} UTC", words=record.words(work, entry)
        )
        for entry in group
    )


def _of(work: Work, case: CaseNumber, places: Sequence[int]) -> Sequence[Entry]:
    return [entry for entry in work.tx.entries.of(case) if entry.place in places]


def _events(work: Work, relay: Conversation, entry: Entry) -> list[str]:
    """The messages that say it again."""
    copies = work.tx.copies.of(Origin(relay.id, keeping.again(entry.case, entry.place)))
    return [copy.event_id for copy in copies]


def _says_again(message: OutgoingMessage, entry: Entry) -> bool:
    """Whether it says this entry again. Its file is as it was, unless it was removed."""
    hold = message.hold
    if hold is None or hold.case != entry.case or entry.place not in hold.earlier:
        return False
    return isinstance(message.deed, SendText) or entry.said is None


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
    return {place for place in places if place is not None and place != places[0]}


def _reader(case: Case, who: str) -> Reader | None:
    return next((reader for reader in case.readers if reader.who == who), None)


def _save(work: Work, case: Case, reader: Reader) -> Case:
    others = tuple(each for each in case.readers if each.who != reader.who)
    case = replace(case, readers=(*others, reader))
    work.tx.cases.save(case)
    return case
