"""Questions of the FAQ that somebody asks in the middle of something else.

The engine knows one door only, a `Finder`. What stands behind it here takes whole messages: a title, or one of the
phrasings that operators wrote down. What understands other messages too is in `bot.faq`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from bot.domain import TextId
from bot.flow.model import Library
from bot.flow.phrasings import Phrasings
from bot.flow.understand import LONGEST, Lexicon, fold


class How(StrEnum):
    """How a question of the FAQ was recognised: by its title, a phrasing as it was written down, or a likeness."""

    TITLE = "title"
    PHRASING = "phrasing"
    LIKENESS = "likeness"


@dataclass(frozen=True, slots=True)
class Found:
    """The answer to a question of the FAQ."""

    answer: TextId
    how: How


@dataclass(frozen=True, slots=True)
class Perhaps:
    """The answers to the questions that were most likely asked, the likeliest first; none of them surely."""

    answers: tuple[TextId, ...]


@dataclass(frozen=True, slots=True)
class Report:
    """No question, but the report of an incident."""


Finding = Found | Perhaps | Report | None
Finder = Callable[[str, str], Finding]
"""From what somebody wrote, and the language that they write in, to what it asks for; None: nothing of the FAQ."""

Guesser = Callable[[str], str | None]
"""From what somebody wrote to the language that it is very likely written in."""


def nothing(_text: str, _locale: str) -> Finding:
    """The door of a bot without a FAQ."""
    return None


def no_guess(_text: str) -> str | None:
    """For a bot that guesses no language."""
    return None


def title_of(answer: TextId) -> TextId:
    """The title of the entry with this answer."""
    return TextId(f"{answer}/title")


def finder(library: Library, lexicons: Mapping[str, Lexicon]) -> Callable[[str, str], Found | None]:
    """Finds entries by whole messages. A phrasing that two entries share means neither; a title goes before it."""
    tables = {locale: _table(library, locale, lexicon) for locale, lexicon in lexicons.items()}

    def find(text: str, locale: str) -> Found | None:
        folded = fold(text) if len(text) <= LONGEST else ""
        return tables[locale].get(folded) if folded and locale in tables else None

    return find


def _table(library: Library, locale: str, lexicon: Lexicon) -> Mapping[str, Found]:
    asked: dict[str, set[TextId]] = {}
    for key, said in library.phrasings.get(locale, Phrasings()).asked():
        asked.setdefault(fold(said.text), set()).add(library.faq[key].answer)
    table = {folded: Found(answers.pop(), How.PHRASING) for folded, answers in asked.items() if len(answers) == 1}
    titles = {fold(lexicon.labels.get(entry.title, "")): entry.answer for entry in library.faq.values()}
    return table | {folded: Found(answer, How.TITLE) for folded, answer in titles.items() if folded}
