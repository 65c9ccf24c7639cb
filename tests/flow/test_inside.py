"""Whether somebody is in the middle of the questions, in the flows that ship."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.domain import Answer, TextId
from bot.flow.inside import is_inside, is_parting
from bot.flow.loader import load
from bot.flow.machine import compile_flows
from bot.flow.session import Passed, Session

FLOWS = Path(__file__).resolve().parents[2] / "flows"
COMPILED = compile_flows(load({path.name: path.read_bytes() for path in FLOWS.glob("*.yaml")}), ("en",))
OUTSIDE = {"language", "menu", "topics"}
AT_THE_DOOR = {"eligibility/ask_anyway", "eligibility/another_problem"}


@pytest.mark.parametrize("state", sorted(OUTSIDE | AT_THE_DOOR))
def test_whoever_reads_or_has_heard_that_it_is_nothing_for_us_is_outside(state: str) -> None:
    assert state in COMPILED.states
    assert not is_inside(COMPILED, Session(state, "en"))


@pytest.mark.parametrize(
    "state", ["eligibility/role", "eligibility/problem", "consent/consent", "person/consent/consent", "review"]
)
def test_whoever_is_asked_on_the_way_to_people_is_inside(state: str) -> None:
    assert state in COMPILED.states
    assert is_inside(COMPILED, Session(state, "en"))


def test_where_the_flows_were_edited_since_the_answers_decide() -> None:
    answer = Passed("gone", Answer("main.gone", TextId("main.gone"), "yes"))
    assert not is_inside(COMPILED, Session("gone", "en"))
    assert is_inside(COMPILED, Session("gone", "en", (answer,)))


@pytest.mark.parametrize(("aside", "parting"), [("stop", True), ("forget", True), ("language", False), (None, False)])
def test_whoever_is_asked_whether_to_stop_is_on_the_way_out(aside: str | None, parting: bool) -> None:
    assert is_parting(Session("review", "en", aside=aside)) is parting
