"""The order of a summary, as the entry flow has it; and what is read of an answer that is changed afterwards."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.domain import Answer, TextId
from bot.flow.events import OpenCase, Replied
from bot.flow.loader import load
from bot.flow.machine import RecordedStep, State, compile_flows
from bot.flow.model import Library
from bot.flow.summing import arranged
from tests.flow.small import Talk, engine, good

SHIPPED = Path(__file__).parents[2] / "flows"
NOW = datetime(2026, 1, 5, 9, tzinfo=UTC)
SUMMARY = """person: person
summary:
  what: {title: What happened, steps: [main.urgency, main]}
  who: {title: Who is asking, note: For vetting., steps: who}
"""


def given(step: str) -> Answer:
    return Answer(step, TextId(step), "answered")


def summed() -> dict[str, str]:
    files = good()
    return {**files, "main.yaml": files["main.yaml"].replace("person: person\n", SUMMARY)}


def test_answers_stand_where_the_summary_names_them_a_step_before_its_flow() -> None:
    sections = load(summed()).flows["main"].summary
    path = map(given, ("who.role", "main.what", "more.rest", "main.urgency", "main.contact"))
    found = [(title, [answer.step for answer in answers]) for title, answers in arranged(path, sections)]
    assert found == [
        ("main/summary/what", ["main.urgency", "main.what", "main.contact"]),
        ("main/summary/who", ["who.role"]),
        (None, ["more.rest"]),
    ]


def test_without_a_summary_answers_stand_as_they_were_given() -> None:
    path = tuple(map(given, ("who.role", "main.what")))
    assert arranged(path, {}) == [(None, list(path))]
    assert arranged((), {}) == []


def test_the_titles_are_texts_with_their_notes_for_translators() -> None:
    sources = load(summed()).sources
    assert sources[TextId("main/summary/what")].paragraphs == ("What happened",)
    assert sources[TextId("main/summary/who")].note == "For vetting."


def test_the_shipped_summary_has_what_a_specialist_expects_in_this_order() -> None:
    library = load({path.name: path.read_text() for path in SHIPPED.glob("*.yaml")})
    asked = [state.id for state in engine_states(library)]
    order = [
        answer.step for _, answers in arranged(map(given, asked), library.flows["main"].summary) for answer in answers
    ]
    expected = [
        "eligibility.role",
        "eligibility.whom",
        "incident.country",
        "incident.this_device",
        "incident.urgency",
        "eligibility.problem",
        "incident.what_happened",
        "referral.about_you",
        "referral.referrer",
        "referral.referee",
        "referral.contact_referee",
        "referral.name_requester",
        "consent.consent",
        "behalf.third_person",
        "incident.reach",
    ]
    assert [step for step in order if step in expected] == expected
    kept = {f"{flow.name}.{step}": kind for flow in library.flows.values() for step, kind in flow.compares.items()}
    assert kept == {"referral.referrer": "referrer", "referral.referee": "referee"}


def engine_states(library: Library) -> list[State]:
    states = compile_flows(library, ["en"]).states.values()
    return [state for state in states if isinstance(state.step, RecordedStep) and not state.name.startswith("person/")]


def test_a_consent_is_dated_by_the_message_that_gives_it_and_nothing_else_is() -> None:
    talk = Talk(engine(good()))
    talk.start("person", None)
    [opened, _] = talk.step(Replied("yes", "$yes", NOW))
    assert isinstance(opened, OpenCase)
    assert [(answer.step, answer.at) for answer in opened.answers] == [("consent.consent", NOW)]
    assert opened.refs == ("$yes",)


def test_a_consent_that_stands_keeps_its_date() -> None:
    talk = Talk(engine(good()))
    talk.start()
    talk.say("2", "1", "1")
    while talk.state is not None and not talk.state.startswith("consent"):
        talk.say("1")
    talk.step(Replied("yes", "$yes", NOW))
    talk.say("menu")
    [opened, _] = talk.say("person")
    assert isinstance(opened, OpenCase)
    assert [answer.at for answer in opened.answers if answer.version is not None] == [NOW]


@pytest.mark.parametrize(
    ("step", "text", "locale", "outcome", "words"),
    [
        ("main.urgency", "2", "en", "later", None),
        ("main.urgency", "Now", "en", "now", None),
        ("main.urgency", "they are here", "en", "answered", "they are here"),
        ("main.what", "it was on Monday", "en", "answered", "it was on Monday"),
        ("main.what", "skip", "en", "skipped", None),
        ("consent.consent", "no", "en", "no", None),
        ("gone.step", "2", "en", "answered", "2"),
        ("main.urgency", "2", "xx", "answered", "2"),
    ],
)
def test_a_change_is_read_as_an_answer_to_the_same_question(
    step: str, text: str, locale: str, outcome: str, words: str | None
) -> None:
    read = engine(good()).reread(given(step), text, locale)
    assert (read.step, read.outcome, read.words) == (step, outcome, words)
