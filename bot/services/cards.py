"""The cards of cases: one in each queue room that a case concerned, edited as it moves on.

What a card is to say is decided here, and stored; whether that is a new message or takes the place of the one that
stands in the room is known only when it is sent (`outbox`), since what was decided before may be on its way still.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta

from bot.deeds import Card, SendText
from bot.domain import Case, CaseNumber, CaseStatus, Conversation, Timer
from bot.errors import VestibuleError
from bot.logs import describe
from bot.services import sayings
from bot.services.work import Work

SHOWN = "card"  # the kind of a timer, before the number of a case
FIRST_MOMENTS = tuple(timedelta(minutes=minutes) for minutes in (5, 15, 30, 45, 60, 90, 120))
LATER = timedelta(hours=1)  # between two moments after those
NOBODY_WAITS = (CaseStatus.ON_REQUESTER, CaseStatus.DECLINED, CaseStatus.CLOSED)

_log = logging.getLogger(__name__)


def show(work: Work, case: Case) -> None:
    """Put up the card of a case in the room that it concerns, or bring it up to date there."""
    _put(work, case, work.queue_of(case), text(work, case))
    kind, since = case.kind_of_timer(SHOWN), waits_since(work, case)
    if since is None:
        work.tx.timers.cancel(case.requester, kind)
    else:
        work.set_due(case.requester, kind, since + next_moment(work.now - since))


def refresh(work: Work, case: Case) -> None:
    """Something that stands on the card has changed, or where it stands."""
    at = work.queue_of(case)
    for card in work.tx.cards.of(case.number):
        if card.conversation != at.id:
            _put(work, case, work.tx.conversations.get(card.conversation), _elsewhere(work, case))
    show(work, case)


def settle(work: Work) -> None:
    """Have the cards of all cases that people work on where they belong: rooms have come, gone, or changed."""
    for case in _open(work):
        at, elsewhere = work.queue_of(case).id, _elsewhere(work, case)
        cards = {card.conversation: card.text for card in work.tx.cards.of(case.number)}
        if cards.pop(at, elsewhere) == elsewhere or any(said != elsewhere for said in cards.values()):
            refresh(work, case)


def text(work: Work, case: Case) -> str:
    """What the card of a case says now."""
    since = waits_since(work, case)
    waited = None if since is None else work.now - since
    return work.render_of(case).card(case, before_claim=work.kit.staff.before_claim, waited=waited)


def waits_since(work: Work, case: Case) -> datetime | None:
    """Since when somebody waits for people: the requester, or a case that was let go of; None where nobody does."""
    if case.status in NOBODY_WAITS:
        return None
    since: datetime | None = None
    for change in work.tx.cases.changes(case.number):
        if change.after in NOBODY_WAITS:
            since = None
        elif since is None:
            since = change.at
    return since or case.opened_at  # of a case from before its life was on record


def next_moment(waited: timedelta) -> timedelta:
    """After how long a wait the card says it next."""
    coming = next((moment for moment in FIRST_MOMENTS if moment > waited), None)
    return coming or (waited // LATER + 1) * LATER


def is_due(timer: Timer) -> bool:
    """Whether this timer is one of ours."""
    return timer.what == SHOWN


def ring(work: Work, timer: Timer) -> None:
    """A case has waited for some time more."""
    case = work.tx.cases.get(timer.case)
    if case is not None:
        show(work, case)


def stands(work: Work, case: CaseNumber, room: Conversation, event_id: str | None) -> None:
    """The card stands in this room now: from here on it is edited."""
    for card in work.tx.cards.of(case):
        if card.conversation == room.id:
            work.tx.cards.save(case, replace(card, event_id=event_id))
            return
    work.tx.cards.save(case, Card(room.id, "", event_id))  # its room changed meanwhile, so it is said anew


def _put(work: Work, case: Case, room: Conversation, said: str) -> None:
    before = next((card for card in work.tx.cards.of(case.number) if card.conversation == room.id), None)
    if before is not None and before.text == said:
        return
    work.tx.cards.save(case.number, Card(room.id, said, before.event_id if before else None))
    work.post(room, SendText(said), card=case.number)


def _elsewhere(work: Work, case: Case) -> str:
    return work.kit.render.staff(sayings.CARD_ELSEWHERE, case=case.number)


def _open(work: Work) -> Iterator[Case]:
    try:
        found = work.tx.cases.open()
    except VestibuleError as error:
        # no start must fail, and no room stay shut, because one of all the cases cannot be read
        _log.error("the cards of cases could not be looked after: %s", describe(error))
        return
    yield from (case for case in found if not case.is_over)
