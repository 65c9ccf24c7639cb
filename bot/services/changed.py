"""What changes in a case after it was handed over: an answer whose message was changed, a wish of its requester's.

It is said in the notes room at once, where somebody reads it, and stands in every summary from then on. What was
answered before stays beside what is answered now: that a message replaces another one can be forged (law 11).
"""

from __future__ import annotations

from dataclasses import replace

from bot.deeds import Hold
from bot.domain import Answer, Case, Conversation, TextId
from bot.happenings import Wrote
from bot.services import sayings
from bot.services.work import Work


def answer(work: Work, conversation: Conversation, case: Case, message: Wrote, edits: str) -> Case:
    """The message of that event was changed: if it gave an answer, that is another one now. The case as it is then."""
    for each in (case, *work.tx.cases.joined(case.number)):
        given = [answer for answer in each.answers if answer.ref == edits]
        if not given or each.requester != conversation.id:
            continue
        first, last = given[0], given[-1]
        read = work.kit.releases.of(each.release, work.tx).engine.reread(first, message.text, each.locale)
        expires = message.expires or first.expires
        said = replace(read, keep=first.keep, expires=expires, at=work.now, ref=edits, later=True)
        if _said(said) != _said(last):
            _take(work, case, each, said, after=last)
    return work.tx.cases.get(case.number) or case


def wish(work: Work, case: Case, wished: TextId) -> None:
    """Its requester wants it to stop, or to be forgotten, or takes their agreement back."""
    notes = _read_in(work, case)
    if notes is not None:
        work.say(notes, work.kit.render.staff(wished, case=case.number))


def _take(work: Work, read_in: Case, case: Case, later: Answer, after: Answer) -> None:
    place = case.answers.index(after) + 1
    answers = (*case.answers[:place], later, *case.answers[place:])
    work.tx.cases.save(replace(case, answers=answers))
    notes = _read_in(work, read_in)
    if notes is not None:
        text = work.render_of(case).changed(case, later)
        work.say(notes, text, hold=Hold(case.number, later.keep, later.expires))


def _read_in(work: Work, case: Case) -> Conversation | None:
    """The notes room of a case, once somebody came into it: whoever comes later gets a summary."""
    if case.notes is None or sayings.NOTES_INTRO not in case.told:
        return None
    return work.tx.conversations.get(case.notes)


def _said(answer: Answer) -> tuple[str, str | None, tuple[str, ...]]:
    return answer.outcome, answer.words, tuple(name for name, _ in answer.chosen)
