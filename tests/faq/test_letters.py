"""What people write in Cyrillic or Latin letters, by its sounds."""

from __future__ import annotations

import pytest

from bot.faq.letters import sounded
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
