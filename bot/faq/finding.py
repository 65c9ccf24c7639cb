"""Which question of the FAQ somebody asks in their own words: answered, asked back, or none.

A wrong answer to a frightened person is worse than asking back, and the report of an incident is never answered with a
text: where a word stands that only such a report has, no likeness counts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from threading import Lock

from bot.domain import TextId
from bot.faq.features import Senses
from bot.faq.languages import texts
from bot.faq.model import Model
from bot.faq.training import NONE, Lessons, train
from bot.flow.incidents import Incidents
from bot.flow.model import Library
from bot.flow.phrasings import Phrasings
from bot.flow.questions import Finding, Found, How, Perhaps, Report, finder
from bot.flow.understand import LONGEST, Lexicon, fold

SURE = 0.97  # how likely an entry must be to be answered: more than 97 of 100 are right then, by cross-validation
WORTH_ASKING = 0.5  # how likely it must be that any entry is asked for, to ask which
OFFERED = 3  # entries that are asked about

Make = Callable[[Lessons], Model]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a message asks for, and the keys of the likeliest entries, the likeliest first."""

    finding: Finding
    ranked: tuple[str, ...]


class Understanding:
    """Understands questions in the languages that a library has phrasings and messages of no question for.

    It is trained when that is first needed, or, where nobody may `wait` for that, when it is prepared; `make` may know
    better, as from a file. In other languages, and until then, it knows titles and listed phrasings only.
    """

    def __init__(
        self, library: Library, lexicons: Mapping[str, Lexicon], make: Make = train, *, wait: bool = True
    ) -> None:
        self._library = library
        self._make = make
        self._wait = wait
        self._lexicons = lexicons
        self._model: Model | None = None
        self._learning = Lock()
        self._listed = finder(library, lexicons)
        self._senses = {locale: Senses(library.topics, locale) for locale in lexicons if _taught(library, locale)}
        phrasings = {locale: library.phrasings.get(locale, Phrasings()) for locale in lexicons}
        self._incidents = {
            locale: Incidents(word.text for word in each.incidents) for locale, each in phrasings.items()
        }

    def prepare(self) -> Model | None:
        """Learn now what is learned otherwise when it is first needed; None where there is nothing to learn from."""
        with self._learning:
            self._learn()
        return self._model

    def guess(self, text: str) -> str | None:
        """The language that this is very likely written in; None too, while that is being learned."""
        if len(self._lexicons) < 2 or not text.strip():
            return None
        model = self._learned_by_now()
        return model.languages.guess(text) if model else None

    def __call__(self, text: str, locale: str) -> Finding:
        """What this asks for, in a language of the lexicons."""
        return self.judge(text, locale).finding

    def judge(self, text: str, locale: str) -> Verdict:
        """The same, with the likeliest entries."""
        listed = self._listed(text, locale)
        folded = fold(text) if len(text) <= LONGEST else ""
        ranked = self._ranked(text, folded, locale)
        keys = tuple(key for _, key in ranked if key != NONE)[:OFFERED]
        if listed is not None:
            first = listed.answer.removeprefix("faq.")
            return Verdict(listed, (first, *(key for key in keys if key != first))[:OFFERED])
        if folded and locale in self._incidents and self._incidents[locale].found(folded):
            return Verdict(Report(), keys)
        if not ranked:
            return Verdict(None, keys)
        chance, likeliest = ranked[0]
        if likeliest != NONE and chance >= SURE:
            return Verdict(Found(_answer(likeliest), How.LIKENESS), keys)
        if sum(chance for chance, key in ranked if key != NONE) >= WORTH_ASKING:
            return Verdict(Perhaps(tuple(map(_answer, keys))), keys)
        return Verdict(None, keys)

    def _learned_by_now(self) -> Model | None:
        """Whoever asks while it is being learned is not kept waiting: nobody's message could be taken meanwhile."""
        if self._wait and self._model is None and self._learning.acquire(blocking=False):
            try:
                self._learn()
            finally:
                self._learning.release()
        return self._model

    def _learn(self) -> None:
        if self._model is not None:
            return
        known = lessons(self._library, self._lexicons)  # needed once, so not kept
        if known.examples or len(known.texts) > 1:
            self._model = self._make(known)

    def _ranked(self, text: str, folded: str, locale: str) -> list[tuple[float, str]]:
        """How likely each entry is, and none of them; nothing where that cannot be said."""
        words = self._senses[locale].words(folded) if locale in self._senses else []
        if not words:
            return []
        model = self._learned_by_now()
        if model is None:
            return []
        chances = model.likely(text, words, locale, self._senses[locale])
        return sorted(zip(chances.tolist(), (*model.keys, NONE), strict=True), key=lambda pair: (-pair[0], pair[1]))


def lessons(library: Library, lexicons: Mapping[str, Lexicon]) -> Lessons:
    """What there is to learn from: in each language that has both, what asks for entries, and what asks for none."""
    examples: dict[str, list[tuple[str, str]]] = {}
    for locale, lexicon in sorted(lexicons.items()):
        if not _taught(library, locale):
            continue
        phrasings = library.phrasings[locale]
        asked = [(said.text, key) for key, said in phrasings.asked() if key in library.faq]
        titles = [(lexicon.labels.get(entry.title, ""), key) for key, entry in sorted(library.faq.items())]
        none = [(said.text, NONE) for said in phrasings.none]
        known = [*asked, *titles, *none]
        examples[locale] = [(text, key) for text, key in known if len(text) <= LONGEST and fold(text)]
    return Lessons(examples, library.topics, texts(library, lexicons) if len(lexicons) > 1 else {})


def _taught(library: Library, locale: str) -> bool:
    """Whether it is said in this language what asks for entries, and what asks for none."""
    phrasings = library.phrasings.get(locale, Phrasings())
    return bool(phrasings.none) and any(key in library.faq for key, _ in phrasings.asked())


def _answer(key: str) -> TextId:
    return TextId(f"faq.{key}")
