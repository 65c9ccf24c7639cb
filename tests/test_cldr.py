"""Dates, countries and the like, in the language of whoever writes."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from bot.cldr import moment, tables
from bot.flow.model import Kind
from bot.flow.reading import named
from bot.flow.understand import Tables
from bot.flow.values import fits

GOOD = {
    Kind.EMAIL: ("name@example.org", " a.b+c@mail.example.org ", "имя@пример.рф", "\u2068name@example.org\u2069"),
    Kind.PHONE: ("+49 30 901820", "030/901820", "٠٣٠٩٠١٨٢٠", "(030) 90-18-20", "۰۳۰۹۰۱۸۲۰"),
    Kind.URL: ("example.org", "https://example.org/a?b#c", "hxxps://bad.example[.]org/x", "sub.example.org:8443/"),
    Kind.HANDLE: (
        "@amira",
        "amira_81",
        "@amira@mastodon.example",
        "@amira:example.org",
        "https://example.org/amira",
        "أميرة",
    ),
    Kind.DATE: ("2026-03-31", "31.3.2026", "3/31/26", "31 March 2026", "March 31st, 2026", "3rd of March", "Mar 2026"),
    Kind.COUNTRY: ("Spain", "spain!", "ES", "Côte d’Ivoire", "cote d'ivoire"),
}
BAD = {
    Kind.EMAIL: ("", "amira", "amira@", "amira@example", "a b@example.org", "amira@example.org, b@example.org", "@a.b"),
    Kind.PHONE: ("", "call me", "12", "1" * 16, "+", "030-CALL"),
    Kind.URL: ("", "example", "http://", "not a link", "name@example.org", "1.5", "192.168.1.1"),
    Kind.HANDLE: ("", "@", "two words", "!!!", "x" * 101),
    Kind.DATE: ("", "yesterday", "31.2.2026", "13.13.2026", "2026", "March", "99", "1/2/3/4", "31 April", "123.4.2026"),
    Kind.COUNTRY: ("", "Atlantis", "S", "Spain and France"),
}


@pytest.fixture(scope="module")
def english() -> Tables:
    return tables("en")


@pytest.mark.parametrize(("kind", "words"), [(kind, words) for kind, some in GOOD.items() for words in some])
def test_what_is_meant_as_this_kind_fits(english: Tables, kind: Kind, words: str) -> None:
    assert fits(kind, words, english)


@pytest.mark.parametrize(("kind", "words"), [(kind, words) for kind, some in BAD.items() for words in some])
def test_what_is_of_another_kind_does_not_fit(english: Tables, kind: Kind, words: str) -> None:
    assert not fits(kind, words, english)


@pytest.mark.parametrize("kind", Kind)
def test_endless_words_are_looked_at_in_no_time(english: Tables, kind: Kind) -> None:
    for words in ("a" * 200_000, "1" * 200_000, "a." * 100_000, "a@" * 100_000):
        assert fits(kind, words, english) == (kind is Kind.TEXT)


@pytest.mark.parametrize(
    ("locale", "written"),
    [
        ("es", "3 de marzo de 2026"),
        ("es", "martes, 3 de marzo"),
        ("ar", "٣ مارس ٢٠٢٦"),
        ("ar", "الثلاثاء ٣ مارس"),
        ("fr", "le 3 août 2026"),
        ("ru", "3 марта 2026 г."),
        ("ru", "март 2026"),
        ("zh", "2026年3月3日"),
        ("tr", "3 Ağustos 2026"),
        ("fa", "۳ مارس ۲۰۲۶"),
        ("fa", "۱۴۰۴/۱۲/۱۲"),  # their own calendar, in numbers
    ],
)
def test_dates_are_understood_as_a_language_writes_them(locale: str, written: str) -> None:
    assert fits(Kind.DATE, written, tables(locale))


@pytest.mark.parametrize(
    ("locale", "country"), [("es", "Alemania"), ("ar", "مصر"), ("fa", "آلمان"), ("tr", "Almanya"), ("tr", "Germany")]
)
def test_countries_are_understood_in_the_language_and_in_english(locale: str, country: str) -> None:
    assert fits(Kind.COUNTRY, country, tables(locale))


def test_the_tables_of_a_language_do_not_depend_on_those_that_were_asked_for_before() -> None:
    for locale in ("zh", "pt", "ar", "ru"):
        tables(locale)
    months = tables("pt").months
    assert {"janeiro": 1, "dezembro": 12}.items() <= months.items()
    assert all(name.isascii() for name in months)


OPTIONS = {"1": "one", "2": "two", "10": "ten", "red and blue": "one", "red": "two"}


@pytest.mark.parametrize(
    ("locale", "folded", "meant"),
    [
        ("en", "1 and 2", ("one", "two")),
        ("en", "1 10", ("one", "ten")),
        ("en", "10", ("ten",)),
        ("en", "red and blue", ("one",)),  # as many words as can be
        ("en", "red and red and blue", ("two", "one")),
        ("en", "1 and 3", ()),
        ("en", "not 1", ()),
        ("en", "and", ()),
        ("en", "", ()),
        ("es", "1 y 2", ("one", "two")),
        ("es", "1 and 2", ()),
        ("ar", "1 و2", ("one", "two")),
        ("ar", "1و2", ("one", "two")),
        ("ar", "1 و 2", ("one", "two")),
        ("ar", "2 وred", ("two", "two")),
        ("zh", "1和2", ("one", "two")),
    ],
)
def test_options_are_named_one_after_the_other(locale: str, folded: str, meant: tuple[str, ...]) -> None:
    assert named(folded, OPTIONS, tables(locale)) == meant


@pytest.mark.parametrize(
    ("locale", "said"), [("en", "5 Jan 09:07 UTC"), ("es", "5 ene 09:07 UTC"), ("de", "5 Jan. 09:07 UTC")]
)
def test_a_moment_is_said_in_utc_without_its_year(locale: str, said: str) -> None:
    assert moment(datetime(2026, 1, 5, 9, 7, 59, tzinfo=UTC), locale) == said
