"""Moves a session into other flows: to the same question, or else to the one that comes next there.

Nothing is taken over that is not asked any more, and no way is cut short: where the new flows lead through a question
that the old ones did not have, it is asked. Law 3 stands above all: whoever agreed to another version of a consent is
asked anew before anything else; with a consent that is not asked any more, what was written under it is gone.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from bot.domain import Answer
from bot.flow.events import Say
from bot.flow.machine import (
    OVER,
    Compiled,
    RecordedStep,
    WaitingStep,
    answering,
    commanding,
)
from bot.flow.model import YES, AskStep, ConsentStep, LanguageStep
from bot.flow.moves import Moves
from bot.flow.phrases import CONSENT_CHANGED, Command
from bot.flow.renames import Chain, renamed_id, renamed_passed, renamed_state
from bot.flow.session import Passed, Session
from bot.flow.walk import Step, Walk, has_consent

_COMMANDS = frozenset(commanding(command) for command in Command)


class Fate(StrEnum):
    """Where a session stands after it was moved."""

    STAYS = "stays"  # at the question where it stood
    CONSENT = "consent"  # at a consent whose text has another version now
    ELSEWHERE = "elsewhere"  # at another question, which comes first on its way now
    MENU = "menu"  # at the menu, or where there is no language yet, at the beginning


@dataclass(frozen=True, slots=True)
class Moved:
    """The session as it stands in the other flows, and what is asked there. `erased`: words had to be erased."""

    step: Step
    fate: Fate
    erased: bool


class Ground:
    """One compiled machine as something to move in."""

    def __init__(self, compiled: Compiled) -> None:
        self._compiled = compiled
        self._states = compiled.states
        self._moves = Moves(compiled)
        self._edges: dict[str, list[tuple[str, str]]] = {}
        for source, trigger, destination in compiled.edges():
            if trigger not in _COMMANDS:
                self._edges.setdefault(source, []).append((trigger, destination))
        by_id: dict[str, list[str]] = {}
        for name, state in compiled.states.items():
            by_id.setdefault(state.id, []).append(name)
        self._only = {step_id: names[0] for step_id, names in by_id.items() if len(names) == 1}

    def leads(self, passed: Passed | None, state: str, agreed: Iterable[str] = ()) -> bool:
        """Whether this answer (None: the beginning) leads to this state, with no other answer in between.

        `agreed` are the consents that were given before: they are not asked again.
        """
        given = frozenset(agreed)
        found: set[str] = set()
        pending = [self._compiled.initial] if passed is None else self._after(passed)
        while pending:
            name = pending.pop()
            if name == state:
                return True
            if name in found or name == OVER:
                continue
            found.add(name)
            pending += self._through(name, given)
        return False

    def move(self, before: Ground, session: Session, chain: Chain) -> Moved:
        """Move a session here from where it stood. `chain` holds what was renamed between there and here."""
        path = [self._settled(renamed_passed(chain, passed)) for passed in session.path]
        kept = [self._settled(renamed_passed(chain, passed)) for passed in session.kept]
        state = self._place(renamed_state(chain, session.state), session.state, before, chain)
        sound = self._sound(before, session, path)
        if sound == len(path) and self._can_stand(before, session, path, state):
            walk = self._walk(session, state, path, kept)
            self._moves.ask(walk)
            return self._moved(walk, Fate.STAYS, session)
        if sound < len(path) and self._is_outdated(path[sound]):
            walk = self._walk(session, path[sound].state, path[:sound], [*kept, *path[sound:]])
            walk.effects.append(Say(CONSENT_CHANGED))
            self._moves.ask(walk)
            return self._moved(walk, Fate.CONSENT, session)
        if sound:
            last = path[sound - 1]
            walk = self._walk(session, last.state, path[:sound], [*kept, *path[sound:]])
            self._moves.go(walk, answering(last.answer.outcome))
            if walk.state != OVER:  # nobody is handed over, or sent away, by an edit
                return self._moved(walk, self._fate(walk, state), session)
        walk = self._walk(session, state, [], [*kept, *path])
        self._moves.set_back(walk)
        self._moves.ask(walk)
        return self._moved(walk, Fate.MENU, session)

    def has_consents_of(self, answers: Iterable[Answer], chain: Chain) -> bool:
        """Whether every consent among these is one to a text that is asked for here."""
        return all(
            (renamed_id(chain, answer.step), answer.version) in self._compiled.consents
            for answer in answers
            if answer.version is not None and answer.outcome == YES
        )

    def _after(self, passed: Passed) -> list[str]:
        """Where an answer leads at once; where its outcome has no way of its own, wherever its question leads."""
        ways = self._edges.get(passed.state, [])
        own = [destination for trigger, destination in ways if trigger == answering(passed.answer.outcome)]
        return own or [destination for _, destination in ways]

    def _through(self, name: str, agreed: frozenset[str]) -> list[str]:
        """Where one goes on from a state in which no new answer is given."""
        state = self._states[name]
        ways = self._edges.get(name, [])
        if isinstance(state.step, ConsentStep):
            return [there for trigger, there in ways if trigger == answering(YES)] if state.id in agreed else []
        return [] if isinstance(state.step, RecordedStep) else [there for _, there in ways]

    def _settled(self, passed: Passed) -> Passed:
        """Where a flow is called from another place now, its answers stand there."""
        if passed.state in self._states:
            return passed
        return replace(passed, state=self._only.get(passed.answer.step, passed.state))

    def _place(self, state: str, old: str, before: Ground, chain: Chain) -> str:
        if state in self._states or old not in before._states:
            return state
        return self._only.get(renamed_id(chain, before._states[old].id), state)

    def _sound(self, before: Ground, session: Session, path: Sequence[Passed]) -> int:
        """How many answers, from the first on, are answers here too, and lead from one to the next."""
        for place, passed in enumerate(path):
            if not self._is_answer(passed) or self._is_outdated(passed):
                return place
            if self._breaks(before, session, path[:place], passed.state, session.path[place].state):
                return place
        return len(path)

    def _can_stand(self, before: Ground, session: Session, path: Sequence[Passed], state: str) -> bool:
        """Whether the question of this state can be asked here, behind these answers."""
        found = self._states.get(state)
        if found is None or not isinstance(found.step, WaitingStep):
            return False
        if session.locale is None and not isinstance(found.step, LanguageStep):
            return False
        if isinstance(found.step, AskStep) and not has_consent(path):
            return False
        return not self._breaks(before, session, path, state, session.state)

    def _breaks(self, before: Ground, session: Session, path: Sequence[Passed], state: str, old: str) -> bool:
        """Whether the old flows led on to this question, and these lead somewhere else first.

        What led there by a command, or by a way that answers nothing, is no way of the flows: it does not break.
        """
        place = len(path)
        last, old_last = (path[-1], session.path[place - 1]) if place else (None, None)
        if self.leads(last, state, _agreed(path)):
            return False
        return before.leads(old_last, old, _agreed(session.path[:place]))

    def _is_answer(self, passed: Passed) -> bool:
        return passed.state in self._states and self._moves.can_be(passed)

    def _is_outdated(self, passed: Passed) -> bool:
        """Whether this is the consent to another version of a text that is still asked."""
        answer = passed.answer
        if answer.version is None or answer.outcome != YES or not self._is_answer(passed):
            return False
        return (answer.step, answer.version) not in self._compiled.consents

    def _walk(self, session: Session, state: str, path: Sequence[Passed], kept: Iterable[Passed]) -> Walk:
        still = tuple(passed for passed in kept if self._is_answer(passed))
        fresh = replace(session, state=state, path=tuple(path), kept=still, aside=None, tries=0, offered=None)
        return Walk(fresh)

    def _fate(self, walk: Walk, state: str) -> Fate:
        if walk.state == state:
            return Fate.STAYS
        return Fate.MENU if walk.state in (self._compiled.menu, self._compiled.initial) else Fate.ELSEWHERE

    def _moved(self, walk: Walk, fate: Fate, session: Session) -> Moved:
        step = walk.finish()
        left = _words(step.session) if step.session else 0
        return Moved(step, fate, erased=left < _words(session))


def _agreed(path: Iterable[Passed]) -> list[str]:
    return [passed.answer.step for passed in path if passed.answer.version is not None and passed.answer.outcome == YES]


def _words(session: Session) -> int:
    return sum(passed.answer.words is not None for passed in (*session.path, *session.kept))
