"""Stands a conversation in the middle of a flow, beside answers as if they had been given before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from bot.config import ConfigError
from bot.flow.followups import begun
from bot.flow.hearing import waits
from bot.flow.machine import Compiled, State, answering
from bot.flow.model import ANSWERED, ATTACHED, ENTRY_FLOW, YES, AskStep, ConsentStep, SeveralStep
from bot.flow.moves import Moves
from bot.flow.positions import meant
from bot.flow.reading import Taken, Unfit, together
from bot.flow.session import Passed, Session
from bot.flow.walk import Step, Walk

_AGREED = answering(YES)


def seeded(compiled: Compiled, flow: str, locale: str, at: str | None, answers: Sequence[tuple[str, str]]) -> Step:
    """Stand at a state, or at the first of a flow. Raises ConfigError for a state or an answer that there is not.

    Where nobody can stand without having agreed, it is as if they had.
    """
    first = first_state(compiled, flow) or compiled.initial
    prefix = prefix_of(flow, first)
    if at is None and answers:
        raise ConfigError("answers that were given before need a place to stand at: name it with --at STATE")
    state = first if at is None else _state(compiled, prefix, at).name
    moves, walk = Moves(compiled), Walk(Session(state, locale))
    if flow in compiled.entrances:
        walk = Walk(replace(begun(compiled.entrances[flow], locale), state=state))
    given = [_given(compiled, moves, walk, prefix, step, answer) for step, answer in answers]
    named = {passed.answer.step for passed in given}
    consents = [other for other in compiled.states.values() if isinstance(other.step, ConsentStep)]
    # a flow can be begun without those that it asks for itself
    own = {consent.id for consent in consents if consent.name.startswith(prefix)}
    if flow in compiled.entrances:  # whoever is asked has agreed, and whoever comes back has not yet
        consents = [consent for consent in consents if consent.id in own]
    for consent in consents:
        starts = {compiled.initial, *([first] if consent.id in own else [])}
        if consent.id not in named and state not in _without(compiled, consent.id, starts):
            named.add(consent.id)
            given.append(moves.given(walk, consent, Taken(YES)))
    order = list(compiled.states)
    walk.path += tuple(sorted(given, key=lambda passed: order.index(passed.state)))
    moves.arrive(walk)
    return walk.finish(waits(compiled))


def first_state(compiled: Compiled, flow: str) -> str | None:
    """The first state of the first place where a flow runs; None for one that never runs."""
    if flow == ENTRY_FLOW:
        return compiled.initial
    return next((name for name in compiled.states if f"/{flow}/" in f"/{name}"), None)


def prefix_of(flow: str, state: str) -> str:
    """What stands before the names of the steps of a flow, in the place where this state of it is."""
    if flow == ENTRY_FLOW:
        return ""
    return f"{f'/{state}'.partition(f'/{flow}/')[0]}/{flow}/".removeprefix("/")


def _state(compiled: Compiled, prefix: str, wanted: str) -> State:
    """The state that is called so: by its whole name, as `flow.step`, or as a step; the nearest of several."""
    found = [
        state
        for state in compiled.states.values()
        if wanted in (state.name, state.id, state.step.name, state.name.removeprefix(prefix))
    ]
    if found:
        return max(found, key=lambda state: (state.name.startswith(prefix), state.name == wanted))
    known = [*compiled.states, *(state.id for state in compiled.states.values())]
    near = meant(wanted, known) or meant(wanted, [state.step.name for state in compiled.states.values()])
    raise ConfigError(f"there is no state '{wanted}'{near or '; there are ' + ', '.join(compiled.states)}")


def _given(compiled: Compiled, moves: Moves, walk: Walk, prefix: str, step: str, answer: str) -> Passed:
    state = _state(compiled, prefix, step)
    if not state.outcomes:
        raise ConfigError(f"'{step}' is no question whose answer is kept")
    taken = _taken(state, answer)
    if taken is not None:
        return moves.given(walk, state, taken)
    known = [*state.options] or sorted(state.outcomes)
    near = meant(answer, known) or f"; there are {', '.join(known)}"
    raise ConfigError(f"'{answer}' is no answer to '{step}'{near}")


def _taken(state: State, answer: str) -> Taken | None:
    if isinstance(state.step, SeveralStep):
        names = [name.strip() for name in answer.split(",")]
        read = together(state.step, names) if state.options.keys() >= set(names) else None
        return None if isinstance(read, Unfit) else read
    if isinstance(state.step, AskStep):
        return Taken(answer) if answer in state.outcomes - {ANSWERED} else Taken(ANSWERED, answer)
    return Taken(answer) if answer in state.outcomes and answer != ATTACHED else None


def _without(compiled: Compiled, consent: str, starts: set[str]) -> set[str]:
    """Every state in which somebody can stand who has not agreed to this."""
    onward: dict[str, list[str]] = {}
    for source, trigger, destination in compiled.edges():
        if trigger != _AGREED or source not in compiled.states or compiled.states[source].id != consent:
            onward.setdefault(source, []).append(destination)
    found, pending = set(starts), list(starts)
    while pending:
        new = set(onward.get(pending.pop(), ())) - found
        found |= new
        pending += new
    return found
