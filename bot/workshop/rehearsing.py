"""`vestibule test`: holds written conversations against the flows, and says which ways none of them goes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from bot.config import ConfigError
from bot.flow import phrases
from bot.flow.events import Ask, Say
from bot.flow.machine import CHANGE, NEXT, Compiled, State, answering, branching, commanding
from bot.flow.model import ENTRY_FLOW, BranchStep, FaqStep, FlowError, Library, Mark, ReviewStep
from bot.flow.phrases import Command
from bot.workshop.stage import Game, Stage
from bot.workshop.transcripts import OVER, Failure, Line, Part, Transcript, difference, matches, parse

CONVERSATIONS = Path("tests/conversations")
ENDING = ".txt"

_COMMANDS = {commanding(command) for command in Command}
_LONGEST_QUOTE = 60  # characters


@dataclass(frozen=True, slots=True)
class Way:
    """A way through the flows: out of a state by an outcome, or into one that has none (`outcome` is empty then).

    `trigger` is that of the outcome, or names what moves nothing: a question of the FAQ, the wish to change an answer.
    """

    state: str
    outcome: str
    trigger: str
    mark: Mark


@dataclass(slots=True)
class Seen:
    """The ways that conversations went, each by the state and the trigger, and where they stood."""

    ways: set[tuple[str, str]] = field(default_factory=set)
    states: set[str] = field(default_factory=set)

    def observed(self, compiled: Compiled) -> Compiled:
        """The same machine, with every move noted."""
        watched: Any = _Watched(compiled.machine, self)
        return replace(compiled, machine=watched)


@dataclass(frozen=True, slots=True)
class Coverage:
    """Of how many ways in all some are `unseen`; the states that were reached."""

    total: int
    unseen: tuple[Way, ...]
    reached: frozenset[str]

    def lines(self) -> Iterator[str]:
        """What no conversation reaches, with its place: a whole state in one line."""
        told: set[str] = set()
        for way in self.unseen:
            place = f"{way.mark.file}:{way.mark.line}"
            if way.state in self.reached and way.trigger != NEXT:
                yield f"{place}: no conversation goes {way.state} -> {way.outcome}"
            elif way.state not in told:
                told.add(way.state)
                yield f"{place}: no conversation gets to {way.state}"


class Rehearsal:
    """Conversations against one folder of flows."""

    def __init__(self, folder: Path) -> None:
        """Raises FlowError for flows that could not go live."""
        self.seen = Seen()
        self.stage = Stage(folder, self.seen.observed)

    def run(self, transcript: Transcript) -> Failure | None:
        """Play a conversation; the first thing that is not as it was written, if anything is."""
        opening, lines = transcript.opening, transcript.lines
        first = lines[0]
        if first.part is Part.REQUESTER and opening.flow == ENTRY_FLOW and opening.at is None:
            opening, lines = replace(opening, text=first.text), lines[1:]
        try:
            game = self.stage.begin(opening)
        except ConfigError as error:
            return Failure(Mark(transcript.file, 1, 1), str(error))
        self._note(game, None)
        said = first.text if opening.text else None
        for line in lines:
            if line.part is Part.REQUESTER:
                said = line.text
            failure = self._check(game, line, said)
            if failure is not None:
                what, shown = failure
                return Failure(Mark(transcript.file, line.line, 1), what, shown)
        return None

    def coverage(self) -> Coverage:
        """How much of the flows the conversations reached."""
        every = sorted(
            ways(self.stage.library, self.stage.compiled), key=lambda way: (way.mark.file, way.mark.line, way.state)
        )
        return Coverage(len(every), tuple(way for way in every if not self._went(way)), frozenset(self.seen.states))

    def _went(self, way: Way) -> bool:
        if not way.trigger:
            return way.state in self.seen.states
        return (way.state, way.trigger) in self.seen.ways

    def _check(self, game: Game, line: Line, said: str | None) -> tuple[str, tuple[str, ...]] | None:
        """Play one line; what is wrong with it, and how, if anything is."""
        turn = game.turn
        match line.part:
            case Part.REQUESTER | Part.SENDS | Part.WAIT if turn.state is None:
                return "the conversation is over before this line", ()
            case Part.REQUESTER:
                game.answer(line.text)
                self._note(game, turn.state)
            case Part.SENDS:
                game.send(line.text)
                self._note(game, turn.state)
            case Part.WAIT:
                game.wait(line.length)
                self._note(game, turn.state)
            case Part.BOT if not matches(line.text, turn.said):
                says = "says something else" if turn.said else "says nothing"
                return f"{_after(said)}the bot {says}{self._standing(game)}", difference(line.text, turn.said)
            case Part.STATE if line.text != (turn.state or OVER):
                return f"{_after(said)}the conversation stands at '{turn.state or OVER}', not at '{line.text}'", ()
            case Part.HANDS_OVER if not turn.handed:
                return f"{_after(said)}nothing is handed over{self._standing(game)}", ()
            case Part.HANDS_OVER if not matches(line.text, turn.handed):
                return f"{_after(said)}something else is handed over", difference(line.text, turn.handed)
        return None

    def _standing(self, game: Game) -> str:
        state = self.stage.compiled.states.get(game.turn.state or "")
        if state is None:
            return " and is over" if game.turn.state is None else f" (at '{game.turn.state}')"
        return f" (at '{state.name}', {state.step.mark.file}:{state.step.mark.line})"

    def _note(self, game: Game, before: str | None) -> None:
        """What no move of the machine shows: a question of the FAQ is answered, an answer will be changed."""
        turn = game.turn
        self.seen.states.update(state for state in (turn.state,) if state is not None)
        state = self.stage.compiled.states.get(before or "")
        if state is None:
            return
        for effect in turn.effects:
            match effect:
                case Say(text) if isinstance(state.step, FaqStep) and text in state.options:
                    self.seen.ways.add((state.name, text))
                case Ask(phrases.WHICH_ANSWER) if isinstance(state.step, ReviewStep):
                    self.seen.ways.add((state.name, CHANGE))


def read(paths: Sequence[Path]) -> Iterator[Transcript | FlowError]:
    """Every transcript in these files and folders, or what is wrong with it. Raises ConfigError where there is none."""
    for path in paths:
        files = sorted(file for file in path.rglob(f"*{ENDING}") if file.is_file()) if path.is_dir() else [path]
        if not files:
            raise ConfigError(f"{path}: there is no conversation in this folder; each is a file ending in .txt")
        for file in files:
            try:
                yield parse(str(file), file.read_bytes())
            except OSError as error:
                raise ConfigError(f"{file}: cannot be read: {(error.strerror or 'unknown').lower()}") from None
            except FlowError as error:
                yield error


def ways(library: Library, compiled: Compiled) -> Iterator[Way]:
    """Every way that a conversation can go: each outcome of each state, and each state that has none."""
    triggers: dict[str, list[str]] = {name: [] for name in compiled.states}
    for source, trigger, _ in compiled.edges():
        if trigger not in _COMMANDS:
            triggers[source].append(trigger)
    for state in compiled.states.values():
        outcomes = {trigger.removeprefix(answering("")): trigger for trigger in triggers[state.name]} or {"": ""}
        if isinstance(state.step, FaqStep | ReviewStep):
            outcomes = {**{option: option for option in state.options}, **outcomes}
        for outcome, trigger in outcomes.items():
            yield Way(state.name, _told(state, outcome), trigger, _mark(library, state, outcome))


def _told(state: State, outcome: str) -> str:
    """An outcome in the words of a flow file."""
    if not isinstance(state.step, BranchStep):
        return outcome
    for place, clause in enumerate(state.step.clauses):
        if outcome == branching(place):
            return f"{clause.go.name} (by branch)"
    return "otherwise"


def _mark(library: Library, state: State, outcome: str) -> Mark:
    """Where the answer stands in the file of its step, or else the step."""
    if isinstance(state.step, BranchStep):
        marks = {branching(place): clause.go.mark for place, clause in enumerate(state.step.clauses)}
        return marks.get(outcome, state.step.mark)
    label = state.options.get(outcome)
    source = library.sources.get(label) if label is not None else None
    return source.mark if source and source.mark.file == state.step.mark.file else state.step.mark


def _after(said: str | None) -> str:
    if said is None:
        return ""
    words = " ".join(said.split())
    return f'after "{words if len(words) <= _LONGEST_QUOTE else words[: _LONGEST_QUOTE - 3] + "..."}", '


class _Watched:
    """Stands in the place of a machine, and notes what it is asked to do."""

    def __init__(self, machine: Any, seen: Seen) -> None:
        self.events = {name: _Noted(name, event, seen) for name, event in machine.events.items()}


class _Noted:
    def __init__(self, name: str, event: Any, seen: Seen) -> None:
        self._name, self._event, self._seen = name, event, seen
        self.transitions = event.transitions

    def trigger(self, cursor: Any) -> bool:
        """Move the cursor."""
        before = cursor.state
        moved = bool(self._event.trigger(cursor))
        self._seen.ways.add((before, self._name))
        self._seen.states |= {before, cursor.state}
        return moved
