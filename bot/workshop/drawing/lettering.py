"""How wide a text is, and how it breaks into lines.

Without a font this can only be guessed: each letter is taken as wide as in a wide one, so that a text stays in its box.
"""

from __future__ import annotations

import unicodedata

_NARROW, _WIDE = frozenset("iIjlftr.,:;!|'\"()[]`·-/ "), frozenset("mwMWQO@%—…")
_NARROW_EM, _LETTER_EM, _CAPITAL_EM, _WIDE_EM = 0.4, 0.62, 0.74, 1.0
_NOTHING = {"Mn", "Me", "Cf"}


def width(text: str, size: float) -> float:
    """How wide one line is, in the unit of `size`."""
    return size * sum(map(_ems, text))


def wrap(text: str, widest: float, size: float) -> list[str]:
    """The text in lines of at most this width; a word that is wider is broken."""
    lines: list[str] = []
    line = ""
    for word in text.split():
        longer = f"{line} {word}" if line else word
        if width(longer, size) <= widest:
            line = longer
            continue
        if line:
            lines.append(line)
        line = word
        while width(line, size) > widest and len(line) > 1:
            cut = _cut(line, widest, size)
            lines.append(line[:cut])
            line = line[cut:]
    return [*lines, line] if line else lines


def shortened(lines: list[str], most: int, widest: float, size: float) -> list[str]:
    """The first of these lines; where that is not all, the last ends in an ellipsis."""
    if len(lines) <= most:
        return lines
    last = lines[most - 1]
    while last and width(f"{last}…", size) > widest:
        last = last[:-1]
    return [*lines[: most - 1], f"{last.rstrip()}…"]


def _cut(word: str, widest: float, size: float) -> int:
    cut = 1
    while cut < len(word) and width(word[: cut + 1], size) <= widest:
        cut += 1
    return cut


def _ems(letter: str) -> float:
    if letter in _NARROW:
        return _NARROW_EM
    if unicodedata.category(letter) in _NOTHING:
        return 0
    if letter in _WIDE or unicodedata.east_asian_width(letter) in "WF":
        return _WIDE_EM
    return _CAPITAL_EM if letter.isupper() else _LETTER_EM
