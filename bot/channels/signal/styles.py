"""Styles as Signal counts them, in units of UTF-16, and as we do, in characters. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from bot.domain import Look, Style

MOST_STYLES = 100  # in one message
NAMES = {Look.BOLD: "BOLD", Look.ITALIC: "ITALIC", Look.STRIKE: "STRIKETHROUGH", Look.MONOSPACE: "MONOSPACE"}

_LOOKS = {name: look for look, name in NAMES.items()}


def told(text: str, styles: Iterable[Style]) -> list[str]:
    """The styles of a text as the daemon takes them. What reaches beyond its end is cut off."""
    given = []
    for style in styles:
        before, inside = text[: style.start], text[style.start : style.start + style.length]
        if inside:
            given.append(f"{_units(before)}:{_units(inside)}:{NAMES[style.look]}")
    return given


def read(text: str, styles: object) -> tuple[Style, ...]:
    """What the daemon tells of the styles of a text, as far as it can be true; others, like spoilers, are left out."""
    if not isinstance(styles, Sequence) or isinstance(styles, str):
        return ()
    found = (_read(text, one) for one in styles[:MOST_STYLES])
    return tuple(style for style in found if style is not None)


def _read(text: str, one: Any) -> Style | None:
    if not isinstance(one, Mapping):
        return None
    look, start, length = _LOOKS.get(str(one.get("style"))), one.get("start"), one.get("length")
    if look is None or type(start) is not int or type(length) is not int or start < 0 or length <= 0:
        return None
    units = text.encode("utf-16-le", "surrogatepass")
    first, end = _characters(units[: 2 * start]), _characters(units[: 2 * (start + length)])
    return Style(look, first, end - first) if first < end else None


def _units(text: str) -> int:
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def _characters(units: bytes) -> int:
    """How many characters begin and end in these; half of one at the end is none."""
    return len(units.decode("utf-16-le", "ignore"))
