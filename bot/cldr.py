"""What CLDR knows of a language, as tables by which answers are read: months, countries, words between two answers."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import date, datetime, timedelta
from typing import Literal

from babel import Locale
from babel.dates import format_datetime, format_skeleton
from babel.units import format_unit

from bot.flow.understand import Tables, fold

_FIELDS = re.compile(r"[GyYuUrQqMLlwWdDFgEecabBhHKkmsSAzZOvVXx]+")  # the letters of a date pattern
_SOURCE = "en"  # names of countries are understood in this language too
_JOINING = ("standard", "standard-short", "unit", "or", "or-short")
_UNITS = (("week", 604_800), ("day", 86_400), ("hour", 3_600), ("minute", 60), ("second", 1))  # in seconds
_SHORT = {("tl", "hour")}  # where the long form has a plural mark that no speaker uses behind a number
_REGION = re.compile("[A-Z]{2}")


def length_of_time(length: timedelta, code: str) -> str:
    """A length in the largest unit of which it is a whole number, in whole seconds at least: "4 weeks"."""
    seconds = int(length.total_seconds())
    unit, size = next((unit, size) for unit, size in _UNITS if seconds % size == 0)
    form: Literal["short", "long"] = "short" if (code, unit) in _SHORT else "long"
    return format_unit(seconds // size, f"duration-{unit}", form, locale=code)


def moment(at: datetime, code: str) -> str:
    """A moment, to the minute, in UTC and said so; without its year, which could be taken for the number of a case."""
    return format_datetime(at, "d MMM HH:mm 'UTC'", locale=code)


def in_minutes(length: timedelta, code: str) -> str:
    """A length in whole minutes: "90 minutes"."""
    return format_unit(int(length.total_seconds()) // 60, "duration-minute", "long", locale=code)


def month(day: date, code: str) -> str:
    """The month of a day, with its year."""
    return format_skeleton("yMMM", day, locale=code)


def tables(code: str) -> Tables:
    """The tables of one language."""
    locale = Locale.parse(code)
    between = {text for text in _between(locale) if fold(text)}
    return Tables(
        months=_months(locale),
        in_dates=frozenset(_in_dates(locale)),
        countries=frozenset((*_countries(locale), *_countries(Locale.parse(_SOURCE)))),
        joints=frozenset(fold(text) for text in between),
        prefixes=tuple(sorted({fold(text) for text in between if not text[-1].isspace()})),
    )


def _between(locale: Locale) -> Iterator[str]:
    """What stands between two things in a list: "and", "or", commas."""
    for style in _JOINING:
        pattern = locale.list_patterns.get(style, {}).get("2", "")
        found = re.fullmatch(r"\{0\}(.+)\{1\}", pattern)
        if found:
            yield found[1]


def _months(locale: Locale) -> Mapping[str, int]:
    """Their names, as they stand in a date, and alone: "март 2026" beside "3 марта 2026"."""
    in_dates = dict(_named(locale.months["format"], "wide"))
    alone = _named(locale.months["stand-alone"], "wide")
    names = [
        *_named(locale.months["format"], "abbreviated"),
        # Babel can answer with another language's where this one has none of its own: those begin otherwise
        *((month, name) for month, name in alone if in_dates.get(month, "").startswith(name[0])),
        *in_dates.items(),
    ]
    return {name: month for month, name in names if not any(map(str.isdecimal, name))}


def _in_dates(locale: Locale) -> Iterator[str]:
    """Weekdays, and the words that stand between the parts of a date."""
    for style in ("wide", "abbreviated"):
        for _, name in _named(locale.days["format"], style):
            yield from name.split()
    for style in ("full", "long", "medium"):
        pattern = locale.date_formats[style].pattern
        yield from fold(" ".join(re.findall(r"'([^']+)'", pattern))).split()
        yield from fold(_FIELDS.sub(" ", re.sub(r"'[^']*'", " ", pattern))).split()


def _named(names: Mapping[str, Mapping[int, str]], style: str) -> Iterator[tuple[int, str]]:
    for number, name in names[style].items():
        if folded := fold(name):
            yield number, folded


def _countries(locale: Locale) -> Iterator[str]:
    """Their names, and their codes of two letters."""
    for code, name in locale.territories.items():
        if _REGION.fullmatch(code):
            yield fold(code)
            yield fold(name)
