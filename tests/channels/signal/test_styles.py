"""Signal counts as UTF-16 does: an emoji is two."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.channels.signal.styles import MOST_STYLES, NAMES, read, told
from bot.domain import Look, Style

FIRST = settings(suppress_health_check=[HealthCheck.too_slow])  # on a new machine a list of all characters is made
TEXTS = st.text(st.characters(exclude_categories=["Cs"]))


def as_told(styles: list[str]) -> list[dict[str, Any]]:
    """As the daemon would tell of them again."""
    parts = [style.split(":") for style in styles]
    return [{"start": int(start), "length": int(length), "style": name} for start, length, name in parts]


def test_an_emoji_counts_as_two() -> None:
    text = "👋 hello 👋"
    assert told(text, [Style(Look.BOLD, 2, 5), Style(Look.ITALIC, 8, 1)]) == ["3:5:BOLD", "9:2:ITALIC"]
    assert read(text, [{"start": 3, "length": 5, "style": "BOLD"}]) == (Style(Look.BOLD, 2, 5),)


@FIRST
@given(TEXTS, st.sampled_from(Look), st.integers(0, 20), st.integers(1, 20))
def test_a_style_comes_back_where_it_was(text: str, look: Look, start: int, length: int) -> None:
    inside = text[start : start + length]
    expected = (Style(look, start, len(inside)),) if inside else ()
    assert read(text, as_told(told(text, [Style(look, start, length)]))) == expected


@FIRST
@given(TEXTS, st.lists(st.dictionaries(st.text(), st.none() | st.integers() | st.text()) | st.integers()))
def test_whatever_is_told_of_styles_is_read_or_left_out(text: str, styles: list[Any]) -> None:
    assert read(text, styles) == ()


@FIRST
@given(TEXTS, st.integers(), st.integers(), st.sampled_from([*NAMES.values(), "SPOILER"]))
def test_a_style_lies_within_its_text(text: str, start: int, length: int, name: str) -> None:
    for style in read(text, [{"start": start, "length": length, "style": name}]):
        assert 0 <= style.start < len(text)
        assert 0 < style.length <= len(text) - style.start


@pytest.mark.parametrize("styles", [None, "BOLD", 5, {}, [None], [{"style": "BOLD", "start": True, "length": 1}]])
def test_what_is_no_list_of_styles_is_none(styles: object) -> None:
    assert read("hello", styles) == ()


def test_so_many_styles_are_none_that_anybody_set() -> None:
    assert len(read("a" * 500, [{"start": n, "length": 1, "style": "BOLD"} for n in range(500)])) == MOST_STYLES
