"""Questions of the FAQ that somebody asks in the middle of something else.

The engine knows one door only, a `Finder`. What stands behind it here takes whole messages: a title, or one of the
phrasings that operators wrote down.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from bot.domain import TextId
from bot.flow.model import Library
from bot.flow.phrasings import Phrasings
from bot.flow.understand import LONGEST, Lexicon, fold


@dataclass(frozen=True, slots=True)
class Found:
    """The answer to a question of the FAQ; `exact` where it was asked by its title."""

    answer: TextId
    exact: bool


Finder = Callable[[str, str], Found | None]
"""From what somebody wrote, and the language that they write in, to the answer."""


def nothing(_text: str, _locale: str) -> Found | None:
    """The door of a bot without a FAQ."""
    return None


def finder(library: Library, lexicons: Mapping[str, Lexicon]) -> Finder:
    """Finds the entries of a library. A phrasing that two entries share means neither; a title goes before it."""
    tables = {locale: _table(library, locale, lexicon) for locale, lexicon in lexicons.items()}

    def find(text: str, locale: str) -> Found | None:
        folded = fold(text) if len(text) <= LONGEST else ""
        return tables[locale].get(folded) if folded and locale in tables else None

    return find


def _table(library: Library, locale: str, lexicon: Lexicon) -> Mapping[str, Found]:
    asked: dict[str, set[TextId]] = {}
    for key, said in library.phrasings.get(locale, Phrasings()).asked():
        asked.setdefault(fold(said.text), set()).add(library.faq[key].answer)
    table = {folded: Found(answers.pop(), exact=False) for folded, answers in asked.items() if len(answers) == 1}
    titles = {fold(lexicon.labels.get(entry.title, "")): entry.answer for entry in library.faq.values()}
    return table | {folded: Found(answer, exact=True) for folded, answer in titles.items() if folded}
