"""What cannot be told apart among phrasings: one under two entries, and one with a word that only incidents have."""

from __future__ import annotations

from collections.abc import Iterator

from bot.flow.incidents import Incidents
from bot.flow.model import Library, Mark, Problem, Severity
from bot.flow.phrasings import Phrasings
from bot.flow.positions import one_line
from bot.flow.understand import fold

_NONE = "none"


def alike(library: Library) -> Iterator[Problem]:
    """Every warning about the phrasings of a library."""
    for phrasings in library.phrasings.values():
        yield from _twice(phrasings)
        yield from _hit(phrasings)


def _twice(phrasings: Phrasings) -> Iterator[Problem]:
    first: dict[str, tuple[str, Mark]] = {}
    for key, said in (*phrasings.asked(), *((_NONE, said) for said in phrasings.none)):
        other, mark = first.setdefault(fold(said.text), (key, said.mark))
        if other != key:
            message = (
                f"'{said.text}' stands under '{key}' and, in line {mark.line}, under '{other}'; nobody can know "
                "which is meant. Keep one"
            )
            yield Problem(said.mark, Severity.WARNING, "same-phrasing", one_line(message))


def _hit(phrasings: Phrasings) -> Iterator[Problem]:
    """Asked word for word it is answered all the same, but nothing that is like it."""
    words = [(word, Incidents([word.text])) for word in phrasings.incidents]
    for key, said in phrasings.asked():
        folded = fold(said.text)
        word = next((word for word, found in words if found.found(folded)), None)
        if word is not None:
            message = (
                f"'{said.text}' stands under '{key}', but has '{word.text}' of 'incidents' (line {word.mark.line}): "
                "what is like it is taken for the report of an incident, and not answered"
            )
            yield Problem(said.mark, Severity.WARNING, "incident-phrasing", one_line(message))
