"""The relay: what people say to each other through the bot, in both directions, with its changes and removals.

The room decides, nothing else (law 11): what staff write in a case's relay room reaches its requester and nobody else.
What the requester writes appears there, or is kept until whoever has claimed the case can read it. A change or a
removal hides what was said before; where that stands on the other side, it is hidden there too, and nowhere deleted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from bot.deeds import EditText, Hold, Origin, OutgoingMessage, SendFile, SendText
from bot.domain import Attachment, Case, Conversation, Owner, Place, Style
from bot.happenings import LATE, PART, Attached, Removed, Wrote
from bot.life import Step
from bot.ports import Kept, Said
from bot.services import casework, keeping, progress, sayings
from bot.services.render import quote, split
from bot.services.work import Work

KEPT = ""  # stands for the event of what waited for the claimer: it is never ticked, and has no copies

Passable = Wrote | Attached | Removed


def event_of(arrival_id: str) -> str:
    """The event that an arrival tells of, as its sender's program knows it."""
    return arrival_id.removesuffix(LATE).partition(PART)[0]


def from_requester(work: Work, conversation: Conversation, case: Case, event_id: str, what: Passable) -> None:
    """People own the conversation: what happens in it is theirs, at once or when one of them can read it."""
    if isinstance(what, Wrote | Attached):
        case = progress.move(work, case, Step.HEAR) or case
    match what:
        case Wrote(text, edits=None, expires=expires) as wrote:
            # with its marks, if it has any: they may have been meant as what they are
            styles = wrote.styles if wrote.plain is None else ()
            above = f"{quote(wrote.quotes)}\n\n" if wrote.quotes.strip() else ""
            styles = tuple(replace(style, start=style.start + len(above)) for style in styles)
            said = Kept(above + text, expires=expires)
            _post_or_keep(work, case, said, Origin(conversation.id, event_id), styles)
        case Wrote(text, edits=edited, expires=expires):
            origin, hold = Origin(conversation.id, edited or event_id), Hold(case.number, expires=expires)
            if not _change(work, origin, text, hold, to=_open_relay(work, case)):
                _post_or_keep(work, case, Kept(_changed(work, text), expires=expires), origin)
        case Attached(attachment, expires=expires):
            _post_or_keep(work, case, Kept(attachment, expires=expires), Origin(conversation.id, event_id))
        case Removed(removed):
            hidden = _hide(work, Origin(conversation.id, removed), work.kit.render.staff(sayings.REMOVED))
            if not hidden and sayings.REQUESTER_REMOVED not in case.told:
                work.tx.cases.save(replace(case, told=(*case.told, sayings.REQUESTER_REMOVED)))
                casework.tell_staff(work, case, sayings.REQUESTER_REMOVED)


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
    hold = Hold(case.number, expires=requester.expires)
    match what:
        case Wrote(edits=None) as wrote:
            work.say(requester, wrote.shown, Origin(relay.id, event_id), wrote.styles, hold=hold)
        case Wrote(text, edits=edited):
            origin = Origin(relay.id, edited or event_id)
            if not _change(work, origin, text, hold, to=requester):  # it stands beside what may say the opposite
                corrected = work.kit.render.requester(sayings.CORRECTED, case.locale, words=text)
                work.say(requester, corrected, origin, hold=hold)
        case Attached(attachment):
            work.post(requester, SendFile(attachment), Origin(relay.id, event_id), hold)
        case Removed(removed):
            hidden_by = Origin(relay.id, removed)
            _hide(work, hidden_by, work.kit.render.requester(sayings.REMOVED_BY_STAFF, case.locale), hidden_by)
    return True


def partner(work: Work, relay: Conversation) -> tuple[Conversation, Case] | None:
    """Whom a relay room speaks with at this moment, and about which case."""
    case = work.tx.cases.get(relay.case) if relay.case is not None and relay.place is Place.RELAY else None
    if case is None or not case.is_claimed or case.relay != relay.id:
        return None
    requester = work.tx.conversations.get(case.partner)
    if requester.owner is not Owner.SPECIALIST or requester.case != case.number:
        return None
    return requester, case


def keep(work: Work, case: Case, kept: Kept) -> None:
    """Keep what the requester said for the relay room; whoever is in the notes room may know of it at once."""
    place = work.tx.cases.keep(case.number, kept)
    if case.notes is not None and sayings.NOTES_INTRO in case.told:
        _show(work, work.tx.conversations.get(case.notes), case, place, kept)


def show_kept(work: Work, case: Case, notes: Conversation) -> None:
    """Somebody who may read came into the notes room: show there, too, what waits for the relay room."""
    for place, kept in work.tx.cases.kept(case.number):
        _show(work, notes, case, place, kept)
    if sayings.NOTES_INTRO not in case.told:
        work.tx.cases.save(replace(case, told=(*case.told, sayings.NOTES_INTRO)))


def pass_on_kept(work: Work, case: Case) -> None:
    """The claimer is in the relay room: post what the requester said meanwhile, and from now on at once."""
    if case.relay is None:
        return
    relay = work.tx.conversations.get(case.relay)
    for kept in keeping.take_kept(work, case):
        _post(work, relay, case, kept, Origin(case.requester, KEPT))
    work.tx.cases.save(replace(case, relay_open=True))


def take_back(work: Work, case: Case, messages: Sequence[OutgoingMessage], *, closed: bool) -> None:
    """What the requester said and could not be posted in the relay room is kept again, and staff are told.

    `closed`: the relay room itself is gone, so all that follows is kept too, until the claimer comes in again.
    """
    found = [kept for message in messages if message.origin and (kept := _kept(work, message)) is not None]
    for kept in found:
        keep(work, case, kept)
    if closed:
        work.tx.cases.save(replace(case, relay_open=False, inside=()))
    if found:
        work.say(work.queue_of(case), work.kit.render.staff(sayings.RELAY_LOST, case=case.number))


def withdraw(work: Work, case: Case) -> Sequence[Kept]:
    """Take back what the requester said and is not posted in the relay room yet."""
    if case.relay is None:
        return ()
    waiting = work.withhold(work.tx.conversations.get(case.relay), case.number, keeping.EVERYTHING)
    return [kept for message in waiting if message.origin and (kept := _kept(work, message)) is not None]


def not_delivered(work: Work, message: OutgoingMessage) -> None:
    """Tell staff, where they wrote it, that something of theirs did not reach the requester."""
    if isinstance(message.deed, SendFile):
        work.let_go(work.tx.conversations.get(message.conversation), message.deed.attachment)
    written_in = work.tx.conversations.get(message.origin.conversation) if message.origin else None
    if written_in is None or written_in.place is not Place.RELAY:
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


def _post_or_keep(work: Work, case: Case, kept: Kept, origin: Origin, styles: tuple[Style, ...] = ()) -> None:
    relay = _open_relay(work, case)
    if relay is None:
        keep(work, case, kept)
    else:
        _post(work, relay, case, kept, origin, styles)


def _post(
    work: Work, relay: Conversation, case: Case, kept: Kept, origin: Origin, styles: tuple[Style, ...] = ()
) -> None:
    hold = Hold(case.number, kept.keep, kept.expires, kept.due)
    if isinstance(kept.said, Attachment):
        # without an origin: when the file has to be kept after all, it gets this line anew
        work.say(relay, work.kit.render.staff(sayings.FILE_FOLLOWS, file=kept.said.name), hold=hold)
        work.post(relay, SendFile(kept.said), origin, hold)
    else:
        work.say(relay, kept.said, origin, styles, hold=hold)


def _show(work: Work, notes: Conversation, case: Case, place: int, kept: Kept) -> None:
    if isinstance(kept.said, Attachment):
        text = work.kit.render.staff(sayings.FILE_KEPT, file=kept.said.name)
    else:
        text = work.kit.render.staff(sayings.WORDS_KEPT, words=kept.said)
    work.say(notes, text, hold=Hold(case.number, kept.keep, kept.expires, kept.due, place))


def _change(work: Work, origin: Origin, text: str, hold: Hold, *, to: Conversation | None) -> bool:
    """Put the words in the place of those passed on before; False where that is not one message in this room."""
    copies = work.tx.copies.of(origin)
    if to is None or [copy.conversation for copy in copies] != [to.id]:
        return False
    if len(split(text, work.kit.longest(to.channel))) != 1:
        return False
    work.post(to, EditText(copies[0].event_id, text), origin, hold)
    return True


def _hide(work: Work, origin: Origin, text: str, told: Origin | None = None) -> bool:
    """Put this in the place of all that was passed on of a message; False where nothing was.

    `told`: where it is said if that fails.
    """
    copies = work.tx.copies.of(origin)
    for copy in copies:
        work.post(work.tx.conversations.get(copy.conversation), EditText(copy.event_id, text), told)
    return bool(copies)


def _kept(work: Work, message: OutgoingMessage) -> Kept | None:
    said = _said(work, message)
    if said is None or message.hold is None:
        return None if said is None else Kept(said)
    return Kept(said, message.hold.keep, message.hold.expires, message.hold.due)


def _said(work: Work, message: OutgoingMessage) -> Said | None:
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
