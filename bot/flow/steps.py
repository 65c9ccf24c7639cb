"""Reads the steps of a flow: from a mapping that begins with a kind to the step of that kind."""

from __future__ import annotations

from bot.flow.fields import Fields, Texts
from bot.flow.keys import KEYS, WAS
from bot.flow.kinds import READERS, StepFields
from bot.flow.model import END, MENU, FlowStep, Mark, Target
from bot.flow.positions import Entries, Problems, Scalar, Value, meant


class StepReader:
    """Reads the steps of one flow. `asked`: it is one that staff ask.

    `names` gathers every step's name, that of a faulty one too; `renamed` every name that a step had before, with its
    name of now and the place of the old one; `requires` what must have been answered before some; `compares` as what
    the answers to some are compared.
    """

    def __init__(self, flow: str, menu: str | None, texts: Texts, problems: Problems, *, asked: bool = False) -> None:
        self._flow = flow
        self._asked = asked
        self._menu = menu
        self._texts = texts
        self._problems = problems
        self.names: dict[str, Mark] = {}
        self.renamed: dict[str, tuple[str, Mark]] = {}
        self.requires: dict[str, tuple[Target, ...]] = {}
        self.compares: dict[str, str] = {}

    def read(self, value: Value) -> FlowStep | None:
        """One step; None where it is faulty, which is then reported."""
        if not isinstance(value, Entries) or not value.values:
            message = "a step begins with its kind and its name, such as 'say: hello'"
            self._problems.error(value.mark, "wrong-form", message)
            return None
        kind, named = next(iter(value.values.items()))
        if isinstance(named, Scalar):
            self._take_name(named)
        if kind not in KEYS:
            self._problems.error(value.keys[kind], "unknown-step-kind", self._no_kind(kind, value))
            return None
        fields = Fields(value, f"a '{kind}' step", (kind, *KEYS[kind]), self._problems)
        name = fields.name(kind)
        if name is None:
            return None
        before = len(self._problems.found)
        self._take_old_names(name.text, fields)
        keys = StepFields(self._flow, name, fields, self._texts, self._problems, asked=self._asked)
        step = READERS[kind](keys)
        if required := keys.required():
            self.requires[name.text] = required
        if compared := keys.compared():
            self.compares[name.text] = compared
        return step if len(self._problems.found) == before else None

    def _take_name(self, name: Scalar) -> None:
        if name.text == END or (name.text == MENU and self._menu != MENU):
            means = "this flow is over" if name.text == END else "the menu of the flow 'main'"
            message = f"no step can be called '{name.text}', because 'go: {name.text}' means {means}"
            self._problems.error(name.mark, "reserved-name", message)
        elif name.text in self.names:
            message = f"this flow has two steps '{name.text}'; the first is in line {self.names[name.text].line}"
            self._problems.error(name.mark, "duplicate-name", message)
        self.names.setdefault(name.text, name.mark)

    def _take_old_names(self, name: str, fields: Fields) -> None:
        for old in fields.names(WAS):
            if old.text in self.renamed:
                message = f"'{self.renamed[old.text][0]}' was called '{old.text}' too; only one step can have been it"
                self._problems.error(old.mark, "name-still-used", message)
            self.renamed.setdefault(old.text, (name, old.mark))

    def _no_kind(self, kind: str, step: Entries) -> str:
        known = [key for key in step.values if key in KEYS]
        if known:
            return f"a step begins with its kind; put '{known[0]}:' in its first line"
        near = meant(kind, tuple(KEYS)) or f"; there are {', '.join(KEYS)}"
        return f"'{kind}' is no kind of step{near}"
