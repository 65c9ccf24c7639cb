"""What can be proved about the compiled machine before it goes live (law 12), global commands included.

Whatever is refused here is shown with the shortest way that breaks it, in the words that people would read. Going back,
changing an answer and coming back to kept answers need no ways of their own: each stands where a shorter path stood.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from heapq import heappop, heappush
from itertools import count

from bot.domain import TextId
from bot.flow.machine import NEXT, OVER, Compiled, State, answering, commanding
from bot.flow.model import (
    ENTRY_FLOW,
    NO_REPLY,
    NOT_UNDERSTOOD,
    YES,
    AskStep,
    AttachStep,
    BranchStep,
    CallStep,
    ConsentStep,
    Flow,
    HandoffStep,
    LanguageStep,
    Library,
    Mark,
    Problem,
    Severity,
)
from bot.flow.phrases import SAID_BY_THE_ENGINE, WORDS, Command

_LONGEST_QUOTE = 60  # characters
_COMMANDS = {commanding(command): command for command in Command}
_UNSAID = {answering(NOT_UNDERSTOOD): "is not understood", answering(NO_REPLY): "gets no reply"}
_NO_ANSWERS = _UNSAID.keys() | _COMMANDS.keys()
_AGREED = answering(YES)

Standing = tuple[str, bool]  # a state, and whether consent stands on the path to it
Way = tuple[tuple[str, str], ...]  # the states on a way, each with the trigger by which it is left


def check(library: Library, compiled: Compiled) -> list[Problem]:
    """Everything wrong with the machine and with what the engine needs beside it, in the order of the files."""
    edges: dict[str, list[tuple[str, str]]] = {}
    for source, trigger, destination in compiled.edges():
        edges.setdefault(source, []).append((trigger, destination))
    first = _first_ways(compiled, edges)
    reached = dict.fromkeys(state for state, _ in first)
    problems = [
        *_beginning(library.flows[ENTRY_FLOW], library),
        *_phrases(library),
        *_unreachable(library, compiled, reached),
        *_endless(compiled, edges, reached),
        *_without_consent(library, compiled, first),
    ]
    return sorted(problems, key=lambda problem: (problem.mark.file, problem.mark.line, problem.mark.column))


def _first_ways(compiled: Compiled, edges: Mapping[str, list[tuple[str, str]]]) -> Mapping[Standing, Way]:
    """Every standing that can be reached, the nearest first, with a shortest way to it.

    The word *menu* takes a consent off the path, but no more is reached by that: the first message can be that word.
    """
    ways: dict[Standing, Way] = {}
    order = count()
    pending: list[tuple[int, int, Standing, Way]] = [(0, next(order), (compiled.initial, False), ())]
    while pending:
        length, _, standing, way = heappop(pending)
        if standing in ways:
            continue
        ways[standing] = way
        state, consented = standing
        for trigger, destination in edges.get(state, ()):
            agreed = trigger == _AGREED and isinstance(compiled.states[state].step, ConsentStep)
            there = (destination, consented or agreed)
            passed = isinstance(compiled.states[state].step, BranchStep)
            heappush(
                pending, (length + (0 if passed else _length(trigger)), next(order), there, (*way, (state, trigger)))
            )
    return ways


def _length(trigger: str) -> int:
    """What is said takes nobody's time, and a way is told better without commands."""
    if trigger == NEXT:
        return 0
    return 3 if trigger in _COMMANDS else 2


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


def _unreachable(library: Library, compiled: Compiled, reached: Iterable[str]) -> Iterator[Problem]:
    begun = {state for name in reached for state in _with_calls(name)}
    prefixes: dict[str, list[str]] = {}
    for flow, prefix in _instances(library, compiled):
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


def _instances(library: Library, compiled: Compiled) -> Iterator[tuple[Flow, str]]:
    """Each flow that runs, with what stands before the names of its states."""
    entry = library.flows[ENTRY_FLOW]
    pending = [(entry, "")]
    if entry.person and all(step.name != entry.person.name for step in entry.steps if isinstance(step, CallStep)):
        pending.append((library.flows[entry.person.name], f"{entry.person.name}/"))
    while pending:
        flow, prefix = pending.pop()
        yield flow, prefix
        pending += [
            (library.flows[step.name], f"{prefix}{step.name}/") for step in flow.steps if isinstance(step, CallStep)
        ]


def _endless(
    compiled: Compiled, edges: Mapping[str, list[tuple[str, str]]], reached: Iterable[str]
) -> Iterator[Problem]:
    """States from which only a command leads to an end. Of several that lead to each other, the first is told."""
    onward = {
        source: [destination for trigger, destination in ways if trigger not in _NO_ANSWERS]
        for source, ways in edges.items()
    }
    backward: dict[str, list[str]] = {}
    for source, destinations in onward.items():
        for destination in destinations:
            backward.setdefault(destination, []).append(source)
    ends = [OVER, *(name for name, state in compiled.states.items() if isinstance(state.step, HandoffStep))]
    ending = _reachable(ends, backward)
    told: set[str] = set()
    steps: set[str] = set()
    for name in reached:
        if name in ending or name in told:
            continue
        told |= _reachable([name], onward)
        state = compiled.states[name]
        if state.id not in steps:
            steps.add(state.id)
            message = f"from '{state.step.name}' no answer leads to an end or a handoff, however one goes on"
            yield _error(state.step.mark, "no-end", message)


def _reachable(starts: Iterable[str], edges: Mapping[str, Iterable[str]]) -> set[str]:
    found = set(starts)
    pending = list(found)
    while pending:
        new = set(edges.get(pending.pop(), ())) - found
        found |= new
        pending += new
    return found


def _without_consent(library: Library, compiled: Compiled, first: Mapping[Standing, Way]) -> Iterator[Problem]:
    steps: set[str] = set()
    for (name, consented), way in first.items():
        state = compiled.states.get(name)
        if consented or state is None or state.id in steps:
            continue
        match state.step:
            case HandoffStep():
                code, does = "handoff-without-consent", "hands over to people"
            case AskStep():
                code, does = "free-text-before-consent", "asks for words of one's own"
            case AttachStep():
                code, does = "file-before-consent", "asks for a file"
            case _:
                continue
        steps.add(state.id)
        told = _told(library, compiled, way)
        message = f"'{state.step.name}' {does}, and this way leads there without consent: {told}"
        yield _error(state.step.mark, code, message)


def _told(library: Library, compiled: Compiled, way: Way) -> str:
    """A way in the words of those who go it: questions and answers."""
    said = []
    for name, trigger in way:
        state = compiled.states[name]
        if trigger in _COMMANDS:
            said.append(f'the word "{_COMMANDS[trigger]}"')
        elif trigger in _UNSAID:
            said.append(f"{_quoted(library, TextId(state.id), state.step.name)} {_UNSAID[trigger]}")
        elif (answer := _answer(library, state, trigger)) is not None:
            said.append(f"{_quoted(library, TextId(state.id), state.step.name)} {answer}")
    return " > ".join(said) or "the conversation begins with it"


def _answer(library: Library, state: State, trigger: str) -> str | None:
    if isinstance(state.step, LanguageStep):
        return None
    for outcome in (*state.options, *state.outcomes):
        if trigger == answering(outcome):
            label = state.options.get(outcome)
            return _quoted(library, label, outcome)
    return None


def _quoted(library: Library, text: TextId | None, otherwise: str) -> str:
    """The end of a text, which is where a question stands."""
    source = library.sources.get(text) if text else None
    said = source.paragraphs[-1] if source and source.paragraphs else otherwise
    return f'"{said}"' if len(said) <= _LONGEST_QUOTE else f'"{said[: _LONGEST_QUOTE - 3].rstrip()}..."'


def _error(mark: Mark, code: str, message: str) -> Problem:
    return Problem(mark, Severity.ERROR, code, message)
