"""What somebody set in bold is bold on the other side; whatever else they wrote stays as it is."""

from __future__ import annotations

import html
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.channels.matrix.marks import FORMAT, MOST_STYLES, TAGS, in_html, read_styled
from bot.domain import Look, Style

BOLD, ITALIC, STRIKE, MONO = Look


def read(body: object, formatted: object, form: object = FORMAT) -> tuple[str, tuple[Style, ...]] | None:
    return read_styled({"msgtype": "m.text", "body": body, "format": form, "formatted_body": formatted})


@pytest.mark.parametrize(
    ("body", "formatted", "text", "styles"),
    [
        ("do **not** reply", "do <strong>not</strong> reply", "do not reply", [(BOLD, 3, 3)]),
        ("do __not__ reply", "do <b>not</b> reply", "do not reply", [(BOLD, 3, 3)]),
        ("*now* or _later_", "<em>now</em> or <i>later</i>", "now or later", [(ITALIC, 0, 3), (ITALIC, 7, 5)]),
        ("~~old~~ new", "<p><del>old</del> new</p>", "old new", [(STRIKE, 0, 3)]),
        ("run `a_b*c` & go", "run <code>a_b*c</code> &amp; go", "run a_b*c & go", [(MONO, 4, 5)]),
        (
            "**very *very* so**",
            "<strong>very <em>very</em> so</strong>",
            "very very so",
            [(BOLD, 0, 12), (ITALIC, 5, 4)],
        ),
        ("my_file_name **is** it", "my_file_name <strong>is</strong> it", "my_file_name is it", [(BOLD, 13, 2)]),
        ("**one**\n\ntwo", "<p><strong>one</strong></p>\n<p>two</p>\n", "one\n\ntwo", [(BOLD, 0, 3)]),
        ("👋 **سلام**", "👋 <strong>سلام</strong>", "👋 سلام", [(BOLD, 2, 4)]),
    ],
)
def test_marks_that_were_shown_as_styles_are_styles(
    body: str, formatted: str, text: str, styles: list[tuple[Look, int, int]]
) -> None:
    assert read(body, formatted) == (text, tuple(Style(*style) for style in styles))


@pytest.mark.parametrize(
    ("body", "formatted"),
    [
        ("2*3*4", "2*3*4"),  # it was not shown so
        ("2 * 3", "2 * 3"),
        ("a*b **c**", "a*b <strong>c</strong>"),  # one mark that is none: all of it stays
        ("\\*a\\* **b**", "*a* <strong>b</strong>"),
        ("**a**", "<strong>b</strong>"),  # what it says is not what is shown
        ("**a**", "<em>a</em>"),
        ("**a** b", "<strong>a b</strong>"),
        ("**a**", "<strong>a</strong><a href='https://example.org'>!</a>"),
        ("**a**", "<strong>a"),
        ("**a**", "a</strong>"),
        ("**a**", "<strong><em>a</strong></em>"),
        ("**a**", "<strong onclick='x'>a</strong>"),
        ("**a**", "<!-- --><strong>a</strong>"),
        ("**a**", "<"),
        ("**a**", ""),
        ("plain", "plain"),
        ("", ""),
        ("**a**", None),
        ("**a**", 5),
        (None, "<strong>a</strong>"),
    ],
)
def test_whatever_else_was_written_is_left_as_it_is(body: object, formatted: object) -> None:
    assert read(body, formatted) is None


@pytest.mark.parametrize("form", [None, "", "text/html", 5])
def test_marks_of_what_does_not_say_that_it_is_formatted_are_left_as_they_are(form: object) -> None:
    assert read("**a**", "<strong>a</strong>", form) is None


def test_more_styles_than_anybody_sets_are_left_as_they_are() -> None:
    for number, found in ((MOST_STYLES, True), (MOST_STYLES + 1, False)):
        read_ = read("**a** " * number, "<strong>a</strong> " * number)
        assert (read_ is not None) is found


STYLES = st.lists(st.builds(Style, st.sampled_from(Look), st.integers(0, 30), st.integers(0, 30)), max_size=8)


@given(st.text(), STYLES)
def test_whatever_is_set_in_styles_its_html_says_the_same_and_nothing_else(text: str, styles: list[Style]) -> None:
    made = in_html(text, styles)
    tags = "|".join(TAGS.values())
    assert html.unescape(re.sub(f"</?({tags})>", "", made).replace("<br/>", "\n")) == html.unescape(
        html.escape(text, quote=False)
    )
    assert re.fullmatch(f"(</?({tags})>|<br/>|[^<>])*", made)


@given(st.text("ab *_~`\\<&\n"), st.text("ab</>strong em&;p"))
def test_whatever_comes_is_read_or_left_as_it_is(body: str, formatted: str) -> None:
    found = read(body, formatted)
    assert found is None or "".join(found[0].split()) == "".join(
        html.unescape(re.sub("<[^>]*>", "", formatted)).split()
    )


@given(st.text("ab c", min_size=1), st.sampled_from([("**", BOLD), ("*", ITALIC), ("~~", STRIKE), ("`", MONO)]))
def test_what_we_set_in_styles_is_read_as_it_was(word: str, mark: tuple[str, Look]) -> None:
    sign, look = mark
    text, styles = f"so {word} it is", (Style(look, 3, len(word)),)
    if word.strip():
        assert read(f"so {sign}{word}{sign} it is", in_html(text, styles)) == (text, styles)
