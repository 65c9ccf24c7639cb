"""Compiles a library into one state machine, the one that runs and the one that checks prove things about.

A called flow is copied into its caller: a state is `step` in the entry flow, `flow/step` in a flow that it calls. Names
from flow files are names of states and, behind a prefix, of triggers; none is ever a callback, which `transitions`
would import and call.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from transitions import Machine

from bot.domain import Keep, TextId
from bot.flow.model import (
    CHOSEN,
    END,
    ENOUGH,
    ENTRY_FLOW,
    MENU,
    NO,
    SEND,
    SKIPPED,
    UNANSWERED,
    YES,
    AskStep,
    AttachStep,
    BranchStep,
    CallStep,
    ChooseStep,
    ConsentStep,
    EndStep,
    FaqStep,
    Flow,
    FlowError,
    FlowStep,
    HandoffStep,
    LanguageStep,
    Library,
    Mark,
    Problem,
    ReopenStep,
    ReviewStep,
    SayStep,
    SeveralStep,
    Severity,
    Target,
    YesNoStep,
)
from bot.flow.phrases import FAQ_ENOUGH, REVIEW_CHANGE, REVIEW_SEND, Command
from bot.flow.phrases import NO as SAY_NO
from bot.flow.phrases import YES as SAY_YES
from bot.flow.references import outcomes
from bot.flow.sorts import Entry

OVER = END  # the state in which the session is over
NEXT = "next"  # the trigger by which a step that asks nothing goes on

CHANGE = "change"

RecordedStep = ChooseStep | SeveralStep | YesNoStep | ConsentStep | AskStep | AttachStep
QuestionStep = FaqStep | ReviewStep | RecordedStep
WaitingStep = LanguageStep | QuestionStep
PassingStep = SayStep | EndStep | BranchStep
StateStep = WaitingStep | PassingStep | HandoffStep | ReopenStep


def after_consent(step: StateStep) -> bool:
    """Whether a step is asked only with consent: what is answered in words or by a file, and what identifies people."""
    match step:
        case AskStep() | AttachStep():
            return True
        case ChooseStep() | SeveralStep() | YesNoStep():
            return step.personal
        case _:
            return False


def kept(flow: Flow, step: FlowStep) -> Keep | None:
    """How long the answer to a step is kept: as the step says, or else its flow."""
    return (step.keep or flow.keep) if isinstance(step, RecordedStep) else None


def answering(outcome: str) -> str:
    """The trigger of an outcome."""
    return f"answer:{outcome}"


def branching(place: int) -> str:
    """The trigger of a clause of a branch, counted from 0; after the last clause stands what happens otherwise."""
    return f"branch:{place}"


def commanding(command: Command) -> str:
    """The trigger of a command that leads somewhere."""
    return f"command:{command}"


@dataclass(frozen=True, slots=True)
class State:
    """A step in one of the places where its flow runs.

    `id` is that of the step (`eligibility.role`), `question` the text that names it in a review or summary, `options`
    its answers and their labels in the order in which they are shown, `outcomes` the answers that are worth keeping.
    `topic` and `urgency` are the ids of the steps whose answers stand on the card; `keep`: how long its own is;
    `compare`: as what it is compared with those of other cases.
    """

    name: str
    id: str
    step: StateStep
    question: TextId
    options: Mapping[str, TextId]
    outcomes: frozenset[str]
    topic: frozenset[str] = frozenset()
    urgency: frozenset[str] = frozenset()
    keep: Keep = Keep.CASE
    compare: str | None = None


@dataclass(frozen=True, slots=True)
class Entrance:
    """A flow that is entered otherwise than from the beginning: how, and in which state."""

    entry: Entry
    initial: str


@dataclass(frozen=True, slots=True)
class Compiled:
    """The machine, and what is known of each of its states but `end`, which has no step.

    `consents` are the steps, with the version of their text, to which one can consent now. `requires` has, for some
    states, the questions that must have been answered on every way there, each with the step that requires it.
    `entrances`, by the names of their flows: the names of their states begin with it, and no others do.
    """

    machine: Machine
    states: Mapping[str, State]
    initial: str
    menu: str | None
    person: str | None
    consents: frozenset[tuple[str, int]]
    locales: tuple[str, ...]
    requires: Mapping[str, tuple[tuple[str, Target], ...]] = field(default_factory=dict)
    entrances: Mapping[str, Entrance] = field(default_factory=dict)

    def entry_of(self, state: str) -> Entry | None:
        """How one came to be in this state, where it belongs to such a flow."""
        flow, inside, _ = state.partition("/")
        entrance = self.entrances.get(flow) if inside else None
        return entrance.entry if entrance else None

    def edges(self) -> Iterator[tuple[str, str, str]]:
        """Every transition: source, trigger, destination."""
        for trigger, event in self.machine.events.items():
            for source, transitions in event.transitions.items():
                for transition in transitions:
                    yield source, trigger, transition.dest or source


def compile_flows(library: Library, locales: Sequence[str]) -> Compiled:
    """The machine of the entry flow and all that it runs. `locales`: what can be chosen as the language.

    Raises FlowError when there is no entry flow.
    """
    entry = library.flows.get(ENTRY_FLOW)
    if entry is None or not entry.steps:
        message = f"no file begins with 'flow: {ENTRY_FLOW}', where every conversation begins"
        raise FlowError([Problem(Mark("flows", 1, 1), Severity.ERROR, "unknown-flow", message)])
    return _Compiler(library, entry).compile(tuple(locales))


class _Compiler:
    def __init__(self, library: Library, entry: Flow) -> None:
        self._library = library
        self._entry = entry
        self._menu = self._at(entry, "", entry.menu.name) if entry.menu else None
        self._states: dict[str, State] = {}
        self._transitions: list[tuple[str, str, str]] = []
        self._requires: dict[str, tuple[tuple[str, Target], ...]] = {}
        self._closed: set[str] = set()  # states that no command leads out of
        self._asked = False  # whether the states that are added are those of a flow that staff ask

    def compile(self, locales: tuple[str, ...]) -> Compiled:
        entry = self._entry
        self._add(entry, "", OVER)
        person = self._person()
        entrances = dict(self._enter())
        for command, leads in ((Command.MENU, self._menu), (Command.PERSON, person)):
            if leads is not None:
                self._transitions += [
                    (commanding(command), name, leads) for name in self._states if name not in self._closed
                ]
        machine = Machine(
            model=None,
            states=[*self._states, OVER],
            initial=None,
            transitions=[list(transition) for transition in self._transitions],
            auto_transitions=False,
            send_event=True,
            queued=False,
        )
        consents = frozenset(
            (state.id, state.step.version) for state in self._states.values() if isinstance(state.step, ConsentStep)
        )
        initial = self._begin(entry, "", OVER)
        requires = self._requires
        return Compiled(machine, self._states, initial, self._menu, person, consents, locales, requires, entrances)

    def _enter(self) -> Iterator[tuple[str, Entrance]]:
        """Add the flows that are entered otherwise. Where people have the conversation, no command leads out."""
        for flow in self._library.flows.values():
            if flow.entry is not None:
                before = set(self._states)
                self._asked = flow.entry is Entry.ASKED
                self._add(flow, f"{flow.name}/", OVER)
                if self._asked:
                    self._closed |= self._states.keys() - before
                yield flow.name, Entrance(flow.entry, self._begin(flow, f"{flow.name}/", OVER))

    def _person(self) -> str | None:
        """Where the word *person* leads: into the entry flow's own call of that flow, or else into a further copy."""
        if self._entry.person is None:
            return None
        flow = self._library.flows[self._entry.person.name]
        prefix = f"{flow.name}/"
        if not any(isinstance(step, CallStep) and step.name == flow.name for step in self._entry.steps):
            self._add(flow, prefix, self._menu or OVER)
        return self._begin(flow, prefix, self._menu or OVER)

    def _add(self, flow: Flow, prefix: str, over: str) -> None:
        """Add the states of a flow, and of the flows it calls; `over` is where its caller goes on."""
        for place, step in enumerate(flow.steps):
            following = self._following(flow, prefix, place, over)
            if required := flow.requires.get(step.name):
                begin = self._begin(flow, prefix, over, place)
                self._requires[begin] = (*self._requires.get(begin, ()), *((step.name, asked) for asked in required))
            if isinstance(step, CallStep):
                self._add(self._library.flows[step.name], f"{prefix}{step.name}/", following)
                continue
            name = f"{prefix}{step.name}"
            self._states[name] = self._state(name, flow, step)
            for trigger, target in self._ways(step, over if isinstance(step, EndStep) else following):
                leads = target if isinstance(target, str) else self._led(flow, prefix, target, over)
                self._transitions.append((trigger, name, leads))

    def _ways(self, step: FlowStep, following: str) -> Iterator[tuple[str, Target | str]]:
        """Each way out of a step: its trigger, and where it leads."""
        match step:
            case LanguageStep():
                yield answering(CHOSEN), following
            case SayStep():
                yield NEXT, step.go.default or following
            case EndStep():
                yield NEXT, following
            case BranchStep(clauses=clauses):
                for place, clause in enumerate(clauses):
                    yield branching(place), clause.go
                yield branching(len(clauses)), step.otherwise or following
            case _ if isinstance(step, QuestionStep):
                for outcome in self._outcomes(step):
                    yield answering(outcome), step.go.of(outcome) or following
                for outcome in UNANSWERED:
                    if outcome in step.go.by_outcome:
                        yield answering(outcome), step.go.by_outcome[outcome]

    def _led(self, flow: Flow, prefix: str, target: Target, over: str) -> str:
        if target.name == END:
            return over
        if target.name == MENU and self._menu is not None:
            return self._menu
        return self._at(flow, prefix, target.name, over)

    def _at(self, flow: Flow, prefix: str, name: str, over: str = OVER) -> str:
        """The state in which a step of this name begins."""
        place = next(place for place, step in enumerate(flow.steps) if step.name == name)
        return self._begin(flow, prefix, over, place)

    def _begin(self, flow: Flow, prefix: str, over: str, place: int = 0) -> str:
        """The state in which a flow begins, or goes on at the step in this place."""
        step = flow.steps[place]
        if not isinstance(step, CallStep):
            return f"{prefix}{step.name}"
        following = self._following(flow, prefix, place, over)
        return self._begin(self._library.flows[step.name], f"{prefix}{step.name}/", following)

    def _following(self, flow: Flow, prefix: str, place: int, over: str) -> str:
        return self._begin(flow, prefix, over, place + 1) if place + 1 < len(flow.steps) else over

    def _state(self, name: str, flow: Flow, step: StateStep) -> State:
        topic: frozenset[str] = frozenset()
        urgency: frozenset[str] = frozenset()
        if isinstance(step, HandoffStep):
            topic, urgency = self._choices(step.topic), self._choices(step.urgency)
        outcomes = frozenset(self._outcomes(step)) if isinstance(step, RecordedStep) else frozenset()
        step_id = f"{flow.name}.{step.name}"
        question = (_short(step) if isinstance(step, RecordedStep) else None) or TextId(step_id)
        keep = kept(flow, step) or Keep.CASE  # the check says where nobody says so
        compare = flow.compares.get(step.name)
        return State(name, step_id, step, question, self._options(step), outcomes, topic, urgency, keep, compare)

    def _outcomes(self, step: QuestionStep) -> tuple[str, ...]:
        """The ways out of a question. What staff ask can be skipped, whatever it is; but a consent is yes or no."""
        own = _outcomes(step)
        skips = self._asked and isinstance(step, RecordedStep) and not isinstance(step, ConsentStep)
        return (*own, SKIPPED) if skips and SKIPPED not in own else own

    def _choices(self, target: Target | None) -> frozenset[str]:
        """The ids of the `choose` steps of this name, in whatever flow."""
        return frozenset(
            f"{flow.name}.{step.name}"
            for flow in self._library.flows.values()
            for step in flow.steps
            if target and isinstance(step, ChooseStep) and step.name == target.name
        )

    def _options(self, step: StateStep) -> Mapping[str, TextId]:
        match step:
            case ChooseStep() | SeveralStep():
                return {option.name: option.text for option in step.options}
            case YesNoStep() | ConsentStep():
                return {YES: SAY_YES, NO: SAY_NO}
            case FaqStep():
                # an entry's outcome is the id of its answer: no entry can be called as a way out is
                return {**{entry.answer: entry.title for entry in self._library.faq.values()}, ENOUGH: FAQ_ENOUGH}
            case ReviewStep():
                return {SEND: REVIEW_SEND, CHANGE: REVIEW_CHANGE}
            case _:
                return {}


def _outcomes(step: QuestionStep) -> tuple[str, ...]:
    """The ways out of a question that is answered."""
    match step:
        case SeveralStep(options=options, alone=alone):
            return CHOSEN, *(option.name for option in options if option.name in alone)
        case FaqStep():
            return (ENOUGH,)
        case ReviewStep():
            return (SEND,)
        case _:
            return outcomes(step)


def _short(step: RecordedStep) -> TextId | None:
    """What a question is called in a review or summary, where its author gave it a name."""
    return step.covers if isinstance(step, ConsentStep) else step.label
