"""Which language a message is written in, told by short pieces of its words; silent where that is not clear."""

from __future__ import annotations

import string
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bot.faq.features import Floats, Ids, Pieces, whole
from bot.flow.model import Library
from bot.flow.understand import LONGEST, Lexicon, fold

BITS = 16  # of a piece that counts: 65,536 kinds of pieces
SMOOTHING = 0.3  # what a piece counts that a language has not shown
CLEAR = 0.9  # how likely a language must be to be offered
_MARKS = f"{string.punctuation}¿¡«»؟،…"
EVIDENCE = 0.3  # pieces overlap: how much of their number counts


@dataclass(frozen=True, slots=True)
class Languages:
    """Guesses among the languages that there are texts of.

    `locales` names each column of the table, a language once for each kind of letters; rows are what pieces speak for.
    """

    locales: tuple[str, ...]
    weights: NDArray[np.float16]

    def guess(self, text: str) -> str | None:
        """The language that this is very likely written in."""
        chances = self.chances(text) if len(text) <= LONGEST else {}
        likeliest = max(chances, key=chances.__getitem__, default=None)
        return likeliest if likeliest is not None and chances[likeliest] >= CLEAR else None

    def chances(self, text: str) -> Mapping[str, float]:
        """How likely each language is; nothing where the text has no letters."""
        ids, often = _pieces(Counter(_words(text, fold(text))), Pieces())
        if not len(ids) or not self.locales:
            return {}
        said = often @ self.weights[ids].astype(np.float32)
        odds = np.exp((said - said.max()) * EVIDENCE)
        chances = dict.fromkeys(self.locales, 0.0)
        for locale, chance in zip(self.locales, (odds / odds.sum()).tolist(), strict=True):
            chances[locale] += chance
        return chances


def told_apart(texts: Mapping[str, Iterable[str]], pieces: Pieces) -> Languages:
    """What tells the languages of these texts apart. `pieces` may know those of their words already."""
    told: dict[tuple[str, bool], Counter[str]] = {}
    for locale in sorted(texts):
        for text in texts[locale]:
            folded = fold(text)
            # a language in the letters of others is like a language of its own: Arabic and Russian in Latin ones
            told.setdefault((locale, _is_latin(folded)), Counter()).update(_words(text, folded))
    weights = np.zeros((1 << BITS, len(told)), np.float16)
    for column, words in enumerate(told.values()):
        ids, often = _pieces(words, pieces)
        counts = np.bincount(ids, often, minlength=1 << BITS) + SMOOTHING
        weights[:, column] = np.log(counts / counts.sum())
    return Languages(tuple(locale for locale, _ in told), weights)


def _words(text: str, folded: str) -> list[str]:
    # as they are written too: an accent, or the dots of a letter, may be all that tells two languages apart
    written = [] if text.isascii() else unicodedata.normalize("NFC", text.casefold()).split()
    marked = [word for word in (spelled.strip(_MARKS) for spelled in written) if not word.isascii()]
    return [word for word in (*folded.split(), *marked) if not word.isdecimal()]


def _pieces(words: Mapping[str, int], pieces: Pieces) -> tuple[Ids, Floats]:
    """The pieces of these words, and the words as wholes, with how often there is each."""
    ids: list[int] = []
    often: list[int] = []
    for word, count in words.items():
        found = pieces.of_word(word)
        ids += (*found, whole(word))
        often += [count] * (len(found) + 1)
    return np.array(ids, np.uint32) >> np.uint32(32 - BITS), np.array(often, np.float32)


def _is_latin(folded: str) -> bool:
    """Whether most letters are of a to z, or were with their accents."""
    letters = [character for character in folded if character.isalpha()]
    return sum(map(str.isascii, letters)) * 2 >= len(letters)


def texts(library: Library, lexicons: Mapping[str, Lexicon]) -> Mapping[str, list[str]]:
    """What there is in each language: how people ask in it, and what the bot says."""
    found = {}
    for locale, lexicon in lexicons.items():
        phrasings = library.phrasings.get(locale)
        said = [said.text for _, said in phrasings.asked()] if phrasings else []
        none = [said.text for said in phrasings.none] if phrasings else []
        found[locale] = [*said, *none, *lexicon.labels.values()]
    return found
