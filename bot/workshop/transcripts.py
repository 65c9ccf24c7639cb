"""Conversations as an operator writes them down, to be held against the flows: what was said, what should have been.

    # An internet shutdown is in scope, and goes on to consent.
    language: en

    requester: Hello
    bot: ... What would you like to do? ...
    requester: I need help with a problem
    bot:
      ... Which of these describes you best? ...
    requester: 1
    state: eligibility/problem

Above the first line of the conversation may stand `language:` (known from an earlier conversation), `flow:` (to begin
elsewhere than in `main`), `at:` (the step or state to stand at) and `answer: step = outcome` (given before; any number
of them). Then, in any order: `requester:` and `bot:` (all that the bot says at once), `sends: name.jpg` (the requester
sends a file), `state:` (where the conversation stands; `end` when it is over), `wait: 2 days` (nobody writes for so
long) and `hands over:` (the card and the answers that specialists get). `...` is anything, line breaks do not matter, a
line that begins with `#` is a comment, and the further lines of a text are indented.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from difflib import SequenceMatcher
from enum import StrEnum

from bot.flow.model import ENTRY_FLOW, FlowError, Mark, Problem, Severity
from bot.flow.positions import meant

ANYTHING = "..."
OVER = "end"  # as a state

_KEY = re.compile(r"([a-z]+(?: [a-z]+)?)[ \t]*:[ \t]*(.*)", re.DOTALL)
_ANSWER = re.compile(r"([a-z0-9_./]+)\s*=\s*(.+)", re.DOTALL)
_LENGTH = re.compile(r"(\d{1,4}) *(minute|hour|day|week)s?")
_MARKS = re.compile("[\u200e\u200f\u202a-\u202e\u2066-\u2069]")  # of direction: nobody sees them, or can type them
_INDENT = "  "


class Part(StrEnum):
    """What a line of a transcript is, by the word that it begins with."""

    REQUESTER = "requester"
    BOT = "bot"
    SENDS = "sends"
    WAIT = "wait"
    STATE = "state"
    HANDS_OVER = "hands over"


_HEADER = ("language", "flow", "at", "answer")


@dataclass(frozen=True, slots=True)
class Opening:
    """How a conversation begins: in which flow, in which language, at which state instead of the beginning.

    `answers` were given before: step and outcome, or step and words. `text` is what the requester writes first.
    """

    flow: str = ENTRY_FLOW
    locale: str | None = None
    at: str | None = None
    answers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    text: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that happens, or should: `line` counts from 1, `length` is how long nobody writes."""

    part: Part
    text: str
    line: int
    length: timedelta = timedelta()


@dataclass(frozen=True, slots=True)
class Transcript:
    """One file: how the conversation begins, and how it goes on."""

    file: str
    opening: Opening
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class Failure:
    """What a conversation came to that is not as it was written: where, what, and the difference line by line."""

    mark: Mark
    what: str
    difference: tuple[str, ...] = ()

    def __str__(self) -> str:
        shown = [f"{self.mark.file}:{self.mark.line}: {self.what}", *(f"    {line}" for line in self.difference)]
        return "\n".join(line.rstrip() for line in shown)


def parse(file: str, content: bytes) -> Transcript:
    """Read a transcript. Raises FlowError with every problem of it."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeError:
        raise FlowError([_problem(file, 1, "this is not a text in UTF-8; save it as UTF-8 in your editor")]) from None
    problems: list[Problem] = []
    header: dict[str, str] = {}
    answers: list[tuple[str, str]] = []
    lines: list[Line] = []
    for number, written in _entries(text):
        found = _KEY.fullmatch(written)
        try:
            if not found:
                raise ValueError(_no_key(written))
            key, rest = found[1], _dedented(found[2])
            if key in _HEADER and not lines:
                _take(key, rest, header, answers)
            else:
                lines.append(_line(key, rest, number))
        except ValueError as error:
            problems.append(_problem(file, number, str(error)))
    if not lines and not problems:
        problems.append(_problem(file, 1, "nobody says anything here; write 'requester: ...' and 'bot: ...'"))
    if problems:
        raise FlowError(problems)
    opening = Opening(header.get("flow", ENTRY_FLOW), header.get("language"), header.get("at"), tuple(answers))
    return Transcript(file, opening, tuple(lines))


def written(part: Part, text: str) -> str:
    """A line of a transcript, as `parse` reads it."""
    lines = [line.rstrip() for line in _lines(plain(text))]
    if len(lines) == 1:
        return f"{part}: {lines[0]}".rstrip() + "\n"
    return "".join([f"{part}:\n", *(f"{_INDENT}{line}".rstrip() + "\n" for line in lines)])


def header(opening: Opening) -> str:
    """The lines above a conversation, as `parse` reads them; empty where there is nothing to be said."""
    named = (("language", opening.locale), ("flow", opening.flow if opening.flow != ENTRY_FLOW else None))
    given = [f"answer: {step} = {answer}" for step, answer in opening.answers]
    lines = [f"{key}: {value}" for key, value in (*named, ("at", opening.at)) if value is not None]
    return "".join(f"{line}\n" for line in (*lines, *given))


def plain(text: str) -> str:
    """The text without marks of direction, which nobody sees."""
    return unicodedata.normalize("NFC", _MARKS.sub("", text))


def length(text: str) -> timedelta | None:
    """How long that is: `90 minutes`, `2 hours`, `7 days`, `1 week`; None where it says no such thing."""
    found = _LENGTH.fullmatch(text.strip())
    return timedelta(**{f"{found[2]}s": int(found[1])}) if found else None


def matches(expected: str, said: str) -> bool:
    """Whether that was said; `...` stands for anything, for nothing too."""
    first, *others = _words(expected.replace("…", ANYTHING)).split(ANYTHING)
    words = _words(said)
    if not others:
        return first == words
    *middle, last = (piece.strip() for piece in others)
    first = first.strip()
    if not words.startswith(first):
        return False
    place = len(first)
    for piece in middle:
        found = words.find(piece, place)
        if found < 0:
            return False
        place = found + len(piece)
    return words.endswith(last) and len(words) - len(last) >= place


def difference(expected: str, said: str) -> tuple[str, ...]:
    """Line by line: what both have, `- ` what was expected, `+ ` what was said instead."""
    wanted = [_words(line) for line in expected.replace("…", ANYTHING).replace(ANYTHING, f"\n{ANYTHING}\n").split("\n")]
    wanted = [line for line in wanted if line]
    came = [line for part in said.split("\n") if (line := _words(part))]
    shown: list[str] = []
    for kind, i, j, k, m in SequenceMatcher(None, wanted, came, autojunk=False).get_opcodes():
        missing = [line for line in wanted[i:j] if line != ANYTHING]
        if kind == "equal":
            shown += [f"  {line}" for line in wanted[i:j]]
        elif ANYTHING in wanted[i:j] and not missing:
            shown.append(f"  {ANYTHING}")
        else:
            shown += [f"- {line}" for line in missing]
            shown += [f"+ {line}" for line in came[k:m]]
    return tuple(shown)


def _entries(text: str) -> Iterator[tuple[int, str]]:
    """Each entry and the line it begins in: a line that is not indented, with the indented ones below it."""
    begun, held = 0, list[str]()
    for number, line in enumerate(_lines(text), 1):
        if line.startswith("#"):
            continue
        if line[:1].isspace() or not line:
            held.append(line)
            continue
        if "".join(held).strip():
            yield begun or 1, "\n".join(held).rstrip()
        begun, held = number, [line]
    if "".join(held).strip():
        yield begun or 1, "\n".join(held).rstrip()


def _lines(text: str) -> list[str]:
    return text.replace("\r\n", "\n").replace("\r", "\n").split("\n")


def _dedented(text: str) -> str:
    first, *others = text.split("\n")
    indents = [len(line) - len(line.lstrip()) for line in others if line.strip()]
    least = min(indents, default=0)
    return "\n".join([first.strip(), *(line[least:].rstrip() for line in others)]).strip("\n")


def _take(key: str, text: str, header: dict[str, str], answers: list[tuple[str, str]]) -> None:
    if key == "answer":
        found = _ANSWER.fullmatch(text)
        if not found:
            raise ValueError("an answer that was given before is written 'answer: step = outcome'")
        answers.append((found[1], found[2]))
        return
    if key in header:
        raise ValueError(f"'{key}:' stands here twice")
    if not text:
        raise ValueError(f"'{key}:' says nothing")
    header[key] = text


def _line(key: str, text: str, number: int) -> Line:
    if key in _HEADER:
        raise ValueError(f"'{key}:' stands above the conversation, not in it")
    if key not in list(Part):
        raise ValueError(_no_key(key))
    part = Part(key)
    if not text and part not in (Part.BOT, Part.REQUESTER):
        raise ValueError(f"'{key}:' says nothing")
    if part is not Part.WAIT:
        return Line(part, text, number)
    waited = length(text)
    if waited is None:
        raise ValueError("how long nobody writes is said as in 'wait: 90 minutes', 'wait: 2 hours' or 'wait: 7 days'")
    return Line(part, text, number, waited)


def _no_key(line: str) -> str:
    known = (*Part, *_HEADER)
    begun = line.split(":", 1)[0].strip().lower()
    near = meant(begun, known)
    if near:
        return f"no line begins with '{begun}:'{near}"
    words = ", ".join(f"'{word}:'" for word in known)
    return f"a line begins with one of {words}; the further lines of a text are indented"


def _words(text: str) -> str:
    return " ".join(plain(text).split())


def _problem(file: str, line: int, message: str) -> Problem:
    return Problem(Mark(file, line, 1), Severity.ERROR, "bad-transcript", message)
