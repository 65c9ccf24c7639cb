"""Letting go: what a requester said is erased when its time has come, and taken back where we passed it on.

Its time is that of the config, from the decision of the vetting or the end of the case on. Where a requester has set
their messages to disappear, it is theirs, from the moment on at which one of the staff could read them. There is one
timer a case and kind; what it finds due is erased in one transaction, and what must be taken back is the outbox's.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from bot.deeds import Copy, EditText, Erase, Hold, Origin, OutgoingMessage, SendFile, SendText
from bot.domain import Answer, Attachment, Case, CaseNumber, Conversation, Keep, Place, Timer
from bot.entries import Entry
from bot.services import cards
from bot.services.work import Work

EVERYTHING = frozenset(Keep)
EXPIRING = "expiring"  # the kind of a timer, and so are the values of `Keep`; each before the number of a case
OVER = "over"  # of a case that was over, or decided, before there were such timers
KINDS = (*EVERYTHING, EXPIRING, OVER)
TRY_AGAIN = timedelta(days=1)  # after a failure, which is most likely a broken record


def is_due(timer: Timer) -> bool:
    """Whether this timer is one of ours."""
    return timer.what in KINDS


def decided(work: Work, case: Case) -> None:
    """The vetting is over: what was needed for it alone is not needed for long."""
    _owe(work, case, Keep.VETTING, work.now + work.kit.retention.vetting)


def decided_before(work: Work, case: Case) -> None:
    """What only the vetting needs was said after its decision: it goes with what was said before, if that stands."""
    if work.tx.timers.get(case.requester, case.kind_of_timer(Keep.VETTING)) is None:
        decided(work, case)


def over(work: Work, case: Case) -> None:
    """The case is closed, or was declined."""
    if case.vetted_by is None:
        decided(work, case)
    _owe(work, case, Keep.CASE, work.now + work.kit.retention.case)


def goes_on(work: Work, case: Case) -> None:
    """It is not over any more: its time begins at its next end. What its vetting alone needed goes when it was to."""
    for kind in (Keep.CASE, *([Keep.VETTING] if case.vetted_by is None else [])):
        work.tx.timers.cancel(case.requester, case.kind_of_timer(kind))


def ring(work: Work, timer: Timer) -> None:
    """One of our timers has run out."""
    kind, case = timer.what, work.tx.cases.get(timer.case)
    if case is None:
        return
    if kind == EXPIRING:
        _expire(work, case)
    elif kind == OVER:
        decided(work, case)
        if case.is_over:
            over(work, case)
    else:
        _let_go(work, case, EVERYTHING if kind == Keep.CASE else {Keep(kind)})


def try_again(work: Work, timer: Timer) -> None:
    """What failed is owed still."""
    work.set_due(timer.conversation, timer.kind, work.now + TRY_AGAIN)


def erase(work: Work, case: Case, keeps: Collection[Keep] = EVERYTHING) -> None:
    """Erase what is stored of what the requester said in this case. Its number, its dates and its staff stay.

    What was posted in rooms of the staff stands there still.
    """
    if Keep.VETTING in keeps:
        work.tx.traces.erase(case.number)
    for entry in work.tx.entries.of(case.number):
        if entry.keep in keeps:
            drop(work, entry)
    requester = work.tx.conversations.get(case.requester)
    first = work.tx.cases.get(case.joined_to) if case.joined_to else None
    rooms = [case.relay, case.notes, *([first.relay, first.notes] if first else [])]
    for room in filter(None, rooms):
        for message in work.withhold(work.tx.conversations.get(room), lambda message: holds(message, case, keeps)):
            work.let_go_of(requester, message)
    case = _without(case, lambda answer: answer.keep in keeps)
    if Keep.CASE in keeps:
        case = replace(case, topic=None, urgency=None)
    case = replace(case, note=None if Keep.VETTING in keeps else case.note)
    work.tx.cases.save(case)
    if work.tx.cards.of(case.number):
        cards.refresh(work, case)


def of_person(work: Work, conversation: Conversation) -> Sequence[Case]:
    """All cases of a requester, in this conversation and in those that were joined with it."""
    found: dict[CaseNumber, Case] = {}
    theirs = [conversation.id]
    for each in theirs:  # grows
        for case in work.tx.cases.of(each):
            first = work.tx.cases.get(case.joined_to or case.number) or case
            together = {one.number: one for one in (case, first, *work.tx.cases.joined(first.number))}
            found |= together
            theirs += {one.requester for one in together.values()}.difference(theirs)
    return list(found.values())


def erase_waiting(work: Work, case: Case) -> None:
    """Nobody will read what waits for the relay room."""
    for entry in work.tx.entries.of(case.number):
        if entry.waits:
            drop(work, entry)


def keep_files(work: Work, case: Case, answers: Iterable[Answer]) -> None:
    """What was sent as an answer is, like whatever else they send, for the notes room and the relay room."""
    for answer in answers:
        if answer.file is not None:
            sent = Entry(case.number, answer.file, work.now, waits=True, keep=answer.keep, expires=answer.expires)
            work.tx.entries.add(sent)


def drop(work: Work, entry: Entry) -> None:
    """Erase what was said, and its file."""
    work.tx.entries.erase(entry)
    let_go_of_file(work, entry)


def let_go_of_file(work: Work, entry: Entry) -> None:
    """An entry does not keep its file any more, if it has one."""
    case = work.tx.cases.get(entry.case) if isinstance(entry.said, Attachment) else None
    if case is not None and isinstance(entry.said, Attachment):
        work.let_go(work.tx.conversations.get(case.requester), entry.said)


def posted(work: Work, conversation: Conversation, message: OutgoingMessage, event_id: str | None) -> None:
    """A message that passes something on stands in its room now: there it can be changed, hidden and taken back."""
    if not event_id or not isinstance(message.deed, SendText | EditText | SendFile):
        return
    # what waited for the claimer has no event that is known, and a change is looked for by what it changes
    changeable = message.origin is not None and message.origin.event_id and not isinstance(message.deed, EditText)
    origin, hold = message.origin if changeable else None, message.hold
    if hold is None:
        if origin is not None:
            work.tx.copies.add(origin, Copy(message.conversation, event_id))
        return
    due = hold.due or (work.now + hold.expires if hold.expires else None)
    is_file = isinstance(message.deed, SendFile)
    said_again = [Origin(conversation.id, again(hold.case, place, file=is_file)) for place in hold.earlier]
    for each in said_again or (origin,):
        work.tx.copies.add(each, Copy(message.conversation, event_id, hold.case, hold.keep, due))
    case = work.tx.cases.get(hold.case) if due is not None else None
    if case is not None and due is not None:
        if hold.kept is not None:
            work.tx.entries.set_due(hold.case, hold.kept, due)
        elif conversation.place is Place.NOTES:
            case = _read(work, case, hold, due)
        expect(work, case)


def again(case: CaseNumber, place: int, *, file: bool = False) -> str:
    """Stands for the event of what was said again of an entry, or of its file."""
    return f"again/{case}/{place}{'/file' if file else ''}"


def passed_on(work: Work, message: OutgoingMessage) -> None:
    """What one of the staff wrote reached a requester whose messages disappear: so does theirs, where they wrote it."""
    requester, hold = work.tx.conversations.get(message.conversation), message.hold
    if requester.expires is None or message.origin is None or hold is None:
        return
    due = work.now + requester.expires
    # of a change, its own event says the words too
    for event_id in dict.fromkeys((message.origin.event_id, hold.change or message.origin.event_id)):
        work.tx.copies.add(None, Copy(message.origin.conversation, event_id, hold.case, due=due))
    if hold.kept is not None:
        work.tx.entries.set_due(hold.case, hold.kept, due)
    case = work.tx.cases.get(hold.case)
    if case is not None:
        expect(work, case)


def taken_back(work: Work, conversation: Conversation, message: OutgoingMessage, event_id: str | None) -> None:
    """A message was let go of while it was on its way, and stands in its room all the same."""
    if event_id and message.hold is not None:
        _take_back(work, Copy(conversation.id, event_id))


def _let_go(work: Work, case: Case, keeps: Collection[Keep]) -> None:
    erase(work, case, keeps)
    for keep in keeps:
        for copy in dict.fromkeys(work.tx.copies.take(case.number, keep)):
            _take_back(work, copy)


def _expire(work: Work, case: Case) -> None:
    """The requester's own time: what is due is erased, and the next is waited for."""
    for entry in work.tx.entries.take_due(case.number, work.now):
        let_go_of_file(work, entry)
    left = _without(case, lambda answer: _is_past(work, answer.due))
    if left != case:
        work.tx.traces.erase(case.number)  # what has begun to disappear leaves none
        work.tx.cases.save(left)
        if (left.topic, left.urgency) != (case.topic, case.urgency):
            cards.refresh(work, left)
    for copy in dict.fromkeys(work.tx.copies.take_due(case.number, work.now)):
        _take_back(work, copy)
    expect(work, left)


def expect(work: Work, case: Case) -> None:
    """Wait for what is to be gone next."""
    dues = [answer.due for answer in case.answers]
    dues += [work.tx.entries.next_due(case.number), work.tx.copies.next_due(case.number)]
    if coming := [due for due in dues if due is not None]:
        _owe(work, case, EXPIRING, min(coming))


def _read(work: Work, case: Case, hold: Hold, due: datetime) -> Case:
    """Somebody in the notes room can read answers: from now on the time of what is stored of them runs too."""
    answers = tuple(
        replace(answer, due=due)
        if (answer.keep, answer.expires, answer.due) == (hold.keep, hold.expires, None)
        else answer
        for answer in case.answers
    )
    if answers != case.answers:
        case = replace(case, answers=answers)
        work.tx.cases.save(case)
    return case


def _without(case: Case, gone: Callable[[Answer], bool]) -> Case:
    """The case without these answers, and without what its card shows of them."""
    labels = {answer.label for answer in case.answers if gone(answer)}
    return replace(
        case,
        answers=tuple(answer for answer in case.answers if not gone(answer)),
        topic=None if case.topic in labels else case.topic,
        urgency=None if case.urgency in labels else case.urgency,
    )


def holds(message: OutgoingMessage, case: Case, keeps: Collection[Keep] = EVERYTHING) -> bool:
    """Whether it holds something of this case that is kept so long."""
    return message.hold is not None and message.hold.case == case.number and message.hold.keep in keeps


def _take_back(work: Work, copy: Copy) -> None:
    """What stands in the requester's own room is theirs."""
    room = work.tx.conversations.get(copy.conversation)
    if room.place is not Place.REQUESTER:
        work.post(room, Erase(copy.event_id))


def _owe(work: Work, case: Case, kind: str, due: datetime) -> None:
    work.set_due(case.requester, case.kind_of_timer(kind), due)


def _is_past(work: Work, due: datetime | None) -> bool:
    return due is not None and due <= work.now
