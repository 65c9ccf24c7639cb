"""Which language a message is written in, told by short pieces of its words; silent where that is not clear."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from bot.faq.features import Floats, Pieces
from bot.flow.model import Library
from bot.flow.understand import LONGEST, Lexicon, fold

BITS = 15  # of a piece that counts: 32,768 kinds of pieces
SMOOTHING = 0.3  # what a piece counts that a language has not shown
CLEAR = 0.9  # how likely a language must be to be offered
EVIDENCE = 1.0  # pieces overlap: how much of their number counts


class Languages:
    """Guesses among the languages that there are texts of."""

    def __init__(self, texts: Mapping[str, Iterable[str]]) -> None:
        self._locales = tuple(sorted(texts))
        self._pieces = Pieces()
        counts = np.full((1 << BITS, len(self._locales)), SMOOTHING, np.float32)
        for place, locale in enumerate(self._locales):
            for text in texts[locale]:
                for ids, often in self._of(text):
                    np.add.at(counts[:, place], ids, often)
        self._weights: Floats = np.log(counts / counts.sum(axis=0))

    def guess(self, text: str) -> str | None:
        """The language that this is very likely written in."""
        chances = self.chances(text) if len(text) <= LONGEST else {}
        likeliest = max(chances, key=chances.__getitem__, default=None)
        return likeliest if likeliest is not None and chances[likeliest] >= CLEAR else None

    def chances(self, text: str) -> Mapping[str, float]:
        """How likely each language is; nothing where the text has no letters."""
        said = np.zeros(len(self._locales), np.float32)
        found = 0.0
        for ids, often in self._of(text):
            said += often @ self._weights[ids]
            found += float(often.sum())
        if not found:
            return {}
        said = (said - said.max()) * EVIDENCE
        odds = np.exp(said)
        return dict(zip(self._locales, (odds / odds.sum()).tolist(), strict=True))

    def _of(self, text: str) -> Iterable[tuple[np.ndarray[tuple[int], np.dtype[np.uint32]], Floats]]:
        words = [word for word in fold(text).split() if not word.isdecimal()]
        for counted in self._pieces.of(words)[:2]:
            if counted:
                ids = np.fromiter(counted, np.uint32, len(counted)) >> np.uint32(32 - BITS)
                yield ids, np.fromiter(counted.values(), np.float32, len(counted))


def texts(library: Library, lexicons: Mapping[str, Lexicon]) -> Mapping[str, list[str]]:
    """What there is in each language: how people ask in it, and what the bot says."""
    found = {}
    for locale, lexicon in lexicons.items():
        phrasings = library.phrasings.get(locale)
        said = [said.text for _, said in phrasings.asked()] if phrasings else []
        none = [said.text for said in phrasings.none] if phrasings else []
        found[locale] = [*said, *none, *lexicon.labels.values()]
    return found
