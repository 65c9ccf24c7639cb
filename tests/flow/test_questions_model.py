"""The wide flows against a simple model of what is handed over: several, branches, files, what was not understood."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from bot.domain import Attachment, Kind
from bot.flow.engine import IDLE, REMIND
from bot.flow.events import OpenCase, TimedOut
from tests.flow import small
from tests.flow.small import Talk, engine

WIDE = engine(small.wide())
DEVICES = ("phone", "laptop", "tablet")


@dataclass(frozen=True)
class Given:
    """What the last answer to a question was; an unspoken one leads on and stands nowhere."""

    outcome: str
    words: str | None = None
    chosen: tuple[str, ...] = ()
    spoken: bool = True


Answers = dict[str, Given]


def leads(question: str, way: Answers) -> str:
    """The question after this one, by the answers on the way to it and its own: the flow as one reads it."""
    outcome = way[question].outcome
    match question:
        case "menu":
            return "devices"
        case "devices":
            return "sure" if outcome == "none" else "consent/consent"
        case "sure":
            return "consent/consent" if outcome == "yes" else "menu"
        case "consent/consent" if outcome == "no":
            return "menu"
        case "consent/consent":
            if way["devices"].outcome == "none" and way["sure"].outcome == "yes":
                return "mail"
            return "number" if {"phone", "tablet"} & set(way["devices"].chosen) else "when"
        case "number" | "mail":
            return "when"
        case "when":
            numbered = "number" in way and way["number"].outcome == "answered"
            return "picture" if numbered or outcome == "skipped" else "country"
        case "picture":
            return "country"
        case _:
            return "review"


class Requester(RuleBasedStateMachine):
    """Answers in every way there is, changes their mind, says nothing for days, and hands over in the end."""

    handed_over = 0

    def __init__(self) -> None:
        super().__init__()
        self.talk = Talk(WIDE)
        self.talk.start()
        self.last: Answers = {}
        self.written = 0

    @property
    def state(self) -> str:
        assert self.talk.state is not None
        return self.talk.state

    @rule(places=st.lists(st.integers(0, 7), min_size=1, max_size=9))
    def answer(self, places: list[int]) -> None:
        for place in places:
            if self.state not in ("review", "topics", "urgent"):
                given, text = self.one(self.state, place)
                self.give(self.state, given, text)

    def give(self, question: str, given: Given, text: str | Attachment) -> None:
        self.last[question] = given
        if isinstance(text, Attachment):
            self.talk.send(text)
        else:
            for _ in range(1 if given.spoken else 2):
                self.talk.say(text)

    def one(self, question: str, place: int) -> tuple[Given, str | Attachment]:
        """One of the answers to a question, and how it is written."""
        self.written += 1
        number = self.written
        match question:
            case "menu":
                return Given("help"), "1"
            case "devices" if place == 0:
                return Given("none", chosen=()), "none of these"
            case "devices":
                chosen = tuple(name for bit, name in enumerate(DEVICES) if (place & 7) >> bit & 1)[:2]
                shown = [str(DEVICES.index(name) + 1) for name in chosen]
                return Given("chosen", chosen=chosen), " and ".join(reversed(shown))
            case "sure" | "consent/consent":
                return (Given("yes"), "yes") if place % 4 else (Given("no"), "no")
            case "mail" if place % 3 == 0:
                return Given("not understood", spoken=False), "no idea"
            case "mail":
                words = f"name{number}@example.org"
                return Given("answered", words), words
            case "picture" if place % 2:
                file = Attachment(
                    Kind.FILE, f"{number}.pdf", "application/pdf", number, "place", "secret", channel="matrix"
                )
                return Given("attached", file.name), file
            case _ if question == "picture" or place % 3 == 0:
                return Given("skipped"), "skip"
            case "number":
                return Given("answered", str(100_000 + number)), str(100_000 + number)
            case "when":
                return Given("answered", f"3 May {1900 + number % 150}"), f"3 May {1900 + number % 150}"
            case _:
                return Given("answered", "Spain"), "Spain"

    @rule()
    def back(self) -> None:
        if self.state != "urgent":
            before = self.talk.path
            self.talk.say("back")
            assert self.talk.path == before[:-1]

    @rule()
    def menu(self) -> None:
        self.talk.say("menu")
        assert self.state == "menu"

    @rule(word=st.sampled_from(["help", "privacy", "what is that", "withdraw", "forget", "Is it free?", "a file"]))
    def aside(self, word: str) -> None:
        before = (self.state, self.talk.path, self.talk.kept)
        if word == "what is that":
            if self.state in ("menu", "mail"):  # two of these lead on
                return
            self.talk.say(word, "back" if self.talk.session and self.talk.session.aside else "help")
        elif word != "a file":
            self.talk.say(word, *(["no"] if word in ("withdraw", "forget") else []))
        elif self.state != "picture":
            self.talk.send(Attachment(Kind.FILE, "x", "text/plain", 1, "place", "secret", channel="matrix"))
        assert (self.state, self.talk.path, self.talk.kept) == before

    @rule()
    def be_reminded(self) -> None:
        before = (self.state, self.talk.path, self.talk.kept)
        self.talk.step(TimedOut(REMIND))
        assert (self.state, self.talk.path, self.talk.kept) == before

    @precondition(lambda self: self.state in ("picture", "sure"))
    @rule()
    def be_silent(self) -> None:
        if self.state == "picture":
            self.last["picture"] = Given("no reply", spoken=False)
            self.talk.step(TimedOut(IDLE))
            return
        consented = self.talk.kept & {"consent/consent=yes"}
        self.talk.step(TimedOut(IDLE))
        assert self.state == "urgent"
        assert consented or not [*self.talk.path, *self.talk.kept]
        self.talk.say("menu")

    @precondition(lambda self: self.state == "review")
    @rule(number=st.integers(1, 8), place=st.integers(0, 7))
    def change(self, number: int, place: int) -> None:
        shown = self.talk.path[1:]
        self.talk.say("2", str(number))
        if number > len(shown):
            self.talk.say("back")
            return
        question = shown[number - 1].partition("=")[0]
        assert self.state == question
        self.give(question, *self.one(question, place))

    @precondition(lambda self: self.state not in ("menu", "urgent"))
    @rule(place=st.integers(0, 7), answer=st.integers(0, 7))
    def edit(self, place: int, answer: int) -> None:
        shown = [entry.partition("=")[0] for entry in self.talk.path[1:]]
        if not shown:
            return
        question = shown[place % len(shown)]
        given, text = self.one(question, answer)
        if isinstance(text, Attachment) or not given.spoken or given == self.last[question]:
            return
        self.talk.edit(self.talk.ref(question), text)
        assert self.talk.session is not None
        assert self.talk.session.aside == "changed"
        self.last[question] = given
        self.talk.say("yes")

    @precondition(lambda self: self.state == "review")
    @rule()
    def hand_over(self) -> None:
        expected = [(question, given) for question, given in self.model("review").items() if given.spoken][1:]
        case, _ = self.talk.say("1")
        assert isinstance(case, OpenCase)
        handed = [
            (
                answer.step.replace(".", "/").removeprefix("main/"),
                Given(answer.outcome, answer.words, tuple(name for name, _ in answer.chosen)),
            )
            for answer in case.answers
        ]
        assert handed == expected
        assert all((answer.file is not None) == (answer.outcome == "attached") for answer in case.answers)
        Requester.handed_over += 1
        self.talk.start()
        self.last.clear()

    @invariant()
    def the_path_is_what_the_last_answers_lead_to(self) -> None:
        state = self.state
        if state == "urgent" or (state == "menu" and not self.talk.path):
            return
        expected = [f"{question}={given.outcome}" for question, given in self.model(state).items() if given.spoken]
        assert self.talk.path == expected

    @invariant()
    def an_answer_is_on_the_path_or_kept_but_never_both(self) -> None:
        on_path, kept = (
            {answer.partition("=")[0] for answer in answers} for answers in (self.talk.path, self.talk.kept)
        )
        assert not on_path & kept
        assert self.state not in on_path | kept
        assert self.state != "review" or not kept

    def model(self, until: str) -> Answers:
        """The way from the menu to this question, by the last answer given to each question on it."""
        way: Answers = {}
        question = "menu"
        while question != until:
            way[question] = self.last[question]
            question = leads(question, way)
            assert len(way) < 20
        return way


def test_what_is_handed_over_is_what_the_last_answers_of_every_kind_lead_to() -> None:
    run_state_machine_as_test(Requester, settings=settings(max_examples=150, stateful_step_count=60, deadline=None))
    assert Requester.handed_over, "no example came as far as the handoff"
