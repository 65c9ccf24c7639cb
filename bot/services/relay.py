"""The relay: what people say to each other through the bot, in both directions, with its changes and removals.

The room decides, nothing else (law 11): what staff write in a case's relay room reaches its requester and nobody else.
What the requester writes appears there, or waits until whoever has claimed the case can read it. A change or a removal
takes the place of what was said before, where it stands on the other side and where it is on record.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from bot.deeds import EditText, Hold, Origin, OutgoingMessage, SendFile, SendText
from bot.domain import Attachment, Case, Conversation, Owner, Place, Style
from bot.entries import Entry, Said
from bot.happenings import LATE, PART, Attached, Removed, Wrote
from bot.life import Step
from bot.services import casework, changes, earlier, keeping, progress, record, sayings, silence
from bot.services.lengthy import quote
from bot.services.signing import signed
from bot.services.work import Work

NO_EVENT = ""  # stands for the event of what is known by none: it is never ticked, and cannot be changed

Passable = Wrote | Attached | Removed


def event_of(arrival_id: str) -> str:
    """The event that an arrival tells of, as its sender's program knows it."""
    return arrival_id.removesuffix(LATE).partition(PART)[0]


def from_requester(work: Work, conversation: Conversation, case: Case, event_id: str, what: Passable) -> Case:
    """People own the conversation: what happens in it is theirs, at once or when one of them can read it.

    The case as it has moved by that.
    """
    if isinstance(what, Wrote | Attached):
        case = progress.move(work, case, Step.HEAR) or case
    match what:
        case Wrote(text, edits=None, expires=expires) as wrote:
            # with its marks, if it has any: they may have been meant as what they are
            styles = wrote.styles if wrote.plain is None else ()
            above = f"{quote(wrote.quotes)}\n\n" if wrote.quotes.strip() else ""
            styles = tuple(replace(style, start=style.start + len(above)) for style in styles)
            hear(work, case, above + text, Origin(conversation.id, event_id), styles, expires)
        case Wrote(text, edits=edited, expires=expires):
            _requester_changed(work, case, Origin(conversation.id, edited or event_id), text, expires)
        case Attached(attachment, expires=expires):
            hear(work, case, attachment, Origin(conversation.id, event_id), expires=expires)
        case Removed(removed):
            _requester_removed(work, case, Origin(conversation.id, removed))
    return case


def hear(
    work: Work,
    case: Case,
    said: Said,
    origin: Origin | None = None,
    styles: tuple[Style, ...] = (),
    expires: timedelta | None = None,
) -> None:
    """The requester said this: it is on record, and posted in the relay room, or waits for who can read it there."""
    relay = _open_relay(work, case)
    entry = record.heard(work, case, said, origin, expires, waits=relay is None)
    if relay is None:
        _show_in_notes(work, case, entry)
    else:
        _post(work, relay, case, entry, record.words(work, entry), styles)


def from_staff(work: Work, relay: Conversation, who: str, event_id: str, what: Passable) -> bool:
    """Pass on what one of the staff did in a relay room, to the requester whose room it is.

    False, and nothing passed on, where this room speaks with nobody (any more).
    """
    spoken_with = partner(work, relay)
    if spoken_with is None:
        return False
    requester, case = spoken_with
    if isinstance(what, Wrote | Attached):
        case = progress.move(work, case, Step.SPEAK, who) or case
    match what:
        case Wrote(edits=None) as wrote:
            # without what it quotes: that may be from another room, or name a colleague
            origin, text = Origin(relay.id, event_id), signed(case, who, wrote.shown)
            hold = record.spoke(work, case, requester, text, origin)
            work.say(requester, text, origin, wrote.styles, hold=hold)
        case Wrote(text, edits=edited):
            origin, text = Origin(relay.id, edited or event_id), signed(case, who, text)
            hold = replace(_correct(work, case, requester, text, origin), change=event_id)
            if not changes.in_place(work, origin, text, hold, to=requester):
                # it stands beside what may say the opposite
                corrected = work.kit.render.requester(sayings.CORRECTED, case.locale, words=text)
                work.say(requester, corrected, origin, hold=hold)
        case Attached(attachment):
            origin = Origin(relay.id, event_id)
            work.post(requester, SendFile(attachment), origin, record.spoke(work, case, requester, attachment, origin))
        case Removed(removed):
            origin = Origin(relay.id, removed)
            for entry in work.tx.entries.find(origin):
                record.remove(work, entry, requester)
                earlier.renew(work, case, replace(entry, said=None))
            changes.hide(work, origin, work.kit.render.requester(sayings.REMOVED_BY_STAFF, case.locale), origin)
    return True


def partner(work: Work, relay: Conversation) -> tuple[Conversation, Case] | None:
    """Whom a relay room speaks with at this moment, and about which case."""
    case = work.tx.cases.get(relay.case) if relay.case is not None and relay.place is Place.RELAY else None
    requester = reached(work, case) if case is not None and case.relay == relay.id else None
    return None if requester is None or case is None else (requester, case)


def reached(work: Work, case: Case) -> Conversation | None:
    """Where what staff say in a claimed case reaches its requester; None where it reaches nobody (any more)."""
    if not case.is_claimed:
        return None
    requester = work.tx.conversations.get(case.partner)
    return requester if requester.owner is Owner.SPECIALIST and requester.case == case.number else None


def keep(work: Work, case: Case, entry: Entry) -> None:
    """Keep what the requester said for the relay room; whoever is in the notes room may know of it at once."""
    _show_in_notes(work, case, work.tx.entries.add(entry))


def show_kept(work: Work, case: Case, notes: Conversation) -> None:
    """Somebody who may read came into the notes room: show there, too, what waits for the relay room."""
    for entry in record.waiting(work, case):
        _show(work, notes, case, entry)
    if sayings.NOTES_INTRO not in case.told:
        work.tx.cases.save(replace(case, told=(*case.told, sayings.NOTES_INTRO)))


def came(work: Work, relay: Conversation, case: Case, who: str) -> None:
    """One of the staff came into the relay room: post again what they missed, and for the claimer what waited."""
    case = earlier.came(work, case, relay, who)
    if who == case.claimed_by:
        pass_on_kept(work, case)


def is_there(work: Work, relay: Conversation, case: Case, who: str) -> None:
    """One of the staff writes in the relay room: if they were thought not to be there, they have come in."""
    if earlier.is_away(case, who) or (who == case.claimed_by and not case.relay_open):
        came(work, relay, case, who)


def pass_on_kept(work: Work, case: Case) -> None:
    """The claimer is in the relay room: post what the requester said meanwhile, and from now on at once."""
    if case.relay is None:
        return
    relay = work.tx.conversations.get(case.relay)
    for entry in record.waiting(work, case):
        _post(work, relay, case, work.tx.entries.change(replace(entry, waits=False)), _waiting_words(work, case, entry))
    work.tx.cases.save(replace(case, relay_open=True))


def take_back(work: Work, case: Case, messages: Sequence[OutgoingMessage], *, closed: bool) -> None:
    """What the requester said and could not be posted in the relay room waits again, and staff are told.

    So they are where something could not be posted again for one of them: whoever comes next is shown it. `closed`: the
    relay room itself is gone, so all that follows waits too, until the claimer comes in again.
    """
    found = [message for message in messages if message.origin is not None and _waits_again(work, case, message)]
    missed = any(map(earlier.is_earlier, messages))
    if closed or missed:
        case = replace(case, relay_open=case.relay_open and not closed, readers=())
        work.tx.cases.save(case)
    if found or missed:
        work.say(work.queue_of(case), work.kit.render.staff(sayings.RELAY_LOST, case=case.number))


def withdraw(work: Work, case: Case) -> None:
    """What the requester said and is not posted in the relay room yet waits again: others will read it there."""
    if case.relay is None:
        return
    room = work.tx.conversations.get(case.relay)
    for message in work.withhold(room, lambda message: keeping.holds(message, case) and message.origin is not None):
        _waits_again(work, case, message)


def taken_back(work: Work, conversation: Conversation, message: OutgoingMessage, event_id: str | None) -> None:
    """A message was let go of while it was on its way, and stands in its room all the same."""
    keeping.taken_back(work, conversation, message, event_id)
    hold = message.hold
    if conversation.place is not Place.REQUESTER or not event_id or hold is None or hold.kept is None:
        return
    entry, case = work.tx.entries.at(hold.case, hold.kept), work.tx.cases.get(hold.case)
    if entry is not None and entry.said is None and case is not None:
        removed = work.kit.render.requester(sayings.REMOVED_BY_STAFF, case.locale)
        work.post(conversation, EditText(event_id, removed), entry.origin)


def not_delivered(work: Work, message: OutgoingMessage) -> None:
    """Tell staff, where they wrote it, that something of theirs did not reach the requester."""
    work.let_go_of(work.tx.conversations.get(message.conversation), message)
    hold = message.hold
    entry = work.tx.entries.at(hold.case, hold.kept) if hold is not None and hold.kept is not None else None
    if entry is not None and isinstance(message.deed, SendText | SendFile):
        keeping.drop(work, entry)  # it was not said to them
    written_in = work.tx.conversations.get(message.origin.conversation) if message.origin else None
    if written_in is None or written_in.place not in (Place.RELAY, Place.NOTES):
        return
    say = work.kit.render.staff
    match message.deed:
        case SendText(text) | EditText(_, text):
            work.say(written_in, f"{say(sayings.NOT_DELIVERED)}\n\n{quote(text)}")
        case SendFile(attachment):
            work.say(written_in, say(sayings.FILE_NOT_DELIVERED, file=attachment.name))
        case _:
            pass


def _open_relay(work: Work, case: Case) -> Conversation | None:
    return work.tx.conversations.get(case.relay) if case.relay is not None and case.relay_open else None


def _requester_changed(work: Work, case: Case, origin: Origin, text: str, expires: timedelta | None) -> None:
    """Their new words take the place of those on record, and of those in the rooms of the staff."""
    relay = _open_relay(work, case)
    together = {each.number for each in (case, *work.tx.cases.joined(case.number))}
    entry = changes.on_record(work, origin, text, together, expires)
    if entry is None:  # nothing is known of it (any more), but it may stand in the relay room
        hold = Hold(case.number, expires=expires)
        if relay is None or not changes.in_place(work, origin, text, hold, to=relay):
            hear(work, case, _changed(work, text), origin, expires=expires)
        return
    silence.heard(work, case)
    if relay is None and not entry.waits:
        entry = work.tx.entries.change(replace(entry, waits=True))
    _change_in_notes(work, case, entry)
    earlier.renew(work, case, entry)
    hold = replace(record.hold(entry), expires=expires)
    if relay is not None and not changes.in_place(work, origin, text, hold, to=relay):
        work.say(relay, _changed(work, text), origin, hold=hold)


def _change_in_notes(work: Work, case: Case, entry: Entry) -> None:
    """What was shown there of it is changed there too; what waits from now on is shown."""
    if case.notes is None or sayings.NOTES_INTRO not in case.told or entry.origin is None:
        return
    notes, text = work.tx.conversations.get(case.notes), _kept_words(work, case, entry)
    unsaid = record.withhold(work, entry, notes)
    if not unsaid and changes.in_place(work, entry.origin, text, record.hold(entry), to=notes):
        return
    if unsaid or entry.waits or changes.stands(work, entry.origin, notes):
        _show(work, notes, case, entry)


def _requester_removed(work: Work, case: Case, origin: Origin) -> None:
    found = work.tx.entries.find(origin)
    relay = _open_relay(work, case)
    rooms = [work.tx.conversations.get(room) for room in (case.relay, case.notes) if room is not None]
    for entry in found:
        withheld = record.remove(work, entry, *rooms)
        earlier.renew(work, case, replace(entry, said=None))
        unsaid = {message.conversation for message in withheld if not earlier.is_earlier(message)}
        if relay is not None and relay.id in unsaid:
            gone = replace(entry, said=None)
            _post(work, relay, case, gone, record.words(work, gone))
    hidden = changes.hide(work, origin, work.kit.render.staff(sayings.REMOVED))
    if not found and not hidden and sayings.REQUESTER_REMOVED not in case.told:
        work.tx.cases.save(replace(case, told=(*case.told, sayings.REQUESTER_REMOVED)))
        casework.tell_staff(work, case, sayings.REQUESTER_REMOVED)


def _correct(work: Work, case: Case, requester: Conversation, text: str, origin: Origin) -> Hold:
    """What staff changed is changed on record; what holds it on its way."""
    entry = changes.on_record(work, origin, text, {case.number})
    if entry is None:
        return record.spoke(work, case, requester, text, origin)
    silence.spoke(work, case)
    earlier.renew(work, case, entry)
    return replace(record.hold(entry), expires=requester.expires)


def _post(
    work: Work, relay: Conversation, case: Case, entry: Entry, words: str, styles: tuple[Style, ...] = ()
) -> None:
    """Say in the relay room what the requester said."""
    hold, origin = record.hold(entry), entry.origin or Origin(case.requester, NO_EVENT)
    is_file = isinstance(entry.said, Attachment)
    # a file's line has no origin: when the file has to wait after all, it gets this line anew
    work.say(relay, words, None if is_file else origin, styles, hold=hold)
    if isinstance(entry.said, Attachment):
        work.post(relay, SendFile(entry.said), origin, hold)


def _waiting_words(work: Work, case: Case, entry: Entry) -> str:
    """What is said of an entry that waits: it may be a change of what stands in the relay room."""
    words = record.words(work, entry)
    if case.relay is None or not isinstance(entry.said, str):
        return words
    is_change = changes.stands(work, entry.origin, work.tx.conversations.get(case.relay))
    return _changed(work, words) if is_change else words


def _show_in_notes(work: Work, case: Case, entry: Entry) -> None:
    if case.notes is not None and sayings.NOTES_INTRO in case.told:
        _show(work, work.tx.conversations.get(case.notes), case, entry)


def _show(work: Work, notes: Conversation, case: Case, entry: Entry) -> None:
    work.say(notes, _kept_words(work, case, entry), entry.origin, hold=record.hold(entry))


def _kept_words(work: Work, case: Case, entry: Entry) -> str:
    if isinstance(entry.said, Attachment):
        return work.kit.render.staff(sayings.FILE_KEPT, file=entry.said.name)
    return work.kit.render.staff(sayings.WORDS_KEPT, words=_waiting_words(work, case, entry))


def _waits_again(work: Work, case: Case, message: OutgoingMessage) -> bool:
    """Whether this says something of the requester's that must not be lost: its entry waits from now on."""
    hold = message.hold or Hold(case.number)
    if hold.kept is None:
        said = _said(work, message)
        if said is not None:
            entry = Entry(hold.case, said, work.now, waits=True, keep=hold.keep)
            keep(work, case, replace(entry, expires=hold.expires, due=hold.due))
        return said is not None
    stored = work.tx.entries.at(hold.case, hold.kept)
    if stored is None:
        return False
    if not stored.waits:
        _show_in_notes(work, case, work.tx.entries.change(replace(stored, waits=True)))
    return True


def _said(work: Work, message: OutgoingMessage) -> Said | None:
    """What a message says that no entry has, since it was posted before there were any."""
    match message.deed:
        case SendText(text):
            return text
        case EditText(_, text):
            return _changed(work, text)
        case SendFile(attachment):
            return attachment
        case _:
            return None


def _changed(work: Work, text: str) -> str:
    return work.kit.render.staff(sayings.REQUESTER_CHANGED, words=text)
