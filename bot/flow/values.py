"""Whether words are what a question asks for: an address, a number, a link, a name of an account, a date, a country.

Each test is generous: it catches what was meant for another question, or typed by mistake. What passes is kept as it
was written, and people read it.
"""

from __future__ import annotations

import re
import unicodedata
from calendar import monthrange
from typing import assert_never

from bot.flow.sorts import Kind
from bot.flow.understand import Tables, fold

LONGEST_VALUE = 1_000  # characters: more is never one of these, and looking at it costs time

_EMAIL = re.compile(r"[^\s@<>()\"]+@[^\s@<>()\".]+(?:\.[^\s@<>()\".]+)+")
_PHONE = re.compile(r"\+?\d{5,15}")
_BETWEEN_DIGITS = re.compile(r"[\s()./-]")
_URL = re.compile(r"(?:h(?:tt|xx)ps?://)?(?:[^\s/@:.]+\.)+[^\s/@:.\d]{2,}(?::\d+)?(?:[/?#]\S*)?", re.IGNORECASE)
_MANGLED_DOT = re.compile(r"\[\.\]|\(\.\)")  # how a link is written so that nobody opens it by mistake
_HANDLE = re.compile(r"\S{1,100}")
_YEARS = range(1300, 2700)  # in the calendars that are in use
_GREGORIAN = range(1900, 2101)
_LEAP = 2000
_LITTLE = 2  # letters: "of", "de", "3rd"


def fits(kind: Kind, words: str, tables: Tables) -> bool:
    """Whether these words are of this kind, in the language of the tables."""
    if kind is Kind.TEXT:
        return True
    if len(words) > LONGEST_VALUE:
        return False
    shown = "".join(letter for letter in words.strip() if unicodedata.category(letter) != "Cf")
    match kind:
        case Kind.EMAIL:
            return _EMAIL.fullmatch(shown) is not None
        case Kind.PHONE:
            return _PHONE.fullmatch(_BETWEEN_DIGITS.sub("", shown)) is not None
        case Kind.URL:
            return _URL.fullmatch(_MANGLED_DOT.sub(".", shown)) is not None
        case Kind.HANDLE:
            return _HANDLE.fullmatch(shown) is not None and any(map(str.isalnum, shown))
        case Kind.DATE:
            return _is_date(fold(shown), tables)
        case Kind.COUNTRY:
            return fold(shown) in tables.countries
        case _:
            assert_never(kind)


def _is_date(folded: str, tables: Tables) -> bool:
    """Day, month and year in any order that makes sense; with the name of the month, the day or the year is enough."""
    named = None
    for name in sorted(tables.months, key=len, reverse=True):
        without = re.sub(rf"(?<!\w){re.escape(name)}(?!\w)", " ", folded, count=1)
        if without != folded:
            named, folded = tables.months[name], without
            break
    numbers, words = re.findall(r"\d+", folded), re.findall(r"[^\d\s]+", folded)
    if any(word not in tables.in_dates and len(word) > _LITTLE for word in words):
        return False
    parts = [int(number) for number in numbers if len(number) in (1, 2, 4)]
    if len(parts) != len(numbers):
        return False
    match named, parts:
        case None, [first, second, third]:
            orders = ((first, second, third), (third, second, first), (third, first, second))
            return any(_exists(*order) for order in orders)
        case int(month), [one]:
            return _exists(None, month, one) or one in _YEARS
        case int(month), [one, other]:
            return _exists(one, month, other) or _exists(other, month, one)
        case _:
            return False


def _exists(year: int | None, month: int, day: int) -> bool:
    if year is not None and year < 100:
        year += 2000
    if (year is not None and year not in _YEARS) or month not in range(1, 13):
        return False
    # other calendars have other months; without a year, a leap day may be meant
    reckoned = _LEAP if year is None else year
    return 1 <= day <= (monthrange(reckoned, month)[1] if reckoned in _GREGORIAN else 31)
