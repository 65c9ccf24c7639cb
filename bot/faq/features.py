"""What of a message counts when it is compared with others: its topics, and the pieces of its words; all hashed."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from bot.faq.letters import is_cyrillic, sounded
from bot.flow.phrasings import Topics
from bot.flow.understand import fold

Ids = NDArray[np.uint32]
Floats = NDArray[np.float32]

SHORTEST, LONGEST = 2, 5  # letters of a piece, the space around its word included
LONGEST_PHRASE = 4  # words of a topic
LEAST_LEFT = {True: 4, False: 2}  # letters behind a prefix; one in Latin script may as well be a part of the word
PAIRED = 0.5  # what two topics together count, where one counts 1
CHANNELS = (1.0, 0.5, 0.3)  # what pieces, words, and words beside each other add to a likeness
_QUESTION_MARKS = frozenset("?؟？")


class Senses:
    """The topics of one language, looked up word by word."""

    def __init__(self, topics: Mapping[str, Topics], locale: str) -> None:
        own = topics.get(locale, Topics({}))
        self._sounded = any(is_cyrillic(word) for words in own.words.values() for word in words)
        self._whole: dict[str, set[str]] = {}
        self._begun: dict[str, set[str]] = {}
        self._prefixes = tuple(dict.fromkeys(folded for prefix in own.prefixes if (folded := fold(prefix))))
        self._known: dict[str, tuple[str, ...]] = {}
        for each in (own, *(topics[other] for other in own.also if other in topics)):
            for topic, words in each.words.items():
                for word in words:
                    table = self._begun if word.endswith("*") else self._whole
                    if folded := " ".join(self.words(fold(word))):
                        table.setdefault(folded, set()).add(topic)
        self._phrases = {phrase.split()[0] for phrase in (*self._whole, *self._begun) if " " in phrase}
        self._shortest = min(map(len, self._begun), default=1)

    def words(self, folded: str) -> list[str]:
        """The words of a folded message, as they are compared in this language."""
        return [sounded(word) or word for word in folded.split()] if self._sounded else folded.split()

    def of(self, words: Sequence[str]) -> list[tuple[str, ...]]:
        """The topics that each word of a message has, or begins."""
        return [self._at(words, place) for place in range(len(words))]

    def _at(self, words: Sequence[str], place: int) -> tuple[str, ...]:
        found = self._word(words[place])
        beginnings = self._phrases.intersection(self._spellings(words[place]))
        if not beginnings:
            return found
        more = set(found)
        for end in range(place + 2, min(len(words), place + LONGEST_PHRASE) + 1):
            for first in beginnings:
                more |= self._look(" ".join((first, *words[place + 1 : end])))
        return tuple(sorted(more))

    def _word(self, word: str) -> tuple[str, ...]:
        known = self._known.get(word)
        if known is None:
            known = tuple(sorted({topic for spelled in self._spellings(word) for topic in self._look(spelled)}))
            if len(self._known) < 50_000:  # words that people write; there is no end of them
                self._known[word] = known
        return known

    def _spellings(self, word: str) -> Iterable[str]:
        yield word
        for prefix in self._prefixes:
            if word.startswith(prefix) and len(word) - len(prefix) >= LEAST_LEFT[word.isascii()]:
                yield word[len(prefix) :]

    def _look(self, text: str) -> set[str]:
        found = set(self._whole.get(text, ()))
        for end in range(self._shortest, len(text) + 1):
            found |= self._begun.get(text[:end], set())
        return found


def topical(text: str, words: Sequence[str], senses: Senses) -> tuple[Ids, Floats]:
    """The topics of a message: each, each two together, each two after one another; whether it asks; how long it is."""
    found = senses.of(words)
    topics = sorted({topic for each in found for topic in each})
    names = [f"1{topic}" for topic in topics]
    pairs = [f"2{topic}+{other}" for place, topic in enumerate(topics) for other in topics[place + 1 :]]
    for before, after in pairwise(found):
        pairs += [f"3{topic}>{other}" for topic in before for other in after if topic != other]
    unknown = sum(not each for each in found)
    asks = "?" if _QUESTION_MARKS.intersection(text) else "."
    pairs += [f"4{asks}", f"5{min(4, len(words) // 3)}", f"6{min(4, unknown)}"]
    ids = dict.fromkeys(map(_hash, names), 1.0) | dict.fromkeys(map(_hash, pairs), PAIRED)
    return np.fromiter(ids, np.uint32, len(ids)), np.fromiter(ids.values(), np.float32, len(ids))


class Pieces:
    """The pieces of words; those of a word that was seen are remembered while this lives."""

    def __init__(self) -> None:
        self._known: dict[str, list[int]] = {}

    def of(self, words: Sequence[str]) -> list[dict[int, int]]:
        """For each channel, how often each piece is in a folded message."""
        pieces: dict[int, int] = {}
        for word in words:
            for piece in self._word(word):
                pieces[piece] = pieces.get(piece, 0) + 1
        beside = [f"{word} {other}" for word, other in zip(("^", *words), (*words, "$"), strict=True)]
        return [pieces, _counted(words, "w"), _counted(beside, "v")]

    def _word(self, word: str) -> list[int]:
        known = self._known.get(word)
        if known is None:
            padded = f" {word} "
            lengths = range(SHORTEST, min(LONGEST, len(padded) - 1) + 1)
            parts = [padded[place : place + length] for length in lengths for place in range(len(padded) - length + 1)]
            known = [_hash(f"p{part}") for part in (*parts, padded)]
            self._known[word] = known
        return known


def _counted(words: Sequence[str], kind: str) -> dict[int, int]:
    counted: dict[int, int] = {}
    for word in words:
        key = _hash(kind + word)
        counted[key] = counted.get(key, 0) + 1
    return counted


def _hash(name: str) -> int:
    return zlib.crc32(name.encode("utf-8", "surrogatepass"))
