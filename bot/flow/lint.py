"""What is not wrong, but not meant either: answers that nobody uses, that are never there or of which nobody says how
long they are kept, names shown to people, and phrasings alike.

An answer counts as used where it decides how the conversation goes on, and where a way leads from it to a handoff
without coming by an earlier question again: there, the path is cut, and the answer is gone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from bot.flow.alike import alike
from bot.flow.graph import reachable
from bot.flow.machine import OVER, Compiled, RecordedStep, State, StateStep, commanding, kept
from bot.flow.model import (
    AskStep,
    AttachStep,
    BranchStep,
    ChooseStep,
    HandoffStep,
    Library,
    Problem,
    ReopenStep,
    Severity,
    Target,
)
from bot.flow.phrases import Command
from bot.flow.sorts import Entry
from bot.flow.standings import COMMANDS, surely_answered

_KEY = re.compile(r"[a-z0-9]+(?:_[a-z0-9]+)+")


def lint(library: Library, compiled: Compiled) -> list[Problem]:
    """Every warning about the flows themselves, in the order of the files."""
    linter = _Linter(compiled)
    answers = [*linter.unused(), *linter.never_asked(), *_without_retention(library)]
    problems = [*answers, *_keys_as_texts(library), *alike(library)]
    return sorted(problems, key=lambda problem: (problem.mark.file, problem.mark.line, problem.mark.column))


class _Linter:
    def __init__(self, compiled: Compiled) -> None:
        self._states = compiled.states
        self._menu = compiled.menu
        self._entry = compiled.entry_of
        self._onward: dict[str, list[str]] = {}  # by answers alone
        self._with_person: dict[str, list[str]] = {}
        for source, trigger, destination in compiled.edges():
            if trigger != commanding(Command.MENU):  # it takes what was answered after the menu off the path
                self._with_person.setdefault(source, []).append(destination)
            if trigger not in COMMANDS:
                self._onward.setdefault(source, []).append(destination)
        self._answered = surely_answered(compiled)  # of every state that can be reached
        self._branched = {
            condition.step.name
            for state in self._states.values()
            if isinstance(state.step, BranchStep)
            for clause in state.step.clauses
            for condition in clause.conditions
        }

    def unused(self) -> Iterator[Problem]:
        handoffs = {name for name, state in self._states.items() if isinstance(state.step, HandoffStep | ReopenStep)}
        asked: dict[str, list[State]] = {}
        for state in self._states.values():
            if self._entry(state.name) is Entry.ASKED:
                continue  # all that staff ask is for them
            if isinstance(state.step, RecordedStep) and state.name in self._answered and state.name != self._menu:
                asked.setdefault(state.id, []).append(state)
        for copies in asked.values():
            if not any(reachable([state.name], self._onward) & {OVER, *handoffs} for state in copies):
                continue  # that it has no end is told already
            if any(
                state.id in self._branched or self._decides(state) or self._after(state, self._onward) & handoffs
                for state in copies
            ):
                continue
            step = copies[0].step
            message = (
                f"nobody gets to see the answer to '{step.name}', and it decides nothing: no way from it leads to a "
                "handoff. Ask only what is needed; take the question out, or let it lead to a handoff"
            )
            yield Problem(step.mark, Severity.WARNING, "unused-answer", message)

    def never_asked(self) -> Iterator[Problem]:
        handoffs: dict[str, list[State]] = {}
        branches: dict[str, list[State]] = {}
        for state in self._states.values():
            if isinstance(state.step, HandoffStep) and state.name in self._answered:
                handoffs.setdefault(state.id, []).append(state)
        for copies in handoffs.values():
            step = copies[0].step
            if not isinstance(step, HandoffStep):
                continue
            for shown, ids in ((step.topic, copies[0].topic), (step.urgency, copies[0].urgency)):
                if shown is not None and not self._can_be_there(ids, {state.name for state in copies}):
                    yield _never(step, shown)

        for state in self._states.values():
            if isinstance(state.step, BranchStep) and state.name in self._answered:
                branches.setdefault(state.id, []).append(state)
        for copies in branches.values():
            yield from self._never_looked_at({state.name for state in copies}, copies[0].step)

    def _never_looked_at(self, branches: set[str], step: StateStep) -> Iterator[Problem]:
        """The questions that a branch decides by, and that no way to it asks."""
        for clause in step.clauses if isinstance(step, BranchStep) else ():
            for condition in clause.conditions:
                if not self._can_be_there(frozenset([condition.step.name]), branches):
                    message = (
                        f"'{step.name}' looks at the answer to '{condition.step.name}', which no way to it asks for"
                    )
                    yield Problem(condition.step.mark, Severity.WARNING, "never-asked", message)

    def _can_be_there(self, ids: frozenset[str], handoffs: set[str]) -> bool:
        asked = (state for state in self._states.values() if state.id in ids and state.name in self._answered)
        return any(self._after(state, self._with_person) & handoffs for state in asked)

    def _decides(self, state: State) -> bool:
        """Whether the answers lead to different places. That words were written at all decides nothing about them."""
        return not isinstance(state.step, AskStep | AttachStep) and len(set(self._onward.get(state.name, ()))) > 1

    def _after(self, state: State, edges: Mapping[str, list[str]]) -> set[str]:
        """What can be reached while the answer to this question stays on the path."""
        return reachable([state.name], edges, self._answered[state.name])


def _never(step: HandoffStep, shown: Target) -> Problem:
    message = f"the card of '{step.name}' shows the answer to '{shown.name}', which no way to this handoff asks for"
    return Problem(shown.mark, Severity.WARNING, "never-asked", message)


def _keys_as_texts(library: Library) -> Iterator[Problem]:
    """An option whose author wrote its name again in the place of its text."""
    names = {step.name for flow in library.flows.values() for step in flow.steps}
    for flow in library.flows.values():
        for step in flow.steps:
            if isinstance(step, ChooseStep):
                names.update(option.name for option in step.options)
    for source in library.sources.values():
        for paragraph in source.paragraphs:
            if _KEY.fullmatch(paragraph) and paragraph in names:
                message = f"people would read '{paragraph}', which is a name of the flow files; write what it means"
                yield Problem(source.mark, Severity.ERROR, "routing-key", message)


def _without_retention(library: Library) -> Iterator[Problem]:
    """A question whose answer is kept as long as its case, because nobody said how long: it may be a third person's."""
    for flow in library.flows.values():
        for step in flow.steps:
            if isinstance(step, RecordedStep) and kept(flow, step) is None:
                message = (
                    f"neither '{step.name}' nor its flow says how long the answer is kept; write 'keep: case' below "
                    "'about:', or 'keep: vetting' where it is needed for the vetting only"
                )
                yield Problem(step.mark, Severity.WARNING, "no-retention", message)
