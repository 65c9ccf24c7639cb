"""What people write in letters of their own or in Latin ones, by its sounds."""

from __future__ import annotations

import pytest

from bot.faq.letters import root, sounded
from bot.flow.understand import fold


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("организация", "organizaciya"),
        ("организация", "organizatsia"),
        ("помощь", "pomoshch"),
        ("помощь", "pomosh"),
        ("что", "chto"),
        ("журналист", "zhurnalist"),
        ("гроші", "hroshi"),
        ("гроші", "groshi"),
        ("безкоштовно", "bezkoshtovno"),
        ("ждать", "zhdat"),
        ("юридическая", "yuridicheskaya"),
        ("можна", "mozhna"),
    ],
)
def test_one_word_in_either_letters_sounds_the_same(one: str, other: str) -> None:
    assert sounded(fold(one)) == sounded(fold(other))


def test_different_words_sound_different() -> None:
    words = ["сколько", "стоит", "где", "кто", "когда", "помощь", "язык", "суд", "интернет"]
    assert len({sounded(word) for word in words}) == len(words)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("خدمة", "khedme"),
        ("خدمة", "5edma"),
        ("مساعدة", "mosa3ade"),
        ("مساعدة", "mosa3da"),
        ("حساب", "7isab"),
        ("صحفي", "sa7afi"),
        ("صحفي", "9a7afi"),
        ("شكرا", "choukra"),
        ("مجاني", "majani"),
    ],
)
def test_one_word_in_arabic_or_latin_letters_has_one_root(one: str, other: str) -> None:
    assert root(fold(one)) == root(fold(other))


def test_different_roots_stay_apart() -> None:
    words = ["خدمة", "مساعدة", "حساب", "صحفي", "مجاني", "لغة", "محامي", "انترنت"]
    assert len({root(fold(word)) for word in words}) == len(words)
    assert root("") == root("و") == ""
