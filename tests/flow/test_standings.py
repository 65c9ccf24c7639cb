"""What the checks prove things about, held against what the engine does: it never stands where they do not look.

And nothing is held, reviewed or handed over but the answers on a way that leads straight to where the engine stands.
"""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest

from bot.domain import Answer, Attachment, Kind, TextId
from bot.flow.engine import Engine
from bot.flow.events import Ask, Edited, Event, Missed, OpenCase, Replied, Say, Sent, Started, TimedOut
from bot.flow.machine import Compiled, RecordedStep, State, WaitingStep, after_consent, answering
from bot.flow.model import NO_REPLY, BranchStep, ConsentStep, HandoffStep, LanguageStep, SeveralStep
from bot.flow.phrases import HELP, NOT_UNDERSTOOD, STOP_CONFIRM
from bot.flow.phrases import NO as SAY_NO
from bot.flow.phrases import YES as SAY_YES
from bot.flow.session import Session, from_json, to_json
from bot.flow.standings import COMMANDS, SILENT, Way, explore, was_given
from bot.flow.waits import TRIES
from bot.flow.walk import has_consent
from tests.flow.made import made
from tests.flow.small import LANGUAGES, compiled, lexicon

FILE = Attachment(Kind.FILE, "notes.pdf", "application/pdf", 9, "place", "key", channel="matrix")
WORDS = ("menu", "back", "person", "skip", "help", "language", "Español", "1", "2", "3", "some words")


def lot(chance: random.Random) -> tuple[Engine, Compiled]:
    library, machine = compiled(made(chance))
    return Engine(machine, dict.fromkeys(LANGUAGES, lexicon(library)), LANGUAGES), machine


def events(chance: random.Random, steps: int) -> Iterator[Event]:
    for _ in range(steps):
        by_lot, ref = chance.random(), f"${chance.randrange(12)}"
        if by_lot < 0.7:
            yield Replied(chance.choice(("1", "1", "2", "3", "some words", "1, 2")), ref)
        elif by_lot < 0.85:
            yield Replied(chance.choice(WORDS), ref)
        elif by_lot < 0.93:
            yield Edited(chance.choice(WORDS), ref)
            yield Replied("yes")
        elif by_lot < 0.96:
            yield from [Replied("something else", ref)] * 3
        elif by_lot < 0.98:
            yield Sent(FILE, ref)
        elif by_lot < 0.99:
            yield TimedOut("idle")
        else:
            yield chance.choice((Missed(TextId("bot.x")), TimedOut("remind"), Started("menu", "en"), Started("", "en")))


def stored(session: Session | None) -> Session | None:
    """The session after a restart."""
    return None if session is None else from_json(to_json(session))


Known = tuple[str, bool, frozenset[str]]  # where one stands, whether with consent, and which questions were answered


def stands(machine: Compiled, session: Session) -> Known:
    last = {passed.answer.step: passed for passed in session.path}  # a flow that is called twice asks twice
    given = (step for step, passed in last.items() if was_given(machine.states[passed.state], passed.answer.outcome))
    return session.state, has_consent(session.path), frozenset(given)


def looked_at(machine: Compiled, *, follow: bool = True) -> set[Known]:
    states = {state.id: state for state in machine.states.values()}
    found = explore(machine, {step: machine.states.keys() for step in states}, follow=follow)
    return {
        (
            each.state,
            each.consented,
            frozenset(step for step, outcome in each.answers if was_given(states[step], outcome)),
        )
        for each in (found.came if found else ())
    }


@pytest.mark.parametrize("flows", [100, pytest.param(3_000, marks=pytest.mark.soak)])
@pytest.mark.parametrize("follow", [True, False], ids=["with-branches-followed", "with-branches-leading-anywhere"])
def test_the_engine_stands_only_where_the_checks_look(flows: int, follow: bool) -> None:
    chance = random.Random(5)
    stood = 0
    for _ in range(flows):
        engine, machine = lot(chance)
        known = looked_at(machine, follow=follow)
        if not known:  # there are too many, which lots seldom come to
            continue
        session: Session | None = None
        seen = set()
        for event in events(chance, 200):
            before = session
            session = stored(engine.step(session, event).session)
            if session is not None:
                assert stands(machine, session) in known, (session, before, event)
                seen.add(stands(machine, session))
        stood += len(seen)
    assert stood > 5 * flows, "the lots went nearly nowhere"


@pytest.mark.parametrize("flows", [150, pytest.param(3_000, marks=pytest.mark.soak)])
def test_what_is_handed_over_lies_on_one_way_through_the_machine(flows: int) -> None:
    chance = random.Random(7)
    cases = 0
    for _ in range(flows):
        engine, machine = lot(chance)
        session: Session | None = None
        for event in events(chance, 200):
            step = engine.step(session, event)
            session = step.session
            for effect in step.effects:
                if isinstance(effect, OpenCase):
                    assert leads_to_a_handoff(machine, effect.answers), effect.answers
                    cases += 1
    assert cases > flows / 3, "hardly anything was handed over"


def leads_to_a_handoff(machine: Compiled, answers: tuple[Answer, ...]) -> bool:
    """Whether whoever gives these answers and no others, in this order, can come to a handoff."""
    ways: dict[str, list[tuple[str, str]]] = {}
    starts = {machine.initial}
    for source, trigger, destination in machine.edges():
        ways.setdefault(source, []).append((trigger, destination))
        if SILENT.get(trigger) == NO_REPLY:  # then the answers before may be gone
            starts.add(destination)
    seen = {(start, 0) for start in starts}
    pending = list(seen)
    while pending:
        name, given = pending.pop()
        state = machine.states.get(name)
        if state is None:
            continue
        if isinstance(state.step, HandoffStep) and given == len(answers):
            return True
        for trigger, destination in ways.get(name, ()):
            asks = isinstance(state.step, RecordedStep) and trigger not in COMMANDS and trigger not in SILENT
            there = [(destination, given)]
            if asks and name != machine.menu:
                there = there if _counted_elsewhere(state, answers, given) else []
                if given < len(answers) and (answers[given].step, trigger) == (
                    state.id,
                    answering(answers[given].outcome),
                ):
                    there.append((destination, given + 1))
            pending += [new for new in there if new not in seen]
            seen.update(there)
    return False


def _counted_elsewhere(state: State, answers: tuple[Answer, ...], given: int) -> bool:
    """Whether this consent is asked in other places too, and the answer that counts was given in one of them."""
    others = (*answers[:given], *answers[given + 1 :])
    return isinstance(state.step, ConsentStep) and any(answer.step == state.id for answer in others)


@pytest.mark.parametrize("flows", [60, pytest.param(2_000, marks=pytest.mark.soak)])
def test_wherever_one_stands_the_ways_out_are_open(flows: int) -> None:
    chance = random.Random(8)
    for _ in range(flows):
        engine, machine = lot(chance)
        session: Session | None = None
        for event in events(chance, 60):
            session = engine.step(session, event).session
            if session is None:
                continue
            stopping = engine.step(session, Replied("stop"))
            assert Ask(STOP_CONFIRM, (SAY_YES, SAY_NO)) in stopping.effects
            assert engine.step(stopping.session, Replied("yes")).session is None
            assert Say(HELP) in engine.step(session, Replied("help")).effects
            at_menu = engine.step(session, Replied("menu")).session
            assert at_menu is not None
            assert at_menu.state == machine.menu
            to_person = engine.step(session, Replied("person"))
            assert Say(NOT_UNDERSTOOD) not in to_person.effects


@pytest.mark.parametrize("flows", [60, pytest.param(2_000, marks=pytest.mark.soak)])
def test_flows_that_were_edited_meanwhile_ask_for_no_more_than_choices_without_consent(flows: int) -> None:
    chance = random.Random(9)
    session: Session | None = None
    asked = 0
    for _ in range(flows):
        engine, machine = lot(chance)  # the session of the flows before goes on in these
        for event in events(chance, 30):
            session = engine.step(session, event).session
            state = machine.states.get(session.state) if session else None  # a reminder of what is gone changes nothing
            if session is not None and state is not None and after_consent(state.step):
                assert has_consent(session.path), (session, event)
                asked += 1
    assert asked > flows


def written(machine: Compiled, way: Way) -> list[Event] | None:
    """What happens on this way; None where the engine stops, as it asks for more than choices only with consent.

    Nor does anybody know which of several options have to be chosen: a branch may want some of them.
    """
    happens: list[Event] = []
    for name, trigger in way:
        state = machine.states[name]
        if after_consent(state.step) or isinstance(state.step, HandoffStep | SeveralStep):
            return None
        if trigger in COMMANDS:
            happens.append(Replied(COMMANDS[trigger].value))
        elif trigger in SILENT:
            silence = SILENT[trigger] == NO_REPLY
            happens += [TimedOut("idle")] if silence else [Replied("something else")] * TRIES
        elif isinstance(state.step, LanguageStep):
            happens.append(Replied("English"))
        elif isinstance(state.step, WaitingStep):
            options = [answering(outcome) for outcome in state.options]
            happens.append(Replied(str(options.index(trigger) + 1 if trigger in options else 1)))
    return happens


@pytest.mark.parametrize("flows", [100, pytest.param(2_000, marks=pytest.mark.soak)])
def test_every_way_without_consent_that_is_told_can_be_gone(flows: int) -> None:
    chance = random.Random(6)
    gone = 0
    for _ in range(flows):
        engine, machine = lot(chance)
        found = explore(machine, {})
        assert found is not None
        for standing in found.came:
            state = machine.states.get(standing.state)
            happens = written(machine, found.way(standing))
            if standing.consented or happens is None or state is None or not isinstance(state.step, WaitingStep):
                continue
            names = [name for name, _ in found.way(standing)]
            silences = sum(SILENT.get(trigger) == NO_REPLY for _, trigger in found.way(standing))
            branches = any(isinstance(machine.states[name].step, BranchStep) for name in names)
            if after_consent(state.step) or len(set(names)) < len(names):
                continue  # where one comes to a question twice, the path is cut, and a branch may decide otherwise
            if silences > 1 or (silences and branches):
                continue  # the second silence in a row is the end, and the first may have erased what a branch looks at
            session = engine.step(None, Replied("")).session
            for event in happens:
                session = engine.step(session, event).session
            assert session is not None, happens
            assert (session.state, has_consent(session.path)) == (standing.state, False), happens
            gone += 1
    assert gone > 4 * flows
