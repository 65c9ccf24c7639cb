"""What of a message counts when it is compared with others: its topics, and the pieces of its words; all hashed."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from bot.faq.letters import is_arabic, is_cyrillic, root, sounded
from bot.flow.phrasings import Topics
from bot.flow.understand import fold

Ids = NDArray[np.uint32]
Floats = NDArray[np.float32]

SHORTEST, LONGEST = 2, 5  # letters of a piece, the space around its word included
LONGEST_PHRASE = 4  # words of a topic
LEAST_LEFT = {True: 4, False: 2}  # letters behind a prefix; one in Latin script may as well be a part of the word
PAIRED = 0.5  # what two topics together count, where one counts 1; a topic at either end, all together, a word as much
KEPT_WORDS = 2_000  # of a language, whose topics are remembered: what strangers write has no end
CHANNELS = (1.0, 0.5, 0.3)  # what pieces, words, and words beside each other add to a likeness
_QUESTION_MARKS = frozenset("?؟？")


class Senses:
    """The topics of one language, looked up word by word."""

    def __init__(self, topics: Mapping[str, Topics], locale: str) -> None:
        own = topics.get(locale, Topics({}))
        self.locale = locale
        self._sounded = any(is_cyrillic(word) for words in own.words.values() for word in words)
        self._rooted = any(is_arabic(word) for words in own.words.values() for word in words)
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
        lengths = [*map(len, self._begun)]
        self._shortest, self._longest = min(lengths, default=1), max(lengths, default=0)

    def words(self, folded: str) -> list[str]:
        """The words of a folded message, as they are compared in this language."""
        return [sounded(word) or word for word in folded.split()] if self._sounded else folded.split()

    def spelled(self, words: Sequence[str]) -> Sequence[str]:
        """These words as they are compared by their letters: where it helps, with the roots of each."""
        return [*words, *filter(None, map(root, words))] if self._rooted else words

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
            if len(self._known) < KEPT_WORDS:
                self._known[word] = known
        return known

    def _spellings(self, word: str) -> Iterable[str]:
        yield word
        for prefix in self._prefixes:
            if word.startswith(prefix) and len(word) - len(prefix) >= LEAST_LEFT[word.isascii()]:
                yield word[len(prefix) :]

    def _look(self, text: str) -> set[str]:
        found = set(self._whole.get(text, ()))
        for end in range(self._shortest, min(self._longest, len(text)) + 1):
            found.update(self._begun.get(text[:end], ()))
        return found


def topical(text: str, words: Sequence[str], senses: Senses) -> tuple[Ids, Floats]:
    """The topics of a message: each, each two together, each two after one another, the first and the last word's, all.

    Besides: its words, whether it asks, how long it is, how much of it has no topic.
    """
    found = senses.of(words)
    topics = sorted({topic for each in found for topic in each})
    names = [f"1{topic}" for topic in topics]
    pairs = [f"2{topic}+{other}" for place, topic in enumerate(topics) for other in topics[place + 1 :]]
    for before, after in pairwise(found):
        pairs += [f"3{topic}>{other}" for topic in before for other in after if topic != other]
    pairs += [f"7{topic}" for topic in found[0]] + [f"8{topic}" for topic in found[-1]] if found else []
    pairs += [f"9{'+'.join(topics)}", *(f"0{senses.locale} {word}" for word in words)]
    unknown = sum(not each for each in found)
    asks = "?" if _QUESTION_MARKS.intersection(text) else "."
    pairs += [f"4{asks}", f"5{min(4, len(words) // 3)}", f"6{min(4, unknown)}"]
    ids = dict.fromkeys(map(_hash, names), 1.0) | dict.fromkeys(map(_hash, pairs), PAIRED)
    return np.fromiter(ids, np.uint32, len(ids)), np.fromiter(ids.values(), np.float32, len(ids))


class Pieces:
    """The pieces of words; those of a word that was seen are remembered while this lives."""

    def __init__(self) -> None:
        self._known: dict[str, list[int]] = {}

    def of(self, words: Sequence[str]) -> tuple[list[int], list[int], list[int]]:
        """For each channel, what is in a folded message, as often as it is."""
        beside = zip(("^", *words), (*words, "$"), strict=True)
        return (
            [piece for word in words for piece in self.of_word(word)],
            [whole(word) for word in words],
            [_hash(f"v{word} {other}") for word, other in beside],
        )

    def of_word(self, word: str) -> list[int]:
        """The pieces of one word."""
        known = self._known.get(word)
        if known is None:
            padded = f" {word} "
            lengths = range(SHORTEST, min(LONGEST, len(padded) - 1) + 1)
            parts = [padded[place : place + length] for length in lengths for place in range(len(padded) - length + 1)]
            known = [_hash(f"p{part}") for part in (*parts, padded)]
            self._known[word] = known
        return known


def whole(word: str) -> int:
    """A word as one piece."""
    return _hash(f"w{word}")


def _hash(name: str) -> int:
    return zlib.crc32(name.encode("utf-8", "surrogatepass"))
