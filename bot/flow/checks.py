"""What keeps flows from going live (law 12): what every way must keep to, and what the engine needs beside them."""

from __future__ import annotations

from collections.abc import Iterator

from bot.flow.machine import OVER, Compiled, State
from bot.flow.model import (
    ENTRY_FLOW,
    AskStep,
    FaqStep,
    Flow,
    HandoffStep,
    LanguageStep,
    Library,
    Mark,
    Problem,
    ReopenStep,
    Severity,
)
from bot.flow.phrases import SAID_BY_THE_ENGINE, WORDS
from bot.flow.proofs import prove
from bot.flow.sorts import Entry


def check(library: Library, compiled: Compiled) -> list[Problem]:
    """Everything wrong with the machine and with what the engine needs beside it, in the order of the files."""
    entry = library.flows[ENTRY_FLOW]
    found = [*_beginning(entry, library), *_phrases(library), *_entered(compiled), *prove(library, compiled)]
    problems = dict.fromkeys(found)  # what two flows call has the same problem twice
    return sorted(problems, key=lambda problem: (problem.mark.file, problem.mark.line, problem.mark.column))


def _beginning(entry: Flow, library: Library) -> Iterator[Problem]:
    for key, value, example in (("menu", entry.menu, "a choose step"), ("person", entry.person, "a flow")):
        if value is None:
            message = f"the flow '{ENTRY_FLOW}' needs '{key}:', the name of {example} to which the word \"{key}\" leads"
            yield _error(entry.mark, "missing-key", message)
    first = entry.steps[0]
    if not isinstance(first, LanguageStep):
        message = f"the first step of '{ENTRY_FLOW}' must ask for the language: nothing can be said before it is known"
        yield _error(first.mark, "language-first", message)
    for flow in library.flows.values():
        for step in flow.steps:
            if isinstance(step, LanguageStep) and step is not first:
                message = (
                    f"only the first step of '{ENTRY_FLOW}' asks for the language; later, the word \"language\" does"
                )
                yield _error(step.mark, "language-first", message)


def _entered(compiled: Compiled) -> Iterator[Problem]:
    """What flows cannot do because of how they are entered: people have the conversation already, or never had it."""
    asked = {name: state for name, state in compiled.states.items() if compiled.entry_of(name) is Entry.ASKED}
    for state in asked.values():
        does = _not_when_asked(state)
        if does is not None:
            message = (
                f"'{state.step.name}' {does}; where people have the conversation ('entry: asked') that cannot be. "
                "Take it out"
            )
            yield _error(state.step.mark, "not-when-asked", message)
    for source, _, destination in compiled.edges():
        if source in asked and destination not in asked and destination != OVER:
            step = asked[source].step
            message = (
                f"'{step.name}' leads to the menu; where people have the conversation ('entry: asked') that cannot be. "
                "Let it lead to a step of this flow, or to 'end'"
            )
            yield _error(step.mark, "not-when-asked", message)
    for name, state in compiled.states.items():
        if isinstance(state.step, ReopenStep) and compiled.entry_of(name) is None:
            message = f"'{state.step.name}' reopens a case; only a flow with 'entry: returning' can do that"
            yield _error(state.step.mark, "reopen-elsewhere", message)


def _not_when_asked(state: State) -> str | None:
    match state.step:
        case HandoffStep():
            return "hands over to people"
        case ReopenStep():
            return "reopens a case"
        case FaqStep():
            return "lists the FAQ"
        case AskStep(skippable=False):
            return "has 'skip: no'"
        case _:
            return None


def _phrases(library: Library) -> Iterator[Problem]:
    files = (source.mark.file for source in library.sources.values() if source.id.startswith("bot."))
    file = next(files, None)
    mark = Mark(file, 1, 1) if file else library.flows[ENTRY_FLOW].mark
    for text in SAID_BY_THE_ENGINE:
        if text not in library.sources:
            name = text.removeprefix("bot.")
            message = f"the bot says '{name}', which is missing in the 'texts' of 'phrases: bot'"
            yield _error(mark, "missing-text", message)
    for word in WORDS:
        if word not in library.word_sources:
            message = f"the bot understands '{word}', which is missing in the 'words' of 'phrases: bot'"
            yield _error(mark, "missing-key", message)


def _error(mark: Mark, code: str, message: str) -> Problem:
    return Problem(mark, Severity.ERROR, code, message)
