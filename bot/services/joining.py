"""One person who writes on two channels: a specialist joins their two cases, and nobody else ever does.

What they write in either conversation then appears in the one relay room, and what staff write there reaches them where
they wrote last.
"""

from __future__ import annotations

from dataclasses import replace

from bot.domain import Case, Conversation
from bot.life import Step
from bot.services import earlier, identity, keeping, progress, record, relay, sayings, silence
from bot.services.casework import Told, others, summarize
from bot.services.work import Work


def join(work: Work, case: Case, other: Case, who: str) -> Told:
    """From now on the requester of `other` is that of `case`. Only whoever has claimed both can know that they are."""
    mine = [each for each in (case, other) if each.is_claimed and each.claimed_by == who]
    if len(mine) != 2 or case.number == other.number or case.notes is None:
        return Told(sayings.JOIN_REFUSED)
    notes = work.tx.conversations.get(case.notes)
    together = (other, *work.tx.cases.joined(other.number))
    for each in together:
        summarize(work, notes, each, who)
    case = identity.still_waits(work, case, other)
    case = earlier.joined(work, case)
    for entry in record.waiting(work, other):
        work.tx.entries.erase(entry)
        relay.keep(work, case, replace(entry, case=case.number))
    keeping.expect(work, case)
    silence.joined(work, case, other)
    if case.relay_open:
        relay.pass_on_kept(work, case)
    for conversation in work.tx.conversations.of_requester(other.number):
        work.tx.conversations.save(replace(conversation, case=case.number))
    for room in (other.relay, other.notes):
        if room is not None:
            joined = work.kit.render.staff(sayings.JOINED_TO, case=other.number, other=case.number)
            work.say(work.tx.conversations.get(room), joined)
    for each in together:  # what they said is kept as long as the case is that they are part of now
        if progress.move(work, each, Step.CLOSE, who, joined_to=case.number) is None:
            work.tx.cases.save(replace(each, joined_to=case.number))
    return Told(sayings.JOIN_DONE, news=True, other=other.number)


def note(work: Work, conversation: Conversation, case: Case) -> Case:
    """The requester wrote here: it is here that they are answered, and staff hear where that reaches them."""
    if conversation.id == case.partner:
        return case
    return _turn(work, conversation, case)


def leave(work: Work, conversation: Conversation, case: Case) -> Case:
    """The requester left this conversation in haste: answers reach them in another, where they have one."""
    elsewhere = others(work, case, conversation)
    if conversation.id != case.partner or not elsewhere:
        return case
    return _turn(work, elsewhere[0], case)


def _turn(work: Work, conversation: Conversation, case: Case) -> Case:
    before = work.tx.conversations.get(case.partner)
    case = replace(case, writes_from=conversation.id)
    work.tx.cases.save(case)
    if case.relay is None:
        return case
    room = work.tx.conversations.get(case.relay)
    channel = work.kit.render.channel(conversation.channel)
    work.say(room, work.kit.render.staff(sayings.WRITES_ELSEWHERE, case=case.number, channel=channel))
    if conversation.identity == "":
        work.say(room, work.kit.render.staff(sayings.IDENTITY_NONE))
    if conversation.expires is not None or before.expires is not None:
        work.say(room, work.kit.render.expiry(conversation.expires))
    return case
