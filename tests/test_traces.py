"""What two answers must have in common to be taken for the same."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.traces import LONGEST_LOOK, MOST_FORMS, forms


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Zaynab", "  ZAYNAB! "),
        ("Zay\u200bnab", "Ｚａｙｎａｂ"),
        ("zaynab@example.org", "Please write to Zaynab <Zaynab@Example.ORG>, she is away until Monday"),
        ("+961 555 0199", "her number is 00961-5550199, and please call her in the evening, not before"),
        ("٠٠٩٦١ ٥٥٥ ٠١٩٩", "(961) 555-0199"),
        ("@zaynab:example.org", "my colleague, who is @Zaynab:example.org on Matrix, knows what I do and for whom"),
        ("https://www.example.org/team/", "you find all of us at example.org/team, where there is a picture of me too"),
        ("@zaynab_k", "on most networks she is called @Zaynab_K, but she does not read messages there any more"),
    ],
)
def test_what_names_the_same_has_something_in_common(one: str, other: str) -> None:
    assert set(forms(one)) & set(forms(other))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Zaynab", "Zaynab K."),
        ("a@example.org", "b@example.org"),
        ("+961 555 0199", "+961 555 0198"),
        ("since 2019", "in 2019"),
        (
            "a friend of mine, who does not want to be named here or anywhere else",
            "a friend of mine, who does not want to",
        ),
        ("ok", "ok"),
        ("", ""),
    ],
)
def test_what_does_not_has_nothing_in_common(one: str, other: str) -> None:
    assert not set(forms(one)) & set(forms(other))


@given(st.text(max_size=200))
def test_whatever_is_written_has_few_forms_and_the_same_each_time(words: str) -> None:
    assert forms(words) == forms(words)
    assert len(forms(words)) <= MOST_FORMS


def test_no_more_is_looked_at_than_an_answer_has() -> None:
    assert forms(" " * LONGEST_LOOK + "zaynab@example.org") == ()
