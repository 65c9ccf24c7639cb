"""What the checks prove things about, held against what the engine does: it never stands where they do not look.

And nothing is held, reviewed or handed over but the answers on a way that leads straight to where the engine stands.
"""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest

from bot.domain import TextId
from bot.flow.engine import Engine
from bot.flow.events import Edited, Event, Missed, Replied, Started, TimedOut
from bot.flow.machine import OVER, Compiled, WaitingStep, answering
from bot.flow.model import SKIPPED, YES, AskStep, HandoffStep, LanguageStep
from bot.flow.session import Session
from bot.flow.standings import COMMANDS, Standing, Way, explore
from bot.flow.walk import has_consent
from tests.flow.made import made
from tests.flow.small import LANGUAGES, compiled, lexicon

WORDS = ("menu", "back", "person", "skip", "help", "1", "2", "3", "some words")


def lot(chance: random.Random) -> tuple[Engine, Compiled]:
    library, machine = compiled(made(chance))
    return Engine(machine, {locale: lexicon(library, locale) for locale in LANGUAGES}, LANGUAGES), machine


def events(chance: random.Random, steps: int) -> Iterator[Event]:
    for _ in range(steps):
        by_lot, ref = chance.random(), f"${chance.randrange(12)}"
        if by_lot < 0.75:
            yield Replied(chance.choice(("1", "1", "2", "3", "some words")), ref)
        elif by_lot < 0.9:
            yield Replied(chance.choice(WORDS), ref)
        elif by_lot < 0.995:
            yield Edited(chance.choice(WORDS), ref)
            yield Replied("yes")
        else:
            yield chance.choice((Missed(TextId("bot.x")), TimedOut("idle"), Started("menu", "en"), Started("", "en")))


def stands(session: Session) -> Standing:
    given = [
        passed.answer
        for passed in session.path
        if passed.answer.outcome != SKIPPED and (passed.answer.version is None or passed.answer.outcome == YES)
    ]
    answers = frozenset((answer.step, "given") for answer in given)
    return Standing(session.state, has_consent(session.path), answers)


@pytest.mark.parametrize("flows", [150, pytest.param(1_000, marks=pytest.mark.soak)])
def test_the_engine_stands_only_where_the_checks_look(flows: int) -> None:
    chance = random.Random(5)
    stood, standings = 0, 0
    for _ in range(flows):
        engine, machine = lot(chance)
        found = explore(machine, {state.id for state in machine.states.values()})
        if found is None:  # too many, which lots seldom come to
            continue
        session: Session | None = None
        seen = set()
        for event in events(chance, 300):
            before = session
            step = engine.step(session, event)
            session = step.session
            if session is not None:
                assert stands(session) in found.came, (session, before, event)
                seen.add(stands(session))
        stood += len(seen)
        standings += len(found.came)
    assert stood > 8 * flows, "the lots went nearly nowhere"


def said(machine: Compiled, way: Way) -> list[str] | None:
    """What a person writes to go this way; None where the engine stops, as it asks for words only with consent."""
    texts = []
    for name, trigger in way:
        state = machine.states[name]
        if isinstance(state.step, AskStep | HandoffStep):
            return None
        if trigger in COMMANDS:
            texts.append(COMMANDS[trigger].value)
        elif isinstance(state.step, LanguageStep):
            texts.append("English")
        elif isinstance(state.step, WaitingStep):
            texts.append(str([answering(outcome) for outcome in state.options].index(trigger) + 1))
    return texts


@pytest.mark.parametrize("flows", [100, pytest.param(2_000, marks=pytest.mark.soak)])
def test_every_way_without_consent_that_is_told_can_be_gone(flows: int) -> None:
    chance = random.Random(6)
    gone = 0
    for _ in range(flows):
        engine, machine = lot(chance)
        found = explore(machine)
        assert found is not None
        for standing in found.came:
            texts = said(machine, found.way(standing))
            stops = standing.state == OVER or not isinstance(machine.states[standing.state].step, WaitingStep)
            if standing.consented or texts is None or stops or _in_words(machine, standing.state):
                continue
            session = engine.step(None, Replied("")).session
            for text in texts:
                session = engine.step(session, Replied(text)).session
            assert session is not None
            assert (session.state, has_consent(session.path)) == (standing.state, False), texts
            gone += 1
    assert gone > 4 * flows


def _in_words(machine: Compiled, state: str) -> bool:
    return isinstance(machine.states[state].step, AskStep)
