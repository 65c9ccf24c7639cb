"""What people cannot say in one language: answers that read alike, and answers or words that hide a command.

Judged by the tables that the engine looks replies up in, so that whatever it would mistake is found.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from bot.domain import TextId
from bot.flow.machine import Compiled, State, answering, commanding
from bot.flow.model import NO, SKIPPED, YES, Mark, Problem, Severity
from bot.flow.phrases import WORDS, Command
from bot.flow.positions import one_line
from bot.flow.understand import LONGEST, Lexicon, commands, fold
from bot.flow.vocabulary import Vocabulary, vocabulary


@dataclass(frozen=True, slots=True)
class Spoken:
    """One language: what it is called, what the engine knows of it, and where each of its texts stands."""

    locale: str
    name: str
    lexicon: Lexicon
    place: Callable[[TextId], Mark]


def collisions(compiled: Compiled, languages: Mapping[str, Spoken]) -> Mapping[str, tuple[Problem, ...]]:
    """For each language that the machine offers, in the order of its texts, what cannot be told apart in it."""
    lexicons = {locale: spoken.lexicon for locale, spoken in languages.items()}
    found: dict[str, tuple[Problem, ...]] = {}
    anyones: dict[str, tuple[Command, str]] = {}
    ways = {(source, trigger): destination for source, trigger, destination in compiled.edges()}
    for locale, spoken in languages.items():
        finder = _Finder(ways, spoken, vocabulary(compiled, lexicons, locale))
        steps = {state.id: state for state in compiled.states.values() if state.options}
        answers = (problem for state in steps.values() for problem in finder.answers(state))
        found[locale] = (*finder.words(), *finder.before_the_language(anyones), *dict.fromkeys(answers))
    return found


class _Finder:
    def __init__(self, ways: Mapping[tuple[str, str], str], spoken: Spoken, known: Vocabulary) -> None:
        self._ways = ways
        self._spoken = spoken
        self._known = known
        self._in = f"in {spoken.name}"

    def words(self) -> Iterator[Problem]:
        """Words that stand in two lists; only the first of them is heard."""
        first: dict[str, str] = {}
        for name in WORDS:
            for word in self._spoken.lexicon.words.get(name, ()):
                other = first.setdefault(fold(word), name)
                if other != name:
                    message = f"{self._in}, \"{word}\" stands among the words for '{name}' and for '{other}'; keep one"
                    yield self._problem(TextId(f"words.{name}"), Severity.ERROR, "same-word", message)

    def before_the_language(self, anyones: dict[str, tuple[Command, str]]) -> Iterator[Problem]:
        """Until a language is chosen the words of every one count, and the first language goes before the others."""
        for word, command in commands(self._spoken.lexicon.words).items():
            other, name = anyones.setdefault(word, (command, self._spoken.name))
            if other != command:
                message = (
                    f"before a language is chosen, \"{word}\" is taken for '{other}', as in {name}; {self._in} it "
                    f"means '{command}'. Take another word"
                )
                yield self._problem(TextId(f"words.{command}"), Severity.WARNING, "same-word", message)

    def answers(self, state: State) -> Iterator[Problem]:
        """Answers of one question that mean another one, none at all, or hide a command."""
        labels = self._spoken.lexicon.labels
        said = {name: fold(labels.get(text, "")) for name, text in state.options.items()}
        table = self._known.answers[state.name]
        by_word = {
            fold(word): name for name in (YES, NO) if name in said for word in self._spoken.lexicon.words.get(name, ())
        }
        for name, folded in said.items():
            label = labels.get(state.options[name], "")
            if not folded or len(label) > LONGEST:
                continue
            place = state.options[name]
            about = f"{self._in}, the answer '{name}' of '{state.step.name}'"
            alike = next((other for other in said if other != name and said[other] == folded), None)
            meant = table.get(folded) or table.get(folded.lstrip("0"))
            if alike is not None and list(said).index(alike) < list(said).index(name):
                message = f"{about} reads like the answer '{alike}'; nobody could choose one of them by its words"
                yield self._problem(place, Severity.ERROR, "same-answer", message)
            elif alike is None and meant != name and meant is not None:
                message = f"{about} reads like the number of the answer '{meant}'; put a word to it"
                yield self._problem(place, Severity.ERROR, "answer-is-number", message)
            elif by_word.get(folded, name) != name:
                message = f"{about} reads like a word for '{by_word[folded]}', which is another answer here"
                yield self._problem(place, Severity.ERROR, "same-answer", message)
            command = self._known.commands.get(folded)
            if command is not None and self._hides(state, name, command):
                message = f"{about} is also a word for '{command}', which could not be said here then; let it say more"
                yield self._problem(place, Severity.ERROR, "answer-is-command", message)

    def _hides(self, state: State, outcome: str, command: Command) -> bool:
        """Whether the command is lost at this question; not where the answer leads to the same place."""
        if command is Command.SKIP:
            return SKIPPED in state.outcomes
        leads = self._ways.get((state.name, commanding(command)))
        return leads is None or self._ways.get((state.name, answering(outcome))) != leads

    def _problem(self, text: TextId, severity: Severity, code: str, message: str) -> Problem:
        return Problem(self._spoken.place(text), severity, code, one_line(message))
