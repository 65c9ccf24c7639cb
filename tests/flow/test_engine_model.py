"""The engine against a simple model of what is handed over, and against whatever people write."""

from __future__ import annotations

import random
from dataclasses import replace
from itertools import product
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from bot.domain import Answer, Attachment, Kind, TextId
from bot.flow.asides import Aside
from bot.flow.engine import REMIND, Engine, Step
from bot.flow.events import AskLanguage, Edited, Event, Halted, Missed, OpenCase, Replied, Sent, Started, TimedOut
from bot.flow.machine import Compiled, WaitingStep
from bot.flow.model import LanguageStep
from bot.flow.session import CONSENTED, Passed, Session, from_json, to_json
from bot.flow.sorts import Entry
from tests.flow import small
from tests.flow.small import LANGUAGES, WORDS, Talk, compiled, engine, lexicon

SHIPPED = Path(__file__).parents[2] / "flows"

# the good flows as one reads them: each question, its answers in the order shown, and the question each leads to
QUESTIONS: dict[str, dict[str, str]] = {
    "menu": {"questions": "topics", "help": "who/role"},
    "who/role": {"activist": "who/problem", "journalist": "who/problem", "other": "who/sure"},
    "who/problem": {"account": "consent/consent", "legal": "who/also"},
    "who/also": {"yes": "who/problem", "no": "menu"},
    "who/sure": {"yes": "who/problem", "no": "menu"},
    "consent/consent": {"yes": "what", "no": "menu"},
    "what": {"answered": "urgency", "skipped": "urgency"},
    "urgency": {"now": "contact", "later": "contact"},
    "contact": {"yes": "review", "no": "review"},
}
INTAKE = set(QUESTIONS) - {"menu"} | {"review"}


class Requester(RuleBasedStateMachine):
    """Answers, goes back, changes answers, wanders off to the menu, and hands over in the end.

    The model only remembers the last answer given to each question, and that is all that decides the path.
    """

    handed_over = 0

    def __init__(self) -> None:
        super().__init__()
        self.talk = Talk(GOOD)
        self.talk.start()
        self.last: dict[str, str] = {}
        self.written = 0

    @property
    def state(self) -> str:
        assert self.talk.state is not None
        return self.talk.state

    @rule(places=st.lists(st.integers(0, 2), min_size=1, max_size=9))
    def answer(self, places: list[int]) -> None:
        for place in places:
            if self.state == "what":
                self.write(skip=place == 0)
            elif self.state in QUESTIONS:
                self.choose(place)

    def choose(self, place: int) -> None:
        state = self.state
        outcomes = list(QUESTIONS[state])
        outcome = outcomes[place % len(outcomes)]
        self.last[state] = outcome
        self.talk.say(str(outcomes.index(outcome) + 1))

    def write(self, *, skip: bool) -> None:
        self.written += 1
        self.last["what"] = "skipped" if skip else "answered"
        self.talk.say("skip" if skip else f"words {self.written}")

    @rule()
    def back(self) -> None:
        before = self.talk.path
        self.talk.say("back")
        assert self.talk.path == before[:-1]
        assert not before or before[-1].startswith(f"{self.state}=")

    @rule()
    def menu(self) -> None:
        self.talk.say("menu")
        assert self.state == "menu"

    @precondition(lambda self: self.state in INTAKE)
    @rule()
    def menu_and_on(self) -> None:
        state, path = self.state, self.talk.path
        if path[0] == "menu=help":
            self.last["menu"] = "help"
            self.talk.say("menu", "2")
            assert (self.state, self.talk.path) == (state, path)

    @rule(word=st.sampled_from(["help", "gibberish, surely", "language", "stop"]))
    def aside(self, word: str) -> None:
        state, path, kept = self.state, self.talk.path, self.talk.kept
        if state == "what" and "," in word:
            return
        self.talk.say(word, *{"language": ["English"], "stop": ["no"]}.get(word, []))
        assert (self.state, self.talk.path, self.talk.kept) == (state, path, kept)

    @precondition(lambda self: self.state == "topics")
    @rule(place=st.integers(1, 3))
    def read(self, place: int) -> None:
        self.talk.say(str(place))
        if self.state == "topics":
            self.talk.say("yes")  # one more question

    @precondition(lambda self: self.state == "review")
    @rule(number=st.integers(1, 6))
    def change(self, number: int) -> None:
        shown = self.talk.path[1:]
        self.talk.say("2", str(number))
        if number > len(shown):
            self.talk.say("back")
            return
        assert self.state == shown[number - 1].partition("=")[0]
        assert self.talk.path == ["menu=help", *shown[: number - 1]]

    @rule(place=st.integers(0, 8), outcome=st.integers(0, 2), use=st.booleans())
    def edit(self, place: int, outcome: int, use: bool) -> None:
        shown = self.talk.path[1:]
        if not shown:
            return
        question, _, before = shown[place % len(shown)].partition("=")
        outcomes = list(QUESTIONS[question])
        answer = outcomes[outcome % len(outcomes)]
        self.written += 1
        text = str(outcomes.index(answer) + 1)
        if question == "what":
            text = "skip" if answer == "skipped" else f"words {self.written}"
        changed = Talk(GOOD, self.talk.session)
        if self.state == "review":
            changed.say("2", str(place % len(shown) + 1), text)
        self.talk.edit(self.talk.ref(question), text)
        if answer == before != "answered":
            return
        assert self.talk.session is not None
        assert self.talk.session.aside == "changed"
        if use:
            in_review = self.state == "review"
            self.last[question] = answer
            self.talk.say("yes")
            assert not in_review or without_refs(self.talk.session) == without_refs(changed.session)
        else:
            self.talk.say("no")

    @precondition(lambda self: self.state == "review")
    @rule()
    def hand_over(self) -> None:
        expected = self.model("review")
        case, _ = self.talk.say("1")
        assert isinstance(case, OpenCase)
        handed = [(answer.step.replace(".", "/").removeprefix("main/"), answer.outcome) for answer in case.answers]
        assert handed == expected[1:]
        Requester.handed_over += 1
        self.talk.start()  # and someone else begins
        self.last.clear()

    @invariant()
    def the_path_is_what_the_last_answers_lead_to(self) -> None:
        state = self.state
        if state in ("menu", "topics"):
            assert self.talk.path == ([] if state == "menu" else ["menu=questions"])
        else:
            assert self.talk.path == [f"{question}={outcome}" for question, outcome in self.model(state)]

    @invariant()
    def an_answer_is_on_the_path_or_kept_but_never_both(self) -> None:
        on_path, kept = (
            {answer.partition("=")[0] for answer in answers} for answers in (self.talk.path, self.talk.kept)
        )
        assert not on_path & kept
        assert self.state not in on_path | kept
        assert self.state != "review" or not kept

    def model(self, until: str) -> list[tuple[str, str]]:
        """The way from the menu to this question, by the last answer given to each question on it."""
        way, question = [], "menu"
        while question != until:
            outcome = self.last[question]
            way.append((question, outcome))
            question = QUESTIONS[question][outcome]
            assert len(way) < 20
        return way


def test_what_is_handed_over_is_what_the_last_answers_lead_to() -> None:
    run_state_machine_as_test(Requester, settings=settings(max_examples=150, stateful_step_count=60, deadline=None))
    assert Requester.handed_over, "no example came as far as the handoff"


def without_refs(session: Session | None) -> Session | None:
    if session is None:
        return None
    path, kept = (tuple(replace(passed, ref=None) for passed in some) for some in (session.path, session.kept))
    return replace(session, path=path, kept=kept)


def shipped() -> tuple[Engine, Compiled]:
    library, machine = compiled({path.name: path.read_text() for path in SHIPPED.glob("*.yaml")})
    return Engine(machine, {locale: lexicon(library, locale) for locale in LANGUAGES}, LANGUAGES), machine


GOOD, GOOD_MACHINE = engine(small.good()), compiled(small.good())[1]
WIDE, WIDE_MACHINE = engine(small.wide()), compiled(small.wide())[1]
ENGINES = [
    pytest.param((GOOD, GOOD_MACHINE), id="good"),
    pytest.param((WIDE, WIDE_MACHINE), id="wide"),
    pytest.param(shipped(), id="shipped"),
]

SECRET = "my secret"
ANYTHING = (
    *(str(number) for number in range(13)),
    *("٢", "2.", "English", "العربية", "Yes", "not yes", "", "!", f"{SECRET} is long", SECRET),
    *(word for words in WORDS.values() for listed in words.values() for word in listed),
    *("yes", "no", "help", "menu", "back", "language", "person", "stop", "skip", "fingerprint"),
    *("withdraw", "forget", "privacy", "exit", "1, 2", "1 and 4", "1 or 2", "i ned help", "Is it free?"),
    *("what does it cost", "030 901820", "name@example.org", "3 March 2026", "Spain", "x" * 600),
)
FILE = Attachment(Kind.FILE, f"{SECRET}.pdf", "application/pdf", 9, "place", SECRET, channel="matrix")


def agreed(session: Session) -> bool:
    answers = [passed.answer for passed in (*session.path, *session.kept)]
    return any(answer.version is not None and answer.outcome == "yes" for answer in answers)


def held_to_the_laws(machine: Compiled, step: Step) -> None:
    """What must be true of every step, whatever came in."""
    if step.session is not None:
        state = machine.states[step.session.state]
        assert isinstance(state.step, WaitingStep)
        assert step.session.locale is not None or isinstance(state.step, LanguageStep)
        assert from_json(to_json(step.session)) == step.session
        if not agreed(step.session):
            assert SECRET not in to_json(step.session)
    for effect in step.effects:
        if isinstance(effect, OpenCase):
            consents = {(answer.step, answer.version) for answer in effect.answers if answer.outcome == "yes"}
            assert consents & machine.consents
            assert step.session is None


@pytest.mark.parametrize("flows", ENGINES)
@pytest.mark.parametrize("steps", [20_000, pytest.param(1_000_000, marks=pytest.mark.soak)])
def test_whatever_is_written_keeps_to_the_flow_and_to_the_laws(flows: tuple[Engine, Compiled], steps: int) -> None:
    stepped, machine = flows
    chance = random.Random(2)
    session: Session | None = None
    ends = {"cases": 0, "ends": 0}
    for _ in range(steps):
        event: Event = Replied(chance.choice(ANYTHING), f"${chance.randrange(9)}")
        if chance.random() < 0.1:
            event = Edited(chance.choice(ANYTHING), f"${chance.randrange(9)}")
        if chance.random() < 0.02:
            event = chance.choice((Missed(TextId("bot.x")), TimedOut("idle"), TimedOut("x"), Started("person", "es")))
        if chance.random() < 0.05:
            event = chance.choice((Sent(FILE, "$1"), TimedOut("remind")))
        step = stepped.step(session, event)
        held_to_the_laws(machine, step)
        ends["cases"] += any(isinstance(effect, OpenCase) for effect in step.effects)
        ends["ends"] += session is not None and step.session is None
        session = step.session
    assert ends["cases"]
    assert ends["ends"] > ends["cases"]


def sessions_of(machine: Compiled) -> st.SearchStrategy[Session | None]:
    """Whatever a store can hold, of these flows and of others."""
    names = st.sampled_from([*machine.states, "gone", ""])
    steps = st.sampled_from([*{state.id for state in machine.states.values()}, "gone"])
    options = st.sampled_from([*{name for state in machine.states.values() for name in state.options}, "gone"])
    outcomes = st.sampled_from(["yes", "no", "answered", "skipped", "attached", "chosen", "gone"]) | options
    some_answers = st.lists(
        st.builds(
            Passed,
            state=names,
            answer=st.builds(
                Answer,
                step=steps,
                question=steps.map(TextId),
                outcome=outcomes,
                label=st.none() | steps.map(TextId),
                words=st.none() | st.just(SECRET),
                version=st.sampled_from([None, None, 1, 2]),
                chosen=st.lists(st.tuples(options, steps.map(TextId)), max_size=2).map(tuple),
                file=st.sampled_from([None, None, FILE]),
            ).filter(lambda answer: answer.file is None or answer.words is not None),
            ref=st.sampled_from([None, "$1", "$2"]),
        ),
        max_size=6,
    ).map(tuple)
    return st.none() | st.builds(
        Session,
        state=names,
        locale=st.sampled_from(["en", "ar", "fr", None]),
        path=some_answers,
        kept=some_answers,
        aside=st.sampled_from([None, *Aside, "gone"]),
        tries=st.integers(0, 9),
        hinted=st.booleans(),
        missed=st.sampled_from([None, "$1"]),
        offered=st.none() | some_answers.filter(len).map(lambda answers: answers[0]),
        reminded=st.booleans(),
        unanswered=st.booleans(),
        choices=st.lists(options, max_size=3).map(tuple),
    )


any_event = st.one_of(
    st.builds(Replied, st.sampled_from(ANYTHING) | st.text(max_size=8)),
    st.builds(Edited, st.sampled_from(ANYTHING), st.sampled_from(["$1", "$2"])),
    st.builds(Started, st.sampled_from(ANYTHING), st.sampled_from(["en", "fr", None])),
    st.builds(Missed, st.just(TextId("bot.x"))),
    st.builds(Sent, st.just(FILE), st.sampled_from(["$1", None])),
    st.builds(TimedOut, st.sampled_from(["idle", "remind", "x"])),
)


SOME = {"good": (GOOD, GOOD_MACHINE), "wide": (WIDE, WIDE_MACHINE)}
STORED = {name: sessions_of(machine) for name, (_, machine) in SOME.items()}


@pytest.mark.parametrize("name", SOME)
@given(st.data(), st.lists(any_event, min_size=1, max_size=5))
def test_whatever_was_stored_keeps_to_the_flow_and_to_the_laws(
    name: str, data: st.DataObject, events: list[Event]
) -> None:
    stepped, machine = SOME[name]
    session = data.draw(STORED[name])
    for event in events:
        step = stepped.step(session, event)
        if step.effects:  # a timer that is not the engine's, and a second file that nobody asked for, change nothing
            held_to_the_laws(machine, step)
        session = step.session


EVERYTHING_SENT: tuple[Event, ...] = (
    *(Replied(text) for text in ("yes", "no", "1", "menu", "person", "back", "skip", "words")),
    *(Sent(FILE), Edited("1", "$1"), TimedOut("idle"), TimedOut(REMIND), Missed(TextId("bot.x")), Halted()),
)


@pytest.mark.parametrize("entry", [None, *Entry])
@pytest.mark.parametrize("name", SOME)
def test_no_question_in_between_is_taken_where_it_cannot_have_been_asked(name: str, entry: Entry | None) -> None:
    stepped, machine = SOME[name]
    ways = product([*machine.states, "gone"], [None, *Aside], [(), (CONSENTED,)], ["en", "gone", None], EVERYTHING_SENT)
    for state, aside, path, locale, event in ways:
        choices = tuple(machine.states[state].options) if state in machine.states else ("gone",)
        step = stepped.step(Session(state, locale, path, aside=aside, choices=choices, entry=entry), event)
        if step.effects and not isinstance(event, Halted):
            held_to_the_laws(machine, step)


def test_no_to_more_questions_where_none_were_answered_asks_what_stands_open() -> None:
    step = GOOD.step(Session("language", "en", aside=Aside.MORE), Replied("no"))
    assert step.session is not None
    assert (step.session.state, step.session.aside) == ("language", None)
    assert isinstance(step.effects[0], AskLanguage)


@pytest.mark.parametrize("event", [TimedOut(REMIND), Sent(FILE)])
def test_words_that_no_consent_stands_beside_do_not_outlive_a_reminder_or_a_file(event: Event) -> None:
    words = Passed("what", Answer("main.what", TextId("main.what"), "answered", words=SECRET))
    step = WIDE.step(Session("sure", "en", path=(words,)), event)
    assert step.effects
    held_to_the_laws(WIDE_MACHINE, step)
