"""What `!queue`, `!mine` and `!case` answer: the cases that are open, those of one person, and one of them whole."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bot.deeds import Invite
from bot.domain import Case, Change, Conversation, ConversationId, Place, Vetting
from bot.life import Step
from bot.services import cards, sayings
from bot.services.work import Work

PERMALINK = "https://matrix.to/#/"  # Matrix, appendices, "matrix.to navigation": a client opens the room itself


def queue(work: Work, said_in: Conversation) -> str:
    """The open cases that concern this room, the longest open first; those of all rooms in any other place."""
    one_room = said_in.place is Place.QUEUE and said_in.id != work.queue().id
    found = [case for case in _open(work) if not one_room or work.queue_of(case).id == said_in.id]
    return "\n".join(_line(work, case) for case in found) or work.kit.render.staff(sayings.QUEUE_EMPTY)


def mine(work: Work, who: str) -> str:
    """What this person has claimed, each with who wrote last, and since when that is so."""
    found = [case for case in _open(work) if case.is_claimed and case.claimed_by == who]
    return "\n".join(_mine(work, case) for case in found) or work.kit.render.staff(sayings.MINE_EMPTY)


def whole(work: Work, case: Case, who: str) -> str:
    """One case: its card, its life, and its rooms for whoever may be in them, who is invited there again."""
    changes = work.tx.cases.changes(case.number)
    parts = [cards.text(work, case)]
    if changes:
        parts.append("\n".join(_change(work, change) for change in changes))
    rooms = [work.tx.conversations.get(room) for room in _open_to(case, changes, who)]
    for room in rooms:
        work.post(room, Invite(who))
    if links := [_link(work, room) for room in rooms if room.room is not None]:
        parts.append("\n".join(links))
    return "\n\n".join(parts)


def _open(work: Work) -> Iterator[Case]:
    return (case for case in work.tx.cases.open() if not case.is_over)


def _line(work: Work, case: Case) -> str:
    return " · ".join(cards.text(work, case).splitlines())


def _mine(work: Work, case: Case) -> str:
    changes = work.tx.cases.changes(case.number)
    line = _line(work, case)
    if not changes:
        return line
    return work.kit.render.staff(sayings.MINE_LINE, detail=line, time=work.kit.render.moment(changes[-1].at))


def _change(work: Work, change: Change) -> str:
    say = work.kit.render.staff
    what, at = say(sayings.STEPS[Step(change.step)], who=change.claimer or ""), work.kit.render.moment(change.at)
    if not change.who:
        return say(sayings.LIFE_LINE, time=at, detail=what)
    return say(sayings.LIFE_LINE_BY, time=at, detail=what, who=change.who)


def _open_to(case: Case, changes: Sequence[Change], who: str) -> list[ConversationId]:
    """The rooms of a case that this person may be in: all for who works on it, its notes for who looks into it."""
    rooms: list[ConversationId | None] = []
    if case.is_claimed and (case.claimed_by == who or who in case.inside):
        rooms = [case.relay, case.notes]
    elif not case.is_claimed and case.vetting is Vetting.PENDING:
        vetters = [change.who for change in changes if change.step == Step.VET]
        rooms = [case.notes] if vetters[-1:] == [who] else []
    return [room for room in rooms if room is not None]


def _link(work: Work, room: Conversation) -> str:
    return work.kit.render.staff(sayings.CASE_ROOMS[room.place], link=f"{PERMALINK}{room.room or ''}")
