"""What flow, FAQ and phrases files have in common: names, keys taken one by one, and texts for people.

Every sentence here is read by an operator who does not program: where, what was expected, the likely fix.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Set

from bot.domain import Keep, TextId
from bot.flow.model import Mark, Source, Target, Ways
from bot.flow.phrases import AFTER_HANDOFF, EVERYWHERE
from bot.flow.positions import Entries, Items, Problems, Scalar, Value, meant
from bot.flow.sorts import Entry

NAME = re.compile(r"[a-z][a-z0-9_]*")
_BRACES = re.compile(r"\{([^{}]*)\}|[{}]")


class Texts:
    """The texts for people, as they are found."""

    def __init__(self, problems: Problems) -> None:
        self._problems = problems
        self.sources: dict[TextId, Source] = {}

    def add(self, text_id: str, value: Value, note: str, filled: Set[str] = EVERYWHERE) -> TextId:
        """Take the text that stands here: one paragraph, or a list of them. `filled`: the placeholders it may have."""
        paragraphs = tuple(self._paragraphs(text_id, value))
        names = frozenset(name for part in paragraphs for name in self._placeholders(part, value.mark, filled))
        key = TextId(text_id)
        self.sources[key] = Source(key, paragraphs, note, value.mark, names)
        return key

    def _paragraphs(self, text_id: str, value: Value) -> Iterable[str]:
        parts = value.values if isinstance(value, Items) else (value,)
        if not parts:
            self._problems.error(value.mark, "missing-text", f"the text of '{text_id}' is empty")
        for part in parts:
            if not isinstance(part, Scalar):
                message = f"the text of '{text_id}' is a sentence or a list of them; one with ': ' in it needs quotes"
                self._problems.error(part.mark, "wrong-form", message)
            elif not part.text.strip():
                self._problems.error(part.mark, "missing-text", f"the text of '{text_id}' is empty")
            else:
                yield part.text.strip()

    def _placeholders(self, paragraph: str, mark: Mark, filled: Set[str]) -> Iterable[str]:
        for found in _BRACES.finditer(paragraph):
            name = found[1]
            if name in filled:
                yield name
            elif name is None:
                message = f"there is a single '{found[0]}'; braces stand only around a placeholder, such as {{name}}"
                self._problems.error(mark, "unknown-placeholder", message)
            elif name in AFTER_HANDOFF:
                message = f"'{{{name}}}' is known only once people have taken over, in the text of a 'handoff' step"
                self._problems.error(mark, "unknown-placeholder", message)
            else:
                near = meant(name, sorted(filled)) or f"; there are {', '.join(sorted(filled))}"
                message = f"nothing is filled in for '{{{name}}}' in this text{near}"
                self._problems.error(mark, "unknown-placeholder", message)


class Fields:
    """The keys of one mapping, taken one by one. `what` names it in sentences: "a 'say' step"."""

    def __init__(self, entries: Entries, what: str, known: tuple[str, ...], problems: Problems) -> None:
        self._entries = entries
        self._what = what
        self._problems = problems
        for key, mark in entries.keys.items():
            if key not in known:
                near = meant(key, known) or f"; it can have {', '.join(known)}"
                problems.error(mark, "unknown-key", f"{what} has no '{key}'{near}")

    def get(self, key: str) -> Value | None:
        return self._entries.values.get(key)

    def mark(self, key: str) -> Mark:
        return self._entries.keys.get(key, self._entries.mark)

    def need(self, key: str, code: str = "missing-key") -> Value | None:
        """The value of a key that must be there."""
        value = self.get(key)
        if value is None:
            self._problems.error(self._entries.mark, code, f"{self._what} needs '{key}:'")
        return value

    def word(self, key: str) -> Scalar | None:
        """A value in one piece; a list or a mapping is a fault."""
        value = self.get(key)
        if value is None or isinstance(value, Scalar):
            return value
        self._problems.error(value.mark, "wrong-form", f"'{key}' is one text, not a list")
        return None

    def plain(self, key: str) -> str:
        """A text for operators and translators; empty where there is none."""
        word = self.word(key)
        return word.text.strip() if word else ""

    def name(self, key: str) -> Scalar | None:
        """A name that must be there."""
        word = self.word(key)
        if word is None:
            if self.get(key) is None:
                self.need(key)
            return None
        return word if good_name(word, self._problems) else None

    def names(self, key: str) -> tuple[Scalar, ...]:
        """A name or a list of them, which may be left out."""
        value = self.get(key)
        words = [] if value is None else value.values if isinstance(value, Items) else [value]
        if all(isinstance(word, Scalar) for word in words):
            found = [word for word in words if isinstance(word, Scalar)]
            return tuple(word for word in found if good_name(word, self._problems))
        self._problems.error(self.mark(key), "wrong-form", f"'{key}' is one name, or a list of them: [one, another]")
        return ()

    def target(self, key: str) -> Target | None:
        """A name that leads somewhere."""
        word = self.word(key)
        return Target(word.text, word.mark) if word else None

    def keep(self) -> Keep | None:
        """How long answers are kept; None where that is not said here."""
        word = self.word("keep")
        if word is None or word.text in tuple(Keep):
            return Keep(word.text) if word else None
        near = meant(word.text, tuple(Keep)) or f"; there are {', '.join(Keep)}"
        self._problems.error(word.mark, "wrong-form", f"nothing is kept for '{word.text}'{near}")
        return None

    def entry(self) -> Entry | None:
        """How the flow is entered; None where another flow runs it."""
        word = self.word("entry")
        if word is None or word.text in tuple(Entry):
            return Entry(word.text) if word else None
        near = meant(word.text, tuple(Entry)) or f"; there are {', '.join(Entry)}"
        self._problems.error(word.mark, "wrong-form", f"no flow is entered as '{word.text}'{near}")
        return None

    def entries(self, key: str, like: str, *, needed: bool = False) -> Entries | None:
        """A mapping; `like` shows one."""
        value = self.need(key) if needed else self.get(key)
        if value is None or isinstance(value, Entries):
            return value
        self._problems.error(value.mark, "wrong-form", f"'{key}' is written like this: {like}")
        return None

    def ways(self, outcomes: Iterable[str]) -> Ways:
        """Where a step goes on: one name, or one for some of its outcomes."""
        value = self.get("go")
        outcomes = tuple(outcomes)
        if value is None:
            return Ways()
        if isinstance(value, Scalar):
            return Ways(Target(value.text, value.mark))
        if isinstance(value, Items) or not outcomes:
            like = f"'go: name', or 'go: {{{outcomes[0]}: name}}'" if outcomes else "'go: name'"
            self._problems.error(value.mark, "wrong-form", f"'go' is written like this: {like}")
            return Ways()
        return Ways(None, self._by_outcome(value, outcomes))

    def _by_outcome(self, value: Entries, outcomes: tuple[str, ...]) -> Mapping[str, Target]:
        by_outcome = {}
        for outcome, target in value.items():
            if outcome.text not in outcomes:
                near = meant(outcome.text, outcomes) or f"; there are {', '.join(outcomes)}"
                self._problems.error(outcome.mark, "unknown-answer", f"'{outcome.text}' is no answer here{near}")
            elif not isinstance(target, Scalar):
                self._problems.error(target.mark, "wrong-form", f"'{outcome.text}' leads to one step; write its name")
            else:
                by_outcome[outcome.text] = Target(target.text, target.mark)
        return by_outcome


def good_name(word: Scalar, problems: Problems) -> bool:
    """Whether this can be a name; where not, it is reported."""
    if NAME.fullmatch(word.text):
        return True
    message = f"'{word.text}' cannot be a name; names have small letters a-z, digits and _, and begin with a letter"
    problems.error(word.mark, "bad-name", message)
    return False
