"""YAML as it stands in a file: text, lists and mappings, each with its place.

Every scalar stays text (`no` is the word no, not false). What flow files have no use for is refused with a sentence:
two documents, anchors, tags, a key twice. No bytes whatever raise anything here: a fault is a problem, reported.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

import yaml

from bot.flow.model import Mark, Problem, Severity

DEEPEST = 12  # levels; flow files have six, and PyYAML's own composer crashes the process on very deep ones

_HINTS = (  # what YAML's own sentences mean for someone who writes texts
    ("mapping values are not allowed", "a text with ': ' in it must stand in quotes, and every key needs its own line"),
    (
        "cannot start any token",
        "indent with spaces, not tabs; a text that begins with a sign such as %, @ or ` needs quotes",
    ),
    ("block sequence entries", "a list begins on a line of its own, one '- ' for each entry"),
    ("could not find expected ':'", "every key is followed by ': ', and the further lines of a text are indented"),
    ("did not find expected key", "check the indentation: keys of one step begin in the same column"),
    ("expected '-'", "check the indentation: entries of one list begin in the same column"),
    ("expected ',' or", "a bracket is not closed; inside {...} and [...] a text with brackets or commas needs quotes"),
    ("expected node content", "a comma or a bracket too many; inside {...} and [...] a text with commas needs quotes"),
    ("end of stream", "a quotation mark is not closed"),
    ("unknown escape", "write the text in '...' quotes, or double the \\"),
    ("another document", "only one flow in a file, so there is no line '---'"),
    ("control characters", "there is an invisible control character; type the line anew"),
)


class Problems:
    """Collects what is wrong, so that an author hears of everything at once."""

    def __init__(self) -> None:
        self.found: list[Problem] = []

    def error(self, mark: Mark, code: str, message: str) -> None:
        self.found.append(Problem(mark, Severity.ERROR, code, one_line(message)))


@dataclass(frozen=True, slots=True)
class Scalar:
    """A text, as it is written."""

    text: str
    mark: Mark


@dataclass(frozen=True, slots=True)
class Items:
    """A list."""

    values: tuple[Value, ...]
    mark: Mark


@dataclass(frozen=True, slots=True)
class Entries:
    """A mapping, in the order of the file; `keys` has the place of each key."""

    values: Mapping[str, Value]
    keys: Mapping[str, Mark]
    mark: Mark

    def items(self) -> Iterator[tuple[Scalar, Value]]:
        for key, value in self.values.items():
            yield Scalar(key, self.keys[key]), value


Value = Scalar | Items | Entries


def one_line(message: str) -> str:
    """The message without line ends, direction marks and the like, which a name in a file may bring along."""
    return " ".join("".join(sign if sign.isprintable() else " " for sign in message).split())


def meant(name: str, known: Sequence[str]) -> str:
    """The end of a sentence about an unknown name: what was probably meant."""
    near = get_close_matches(name, known, n=1)
    return f". Did you mean '{near[0]}'?" if near else ""


def read(file: str, content: str | bytes, problems: Problems) -> Value | None:
    """The one value that a file holds; None where it cannot be read, or holds nothing."""
    try:
        text = (content.encode() if isinstance(content, str) else content).decode("utf-8-sig")
    except UnicodeError:
        problems.error(Mark(file, 1, 1), "bad-yaml", "this is not a text in UTF-8; save it as UTF-8 in your editor")
        return None
    try:
        return _Composer(file, text, problems).document()
    except _Refused as refused:
        problems.error(refused.mark, "bad-yaml", str(refused))
    except yaml.MarkedYAMLError as error:
        at = error.problem_mark or error.context_mark
        mark = Mark(file, at.line + 1, at.column + 1) if at else Mark(file, 1, 1)
        problems.error(mark, "bad-yaml", _explained(error.problem or error.context or ""))
    except yaml.reader.ReaderError as error:
        before = text.encode()[: error.position].decode(errors="ignore")
        column = len(before) - before.rfind("\n")
        problems.error(Mark(file, before.count("\n") + 1, column), "bad-yaml", _explained(error.reason))
    return None


class _Refused(Exception):
    def __init__(self, mark: Mark, message: str) -> None:
        super().__init__(message)
        self.mark = mark


class _Composer:
    """Makes values of what the C parser reads, one event after the other."""

    def __init__(self, file: str, text: str, problems: Problems) -> None:
        self._file = file
        self._problems = problems
        self._events: Iterator[yaml.Event] = yaml.parse(text.encode(), Loader=yaml.CBaseLoader)

    def document(self) -> Value | None:
        next(self._events)  # the stream begins
        if isinstance(next(self._events), yaml.StreamEndEvent):
            return None
        value = self._value(next(self._events), 0)
        next(self._events)  # the document ends
        after = next(self._events)
        if not isinstance(after, yaml.StreamEndEvent):
            raise _Refused(self._mark(after), _explained("another document"))
        return value

    def _value(self, event: yaml.Event, depth: int) -> Value:
        mark = self._mark(event)
        if depth > DEEPEST:
            raise _Refused(mark, "this is nested too deep for a flow file; is a bracket not closed?")
        if not isinstance(event, yaml.ScalarEvent | yaml.CollectionStartEvent) or event.anchor:
            raise _Refused(mark, "a text that begins with & or * needs quotes")
        if event.tag:
            raise _Refused(mark, "a text that begins with ! needs quotes")
        if isinstance(event, yaml.ScalarEvent):
            return Scalar(event.value, mark)
        if isinstance(event, yaml.SequenceStartEvent):
            values = []
            while not isinstance(inner := next(self._events), yaml.SequenceEndEvent):
                values.append(self._value(inner, depth + 1))
            return Items(tuple(values), mark)
        return self._entries(mark, depth)

    def _entries(self, mark: Mark, depth: int) -> Entries:
        values: dict[str, Value] = {}
        keys: dict[str, Mark] = {}
        while not isinstance(inner := next(self._events), yaml.MappingEndEvent):
            key = self._value(inner, depth + 1)
            if not isinstance(key, Scalar):
                raise _Refused(key.mark, "a name is expected here, followed by ': '")
            value = self._value(next(self._events), depth + 1)
            if key.text in values:
                first = keys[key.text]
                message = f"'{key.text}' stands here twice; the first is in line {first.line}"
                self._problems.error(key.mark, "duplicate-key", message)
                continue
            values[key.text] = value
            keys[key.text] = key.mark
        return Entries(values, keys, mark)

    def _mark(self, event: yaml.Event) -> Mark:
        at = event.start_mark
        return Mark(self._file, at.line + 1, at.column + 1) if at else Mark(self._file, 1, 1)


def _explained(problem: str) -> str:
    for needle, hint in _HINTS:
        if needle in problem:
            return f"this cannot be read: {hint}"
    return f"this cannot be read as YAML: {problem}"
