"""One person who writes on two channels: a specialist joins their two cases, and nobody else ever does.

What they write in either conversation then appears in the one relay room, and what staff write there reaches them where
they wrote last.
"""

from __future__ import annotations

from dataclasses import replace

from bot.domain import Case, CaseStatus, Conversation
from bot.services import keeping, relay, sayings
from bot.services.casework import Told, end, summarize
from bot.services.work import Work


def join(work: Work, case: Case, other: Case, who: str) -> Told:
    """From now on the requester of `other` is that of `case`. Only whoever has claimed both can know that they are."""
    mine = [each for each in (case, other) if each.status is CaseStatus.CLAIMED and each.claimed_by == who]
    if len(mine) != 2 or case.number == other.number or case.notes is None:
        return Told(sayings.JOIN_REFUSED)
    notes = work.tx.conversations.get(case.notes)
    summarize(work, notes, other)
    for kept in keeping.take_kept(work, other):
        relay.keep(work, case, kept)
    if case.relay_open:
        relay.pass_on_kept(work, case)
    for conversation in work.tx.conversations.of_requester(other.number):
        work.tx.conversations.save(replace(conversation, case=case.number))
    for room in (other.relay, other.notes):
        if room is not None:
            joined = work.kit.render.staff(sayings.JOINED_TO, case=other.number, other=case.number)
            work.say(work.tx.conversations.get(room), joined)
    end(work, other)
    return Told(sayings.JOIN_DONE, news=True, other=other.number)


def note(work: Work, conversation: Conversation, case: Case) -> Case:
    """The requester wrote here: it is here that they are answered, and staff hear where that reaches them."""
    if conversation.id == case.partner:
        return case
    case = replace(case, writes_from=conversation.id)
    work.tx.cases.save(case)
    if case.relay is not None:
        say = work.kit.render.staff(
            sayings.WRITES_ELSEWHERE, case=case.number, channel=work.kit.render.channel(conversation.channel)
        )
        work.say(work.tx.conversations.get(case.relay), say)
    return case
