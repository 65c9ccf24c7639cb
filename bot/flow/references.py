"""What the files of a library say of each other: every name that is used must exist, and no flow may run itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from bot.flow.model import (
    ANSWERED,
    ATTACHED,
    END,
    ENTRY_FLOW,
    MENU,
    NO,
    SKIPPED,
    YES,
    AskStep,
    AttachStep,
    BranchStep,
    CallStep,
    ChooseStep,
    Clause,
    Condition,
    ConsentStep,
    EndStep,
    FaqStep,
    Flow,
    FlowStep,
    HandoffStep,
    LanguageStep,
    Library,
    Mark,
    ReopenStep,
    SayStep,
    SeveralStep,
    Target,
    YesNoStep,
)
from bot.flow.positions import Problems, meant
from bot.flow.sorts import Entry

MOST_STEPS = 5_000  # with those of the flows that are called, as often as they are


def check(library: Library, names: Mapping[str, Mapping[str, Mark]], problems: Problems, *, whole: bool) -> None:
    """Report what does not exist. `names`: every step that a flow file has, faulty ones too.

    Where a file could not be read (not `whole`), what may stand in it is not missed.
    """
    References(library, names, problems, whole).check()


class References:
    def __init__(
        self, library: Library, names: Mapping[str, Mapping[str, Mark]], problems: Problems, whole: bool
    ) -> None:
        self._library = library
        self._names = names
        self._problems = problems
        self._whole = whole
        read = {(flow.name, step.name): step for flow in library.flows.values() for step in flow.steps}
        self._asked = {f"{flow}.{step}": outcomes(found) for (flow, step), found in read.items()}
        # a step that is faulty itself may well be one
        self._choices = {
            step
            for flow, steps in names.items()
            for step in steps
            if isinstance(read.get((flow, step)), ChooseStep | None)
        }

    def check(self) -> None:
        flows = self._library.flows
        if self._whole and flows and ENTRY_FLOW not in flows:
            mark = next(iter(flows.values())).mark
            message = f"no file begins with 'flow: {ENTRY_FLOW}', where every conversation begins"
            self._problems.error(mark, "unknown-flow", message)
        for flow in flows.values():
            for step in flow.steps:
                self._step(flow, step)
                for asked in flow.requires.get(step.name, ()):
                    self._asks(f"'{step.name}' requires", asked)
            if flow.menu:
                self._menu(flow, flow.menu)
            if flow.person:
                self._flow_exists(flow.person)
            self._summary(flow)
        self._returning()
        if not self._recursion():
            self._copies()

    def _step(self, flow: Flow, step: FlowStep) -> None:
        for target in targets(step):
            self._target(flow, step, target)
        match step:
            case BranchStep(clauses=clauses):
                for clause in clauses:
                    self._clause(step, clause)
            case CallStep():
                self._flow_exists(Target(step.name, step.mark))
            case SayStep(faq=Target() as entry) if self._whole and entry.name not in self._library.faq:
                near = meant(entry.name, tuple(self._library.faq))
                self._problems.error(entry.mark, "unknown-faq", f"the FAQ has no entry '{entry.name}'{near}")
            case FaqStep() if self._whole and not self._library.faq:
                message = f"'{step.name}' lists the FAQ, but no file begins with 'faq:'"
                self._problems.error(step.mark, "unknown-faq", message)
            case HandoffStep():
                for shown in (step.topic, step.urgency):
                    self._card(shown)

    def _target(self, flow: Flow, step: FlowStep, target: Target) -> None:
        if target.name == MENU and MENU not in self._names[flow.name]:
            entry = self._library.flows.get(ENTRY_FLOW)
            if entry and not entry.menu:
                message = f"'{step.name}' goes to the menu, but '{ENTRY_FLOW}' has none; give it 'menu: name of a step'"
                self._problems.error(target.mark, "unknown-target", message)
        elif target.name != END:
            self._exists(flow, f"'{step.name}'", target)

    def _exists(self, flow: Flow, who: str, target: Target) -> None:
        known = self._names[flow.name]
        if target.name in known:
            return
        near = meant(target.name, (*known, END, MENU))
        message = f"{who} goes to '{target.name}', which does not exist in this flow{near}"
        self._problems.error(target.mark, "unknown-target", message)

    def _clause(self, step: FlowStep, clause: Clause) -> None:
        for condition in clause.conditions:
            known = self._asks(f"'{step.name}' looks at", condition.step)
            if known:
                self._condition(condition, known)

    def _asks(self, who: str, asked: Target) -> tuple[str, ...]:
        """The answers that this question (flow and step) can have; nothing where there is no such question."""
        known = self._asked.get(asked.name)
        flow, _, name = asked.name.partition(".")
        if known:
            return known
        if name not in self._names.get(flow, ()) and (self._whole or flow in self._names):
            near = meant(asked.name, tuple(step for step, found in self._asked.items() if found))
            message = f"{who} the answer to '{asked.name}', which does not exist{near}"
            self._problems.error(asked.mark, "unknown-step", message)
        elif known is not None:
            self._problems.error(asked.mark, "unknown-step", f"{who} the answer to '{asked.name}', which asks nothing")
        return ()

    def _condition(self, condition: Condition, known: tuple[str, ...]) -> None:
        for outcome in condition.outcomes:
            if outcome.name not in known:
                near = meant(outcome.name, known) or f"; there are {', '.join(known)}"
                message = f"'{outcome.name}' is no answer to '{condition.step.name}'{near}"
                self._problems.error(outcome.mark, "unknown-answer", message)

    def _menu(self, flow: Flow, menu: Target) -> None:
        self._exists(flow, f"the menu of '{flow.name}'", menu)
        if any(step.name == menu.name and not isinstance(step, ChooseStep) for step in flow.steps):
            self._problems.error(
                menu.mark, "menu-not-a-choice", f"the menu must be a 'choose' step, and '{menu.name}' is none"
            )

    def _flow_exists(self, target: Target) -> None:
        if self._whole and target.name not in self._library.flows:
            near = meant(target.name, tuple(self._library.flows))
            self._problems.error(target.mark, "unknown-flow", f"no file begins with 'flow: {target.name}'{near}")
        called = self._library.flows.get(target.name)
        if called is not None and called.entry is not None:
            message = (
                f"'{target.name}' has 'entry: {called.entry}', and nothing else can lead into it; take that out of its "
                "file, or do not name it here"
            )
            self._problems.error(target.mark, "called-entry", message)

    def _returning(self) -> None:
        """Whoever comes back can be asked by one flow only."""
        found = [flow for flow in self._library.flows.values() if flow.entry is Entry.RETURNING]
        for other in found[1:]:
            message = f"'{found[0].name}' has 'entry: returning' too; only one flow can have it"
            self._problems.error(other.mark, "duplicate-entry", message)

    def _card(self, target: Target | None) -> None:
        if target and self._whole and target.name not in self._choices:
            near = meant(target.name, tuple(sorted(self._choices)))
            message = f"the card shows only answers of 'choose' steps, and '{target.name}' is none{near}"
            self._problems.error(target.mark, "card-not-a-choice", message)

    def _summary(self, flow: Flow) -> None:
        seen: set[str] = set()
        for named in (target for section in flow.summary.values() for target in section):
            if named.name in seen:
                message = f"'{named.name}' stands in the summary twice; its answers can stand in one place only"
                self._problems.error(named.mark, "duplicate-name", message)
            elif "." in named.name:
                self._asks("the summary shows", named)
            else:
                self._flow_exists(named)
            seen.add(named.name)

    def _recursion(self) -> bool:
        """Whether a flow runs itself, by however many others; it is reported at the call that closes the circle."""
        found = False
        done: set[str] = set()
        for start in self._library.flows:
            way: list[str] = [start]
            calls = [self._calls(start)]
            while calls and start not in done:
                call = next(calls[-1], None)
                if call is None:
                    done.add(way.pop())
                    calls.pop()
                elif call.name in way:
                    found = True
                    circle = " -> ".join((*way[way.index(call.name) :], call.name))
                    self._problems.error(call.mark, "recursion", f"this flow would run itself without end: {circle}")
                elif call.name not in done and call.name in self._library.flows:
                    way.append(call.name)
                    calls.append(self._calls(call.name))
        return found

    def _copies(self) -> None:
        """A flow is copied to wherever it is called: flows that call each other many times over grow beyond measure."""
        sizes: dict[str, int] = {}
        pending = list(self._library.flows)
        while pending:
            called = {call.name for call in self._calls(pending[-1]) if call.name in self._library.flows}
            if missing := called - sizes.keys():
                pending += missing
                continue
            flow = self._library.flows[pending.pop()]
            sizes[flow.name] = len(flow.steps) + sum(sizes[name] for name in called)
            if sizes[flow.name] > MOST_STEPS:
                message = (
                    f"'{flow.name}' comes to more than {MOST_STEPS:,} steps with all that it calls; call less often"
                )
                self._problems.error(flow.mark, "too-many-steps", message)
                return

    def _calls(self, flow: str) -> Iterator[CallStep]:
        return (step for step in self._library.flows[flow].steps if isinstance(step, CallStep))


def targets(step: FlowStep) -> tuple[Target, ...]:
    """Every `go` of a step."""
    match step:
        case LanguageStep() | CallStep() | HandoffStep() | ReopenStep() | EndStep():
            return ()
        case BranchStep(clauses=clauses, otherwise=otherwise):
            return *(clause.go for clause in clauses), *([otherwise] if otherwise else [])
        case _:
            return step.go.all()


def outcomes(step: FlowStep) -> tuple[str, ...]:
    """What can be the answer to a step, as a branch names it; nothing where a step asks for none that is kept."""
    match step:
        case ChooseStep(options=options) | SeveralStep(options=options):
            return tuple(option.name for option in options)
        case YesNoStep() | ConsentStep():
            return YES, NO
        case AskStep(skippable=skippable):
            return (ANSWERED, SKIPPED) if skippable else (ANSWERED,)
        case AttachStep():
            return ATTACHED, SKIPPED
        case _:
            return ()
