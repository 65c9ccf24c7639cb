"""What flow files say, as values: flows and their steps, the FAQ, every text for people; and what is wrong with a file.

The loader makes these from YAML; nothing here knows YAML. A text is named by its id, its sentences are in `sources`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from bot.domain import Keep, TextId
from bot.errors import VestibuleError
from bot.flow.phrasings import Phrasings, Topics
from bot.flow.replies import Canned
from bot.flow.sorts import Entry, Kind
from bot.flow.waits import PATIENT, Wait

ENTRY_FLOW, END = "main", "end"  # `end` as the target of `go`: this flow is over
MENU = "menu"  # as the target of `go`: the menu of the entry flow
YES, NO = "yes", "no"
ANSWERED, SKIPPED, ATTACHED, CHOSEN = "answered", "skipped", "attached", "chosen"  # the last: several, or one of them
ENOUGH, SEND = "enough", "send"  # no more questions; this can be passed on
NOT_UNDERSTOOD, NO_REPLY = "not_understood", "no_reply"
UNANSWERED = (NOT_UNDERSTOOD, NO_REPLY)  # the ways out of a question that was not answered


@dataclass(frozen=True, slots=True)
class Mark:
    """A place in a file; line and column count from 1."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


class Severity(StrEnum):
    """An error keeps a flow from going live; a warning will surprise somebody; advice can be ignored."""

    ERROR = "error"
    WARNING = "warning"
    ADVICE = "advice"


@dataclass(frozen=True, slots=True)
class Problem:
    """Something wrong with a file: where, how bad, a stable code, and what to do about it."""

    mark: Mark
    severity: Severity
    code: str
    message: str

    def __str__(self) -> str:
        return f"{self.mark}: {self.severity}[{self.code}]: {self.message}"


class FlowError(VestibuleError):
    """The author's to mend: flow files or catalogs that cannot be used. Holds every problem found."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = tuple(problems)


@dataclass(frozen=True, slots=True)
class Source:
    """One translatable text as its author wrote it; each paragraph is one message of a catalog.

    `note` is for operators and translators. `mark` is the place of the text, `names` are the placeholders in it.
    """

    id: TextId
    paragraphs: tuple[str, ...]
    note: str
    mark: Mark
    names: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Target:
    """Where a `go` leads: a step of the same flow, `end` or `menu`."""

    name: str
    mark: Mark


@dataclass(frozen=True, slots=True)
class Ways:
    """The ways out of a step. An outcome that is not named goes by the default; without one, to the next step."""

    default: Target | None = None
    by_outcome: Mapping[str, Target] = field(default_factory=dict)

    def of(self, outcome: str) -> Target | None:
        return self.by_outcome.get(outcome, self.default)

    def all(self) -> tuple[Target, ...]:
        return (*filter(None, [self.default]), *self.by_outcome.values())


@dataclass(frozen=True, slots=True)
class Option:
    """One answer that can be chosen. Its name routes and is never translated; its text is what people read."""

    name: str
    text: TextId


@dataclass(frozen=True, slots=True)
class LanguageStep:
    """Asks which language to go on in."""

    name: str
    mark: Mark
    text: TextId


@dataclass(frozen=True, slots=True)
class SayStep:
    """Says a text, or the answer of an FAQ entry, and goes on."""

    name: str
    mark: Mark
    text: TextId
    go: Ways
    faq: Target | None = None


@dataclass(frozen=True, slots=True)
class ChooseStep:
    """A question with a list of answers, one of which is chosen. `personal`: asked only after consent."""

    name: str
    mark: Mark
    text: TextId
    label: TextId | None
    options: tuple[Option, ...]
    go: Ways
    wait: Wait = PATIENT
    personal: bool = False
    keep: Keep | None = None


@dataclass(frozen=True, slots=True)
class YesNoStep:
    """A question that is answered by yes or no. `personal`: asked only after consent."""

    name: str
    mark: Mark
    text: TextId
    label: TextId | None
    go: Ways
    wait: Wait = PATIENT
    personal: bool = False
    keep: Keep | None = None


@dataclass(frozen=True, slots=True)
class ConsentStep:
    """Asks for consent to a text. Whoever agreed to another version of it has not agreed to this one."""

    name: str
    mark: Mark
    text: TextId
    version: int
    covers: TextId | None
    go: Ways
    wait: Wait = PATIENT
    keep: Keep | None = None


@dataclass(frozen=True, slots=True)
class AskStep:
    """A question that is answered in one's own words, or skipped. `longest` bounds the answer, in characters; `error`
    is said instead of the bot's own text when it does not fit."""

    name: str
    mark: Mark
    text: TextId
    label: TextId | None
    skippable: bool
    go: Ways
    kind: Kind = Kind.TEXT
    longest: int | None = None
    error: TextId | None = None
    wait: Wait = PATIENT
    keep: Keep | None = None


@dataclass(frozen=True, slots=True)
class SeveralStep:
    """A question with a list of answers: some of them, or one that stands `alone` and is an outcome of its own."""

    name: str
    mark: Mark
    text: TextId
    label: TextId | None
    options: tuple[Option, ...]
    alone: frozenset[str]
    least: int
    most: int
    go: Ways
    wait: Wait = PATIENT
    personal: bool = False
    keep: Keep | None = None


@dataclass(frozen=True, slots=True)
class AttachStep:
    """Asks for a file, which is sent, or skipped."""

    name: str
    mark: Mark
    text: TextId
    label: TextId | None
    go: Ways
    wait: Wait = PATIENT
    keep: Keep | None = None


@dataclass(frozen=True, slots=True)
class Condition:
    """That the answer to a step (`step` is flow and step) is one of these outcomes, or that one of these was chosen."""

    step: Target
    outcomes: tuple[Target, ...]


@dataclass(frozen=True, slots=True)
class Clause:
    """Where a branch leads when every condition holds."""

    conditions: tuple[Condition, ...]
    go: Target


@dataclass(frozen=True, slots=True)
class BranchStep:
    """Asks nothing: goes on by earlier answers of the path. The first clause that holds decides."""

    name: str
    mark: Mark
    clauses: tuple[Clause, ...]
    otherwise: Target | None


@dataclass(frozen=True, slots=True)
class FaqStep:
    """Lists what the FAQ answers, until the person has no more questions."""

    name: str
    mark: Mark
    text: TextId
    go: Ways
    wait: Wait = PATIENT


@dataclass(frozen=True, slots=True)
class CallStep:
    """Runs the flow of this name, then goes on."""

    name: str
    mark: Mark


@dataclass(frozen=True, slots=True)
class ReviewStep:
    """Shows the answers before they are handed over, and lets one of them be changed."""

    name: str
    mark: Mark
    text: TextId
    go: Ways
    wait: Wait = PATIENT


@dataclass(frozen=True, slots=True)
class HandoffStep:
    """Hands the conversation over to people. The card holds the labels of two chosen answers at most."""

    name: str
    mark: Mark
    text: TextId
    topic: Target | None
    urgency: Target | None


@dataclass(frozen=True, slots=True)
class ReopenStep:
    """Gives the conversation back to people, about the case that was closed last; only for whoever comes back."""

    name: str
    mark: Mark
    text: TextId


@dataclass(frozen=True, slots=True)
class EndStep:
    """Says a last text, if there is one; then this flow is over."""

    name: str
    mark: Mark
    text: TextId | None


FlowStep = (
    LanguageStep
    | SayStep
    | ChooseStep
    | YesNoStep
    | ConsentStep
    | AskStep
    | SeveralStep
    | AttachStep
    | BranchStep
    | FaqStep
    | CallStep
    | ReviewStep
    | HandoffStep
    | ReopenStep
    | EndStep
)


@dataclass(frozen=True, slots=True)
class Flow:
    """One flow file. Only the entry flow names a menu (one of its steps) and a person (the flow that leads to one).

    `was` are names that the flow had before, `renamed` those of its steps, each with the name of now. `requires`: what
    must have been answered before a step (flow and step). `keep`: of steps that say none. `entry`: how it is entered.
    `compares`: as what answers are compared with other cases'. `summary`, of the entry flow alone: for the title of a
    section, the flows and steps (flow and step) whose answers stand there.
    """

    name: str
    mark: Mark
    about: str
    steps: tuple[FlowStep, ...]
    menu: Target | None = None
    person: Target | None = None
    was: tuple[str, ...] = ()
    renamed: Mapping[str, str] = field(default_factory=dict)
    requires: Mapping[str, tuple[Target, ...]] = field(default_factory=dict)
    keep: Keep | None = None
    entry: Entry | None = None
    compares: Mapping[str, str] = field(default_factory=dict)
    summary: Mapping[TextId, tuple[Target, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class FaqEntry:
    """One question of the FAQ, by its title, and its answer."""

    key: str
    mark: Mark
    title: TextId
    answer: TextId


@dataclass(frozen=True, slots=True)
class Library:
    """Everything that a folder of flow files says. Steps, targets and texts that it names all exist.

    `word_sources` is keyed by the word (`yes`); its one paragraph is the list with commas. `phrasings` and `topics` are
    keyed by language; `canned` has what specialists send with a word.
    """

    flows: Mapping[str, Flow]
    faq: Mapping[str, FaqEntry]
    sources: Mapping[TextId, Source]
    word_sources: Mapping[str, Source]
    phrasings: Mapping[str, Phrasings] = field(default_factory=dict)
    topics: Mapping[str, Topics] = field(default_factory=dict)
    canned: Canned = field(default_factory=Canned)

    @property
    def placeholders(self) -> Mapping[TextId, frozenset[str]]:
        """The names of what is filled into each text, for the texts into which something is."""
        return {source.id: source.names for source in self.sources.values() if source.names}
