"""How people ask, as operators wrote it down in each language: for entries of the FAQ and for none; words alike."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # the library that holds these is defined beside the mark
    from bot.flow.model import Mark


@dataclass(frozen=True, slots=True)
class Said:
    """A message as somebody may write it, or words of one, and where it stands."""

    text: str
    mark: Mark = field(compare=False)


@dataclass(frozen=True, slots=True)
class Phrasings:
    """One file of phrasings.

    `questions` has, for entries of the FAQ, other ways in which people ask for them; `none` are messages that ask for
    no entry; `incidents` are words, or beginnings of words, that only the report of an incident has.
    """

    questions: Mapping[str, tuple[Said, ...]] = field(default_factory=dict)
    none: tuple[Said, ...] = ()
    incidents: tuple[Said, ...] = ()

    def asked(self) -> Iterator[tuple[str, Said]]:
        """Every phrasing of an entry, with its key."""
        for key, said in self.questions.items():
            for one in said:
                yield key, one


@dataclass(frozen=True, slots=True)
class Topics:
    """One file of topics: words of one language that mean the same, under a name that every language shares.

    A word that ends in `*` is the beginning of words. `also` are languages whose words count in this one too,
    `prefixes` what is written together with the word behind it.
    """

    words: Mapping[str, tuple[str, ...]]
    also: tuple[str, ...] = ()
    prefixes: tuple[str, ...] = ()
