"""What a reply means as the answer to one question: an answer, why it does not fit, or what was perhaps meant."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches

from bot.domain import Attachment, TextId
from bot.flow import phrases
from bot.flow.machine import State, StateStep
from bot.flow.model import ANSWERED, ATTACHED, CHOSEN, AskStep, ConsentStep, SeveralStep
from bot.flow.understand import Tables
from bot.flow.values import fits

NEAR = 0.8  # of 1: how much of a label must be there to ask whether it was meant
SHORTEST_NEAR = 4  # letters: below that, another word is as near as a slip
LONGEST_NEAR = 80  # characters: comparing costs time


@dataclass(frozen=True, slots=True)
class Taken:
    """An answer: its outcome, and what such an outcome has beside it."""

    outcome: str
    words: str | None = field(default=None, repr=False)
    chosen: tuple[str, ...] = ()
    file: Attachment | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Unfit:
    """An answer that is none, and the text that says why."""

    why: TextId


Read = Taken | Unfit | None


def chosen(step: StateStep, outcome: str) -> Read:
    """The answer that one option is."""
    return together(step, (outcome,)) if isinstance(step, SeveralStep) else Taken(outcome)


def together(step: SeveralStep, names: Iterable[str]) -> Taken | Unfit:
    """The answer that these options are, in the order in which they are shown."""
    named = set(names)
    found = tuple(option.name for option in step.options if option.name in named)
    alone = [name for name in found if name in step.alone]
    if alone and len(found) > 1:
        return Unfit(phrases.SEVERAL_ALONE)
    if alone:
        return Taken(alone[0])
    if not step.least <= len(found) <= step.most:
        return Unfit(phrases.SEVERAL_COUNT)
    return Taken(CHOSEN, chosen=found)


def several(state: State, table: Mapping[str, str], folded: str, tables: Tables) -> Read:
    """Several options in one reply, where a question takes them."""
    if not isinstance(state.step, SeveralStep):
        return None
    names = named(folded, table, tables)
    return together(state.step, names) if names else None


def in_words(step: StateStep, text: str, tables: Tables) -> Read:
    """An answer in one's own words, where a question takes them."""
    words = text.strip()
    if not isinstance(step, AskStep) or not words:
        return None
    if step.longest is not None and len(words) > step.longest:
        return Unfit(step.error or phrases.UNFIT_LONG)
    if not fits(step.kind, words, tables):
        return Unfit(step.error or phrases.UNFIT[step.kind])
    return Taken(ANSWERED, words)


def attached(file: Attachment) -> Taken:
    """The answer that a file is; it is shown by its name."""
    return Taken(ATTACHED, file.name or file.kind.value, file=file)


def perhaps(state: State, table: Mapping[str, str], folded: str, tables: Tables) -> tuple[str, ...]:
    """The options that were perhaps meant: several named at once, or those whose words are nearly these.

    Never for a consent: what is nearly a yes is none.
    """
    if isinstance(state.step, ConsentStep) or not table or not folded:
        return ()
    if not isinstance(state.step, SeveralStep):
        both = tuple(dict.fromkeys(named(folded, table, tables)))
        if len(both) > 1:
            return both
    if not SHORTEST_NEAR <= len(folded) <= LONGEST_NEAR:
        return ()
    labels = [label for label in table if len(label) >= SHORTEST_NEAR and not label[0].isdecimal()]
    return tuple(dict.fromkeys(table[label] for label in get_close_matches(folded, labels, n=3, cutoff=NEAR)))


def named(folded: str, table: Mapping[str, str], tables: Tables) -> tuple[str, ...]:
    """The options that this names one after the other, where it names nothing else; each by its number or words."""
    joints = "|".join(map(re.escape, (*tables.joints, *tables.prefixes)))
    if joints:
        folded = re.sub(rf"(?<=\d)(?:{joints})(?=\d)", " ", folded)
    words = folded.split()
    longest = max((label.count(" ") for label in table), default=0) + 1
    found = []
    place = 0
    while place < len(words):
        option, end = _first(words, place, longest, table, tables.prefixes)
        if option is not None:
            found.append(option)
        elif words[place] not in tables.joints:
            return ()
        place = end
    return tuple(found)


def _first(
    words: list[str], place: int, longest: int, table: Mapping[str, str], prefixes: tuple[str, ...]
) -> tuple[str | None, int]:
    """The option that is named from here on, by as many words as can be; and the place behind it."""
    for end in range(min(len(words), place + longest), place, -1):
        for label in _spellings(" ".join(words[place:end]), prefixes):
            option = table.get(label) or table.get(label.lstrip("0"))
            if option is not None:
                return option, end
    return None, place + 1


def _spellings(label: str, prefixes: tuple[str, ...]) -> Iterator[str]:
    yield label
    for prefix in prefixes:
        if label.startswith(prefix):
            yield label.removeprefix(prefix).lstrip()
