"""TOML, read key by key: what is taken has the right type, what is left over is unknown, every fault has its place.

Values are never repeated in a fault: one of them may be a secret put in the wrong line.
Weak point: the standard parser gives no places for keys, so they are looked for line by line; a line inside a
multi-line string that looks like a key can make a fault point at the wrong line. What is read is not affected.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Generic, TypeVar

from bot.flow.model import Mark, Problem, Severity

T = TypeVar("T")
Name = tuple[str, ...]

_HEADER = re.compile(r"\s*\[\[?\s*([^\[\]]+?)\s*\]")
_KEY = re.compile(r"\s*([\w\-.\"' ]+?)\s*=")
_AT = re.compile(r" \(at (?:line (\d+), column (\d+)|end of document)\)")


@dataclass(frozen=True, slots=True)
class Form(Generic[T]):
    """What a value must look like. `what` finishes the sentence "it must be ..."."""

    what: str
    good: Callable[[T], object]


class Faults:
    """Collects what is wrong with one file."""

    def __init__(self, file: str, text: str) -> None:
        self._file = file
        self._places = dict(reversed(list(_places(text))))  # of two with one name, the first
        self.problems: list[Problem] = []
        self.homes: dict[str, str] = {}  # every key that was asked for, and the section that it belongs in

    def add(self, code: str, name: Name, message: str) -> None:
        """`name` is the section and the key; where it does not stand in the file, the nearest that does is shown."""
        self.problems.append(Problem(self.place(name), Severity.ERROR, code, message))

    def place(self, name: Name) -> Mark:
        """Where it stands in the file, or the nearest that does."""
        while name and name not in self._places:
            name = name[:-1]
        return Mark(self._file, *self._places.get(name, (1, 1)))


class Table:
    """One table. Each method takes one key out of it; `finish` reports the keys that nobody asked for.

    A key without a default is required. A faulty key gives its default, or the empty value of its type, so that reading
    goes on and the rest is told too.
    """

    def __init__(self, faults: Faults, name: Name, values: Mapping[str, Any], shown: str = "") -> None:
        self._faults = faults
        self._name = name
        self._shown = shown or f"[{'.'.join(name)}]"
        self._left = dict(values)
        self._asked: list[str] = []
        self._tables: list[Table] = []

    def __contains__(self, key: str) -> bool:
        return key in self._left

    def text(self, key: str, form: Form[str], default: str | None = None) -> str:
        """A string."""
        value = self._take(key, str, form.what, required=default is None)
        if value is None:
            return default or ""
        if not form.good(value):
            self.wrong(key, form.what)
            return default or ""
        return value

    def flag(self, key: str, default: bool) -> bool:
        """True or false."""
        value = self._take(key, bool, "true or false")
        return default if value is None else value

    def number(self, key: str, form: Form[int], default: int | None = None) -> int:
        """A whole number."""
        value = self._take(key, int, form.what, required=default is None)
        if value is None:
            return default or 0
        if not form.good(value):
            self.wrong(key, form.what)
            return default or 0
        return value

    def texts(self, key: str, form: Form[str], default: tuple[str, ...] | None = None) -> tuple[str, ...]:
        """A list of strings, at least one, all different, each of the form."""
        value = self._take(key, list, form.what, required=default is None)
        if value is None:
            return default or ()
        if (
            not value
            or not all(type(item) is str and form.good(item) for item in value)
            or len(set(value)) < len(value)
        ):
            self.wrong(key, form.what)
            return default or ()
        return tuple(value)

    def tables(self, key: str, what: str, required: bool) -> list[Table]:
        """A list of tables; one at least, where it is required."""
        value = self._take(key, list, what, required=required)
        if value is None:
            return []
        if not all(type(item) is dict for item in value) or (required and not value):
            self.wrong(key, what)
            return []
        shown = f"{self._shown} {key}, entry "
        entries = [Table(self._faults, (*self._name, key), item, f"{shown}{n}:") for n, item in enumerate(value, 1)]
        self._tables += entries
        return entries

    def table(self, key: str) -> Table:
        """A table in this one; empty where it is not given."""
        value = self._take(key, dict, "a section of its own")
        inner = Table(self._faults, (*self._name, key), value or {})
        self._tables.append(inner)
        return inner

    def table_if_given(self, key: str) -> Table | None:
        """A table in this one; None where it is not given."""
        if key in self:
            return self.table(key)
        self._asked.append(key)
        return None

    def place(self, key: str) -> Mark:
        """Where a key stands in the file."""
        return self._faults.place((*self._name, key))

    def wrong(self, key: str, what: str) -> None:
        """Report that the value of a key cannot be used."""
        self.report("wrong-value", key, f"{self._shown} {key} must be {what}")

    def report(self, code: str, key: str, message: str) -> None:
        """Report a fault at a key."""
        self._faults.add(code, (*self._name, key), message)

    def finish(self, hints: Mapping[str, str]) -> None:
        """Report what nobody asked for, here and in the tables in this one. `hints`: what to say of foreseen keys."""
        for key, value in self._left.items():
            self.report("unknown-key", key, self._unknown(key, value, hints))
        for table in self._tables:
            table.finish(hints)

    def _unknown(self, key: str, value: object, hints: Mapping[str, str]) -> str:
        if self._name:
            found = f"{self._shown} has no setting '{key}'"
        elif type(value) is dict:
            found = f"there is no section [{key}]"
        else:
            found = f"'{key}' stands in no section"
        if key in hints:
            return f"{found}: {hints[key]}"
        if key in self._faults.homes:
            return f"{found}; it belongs in {self._faults.homes[key]}"
        near = get_close_matches(key, self._asked, n=1, cutoff=0.7)
        return f"{found}. Did you mean '{near[0]}'?" if near else f"{found}; there are {', '.join(self._asked)}"

    def _take(self, key: str, kind: type[T], what: str, required: bool = False) -> T | None:
        self._asked.append(key)
        if self._shown.endswith("]"):  # an entry of a list is no place to send a stray key to
            self._faults.homes.setdefault(key, self._shown)
        if key not in self._left:
            if required:
                self.report("missing-key", key, f"{self._shown} {key} is missing; it is {what}")
            return None
        value = self._left.pop(key)
        if type(value) is not kind:
            self.wrong(key, what)
            return None
        return value


def parse(file: str, text: str) -> tuple[Table, Faults]:
    """The whole file as a table. What is no TOML at all is one fault, and an empty table."""
    faults = Faults(file, text)
    try:
        values = tomllib.loads(text)
    except ValueError as error:
        found = _AT.search(str(error))
        at = (int(found[1]), int(found[2])) if found and found[1] else (len(text.splitlines()) or 1, 1)
        message = f"this is not valid TOML: {_AT.sub('', str(error))}"
        faults.problems.append(Problem(Mark(file, *at), Severity.ERROR, "bad-toml", message))
        values = {}
    return Table(faults, (), values), faults


def _places(text: str) -> Iterator[tuple[Name, tuple[int, int]]]:
    """Where sections and keys stand: line and column, counted from 1."""
    section: Name = ()
    for number, line in enumerate(text.splitlines(), 1):
        if header := _HEADER.match(line):
            section = _parts(header[1])
            yield section, (number, line.index("[") + 1)
        elif key := _KEY.match(line):
            yield (*section, *_parts(key[1])), (number, key.start(1) + 1)


def _parts(dotted: str) -> Name:
    return tuple(part.strip(" \"'") for part in dotted.split("."))
