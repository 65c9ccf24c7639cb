"""The life of a case: a `transitions` machine, as the flows are. Pure.

Who owns the conversation follows from it, so that there is exactly one owner at every moment (law 4).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from transitions import EventData, Machine

from bot.domain import CaseStatus, Owner, Vetting


class Step(StrEnum):
    """What moves a case on."""

    OPEN = "open"  # the conversation is handed over to people: with this it begins
    VET = "vet"  # somebody looks into it
    SIGN_OFF = "sign_off"  # somebody vouches for having vetted it
    DECLINE = "decline"  # it is turned away
    CLAIM = "claim"
    RELEASE = "release"
    ASSIGN = "assign"  # to somebody else of the staff
    SPEAK = "speak"  # staff wrote to the requester
    HEAR = "hear"  # the requester wrote to staff
    CLOSE = "close"
    REOPEN = "reopen"  # the requester has come back with the same matter
    LOOK_BACK = "look_back"  # somebody asks whether its requester, or a referee, has come before


_UNCLAIMED = (CaseStatus.ARRIVED, CaseStatus.VETTING, CaseStatus.WAITING, CaseStatus.REOPENED)
_CLAIMED = (CaseStatus.CLAIMED, CaseStatus.ON_US, CaseStatus.ON_REQUESTER)

OWNERS = {
    **dict.fromkeys(_UNCLAIMED, Owner.QUEUE),
    **dict.fromkeys(_CLAIMED, Owner.SPECIALIST),
    CaseStatus.DECLINED: Owner.NOBODY,
    CaseStatus.CLOSED: Owner.NOBODY,
}
"""Who answers in the requester's conversation while a case is at this point."""


@dataclass(slots=True)
class _Cursor:
    state: str
    vetting: Vetting
    free: bool


def after(status: CaseStatus, vetting: Vetting, step: Step, *, free: bool = False) -> CaseStatus | None:
    """Where this step leads a case; None where it must not be taken.

    `free`: this claim does not wait for a sign-off.
    """
    event = _MACHINE.events.get(str(step))
    if event is None or str(status) not in event.transitions:  # `transitions` would write a warning into the log
        return None
    cursor = _Cursor(str(status), vetting, free)
    return CaseStatus(cursor.state) if event.trigger(cursor) else None


def _may_be_claimed(event: EventData) -> bool:
    """Humans vet (law 8): a person has signed the case off, unless the helpline or an emergency goes without."""
    return _cursor(event).free or _is_passed(event)


def _is_passed(event: EventData) -> bool:
    return _cursor(event).vetting is Vetting.PASSED


def _is_pending(event: EventData) -> bool:
    return _cursor(event).vetting is Vetting.PENDING


def _cursor(event: EventData) -> _Cursor:
    assert isinstance(event.model, _Cursor)  # noqa: S101  # `transitions` knows no type of it
    return event.model


_SAME = "="  # as `transitions` has it
_WAYS: Sequence[tuple[Step, Sequence[CaseStatus], CaseStatus | str, Callable[[EventData], bool] | None]] = (
    (Step.VET, (CaseStatus.ARRIVED, CaseStatus.VETTING), CaseStatus.VETTING, None),
    (Step.VET, (CaseStatus.REOPENED, *_CLAIMED), _SAME, None),
    (Step.SIGN_OFF, (CaseStatus.ARRIVED, CaseStatus.VETTING), CaseStatus.WAITING, None),
    (Step.SIGN_OFF, (CaseStatus.REOPENED, *_CLAIMED), _SAME, None),
    (Step.DECLINE, (*_UNCLAIMED, *_CLAIMED), CaseStatus.DECLINED, None),
    (Step.CLAIM, _UNCLAIMED, CaseStatus.CLAIMED, _may_be_claimed),
    (Step.ASSIGN, _UNCLAIMED, CaseStatus.CLAIMED, _may_be_claimed),
    (Step.ASSIGN, _CLAIMED, _SAME, None),
    (Step.RELEASE, _CLAIMED, CaseStatus.WAITING, _is_passed),
    (Step.RELEASE, _CLAIMED, CaseStatus.VETTING, _is_pending),
    (Step.RELEASE, _CLAIMED, CaseStatus.ARRIVED, None),
    (Step.SPEAK, _CLAIMED, CaseStatus.ON_REQUESTER, None),
    (Step.HEAR, (CaseStatus.ON_REQUESTER,), CaseStatus.ON_US, None),
    (Step.CLOSE, (*_UNCLAIMED, *_CLAIMED), CaseStatus.CLOSED, None),
    (Step.REOPEN, (CaseStatus.CLOSED,), CaseStatus.REOPENED, None),
    (Step.LOOK_BACK, (*_UNCLAIMED, *_CLAIMED), _SAME, None),
)


def _machine() -> Machine:
    machine = Machine(
        model=None,
        states=list(map(str, CaseStatus)),
        initial=None,
        auto_transitions=False,
        send_event=True,
        queued=False,
    )
    for step, sources, target, condition in _WAYS:
        machine.add_transition(str(step), list(map(str, sources)), str(target), conditions=condition)
    return machine


_MACHINE = _machine()
