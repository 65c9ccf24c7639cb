"""In which lines of what is said the parts of an expected text stand: there, it can be shown in another language.

A part counts for the whole of every line that it reaches into.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bot.workshop.transcripts import ANYTHING, matches


def places_of(expected: str, lines: Sequence[str]) -> list[int | None] | None:
    """The places of the lines in which the parts of an expected text stand, None for anything between them; or nothing
    where it was not said so."""
    text = " ".join(lines)
    if not matches(expected, text):
        return None
    spans = list(_spans(lines))
    found: list[int | None] = []
    at = 0
    first, *others = (" ".join(piece.split()) for piece in expected.replace("…", ANYTHING).split(ANYTHING))
    for number, piece in enumerate((first, *others)):
        if number:
            found.append(None)
        begin = len(text) - len(piece) if number and number == len(others) else text.index(piece, at)
        at = begin + len(piece)
        if piece:
            found += [place for place, (start, end) in enumerate(spans) if start < at and begin < end]
    return _once(found)


def _once(places: Sequence[int | None]) -> list[int | None]:
    """Each line once, and nothing in between where lines follow each other or two parts stand in one."""
    kept: list[int | None] = []
    for place in places:
        before = next((other for other in reversed(kept) if other is not None), None)
        if place is None:
            kept += [None] if not kept or kept[-1] is not None else []
        elif place != before:
            if kept and kept[-1] is None and before is not None and place == before + 1:
                kept.pop()
            kept.append(place)
    return kept


def _spans(lines: Sequence[str]) -> Iterator[tuple[int, int]]:
    at = 0
    for line in lines:
        yield at, at + len(line)
        at += len(line) + 1
