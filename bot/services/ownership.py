"""Whose a case is: claimed, released, handed over, and who helps with it. Nobody waits for somebody who is gone.

It is one person's alone. Whoever else of the staff comes into its rooms may speak there, and owns nothing.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from bot.domain import Case, CaseNumber, CaseStatus, Conversation, TextId
from bot.happenings import Left
from bot.life import Step
from bot.services import casework, earlier, progress, relay, sayings
from bot.services.casework import Told
from bot.services.work import Work


def claim(work: Work, case: Case, who: str, *, emergency: bool = False) -> Told:
    """One of the staff wants a case: as theirs, or to help with it where its claimer has called for that."""
    if case.is_claimed and case.help_wanted and case.claimed_by != who:
        casework.invite(work, case, who)
        return Told(sayings.HELPER_INVITED, news=True, other=who)
    told = casework.claim(work, case, who, emergency=emergency)
    _settle(work, case.number, who)
    return replace(told, in_relay=told.news and _has_its_room_still(work, case))


def give_back(work: Work, case: Case, who: str) -> Told:
    """Its claimer, or a lead, wants nobody to have it any more."""
    if not case.is_claimed:
        return Told(sayings.NOT_CLAIMED)
    if who != case.claimed_by and not work.is_lead(who):
        return Told(sayings.NOT_YOURS)
    _free(work, case, who)
    return Told(sayings.RELEASE_DONE, news=True, in_relay=True)


def release(work: Work, case: Case, who: str, why: TextId) -> None:
    """Its claimer is gone: it waits for another one. `why` names them in the room where its card stands."""
    claimer = case.claimed_by or ""
    _free(work, case, who)
    work.say(work.queue_of(case), work.kit.render.staff(why, case=case.number, who=claimer))


def assign(work: Work, case: Case, to: str, who: str) -> Told:
    """Make it somebody else's: by its claimer, or by a lead, who may give it to somebody while nobody has it, too."""
    if case.is_over:
        closed = case.status is CaseStatus.CLOSED
        return Told(sayings.CLAIM_REFUSED_CLOSED if closed else sayings.CLAIM_REFUSED_DECLINED)
    if not work.is_lead(who) and not (case.is_claimed and case.claimed_by == who):
        return Told(sayings.NOT_YOURS)
    if case.is_claimed and case.claimed_by == to:
        return Told(sayings.CLAIM_REFUSED_TAKEN, other=to)
    assigned = progress.move(
        work,
        case,
        Step.ASSIGN,
        who,
        free=not work.kit.staff.before_claim,
        claimed_by=to,
        **_nobody_yet(),
    )
    if assigned is None:
        return Told(sayings.CLAIM_REFUSED_VETTING)
    if to not in assigned.inside:
        relay.withdraw(work, assigned)
    casework.furnish(work, assigned, to)
    _settle(work, case.number, to)
    return Told(sayings.ASSIGN_DONE, news=True, in_relay=_has_its_room_still(work, case), other=to)


def call_for_help(work: Work, case: Case, helper: str | None, who: str) -> Told:
    """Its claimer wants others of the staff in its rooms: this one, or whoever has time."""
    if not case.is_claimed or case.claimed_by != who:
        return Told(sayings.HELP_REFUSED)
    if helper is None:
        work.tx.cases.save(replace(case, help_wanted=True))
        return Told(sayings.HELP_WANTED, news=True)
    if helper == who:
        return claim(work, case, who)
    casework.invite(work, case, helper)
    return Told(sayings.HELPER_INVITED, news=True, other=helper)


def left(work: Work, case: Case, who: str, event_id: str) -> None:
    """Somebody left the relay room, was put out of it, or would not come in: its claimer so gives the case up."""
    case = earlier.left(work, case, who)
    if who != case.claimed_by:
        return
    answered = case.left  # they claimed it again before this was looked at
    case = replace(case, relay_open=False, left=None if answered == event_id else answered)
    work.tx.cases.save(case)
    if case.is_claimed and answered is None:
        release(work, case, who, sayings.CLAIMER_LEFT)


def not_invited(work: Work, room: Conversation, case: Case, who: str) -> None:
    """Somebody could not be asked into a room of the case's. Its claimer cannot work without the relay room."""
    there = case.relay_open or who in case.inside
    if case.is_claimed and case.claimed_by == who and case.relay == room.id and not there:
        release(work, case, "", sayings.CLAIMER_NOT_INVITED)
    else:
        work.say(work.queue_of(case), work.kit.render.staff(sayings.INVITE_FAILED, case=case.number))


def _free(work: Work, case: Case, who: str) -> None:
    claimer = case.claimed_by or ""
    for room in (case.relay, case.notes):
        if room is not None:
            work.uninvite(work.tx.conversations.get(room), claimer)
    freed = progress.move(work, case, Step.RELEASE, who, claimed_by=None, **_nobody_yet())
    if freed is not None:
        relay.withdraw(work, freed)


def _nobody_yet() -> dict[str, Any]:
    """How a case is before whoever has it next is in its relay room."""
    return {"relay_open": False, "help_wanted": False, "left": None}


def _has_its_room_still(work: Work, before: Case) -> bool:
    """Whether those who were in its relay room are in the one that it has now."""
    case = work.tx.cases.get(before.number)
    return case is not None and before.relay is not None and case.relay == before.relay


def _settle(work: Work, number: CaseNumber, who: str) -> None:
    """It is theirs since now, or was and they have asked for its rooms again.

    Of somebody who is in the relay room already, the homeserver will not say that they came. And they may have left it
    before: a leaving that is not looked at yet must not cost them the case, since they are asked in again.
    """
    case = work.tx.cases.get(number)
    if case is None or not case.is_claimed or case.claimed_by != who or case.relay is None:
        return
    pending = [arrival for _, arrival in work.tx.journal.pending(case.relay)]
    gone = [arrival.event_id for arrival in pending if arrival.sender == who and isinstance(arrival.what, Left)]
    if gone:
        work.tx.cases.save(replace(earlier.left(work, case, who), left=gone[-1], relay_open=False))
    elif who in case.inside and not case.relay_open:
        relay.pass_on_kept(work, case)
