"""What a reply means: the number of an option, its words, or one of the words understood everywhere.

Only whole messages count: "not yes" is not yes, and `10` is not `1`. Two spellings that people do not tell apart are
made one by `fold`; whatever is compared has gone through it.
"""

from __future__ import annotations

import string
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from bot.domain import TextId
from bot.flow.model import NO, YES
from bot.flow.phrases import Command

LONGEST = 400  # characters; more is never a number, a label or a word, and folding costs time

_APOSTROPHES = "'`’‘ʼʻʹ´"
_APART = string.punctuation + string.whitespace + "".join(map(chr, range(32))) + chr(127)
_ASCII = str.maketrans({**dict.fromkeys(_APART, " "), **dict.fromkeys(_APOSTROPHES)})
_ANY = str.maketrans(dict.fromkeys(_APOSTROPHES))
_SAME_LETTER = {
    **dict.fromkeys(_APOSTROPHES, ""),  # those that come out of other characters
    **dict.fromkeys("ٱ", "ا"),  # alef with wasla; the other alefs lose their hamza or madda as a mark
    **dict.fromkeys("ىیېے", "ي"),  # alef maksura, Persian and Urdu yeh
    **dict.fromkeys("کڪ", "ك"),
    **dict.fromkeys("ةەہھ", "ه"),  # teh marbuta is often typed as heh
    "ı": "i",  # the Turkish letter without its dot
    "ـ": "",  # tatweel only stretches
}
_DROPPED = {"Mn", "Me", "Cf", "Cs"}  # accents and vowel marks, keycaps, direction controls, halves of a character
_KEPT = "LNM"  # letters, numbers and marks that are letters' own; all else sets words apart


@dataclass(frozen=True, slots=True)
class Tables:
    """What CLDR knows of one language; every name and word is folded.

    `months` are names, `in_dates` other words that stand in dates; `joints` stand between two answers, `prefixes` are
    joints that are written together with the second.
    """

    months: Mapping[str, int] = field(default_factory=dict)
    in_dates: frozenset[str] = frozenset()
    countries: frozenset[str] = frozenset()
    joints: frozenset[str] = frozenset()
    prefixes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Lexicon:
    """What the engine has to know of one language: the labels of options, the words understood everywhere, CLDR's."""

    labels: Mapping[TextId, str]
    words: Mapping[str, tuple[str, ...]]
    tables: Tables = field(default_factory=Tables)


def fold(text: str) -> str:
    """The text without case, accents, direction marks and punctuation, digits in ASCII, one space between words."""
    if text.isascii():
        return " ".join(text.lower().translate(_ASCII).split())
    # once before casefold for capitals in disguise (full-width, ligatures), once after for what it brings
    text = unicodedata.normalize("NFKD", text.translate(_ANY))
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return " ".join("".join(map(_folded, decomposed)).split())


def number(text: str) -> int | None:
    """The whole number that is all of the text, in any digits: "2.", "(2)" and "٢" are 2."""
    folded = fold(text) if len(text) <= LONGEST else ""
    return int(folded) if folded.isdecimal() and len(folded) <= 4 else None


def answers(options: Sequence[tuple[str, str]], words: Mapping[str, tuple[str, ...]]) -> Mapping[str, str]:
    """From each folded reply that answers a question to its outcome. `options`: outcome and label, in order.

    Options called `yes` and `no` are also answered by those words. What two options share means neither of them; the
    numbers that are shown go before labels that are numbers themselves.
    """
    names = {name for name, _ in options}
    labels = [(fold(label), name) for name, label in options]
    taken = {label for label, _ in labels}
    said = [(fold(word), name) for name in (YES, NO) if name in names for word in words.get(name, ())]
    table = _told_apart(labels) | _told_apart([(word, name) for word, name in said if word not in taken])
    for place, (label, name) in enumerate(labels, 1):
        table[f"{place} {label}"] = name  # the line as it was shown
        table[str(place)] = name
    return table


def commands(words: Mapping[str, tuple[str, ...]]) -> Mapping[str, Command]:
    """From each folded word to the command that it is. Of two commands with the same word, the first in `Command`."""
    said = [(fold(word), command) for command in Command for word in words.get(command, ())]
    return {word: command for word, command in reversed(said) if word}


def _told_apart(pairs: Sequence[tuple[str, str]]) -> dict[str, str]:
    meant: dict[str, set[str]] = {}
    for folded, name in pairs:
        meant.setdefault(folded, set()).add(name)
    return {folded: names.pop() for folded, names in meant.items() if folded and len(names) == 1}


def _folded(character: str) -> str:
    if character in _SAME_LETTER:
        return _SAME_LETTER[character]
    category = unicodedata.category(character)
    if category in _DROPPED:
        return ""
    if category == "Nd":
        return str(unicodedata.decimal(character))
    return character if category[0] in _KEPT else " "
