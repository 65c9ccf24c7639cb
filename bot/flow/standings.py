"""Every place at which a conversation can stand in the compiled machine, what is known there, and how it came there.

Only ways that go straight on are followed. Going back, changing an answer, the word *menu* and coming to a question
once more cut the path: they lead to where a shorter way stood, with the same answers on it. Kept answers go the way
that they went when they were given. (Tests hold the engine to this, with flows and replies drawn by lot.)

Weak points. On the safe side: which of several options were chosen is not followed, so both ways of a branch on them
are; and a way through a branch may be told that nobody can go, where one consent was refused in two places. On the
other side: a circle in which only a consent that was given elsewhere is asked is not found; the engine ends it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass, field
from heapq import heappop, heappush
from itertools import count

from bot.flow.graph import backward, dominators, reachable
from bot.flow.machine import Compiled, PassingStep, RecordedStep, State, answering, branching, commanding
from bot.flow.model import (
    CHOSEN,
    NO,
    NO_REPLY,
    SKIPPED,
    UNANSWERED,
    YES,
    BranchStep,
    Condition,
    ConsentStep,
    SeveralStep,
)
from bot.flow.phrases import Command
from bot.flow.sorts import Entry

MOST = 20_000  # standings; where there are more, less is followed along the way, and more ways than there are assumed

COMMANDS = {commanding(command): command for command in Command}
SILENT = {answering(outcome): outcome for outcome in UNANSWERED}
_MENU = commanding(Command.MENU)
_AGREED = answering(YES)
_SILENCE = answering(NO_REPLY)
_OUTCOME = len(answering(""))
_GIVEN = "given"  # that a question was answered, where it does not matter how

Way = tuple[tuple[str, str], ...]  # the states on a way, each with the trigger by which it is left


@dataclass(frozen=True, slots=True)
class Standing:
    """A state, whether consent stands on the path to it, and those of the answers on it that matter later on."""

    state: str
    consented: bool
    answers: frozenset[tuple[str, str]] = frozenset()

    def outcome(self, step: str) -> str | None:
        """The answer to this step, where it is followed; None where there is none."""
        return next((outcome for asked, outcome in self.answers if asked == step), None)


@dataclass(slots=True)
class Standings:
    """All standings, the nearest first, each with the one before it; and the edges that some way takes."""

    came: dict[Standing, tuple[Standing, str] | None] = field(default_factory=dict)
    taken: dict[str, dict[str, None]] = field(default_factory=dict)  # by answers, and where none is asked for
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


def explore(compiled: Compiled, needed: Mapping[str, Set[str]], *, follow: bool = True) -> Standings | None:
    """Every standing; None where there are more than MOST.

    `needed`: the steps of which it matters whether they were answered, each with the states in which it does. Without
    `follow`, a branch is taken to lead anywhere, whatever was answered.
    """
    return _Explorer(compiled, needed, follow).explore()


class _Explorer:
    def __init__(self, compiled: Compiled, needed: Mapping[str, Set[str]], follow: bool) -> None:
        self._compiled = compiled
        self._states = compiled.states
        self._needed = needed
        self._branched = _branched(compiled) if follow else {}
        self._edges: dict[str, list[tuple[str, str]]] = {}
        for source, trigger, destination in compiled.edges():
            # elsewhere, *menu* leads to where a shorter way stood: at the menu, or at the beginning
            waits = not isinstance(self._states[source].step, PassingStep)
            if trigger not in COMMANDS or (waits and (trigger != _MENU or source == compiled.initial)):
                self._edges.setdefault(source, []).append((trigger, destination))
        places: dict[str, list[str]] = {}
        for name, state in self._states.items():
            places.setdefault(state.id, []).append(name)
        self._once = {step: names[0] for step, names in places.items() if len(names) == 1}
        self._asked_twice = {
            state.id
            for state in self._states.values()
            if isinstance(state.step, ConsentStep) and state.id not in self._once
        }
        self._matter = self._mattering()
        self._passed = surely_answered(compiled)

    def explore(self) -> Standings | None:
        found = Standings()
        order = count()
        # people have the conversation of whoever is asked: it was handed over with consent
        entrances = self._compiled.entrances.values()
        entered = (Standing(each.initial, consented=each.entry is Entry.ASKED) for each in entrances)
        firsts = (Standing(self._compiled.initial, consented=False), *entered)
        pending: list[tuple[int, int, Standing, tuple[Standing, str] | None]] = [
            (0, next(order), first, None) for first in firsts
        ]
        while pending:
            length, _, standing, before = heappop(pending)
            if standing in found.came:
                continue
            if len(found.came) == MOST:
                return None
            found.came[standing] = before
            passed = self._passed.get(standing.state, frozenset())
            for trigger, destination in self._ways(standing):
                if trigger not in COMMANDS and trigger not in SILENT:
                    found.taken.setdefault(standing.state, {})[destination] = None
                cut = destination in passed or self._is_answered(standing, destination)
                for there in self._after(standing, trigger, destination, cut):
                    heappush(pending, (length + _length(trigger), next(order), there, (standing, trigger)))
                    if isinstance(self._states[standing.state].step, PassingStep):
                        found.passing.setdefault(standing, []).append(there)
        return found

    def _is_answered(self, standing: Standing, destination: str) -> bool:
        state = self._states.get(destination)
        return state is not None and state.id in self._once and standing.outcome(state.id) is not None

    def _mattering(self) -> Mapping[str, Set[str]]:
        """For each state, the questions whose answers decide something, or are required, from there on."""
        readers: dict[str, set[str]] = {step: set() for step in self._branched}
        for step, states in self._needed.items():
            readers[step] = {*readers.get(step, ()), *states}
        for name, state in self._states.items():
            if state.id in self._asked_twice:
                readers.setdefault(state.id, set()).add(name)
            if isinstance(state.step, BranchStep):
                for condition in _conditions(state.step):
                    if condition.step.name in self._branched:
                        readers[condition.step.name].add(name)
        turned = backward({source: [to for _, to in ways] for source, ways in self._edges.items()})
        matter: dict[str, set[str]] = {}
        for step, states in readers.items():
            # whoever comes to the question again has its answer no more, unless it was given in another place
            again = [self._once[step]] if step in self._once else []
            for name in reachable(states, turned, again):
                matter.setdefault(name, set()).add(step)
        return matter

    def _ways(self, standing: Standing) -> Iterator[tuple[str, str]]:
        """The ways out: of a branch, those that the answers leave open; of a consent that stands already, its yes."""
        edges = self._edges.get(standing.state, [])
        state = self._states.get(standing.state)
        if state is None or not isinstance(state.step, BranchStep):
            agreed = state is not None and state.id in self._asked_twice and standing.outcome(state.id) == YES
            yield from (way for way in edges if not agreed or way[0] == _AGREED)
            return
        leads = dict(edges)
        for place, clause in enumerate(state.step.clauses):
            held = [self._holds(standing, condition) for condition in clause.conditions]
            if False in held:
                continue
            yield branching(place), leads[branching(place)]
            if None not in held:
                return
        yield branching(len(state.step.clauses)), leads[branching(len(state.step.clauses))]

    def _holds(self, standing: Standing, condition: Condition) -> bool | None:
        """Whether this is so; None where it is not known."""
        asked = condition.step.name
        if asked not in self._branched:
            return None
        outcome = standing.outcome(asked)
        if outcome == CHOSEN and self._branched[asked]:
            return None  # which of several were chosen is not followed
        return any(outcome == wanted.name for wanted in condition.outcomes)

    def _after(self, standing: Standing, trigger: str, destination: str, cut: bool) -> Iterator[Standing]:
        """Where this leads that is new; where the path is `cut`, a shorter way stood."""
        if trigger == _SILENCE and not standing.consented:
            yield Standing(destination, consented=False)  # what was chosen before consent may be erased by then
        if cut:
            return
        state = self._states[standing.state]
        consented, answers = standing.consented, standing.answers
        if isinstance(state.step, RecordedStep) and trigger not in COMMANDS and trigger not in SILENT:
            consented = consented or (isinstance(state.step, ConsentStep) and trigger == _AGREED)
            answers = frozenset((*(known for known in answers if known[0] != state.id), *self._answer(state, trigger)))
        matter = self._matter.get(destination, frozenset())
        answers = frozenset(known for known in answers if known[0] in matter)
        yield Standing(destination, consented, answers)
        # whoever goes back from a second refusal of one consent has the first no more
        again = frozenset(known for known in answers if known[0] not in self._asked_twice or known[1] != NO)
        if again != answers:
            yield Standing(destination, consented, again)

    def _answer(self, state: State, trigger: str) -> Iterator[tuple[str, str]]:
        outcome = trigger[_OUTCOME:]
        if state.id in self._branched or state.id in self._asked_twice:
            yield state.id, outcome
        elif state.id in self._needed and was_given(state, outcome):
            yield state.id, _GIVEN


def was_given(state: State, outcome: str | None) -> bool:
    """Whether this is an answer to what was asked: not a skipped question, and not a refused consent."""
    if isinstance(state.step, ConsentStep):
        return outcome in (YES, _GIVEN)
    return outcome not in (None, SKIPPED)


def _branched(compiled: Compiled) -> Mapping[str, bool]:
    """The steps by whose answers some branch decides, and whether several answers can be chosen there."""
    kinds = {state.id: isinstance(state.step, SeveralStep) for state in compiled.states.values()}
    branches = (state.step for state in compiled.states.values() if isinstance(state.step, BranchStep))
    return {
        condition.step.name: kinds.get(condition.step.name, False)
        for step in branches
        for condition in _conditions(step)
    }


def _conditions(step: BranchStep) -> Iterator[Condition]:
    return (condition for clause in step.clauses for condition in clause.conditions)


def _length(trigger: str) -> int:
    """What is said takes nobody's time, and a way is told better without commands."""
    if trigger in COMMANDS or trigger in SILENT:
        return 3
    return 2 if trigger.startswith(answering("")) else 0


def surely_answered(compiled: Compiled) -> Mapping[str, Set[str]]:
    """For each state, the questions that have an answer on every path that leads to it."""
    states = compiled.states
    edges: dict[str, list[str]] = {_START: [compiled.initial, *(each.initial for each in compiled.entrances.values())]}
    for source, trigger, destination in compiled.edges():
        recorded = isinstance(states[source].step, RecordedStep)
        answered = recorded and trigger not in COMMANDS and trigger not in SILENT
        if trigger == _SILENCE:  # then the path may be empty
            edges[_START].append(destination)
        edges.setdefault(_answer_to(source) if answered else source, []).append(destination)
    ids = [state.id for state in states.values()]
    for name, state in states.items():
        # a consent that was given where the same text was asked before is not recorded once more
        if isinstance(state.step, RecordedStep):
            once = not isinstance(state.step, ConsentStep) or ids.count(state.id) == 1
            edges.setdefault(name, []).append(_answer_to(name))
            if not once:
                edges[name] += edges.get(_answer_to(name), [])
    lie_before = dominators(_START, edges)
    return {
        name: frozenset(other[:-1] for other in lie_before[name] if other.endswith(_ANSWER))
        for name in reachable(edges[_START], edges)
        if not name.endswith(_ANSWER)
    }


_START, _ANSWER = "", "!"  # no name is the one, or has the other


def _answer_to(question: str) -> str:
    return f"{question}{_ANSWER}"
