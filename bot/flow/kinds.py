"""Reads each kind of step from its keys."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta

from bot.domain import TextId
from bot.flow.fields import Fields, Texts, good_name
from bot.flow.keys import CARD, CLAUSE, UNITS
from bot.flow.model import (
    ANSWERED,
    ATTACHED,
    CHOSEN,
    ENOUGH,
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
    Clause,
    Condition,
    ConsentStep,
    EndStep,
    FaqStep,
    FlowStep,
    HandoffStep,
    LanguageStep,
    Option,
    ReopenStep,
    ReviewStep,
    SayStep,
    SeveralStep,
    Target,
    Ways,
    YesNoStep,
)
from bot.flow.phrases import AFTER_HANDOFF, EVERYWHERE
from bot.flow.positions import Entries, Items, Problems, Scalar, Value, meant
from bot.flow.sorts import Kind
from bot.flow.waits import TRIES, Wait

MOST_TRIES = 10
LONGEST_ANSWER = 20_000  # characters; what is longer fits into no message of a channel
LONGEST_WAIT = timedelta(days=30)

_LIKE_OPTIONS = "'options: {name: Text of the answer}'"
_LIKE_CARD = "'card: {topic: name of a choose step, urgency: name of another}'"
_LIKE_CLAUSE = "'- {if: {name of a step: its answer}, go: name of a step}'"


class StepFields:
    """The keys of one step, and what the readers of the kinds share."""

    def __init__(
        self, flow: str, name: Scalar, fields: Fields, texts: Texts, problems: Problems, *, asked: bool = False
    ) -> None:
        self.flow = flow
        self._further = (SKIPPED, *UNANSWERED) if asked else UNANSWERED  # what staff ask can all be skipped
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

    def options(self, reserved: Iterable[str] = ()) -> tuple[Option, ...]:
        """The answers to choose from. `reserved`: outcomes of this kind of step that are none of them."""
        listed = self.fields.entries("options", _LIKE_OPTIONS, needed=True)
        if listed is not None and not listed.values:
            self.problems.error(listed.mark, "empty-options", f"'{self.name}' has no answers to choose from")
        options = []
        for option, text in listed.items() if listed else ():
            if isinstance(text, Scalar) and not text.text.strip():
                message = f"the answer '{option.text}' has no text; inside {{...}} a text that has a comma needs quotes"
                self.problems.error(option.mark, "missing-text", message)
            elif option.text in (*self._further, *reserved):
                message = f"no answer can be called '{option.text}': that is the name of another outcome"
                self.problems.error(option.mark, "reserved-name", message)
            elif good_name(option, self.problems):
                text_id = self._texts.add(f"{self._id}.{option.text}", text, self._note)
                options.append(Option(option.text, text_id))
        return tuple(options)

    def flag(self, key: str) -> bool:
        """Yes or no, and no where it is left out."""
        word = self.fields.word(key)
        if word and word.text not in (YES, NO):
            self.problems.error(word.mark, "wrong-form", f"'{key}' is yes or no")
        return word is not None and word.text == YES

    def required(self) -> tuple[Target, ...]:
        """The steps whose questions must have been answered before; a name without its flow is one of this flow."""
        value = self.fields.get("require")
        listed = value.values if isinstance(value, Items) else (value,) if value is not None else ()
        if value is not None and (not listed or not all(isinstance(name, Scalar) for name in listed)):
            message = "'require' is the name of a step, or a list of them: [role, incident.urgency]"
            self.problems.error(value.mark, "wrong-form", message)
        return tuple(Target(whole_name(self.flow, name), name.mark) for name in listed if isinstance(name, Scalar))

    def compared(self) -> str | None:
        """As what the answer is compared with those of other cases; None where it is not."""
        word = self.fields.word("compare")
        return word.text if word is not None and good_name(word, self.problems) else None

    def ways(self, *outcomes: str) -> Ways:
        """Where a question goes on: by its answers, and where it gets none."""
        return self.fields.ways(dict.fromkeys((*outcomes, *self._further)))

    def number(self, key: str, most: int) -> int | None:
        """A whole number from 1 on; None where there is none."""
        word = self.fields.word(key)
        if word is None:
            return None
        if word.text.isascii() and word.text.isdecimal() and len(word.text) < 10 and 0 < int(word.text) <= most:
            return int(word.text)
        self.problems.error(word.mark, "wrong-form", f"'{key}' is a number from 1 to {most}")
        return None

    def length(self, key: str) -> timedelta | None:
        """A length of time, such as '2 hours'; None where there is none."""
        word = self.fields.word(key)
        if word is None:
            return None
        count, _, unit = word.text.partition(" ")
        known = UNITS.get(unit if unit.endswith("s") else f"{unit}s")
        if known and count.isascii() and count.isdecimal() and len(count) < 6:
            length = int(count) * known
            if timedelta() < length <= LONGEST_WAIT:
                return length
        message = f"'{key}' is a length of time such as '30 minutes', '2 hours' or '3 days', and at most 30 days"
        self.problems.error(word.mark, "wrong-form", message)
        return None

    def wait(self) -> Wait:
        """How long the question waits, and what happens when nothing comes of it."""
        remind_after, expire_after = self.length("remind_after"), self.length("expire_after")
        tries = self.number("tries", MOST_TRIES) or TRIES
        if self.fields.get("remind") and not self.fields.get("remind_after"):
            message = "'remind' is the text of a reminder, and needs 'remind_after: 2 hours' or the like beside it"
            self.problems.error(self.fields.mark("remind"), "missing-key", message)
        if remind_after and expire_after and remind_after >= expire_after:
            message = f"'{self.name}' would be over before anybody is reminded; 'remind_after' must be shorter"
            self.problems.error(self.fields.mark("remind_after"), "impossible-time", message)
        return Wait(tries, remind_after, self.maybe("remind"), expire_after)


def whole_name(flow: str, name: Scalar) -> str:
    """The name of a step with its flow before it."""
    return name.text if "." in name.text else f"{flow}.{name.text}"


def _language(step: StepFields) -> FlowStep:
    return LanguageStep(step.name, step.mark, step.text())


def _say(step: StepFields) -> FlowStep:
    entry = step.fields.word("faq")
    if entry is None:
        return SayStep(step.name, step.mark, step.text(), step.fields.ways(()))
    if step.fields.get("text"):
        message = f"'{step.name}' has a text of its own and one of the FAQ; take one of them away"
        step.problems.error(entry.mark, "wrong-form", message)
    said = TextId(f"faq.{entry.text}")
    return SayStep(step.name, step.mark, said, step.fields.ways(()), Target(entry.text, entry.mark))


def _choose(step: StepFields) -> FlowStep:
    options = step.options()
    ways = step.ways(*(option.name for option in options))
    text, label, wait = step.text(), step.maybe("label"), step.wait()
    return ChooseStep(step.name, step.mark, text, label, options, ways, wait, step.flag("personal"), step.fields.keep())


def _several(step: StepFields) -> FlowStep:
    options = step.options((CHOSEN,))
    names = tuple(option.name for option in options)
    alone = frozenset(_alone(step, names))
    together = len(names) - len(alone)
    least, most = step.number("least", len(names) or 1) or 1, step.number("most", len(names) or 1) or max(together, 1)
    if names and not least <= most <= together:
        message = f"'{step.name}' has {together} answers that go together, so 'least' and 'most' cannot both be kept"
        step.problems.error(step.fields.mark("most" if most > together else "least"), "impossible-number", message)
    ways = step.ways(CHOSEN, *alone)
    text, label, wait, personal = step.text(), step.maybe("label"), step.wait(), step.flag("personal")
    keep = step.fields.keep()
    return SeveralStep(step.name, step.mark, text, label, options, alone, least, most, ways, wait, personal, keep)


def _alone(step: StepFields, names: tuple[str, ...]) -> Iterable[str]:
    """The answers that can only be chosen by themselves."""
    value = step.fields.get("alone")
    listed = value.values if isinstance(value, Items) else (value,) if value is not None else ()
    for name in listed:
        if not isinstance(name, Scalar):
            step.problems.error(name.mark, "wrong-form", "'alone' is the name of one of the options, or a list of them")
        elif name.text not in names:
            near = meant(name.text, names) or f"; there are {', '.join(names)}"
            step.problems.error(name.mark, "unknown-answer", f"'{name.text}' is no answer here{near}")
        else:
            yield name.text


def _yesno(step: StepFields) -> FlowStep:
    text, label, ways = step.text(), step.maybe("label"), step.ways(YES, NO)
    return YesNoStep(step.name, step.mark, text, label, ways, step.wait(), step.flag("personal"), step.fields.keep())


def _consent(step: StepFields) -> FlowStep:
    ways = step.ways(YES, NO)
    if NO not in ways.by_outcome:
        message = f"'{step.name}' must say where a 'no' leads, with 'go: {{no: name}}'"
        step.problems.error(step.fields.mark("go"), "missing-key", message)
    text, covers = step.text(), step.maybe("covers")
    return ConsentStep(step.name, step.mark, text, _version(step), covers, ways, step.wait(), step.fields.keep())


def _version(step: StepFields) -> int:
    version = step.fields.word("version")
    if version and version.text.isascii() and version.text.isdecimal() and len(version.text) < 10 and int(version.text):
        return int(version.text)
    message = f"'{step.name}' needs the version of its text, 'version: 1'; raise it when what people agree to changes"
    step.problems.error(version.mark if version else step.mark, "version-missing", message)
    return 0


def _ask(step: StepFields) -> FlowStep:
    skip = step.fields.word("skip")
    if skip and skip.text not in (YES, NO):
        message = "'skip' is 'no' where an answer cannot be done without, or left out"
        step.problems.error(skip.mark, "wrong-form", message)
    skippable = not (skip and skip.text == NO)
    ways = step.ways(ANSWERED, SKIPPED) if skippable else step.ways(ANSWERED)
    text, label, error = step.text(), step.maybe("label"), step.maybe("error")
    longest, wait, keep = step.number("longest", LONGEST_ANSWER), step.wait(), step.fields.keep()
    return AskStep(step.name, step.mark, text, label, skippable, ways, _kind(step), longest, error, wait, keep)


def _kind(step: StepFields) -> Kind:
    kind = step.fields.word("kind")
    if kind is None or kind.text in tuple(Kind):
        return Kind(kind.text) if kind else Kind.TEXT
    near = meant(kind.text, tuple(Kind)) or f"; there are {', '.join(Kind)}"
    step.problems.error(kind.mark, "wrong-form", f"'{kind.text}' is no kind of answer{near}")
    return Kind.TEXT


def _attach(step: StepFields) -> FlowStep:
    text, label, ways = step.text(), step.maybe("label"), step.ways(ATTACHED, SKIPPED)
    return AttachStep(step.name, step.mark, text, label, ways, step.wait(), step.fields.keep())


def _branch(step: StepFields) -> FlowStep:
    listed = step.fields.need("when")
    if listed is not None and (not isinstance(listed, Items) or not listed.values):
        step.problems.error(listed.mark, "wrong-form", f"'when' is a list, each line like {_LIKE_CLAUSE}")
    items = listed.values if isinstance(listed, Items) else ()
    clauses = tuple(clause for item in items if (clause := _clause(step, item)) is not None)
    return BranchStep(step.name, step.mark, clauses, step.fields.target("otherwise"))


def _clause(step: StepFields, item: Value) -> Clause | None:
    if not isinstance(item, Entries):
        step.problems.error(item.mark, "wrong-form", f"a line of 'when' is written like this: {_LIKE_CLAUSE}")
        return None
    fields = Fields(item, "a line of 'when'", CLAUSE, step.problems)
    listed = fields.entries("if", _LIKE_CLAUSE, needed=True)
    if fields.need("go") is None:
        return None
    go = fields.target("go")
    if listed is not None and not listed.values:
        step.problems.error(listed.mark, "wrong-form", f"'if' names no step; it is written like this: {_LIKE_CLAUSE}")
    conditions = tuple(_condition(step, name, value) for name, value in listed.items()) if listed else ()
    return Clause(conditions, go) if go else None


def _condition(step: StepFields, name: Scalar, value: Value) -> Condition:
    values = value.values if isinstance(value, Items) else (value,)
    outcomes = [Target(outcome.text, outcome.mark) for outcome in values if isinstance(outcome, Scalar)]
    if not values or len(outcomes) < len(values):
        step.problems.error(value.mark, "wrong-form", f"'{name.text}' has one answer here, or a list of them")
    return Condition(Target(whole_name(step.flow, name), name.mark), tuple(outcomes))


def _faq(step: StepFields) -> FlowStep:
    return FaqStep(step.name, step.mark, step.text(), step.ways(ENOUGH), step.wait())


def _call(step: StepFields) -> FlowStep:
    return CallStep(step.name, step.mark)


def _review(step: StepFields) -> FlowStep:
    return ReviewStep(step.name, step.mark, step.text(), step.ways(SEND), step.wait())


def _handoff(step: StepFields) -> FlowStep:
    listed = step.fields.entries("card", _LIKE_CARD)
    card = Fields(listed, "the card", CARD, step.problems) if listed else None
    topic, urgency = (card.target(key) if card else None for key in CARD)
    return HandoffStep(step.name, step.mark, step.text(EVERYWHERE | AFTER_HANDOFF), topic, urgency)


def _reopen(step: StepFields) -> FlowStep:
    return ReopenStep(step.name, step.mark, step.text(EVERYWHERE | AFTER_HANDOFF))


def _end(step: StepFields) -> FlowStep:
    return EndStep(step.name, step.mark, step.maybe("text"))


READERS: Mapping[str, Callable[[StepFields], FlowStep]] = {
    "language": _language,
    "say": _say,
    "choose": _choose,
    "yesno": _yesno,
    "consent": _consent,
    "ask": _ask,
    "several": _several,
    "attach": _attach,
    "branch": _branch,
    "faq": _faq,
    "call": _call,
    "review": _review,
    "handoff": _handoff,
    "reopen": _reopen,
    "end": _end,
}
