"""What is proved of every way through the compiled machine; where it is not so, a shortest way shows it.

A way that breaks a law is told in the words that people would read: the questions and answers that lead there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from bot.flow.graph import backward, reachable
from bot.flow.machine import OVER, Compiled, PassingStep, State, after_consent
from bot.flow.model import (
    ENTRY_FLOW,
    AskStep,
    AttachStep,
    CallStep,
    Flow,
    HandoffStep,
    Library,
    Mark,
    Problem,
    ReopenStep,
    Severity,
)
from bot.flow.standings import Standing, Standings, explore, was_given
from bot.flow.telling import told


def prove(library: Library, compiled: Compiled) -> list[Problem]:
    """Everything that some way breaks, in the order in which it was found."""
    needed = _needed(compiled)
    standings = explore(compiled, needed)
    required = dict.fromkeys(needed, standings)
    if standings is None:  # too many: what was answered is not followed through branches, and one question at a time
        standings = explore(compiled, {}, follow=False) or Standings()
        required = {step: explore(compiled, {step: states}, follow=False) for step, states in needed.items()}
    reached = dict.fromkeys(standing.state for standing in standings.came)
    return [
        *_unreachable(library, compiled, reached),
        *_endless(compiled, standings, reached),
        *_before_consent(library, compiled, standings),
        *_required(library, compiled, {step: found for step, found in required.items() if found}),
    ]


def _needed(compiled: Compiled) -> dict[str, set[str]]:
    """The questions that some step requires, each with the states in which it must have been answered."""
    needed: dict[str, set[str]] = {}
    for name, required in compiled.requires.items():
        for _, asked in required:
            needed.setdefault(asked.name, set()).add(name)
    return needed


def _before_consent(library: Library, compiled: Compiled, standings: Standings) -> Iterator[Problem]:
    steps: set[str] = set()
    for standing in standings.came:
        state = compiled.states.get(standing.state)
        if standing.consented or state is None or state.id in steps:
            continue
        match state.step:
            case HandoffStep():
                code, does = "handoff-without-consent", "hands over to people"
            case AskStep():
                code, does = "free-text-before-consent", "asks for words of one's own"
            case AttachStep():
                code, does = "file-before-consent", "asks for a file"
            case _ if after_consent(state.step):
                code, does = "personal-before-consent", "asks for something personal"
            case _:
                continue
        steps.add(state.id)
        way = told(library, compiled, standings.way(standing))
        message = f"'{state.step.name}' {does}, and this way leads there without consent: {way}"
        yield _error(state.step.mark, code, message)


def _required(library: Library, compiled: Compiled, required: Mapping[str, Standings]) -> Iterator[Problem]:
    asked = {state.id: state for state in compiled.states.values()}
    for name, requirements in compiled.requires.items():
        for step, question in requirements:
            standings = required.get(question.name) or Standings()
            there = (standing for standing in standings.came if standing.state == name)
            without = next((each for each in there if not _given(asked, each, question.name)), None)
            if without is None:
                continue
            way = told(library, compiled, standings.way(without))
            message = f"'{step}' requires the answer to '{question.name}', and this way leads there without one: {way}"
            yield _error(question.mark, "required-not-asked", message)


def _given(asked: Mapping[str, State], standing: Standing, question: str) -> bool:
    return question in asked and was_given(asked[question], standing.outcome(question))


def _unreachable(library: Library, compiled: Compiled, reached: Iterable[str]) -> Iterator[Problem]:
    begun = {state for name in reached for state in _with_calls(name)}
    prefixes: dict[str, list[str]] = {}
    for flow, prefix in _instances(library):
        prefixes.setdefault(flow.name, []).append(prefix)
    for flow in library.flows.values():
        copies = prefixes.get(flow.name)
        if copies is None:
            message = f"no step runs the flow '{flow.name}'; a step 'call: {flow.name}' would"
            yield Problem(flow.mark, Severity.WARNING, "unused-flow", message)
        elif any(prefix.rstrip("/") in begun for prefix in copies):
            for step in flow.steps:
                if not any(f"{prefix}{step.name}" in begun for prefix in copies):
                    message = f"no way leads to '{step.name}'; let a 'go' lead to it, or take it out"
                    yield _error(step.mark, "unreachable", message)


def _with_calls(state: str) -> Iterator[str]:
    """The state and each of the calls that it stands in, down to the entry flow, which is nothing."""
    yield state
    while state:
        state = state.rpartition("/")[0]
        yield state


def _instances(library: Library) -> Iterator[tuple[Flow, str]]:
    """Each flow that runs, with what stands before the names of its states."""
    entry = library.flows[ENTRY_FLOW]
    pending = [(entry, ""), *((flow, f"{flow.name}/") for flow in library.flows.values() if flow.entry is not None)]
    if entry.person and all(step.name != entry.person.name for step in entry.steps if isinstance(step, CallStep)):
        pending.append((library.flows[entry.person.name], f"{entry.person.name}/"))
    while pending:
        flow, prefix = pending.pop()
        yield flow, prefix
        pending += [
            (library.flows[step.name], f"{prefix}{step.name}/") for step in flow.steps if isinstance(step, CallStep)
        ]


def _endless(compiled: Compiled, standings: Standings, reached: Iterable[str]) -> Iterator[Problem]:
    """Circles that ask nothing; and states from which only a command leads to an end.

    Of several that lead to each other, the first is told.
    """
    circles = list(_circles(standings))
    for circle in circles:
        names = " > ".join(compiled.states[name].step.name for name in (*circle, circle[0]))
        message = f"'{compiled.states[circle[0]].step.name}' comes round to itself and asks nothing on the way: {names}"
        yield _error(compiled.states[circle[0]].step.mark, "endless-circle", message)
    ends = [
        OVER,
        *(name for name, state in compiled.states.items() if isinstance(state.step, HandoffStep | ReopenStep)),
    ]
    ending = reachable(ends, backward(standings.taken))
    seen = {name for circle in circles for name in circle}
    steps: set[str] = set()
    for name in reached:
        if name in ending or name in seen:
            continue
        onward = reachable([name], standings.taken)
        if onward & seen and not any(_waits(compiled.states[each]) for each in onward):
            continue  # it only leads into a circle, which is told
        seen |= onward
        state = compiled.states[name]
        if state.id not in steps:
            steps.add(state.id)
            message = f"from '{state.step.name}' no answer leads to an end or a handoff, however one goes on"
            yield _error(state.step.mark, "no-end", message)


def _waits(state: State) -> bool:
    return not isinstance(state.step, PassingStep)


def _circles(standings: Standings) -> Iterator[tuple[str, ...]]:
    """Each row of states that lead round to the first of them without waiting for a person."""
    told: set[frozenset[str]] = set()
    done: set[Standing] = set()
    for start in standings.passing:
        way = [start]
        left = [list(standings.passing[start])]
        while left and start not in done:
            if not left[-1]:
                left.pop()
                done.add(way.pop())
                continue
            new = left[-1].pop()
            if new in way:
                circle = tuple(standing.state for standing in way[way.index(new) :])
                if frozenset(circle) not in told:
                    told.add(frozenset(circle))
                    yield circle
            elif new not in done and new in standings.passing:
                way.append(new)
                left.append(list(standings.passing[new]))


def _error(mark: Mark, code: str, message: str) -> Problem:
    return Problem(mark, Severity.ERROR, code, message)
