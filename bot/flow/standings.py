"""Every place at which a conversation can stand in the compiled machine, what is known there, and how it came there.

Only ways that go straight on are followed. Going back, changing an answer, the word *menu* and coming to a question
once more cut the path: they lead to where a shorter way stood, with the same answers on it. Kept answers go the way
that they went when they were given. (Tests hold the engine to this, with flows and replies drawn by lot.)
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import dataclass, field
from heapq import heappop, heappush
from itertools import count

from bot.flow.graph import dominators, reachable
from bot.flow.machine import NEXT, Compiled, PassingStep, RecordedStep, answering, commanding
from bot.flow.model import SKIPPED, YES, ConsentStep
from bot.flow.phrases import Command

MOST = 20_000  # standings; where there are more, less is followed along the way, and more ways than there are assumed

COMMANDS = {commanding(command): command for command in Command}
_MENU = commanding(Command.MENU)
_AGREED = answering(YES)
_GIVEN = "given"  # that a question was answered, where it does not matter how

Way = tuple[tuple[str, str], ...]  # the states on a way, each with the trigger by which it is left


@dataclass(frozen=True, slots=True)
class Standing:
    """A state, whether consent stands on the path to it, and those of the answers on it that matter later on."""

    state: str
    consented: bool
    answers: frozenset[tuple[str, str]] = frozenset()

    def has(self, step: str) -> bool:
        """Whether this step was answered, and not skipped or refused."""
        return any(asked == step for asked, _ in self.answers)


@dataclass(slots=True)
class Standings:
    """All standings, the nearest first, each with the one before it; and the edges that some way takes."""

    came: dict[Standing, tuple[Standing, str] | None] = field(default_factory=dict)
    taken: dict[str, dict[str, None]] = field(default_factory=dict)  # without commands
    passing: dict[Standing, list[Standing]] = field(default_factory=dict)  # where nobody is waited for

    def of(self, states: Set[str]) -> Iterator[Standing]:
        """Those in one of these states."""
        return (standing for standing in self.came if standing.state in states)

    def way(self, standing: Standing) -> Way:
        """A shortest way there."""
        way = []
        before = self.came[standing]
        while before is not None:
            there, trigger = before
            way.append((there.state, trigger))
            before = self.came[there]
        return tuple(reversed(way))


def explore(compiled: Compiled, needed: Iterable[str] = ()) -> Standings | None:
    """Every standing; None where there are more than MOST. `needed`: the steps whose being answered matters."""
    return _Explorer(compiled, frozenset(needed)).explore()


class _Explorer:
    def __init__(self, compiled: Compiled, needed: frozenset[str]) -> None:
        self._compiled = compiled
        self._states = compiled.states
        self._needed = needed
        self._edges: dict[str, list[tuple[str, str]]] = {}
        for source, trigger, destination in compiled.edges():
            # elsewhere, *menu* leads to where a shorter way stood: at the menu, or at the beginning
            waits = not isinstance(self._states[source].step, PassingStep)
            if trigger not in COMMANDS or (waits and (trigger != _MENU or source == compiled.initial)):
                self._edges.setdefault(source, []).append((trigger, destination))
        self._passed = surely_answered(compiled)

    def explore(self) -> Standings | None:
        found = Standings()
        order = count()
        first = Standing(self._compiled.initial, consented=False)
        pending: list[tuple[int, int, Standing, tuple[Standing, str] | None]] = [(0, next(order), first, None)]
        while pending:
            length, _, standing, before = heappop(pending)
            if standing in found.came:
                continue
            if len(found.came) == MOST:
                return None
            found.came[standing] = before
            passed = self._passed.get(standing.state, frozenset())
            for trigger, destination in self._edges.get(standing.state, ()):
                if trigger not in COMMANDS:
                    found.taken.setdefault(standing.state, {})[destination] = None
                if destination not in passed:  # else the path is cut there
                    there = self._after(standing, trigger, destination)
                    if isinstance(self._states[standing.state].step, PassingStep):
                        found.passing.setdefault(standing, []).append(there)
                    heappush(pending, (length + _length(trigger), next(order), there, (standing, trigger)))
        return found

    def _after(self, standing: Standing, trigger: str, destination: str) -> Standing:
        state = self._states[standing.state]
        consented, answers = standing.consented, standing.answers
        if isinstance(state.step, ConsentStep) and trigger == _AGREED:
            consented = True
        if state.id in self._needed and isinstance(state.step, RecordedStep) and trigger not in COMMANDS:
            answers = frozenset(known for known in answers if known[0] != state.id)
            refused = isinstance(state.step, ConsentStep) and trigger != _AGREED
            if not refused and trigger != answering(SKIPPED):
                answers |= {(state.id, _GIVEN)}
        return Standing(destination, consented, answers)


def _length(trigger: str) -> int:
    """What is said takes nobody's time, and a way is told better without commands."""
    if trigger == NEXT:
        return 0
    return 3 if trigger in COMMANDS else 2


def surely_answered(compiled: Compiled) -> Mapping[str, Set[str]]:
    """For each state, the questions that have an answer on every path that leads to it."""
    states = compiled.states
    edges: dict[str, list[str]] = {}
    for source, trigger, destination in compiled.edges():
        answered = isinstance(states[source].step, RecordedStep) and trigger not in COMMANDS
        edges.setdefault(_answer_to(source) if answered else source, []).append(destination)
    ids = [state.id for state in states.values()]
    for name, state in states.items():
        # a consent that was given where the same text was asked before is not recorded once more
        if isinstance(state.step, RecordedStep):
            once = not isinstance(state.step, ConsentStep) or ids.count(state.id) == 1
            edges.setdefault(name, []).append(_answer_to(name))
            if not once:
                edges[name] += edges.get(_answer_to(name), [])
    lie_before = dominators(compiled.initial, edges)
    return {
        name: frozenset(other[:-1] for other in lie_before[name] if other.endswith(_ANSWER))
        for name in reachable([compiled.initial], edges)
        if not name.endswith(_ANSWER)
    }


_ANSWER = "!"  # no name has it


def _answer_to(question: str) -> str:
    return f"{question}{_ANSWER}"
