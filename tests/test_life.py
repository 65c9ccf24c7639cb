"""The life of a case: every step from every point of it, those that are allowed and those that are not."""

from __future__ import annotations

import itertools

import pytest

from bot.domain import CaseStatus as At
from bot.domain import Owner, Vetting
from bot.life import OWNERS, Step, after

UNCLAIMED = (At.ARRIVED, At.VETTING, At.WAITING, At.REOPENED)
CLAIMED = (At.CLAIMED, At.ON_US, At.ON_REQUESTER)

LEADS = {
    **{(status, Step.VET): At.VETTING for status in (At.ARRIVED, At.VETTING)},
    **{(status, Step.VET): status for status in (At.REOPENED, *CLAIMED)},
    **{(status, Step.SIGN_OFF): At.WAITING for status in (At.ARRIVED, At.VETTING)},
    **{(status, Step.SIGN_OFF): status for status in (At.REOPENED, *CLAIMED)},
    **{(status, Step.DECLINE): At.DECLINED for status in (*UNCLAIMED, *CLAIMED)},
    **{(status, Step.CLAIM): At.CLAIMED for status in UNCLAIMED},
    **{(status, Step.ASSIGN): At.CLAIMED for status in UNCLAIMED},
    **{(status, Step.ASSIGN): status for status in CLAIMED},
    **{(status, Step.RELEASE): At.WAITING for status in CLAIMED},
    **{(status, Step.SPEAK): At.ON_REQUESTER for status in CLAIMED},
    (At.ON_REQUESTER, Step.HEAR): At.ON_US,
    **{(status, Step.CLOSE): At.CLOSED for status in (*UNCLAIMED, *CLAIMED)},
    (At.CLOSED, Step.REOPEN): At.REOPENED,
    **{(status, Step.LOOK_BACK): status for status in (*UNCLAIMED, *CLAIMED)},
}


@pytest.mark.parametrize(("status", "step"), list(itertools.product(At, Step)), ids=str)
def test_every_step_leads_where_it_should_or_is_refused(status: At, step: Step) -> None:
    assert after(status, Vetting.PASSED, step) == LEADS.get((status, step))


@pytest.mark.parametrize("vetting", [Vetting.NONE, Vetting.PENDING, Vetting.DECLINED])
@pytest.mark.parametrize("status", UNCLAIMED)
@pytest.mark.parametrize("step", [Step.CLAIM, Step.ASSIGN])
def test_nobody_has_a_case_before_a_person_signed_it_off_unless_it_is_free(
    status: At, vetting: Vetting, step: Step
) -> None:
    assert after(status, vetting, step) is None
    assert after(status, vetting, step, free=True) is At.CLAIMED


@pytest.mark.parametrize("status", CLAIMED)
def test_a_released_case_is_where_its_vetting_is(status: At) -> None:
    assert after(status, Vetting.NONE, Step.RELEASE) is At.ARRIVED
    assert after(status, Vetting.PENDING, Step.RELEASE) is At.VETTING
    assert after(status, Vetting.PASSED, Step.RELEASE) is At.WAITING


def test_every_point_has_one_owner_and_never_the_bot() -> None:
    assert set(OWNERS) == set(At)
    assert {status for status, owner in OWNERS.items() if owner is Owner.SPECIALIST} == set(CLAIMED)
    assert Owner.BOT not in OWNERS.values()
