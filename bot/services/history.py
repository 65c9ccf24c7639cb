"""Whether a requester, or somebody whom they name, stands in other cases too: said to whoever vets, when they ask.

What is compared are keyed hashes of a stated form (`traces.forms`); the flows say of which answers (`compare`). It
names nobody, says nothing of what others said, and decides nothing. The hashes go with what is kept for the vetting.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from bot.deeds import Hold
from bot.domain import Answer, Case, CaseNumber, Conversation, Keep, Place, Trace
from bot.life import Step, after
from bot.services import progress, sayings
from bot.services.work import Work
from bot.traces import forms

ACCOUNT = "@account"  # the kind of a trace; no answer is compared as this


def leave(work: Work, case: Case, conversation: Conversation) -> None:
    """A case is there: leave what other cases can be compared by."""
    day = work.now.date()
    if conversation.contact:
        work.tx.traces.add(Trace(ACCOUNT, case.number, day), f"{conversation.channel} {conversation.contact}")
    for kind, answers in _compared(work, case).items():
        for answer in answers:
            for form in forms(answer.words or ""):
                work.tx.traces.add(Trace(kind, case.number, day), form)


def tell(work: Work, said_in: Conversation, case: Case, who: str) -> None:
    """Answer whoever vets the case or has claimed it, in its notes room; and put on record that they asked."""
    if not _may_ask(work, said_in, case, who):
        work.say(said_in, work.kit.render.staff(sayings.LOOKED_BACK_REFUSED))
        return
    progress.note(work, case, Step.LOOK_BACK, who)
    lines = list(_lines(work, case))
    said = work.kit.render.staff(sayings.LOOKED_BACK if lines else sayings.LOOKED_BACK_NOTHING, case=case.number)
    work.say(said_in, "\n\n".join([said, *lines]), hold=Hold(case.number, Keep.VETTING))


def _may_ask(work: Work, said_in: Conversation, case: Case, who: str) -> bool:
    if said_in.place is not Place.NOTES or after(case.status, case.vetting, Step.LOOK_BACK) is None:
        return False
    if case.is_claimed:
        return case.claimed_by == who or _has_vetted(work, case, who)
    return _has_vetted(work, case, who)


def _has_vetted(work: Work, case: Case, who: str) -> bool:
    return any((change.step, change.who) == (Step.VET, who) for change in work.tx.cases.changes(case.number))


def _lines(work: Work, case: Case) -> Iterator[str]:
    """One for each kind of trace that the case still has."""
    render, own = work.render_of(case), _together(work, case)
    called = {ACCOUNT: work.kit.render.staff(sayings.LOOKED_BACK_ACCOUNT)}
    for kind, answers in _compared(work, case).items():
        called[kind] = render.called(answers[0].question)
    alike = work.tx.traces.alike(case.number)
    for kind in sorted({trace.kind for trace in alike}):
        found = {trace.case: trace.day for trace in alike if trace.kind == kind and trace.case not in own}
        months = dict.fromkeys(render.month(day) for day in sorted(found.values()))
        text = sayings.LOOKED_BACK_LINE if found else sayings.LOOKED_BACK_NONE
        yield work.kit.render.staff(
            text, question=called.get(kind, kind), count=str(len(found)), detail=", ".join(months)
        )


def _together(work: Work, case: Case) -> frozenset[CaseNumber]:
    """The case and those that are known to be the same person's: they are one."""
    first = case.joined_to or case.number
    return frozenset({first, case.number, *(each.number for each in work.tx.cases.joined(first))})


def _compared(work: Work, case: Case) -> Mapping[str, list[Answer]]:
    """The answers in words that are compared, by as what."""
    compares = work.kit.releases.of(case.release, work.tx).compares
    found: dict[str, list[Answer]] = {}
    for answer in case.answers:
        if answer.words is not None and answer.step in compares:
            found.setdefault(compares[answer.step], []).append(answer)
    return found
