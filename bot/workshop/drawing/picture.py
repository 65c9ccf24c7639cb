"""What there is to be drawn of a flow: its steps, and the ways between them as they stand in the compiled machine.

A flow that it calls is one box. The words that are understood everywhere are listed, not drawn.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from bot.domain import TextId
from bot.flow.followups import WHILE_ASKED
from bot.flow.machine import NEXT, Compiled, State, answering, branching, commanding
from bot.flow.model import ENTRY_FLOW, BranchStep, CallStep, Condition, Flow, FlowStep, Library
from bot.flow.phrases import Command
from bot.flow.sorts import Entry
from bot.i18n import Texts
from bot.workshop.seeding import first_state, prefix_of

OUT, TO_MENU = "<out>", "<menu>"  # boxes that are no steps; no step can be called so

_COMMANDS = {commanding(command) for command in Command}
_ASKING = "?؟？"
_OVER = {
    None: "Goes on where it was called.",
    Entry.ASKED: "The specialists get the answers.",
    Entry.RETURNING: "Begins as for everyone.",
}


@dataclass(frozen=True, slots=True)
class Box:
    """One step, or where the flow leads. `kind` is its word in the flow file, `text` what it says there, whole.

    `gist` is the paragraph of the text that asks, or else the first.
    """

    id: str
    kind: str
    name: str
    gist: str
    text: str


@dataclass(frozen=True, slots=True)
class Arrow:
    """A way from one box to another, with the answers by which it is gone."""

    source: str
    target: str
    labels: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Picture:
    """A flow. The first box is where it begins; `words` are those that are understood everywhere."""

    name: str
    about: str
    boxes: tuple[Box, ...]
    arrows: tuple[Arrow, ...]
    words: tuple[str, ...]
    locale: str


def picture(library: Library, compiled: Compiled, texts: Texts, name: str, locale: str) -> Picture:
    """Draw a flow that runs in this machine, in the first place where it runs."""
    flow = library.flows[name]
    place = _Place(library, compiled, texts, flow, locale)
    words = texts.lexicons()[locale].words
    return Picture(
        name=name,
        about=flow.about,
        boxes=tuple(place.boxes()),
        arrows=tuple(place.arrows()),
        words=tuple(words[command][0] for command in _understood(flow) if words.get(command)),
        locale=locale,
    )


def _understood(flow: Flow) -> tuple[Command, ...]:
    """The words that are understood everywhere in this flow."""
    return WHILE_ASKED if flow.entry is Entry.ASKED else tuple(Command)


class _Place:
    """A place where a flow runs."""

    def __init__(self, library: Library, compiled: Compiled, texts: Texts, flow: Flow, locale: str) -> None:
        self._library, self._compiled, self._texts, self._flow = library, compiled, texts, flow
        self._locale = locale
        self._prefix = prefix_of(flow.name, first_state(compiled, flow.name) or "")
        self._ways = self._gathered()

    def boxes(self) -> Iterator[Box]:
        """A box for each step in the order of the file, then for each place that is no step."""
        steps = {step.name: step for step in self._flow.steps}
        for step in steps.values():
            yield self._box(step)
        targets = [target for _, target in self._ways]
        for further in dict.fromkeys(box for way in self._ways for box in way):
            if further not in steps and further in self._library.flows:
                yield Box(further, "call", further, self._library.flows[further].about, "")
        if OUT in targets:
            over = _OVER[self._flow.entry] if self._flow.name != ENTRY_FLOW else "The conversation is over."
            yield Box(OUT, "end", "", over, over)
        if TO_MENU in targets:
            yield Box(TO_MENU, "end", "", "To the menu.", "To the menu.")

    def arrows(self) -> Iterator[Arrow]:
        """An arrow for each two boxes between which there is a way."""
        onward: dict[str, int] = {}
        for source, _ in self._ways:
            onward[source] = onward.get(source, 0) + 1
        for (source, target), outcomes in self._ways.items():
            plain = onward[source] == 1 and not any(outcomes.values())
            labels = (label or outcome.replace("_", " ") for outcome, label in outcomes.items())
            yield Arrow(source, target, () if plain else tuple(labels))

    def _gathered(self) -> dict[tuple[str, str], dict[str, str]]:
        """From each two boxes to the outcomes that lead from one to the other, each with its words if it has any."""
        ways: dict[tuple[str, str], dict[str, str]] = {}
        for state in self._compiled.states.values():
            source = self._box_of(state.name)
            elsewhere = self._flow.name == ENTRY_FLOW and self._compiled.entry_of(state.name) is not None
            if elsewhere or source in (OUT, TO_MENU):
                continue
            for outcome, destination in self._outcomes(state):
                target = self._box_of(destination)
                inside = self._is_call(source)
                if target == source and inside:
                    continue
                outcomes = ways.setdefault((source, target), {})
                if not inside and outcome != NEXT:
                    outcomes[outcome] = self._label(state, outcome)
        return ways

    def _outcomes(self, state: State) -> Iterator[tuple[str, str]]:
        """The ways out of a state, in the order in which its answers are shown."""
        found = {
            trigger.removeprefix(answering("")): destination
            for source, trigger, destination in self._compiled.edges()
            if source == state.name and trigger not in _COMMANDS
        }
        yield from ((outcome, found.pop(outcome)) for outcome in state.options if outcome in found)
        yield from found.items()

    def _box_of(self, state: str) -> str:
        if not state.startswith(self._prefix):
            return TO_MENU if state == self._compiled.menu else OUT
        if state not in self._compiled.states:
            return OUT
        return state.removeprefix(self._prefix).split("/")[0]

    def _is_call(self, box: str) -> bool:
        return all(step.name != box or isinstance(step, CallStep) for step in self._flow.steps)

    def _box(self, step: FlowStep) -> Box:
        kind = type(step).__name__.removesuffix("Step").lower()
        if isinstance(step, CallStep):
            about = self._library.flows[step.name].about
            return Box(step.name, kind, step.name, about, about)
        said = getattr(step, "text", None)
        paragraphs = self._said(said).split("\n\n") if said is not None else [""]
        asking = [paragraph for paragraph in paragraphs if any(mark in paragraph for mark in _ASKING)]
        return Box(step.name, kind, step.name, asking[-1] if asking else paragraphs[0], "\n\n".join(paragraphs))

    def _label(self, state: State, outcome: str) -> str:
        """The text of an answer, or what a branch looks at."""
        if isinstance(state.step, BranchStep):
            clauses = {branching(place): clause for place, clause in enumerate(state.step.clauses)}
            if outcome not in clauses:
                return "otherwise"
            return " and ".join(map(self._condition, clauses[outcome].conditions))
        text = state.options.get(outcome)
        return "" if text is None else self._said(text)

    def _condition(self, condition: Condition) -> str:
        asked = next((state for state in self._compiled.states.values() if state.id == condition.step.name), None)
        answers = [asked.options.get(outcome.name) if asked else None for outcome in condition.outcomes]
        said = [
            self._said(text) if text is not None else outcome.name
            for text, outcome in zip(answers, condition.outcomes, strict=True)
        ]
        return f"{condition.step.name}: {' / '.join(said)}"

    def _said(self, text: TextId) -> str:
        names = self._library.sources[text].names
        return self._texts.say(text, self._locale, {name: f"{{{name}}}" for name in names & {"case"}})
