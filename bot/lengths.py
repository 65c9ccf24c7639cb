"""Texts that are too long for one message of a channel, in any language.

What one step of the engine says is one message: every text on the way to the next question, and its answers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import ceil

from bot.domain import TextId
from bot.flow.machine import NEXT, Compiled, State
from bot.flow.model import (
    AskStep,
    AttachStep,
    BranchStep,
    EndStep,
    HandoffStep,
    LanguageStep,
    Library,
    Problem,
    SayStep,
    SeveralStep,
    Severity,
)
from bot.flow.phrases import ATTACH_ADVICE, ATTACH_SKIP, SEVERAL_HINT, SKIP_HINT
from bot.services.sayings import NOT_TAKEN, NOTICE_UNENCRYPTED

MATRIX_CHARACTERS = 6_000  # about what one message takes; letters of some scripts take up more of it
SIGNAL_CHARACTERS = 2_000  # likewise
_BETWEEN = len("\n\n")
_NUMBER = len("10. \n")  # what stands around an answer in the list
_IN_EVERY_LANGUAGE = {NOT_TAKEN, NOTICE_UNENCRYPTED}  # all of them in one message


@dataclass(frozen=True, slots=True)
class Limit:
    """What one message of a channel takes, in characters, and what becomes of a longer one."""

    channel: str
    characters: int
    severity: Severity
    staff: bool  # whether staff are written to there
    instead: Callable[[int], str]


LIMITS = (
    Limit(
        channel="Matrix",
        characters=MATRIX_CHARACTERS,
        severity=Severity.WARNING,
        staff=True,
        instead=lambda length: f"it arrives in {ceil(length / MATRIX_CHARACTERS)} pieces",
    ),
    Limit(
        channel="Signal",
        characters=SIGNAL_CHARACTERS,
        severity=Severity.ADVICE,
        staff=False,
        instead=lambda length: f"it arrives in {ceil(length / SIGNAL_CHARACTERS)} pieces or more",
    ),
)


@dataclass(frozen=True, slots=True)
class _Message:
    """What is said at once: its longest text, all of its texts, and how long they are together in each language."""

    longest: TextId
    texts: tuple[TextId, ...]
    lengths: Mapping[str, int]


def too_long(
    library: Library, compiled: Compiled, names: Mapping[str, str], translate: Callable[[str, str, str], str]
) -> list[Problem]:
    """Every message over the limit of a channel. `names` of the languages offered; `translate` as `Catalogs` does."""
    if not names:
        return []
    measured = _Measured(library, compiled, names, translate)
    found: dict[tuple[str, TextId], Problem] = {}
    for message in measured.messages():
        for limit in LIMITS:
            over = {locale: length for locale, length in message.lengths.items() if length > limit.characters}
            if over and (limit.staff or not message.longest.startswith("staff.")):
                problem = _problem(library, message, limit, {names[locale]: over[locale] for locale in over})
                found.setdefault((limit.channel, message.longest), problem)
    return list(found.values())


class _Measured:
    def __init__(
        self,
        library: Library,
        compiled: Compiled,
        names: Mapping[str, str],
        translate: Callable[[str, str, str], str],
    ) -> None:
        self._compiled = compiled
        self._names = names
        self._lengths = {
            locale: {
                text: sum(len(translate(locale, text, part)) + _BETWEEN for part in source.paragraphs) - _BETWEEN
                for text, source in library.sources.items()
            }
            for locale in names
        }
        self._next: dict[str, list[str]] = {}
        landings = {compiled.initial: None}
        for source, trigger, destination in compiled.edges():
            if trigger == NEXT:
                self._next.setdefault(source, []).append(destination)
            else:
                landings[destination] = None
        self._landings = [name for name in landings if name in compiled.states]

    def messages(self) -> Iterator[_Message]:
        """What is said on each way from an answer to the next question; then whatever else is said, text by text."""
        told: set[TextId] = set()
        for landing in self._landings:
            way = self._way(landing)
            texts = [text for state in way if (text := _text(state)) is not None]
            told.update(texts)
            if texts:
                yield self._message(way, texts)
        for text in next(iter(self._lengths.values()), {}):
            if text not in told:
                lengths = {locale: self._lengths[locale][text] for locale in self._names}
                if text in _IN_EVERY_LANGUAGE:
                    lengths = dict.fromkeys(lengths, sum(lengths.values()))
                yield _Message(text, (text,), lengths)

    def _way(self, landing: str) -> list[State]:
        """The states that are passed without an answer, up to the one that waits for it; of several, the longer."""
        way: dict[str, State] = {}
        onward = [landing]
        while onward:
            name = max(onward, key=self._first)
            way[name] = self._compiled.states[name]
            onward = [new for new in self._next.get(name, ()) if new in self._compiled.states and new not in way]
        return list(way.values())

    def _first(self, name: str) -> int:
        return self._said(self._compiled.states[name], next(iter(self._names)))

    def _message(self, way: Sequence[State], texts: Sequence[TextId]) -> _Message:
        first = self._lengths[next(iter(self._names))]
        longest = max(texts, key=lambda text: first.get(text, 0))
        lengths = {locale: self._length(way, locale) for locale in self._names}
        return _Message(longest, tuple(texts), lengths)

    def _length(self, way: Sequence[State], locale: str) -> int:
        return sum(self._said(state, locale) + _BETWEEN for state in way) - _BETWEEN

    def _said(self, state: State, locale: str) -> int:
        text, known = _text(state), self._lengths[locale]
        if text is None:
            return 0
        if isinstance(state.step, LanguageStep):
            return sum(self._lengths[each][text] + _NUMBER + len(self._names[each]) for each in self._names)
        if isinstance(state.step, SayStep | EndStep | HandoffStep):
            return known.get(text, 0)
        shown = sum(_NUMBER + known.get(label, 0) for label in state.options.values())
        return known.get(text, 0) + shown + sum(_BETWEEN + known.get(hint, 0) for hint in _hints(state))


def _text(state: State) -> TextId | None:
    return None if isinstance(state.step, BranchStep) else state.step.text


def _hints(state: State) -> tuple[TextId, ...]:
    """What the bot says by itself beside a question of this kind."""
    match state.step:
        case AskStep(skippable=True):
            return (SKIP_HINT,)
        case SeveralStep():
            return (SEVERAL_HINT,)
        case AttachStep():
            return ATTACH_ADVICE, ATTACH_SKIP
        case _:
            return ()


def _problem(library: Library, message: _Message, limit: Limit, over: Mapping[str, int]) -> Problem:
    said = ", ".join(f"{length:,} characters in {name}" for name, length in over.items())
    what = "this"
    if len(message.texts) > 1:
        others = [text.partition(".")[2] for text in message.texts if text != message.longest]
        what = f"this, with what is said at once with it ({', '.join(others)}),"
    text = f"{what} is too long for one message on {limit.channel}: {said}, where {limit.characters:,} fit"
    why = f"{text}; {limit.instead(max(over.values()))}. Shorten it, or put a question in between"
    return Problem(library.sources[message.longest].mark, limit.severity, "too-long", why)
