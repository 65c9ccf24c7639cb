from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bot.flow.phrases import Command
from bot.flow.understand import answers, commands, fold, number

WORDS = {"yes": ("yes", "y", "si, claro"), "no": ("no",)}


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("2", 2),
        ("2.", 2),
        ("(2)", 2),
        ("2)", 2),
        (" 2 ", 2),
        ("#2", 2),
        ("02", 2),
        ("10", 10),
        ("٢", 2),  # Arabic-Indic
        ("١٠", 10),
        ("۲", 2),  # Persian
        ("२", 2),  # Devanagari
        ("２", 2),  # full-width
        ("②", 2),
        ("2️⃣", 2),  # keycap emoji
        ("\u200f٢\u200e", 2),  # direction marks
        ("2\u00a0", 2),
        ("1 2", None),
        ("1,2", None),
        ("1.5", None),
        ("½", None),
        ("two", None),
        ("2 please", None),
        ("", None),
        ("99999", None),
        ("1" * 5000, None),
    ],
)
def test_a_number_is_the_whole_message_in_any_digits(written: str, meant: int | None) -> None:
    assert number(written) == meant


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("YES", "yes"),
        ("Yes!", "yes"),
        ("  yes \n", "yes"),
        ("«yes»", "yes"),
        ("Sí", "si"),
        ("Français", "francais"),
        ("STRASSE", "straße"),
        ("ＹＥＳ", "yes"),
        ("l’aide", "l'aide"),
        ("İSTANBUL", "istanbul"),
        ("ışık", "isik"),
        ("e-mail", "e mail"),
        ("yes 👍", "yes"),
        ("أنا", "انا"),  # alef with hamza
        ("إلى", "الي"),  # alef with hamza below, alef maksura
        ("آخر", "اخر"),  # alef with madda
        ("ٱسم", "اسم"),  # alef with wasla
        ("علی", "علي"),  # Persian yeh
        ("کتاب", "كتاب"),  # Persian kaf
        ("مساعدة", "مساعده"),  # teh marbuta
        ("نـــعم", "نعم"),  # tatweel
        ("نَعَمْ", "نعم"),  # vowel marks
        ("نعم،", "نعم"),  # Arabic comma
        ("\u202bنعم\u202c", "نعم"),  # embedding
        ("\u2067نعم\u2069", "نعم"),  # isolate
        ("ﻧﻌﻢ", "نعم"),  # presentation forms
    ],
)
def test_spellings_that_people_do_not_tell_apart_are_one(one: str, other: str) -> None:
    assert fold(one) == fold(other)


@pytest.mark.parametrize(
    ("one", "other"), [("no", "now"), ("not yes", "yes"), ("1", "10"), ("yes no", "yes"), ("لا", "الا")]
)
def test_what_people_tell_apart_stays_apart(one: str, other: str) -> None:
    assert fold(one) != fold(other)


@given(st.text(max_size=40))
@example("\ud800")
@example("´`ͺ")
def test_folding_again_changes_nothing(text: str) -> None:
    assert fold(fold(text)) == fold(text)


@given(st.text(max_size=40))
@example("")
def test_whatever_is_written_a_number_is_a_number_or_nothing(text: str) -> None:
    assert number(text) is None or 0 <= number(text) <= 9999


ELEVEN = [(f"option_{place}", f"The {place}th") for place in range(1, 12)]


@pytest.mark.parametrize("place", [1, 9, 10, 11])
def test_ten_is_not_one(place: int) -> None:
    assert answers(ELEVEN, WORDS)[str(place)] == f"option_{place}"


@pytest.mark.parametrize("written", ["0", "12", "111"])
def test_a_number_that_is_not_shown_answers_nothing(written: str) -> None:
    assert written not in answers(ELEVEN, WORDS)


def test_an_option_is_answered_by_its_words_and_by_the_line_that_shows_it() -> None:
    table = answers([("account", "An account, for example email"), ("device", "A phone")], WORDS)
    assert table[fold("an ACCOUNT, for example: email.")] == "account"
    assert table[fold("2. A phone")] == "device"
    assert fold("1. A phone") not in table
    assert fold("phone") not in table


def test_yes_and_no_are_also_answered_by_the_words_for_them() -> None:
    table = answers([("yes", "Yes, go on"), ("no", "No, stop"), ("unsure", "I am not sure")], WORDS)
    assert (table["y"], table["si claro"], table["no"]) == ("yes", "yes", "no")
    assert "not yes" not in table


def test_other_options_are_not_answered_by_yes_or_no() -> None:
    assert "yes" not in answers([("go", "Go on"), ("stay", "Stay")], WORDS)


def test_a_label_goes_before_a_word_for_yes() -> None:
    assert answers([("yes", "Yes"), ("other", "Y")], WORDS)["y"] == "other"


def test_a_label_that_two_options_share_means_neither_but_their_numbers_do() -> None:
    table = answers([("one", "Same"), ("two", "same!"), ("three", "Other")], WORDS)
    assert "same" not in table
    assert (table["1"], table["2"], table["other"]) == ("one", "two", "three")


def test_the_shown_number_goes_before_a_label_that_is_a_number() -> None:
    table = answers([("few", "2"), ("more", "10")], WORDS)
    assert (table["2"], table["10"]) == ("more", "more")


def test_an_empty_label_answers_nothing() -> None:
    assert "" not in answers([("one", "!"), ("two", "?")], WORDS)


def test_of_two_commands_with_one_word_the_first_is_meant() -> None:
    assert commands({"stop": ("halt",), "help": ("halt", "aid")}) == {"halt": Command.HELP, "aid": Command.HELP}
