"""Reads the steps of a flow: from a mapping that begins with a kind to the step of that kind."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from bot.domain import TextId
from bot.flow.fields import Fields, Texts, good_name
from bot.flow.model import (
    ANSWERED,
    END,
    MENU,
    NO,
    SKIPPED,
    YES,
    AskStep,
    CallStep,
    ChooseStep,
    ConsentStep,
    EndStep,
    FaqStep,
    FlowStep,
    HandoffStep,
    LanguageStep,
    Mark,
    Option,
    ReviewStep,
    SayStep,
    Target,
    YesNoStep,
)
from bot.flow.phrases import AFTER_HANDOFF, EVERYWHERE
from bot.flow.positions import Entries, Problems, Scalar, Value, meant

_KEYS: Mapping[str, tuple[str, ...]] = {
    "language": ("text", "note"),
    "say": ("text", "faq", "note", "go"),
    "choose": ("text", "label", "note", "options", "go"),
    "yesno": ("text", "label", "note", "go"),
    "consent": ("text", "version", "covers", "note", "go"),
    "ask": ("text", "label", "note", "skip", "go"),
    "faq": ("text", "note", "go"),
    "call": ("note",),
    "review": ("text", "note", "go"),
    "handoff": ("text", "note", "card"),
    "end": ("text", "note"),
}
_CARD = ("topic", "urgency")
_LIKE_OPTIONS = "'options: {name: Text of the answer}'"
_LIKE_CARD = "'card: {topic: name of a choose step, urgency: name of another}'"


class StepReader:
    """Reads the steps of one flow. `names` gathers every step's name, that of a faulty one too."""

    def __init__(self, flow: str, menu: str | None, texts: Texts, problems: Problems) -> None:
        self._flow = flow
        self._menu = menu
        self._texts = texts
        self._problems = problems
        self.names: dict[str, Mark] = {}

    def read(self, value: Value) -> FlowStep | None:
        """One step; None where it is faulty, which is then reported."""
        if not isinstance(value, Entries) or not value.values:
            message = "a step begins with its kind and its name, such as 'say: hello'"
            self._problems.error(value.mark, "wrong-form", message)
            return None
        kind, named = next(iter(value.values.items()))
        if isinstance(named, Scalar):
            self._take_name(named)
        if kind not in _KEYS:
            self._problems.error(value.keys[kind], "unknown-step-kind", self._no_kind(kind, value))
            return None
        fields = Fields(value, f"a '{kind}' step", (kind, *_KEYS[kind]), self._problems)
        name = fields.name(kind)
        if name is None:
            return None
        before = len(self._problems.found)
        step = _READERS[kind](_Step(self._flow, name, fields, self._texts, self._problems))
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

    def _no_kind(self, kind: str, step: Entries) -> str:
        known = [key for key in step.values if key in _KEYS]
        if known:
            return f"a step begins with its kind; put '{known[0]}:' in its first line"
        near = meant(kind, tuple(_KEYS)) or f"; there are {', '.join(_KEYS)}"
        return f"'{kind}' is no kind of step{near}"


class _Step:
    """What the readers of the kinds share."""

    def __init__(self, flow: str, name: Scalar, fields: Fields, texts: Texts, problems: Problems) -> None:
        self.name = name.text
        self.mark = name.mark
        self.fields = fields
        self.problems = problems
        self._id = f"{flow}.{name.text}"
        self._texts = texts
        self._note = fields.plain("note")

    def text(self, filled: frozenset[str] = EVERYWHERE) -> TextId:
        """The text that a step needs."""
        value = self.fields.need("text", "missing-text")
        return self._texts.add(self._id, value, self._note, filled) if value else TextId(self._id)

    def maybe(self, key: str) -> TextId | None:
        """A text that may be left out."""
        value = self.fields.get(key)
        if value is None:
            return None
        return self._texts.add(self._id if key == "text" else f"{self._id}/{key}", value, self._note)

    def options(self) -> tuple[Option, ...]:
        listed = self.fields.entries("options", _LIKE_OPTIONS, needed=True)
        if listed is not None and not listed.values:
            self.problems.error(listed.mark, "empty-options", f"'{self.name}' has no answers to choose from")
        options = []
        for option, text in listed.items() if listed else ():
            if isinstance(text, Scalar) and not text.text.strip():
                message = f"the answer '{option.text}' has no text; inside {{...}} a text that has a comma needs quotes"
                self.problems.error(option.mark, "missing-text", message)
            elif good_name(option, self.problems):
                text_id = self._texts.add(f"{self._id}.{option.text}", text, self._note)
                options.append(Option(option.text, text_id))
        return tuple(options)


def _language(step: _Step) -> FlowStep:
    return LanguageStep(step.name, step.mark, step.text())


def _say(step: _Step) -> FlowStep:
    entry = step.fields.word("faq")
    if entry is None:
        return SayStep(step.name, step.mark, step.text(), step.fields.ways(()))
    if step.fields.get("text"):
        message = f"'{step.name}' has a text of its own and one of the FAQ; take one of them away"
        step.problems.error(entry.mark, "wrong-form", message)
    said = TextId(f"faq.{entry.text}")
    return SayStep(step.name, step.mark, said, step.fields.ways(()), Target(entry.text, entry.mark))


def _choose(step: _Step) -> FlowStep:
    options = step.options()
    ways = step.fields.ways(option.name for option in options)
    return ChooseStep(step.name, step.mark, step.text(), step.maybe("label"), options, ways)


def _yesno(step: _Step) -> FlowStep:
    return YesNoStep(step.name, step.mark, step.text(), step.maybe("label"), step.fields.ways((YES, NO)))


def _consent(step: _Step) -> FlowStep:
    ways = step.fields.ways((YES, NO))
    if NO not in ways.by_outcome:
        message = f"'{step.name}' must say where a 'no' leads, with 'go: {{no: name}}'"
        step.problems.error(step.fields.mark("go"), "missing-key", message)
    return ConsentStep(step.name, step.mark, step.text(), _version(step), step.maybe("covers"), ways)


def _version(step: _Step) -> int:
    version = step.fields.word("version")
    if version and version.text.isascii() and version.text.isdecimal() and len(version.text) < 10 and int(version.text):
        return int(version.text)
    message = f"'{step.name}' needs the version of its text, 'version: 1'; raise it when what people agree to changes"
    step.problems.error(version.mark if version else step.mark, "version-missing", message)
    return 0


def _ask(step: _Step) -> FlowStep:
    skip = step.fields.word("skip")
    if skip and skip.text not in (YES, NO):
        message = "'skip' is 'no' where an answer cannot be done without, or left out"
        step.problems.error(skip.mark, "wrong-form", message)
    skippable = not (skip and skip.text == NO)
    ways = step.fields.ways((ANSWERED, SKIPPED) if skippable else (ANSWERED,))
    return AskStep(step.name, step.mark, step.text(), step.maybe("label"), skippable, ways)


def _faq(step: _Step) -> FlowStep:
    return FaqStep(step.name, step.mark, step.text(), step.fields.ways(()))


def _call(step: _Step) -> FlowStep:
    return CallStep(step.name, step.mark)


def _review(step: _Step) -> FlowStep:
    return ReviewStep(step.name, step.mark, step.text(), step.fields.ways(()))


def _handoff(step: _Step) -> FlowStep:
    listed = step.fields.entries("card", _LIKE_CARD)
    card = Fields(listed, "the card", _CARD, step.problems) if listed else None
    topic, urgency = (card.target(key) if card else None for key in _CARD)
    return HandoffStep(step.name, step.mark, step.text(EVERYWHERE | AFTER_HANDOFF), topic, urgency)


def _end(step: _Step) -> FlowStep:
    return EndStep(step.name, step.mark, step.maybe("text"))


_READERS: Mapping[str, Callable[[_Step], FlowStep]] = {
    "language": _language,
    "say": _say,
    "choose": _choose,
    "yesno": _yesno,
    "consent": _consent,
    "ask": _ask,
    "faq": _faq,
    "call": _call,
    "review": _review,
    "handoff": _handoff,
    "end": _end,
}
